//! TFLite's reference kernels.

use super::typed::{axis, codes, params, restored, tensor, with_code, with_codes};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::Ix2;
use tensor_quant::convention::tflite;
use tensor_quant::num::Code;
use tensor_quant::params::{CodeRange, Granularity, ProductRounding, QuantParams};
use tensor_quant::tensor::{ActivationParams, FullyConnected, Fused};
use tensor_quant::{QuantizedTensor, quantize_with_params};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "tflite_quantize" | "tflite_quantize_per_channel" => with_code!(case.text("dtype")?, C => quantize::<C>(case)),
        "tflite_dequantize" => with_code!(case.text("dtype")?, C => {
            let codes = codes::<C>(case.input("code")?)?;
            let params = QuantParams::per_tensor::<C>(case.f32("scale")?, case.integer("zero_point")? as i32).ok()?;
            Some(Outputs::default().with("y", Values::F32(restored(codes, params)?)))
        }),
        "tflite_requantize" => {
            with_code!(case.text("from")?, A => with_code!(case.text("to")?, B => requantize::<A, B>(case)))
        }
        "tflite_fully_connected" => fully_connected(case),
        _ => None,
    }
}

fn quantize<C: Code>(case: &Case) -> Option<Outputs> {
    let x = tensor(case, "x")?;
    let (granularity, scales, zero_points) = if let Some(scale) = case.f32("scale") {
        (Granularity::Tensor, vec![scale], vec![case.integer("zero_point")?])
    } else {
        let granularity = Granularity::Axis(axis(case, x.ndim())?);
        (granularity, case.f32s("scale")?.to_vec(), case.integers("zero_point")?)
    };
    let params = params(granularity, CodeRange::of::<C>(), scales, Some(zero_points))?;
    let q = quantize_with_params(x.view(), &params, tflite::scheme::<C>().settings()).ok()?;
    with_codes(Outputs::default(), case, "y", q.codes().as_slice()?)
}

fn requantize<A: Code, B: Code>(case: &Case) -> Option<Outputs> {
    let zero_point = |name| Some(case.integer(name)? as i32);
    let from = QuantParams::per_tensor::<A>(case.f32("scale_in")?, zero_point("zero_point_in")?).ok()?;
    let q = QuantizedTensor::new(codes::<A>(case.input("x")?)?, from).ok()?;
    let (scale, zero_point) = (case.f32("scale_out")?, zero_point("zero_point_out")?);
    let q = q.requantize::<B>(scale, zero_point, ProductRounding::Double).ok()?;
    with_codes(Outputs::default(), case, "y", q.codes().as_slice()?)
}

fn fully_connected(case: &Case) -> Option<Outputs> {
    let weights = codes::<i8>(case.input("w")?)?.into_dimensionality::<Ix2>().ok()?;
    // All axes of the input but the last are batches.
    let (x, depth) = (codes::<i8>(case.input("x")?)?, weights.ncols());
    let batches = x.len().checked_div(depth)?;
    let x = x.into_shape_with_order((batches, depth)).ok()?;
    let scales = case.f32s("scale_w")?;
    let granularity = if scales.len() == 1 { Granularity::Tensor } else { Granularity::Axis(0) };
    let params = params(granularity, CodeRange::of::<i8>(), scales.to_vec(), None)?;
    let weights = QuantizedTensor::new(weights, params).ok()?;
    let activation = |scale, zero_point| {
        Some(ActivationParams { scale: case.f32(scale)?, zero_point: case.integer(zero_point)? as i32 })
    };
    let fused = match case.text("activation")? {
        "none" => Fused::None,
        "relu" => Fused::Relu,
        "relu6" => Fused::Relu6,
        "relu_n1_to_1" => Fused::ReluN1To1,
        _ => return None,
    };
    let bias = match case.integers("bias") {
        Some(bias) => bias.into_iter().map(|b| b as i32).collect(),
        None => vec![0; weights.codes().nrows()],
    };
    let input = activation("scale_in", "zero_point_in")?;
    let output = activation("scale_out", "zero_point_out")?;
    let layer = FullyConnected::new(&weights, bias, input, output, fused).ok()?;
    let y = layer.forward(x.view()).ok()?;
    Some(Outputs::default().with("y", Values::I8(y.into_raw_vec_and_offset().0)))
}
