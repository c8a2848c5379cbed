//! Values of runs as arrays of NumPy's, a file for each.

use ndarray::ArrayViewD;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tensor_quant::Error;

/// Bytes of a file before its numbers: more than any shape needs.
const HEADER: usize = 512;
/// The longest part of a path, in bytes; and the longest path.
const LONGEST: usize = 200;
const LONGEST_PATH: usize = 1000;

/// A folder with the values of runs, of which no more than one is held at a time.
///
/// A value has a file of its key's name, with a folder for each `/` in it; what no file should be called is replaced by `_`, and
/// [`values`](Self::values) has the keys. It is an array of f32s whose first axis counts samples: of a value of shape `[1, …]`
/// that axis is its own, of others one before its own. Where a value has several shapes, each has its file.
///
/// The folder appears under its name when it is complete; until then, and if it is never [finished](Self::finish), there is none.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant_run::data::{Dump, arrays};
///
/// let folder = tempfile::tempdir()?;
/// let mut dump = Dump::create(folder.path().join("values"))?;
/// for sample in [array![[1.0_f32, 2.0]], array![[3.0, 4.0]]] {
///     dump.add("block/relu1", sample.into_dyn().view())?;
/// }
/// dump.finish()?;
/// let array = arrays(folder.path().join("values"))?.remove(0);
/// assert_eq!((array.name(), array.shape()), ("block/relu1", &[2, 2][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Dump {
    folder: TempDir,
    target: PathBuf,
    /// By key and shape.
    values: BTreeMap<(String, Vec<usize>), DumpedValue>,
    /// The paths that there are, in small letters.
    places: BTreeSet<String>,
}

/// A file of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpedValue {
    /// The value's key.
    pub key: String,
    /// The file, below the folder.
    pub file: PathBuf,
    /// The lengths of a sample, before which samples are counted.
    pub shape: Vec<usize>,
    /// How many there are.
    pub samples: u64,
}

impl Dump {
    /// Starts a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also if there is something of its name but an empty folder.
    pub fn create(target: impl AsRef<Path>) -> Result<Self, Error> {
        let target = target.as_ref().to_path_buf();
        let is_empty = || fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_none());
        if target.symlink_metadata().is_ok() && !is_empty() {
            let reason = "it exists, and is no empty folder";
            return Err(failed(&target, io::Error::new(io::ErrorKind::AlreadyExists, reason)));
        }
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new().prefix(".tensor-quant-").suffix(".part").tempdir_in(parent);
        let folder = folder.map_err(|error| failed(&target, error.kind().into()))?;
        Ok(Self { folder, target, values: BTreeMap::new(), places: BTreeSet::new() })
    }

    /// Adds a value of a sample.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn add(&mut self, key: &str, values: ArrayViewD<'_, f32>) -> Result<(), Error> {
        let shape = values.shape();
        let shape = if shape.first() == Some(&1) { &shape[1..] } else { shape };
        let at = (key.to_owned(), shape.to_vec());
        let folder = self.folder.path();
        if !self.values.contains_key(&at) {
            let is_first = self.values.range((key.to_owned(), Vec::new())..).next().is_none_or(|((k, _), _)| k != key);
            let mut place = place(key, self.values.len());
            if !is_first {
                place += &shape.iter().fold("@".to_owned(), |text, len| format!("{text}{len}x"));
            }
            let (stem, mut number) = (place.clone(), 1);
            while !self.places.insert(place.to_lowercase()) {
                number += 1;
                place = format!("{stem}~{number}");
            }
            let file = PathBuf::from(place + ".npy");
            let path = folder.join(&file);
            let created = fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| File::create_new(&path));
            let written = created.and_then(|mut file| file.write_all(&[0; HEADER]));
            written.map_err(|source| failed(&self.target.join(&file), source))?;
            let value = DumpedValue { key: key.into(), file, shape: shape.to_vec(), samples: 0 };
            self.values.insert(at.clone(), value);
        }
        let Some(value) = self.values.get_mut(&at) else { return Ok(()) };
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let file = OpenOptions::new().append(true).open(folder.join(&value.file));
        let written = file.and_then(|mut file| file.write_all(&bytes));
        written.map_err(|source| failed(&self.target.join(&value.file), source))?;
        value.samples += 1;
        Ok(())
    }

    /// Returns the files that there are, in the order of keys.
    pub fn values(&self) -> impl Iterator<Item = &DumpedValue> {
        self.values.values()
    }

    /// Returns the folder under the name that it has until it is finished: for what else is to be in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Completes the files, and gives the folder its name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn finish(self) -> Result<(), Error> {
        let Self { folder, target, values, .. } = self;
        for value in values.values() {
            let write = || -> io::Result<()> {
                let mut file = OpenOptions::new().write(true).open(folder.path().join(&value.file))?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(&header(value)?)?;
                file.sync_all()
            };
            write().map_err(|source| failed(&target.join(&value.file), source))?;
        }
        // Only the owner may see what is made for a while; anyone may see what other programs write.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mode = fs::metadata(parent).map_or(0o755, |parent| parent.permissions().mode() & 0o755);
            let _ = fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode | 0o700));
        }
        fs::rename(folder.path(), &target).map_err(|source| failed(&target, source))?;
        // It is no longer where it would be removed.
        let _ = folder.keep();
        Ok(())
    }
}

/// Returns what stands before the numbers, by version 1.0 of NumPy's format.
fn header(value: &DumpedValue) -> io::Result<Vec<u8>> {
    let lengths = value.shape.iter().map(|len| format!(", {len}")).collect::<Vec<_>>().concat();
    let comma = if value.shape.is_empty() { "," } else { "" };
    let samples = value.samples;
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({samples}{lengths}{comma}), }}");
    let len = HEADER - 10;
    let too_long = || io::Error::other(format!("{} axes are too many", value.shape.len()));
    let padding = (len - 1).checked_sub(text.len()).ok_or_else(too_long)?;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((len as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(std::iter::repeat_n(b' ', padding));
    bytes.push(b'\n');
    Ok(bytes)
}

/// Returns the path of a value's file below the folder, without its extension: whatever its key is, it does not lead out of it.
fn place(key: &str, number: usize) -> String {
    let parts: Vec<&str> = key.split('/').collect();
    let last = parts.len() - 1;
    let part = |(i, part): (usize, &&str)| {
        let mut text: String =
            part.chars().map(|c| if c.is_control() || matches!(c, '\\' | '\u{fffd}') { '_' } else { c }).collect();
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        if text.is_empty() || text.starts_with('.') {
            text.insert(0, '_');
        }
        // A folder that would be called as the file of another value.
        if i < last && text.to_lowercase().ends_with(".npy") {
            text.push('_');
        }
        text
    };
    let path = parts.iter().enumerate().map(part).collect::<Vec<_>>().join("/");
    if path.len() > LONGEST_PATH { format!("_value-{number}") } else { path }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Io { action: "write", path: path.to_path_buf(), source }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::data::arrays;
    use ndarray::{ArrayD, IxDyn};

    #[test]
    fn whatever_a_key_is_its_file_stays_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dump");
        let mut dump = Dump::create(&target).unwrap();
        let long = "x".repeat(900);
        let keys =
            ["../up", "/etc/x", "a//b", "a.npy/b", "a", "A", ".hidden", "", "n\0l\n", "né/中", &long, &long[..250]];
        for (i, key) in keys.iter().enumerate() {
            for _ in 0..2 {
                dump.add(key, ArrayD::from_elem(IxDyn(&[1, 3]), i as f32).view()).unwrap();
            }
        }
        let values: Vec<DumpedValue> = dump.values().cloned().collect();
        assert!(!target.exists());
        dump.finish().unwrap();
        let read = arrays(&target).unwrap();
        assert_eq!(read.len(), keys.len());
        for (i, key) in keys.iter().enumerate() {
            let value = values.iter().find(|value| value.key == *key).unwrap();
            let name = value.file.with_extension("").display().to_string();
            let array = read.iter().find(|array| array.name() == name).unwrap_or_else(|| panic!("{key:?}: {name:?}"));
            assert_eq!(array.read().unwrap(), ArrayD::from_elem(IxDyn(&[2, 3]), i as f32), "{key:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn shapes_of_all_kinds_are_counted_along_the_first_axis() {
        let folder = tempfile::tempdir().unwrap();
        let mut dump = Dump::create(folder.path().join("dump")).unwrap();
        for shape in [&[][..], &[1], &[2], &[1, 2, 2], &[1, 3, 2], &[3, 1], &[1, 0]] {
            dump.add(&format!("{}", shape.len()), ArrayD::zeros(IxDyn(shape)).view()).unwrap();
        }
        dump.finish().unwrap();
        let shapes: Vec<(String, Vec<usize>)> =
            arrays(folder.path().join("dump")).unwrap().iter().map(|a| (a.name().into(), a.shape().to_vec())).collect();
        let of = |name: &str| shapes.iter().find(|(known, _)| known == name).map(|(_, shape)| shape.clone());
        assert_eq!((of("0"), of("1"), of("1@2x")), (Some(vec![1]), Some(vec![1]), Some(vec![1, 2])));
        assert_eq!((of("3"), of("3@3x2x")), (Some(vec![1, 2, 2]), Some(vec![1, 3, 2])));
        assert_eq!((of("2"), of("2@0x")), (Some(vec![1, 3, 1]), Some(vec![1, 0])));
    }

    #[test]
    fn a_folder_that_holds_something_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("precious"), "1").unwrap();
        assert!(Dump::create(folder.path()).is_err_and(|error| error.to_string().contains("no empty folder")));
        let mut dump = Dump::create(folder.path().join("new")).unwrap();
        dump.add("x", ArrayD::zeros(IxDyn(&[1])).view()).unwrap();
        drop(dump);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(Dump::create(folder.path().join("none/new")).is_err());
    }
}
