//! Samples for a model, one at a time.

use super::arrays::{arrays, entries, extension};
use super::classes::Classes;
use super::cut::{Cut, cut};
use super::named_array::{NamedArray, Rows};
use super::names::{Wanted, find};
use super::noise::noise;
use super::numbers::Normalization;
use super::reading::Reading;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tensor_quant::calibration::{Endpoint, RunError, Runner, Sample, Samples};

/// Samples for a model: from files, read one at a time, or noise.
///
/// It reads on from where it was: samples in any order but that of their numbers cost opening files again. Clones share the
/// place; for two that read at once, open twice.
///
/// # Examples
///
/// ```
/// use tensor_quant_run::Executor;
/// use tensor_quant_run::data::{Data, Normalization, Reading};
///
/// # let path = |name: &str| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
/// let executor = Executor::open(path("mlp.tflite"))?;
/// // Pixels in sixteenths.
/// let reading = Reading::default().with_array(None, "images").with_normalization(Normalization::new("0", "1/16")?);
/// let data = Data::open(path("mlp.npz"), &executor, &reading)?;
/// assert_eq!((data.len(), data.samples().count()), (200, 200));
/// assert_eq!(data.classes().map(|classes| classes.samples()), Some(200));
/// for sample in data.samples() {
///     let (input, array) = sample?.remove(0);
///     assert_eq!(array.shape(), [1, 64]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Data {
    inputs: Vec<Endpoint>,
    parts: Vec<Part>,
    normalization: Normalization,
    classes: Option<Classes>,
    /// Why labels that stand beside the samples are not their classes.
    left_out: Option<String>,
    limit: usize,
    is_noise: bool,
    cursor: Arc<Mutex<Cursor>>,
}

/// Samples of one origin.
#[derive(Clone, Debug)]
enum Part {
    /// An array for each input, and how each is cut.
    Arrays(usize, Vec<(NamedArray, Cut)>),
    #[cfg(feature = "images")]
    Image(PathBuf),
    Noise(usize),
    Held(Vec<Sample>),
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Arrays(count, _) | Self::Noise(count) => *count,
            #[cfg(feature = "images")]
            Self::Image(_) => 1,
            Self::Held(samples) => samples.len(),
        }
    }
}

/// Returns the classes that an array holds for so many samples; why there are none.
fn classes(labels: &NamedArray, samples: usize) -> Result<Classes, String> {
    if labels.element_type().is_float() {
        return Err(format!("they are {}, and no whole numbers", labels.element_type()));
    }
    let classes = Classes::read(labels).map_err(|error| error.to_string())?;
    if classes.samples() == samples {
        Ok(classes)
    } else {
        Err(format!("they are of {}, and there are {samples} samples", classes.samples()))
    }
}

impl Data {
    /// Opens a file, or a folder of files, as samples for a model.
    ///
    /// The arrays of a `.npz`, `.npy` or (with the feature `safetensors`) `.safetensors` file are named as inputs or as
    /// `SIGNATURE/INPUT`; that of a model's only input may have any name if there is no other. The first axis counts samples; where an input has a first
    /// axis of its own, of length 1 or any, each sample is a row. An array `labels` of whole numbers, as many as there are samples, is
    /// taken for their [classes](Self::classes); of another [it is told](Self::labels_left_out). Images (feature `images`) are PNG and JPEG, resized to what the input takes.
    ///
    /// A folder whose `.npy` files are named as the inputs is read as one `.npz` would be; of any other, each file is read by
    /// itself, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`RunError::Input`] for an input without an array, or one whose array has another shape; [`RunError::NoSignature`];
    /// [`RunError::Other`] around [`Error::Io`](tensor_quant::Error::Io) and [`Error::Format`](tensor_quant::Error::Format).
    pub fn open(path: impl AsRef<Path>, runner: &dyn Runner, reading: &Reading) -> Result<Self, RunError> {
        let path = path.as_ref();
        let inputs = runner.inputs(reading.signature.as_deref())?;
        let mut data = Self::of_parts(inputs, Vec::new());
        data.normalization = reading.normalization.clone();
        data.limit = reading.limit.unwrap_or(usize::MAX);
        if let Some(name) = reading.arrays.keys().flatten().find(|name| data.inputs.iter().all(|i| i.name != **name)) {
            let known: Vec<&str> = data.inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(RunError::Input { name: name.clone(), reason: format!("the model takes {known:?}") });
        }
        let signatures = runner.signatures();
        if !path.is_dir() {
            data.add_file(path, reading, &signatures)?;
        } else if let Some(part) = data.folder_of_inputs(path, reading, &signatures)? {
            data.parts.push(part);
        } else {
            for path in entries(path)? {
                if !path.is_dir() && data_extensions().contains(&extension(&path).as_str()) {
                    data.add_file(&path, reading, &signatures)?;
                }
            }
        }
        if data.parts.is_empty() {
            let reason = format!("{} holds no files of {}", path.display(), data_extensions().join(", "));
            return Err(RunError::Model { reason });
        }
        Ok(data)
    }

    /// Returns noise for a model in place of data, the same each time: reals from −1 up to 1, any codes, 0 and 1 for other integers; lengths that may
    /// be any are 1.
    ///
    /// # Errors
    ///
    /// [`RunError::NoSignature`].
    pub fn noise(runner: &dyn Runner, signature: Option<&str>, samples: usize) -> Result<Self, RunError> {
        let data = Self::of_parts(runner.inputs(signature)?, vec![Part::Noise(samples)]);
        Ok(Self { is_noise: true, ..data })
    }

    /// Returns samples that are held in memory.
    pub fn held(samples: Vec<Sample>) -> Self {
        Self::of_parts(Vec::new(), vec![Part::Held(samples)])
    }

    fn of_parts(inputs: Vec<Endpoint>, parts: Vec<Part>) -> Self {
        Self {
            inputs,
            parts,
            normalization: Normalization::default(),
            classes: None,
            left_out: None,
            limit: usize::MAX,
            is_noise: false,
            cursor: Arc::default(),
        }
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).fold(0, usize::saturating_add).min(self.limit)
    }

    /// Returns whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether this is noise, in place of data.
    pub fn is_noise(&self) -> bool {
        self.is_noise
    }

    /// Returns the classes that stand beside the samples, if there are any.
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// Returns which labels stand beside the samples and are not their classes, and why: they are no whole numbers, or not as many as
    /// there are samples.
    pub fn labels_left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Returns the samples from the first on, each read when it is its turn.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Result<Sample, RunError>> + '_ {
        (0..self.len()).map(|number| self.read(number))
    }

    fn add_file(&mut self, path: &Path, reading: &Reading, signatures: &[String]) -> Result<(), RunError> {
        #[cfg(feature = "images")]
        if super::images::EXTENSIONS.contains(&extension(path).as_str()) {
            super::images::check(&self.inputs)?;
            self.parts.push(Part::Image(path.to_path_buf()));
            return Ok(());
        }
        let arrays = arrays(path)?;
        let in_file = |error| match error {
            RunError::Input { name, reason } => {
                RunError::Input { name, reason: format!("{}: {reason}", path.display()) }
            }
            error => error,
        };
        let part = self.arrays(&arrays, reading, signatures, true).map_err(in_file)?;
        // Of several files, none has the classes of all.
        if self.classes.take().is_some() {
            self.left_out = Some("the labels of the first file: there are several files".into());
        }
        if let Some(labels) = arrays.iter().find(|array| array.name() == "labels") {
            let read =
                if self.parts.is_empty() { classes(labels, part.len()) } else { Err("there are several files".into()) };
            match read {
                Ok(classes) => self.classes = Some(classes),
                Err(reason) => self.left_out = Some(format!("the labels in {}: {reason}", path.display())),
            }
        }
        self.parts.push(part);
        Ok(())
    }

    /// Returns the samples in a folder whose files are named as the inputs; `None` if they are not.
    fn folder_of_inputs(
        &self,
        path: &Path,
        reading: &Reading,
        signatures: &[String],
    ) -> Result<Option<Part>, RunError> {
        let mut files = vec![path.to_path_buf()];
        files.extend(entries(path)?.into_iter().filter(|path| path.is_dir()));
        let is_array = |path: &PathBuf| extension(path) == "npy";
        let mut any = false;
        for folder in &files {
            any |= entries(folder)?.iter().any(is_array);
        }
        if !any {
            return Ok(None);
        }
        let arrays = arrays(path)?;
        let is_input =
            |input: &Endpoint| find(&input.name, &self.wanted(input, reading, signatures, false), &arrays).is_ok();
        if self.inputs.iter().all(is_input) {
            self.arrays(&arrays, reading, signatures, false).map(Some)
        } else {
            Ok(None)
        }
    }

    fn wanted<'a>(
        &self,
        input: &Endpoint,
        reading: &'a Reading,
        signatures: &'a [String],
        may_be_only: bool,
    ) -> Wanted<'a> {
        let of_input = |name: &Option<String>| name.as_ref().map_or(self.inputs.len() == 1, |name| *name == input.name);
        Wanted {
            signature: reading.signature.as_deref().or(signatures.first().map(String::as_str)),
            others: signatures,
            array: reading.arrays.iter().rev().find(|(name, _)| of_input(name)).map(|(_, array)| array.as_str()),
            is_only: may_be_only && self.inputs.len() == 1,
        }
    }

    /// Returns the samples in arrays.
    fn arrays(
        &self,
        arrays: &[NamedArray],
        reading: &Reading,
        signatures: &[String],
        may_be_only: bool,
    ) -> Result<Part, RunError> {
        let mut columns: Vec<(NamedArray, Cut)> = Vec::new();
        for input in &self.inputs {
            let array = find(&input.name, &self.wanted(input, reading, signatures, may_be_only), arrays)?;
            let failed = |reason| RunError::Input { name: input.name.clone(), reason };
            let of_array = |reason| failed(format!("array {:?}: {reason}", array.name()));
            let cut = cut(input.shape.as_deref(), array.shape()).map_err(of_array)?;
            if let Some((first, other)) = columns.first()
                && other.count != cut.count
            {
                let (count, name, others) = (cut.count, first.name(), other.count);
                return Err(failed(format!("array {:?} has {count} samples, and {name:?} has {others}", array.name())));
            }
            columns.push((array.clone(), cut));
        }
        let count = columns.first().map_or(0, |(_, cut)| cut.count);
        Ok(Part::Arrays(count, columns))
    }
}

/// The extensions of files that samples are read from.
fn data_extensions() -> Vec<&'static str> {
    [
        &["npz", "npy"][..],
        #[cfg(feature = "safetensors")]
        &["safetensors"],
        #[cfg(feature = "images")]
        &super::images::EXTENSIONS,
    ]
    .concat()
}

/// Where reading has come to.
#[derive(Default)]
struct Cursor {
    part: usize,
    /// The next sample in its part.
    number: usize,
    rows: Vec<Rows>,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("part", &self.part).field("number", &self.number).finish_non_exhaustive()
    }
}

impl Cursor {
    /// Goes to a sample of a part whose arrays these are. Behind the one that was read last, nothing is opened again.
    fn seek(&mut self, part: usize, number: usize, columns: &[(NamedArray, Cut)]) -> Result<(), RunError> {
        if self.rows.is_empty() || self.part != part || self.number > number {
            *self = Self { part, number: 0, rows: Vec::new() };
            self.rows = columns.iter().map(|(array, _)| array.rows()).collect::<Result<_, _>>()?;
        }
        let ahead = number - self.number;
        for ((_, cut), rows) in columns.iter().zip(&mut self.rows).filter(|_| ahead > 0) {
            rows.skip(cut.elements() * ahead)?;
        }
        self.number = number;
        Ok(())
    }
}

impl Data {
    fn read(&self, number: usize) -> Result<Sample, RunError> {
        let missing =
            || RunError::Model { reason: format!("there are {} samples, and no number {number}", self.len()) };
        if number >= self.len() {
            return Err(missing());
        }
        let mut in_part = number;
        for (place, part) in self.parts.iter().enumerate() {
            if in_part >= part.len() {
                in_part -= part.len();
                continue;
            }
            return match part {
                Part::Arrays(_, columns) => self.of_arrays(place, in_part, columns),
                #[cfg(feature = "images")]
                Part::Image(path) => super::images::sample(path, &self.inputs, &self.normalization),
                Part::Noise(_) => {
                    let array = |(place, input): (usize, &Endpoint)| {
                        let failed = |reason| RunError::Input { name: input.name.clone(), reason };
                        Ok((input.name.clone(), noise(input, number, place).map_err(failed)?))
                    };
                    self.inputs.iter().enumerate().map(array).collect()
                }
                Part::Held(samples) => samples.get(in_part).cloned().ok_or_else(missing),
            };
        }
        Err(missing())
    }

    /// Returns a sample of arrays.
    fn of_arrays(&self, part: usize, number: usize, columns: &[(NamedArray, Cut)]) -> Result<Sample, RunError> {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        // Should reading fail, the next begins anew.
        let mut own = std::mem::take(&mut *cursor);
        own.seek(part, number, columns)?;
        let mut sample = Sample::new();
        for ((input, (array, cut)), rows) in self.inputs.iter().zip(columns).zip(&mut own.rows) {
            let numbers = rows.next(cut.elements())?;
            let values = numbers.for_input(input, &cut.shape, &self.normalization);
            sample.push((input.name.clone(), values.map_err(|reason| array.broken(reason))?));
        }
        own.number = number + 1;
        *cursor = own;
        Ok(sample)
    }
}

/// The same samples for every signature that is asked for.
impl Samples for Data {
    fn count(&self, _signature: Option<&str>) -> usize {
        self.len()
    }

    fn is_noise(&self) -> bool {
        self.is_noise
    }

    fn sample(&self, _signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        self.read(number)
    }
}
