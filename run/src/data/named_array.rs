//! An array of a file, read a few rows at a time.

use super::broken::Broken;
use super::file;
use super::npy::Header;
use super::numbers::{Numbers, reals, size};
use super::zip::Member;
use ndarray::ArrayD;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
#[cfg(doc)]
use tensor_quant::Error;
use tensor_quant::calibration::RunError;
use tensor_quant::graph::ElementType;

const BUFFER: usize = 1 << 16;
/// Elements that are read at once.
const PIECE: usize = 1 << 20;
/// The most bytes that an array takes whose first index runs fastest: it is held as a whole.
const MAX_HELD: u64 = 1 << 32;

/// An array of a file.
#[derive(Clone, Debug)]
pub struct NamedArray {
    name: String,
    element_type: ElementType,
    shape: Vec<usize>,
    path: PathBuf,
    place: Place,
}

/// Where the bytes of an array are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// From here on in a `.npy` file.
    File(Header),
    /// In a member of a `.npz` file.
    Member(Member, Header),
    /// From here on, in the bytes of another format.
    #[cfg(feature = "safetensors")]
    Bytes(u64),
}

/// Returns the bytes that the elements of an array take.
pub(super) fn bytes_of(element_type: ElementType, shape: &[usize]) -> Result<u64, Broken> {
    let size = size(element_type).ok_or_else(|| format!("elements of {element_type} are not read"))?;
    // Even of an array without elements no product of lengths may overflow.
    let bound = shape.iter().try_fold(size as u64, |n, &len| n.checked_mul(len.max(1) as u64));
    let bound = bound.filter(|&bytes| isize::try_from(bytes).is_ok());
    let bound = bound.ok_or_else(|| format!("an array of shape {shape:?} has too many elements"))?;
    Ok(if shape.contains(&0) { 0 } else { bound })
}

impl NamedArray {
    pub(super) fn new(name: String, path: &Path, place: Place, element_type: ElementType, shape: Vec<usize>) -> Self {
        Self { name, element_type, shape, path: path.to_path_buf(), place }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its lengths.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the type of its elements.
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// Returns the whole array as reals; f64 and large integers are rounded.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around [`Error::Io`] and [`Error::Format`].
    pub fn read(&self) -> Result<ArrayD<f32>, RunError> {
        let broken = |reason: String| self.broken(reason);
        let mut rows = self.rows()?;
        let elements = self.shape.iter().product();
        let numbers = rows.next(elements)?;
        let reals = reals(numbers.bytes, numbers.element_type, numbers.is_big_endian).map_err(broken)?;
        super::numbers::shaped(&self.shape, reals).map_err(broken)
    }

    /// Returns the array as reals in pieces along its first axis, of some mebibytes at most where its rows are shorter than that.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around [`Error::Io`] and [`Error::Format`]: of the array as a whole at once, of a piece in its place.
    pub fn pieces(&self) -> Result<impl Iterator<Item = Result<ArrayD<f32>, RunError>> + '_, RunError> {
        let mut rows = self.rows()?;
        let (len, rest) = self.shape.split_first().map_or((1, &[][..]), |(len, rest)| (*len, rest));
        let each: usize = rest.iter().product();
        let len = if each == 0 { 0 } else { len };
        let at_once = (PIECE / each.max(1)).clamp(1, len.max(1));
        Ok((0..len).step_by(at_once).map(move |start| {
            let count = at_once.min(len - start);
            let numbers = rows.next(count * each)?;
            let reals = reals(numbers.bytes, numbers.element_type, numbers.is_big_endian);
            let shape = if self.shape.is_empty() { Vec::new() } else { [&[count], rest].concat() };
            reals.and_then(|reals| super::numbers::shaped(&shape, reals)).map_err(|reason| self.broken(reason))
        }))
    }

    /// Returns the whole array as integers.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around [`Error::Io`] and [`Error::Format`], the latter for an array of other numbers, too.
    pub fn read_integers(&self) -> Result<Vec<i64>, RunError> {
        let mut rows = self.rows()?;
        let numbers = rows.next(self.shape.iter().product())?;
        let integers = super::numbers::integers(numbers.bytes, numbers.element_type, numbers.is_big_endian);
        integers.map_err(|reason| self.broken(reason))
    }

    pub(super) fn broken(&self, reason: String) -> RunError {
        Broken::Format(format!("array {:?}: {reason}", self.name)).of(&self.path, self.format())
    }

    fn format(&self) -> &'static str {
        match self.place {
            Place::File(_) => "npy",
            Place::Member(..) => "npz",
            #[cfg(feature = "safetensors")]
            Place::Bytes(_) => "safetensors",
        }
    }

    /// Returns what reads the array from its start.
    pub(super) fn rows(&self) -> Result<Rows, RunError> {
        let open = || -> Result<(Box<dyn Read + Send>, Option<&Header>), Broken> {
            let mut file = file::open(&self.path)?;
            Ok(match &self.place {
                Place::File(header) => {
                    file.seek(SeekFrom::Start(header.len))?;
                    (Box::new(BufReader::with_capacity(BUFFER, file)), Some(header))
                }
                Place::Member(member, header) => {
                    let mut reader = member.reader(file)?;
                    io::copy(&mut reader.by_ref().take(header.len), &mut io::sink())?;
                    (reader, Some(header))
                }
                #[cfg(feature = "safetensors")]
                Place::Bytes(offset) => {
                    file.seek(SeekFrom::Start(*offset))?;
                    (Box::new(BufReader::with_capacity(BUFFER, file)), None)
                }
            })
        };
        let (mut reader, header) = open().map_err(|broken| broken.of(&self.path, self.format()))?;
        if header.is_some_and(|header| header.is_fortran && self.shape.len() > 1) {
            let in_order = self.in_order(reader).map_err(|broken| broken.of(&self.path, self.format()))?;
            reader = Box::new(io::Cursor::new(in_order));
        }
        let is_big_endian = header.is_some_and(|header| header.is_big_endian);
        Ok(Rows { array: self.clone(), reader, is_big_endian, bytes: Vec::new() })
    }

    /// Returns the bytes of an array whose first index runs fastest in the order in which its last does.
    fn in_order(&self, reader: Box<dyn Read + Send>) -> Result<Vec<u8>, Broken> {
        let total = bytes_of(self.element_type, &self.shape)?;
        if total > MAX_HELD {
            let reason = format!(
                "the first index of array {:?} runs fastest: its {total} bytes are too many to sort",
                self.name
            );
            return Err(reason.into());
        }
        let mut bytes = Vec::new();
        if reader.take(total).read_to_end(&mut bytes)? as u64 != total {
            return Err(format!("array {:?} is cut off", self.name).into());
        }
        let size = size(self.element_type).unwrap_or(1);
        let mut index = vec![0; self.shape.len()];
        let mut strides = vec![0; self.shape.len()];
        let mut stride = 1;
        for (of_axis, len) in strides.iter_mut().zip(&self.shape) {
            *of_axis = stride;
            stride *= len;
        }
        let mut ordered = Vec::with_capacity(bytes.len());
        while ordered.len() < bytes.len() {
            let at: usize = index.iter().zip(&strides).map(|(i, stride)| i * stride).sum::<usize>() * size;
            ordered.extend_from_slice(&bytes[at..at + size]);
            for (i, len) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < *len {
                    break;
                }
                *i = 0;
            }
        }
        Ok(ordered)
    }
}

/// Reads an array from its start, some elements at a time.
pub(super) struct Rows {
    array: NamedArray,
    reader: Box<dyn Read + Send>,
    is_big_endian: bool,
    bytes: Vec<u8>,
}

impl Rows {
    /// Returns the next elements.
    pub(super) fn next(&mut self, elements: usize) -> Result<Numbers<'_>, RunError> {
        let len = self.len(elements);
        self.bytes.clear();
        // No more is allocated than there is to read, whatever a header says.
        let read = (&mut self.reader).take(len).read_to_end(&mut self.bytes);
        let read = read.map_err(|error| self.failed(error.into()))?;
        self.expect(read as u64, len)?;
        let NamedArray { element_type, .. } = self.array;
        Ok(Numbers { bytes: &self.bytes, element_type, is_big_endian: self.is_big_endian })
    }

    /// Leaves out the next elements.
    pub(super) fn skip(&mut self, elements: usize) -> Result<(), RunError> {
        let len = self.len(elements);
        let read = io::copy(&mut (&mut self.reader).take(len), &mut io::sink());
        let read = read.map_err(|error| self.failed(error.into()))?;
        self.expect(read, len)
    }

    fn len(&self, elements: usize) -> u64 {
        size(self.array.element_type).and_then(|size| size.checked_mul(elements)).map_or(u64::MAX, |len| len as u64)
    }

    fn expect(&self, read: u64, len: u64) -> Result<(), RunError> {
        let cut_off = || self.failed(format!("array {:?} is cut off", self.array.name).into());
        if read == len { Ok(()) } else { Err(cut_off()) }
    }

    fn failed(&self, broken: Broken) -> RunError {
        broken.of(&self.array.path, self.array.format())
    }
}
