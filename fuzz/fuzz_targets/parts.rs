//! Parts from anywhere: codes packed and unpacked, parameters, multipliers, layers, and what the conventions take.

#![no_main]

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use libfuzzer_sys::fuzz_target;
use ndarray::{Array1, Array2, ArrayD, IxDyn};
use tensor_quant::convention::{onnx, onnx_runtime, tensorflow, tflite, torch};
use tensor_quant::metrics::{Histogram, jensen_shannon_divergence, kl_divergence};
use tensor_quant::num::{
    Code, CodeType, CodeVisitor, E8M0, F4E2M1Fn, F8E4M3, I1, PackOrder, U1, U4, f16, pack, unpack,
};
use tensor_quant::params::article::RangeMapping;
use tensor_quant::params::{
    AffineParams, CodeRange, FixedPointMultiplier, Granularity, ProductRounding, QuantParams, ValueRange,
    rounding_divide_by_power_of_two, rounding_doubling_high_multiply,
};
use tensor_quant::tensor::{ActivationParams, FullyConnected, Fused, dequantize_slice};
use tensor_quant::{Error, QuantizedTensor, Result, Scheme, quantize_with_params};
use tensor_quant_fuzz::memory;
use tensor_quant_fuzz::scheme::granularity;

/// Codes of a bit, eight to a byte, as f64 and f32, in several copies.
const OF_A_BYTE: usize = 1024;
/// A histogram of as many bins as a number of two bytes says; weights of a few columns, filled up to a block of 65536.
const ALWAYS: usize = 1 << 22;

fuzz_target!(|bytes: &[u8]| {
    memory::within(ALWAYS + OF_A_BYTE * bytes.len(), || {
        let mut u = Unstructured::new(bytes);
        let _ = match u.int_in_range(0..=6_u8) {
            Ok(0) => packing(&mut u),
            Ok(1) => params(&mut u),
            Ok(2) => multipliers(&mut u),
            Ok(3) => layer(&mut u),
            Ok(4) => conventions(&mut u),
            Ok(5) => shapes(&mut u),
            _ => metrics(&mut u),
        };
    });
});

fn packing(u: &mut Unstructured<'_>) -> Drawn<()> {
    let order = if u.arbitrary()? { PackOrder::Neighbours } else { PackOrder::Strided { block: size(u)? } };
    let (code, count) = (*u.choose(CodeType::ALL)?, size(u)?);
    let bytes = u.bytes(u.len())?;
    code.visit(RoundTrip { bytes, count, order });
    Ok(())
}

/// Codes there and back, whatever their type.
struct RoundTrip<'a> {
    bytes: &'a [u8],
    count: usize,
    order: PackOrder,
}

impl CodeVisitor for RoundTrip<'_> {
    type Output = ();

    fn visit<C: Code>(self) {
        round_trip::<C>(self.bytes, self.count, self.order);
    }
}

/// A number that is small, as a rule, or at an end.
fn size(u: &mut Unstructured<'_>) -> Drawn<usize> {
    Ok(match u.int_in_range(0..=5_u8)? {
        0 => u.arbitrary()?,
        1 => usize::MAX - usize::from(u.arbitrary::<u8>()?),
        2 => 32,
        _ => usize::from(u.arbitrary::<u8>()?),
    })
}

fn round_trip<C: Code>(bytes: &[u8], count: usize, order: PackOrder) {
    // As many as there are bytes for, and as many as was said.
    for count in [count, bytes.len().saturating_mul(8) / C::BITS as usize] {
        let Some(codes) = report(unpack::<C>(bytes, count, order)) else { continue };
        assert_eq!(codes.len(), count);
        let packed = pack(&codes, order).expect("what was unpacked can be packed");
        assert_eq!(packed.len(), C::packed_len(count));
        let again = unpack::<C>(&packed, count, order).expect("what was packed can be unpacked");
        let bits = |codes: &[C]| codes.iter().map(|code| code.to_f64().to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&again), bits(&codes));
    }
    report(pack::<C>(&[], order));
    report(pack(&[C::default(); 3], order));
}

fn params(u: &mut Unstructured<'_>) -> Drawn<()> {
    match u.int_in_range(0..=5_u8)? {
        0 => params_of::<i8>(u),
        1 => params_of::<u8>(u),
        2 => params_of::<i32>(u),
        3 => params_of::<U1>(u),
        4 => params_of::<f16>(u),
        _ => params_of::<F4E2M1Fn>(u),
    }
}

fn params_of<C: Code>(u: &mut Unstructured<'_>) -> Drawn<()> {
    let granularity = granularity(u)?;
    let codes = CodeRange::new(C::nearest(u.arbitrary()?), C::nearest(u.arbitrary()?));
    let codes = report(codes).unwrap_or(CodeRange::of::<C>());
    let (scales, zero_points, offsets): (Vec<f32>, Vec<i32>, Vec<f32>) = (few(u)?, few(u)?, few(u)?);
    let shape: Vec<usize> = few::<u8>(u)?.iter().take(4).map(|n| usize::from(n % 5)).collect();
    let values: Vec<f32> = few(u)?;
    let zero_points = scales.iter().enumerate().map(|(i, _)| zero_points.get(i).copied().unwrap_or(0)).collect();
    let Some(params) = report(QuantParams::new(granularity, codes, scales, zero_points)) else { return Ok(()) };
    let offsets = (0..params.len()).map(|i| offsets.get(i).copied().unwrap_or(0.0)).collect();
    let params = report(params.clone().with_offsets(offsets)).unwrap_or(params);
    let elements = shape.iter().product();
    let x: Vec<f32> = values.iter().copied().chain([0.0]).cycle().take(elements).collect();
    let x = ArrayD::from_shape_vec(IxDyn(&shape), x).expect("as many as the shape says");
    report(quantize_with_params(x.view(), &params, Scheme::<C>::affine().settings()));
    let codes = ArrayD::from_elem(IxDyn(&shape), C::nearest(u.arbitrary()?));
    if let Some(flat) = codes.as_slice() {
        report(dequantize_slice(flat, &params, &mut vec![0.0; flat.len()]));
    }
    if let Some(q) = report(QuantizedTensor::new(codes, params)) {
        let _ = (q.dequantize(), q.size_in_bytes(), report(q.error(x.view())));
        report(q.requantize::<u8>(u.arbitrary()?, u.arbitrary()?, ProductRounding::Single));
        report(q.requantize::<i32>(u.arbitrary()?, u.arbitrary()?, ProductRounding::Double));
    }
    Ok(())
}

fn few<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> Drawn<Vec<T>> {
    let count = u.int_in_range(0..=9_u8)?;
    (0..count).map(|_| u.arbitrary()).collect()
}

fn multipliers(u: &mut Unstructured<'_>) -> Drawn<()> {
    let all = [
        report(FixedPointMultiplier::from_real(u.arbitrary()?)),
        report(FixedPointMultiplier::from_parts(u.arbitrary()?, u.arbitrary()?)),
    ];
    let (x, wide): (i32, i64) = (u.arbitrary()?, u.arbitrary()?);
    for multiplier in all.into_iter().flatten() {
        multiplier.multiply(x, ProductRounding::Double);
        multiplier.multiply(x, ProductRounding::Single);
        multiplier.multiply_i64(wide);
    }
    let (a, b): (i32, i32) = (u.arbitrary()?, u.arbitrary()?);
    rounding_doubling_high_multiply(a, b);
    rounding_divide_by_power_of_two(a, u.arbitrary()?);
    let _ = E8M0::from_f32(u.arbitrary()?).to_f32();
    if let Some(params) = report(AffineParams::new(u.arbitrary()?, u.arbitrary()?)) {
        report(params.with_offset(u.arbitrary()?));
    }
    Ok(())
}

fn layer(u: &mut Unstructured<'_>) -> Drawn<()> {
    let (rows, columns) = (usize::from(u.int_in_range(0..=4_u8)?), usize::from(u.int_in_range(0..=5_u8)?));
    let weights = Array2::from_shape_fn((rows, columns), |_| u.arbitrary::<i8>().unwrap_or(0));
    let granularity = if u.arbitrary()? { Granularity::Axis(0) } else { Granularity::Tensor };
    let groups = granularity.groups(&[rows, columns]).unwrap_or(1);
    let scales: Vec<f32> = (0..groups).map(|_| u.arbitrary()).collect::<Drawn<_>>()?;
    let params = QuantParams::new(granularity, CodeRange::of::<i8>(), scales, vec![0; groups]);
    let Some(weights) = report(params.and_then(|params| QuantizedTensor::new(weights, params))) else { return Ok(()) };
    let activation = |u: &mut Unstructured<'_>| {
        Ok(ActivationParams { scale: u.arbitrary()?, zero_point: u.arbitrary::<i8>()?.into() })
    };
    let (input, output) = (activation(u)?, activation(u)?);
    let bias = (0..rows).map(|_| u.arbitrary()).collect::<Drawn<_>>()?;
    let fused = *u.choose(&[Fused::None, Fused::Relu, Fused::Relu6, Fused::ReluN1To1])?;
    let Some(layer) = report(FullyConnected::new(&weights, bias, input, output, fused)) else { return Ok(()) };
    let depth = if u.ratio(1_u8, 9)? { columns + 1 } else { columns };
    let x = Array2::from_shape_fn((2, depth), |_| u.arbitrary::<i8>().unwrap_or(0));
    report(layer.forward(x.view()));
    Ok(())
}

fn conventions(u: &mut Unstructured<'_>) -> Drawn<()> {
    let range = ValueRange::new(u.arbitrary()?, u.arbitrary()?).unwrap_or(ValueRange::ZERO);
    let (a, b, c): (f32, f32, f32) = (u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
    let (bits, narrow, block): (u32, bool, usize) = (u.int_in_range(0..=33)?, u.arbitrary()?, size(u)?);
    let (wide, narrower): (f64, f64) = (u.arbitrary()?, u.arbitrary()?);
    let counts: Vec<u64> = few::<u64>(u)?;
    let values: Vec<f32> = few(u)?;
    if let Some(fake) = report(tensorflow::FakeQuant::new(range, bits, narrow)) {
        for &x in values.iter().chain([&a, &b, &f32::NAN]) {
            fake.apply(x);
        }
        report(fake.gradients(&values, &values));
    }
    report(tensorflow::Nudged::new(range, a, b));
    report(torch::fake_quantize_learnable(&values, &values, a, b, CodeRange::of::<i8>(), c));
    report(torch::QParams::affine_float().float_zero_point(range, CodeRange::of::<i32>()));
    report(torch::Dynamic::default().choose(range, CodeRange::of::<U4>()));
    torch::lsq_grad_factor(block, CodeRange::of::<I1>());
    tflite::choose_params(wide, narrower, CodeRange::of::<i8>());
    report(tflite::quantize_bias(&values, a, &values, bits));
    report(tflite::quantize_bias(&values, a, &[b], bits));
    report(tflite::symmetric_row(&values));
    report(tflite::asymmetric_row(&values));
    let x = Array1::from(values.clone());
    report(onnx::dynamic_quantize_linear(x.view()));
    report(onnx::float_params::<F8E4M3>(a, narrow));
    let edges: Vec<f32> = (0..=counts.len()).map(|i| i as f32 * a).collect();
    report(onnx_runtime::entropy_threshold(&counts, &edges, block));
    let rows = values.len() / 2;
    if let Ok(weights) = Array2::from_shape_vec((rows, 2), values.iter().copied().take(2 * rows).collect()) {
        for kind in [onnx_runtime::BlockKind::Affine, onnx_runtime::BlockKind::Symmetric] {
            if let Some(q) = report(onnx_runtime::quantize_matmul_nbits::<U4>(weights.view(), block, kind)) {
                report(q.dequantize::<U4>());
                report(q.dequantize::<u8>());
            }
        }
    }
    let mapping = RangeMapping::target(range.min(), range.max(), a, b);
    let _ = (mapping.quotient(c), mapping.exact_quotient(c), RangeMapping::own_range(wide).exact_quotient(narrower));
    Ok(())
}

fn shapes(u: &mut Unstructured<'_>) -> Drawn<()> {
    let granularity = granularity(u)?;
    let shape: Vec<usize> = (0..u.int_in_range(0..=4_u8)?).map(|_| size(u)).collect::<Drawn<_>>()?;
    report(granularity.groups(&shape));
    if let Some(spans) = report(granularity.spans(&shape)) {
        for span in spans.take(100) {
            assert!(span.repeat >= 1 && span.len >= 1);
        }
    }
    let _ = granularity.to_string();
    Ok(())
}

fn metrics(u: &mut Unstructured<'_>) -> Drawn<()> {
    let range = ValueRange::new(u.arbitrary()?, u.arbitrary()?).unwrap_or(ValueRange::ZERO);
    let bins = if u.ratio(1_u8, 4)? { size(u)? } else { usize::from(u.arbitrary::<u16>()?) };
    let (x, y): (Vec<f32>, Vec<f32>) = (few(u)?, few(u)?);
    if bins <= 1 << 16 || bins > 1 << 40 {
        if let Some(mut histogram) = report(Histogram::new(range, bins)) {
            histogram.add(&x);
            assert_eq!(histogram.edges().count(), bins + 1);
        }
        report(Histogram::of_errors(&x, &y, bins.min(64)));
    }
    let (p, q): (Vec<f64>, Vec<f64>) = (few(u)?, few(u)?);
    report(kl_divergence(&p, &q));
    report(jensen_shannon_divergence(&p, &q));
    Ok(())
}

fn report<T>(result: Result<T>) -> Option<T> {
    let error = |error: &Error| {
        let text = error.to_string();
        assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
    };
    result.inspect_err(error).ok()
}
