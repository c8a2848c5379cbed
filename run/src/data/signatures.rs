//! Samples for models of several signatures.

use super::arrays::arrays;
use super::reading::Reading;
use super::samples::Data;
use std::path::Path;
use tensor_quant::calibration::{RunError, Runner, Sample, Samples};

/// Returns whether a file has an array named after a signature.
fn is_meant(path: &Path, signature: &str) -> bool {
    let is_of = |name: &str| name.strip_prefix(signature).is_some_and(|rest| rest.starts_with('/'));
    arrays(path).is_ok_and(|arrays| arrays.iter().any(|array| is_of(array.name())))
}

/// Samples for each signature of a model.
///
/// # Examples
///
/// ```
/// use tensor_quant::calibration::Samples;
/// use tensor_quant_run::Executor;
/// use tensor_quant_run::data::{Reading, Signatures};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mlp");
/// let executor = Executor::open(format!("{path}.tflite"))?;
/// let reading = Reading::default().with_array(None, "images");
/// let samples = Signatures::open(format!("{path}.npz"), &executor, &reading)?;
/// assert_eq!(samples.count(None), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    /// The first is that of no name, too.
    data: Vec<(String, Data)>,
}

impl Signatures {
    /// Opens a file or folder as samples for every signature of a model whose arrays it has; see [`Data::open`].
    ///
    /// # Errors
    ///
    /// Those of [`Data::open`] if there are samples for none, the first one's; and for a signature by whose name arrays are called, as in
    /// `SIGNATURE/INPUT`: they are meant for it.
    pub fn open(path: impl AsRef<Path>, runner: &dyn Runner, reading: &Reading) -> Result<Self, RunError> {
        let path = path.as_ref();
        let names = runner.signatures();
        if names.len() < 2 {
            let data = Data::open(path, runner, reading)?;
            return Ok(Self { data: vec![(names.into_iter().next().unwrap_or_default(), data)] });
        }
        let (mut data, mut first) = (Vec::new(), None);
        for name in names {
            match Data::open(path, runner, &reading.clone().with_signature(Some(&name))) {
                Ok(opened) => data.push((name, opened)),
                Err(error) if is_meant(path, &name) => return Err(error),
                Err(error) => first = first.or(Some(error)),
            }
        }
        match first {
            Some(error) if data.is_empty() => Err(error),
            _ => Ok(Self { data }),
        }
    }

    /// Returns noise for every signature of a model.
    ///
    /// # Errors
    ///
    /// None for a runner that keeps its word.
    pub fn noise(runner: &dyn Runner, samples: usize) -> Result<Self, RunError> {
        let mut names: Vec<Option<String>> = runner.signatures().into_iter().map(Some).collect();
        if names.is_empty() {
            names.push(None);
        }
        let of = |name: Option<String>| {
            Ok((name.clone().unwrap_or_default(), Data::noise(runner, name.as_deref(), samples)?))
        };
        Ok(Self { data: names.into_iter().map(of).collect::<Result<_, RunError>>()? })
    }

    /// Returns the signatures that there are samples for, with these.
    pub fn data(&self) -> impl Iterator<Item = (&str, &Data)> {
        self.data.iter().map(|(name, data)| (name.as_str(), data))
    }

    fn of(&self, signature: Option<&str>) -> Option<&Data> {
        let found = match signature {
            None => self.data.first(),
            Some(name) => self.data.iter().find(|(known, _)| known == name),
        };
        found.map(|(_, data)| data)
    }
}

impl Samples for Signatures {
    /// Returns how many samples there are for a signature: 0 for one that there are none for.
    fn count(&self, signature: Option<&str>) -> usize {
        self.of(signature).map_or(0, Data::len)
    }

    fn is_noise(&self) -> bool {
        self.data.iter().any(|(_, data)| data.is_noise())
    }

    fn sample(&self, signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        let known = || self.data.iter().map(|(name, _)| name.clone()).collect();
        let missing = || RunError::NoSignature { name: signature.unwrap_or_default().into(), known: known() };
        self.of(signature).ok_or_else(missing)?.sample(None, number)
    }
}
