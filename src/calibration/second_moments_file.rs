//! Second moments as JSON.
//!
//! ```json
//! {"len": 2, "rows": 2, "addends": 1, "elements": "GAEKGAECGAIC"}
//! ```
//!
//! Elements are those of the upper triangle, row by row, as bytes in base64. Of a sum of nothing there is the byte 0. Of another there
//! is a byte with 8 more than the number of its highest part in the lower four bits, and above them how many sums of its parts
//! follow: those behind are 0. The last of these is odd when it is shifted to the right by the next byte, and so it is written. Sums are
//! integers, x as 2x or −2x − 1, in groups of seven bits from the lowest on, each in a byte whose highest bit says that there are more.
//!
//! Before version 2 of files of statistics, the same stood there as lists, which take more than twice as much, and are still
//! read:
//!
//! ```json
//! {"len": 2, "rows": 2, "addends": 1, "places": [0, 0, 0], "sums": [[10, 0, 0], [2, 0, 0], [4, 0, 0]]}
//! ```

use super::second_moments::{Element, SecondMoments};
use crate::range::{Checked, check};
use crate::tensor::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;

/// What is added to the number of a part, so that it is positive.
const PLACE: i16 = 8;
/// The most bytes that an integer takes.
const LONGEST: u32 = 9;

/// [`SecondMoments`], as they are read.
#[derive(Deserialize)]
#[serde(rename = "SecondMoments", deny_unknown_fields)]
pub(super) struct Read {
    len: usize,
    rows: u64,
    addends: u64,
    elements: Option<Bytes<'static>>,
    places: Option<Vec<Option<i16>>>,
    sums: Option<Vec<[i64; 3]>>,
}

/// The same, as they are written.
#[derive(Serialize)]
#[serde(rename = "SecondMoments")]
struct Written<'a> {
    len: usize,
    rows: u64,
    addends: u64,
    elements: Bytes<'a>,
}

impl Serialize for SecondMoments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(10 * self.elements.len());
        self.elements.iter().for_each(|element| write(element, &mut bytes));
        let Self { len, rows, addends, .. } = *self;
        Written { len, rows, addends, elements: Bytes(Cow::Owned(bytes)) }.serialize(serializer)
    }
}

impl TryFrom<Read> for SecondMoments {
    type Error = String;

    fn try_from(read: Read) -> Checked<Self> {
        let Read { len, rows, addends, elements, places, sums } = read;
        // Before anything of that length is allocated.
        let expected = len.checked_add(1).and_then(|next| len.checked_mul(next)).map(|n| n / 2);
        let new = || SecondMoments::new(len).map_err(|error| error.to_string());
        let mut moments = match (elements, places, sums) {
            (Some(Bytes(bytes)), None, None) => {
                check(expected.is_some_and(|expected| expected <= bytes.len()), || {
                    format!("{} bytes hold no second moments of rows of {len}", bytes.len())
                })?;
                let (mut moments, mut rest) = (new()?, &bytes[..]);
                for (number, element) in moments.elements.iter_mut().enumerate() {
                    *element = element_of(&mut rest).ok_or_else(|| format!("element {number} is no sum"))?;
                }
                check(rest.is_empty(), || format!("{} bytes behind the last element", rest.len()))?;
                moments
            }
            (None, Some(places), Some(sums)) => {
                let lengths = (places.len(), sums.len());
                check(Some(lengths.0) == expected && lengths.0 == lengths.1, || {
                    format!("rows of {len} have no {} places and {} sums of second moments", lengths.0, lengths.1)
                })?;
                let mut moments = new()?;
                for (element, (place, sums)) in moments.elements.iter_mut().zip(places.into_iter().zip(sums)) {
                    *element = Element { place: place.unwrap_or(element.place), sums: sums.map(|sum| sum as f64) };
                }
                moments
            }
            _ => return Err("second moments have either elements, or places and sums".into()),
        };
        (moments.rows, moments.addends) = (rows, addends);
        check(addends <= rows && rows.div_ceil(256) <= addends, || format!("{addends} calls with {rows} rows"))?;
        for (number, element) in moments.elements.iter().enumerate() {
            check(element.is_of(addends), || format!("element {number} is no sum of {addends} numbers"))?;
        }
        Ok(moments)
    }
}

fn write(element: &Element, bytes: &mut Vec<u8>) {
    if element.place == Element::default().place {
        return bytes.push(0);
    }
    let sums = element.sums.map(|sum| sum as i64);
    let count = sums.iter().rposition(|sum| *sum != 0).map_or(0, |last| last + 1);
    bytes.push((element.place + PLACE) as u8 | (count as u8) << 4);
    let shift = count.checked_sub(1).map_or(0, |last| sums[last].trailing_zeros());
    if count > 0 {
        bytes.push(shift as u8);
    }
    for (number, sum) in sums[..count].iter().enumerate() {
        let sum = if number + 1 == count { sum >> shift } else { *sum };
        let mut left = (sum << 1 ^ sum >> 63) as u64;
        while left >= 0x80 {
            bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        bytes.push(left as u8);
    }
}

/// Returns the element at the start of `bytes`, which are those behind it then; `None` if [`write`] writes no such.
fn element_of(bytes: &mut &[u8]) -> Option<Element> {
    let first = take(bytes)?;
    let mut element = Element::default();
    if first == 0 {
        return Some(element);
    }
    let count = usize::from(first >> 4);
    element.place = i16::from(first & 15) - PLACE;
    let shift = if count > 0 { u32::from(take(bytes)?) } else { 0 };
    for (number, sum) in element.sums.get_mut(..count)?.iter_mut().enumerate() {
        let (mut value, mut length) = (0_u64, 0);
        loop {
            let byte = take(bytes)?;
            value |= u64::from(byte & 0x7f) << (7 * length);
            length += 1;
            if byte < 0x80 {
                // No group of zeros at the end.
                if byte == 0 && length > 1 {
                    return None;
                }
                break;
            }
            if length == LONGEST {
                return None;
            }
        }
        let mut integer = (value >> 1) as i64 ^ -((value & 1) as i64);
        if number + 1 == count {
            if integer & 1 == 0 || shift > 52 {
                return None;
            }
            integer = integer.checked_mul(1 << shift)?;
        }
        *sum = integer as f64;
        // Beyond what an f64 counts one by one there are no sums.
        if integer.unsigned_abs() > 1 << 53 {
            return None;
        }
    }
    Some(element)
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn of(len: usize, values: &[f32]) -> SecondMoments {
        let mut moments = SecondMoments::new(len).unwrap();
        for rows in values.chunks_exact(len) {
            moments.observe(Array2::from_shape_vec((1, len), rows.to_vec()).unwrap().view()).unwrap();
        }
        moments
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_of_them_come_back(
            bits in prop::collection::vec(any::<u32>(), 0..12),
            near in prop::collection::vec(-4.0_f32..4.0, 0..60),
        ) {
            let values: Vec<f32> = bits.into_iter().map(f32::from_bits).chain(near).collect();
            let moments = of(3, &values);
            let text = serde_json::to_string(&moments).unwrap();
            prop_assert_eq!(serde_json::from_str::<SecondMoments>(&text).unwrap(), moments);
        }

        #[test]
        fn bytes_that_are_read_are_those_that_are_written(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            let mut rest = &bytes[..];
            if let Some(element) = element_of(&mut rest) && element.is_of(1 << 28) {
                let mut again = Vec::new();
                write(&element, &mut again);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn lists_of_earlier_versions_are_read() {
        let text = r#"{"len":2,"rows":2,"addends":1,"places":[0,0,0],"sums":[[10,0,0],[2,0,0],[4,0,0]]}"#;
        let moments: SecondMoments = serde_json::from_str(text).unwrap();
        let text = serde_json::to_string(&moments).unwrap();
        assert_eq!(text, r#"{"len":2,"rows":2,"addends":1,"elements":"GAEKGAECGAIC"}"#);
        assert_eq!(serde_json::from_str::<SecondMoments>(&text).unwrap(), moments);
    }

    #[test]
    fn what_nothing_could_have_written_is_refused() {
        for (text, expected) in [
            (r#"{"len":2,"rows":2,"addends":1,"elements":"AAA="}"#, "hold no second moments of rows of 2"),
            (r#"{"len":4294967296,"rows":2,"addends":1,"elements":"AAA="}"#, "hold no second moments"),
            (r#"{"len":2,"rows":2,"addends":1,"elements":"AAAAAA=="}"#, "bytes behind the last element"),
            (r#"{"len":2,"rows":2,"addends":1,"elements":"GAAE"}"#, "element 0 is no sum"),
            (r#"{"len":2,"rows":2,"addends":1,"elements":"GP////8="}"#, "element 0 is no sum"),
            (r#"{"len":1,"rows":2,"addends":1,"elements":"HwAC"}"#, "no sum"),
            (r#"{"len":2,"rows":2,"addends":1}"#, "either elements, or places and sums"),
            (r#"{"len":1,"rows":1,"addends":1,"elements":"AA==","places":[null],"sums":[[0,0,0]]}"#, "either elements"),
            (r#"{"len":1,"rows":1,"addends":1,"elements":"?"}"#, "base64"),
        ] {
            let error = serde_json::from_str::<SecondMoments>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
