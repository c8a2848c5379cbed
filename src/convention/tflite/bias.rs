//! A bias in the scale of the accumulator that it is added to.

use crate::convention::error::ConventionError;
use crate::error::{Error, Result};
use crate::num::{HalfAway, Rounding};
use alloc::vec::Vec;

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
/// [`ConventionError::BiasOverflow`] if a code does not fit: it names the channel and the smallest weight scale at which it
/// would.
/// [`Error::LengthMismatch`] unless there are as many weight scales as biases, or one; [`Error::NotANumber`];
/// [`Error::InvalidSetting`] for any other number of bits (40, those that may be used, is 64).
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
    let bits = match bits {
        32 => 32,
        40 | 64 => 40,
        _ => {
            let (what, expected) = ("the number of bits of a bias", "32 or 64");
            return Err(Error::InvalidSetting { what, expected, actual: f64::from(bits) });
        }
    };
    let limit = ((1_i64 << (bits - 1)) - 1) as f64;
    let (mut codes, mut scales) = (Vec::with_capacity(bias.len()), Vec::with_capacity(bias.len()));
    for (channel, &b) in bias.iter().enumerate() {
        if b.is_nan() {
            return Err(Error::NotANumber { index: alloc::vec![channel] });
        }
        let weight_scale = weight_scales[channel.min(weight_scales.len() - 1)];
        let scale = input_scale * weight_scale;
        let code_of = |scale: f32| HalfAway.round(b * (1.0 / scale), 0);
        let fits = |code: f32| f64::from(code).abs() <= limit;
        let code = code_of(scale);
        if !fits(code) {
            let mut smallest_weight_scale = (f64::from(b.abs()) / (limit * f64::from(input_scale))) as f32;
            // A few steps up, for what the three roundings in f32 take away.
            for _ in 0..FEW_STEPS {
                if !fits(code_of(input_scale * smallest_weight_scale)) && smallest_weight_scale < f32::MAX {
                    smallest_weight_scale = smallest_weight_scale.next_up();
                }
            }
            return Err(ConventionError::BiasOverflow { channel, bias: b, scale, bits, smallest_weight_scale }.into());
        }
        codes.push(code as i64);
        scales.push(scale);
    }
    Ok(QuantizedBias { codes, scales })
}
