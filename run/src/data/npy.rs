//! The header of a `.npy` file: what NumPy writes in front of an array's bytes.
//!
//! A magic number, a version, a length, and a Python dictionary with three entries: `descr`, the type of the elements as in
//! `<f4`; `fortran_order`, whether the first index runs fastest; `shape`, a tuple. (NumPy Enhancement Proposal 1.)

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::broken::Broken;
use std::io::Read;
use tensor_quant::graph::ElementType;

/// The longest header that is read; NumPy itself refuses more than 10,000 characters.
const MAX_HEADER: u64 = 1 << 16;
/// The most dimensions: NumPy's own limit.
const MAX_DIMENSIONS: usize = 64;

/// What an array is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) element_type: ElementType,
    pub(super) is_big_endian: bool,
    /// Whether the first index runs fastest.
    pub(super) is_fortran: bool,
    pub(super) shape: Vec<usize>,
    /// The bytes up to the elements.
    pub(super) len: u64,
}

/// Reads a header.
pub(super) fn header(file: &mut dyn Read) -> Result<Header, Broken> {
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| "it is shorter than a header")?;
    let [magic @ .., major, _] = start;
    if magic != *b"\x93NUMPY" {
        return Err("it does not begin as NumPy's arrays do".into());
    }
    let mut len = [0; 4];
    let width = match major {
        1 => 2,
        2 | 3 => 4,
        other => return Err(format!("its version is {other}; 1, 2 and 3 are read").into()),
    };
    file.read_exact(len.get_mut(..width).unwrap_or_default()).map_err(|_| "its header is cut off")?;
    let text_len = u64::from(u32::from_le_bytes(len));
    let prefix = if width == 2 { 10_u64 } else { 12 };
    if text_len > MAX_HEADER {
        return Err(format!("its header of {text_len} bytes is longer than the {MAX_HEADER} that are allowed").into());
    }
    let mut text = Vec::new();
    if file.take(text_len).read_to_end(&mut text)? as u64 != text_len {
        return Err("its header is cut off".into());
    }
    let text = String::from_utf8_lossy(&text);
    let (mut descr, mut is_fortran, mut shape) = (None, None, None);
    for (key, value) in entries(&text)? {
        match (key.as_str(), value) {
            ("descr", Value::Text(text)) => descr = Some(text),
            ("fortran_order", Value::Truth(truth)) => is_fortran = Some(truth),
            ("shape", Value::Lengths(lengths)) => shape = Some(lengths),
            (key, _) => {
                return Err(format!("the entry {key:?} of its header is not understood: {}", text.trim()).into());
            }
        }
    }
    let (Some(descr), Some(is_fortran), Some(shape)) = (descr, is_fortran, shape) else {
        return Err(format!("its header lacks one of descr, fortran_order and shape: {}", text.trim()).into());
    };
    let (element_type, is_big_endian) = element_type(&descr)?;
    Ok(Header { element_type, is_big_endian, is_fortran, shape, len: prefix.saturating_add(text_len) })
}

/// Returns the type of elements that a text as `<f4` names, and whether its bytes begin with the highest.
fn element_type(descr: &str) -> Result<(ElementType, bool), Broken> {
    let kind = descr.trim_start_matches(['<', '>', '=', '|']);
    let element_type = match kind {
        "f2" => ElementType::F16,
        "f4" => ElementType::F32,
        "f8" => ElementType::F64,
        "i1" => ElementType::I8,
        "i2" => ElementType::I16,
        "i4" => ElementType::I32,
        "i8" => ElementType::I64,
        "u1" => ElementType::U8,
        "u2" => ElementType::U16,
        "u4" => ElementType::U32,
        "u8" => ElementType::U64,
        "b1" => ElementType::Bool,
        _ => return Err(format!("elements of the type {descr:?} are no numbers that are read").into()),
    };
    Ok((element_type, descr.starts_with('>')))
}

/// What stands in the dictionary.
enum Value {
    Text(String),
    Truth(bool),
    Lengths(Vec<usize>),
}

/// Returns the entries of a Python dictionary.
fn entries(text: &str) -> Result<Vec<(String, Value)>, Broken> {
    let bad = || Broken::from(format!("its header is no dictionary: {}", text.trim()));
    let mut rest = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(bad)?.trim();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(bad)?;
        let after = after.trim_start().strip_prefix(':').ok_or_else(bad)?.trim_start();
        let (value, after) = if let Some((text, after)) = quoted(after) {
            (Value::Text(text), after)
        } else if let Some(after) = after.strip_prefix("True") {
            (Value::Truth(true), after)
        } else if let Some(after) = after.strip_prefix("False") {
            (Value::Truth(false), after)
        } else if let Some((tuple, after)) = after.strip_prefix('(').and_then(|tuple| tuple.split_once(')')) {
            (Value::Lengths(lengths(tuple)?), after)
        } else {
            return Err(format!("the value of {key:?} in its header is not understood: {}", text.trim()).into());
        };
        entries.push((key, value));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return Err(bad()),
        };
    }
    Ok(entries)
}

/// Returns a text in quotes and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (inside, after) = text.strip_prefix(quote)?.split_once(quote)?;
    Some((inside.to_owned(), after))
}

/// Returns the lengths in a tuple.
fn lengths(tuple: &str) -> Result<Vec<usize>, Broken> {
    let parts = tuple.split(',').map(str::trim).filter(|part| !part.is_empty());
    let length = |part: &str| part.trim_end_matches('L').parse::<usize>();
    let lengths: Result<Vec<usize>, _> = parts.map(length).collect();
    let lengths = lengths.map_err(|_| format!("its shape ({tuple}) is none"))?;
    if lengths.len() > MAX_DIMENSIONS {
        return Err(format!("its {} dimensions are more than {MAX_DIMENSIONS}", lengths.len()).into());
    }
    Ok(lengths)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn file(major: u8, text: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([major, 0]);
        let len = (text.len() as u32).to_le_bytes();
        bytes.extend(if major == 1 { &len[..2] } else { &len[..] });
        bytes.extend(text.as_bytes());
        bytes
    }

    fn read(text: &str) -> Result<Header, Broken> {
        header(&mut &file(1, text)[..])
    }

    #[test]
    fn headers_of_all_versions_are_read() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }     \n";
        let expected = Header {
            element_type: ElementType::F32,
            is_big_endian: false,
            is_fortran: false,
            shape: vec![3, 4],
            len: 10 + text.len() as u64,
        };
        assert_eq!(read(text).unwrap(), expected);
        for major in [2, 3] {
            let header = header(&mut &file(major, text)[..]).unwrap();
            assert_eq!(header, Header { len: expected.len + 2, ..expected.clone() });
        }
        let scalar = read("{\"shape\": (), 'descr': '>i8', 'fortran_order': True}").unwrap();
        assert_eq!((scalar.shape, scalar.is_big_endian, scalar.is_fortran), (vec![], true, true));
        assert_eq!(read("{'descr': '|b1', 'fortran_order': False, 'shape': (7L,)}").unwrap().shape, [7]);
    }

    #[test]
    fn what_is_no_header_says_why() {
        let refused = |text: &str| format!("{:?}", read(text).unwrap_err());
        assert!(refused("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}").contains("<c8"));
        assert!(refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}").contains("descr"));
        assert!(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}").contains("(-1,)"));
        assert!(refused("{'descr': '<f4', 'shape': (1,)}").contains("lacks"));
        assert!(refused("{'descr': '<f4' 'shape': (1,)}").contains("no dictionary"));
        assert!(refused("'descr'").contains("no dictionary"));
        assert!(header(&mut &b"\x93NUMPY\x01"[..]).is_err() && header(&mut &b"\x93NUMPX\x01\0\0\0"[..]).is_err());
        assert!(header(&mut &b"\x93NUMPY\x02\0\xff\xff\xff\xff{}"[..]).is_err());
        assert!(header(&mut &b"\x93NUMPY\x01\0\xff\x00{}"[..]).is_err());
    }
}
