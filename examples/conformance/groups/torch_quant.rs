//! PyTorch's quantized tensors and fake quantization.

use super::typed::{axis, code_range, codes, params, restored, tensor, view, with_code, with_codes};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::{ArrayD, Axis, IxDyn};
use tensor_quant::convention::torch;
use tensor_quant::num::Code;
use tensor_quant::params::{CodeRange, Granularity, NanPolicy};
use tensor_quant::tensor::fake_quantize_backward;
use tensor_quant::{quantize_tensor, quantize_with_params};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "quantize_per_tensor" | "quantize_per_channel" | "decomposed_quantize_per_tensor" => {
            with_code!(case.text("dtype")?, C => quantize::<C>(case))
        }
        "dequantize" => with_code!(case.text("dtype")?, C => dequantize::<C>(case)),
        "observe_and_quantize_per_channel" => with_code!(case.text("dtype")?, C => observe::<C>(case)),
        "fake_quantize_per_tensor" | "fake_quantize_per_channel" => fake_quantize(case),
        "fake_quantize_learnable_per_tensor" | "fake_quantize_learnable_per_channel" => learnable(case),
        _ => None,
    }
}

/// Returns the granularity, scales and zero points: parameters of the case, or inputs of it.
fn scales(case: &Case, ndim: usize) -> Option<(Granularity, Vec<f32>, Vec<i64>)> {
    if let Some(scale) = case.f32("scale") {
        return Some((Granularity::Tensor, vec![scale], vec![case.integer("zero_point")?]));
    }
    let granularity = axis(case, ndim).map_or(Granularity::Tensor, Granularity::Axis);
    Some((granularity, case.f32s("scale")?.to_vec(), case.integers("zero_point")?))
}

fn quantize<C: Code>(case: &Case) -> Option<Outputs> {
    let x = tensor(case, "x")?;
    let (granularity, scales, zero_points) = scales(case, x.ndim())?;
    let params = params(granularity, code_range::<C>(case)?, scales, Some(zero_points))?;
    // What NaN gives is not defined there, and such elements are not compared.
    let scheme = torch::scheme::<C>().with_nan_policy(NanPolicy::Native);
    let q = quantize_with_params(x.view(), &params, scheme.settings()).ok()?;
    let restored = q.dequantize().into_raw_vec_and_offset().0;
    let outputs = with_codes(Outputs::default(), case, "code", q.codes().as_slice()?)?;
    Some(outputs.with("dequantized", Values::F32(restored)))
}

fn dequantize<C: Code>(case: &Case) -> Option<Outputs> {
    let codes = codes::<C>(case.input("code")?)?;
    let (granularity, scales, zero_points) = scales(case, codes.ndim())?;
    let params = params(granularity, CodeRange::of::<C>(), scales, Some(zero_points))?;
    Some(Outputs::default().with("y", Values::F32(restored(codes, params)?)))
}

fn observe<C: Code>(case: &Case) -> Option<Outputs> {
    let x = tensor(case, "x")?;
    let scheme = torch::scheme::<C>();
    let scheme = match axis(case, x.ndim()) {
        Some(axis) => scheme.with_axis(axis),
        None => scheme,
    };
    let q = match case.text("qscheme")?.rsplit('_').next()? {
        "symmetric" => quantize_tensor(x.view(), &scheme.with_calculator(torch::SymmetricMapping::default())),
        "affine" => quantize_tensor(x.view(), &scheme),
        _ => return None,
    };
    let q = q.ok()?;
    let outputs = with_codes(Outputs::default(), case, "code", q.codes().as_slice()?)?;
    let outputs = outputs.with("scale", Values::F32(q.params().scales().to_vec()));
    Some(outputs.with("zero_point", Values::I32(q.params().zero_points().to_vec())))
}

/// Codes of up to 16 bits and either sign are kept in 32.
fn fake_quantize(case: &Case) -> Option<Outputs> {
    let (x, gradient) = (tensor(case, "x")?, tensor(case, "grad_out")?);
    let (granularity, scales, zero_points) = scales(case, x.ndim())?;
    let params = params(granularity, code_range::<i32>(case)?, scales, Some(zero_points))?;
    let scheme = torch::scheme::<i32>().with_nan_policy(NanPolicy::Native);
    let y = quantize_with_params(x.view(), &params, scheme.settings()).ok()?.dequantize();
    let grad_x = fake_quantize_backward(x.view(), gradient.view(), &params, scheme.settings()).ok()?;
    let values = |array: ArrayD<f32>| Values::F32(array.into_raw_vec_and_offset().0);
    Some(Outputs::default().with("y", values(y)).with("grad_x", values(grad_x)))
}

fn learnable(case: &Case) -> Option<Outputs> {
    let (x, gradient) = (view(case, "x")?, view(case, "grad_out")?);
    let (scales, zero_points) = (case.f32s("scale")?, case.f32s("zero_point")?);
    let range = code_range::<i32>(case)?;
    let factor = case.params.get("grad_factor")?.as_f64()? as f32;
    // Groups first: one for a tensor, else the channels.
    let axis = axis(case, x.ndim()).filter(|_| scales.len() > 1 || case.op.ends_with("channel"));
    let (mut y, mut grad_x) = (ArrayD::zeros(x.raw_dim()), ArrayD::zeros(x.raw_dim()));
    let (mut grad_scale, mut grad_zero_point) = (vec![], vec![]);
    for (i, (&scale, &zero_point)) in scales.iter().zip(zero_points).enumerate() {
        let part = |array: &ArrayD<f32>| match axis {
            Some(axis) => array.index_axis(Axis(axis), i).to_owned(),
            None => array.clone(),
        };
        let (xs, gs) = (part(&x.to_owned()), part(&gradient.to_owned()));
        let xs: Vec<f32> = xs.iter().copied().collect();
        let gs: Vec<f32> = gs.iter().copied().collect();
        let result = torch::fake_quantize_learnable(&xs, &gs, scale, zero_point, range, factor).ok()?;
        let put = |to: &mut ArrayD<f32>, from: Vec<f32>| -> Option<()> {
            let mut to = match axis {
                Some(axis) => to.index_axis_mut(Axis(axis), i),
                None => to.view_mut(),
            };
            let from = ArrayD::from_shape_vec(IxDyn(to.shape()), from).ok()?;
            to.assign(&from);
            Some(())
        };
        put(&mut y, result.y)?;
        put(&mut grad_x, result.grad_x)?;
        grad_scale.push(result.grad_scale);
        grad_zero_point.push(result.grad_zero_point);
    }
    let values = |array: ArrayD<f32>| Values::F32(array.into_raw_vec_and_offset().0);
    Some(
        Outputs::default()
            .with("y", values(y))
            .with("grad_x", values(grad_x))
            .with("grad_scale", Values::F32(grad_scale))
            .with("grad_zero_point", Values::F32(grad_zero_point)),
    )
}
