//! Inputs that a model is run on.

#[cfg(feature = "pipeline")]
use super::CalibrationError;
use super::array::Array;
use super::runner::RunError;
#[cfg(feature = "pipeline")]
use crate::error::Error;

/// One sample: the inputs by name.
pub type Sample = Vec<(String, Array)>;

/// A set of samples, of which one is held at a time, and that several threads may ask for them.
pub trait Samples: Sync {
    /// Returns how many samples there are for a signature; with `None` for the first one, or for the model's own inputs.
    fn count(&self, signature: Option<&str>) -> usize;

    /// Returns a sample by its number, below [`count`](Self::count).
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around what reading it comes to; [`RunError::Model`] if there is no such sample.
    fn sample(&self, signature: Option<&str>, number: usize) -> Result<Sample, RunError>;

    /// Returns whether these are made up, and not inputs as the model will see them: less is then believed of what they tell.
    fn is_noise(&self) -> bool {
        false
    }
}

/// Samples that are held, the same for every signature.
impl Samples for [Sample] {
    fn count(&self, _signature: Option<&str>) -> usize {
        self.len()
    }

    fn sample(&self, _signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        let missing =
            || RunError::Model { reason: format!("there are {} samples, and no number {number}", self.len()) };
        self.get(number).cloned().ok_or_else(missing)
    }
}

impl Samples for Vec<Sample> {
    fn count(&self, signature: Option<&str>) -> usize {
        self.as_slice().count(signature)
    }

    fn sample(&self, signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        self.as_slice().sample(signature, number)
    }
}

/// Returns a sample to learn from, or to judge by: one whose inputs are numbers.
///
/// # Errors
///
/// Those of [`Samples::sample`]; [`CalibrationError::Unusable`] for an input with NaN, which would be in all that is computed from it.
#[cfg(feature = "pipeline")]
pub(crate) fn sample_of_numbers(
    samples: &dyn Samples,
    signature: Option<&str>,
    number: usize,
) -> Result<Sample, Error> {
    let sample = samples.sample(signature, number).map_err(RunError::into_error)?;
    for (name, array) in &sample {
        let Array::F32(values) = array else { continue };
        // An index is found only where there is something to be said of it: every run asks.
        let is_whole = values.as_slice_memory_order().is_some_and(|x| !x.iter().any(|x| x.is_nan()));
        if !is_whole && let Some((index, _)) = values.indexed_iter().find(|(_, x)| x.is_nan()) {
            let index = ndarray::Dimension::slice(&index);
            let reason = format!("sample {number} of input {name:?}: the value at index {index:?} is NaN");
            return Err(CalibrationError::Unusable { reason }.into());
        }
    }
    Ok(sample)
}
