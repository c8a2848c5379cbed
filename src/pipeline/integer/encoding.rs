//! Constants as codes: weights, biases, operands.

use super::importance::Importance;
use crate::convention::ConventionError;
use crate::convention::tflite;
use crate::error::Result;
use crate::graph::ValueId;
use crate::metrics::ErrorMetrics;
use crate::num::CodeType;
use crate::params::{Granularity, QuantParams};
use crate::range::Mse;
use crate::recipe::integer::ValueCodes;
use crate::tensor::{quantize_tensor, quantize_with_params};
use ndarray::ArrayD;

/// Weights as codes, with a scale for each output channel.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) axis: usize,
    pub(crate) scales: Vec<f32>,
    pub(crate) codes: Vec<u8>,
    pub(crate) restored: ArrayD<f32>,
    pub(crate) error: ErrorMetrics,
}

/// A use of weights by an operator with a bias: what its scales have to allow.
#[derive(Clone, Debug)]
pub(crate) struct BiasUse {
    pub(crate) input_scale: f32,
    pub(crate) bias: Vec<f32>,
    pub(crate) bits: u32,
}

/// A channel whose weight scale had to be raised, for its bias to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Raised {
    pub(crate) channel: usize,
    pub(crate) from: f32,
    pub(crate) to: f32,
}

/// How the scales of weights are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WeightRanges {
    /// The largest magnitude of a channel, as the converter has it.
    #[default]
    MinMax,
    /// The smallest squared error, of weights that count as much as what they are multiplied with.
    Mse,
    /// Codes and scales chosen for what layers make of samples; where that is nothing better, the largest magnitude.
    Refitted,
}

/// Weights that were chosen for what a layer makes of samples.
#[derive(Clone, Debug)]
pub(crate) struct Refitted {
    /// What the codes stand for.
    pub(crate) reals: ArrayD<f32>,
    /// The scales, for each output channel.
    pub(crate) scales: Vec<f32>,
}

/// Returns refitted weights as codes whose scales every use's bias fits in; `None` if one does not.
pub(crate) fn refitted(
    values: &ArrayD<f32>,
    axis: usize,
    chosen: &Refitted,
    uses: &[BiasUse],
) -> Result<Option<Weights>> {
    let mut scales = chosen.scales.clone();
    raise(&mut scales, values, axis, uses)?;
    if scales != chosen.scales || chosen.reals.shape() != values.shape() {
        return Ok(None);
    }
    let scheme = tflite::weights::<i8>().with_axis(axis);
    let codes = crate::params::CodeRange::of::<i8>().narrow();
    let params = QuantParams::new(Granularity::Axis(axis), codes, scales.clone(), vec![0; scales.len()])?;
    let q = quantize_with_params(chosen.reals.view(), &params, scheme.settings())?;
    let restored = q.dequantize();
    let error = q.error(values.view())?;
    let codes = q.codes().iter().map(|&code| code as u8).collect();
    Ok(Some(Weights { axis, scales, codes, restored, error }))
}

/// Bits that a bias has at least where all weights of its channel are 0, and the scale is free.
const FREE_BIAS_BITS: u32 = 20;

/// Returns weights as codes whose scales every use's bias fits in, and the channels where that took other scales.
pub(crate) fn weights(
    values: &ArrayD<f32>,
    axis: usize,
    ranges: WeightRanges,
    importance: Option<(&Importance, ValueId)>,
    uses: &[BiasUse],
) -> Result<(Weights, Vec<Raised>)> {
    let scheme = tflite::weights::<i8>().with_axis(axis);
    let plain = match ranges {
        WeightRanges::Mse if importance.is_none() => {
            quantize_tensor(values.view(), &scheme.with_estimator(Mse::default()))?
        }
        WeightRanges::Mse | WeightRanges::MinMax | WeightRanges::Refitted => quantize_tensor(values.view(), &scheme)?,
    };
    let mut scales = plain.params().scales().to_vec();
    let of_inputs = importance.filter(|_| ranges == WeightRanges::Mse);
    let searched = of_inputs.and_then(|(importance, id)| importance.scales(id, values, axis, &scales));
    let is_searched = searched.is_some();
    if let Some(searched) = searched {
        scales = searched;
    }
    let before = scales.clone();
    let raised = raise(&mut scales, values, axis, uses)?;
    let q = if before == scales && !is_searched {
        plain
    } else {
        let zero_points = vec![0; scales.len()];
        let params = QuantParams::new(Granularity::Axis(axis), plain.params().codes(), scales.clone(), zero_points)?;
        quantize_with_params(values.view(), &params, scheme.settings())?
    };
    let restored = q.dequantize();
    let error = q.error(values.view())?;
    let codes = q.codes().iter().map(|&code| code as u8).collect();
    Ok((Weights { axis, scales, codes, restored, error }, raised))
}

/// Raises the scales of channels whose bias would not fit, and chooses those of channels whose weights are all 0.
fn raise(scales: &mut [f32], values: &ArrayD<f32>, axis: usize, uses: &[BiasUse]) -> Result<Vec<Raised>> {
    let mut raised = Vec::new();
    for (channel, scale) in scales.iter_mut().enumerate() {
        let from = *scale;
        let row = (values.ndim() > axis).then(|| values.index_axis(ndarray::Axis(axis), channel));
        if row.is_some_and(|row| row.iter().all(|&w| w == 0.0)) {
            let needed = uses.iter().filter_map(|of| Some((of.bias.get(channel)?.abs(), of.input_scale)));
            let free =
                needed.map(|(bias, input)| bias / (input * (1_u32 << FREE_BIAS_BITS) as f32)).fold(0.0, f32::max);
            // Larger than the sums of such steps: the accumulator never saturates.
            *scale = if free > f32::MIN_POSITIVE && free.is_finite() { free } else { from };
            continue;
        }
        for of in uses {
            let Some(&bias) = of.bias.get(channel) else { continue };
            match tflite::quantize_bias(&[bias], of.input_scale, &[*scale], of.bits) {
                Ok(_) => {}
                Err(error) => match error.floor() {
                    Some(&ConventionError::BiasOverflow { smallest_weight_scale, .. }) => {
                        *scale = smallest_weight_scale;
                    }
                    _ => return Err(error),
                },
            }
        }
        if *scale > from {
            raised.push(Raised { channel, from, to: *scale });
        }
    }
    Ok(raised)
}

/// Returns the bytes of a bias' codes, its scales, and what it costs.
pub(crate) fn bias(of: &BiasUse, weights: &Weights) -> Result<(Vec<u8>, Vec<f32>, ErrorMetrics)> {
    let quantized = tflite::quantize_bias(&of.bias, of.input_scale, &weights.scales, of.bits)?;
    let codes = quantized.codes.iter().zip(&quantized.scales);
    let restored: Vec<f32> = codes.map(|(&code, &scale)| (code as f64 * f64::from(scale)) as f32).collect();
    let error = ErrorMetrics::between(&of.bias, &restored)?;
    let bytes = if of.bits == 32 {
        quantized.codes.iter().flat_map(|&code| (code as i32).to_le_bytes()).collect()
    } else {
        quantized.codes.iter().flat_map(|code| code.to_le_bytes()).collect()
    };
    Ok((bytes, quantized.scales, error))
}

/// Returns the bytes of an operand's codes, and what they cost.
pub(crate) fn operand(values: &ArrayD<f32>, codes: ValueCodes) -> Result<(Vec<u8>, ErrorMetrics)> {
    if codes.code == CodeType::I16 {
        let params = QuantParams::per_tensor::<i16>(codes.scale, codes.zero_point)?;
        let q = quantize_with_params(values.view(), &params, tflite::scheme::<i16>().settings())?;
        return Ok((q.codes().iter().flat_map(|code| code.to_le_bytes()).collect(), q.error(values.view())?));
    }
    let params = QuantParams::per_tensor::<i8>(codes.scale, codes.zero_point)?;
    let q = quantize_with_params(values.view(), &params, tflite::scheme::<i8>().settings())?;
    Ok((q.codes().iter().map(|&code| code as u8).collect(), q.error(values.view())?))
}
