//! Arrays of files, by name, read a few rows at a time.

use super::broken::Broken;
use super::file;
use super::npy::{self, Header};
use super::numbers::{Numbers, reals, size};
use super::zip::{Member, members};
use ndarray::ArrayD;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
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
enum Place {
    /// From here on in a `.npy` file.
    File(Header),
    /// In a member of a `.npz` file.
    Member(Member, Header),
    /// From here on, in the bytes of another format.
    #[cfg(feature = "safetensors")]
    Bytes(u64),
}

/// Returns the arrays of a file, or of the files of a folder, by name.
///
/// A `.npz` file holds arrays by name, a `.npy` file one of the file's name; a folder holds those of its `.npy` files, by their
/// paths below it without the extension, and those of its `.npz` files; a `.safetensors` file (feature `safetensors`) its
/// tensors.
///
/// # Errors
///
/// [`RunError::Other`] around [`Error::Io`] and [`Error::Format`].
///
/// # Examples
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mlp.npz");
/// let arrays = tensor_quant_run::data::arrays(path)?;
/// let images = arrays.iter().find(|array| array.name() == "images").unwrap();
/// assert_eq!(images.shape(), [200, 64]);
/// assert_eq!(images.read()?.shape(), [200, 64]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn arrays(path: impl AsRef<Path>) -> Result<Vec<NamedArray>, RunError> {
    let path = path.as_ref();
    let io = |source| RunError::Other(Error::Io { action: "read", path: path.to_path_buf(), source });
    if std::fs::metadata(path).map_err(io)?.is_dir() {
        let mut all = Vec::new();
        collect(path, "", &mut all)?;
        return Ok(all);
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    of_file(path, name)
}

/// Adds the arrays of a folder and those in it, in the order of names.
fn collect(folder: &Path, stem: &str, all: &mut Vec<NamedArray>) -> Result<(), RunError> {
    for path in entries(folder)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        match extension(&path).as_str() {
            _ if path.is_dir() => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                collect(&path, &format!("{stem}{name}/"), all)?;
            }
            "npy" => all.extend(of_file(&path, format!("{stem}{name}"))?),
            "npz" => all.extend(of_file(&path, String::new())?),
            _ => {}
        }
    }
    Ok(())
}

/// Returns what is in a folder, in the order of names; files whose names begin with a point are not for us.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let io = |source| RunError::Other(Error::Io { action: "read", path: folder.to_path_buf(), source });
    let entries = std::fs::read_dir(folder).map_err(io)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<PathBuf>, io::Error>>().map_err(io)?;
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}

/// Returns the extension of a file's name, in small letters.
pub(super) fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Returns the arrays of a file; one without a name of its own gets this.
fn of_file(path: &Path, name: String) -> Result<Vec<NamedArray>, RunError> {
    let mut start = Vec::new();
    let read = file::open(path).and_then(|file| file.take(6).read_to_end(&mut start));
    read.map_err(|error| Broken::Io(error).of(path, "npy"))?;
    if start == *b"\x93NUMPY" {
        return npy_array(path, name).map(|array| vec![array]).map_err(|broken| broken.of(path, "npy"));
    }
    match extension(path).as_str() {
        "npy" => Err(Broken::from("it does not begin as NumPy's arrays do").of(path, "npy")),
        #[cfg(feature = "safetensors")]
        "safetensors" => super::safetensors::tensors(path),
        extension if extension == "npz" || start.starts_with(b"PK") => {
            npz_arrays(path).map_err(|broken| broken.of(path, "npz"))
        }
        "png" | "jpg" | "jpeg" => {
            Err(Broken::from("it is an image, not arrays: images are samples, with the feature images")
                .of(path, "data"))
        }
        #[cfg(not(feature = "safetensors"))]
        "safetensors" => Err(Broken::from("it is read with the feature safetensors").of(path, "data")),
        _ => Err(Broken::from("it is neither .npz, .npy nor another kind of file that holds arrays").of(path, "data")),
    }
}

fn npy_array(path: &Path, name: String) -> Result<NamedArray, Broken> {
    let mut file = file::open(path)?;
    let header = npy::header(&mut BufReader::new(&mut file))?;
    let bytes = bytes_of(header.element_type, &header.shape)?;
    let len = file.seek(SeekFrom::End(0))?;
    if header.len.checked_add(bytes) != Some(len) {
        let (shape, element_type) = (&header.shape, header.element_type);
        let behind = len.saturating_sub(header.len);
        return Err(
            format!("{element_type} of shape {shape:?} take {bytes} bytes, and {behind} follow the header").into()
        );
    }
    Ok(NamedArray::new(name, path, Place::File(header.clone()), header.element_type, header.shape))
}

fn npz_arrays(path: &Path) -> Result<Vec<NamedArray>, Broken> {
    let mut arrays = Vec::new();
    for member in members(&mut file::open(path)?)? {
        let Some(name) = member.name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let within = |broken| match broken {
            Broken::Format(reason) => Broken::Format(format!("array {name:?}: {reason}")),
            Broken::Io(error) => Broken::Io(error),
        };
        let mut reader = member.reader(file::open(path)?).map_err(within)?;
        let header = npy::header(&mut *reader).map_err(within)?;
        let bytes = bytes_of(header.element_type, &header.shape).map_err(within)?;
        if header.len.checked_add(bytes) != Some(member.size) {
            let (shape, element_type, size) = (&header.shape, header.element_type, member.size);
            let reason = format!("{element_type} of shape {shape:?} take {bytes} bytes, and its file has {size}");
            return Err(within(reason.into()));
        }
        let (element_type, shape) = (header.element_type, header.shape.clone());
        arrays.push(NamedArray::new(name, path, Place::Member(member, header), element_type, shape));
    }
    Ok(arrays)
}

/// Returns the bytes that the elements of an array take.
fn bytes_of(element_type: ElementType, shape: &[usize]) -> Result<u64, Broken> {
    let size = size(element_type).ok_or_else(|| format!("elements of {element_type} are not read"))?;
    // Even of an array without elements no product of lengths may overflow.
    let bound = shape.iter().try_fold(size as u64, |n, &len| n.checked_mul(len.max(1) as u64));
    let bound = bound.filter(|&bytes| isize::try_from(bytes).is_ok());
    let bound = bound.ok_or_else(|| format!("an array of shape {shape:?} has too many elements"))?;
    Ok(if shape.contains(&0) { 0 } else { bound })
}

impl NamedArray {
    fn new(name: String, path: &Path, place: Place, element_type: ElementType, shape: Vec<usize>) -> Self {
        Self { name, element_type, shape, path: path.to_path_buf(), place }
    }

    /// Returns the array that stands at an offset of a file, whose length has been checked.
    #[cfg(feature = "safetensors")]
    pub(super) fn of_bytes(
        name: String,
        path: &Path,
        offset: u64,
        element_type: ElementType,
        shape: Vec<usize>,
    ) -> Self {
        Self::new(name, path, Place::Bytes(offset), element_type, shape)
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
