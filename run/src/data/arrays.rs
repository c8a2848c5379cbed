//! The arrays that files and folders hold, by name.

use super::broken::Broken;
use super::file;
use super::named_array::{NamedArray, Place, bytes_of};
use super::npy;
use super::zip::members;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tensor_quant::Error;
use tensor_quant::calibration::RunError;

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
