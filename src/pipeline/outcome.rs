//! What happened to a file.

use super::channels::{Channels, axis_of};
use super::encoded::Encoded;
use super::format::Format;
use super::integer::IntegerOutcome;
use super::options::{Histograms, Options};
use crate::error::Result;
use crate::metrics::{ErrorMetrics, Histogram, per_tensor};
use crate::num::Real;
use crate::params::{Granularity, ValueRange};
use crate::range::AnyEstimator;
use crate::recipe::{Decision, Entry, NO_CODE, Recipe, Warning};
use crate::tensor::{AnyScheme, PackedTensor};
use ndarray::{ArrayD, ArrayViewD};
use std::path::PathBuf;
use std::time::Duration;

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
    /// The file that was written; an empty path if nothing was.
    pub output: PathBuf,
    /// The length of the input.
    pub bytes_in: u64,
    /// The length of the output.
    pub bytes_out: u64,
    /// The length of the output when it is deflated, as in an APK or a `.zip`; `None` of files beyond 16 MiB.
    pub bytes_zipped: Option<u64>,
    /// How long it took, until everything was written; how long the disk takes to keep it is not the program's to tell.
    pub seconds: f64,
    /// How long it took from there on, until the disk had it.
    pub seconds_to_disk: f64,
    /// What one should know of the whole: what of the recipe came to nothing.
    pub warnings: Vec<Warning>,
    /// Every constant tensor of the input, in its order.
    pub tensors: Vec<TensorOutcome>,
    /// What became of values and operators, if activations became codes.
    pub integer: Option<IntegerOutcome>,
}

/// What happened to a tensor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TensorOutcome {
    /// Its name.
    pub name: String,
    /// What was done to it.
    pub fate: Fate,
    /// The tensors that the operators make that use it, by name; none in formats without operators.
    pub used_for: Vec<String>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its elements before.
    pub before: String,
    /// The type of its elements, and how operators compute with them; the same as before if it was kept.
    pub after: String,
    /// Why.
    pub reason: String,
    /// The bytes that its values, scales and zero points took in the file; what several tensors share counts for the first of them.
    pub bytes_before: u64,
    /// The bytes that they take: what the writer wrote.
    pub bytes_after: u64,
    /// How far the restored values are from the original; `None` unless it was quantized.
    pub error: Option<ErrorMetrics>,
    /// How its channels fared, each beside its own values; `None` if it was not quantized, or has no channels.
    pub channels: Option<Channels>,
    /// Its values, and the errors of the restored ones, if they were asked for.
    pub histograms: Option<(Histogram, Histogram)>,
    /// The scheme that made its codes; `None` unless it was quantized.
    pub scheme: Option<AnyScheme>,
    /// What one should know.
    pub warnings: Vec<Warning>,
}

/// What became of the tensors of a file that was written, and how long the disk took to take it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) tensors: Vec<TensorOutcome>,
    pub(super) warnings: Vec<Warning>,
    pub(super) to_disk: Duration,
    pub(super) integer: Option<IntegerOutcome>,
    /// The length that the output has, or would have.
    pub(super) bytes: u64,
}

/// What was done to a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Kept,
    /// It became codes.
    Quantized,
    /// It is a bias, of the type that it had, with a shift taken out that quantized weights give to the outputs.
    Shifted,
    /// Its values are the same, in 32-bit floating point, which operators that compute in integers ask for.
    Restored,
}

impl Outcome {
    /// Returns the tensors whose values were changed: those that were quantized.
    pub fn changed(&self) -> impl Iterator<Item = &TensorOutcome> {
        self.tensors.iter().filter(|tensor| tensor.fate == Fate::Quantized)
    }
}

impl TensorOutcome {
    /// Returns what becomes of a tensor that nothing was done to yet.
    pub(super) fn planned(entry: &Entry) -> Self {
        let candidate = &entry.candidate;
        Self {
            name: candidate.name.clone(),
            fate: Fate::Kept,
            used_for: Vec::new(),
            shape: candidate.shape.clone(),
            before: candidate.element_type.clone(),
            after: entry.decision.describe(&candidate.element_type),
            reason: entry.reason.clone(),
            bytes_before: candidate.size_in_bytes,
            bytes_after: candidate.size_in_bytes,
            error: None,
            channels: None,
            histograms: None,
            scheme: None,
            warnings: Vec::new(),
        }
    }

    /// Takes down what a tensor became, and what that cost: of f64 the error is that of the f64 values, which are `wide`.
    ///
    /// # Errors
    ///
    /// Those of measuring.
    pub(super) fn judge(
        &mut self,
        values: &ArrayD<f32>,
        wide: Option<&ArrayD<f64>>,
        encoded: &Encoded,
        entry: &Entry,
        options: &Options,
    ) -> Result<()> {
        if let Encoded::Blocks(q) = encoded {
            self.fate = Fate::Quantized;
            let (original, restored) = (values.as_standard_layout(), q.dequantize());
            if options.histograms == Histograms::OfChanged {
                let (x, y) = (original.as_slice().unwrap_or(&[]), restored.as_slice().unwrap_or(&[]));
                self.histograms = histograms_of_slices(x, y);
            }
            let axis = axis_of(&entry.candidate, Granularity::Tensor);
            let (error, channels) = match wide {
                Some(wide) => between(wide.view(), &restored, axis)?,
                None => between(values.view(), &restored, axis)?,
            };
            (self.error, self.channels) = (Some(error), channels);
            return Ok(());
        }
        let (Encoded::Codes(q), Decision::Quantize(treatment)) = (encoded, &entry.decision) else {
            self.fate = Fate::Restored;
            return Ok(());
        };
        self.fate = Fate::Quantized;
        self.scheme = Some(treatment.scheme.clone());
        let error = match wide {
            Some(wide) => q.error(wide)?,
            None => q.error(values)?,
        };
        let with_plots = options.histograms == Histograms::OfChanged;
        if with_plots {
            self.histograms = histograms(values, q, error.max_abs_error());
        }
        if let Some(axis) = axis_of(&entry.candidate, treatment.scheme.granularity) {
            self.channels = match wide {
                Some(wide) => Channels::of(wide.view(), q, axis, with_plots)?,
                None => Channels::of(values.view(), q, axis, with_plots)?,
            };
        }
        self.error = Some(error);
        Ok(())
    }

    /// Notes what one should know of the tensor.
    pub(super) fn warn(&mut self) {
        if self.reason.ends_with(NO_CODE) {
            let message = format!("left as it is, for its values are broken: {}", self.reason);
            let advice = "find out where they come from: no output that they reach is a number";
            self.warnings.push(Warning::new(message, advice));
        }
        let Some(error) = &self.error else { return };
        let mut warnings = Vec::new();
        if error.non_finite() > 0 {
            let (what, of) = (error.non_finite(), error.count());
            let advice = "find out where they come from: no output that they reach is a number";
            warnings.push(Warning::new(format!("{what} of {of} values are not finite"), advice));
        }
        let is_poor = error.sqnr_db() < POOR_SQNR_DB;
        if let Some(channels) = self.channels.as_ref().filter(|channels| channels.lost > 0) {
            let Channels { lost, count, axis, .. } = channels;
            let (are, which) = (if *lost == 1 { "is" } else { "are" }, channels.lost_ones());
            let message = format!("{lost} of {count} channels along axis {axis} {are} lost, below 6 dB: {which}");
            warnings.push(Warning::new(message, self.remedy(Some(*axis))));
        } else if let Some(channels) = self.channels.as_ref().filter(|channels| channels.emptied > 0) {
            let Channels { emptied, count, axis, .. } = channels;
            let (are, which) = (if *emptied == 1 { "is" } else { "are" }, channels.emptied_ones());
            let message = format!(
                "{emptied} of {count} channels along axis {axis} {are} little more than a large value now, with most others 0: {which}"
            );
            warnings.push(Warning::new(message, self.remedy(None)));
        } else if is_poor {
            let message = format!("its error is large: SQNR {:.1} dB", error.sqnr_db());
            warnings.push(Warning::new(message, self.remedy(None)));
        }
        if error.zeroed() > error.count() / 2 {
            let message = format!("{} of {} values were restored as 0", error.zeroed(), error.count());
            // Where the error is large, it was said what can be done.
            let remedy = if warnings.is_empty() { self.remedy(None) } else { String::new() };
            warnings.push(Warning::new(message, remedy));
        }
        self.warnings.extend(warnings);
    }

    /// Returns what can be done about a large error, of channels along an axis or of the whole.
    fn remedy(&self, lost_along: Option<usize>) -> String {
        let exclude = format!("exclude it: --exclude {:?}", self.name);
        let Some(scheme) = &self.scheme else { return exclude };
        match (scheme.granularity, lost_along) {
            _ if !scheme.code.is_integer() => format!("its values are beyond {}: {exclude}", scheme.code),
            (Granularity::Tensor, Some(axis)) => {
                format!("give each channel its scale: --granularity \"per axis {axis}\"; or {exclude}")
            }
            _ if scheme.code.bits() < 8 => {
                // A bit halves the step: 6.02 dB.
                let (bits, gain) = (scheme.code.bits(), 6 * (8 - scheme.code.bits()));
                format!("int8 has about {gain} dB more than int{bits} at {} times the bytes; or {exclude}", 8 / bits)
            }
            _ if scheme.estimator == AnyEstimator::default() => {
                format!(
                    "a few large values may take the range of all: --estimator mse, or smaller groups; or {exclude}"
                )
            }
            _ => exclude,
        }
    }
}

/// Returns how far restored values are from a tensor, as a whole and by its channels.
fn between<T: Real>(
    values: ArrayViewD<'_, T>,
    restored: &ArrayD<f32>,
    axis: Option<usize>,
) -> Result<(ErrorMetrics, Option<Channels>)> {
    let error = per_tensor(values.view(), restored.view())?;
    let channels = axis.map_or(Ok(None), |axis| Channels::between(values, restored, axis))?;
    Ok((error, channels))
}

/// Returns the histograms of values and of the errors of restored ones.
fn histograms_of_slices(x: &[f32], y: &[f32]) -> Option<(Histogram, Histogram)> {
    let finite = x.iter().filter(|x| x.is_finite());
    let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &x| (min.min(x), max.max(x)));
    let mut of_values = Histogram::new(ValueRange::new(min, max).ok()?, BINS).ok()?;
    of_values.add(x);
    Some((of_values, Histogram::of_errors(x, y, BINS).ok()?))
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
