//! Weights and biases as the TFLite converter and ai-edge-quantizer write them.

use super::typed::{axis, view, with_codes};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::IxDyn;
use tensor_quant::convention::{ai_edge, tflite};
use tensor_quant::params::Granularity;
use tensor_quant::{I4, QuantizedTensor, estimate_params, quantize_tensor};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    if case.op != "convert_weights" {
        return None;
    }
    let w = view(case, "w")?;
    let granularity = match case.text("granularity")? {
        "channel" => Granularity::Axis(axis(case, w.ndim())?),
        "tensor" => Granularity::Tensor,
        _ => return None,
    };
    let mode = case.text("mode")?;
    let of_aeq = case.name.starts_with("aeq");
    let outputs = Outputs::default();
    let (outputs, scales) = if mode == "weights_int4" {
        let q = quantize_tensor(w, &ai_edge::weights::<I4>().with_granularity(granularity)).ok()?;
        (with_codes(outputs, case, "code", q.codes().as_slice()?)?, q.params().scales().to_vec())
    } else {
        let q: QuantizedTensor<i8, IxDyn> = match mode {
            _ if of_aeq => quantize_tensor(w, &ai_edge::weights::<i8>().with_granularity(granularity)).ok()?,
            "dynamic_range" => tflite::dynamic_range_weights(w, granularity).ok()?,
            "int8_full" | "int16x8" => {
                quantize_tensor(w, &tflite::weights::<i8>().with_granularity(granularity)).ok()?
            }
            _ => return None,
        };
        (with_codes(outputs, case, "code", q.codes().as_slice()?)?, q.params().scales().to_vec())
    };
    let outputs = outputs.with("scale", Values::F32(scales.clone()));
    if !case.expected.contains_key("bias_code") {
        return Some(outputs);
    }
    let calibration = view(case, "calibration")?;
    let (input, bits) = match mode {
        "int16x8" => (estimate_params(calibration, &tflite::scheme::<i16>()).ok()?, 64),
        _ => (estimate_params(calibration, &tflite::scheme::<i8>()).ok()?, 32),
    };
    let bias = tflite::quantize_bias(case.f32s("bias")?, input.scales()[0], &scales, bits).ok()?;
    let codes = match case.expected.get("bias_code")?.type_name() {
        "i64" => Values::I64(bias.codes),
        _ => Values::I32(bias.codes.into_iter().map(|code| code as i32).collect()),
    };
    Some(
        outputs
            .with("bias_code", codes)
            .with("bias_scale", Values::F32(bias.scales))
            .with("input_scale", Values::F32(input.scales().to_vec()))
            .with("input_zero_point", Values::I32(input.zero_points().to_vec())),
    )
}
