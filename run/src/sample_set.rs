//! Samples that are held, by signature.

use tensor_quant::calibration::{RunError, Sample, Samples};

/// Samples for one or several signatures of a model, held in memory.
///
/// # Examples
///
/// ```
/// use tensor_quant::calibration::Samples;
/// use tensor_quant_run::SampleSet;
///
/// let set = SampleSet::default().with(None, vec![vec![("x".to_owned(), ndarray::arr1(&[1.0_f32]).into_dyn().into())]]);
/// assert_eq!((set.count(None), set.count(Some("other"))), (1, 0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SampleSet {
    of: Vec<(Option<String>, Vec<Sample>)>,
}

impl SampleSet {
    /// Returns the set with the samples of a signature; with `None` those of a model without signatures.
    #[must_use]
    pub fn with(mut self, signature: Option<&str>, samples: Vec<Sample>) -> Self {
        self.of.push((signature.map(str::to_owned), samples));
        self
    }

    fn samples(&self, signature: Option<&str>) -> &[Sample] {
        let of_signature = self.of.iter().find(|(name, _)| name.as_deref() == signature);
        of_signature.map_or(&[], |(_, samples)| samples)
    }
}

impl Samples for SampleSet {
    fn count(&self, signature: Option<&str>) -> usize {
        self.samples(signature).len()
    }

    fn sample(&self, signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        let samples = self.samples(signature);
        let missing =
            || RunError::Model { reason: format!("there are {} samples, and no number {number}", samples.len()) };
        samples.get(number).cloned().ok_or_else(missing)
    }
}
