//! The classifier in integers only: int8 weights and activations, int32 sums, fixed-point rescaling.

use super::{ACTIVATIONS, Tensors, layer};
use ndarray::{Array2, ArrayView1, ArrayView2, Ix2};
use std::collections::BTreeMap;
use std::error::Error;
use tensor_quant::convention::ConventionError;
use tensor_quant::convention::tflite::{quantize_bias, weights};
use tensor_quant::params::QuantParams;
use tensor_quant::tensor::{ActivationParams, FullyConnected, Fused};
use tensor_quant::{QuantizedTensor, Scheme, estimate_params, quantize_with_params};

/// Runs the classifier on inputs, all of it in integers, and returns the codes of the outputs. `activations` holds the
/// parameters of each activation by its name.
pub(crate) fn run(
    tensors: &Tensors,
    activations: &BTreeMap<String, QuantParams>,
    inputs: &Array2<f32>,
) -> Result<Array2<i8>, Box<dyn Error>> {
    let params = |name: &str| activations.get(name).ok_or("an activation was not calibrated");
    let activation = |name: &str| -> Result<ActivationParams, Box<dyn Error>> {
        Ok(ActivationParams { scale: params(name)?.scales()[0], zero_point: params(name)?.zero_points()[0] })
    };
    let mut input = activation(ACTIVATIONS[0])?;
    let scheme = Scheme::<i8>::affine();
    let mut codes = quantize_with_params(inputs.view(), params(ACTIVATIONS[0])?, scheme.settings())?.into_parts().0;
    for (number, name) in ACTIVATIONS[1..].iter().enumerate() {
        let output = activation(name)?;
        let (weight, bias) = layer(tensors, number)?;
        let (weight, bias) = weights_and_bias(weight, bias, input.scale)?;
        let fused = if number < 2 { Fused::Relu } else { Fused::None };
        codes = FullyConnected::new(&weight, bias, input, output, fused)?.forward(codes.view())?;
        input = output;
    }
    Ok(codes)
}

type WeightsAndBias = (QuantizedTensor<i8, Ix2>, Vec<i32>);

/// Quantizes a layer; where a channel's weights are so small that its bias would not fit 32 bits, with a larger scale.
fn weights_and_bias(
    weight: ArrayView2<'_, f32>,
    bias: ArrayView1<'_, f32>,
    input_scale: f32,
) -> Result<WeightsAndBias, Box<dyn Error>> {
    let scheme = weights::<i8>().with_axis(0);
    let found = estimate_params(weight, &scheme)?;
    let mut scales = found.scales().to_vec();
    let bias = bias.to_vec();
    loop {
        match quantize_bias(&bias, input_scale, &scales, 32) {
            Ok(bias) => {
                let zero_points = vec![0; scales.len()];
                let params = QuantParams::new(found.granularity(), found.codes(), scales, zero_points)?;
                let bias = bias.codes.into_iter().map(i32::try_from).collect::<Result<_, _>>()?;
                return Ok((quantize_with_params(weight, &params, scheme.settings())?, bias));
            }
            Err(error) => match error.floor() {
                Some(&ConventionError::BiasOverflow { channel, smallest_weight_scale, .. })
                    if smallest_weight_scale > scales[channel] =>
                {
                    scales[channel] = smallest_weight_scale;
                }
                _ => return Err(error.into()),
            },
        }
    }
}
