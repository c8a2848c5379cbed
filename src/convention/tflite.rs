//! TFLite (LiteRT): its converter's weights and biases, its reference kernels, its choice of parameters.

use crate::error::{Error, Result};
use crate::num::{Code, HalfAway, Real, Rounding, Scaling};
use crate::params::{
    AffineParams, CodeRange, Granularity, NanPolicy, ParamsCalculator, QuantParams, ValueRange, ZeroPoints,
};
use crate::range::{MinMax, RangeEstimator};
use crate::tensor::{QuantizedTensor, Scheme, estimate_params, for_each_f32_piece};
use alloc::vec::Vec;
use ndarray::{Array, ArrayView, Dimension};
use num_traits::Float;

/// Returns the scheme of the reference `QUANTIZE` kernel: `clamp(away(x / scale) + zero_point)`, with the converter's
/// parameters for activations.
pub fn scheme<C: Code>() -> Scheme<C, MinMax, Activations, HalfAway> {
    Scheme::<C>::affine().with_calculator(Activations).with_rounding(HalfAway).with_nan_policy(NanPolicy::Native)
}

/// Returns the scheme of weights in full-integer models: `clamp(away(x · (1 / scale)), −127, 127)`, scale = max|w| / 127.
///
/// Per axis: 0 for convolutions and fully-connected layers, 3 for depthwise convolutions.
pub fn weights<C: Code>() -> Scheme<C, MinMax, Weights, HalfAway> {
    let scheme = Scheme::<C>::symmetric().with_calculator(Weights).with_rounding(HalfAway);
    scheme.with_scaling(Scaling::Reciprocal)
}

/// The converter's parameters for weights: `scale = max|w| / qmax`, 1 for zeros. In f32.
///
/// They are for signed integer codes, among which the zero point of 0 is; floating codes are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights;

impl ParamsCalculator for Weights {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        check_integer(codes)?;
        let scale = match range.max_abs() {
            0.0 => 1.0,
            max_abs => f64::from(max_abs) / codes.max(),
        };
        AffineParams::new(scale, 0)
    }

    fn zero_points(&self, _codes: CodeRange) -> ZeroPoints {
        ZeroPoints::One(0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}

/// The converter's parameters for activations: `scale = (max − min) / 255` of the range with zero, in f32, and
/// `zero_point = rint(qmin − min / scale)`; a scale of 1 for zeros.
///
/// Types of 16 bits are symmetric: scale = max|x| / 32767. A range wider than `f32::MAX` counts as
/// `f32::MAX` wide. Floating codes are refused. ([`choose_params`] is the interpreter's own choice, in f64.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activations;

impl ParamsCalculator for Activations {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        check_integer(codes)?;
        if codes.max() == 32_767.0 {
            return Weights.params(range, codes);
        }
        let range = range.with_zero();
        let width = (range.max() - range.min()).min(f32::MAX);
        // Raised where it is no normal number, or none at all.
        let step = (width / (codes.max() - codes.min()) as f32).max(f32::MIN_POSITIVE);
        let scale = if width == 0.0 { 1.0 } else { step };
        let params = AffineParams::new(f64::from(scale), 0)?;
        let zero_point = codes.min() as f32 - range.min() / params.scale();
        let zero_point = super::torch::ties_even(zero_point.clamp(codes.min() as f32, codes.max() as f32));
        AffineParams::new(f64::from(scale), zero_point as i32)
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        if codes.max() == 32_767.0 { ZeroPoints::One(0) } else { ZeroPoints::Any }
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        if full.max() == 32_767.0 { full.narrow() } else { full }
    }
}

fn check_integer(codes: CodeRange) -> Result<()> {
    if codes.is_integer() { Ok(()) } else { Err(Error::IntegerCodesOnly { what: "the converter of TFLite" }) }
}

/// Returns the scale and zero point that `ChooseQuantizationParams` computes for a range that holds zero, all in f64;
/// 0 and 0 for a range that is only zero.
pub fn choose_params(min: f64, max: f64, codes: CodeRange) -> (f64, i32) {
    let (qmin, qmax) = (codes.min(), codes.max());
    if min == max {
        return (0.0, 0);
    }
    let scale = (max - min) / (qmax - qmin);
    let from_min = qmin - min / scale;
    let from_max = qmax - max / scale;
    let min_error = qmin.abs() + (min / scale).abs();
    let max_error = qmax.abs() + (max / scale).abs();
    let zero_point = if min_error < max_error { from_min } else { from_max };
    let zero_point = if zero_point < qmin {
        qmin
    } else if zero_point > qmax {
        qmax
    } else {
        Float::round(zero_point)
    };
    (scale, zero_point as i32)
}

/// Returns weights as dynamic-range models store them: `away(w / (max|w| / 127))`, everything in f64; the stored scale is
/// that f64, rounded to f32. A channel of zeros has a scale of 1.
///
/// # Errors
///
/// [`Error::NotANumber`], [`Error::NoData`], and those of the granularity.
pub fn dynamic_range_weights<T: Real, D: Dimension>(
    weights: ArrayView<'_, T, D>,
    granularity: Granularity,
) -> Result<QuantizedTensor<i8, D>> {
    let scheme = self::weights::<i8>().with_granularity(granularity);
    let found = estimate_params(weights.view(), &scheme.with_calculator(MaxAbs))?;
    // The parameters so far are max|w|: an f64 scale from it loses nothing. One that has to be raised, so as to be a normal
    // f32, is the one that codes are chosen for.
    let smallest = f64::from(f32::MIN_POSITIVE);
    let scales: Vec<f64> = found.scales().iter().map(|&max| (f64::from(max) / 127.0).max(smallest)).collect();
    let weights = weights.as_standard_layout();
    let mut codes = Vec::with_capacity(weights.len());
    for_each_f32_piece(&weights.view(), granularity, |span, values| {
        for (k, run) in values.chunks(span.repeat).enumerate() {
            let scale = scales[span.first_group + k];
            codes.extend(run.iter().map(|&w| away(f64::from(w) / scale)));
        }
        Ok(())
    })?;
    let stored = scales.iter().map(|&scale| scale as f32).collect();
    let zero_points = alloc::vec![0; scales.len()];
    let params = QuantParams::new(granularity, CodeRange::of::<i8>().narrow(), stored, zero_points)?;
    let mismatch = |_| Error::LengthMismatch { what: "codes", expected: 0, actual: 0 };
    QuantizedTensor::new(Array::from_shape_vec(weights.raw_dim(), codes).map_err(mismatch)?, params)
}

/// Returns the whole number nearest to a quotient, halves away from zero, within ±127. (`f64::round` is a call where the
/// target guarantees no instruction for it.)
fn away(quotient: f64) -> i8 {
    let quotient = quotient.clamp(-127.0, 127.0);
    let whole = quotient as i32;
    // What is cut off is exact.
    let rest = quotient - f64::from(whole);
    (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i8
}

/// A "scale" that is max|w| itself; 127 for zeros, so that their scale is 1.
#[derive(Clone, Copy, Debug)]
struct MaxAbs;

impl ParamsCalculator for MaxAbs {
    fn params(&self, range: ValueRange, _codes: CodeRange) -> Result<AffineParams> {
        let max_abs = match range.max_abs() {
            0.0 => 127.0,
            max_abs => max_abs.max(f32::MIN_POSITIVE),
        };
        AffineParams::new(f64::from(max_abs), 0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}

/// The codes of a bias, and the scales that restore them.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedBias {
    /// `away(b · (1 / scale))`.
    pub codes: Vec<i64>,
    /// `s_in · s_w`, in f32, one a channel.
    pub scales: Vec<f32>,
}

/// Steps of an f32 by which three roundings may miss.
const FEW_STEPS: u32 = 8;

/// Returns a bias in the scale of the accumulator it is added to, `s_in · s_w`: codes of `bits` bits, 32 for models of 8-bit
/// activations, 64 (of which 40 may be used) for those of 16 bits.
///
/// # Errors
///
/// [`Error::BiasOverflow`] if a code does not fit: it names the channel and the smallest weight scale at which it would.
/// [`Error::LengthMismatch`] unless there are as many weight scales as biases, or one; [`Error::NotANumber`].
///
/// # Examples
///
/// ```
/// use tensor_quant::convention::tflite::quantize_bias;
///
/// let bias = quantize_bias(&[0.5, -1.0], 0.1, &[0.5, 0.25], 32)?;
/// assert_eq!(bias.codes, [10, -40]);
/// assert!(quantize_bias(&[1e6], 1e-3, &[1e-5], 32).is_err());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_bias(bias: &[f32], input_scale: f32, weight_scales: &[f32], bits: u32) -> Result<QuantizedBias> {
    if weight_scales.len() != bias.len() && weight_scales.len() != 1 {
        let (expected, actual) = (bias.len(), weight_scales.len());
        return Err(Error::LengthMismatch { what: "weight scales", expected, actual });
    }
    let bits = if bits == 32 { 32 } else { 40 };
    let limit = ((1_i64 << (bits - 1)) - 1) as f64;
    let (mut codes, mut scales) = (Vec::with_capacity(bias.len()), Vec::with_capacity(bias.len()));
    for (channel, &b) in bias.iter().enumerate() {
        if b.is_nan() {
            return Err(Error::NotANumber { index: alloc::vec![channel] });
        }
        let weight_scale = weight_scales[channel.min(weight_scales.len() - 1)];
        let scale = input_scale * weight_scale;
        let code = |scale: f32| HalfAway.round(b * (1.0 / scale), 0);
        let fits = |scale: f32| f64::from(code(scale)).abs() <= limit;
        if !fits(scale) {
            let mut smallest_weight_scale = (f64::from(b.abs()) / (limit * f64::from(input_scale))) as f32;
            // A few steps up, for what the three roundings in f32 take away.
            for _ in 0..FEW_STEPS {
                if !fits(input_scale * smallest_weight_scale) && smallest_weight_scale < f32::MAX {
                    smallest_weight_scale = smallest_weight_scale.next_up();
                }
            }
            return Err(Error::BiasOverflow { channel, bias: b, scale, bits, smallest_weight_scale });
        }
        codes.push(code(scale) as i64);
        scales.push(scale);
    }
    Ok(QuantizedBias { codes, scales })
}

/// A row of activations as TFLite's hybrid kernels quantize it at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedRow {
    /// The codes.
    pub codes: Vec<i8>,
    /// The scale.
    pub scale: f32,
    /// The zero point; 0 for a symmetric row.
    pub zero_point: i32,
}

/// Returns a row with codes in −127..=127: `away(x · (127 / max|x|))`; a row of zeros has a scale of 1.
/// (`SymmetricQuantizeFloats`.)
///
/// # Errors
///
/// [`Error::NoData`] for a row without a finite value.
pub fn symmetric_row(x: &[f32]) -> Result<QuantizedRow> {
    let range = range_of(x)?;
    let max_abs = range.max_abs();
    if max_abs == 0.0 {
        return Ok(QuantizedRow { codes: alloc::vec![0; x.len()], scale: 1.0, zero_point: 0 });
    }
    let inverse = 127.0 / max_abs;
    let code = |&x: &f32| HalfAway.round(x * inverse, 0).clamp(-127.0, 127.0) as i8;
    Ok(QuantizedRow { codes: x.iter().map(code).collect(), scale: max_abs / 127.0, zero_point: 0 })
}

/// Returns a row with codes in −128..=127: `away(zero_point + x · (1 / scale))`, the zero point added before rounding; a
/// row of zeros has a scale of 1. (`AsymmetricQuantizeFloats`.)
///
/// # Errors
///
/// [`Error::NoData`] for a row without a finite value.
pub fn asymmetric_row(x: &[f32]) -> Result<QuantizedRow> {
    let range = range_of(x)?.with_zero();
    let (min, max) = (f64::from(range.min()), f64::from(range.max()));
    let (scale, zero_point) = choose_params(min, max, CodeRange::of::<i8>());
    if scale == 0.0 {
        return Ok(QuantizedRow { codes: alloc::vec![0; x.len()], scale: 1.0, zero_point: 0 });
    }
    let scale = scale as f32;
    let inverse = 1.0 / scale;
    let code = |&x: &f32| HalfAway.round(zero_point as f32 + x * inverse, 0).clamp(-128.0, 127.0) as i8;
    Ok(QuantizedRow { codes: x.iter().map(code).collect(), scale, zero_point })
}

fn range_of(x: &[f32]) -> Result<ValueRange> {
    let mut estimator = MinMax::default();
    estimator.observe(x);
    estimator.range(&CodeRange::of::<i8>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_as_the_definition_does() {
        for code in -128..=128 {
            for half in [-0.5, 0.0, 0.5] {
                let near = f64::from(code) + half;
                for quotient in [near.next_down(), near, near.next_up()] {
                    assert_eq!(f64::from(away(quotient)), quotient.round().clamp(-127.0, 127.0), "{quotient:e}");
                }
            }
        }
        assert_eq!((away(f64::INFINITY), away(-1e300), away(0.499_999_999_999_999_94)), (127, -127, 0));
    }

    #[test]
    fn codes_are_chosen_for_the_scale_that_is_stored() -> Result<()> {
        let tiny = f32::MIN_POSITIVE / 4.0;
        let weights = ndarray::array![[0.0_f32, -0.0], [tiny, -tiny], [0.5, -1.0]];
        let q = dynamic_range_weights(weights.view(), Granularity::Axis(0))?;
        assert_eq!(q.params().scales(), [1.0, f32::MIN_POSITIVE, 1.0 / 127.0]);
        assert_eq!(q.codes(), ndarray::array![[0, 0], [0, 0], [64, -127]]);
        Ok(())
    }
}
