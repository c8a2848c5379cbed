//! What happened to a file.

use super::format::Format;
use crate::metrics::{ErrorMetrics, Histogram};
use crate::params::ValueRange;
use crate::recipe::Recipe;
use ndarray::ArrayD;
use std::path::PathBuf;

/// Below this, a tensor's error is worth a warning.
const POOR_SQNR_DB: f64 = 15.0;
/// Bins of a histogram.
const BINS: usize = 64;

/// What happened to a file, tensor by tensor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// What was asked for.
    pub recipe: Recipe,
    /// The format of both files.
    pub format: Format,
    /// The file that was read.
    pub input: PathBuf,
    /// The file that was written.
    pub output: PathBuf,
    /// The length of the input.
    pub bytes_in: u64,
    /// The length of the output.
    pub bytes_out: u64,
    /// How long it took.
    pub seconds: f64,
    /// Every constant tensor of the input, in its order.
    pub tensors: Vec<TensorOutcome>,
}

/// What happened to a tensor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TensorOutcome {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its elements before.
    pub before: String,
    /// The type of its elements, and how operators compute with them; the same as before if it was kept.
    pub after: String,
    /// Why.
    pub reason: String,
    /// The bytes that it took.
    pub bytes_before: u64,
    /// The bytes that it takes, scales and zero points included.
    pub bytes_after: u64,
    /// How far the restored values are from the original; `None` if it was kept.
    pub error: Option<ErrorMetrics>,
    /// Its values, and the errors of the restored ones, if they were asked for.
    pub histograms: Option<(Histogram, Histogram)>,
    /// What one should know.
    pub warnings: Vec<String>,
}

/// Whether values and errors are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histograms {
    /// No: saves a pass, and restored values need no memory.
    #[default]
    None,
    /// Of every tensor that is changed.
    OfChanged,
}

impl Outcome {
    /// Returns the tensors that were changed.
    pub fn changed(&self) -> impl Iterator<Item = &TensorOutcome> {
        self.tensors.iter().filter(|tensor| tensor.error.is_some())
    }
}

impl TensorOutcome {
    /// Notes what one should know of the tensor.
    pub(super) fn warn(&mut self) {
        let Some(error) = &self.error else { return };
        if error.non_finite() > 0 {
            self.warnings.push(format!("{} of {} values are not finite", error.non_finite(), error.count()));
        }
        if error.sqnr_db() < POOR_SQNR_DB {
            self.warnings.push(format!("its error is large: SQNR {:.1} dB", error.sqnr_db()));
        }
        if error.zeroed() * 2 > error.count() {
            self.warnings.push(format!("{} of {} values were restored as 0", error.zeroed(), error.count()));
        }
    }
}

/// Returns the histograms of a tensor's values and of the errors of the restored ones.
pub(super) fn histograms(values: &ArrayD<f32>, restored: &ArrayD<f32>) -> Option<(Histogram, Histogram)> {
    let (x, y) = (values.as_slice()?, restored.as_slice()?);
    let finite = x.iter().filter(|x| x.is_finite());
    let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &x| (min.min(x), max.max(x)));
    let mut of_values = Histogram::new(ValueRange::new(min, max).ok()?, BINS).ok()?;
    of_values.add(x);
    Some((of_values, Histogram::of_errors(x, y, BINS).ok()?))
}
