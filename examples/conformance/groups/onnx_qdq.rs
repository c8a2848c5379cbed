//! ONNX's `QuantizeLinear`, `DequantizeLinear` and `DynamicQuantizeLinear`.

use super::typed::{axis, codes, params, tensor, view, with_code, with_codes, with_integers};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use tensor_quant::convention::onnx;
use tensor_quant::num::{Code, PackOrder, Real, pack};
use tensor_quant::params::{CodeRange, Granularity, QuantParams};
use tensor_quant::{QuantizedTensor, f16};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "QuantizeLinear" => with_code!(case.text("output")?, C => quantize::<C>(case)),
        "DequantizeLinear" => with_code!(case.text("input")?, C => dequantize::<C>(case)),
        "DynamicQuantizeLinear" => dynamic(case, "x", ["y", "scale", "zero_point"]),
        "onnx_DynamicQuantizeLinear" => dynamic(case, "x", ["y", "y_scale", "y_zero_point"]),
        "onnx_QuantizeLinear" => with_code!(type_of(case, "y")?, C => node_quantize::<C>(case)),
        "onnx_DequantizeLinear" => with_code!(type_of(case, "x")?, C => node_dequantize::<C>(case)),
        "pack" => with_code!(case.text("format")?, C => packed::<C>(case)),
        _ => None,
    }
}

fn type_of<'a>(case: &'a Case, name: &str) -> Option<&'a str> {
    case.params.get("types")?.get(name)?.as_str()
}

fn granularity(case: &Case, ndim: usize) -> Option<Granularity> {
    Some(match case.text("granularity")? {
        "tensor" => Granularity::Tensor,
        "channel" => Granularity::Axis(axis(case, ndim)?),
        "block" => {
            Granularity::Block { axis: axis(case, ndim)?, size: usize::try_from(case.integer("block_size")?).ok()? }
        }
        _ => return None,
    })
}

/// Returns f16 values given as bits.
fn halves(case: &Case, name: &str) -> Option<Vec<f16>> {
    Some(case.integers(name)?.into_iter().map(|bits| f16::from_bits(bits as u16)).collect())
}

fn quantize<C: Code>(case: &Case) -> Option<Outputs> {
    let saturates = case.flag("saturate").unwrap_or(true);
    let range = if saturates { CodeRange::of::<C>() } else { CodeRange::of::<C>().with_infinities() };
    let zero_points = case.integers("zero_point");
    if let Some(x) = halves(case, "x_f16_bits") {
        let shape = case.shape("x_f16_bits")?;
        let scales = halves(case, "scale_f16_bits")?.into_iter().map(Real::to_f32).collect();
        let params = params(granularity(case, shape.len())?, range, scales, zero_points)?;
        let x = ArrayD::from_shape_vec(IxDyn(shape), x).ok()?;
        let q = onnx::quantize_linear::<_, _, C>(x.view(), &params).ok()?;
        return with_codes(Outputs::default(), case, "y", q.codes().as_slice()?);
    }
    let x = tensor(case, "x")?;
    let has_zero_point = zero_points.is_some();
    let params = params(granularity(case, x.ndim())?, range, case.f32s("scale")?.to_vec(), zero_points)?;
    let q = linear::<_, C>(x.view(), &params, has_zero_point)?;
    with_codes(Outputs::default(), case, "y", q.codes().as_slice()?)
}

/// `QuantizeLinear` with or without a zero point.
fn linear<T: Real, C: Code>(
    x: ArrayViewD<'_, T>,
    params: &QuantParams,
    has_zero_point: bool,
) -> Option<QuantizedTensor<C, IxDyn>> {
    if has_zero_point {
        onnx::quantize_linear_with_zero_point(x, params).ok()
    } else {
        onnx::quantize_linear(x, params).ok()
    }
}

/// Restored values, in the type of the scale: f16 as bits.
fn real<C: Code>(codes: ArrayD<C>, params: QuantParams, are_halves: bool) -> Option<Outputs> {
    let q = QuantizedTensor::new(codes, params).ok()?;
    Some(if are_halves {
        let bits = onnx::dequantize_linear::<f16, _, _>(&q).iter().map(|y| y.to_bits()).collect();
        Outputs::default().with("y_f16_bits", Values::U16(bits))
    } else {
        Outputs::default().with("y", Values::F32(onnx::dequantize_linear(&q).into_raw_vec_and_offset().0))
    })
}

fn dequantize<C: Code>(case: &Case) -> Option<Outputs> {
    let codes = codes::<C>(case.input("code")?)?;
    let granularity = granularity(case, codes.ndim())?;
    let zero_points = case.integers("zero_point");
    let scales = match halves(case, "scale_f16_bits") {
        Some(scales) => scales.into_iter().map(Real::to_f32).collect(),
        None => case.f32s("scale")?.to_vec(),
    };
    let params = params(granularity, CodeRange::of::<C>(), scales, zero_points)?;
    real(codes, params, case.expected.contains_key("y_f16_bits"))
}

fn dynamic(case: &Case, x: &str, names: [&str; 3]) -> Option<Outputs> {
    let q = onnx::dynamic_quantize_linear(view(case, x)?).ok()?;
    let outputs = with_codes(Outputs::default(), case, names[0], q.codes.as_slice()?)?;
    let outputs = outputs.with(names[1], Values::F32(vec![q.scale]));
    with_integers(outputs, case, names[2], &[i32::from(q.zero_point)])
}

/// The ONNX project's own tests name the operator's inputs and attributes instead.
fn node_granularity(case: &Case, scales: usize, ndim: usize) -> Option<Granularity> {
    if scales == 1 {
        return Some(Granularity::Tensor);
    }
    let attributes = case.params.get("attributes")?;
    let number = |name: &str| attributes.get(name).and_then(serde_json::Value::as_i64);
    let axis = number("axis").unwrap_or(1);
    let axis = usize::try_from(if axis < 0 { axis + ndim as i64 } else { axis }).ok()?;
    Some(match number("block_size") {
        Some(size) if size > 0 => Granularity::Block { axis, size: usize::try_from(size).ok()? },
        _ => Granularity::Axis(axis),
    })
}

fn node_quantize<C: Code>(case: &Case) -> Option<Outputs> {
    let saturates = case.params.get("attributes")?.get("saturate").is_none_or(|s| s.as_i64() != Some(0));
    let range = if saturates { CodeRange::of::<C>() } else { CodeRange::of::<C>().with_infinities() };
    let zero_points = case.integers("y_zero_point");
    let has_zero_point = zero_points.is_some();
    let shape = case.shape("x").or_else(|| case.shape("x_f16_bits"))?;
    let scales = node_scales(case, "y_scale")?;
    let granularity = node_granularity(case, scales.len(), shape.len())?;
    let params = params(granularity, range, scales, zero_points)?;
    let q = match halves(case, "x_f16_bits") {
        Some(x) => linear::<_, C>(ArrayD::from_shape_vec(IxDyn(shape), x).ok()?.view(), &params, has_zero_point)?,
        None => linear::<_, C>(tensor(case, "x")?.view(), &params, has_zero_point)?,
    };
    with_codes(Outputs::default(), case, "y", q.codes().as_slice()?)
}

/// Scales, whether they are f32 or f16.
fn node_scales(case: &Case, name: &str) -> Option<Vec<f32>> {
    match halves(case, &format!("{name}_f16_bits")) {
        Some(scales) => Some(scales.into_iter().map(Real::to_f32).collect()),
        None => Some(case.f32s(name)?.to_vec()),
    }
}

fn node_dequantize<C: Code>(case: &Case) -> Option<Outputs> {
    let (codes, scales) = (codes::<C>(case.input("x")?)?, node_scales(case, "x_scale")?);
    let granularity = node_granularity(case, scales.len(), codes.ndim())?;
    let zero_points = case.integers("x_zero_point").or_else(|| case.integers("zero_point"));
    let params = params(granularity, CodeRange::of::<C>(), scales, zero_points)?;
    real(codes, params, case.expected.contains_key("y_f16_bits"))
}

fn packed<C: Code>(case: &Case) -> Option<Outputs> {
    let codes = codes::<C>(case.input("value")?)?;
    let bytes = pack(codes.as_slice()?, PackOrder::Neighbours).ok()?;
    Some(Outputs::default().with("bytes", Values::U8(bytes)))
}
