//! What happened to a file.

use super::format::Format;
use crate::metrics::{ErrorMetrics, Histogram};
use crate::params::ValueRange;
use crate::recipe::Recipe;
use crate::tensor::PackedTensor;
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
    /// No: saves two passes.
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
        if error.zeroed() > error.count() / 2 {
            self.warnings.push(format!("{} of {} values were restored as 0", error.zeroed(), error.count()));
        }
    }
}

/// Returns the histograms of a tensor's values and of the errors of the restored ones, which are at most `largest`.
///
/// A few KiB are restored at a time.
pub(super) fn histograms(values: &ArrayD<f32>, q: &PackedTensor, largest: f64) -> Option<(Histogram, Histogram)> {
    let x = values.as_slice()?;
    let finite = x.iter().filter(|x| x.is_finite());
    let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &x| (min.min(x), max.max(x)));
    let mut of_values = Histogram::new(ValueRange::new(min, max).ok()?, BINS).ok()?;
    of_values.add(x);
    // Rounded up, so that the largest error itself is inside.
    let bound = (largest as f32).next_up().min(f32::MAX);
    let mut of_errors = Histogram::new(ValueRange::new(-bound, bound).ok()?, BINS).ok()?;
    let mut errors = Vec::new();
    q.for_each_piece(&mut |range, restored| {
        errors.clear();
        errors.extend(x[range].iter().zip(restored).map(|(x, y)| x - y));
        of_errors.add(&errors);
    });
    Some((of_values, of_errors))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::tensor::AnyScheme;

    #[test]
    fn histograms_of_a_piece_at_a_time_are_those_of_all() {
        // Rows with scales of 1, 2 and 4, and errors that are exact in f32.
        let value = |i: usize| ((i % 1017) as f32 / 4.0 - 127.0) * (1 << (i / 50_000)) as f32;
        let values = ArrayD::from_shape_vec(vec![3, 50_000], (0..150_000).map(value).collect()).unwrap();
        for axis in [0, 1] {
            let q = AnyScheme::new(crate::num::CodeType::I8).with_axis(axis).quantize(&values).unwrap();
            let restored = q.dequantize();
            let (x, y) = (values.as_slice().unwrap(), restored.as_slice().unwrap());
            let largest = ErrorMetrics::between(x, y).unwrap().max_abs_error();
            let (of_values, of_errors) = histograms(&values, &q, largest).unwrap();
            assert_eq!(of_values.counts().iter().sum::<u64>(), 150_000);
            let whole = Histogram::of_errors(x, y, BINS).unwrap();
            let total = |h: &Histogram| h.counts().iter().sum::<u64>();
            assert_eq!((of_errors.range(), total(&of_errors)), (whole.range(), total(&whole)));
            assert_eq!(of_errors.counts(), whole.counts());
        }
    }
}
