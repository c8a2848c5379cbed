//! Tensors to codes and back.

use crate::Doors;
use crate::buffers::{Buffers, COLUMNS, Quantized, matrix, matrix_mut, transposed};
use crate::limits;
use ndarray::{Array2, ArrayView1, Axis};
use std::hint::black_box;
use tensor_quant::num::F8E4M3Fn;
use tensor_quant::params::ProductRounding;
use tensor_quant::tensor::{
    ActivationParams, DynamicQuantizer, FullyConnected, Fused, Settings, dequantize_into, dequantize_slice,
    fake_quantize_backward, fake_quantize_backward_into, fake_quantize_tensor_into, fake_quantize_with_params,
    fake_quantize_with_params_into, quantize_slice, quantize_slice_into, quantize_tensor_into, quantize_tensors,
    quantize_with_params_into,
};
use tensor_quant::{
    AnyScheme, I4, PackedTensor, QuantParams, QuantizedTensor, Quantizer, Scheme, bf16, estimate_params, f16,
    fake_quantize_tensor, quantize_tensor, quantize_with_params,
};

pub(crate) fn add(doors: &mut Doors) {
    quantizing(doors);
    layouts_and_types(doors);
    known_params(doors);
    fake(doors);
    restoring(doors);
    at_run_time(doors);
    integers(doors);
}

fn i8_scheme() -> Scheme<i8, tensor_quant::range::MinMax, tensor_quant::params::Symmetric> {
    Scheme::<i8>::symmetric()
}

fn params() -> QuantParams {
    QuantParams::per_tensor::<i8>(0.03, 0).expect("a positive scale")
}

fn any(text: &str) -> AnyScheme {
    text.parse().expect("a scheme")
}

fn quantizing(doors: &mut Doors) {
    doors.add_beside("quantize_tensor, i8 per tensor", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &i8_scheme()));
    });
    doors.add_beside("quantize_tensor, i8 per axis 0", limits::RANGES_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &i8_scheme().with_axis(0)));
    });
    doors.add_beside("quantize_tensor, i8 per last axis", limits::COLUMN_RANGES_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &i8_scheme().with_axis(1)));
    });
    doors.add_beside("quantize_tensor, i8 in blocks of 32", limits::RANGES_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &i8_scheme().with_blocks(1, 32)));
    });
    doors.add_beside("quantize_tensor, I4 in blocks of 32", limits::RANGES_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &Scheme::<I4>::symmetric().with_blocks(1, 32)));
    });
    doors.add_beside("quantize_tensor, u8 affine in blocks of 32", limits::RANGES_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &Scheme::<u8>::affine().with_blocks(1, 32)));
    });
    doors.add_beside("quantize_tensor, u8 affine", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &Scheme::<u8>::affine()));
    });
    doors.add_beside("quantize_tensor, f16", limits::TO_F16, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &Scheme::<f16>::cast()));
    });
    doors.add_beside("quantize_tensor, bf16", limits::TO_BF16, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &Scheme::<bf16>::cast()));
    });
    doors.add_beside("quantize_tensor, e4m3", limits::TO_E4M3, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.x, n), &Scheme::<F8E4M3Fn>::symmetric()));
    });
    doors.add_beside("quantize_tensor_into, i8 per tensor", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor_into(matrix(&b.x, n), &i8_scheme(), matrix_mut(&mut b.signed, n)));
    });
    doors.add_beside("quantize_tensors, i8, four of them", limits::RANGE_AND_CODES, |b, n| {
        let quarters: Vec<_> = b.x[..n].chunks(n / 4).map(ArrayView1::from).collect();
        _ = black_box(quantize_tensors(&quarters, &i8_scheme()));
    });
    doors.add_beside("quantize_slice, i8", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_slice(&b.x[..n], &i8_scheme()));
    });
    doors.add_beside("quantize_slice_into, i8", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_slice_into(&b.x[..n], &i8_scheme(), &mut b.signed[..n]));
    });
}

fn layouts_and_types(doors: &mut Doors) {
    doors.add_beside("quantize_tensor, i8 per tensor, transposed", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(transposed(&b.x, n), &i8_scheme()));
    });
    doors.add_beside("quantize_tensor, i8 per axis 0, transposed", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(transposed(&b.x, n), &i8_scheme().with_axis(0)));
    });
    doors.add_beside("quantize_tensor, i8 per last axis, transposed", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(transposed(&b.x, n), &i8_scheme().with_axis(1)));
    });
    doors.add_beside("quantize_tensor, i8 in blocks of 32, transposed", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(transposed(&b.x, n), &i8_scheme().with_blocks(1, 32)));
    });
    doors.add_beside("quantize_tensor, f16 → i8 per tensor", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.halves, n), &i8_scheme()));
    });
    doors.add_beside("quantize_tensor, f64 → i8 per tensor", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.doubles, n), &i8_scheme()));
    });
    doors.add_beside("quantize_tensor, bf16 → i8 per tensor", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(quantize_tensor(matrix(&b.brains, n), &i8_scheme()));
    });
}

fn known_params(doors: &mut Doors) {
    doors.add_beside("quantize_with_params, i8", limits::QUANTIZE, |b, n| {
        _ = black_box(quantize_with_params(matrix(&b.x, n), &params(), Settings::<i8>::default()));
    });
    doors.add_beside("quantize_with_params_into, i8", limits::QUANTIZE, |b, n| {
        let out = matrix_mut(&mut b.signed, n);
        _ = black_box(quantize_with_params_into(matrix(&b.x, n), &params(), Settings::<i8>::default(), out));
    });
    doors.add_beside("quantize_with_params_into, f64 → i8", limits::QUANTIZE, |b, n| {
        let out = matrix_mut(&mut b.signed, n);
        _ = black_box(quantize_with_params_into(matrix(&b.doubles, n), &params(), Settings::<i8>::default(), out));
    });
    doors.add_beside("quantize_with_params_into, f16 → i8", limits::QUANTIZE, |b, n| {
        let out = matrix_mut(&mut b.signed, n);
        _ = black_box(quantize_with_params_into(matrix(&b.halves, n), &params(), Settings::<i8>::default(), out));
    });
    let prepared = Quantizer::new(params(), Settings::<i8>::default()).expect("they fit");
    let quantizer = prepared.clone();
    doors.add_beside("Quantizer::quantize_into, i8", limits::QUANTIZE, move |b, n| {
        _ = black_box(quantizer.quantize_into(matrix(&b.x, n), matrix_mut(&mut b.signed, n)));
    });
    let quantizer = prepared.clone();
    doors.add_beside("Quantizer::quantize_slice_into, i8", limits::QUANTIZE, move |b, n| {
        _ = black_box(quantizer.quantize_slice_into(&b.x[..n], &mut b.signed[..n]));
    });
    let quantizer = prepared.clone();
    doors.add_beside("Quantizer::dequantize_into, i8", limits::DEQUANTIZE, move |b, n| {
        _ = black_box(quantizer.dequantize_into(matrix(&b.signed, n), matrix_mut(&mut b.out, n)));
    });
    doors.add_beside("Quantizer::fake_quantize_into, i8", limits::FAKE_QUANTIZE, move |b, n| {
        _ = black_box(prepared.fake_quantize_into(matrix(&b.x, n), matrix_mut(&mut b.out, n)));
    });
    let mut dynamic = DynamicQuantizer::new(i8_scheme());
    doors.add_beside("DynamicQuantizer::quantize_into, i8", limits::RANGE_AND_CODES, move |b, n| {
        _ = black_box(dynamic.quantize_into(matrix(&b.x, n), matrix_mut(&mut b.signed, n)));
    });
    let mut dynamic = DynamicQuantizer::new(i8_scheme());
    doors.add_beside("DynamicQuantizer::fake_quantize_into, i8", limits::FAKE_QUANTIZE, move |b, n| {
        _ = black_box(dynamic.fake_quantize_into(matrix(&b.x, n), matrix_mut(&mut b.out, n)));
    });
}

fn fake(doors: &mut Doors) {
    let settings = Settings::<i8>::default();
    doors.add_beside("fake_quantize_tensor, i8", limits::FAKE_QUANTIZE, |b, n| {
        _ = black_box(fake_quantize_tensor(matrix(&b.x, n), &i8_scheme()));
    });
    doors.add_beside("fake_quantize_tensor_into, i8", limits::FAKE_QUANTIZE, |b, n| {
        _ = black_box(fake_quantize_tensor_into(matrix(&b.x, n), &i8_scheme(), matrix_mut(&mut b.out, n)));
    });
    doors.add_beside("fake_quantize_with_params, i8", limits::FAKE_QUANTIZE, move |b, n| {
        _ = black_box(fake_quantize_with_params(matrix(&b.x, n), &params(), settings));
    });
    doors.add_beside("fake_quantize_with_params_into, i8", limits::FAKE_QUANTIZE, move |b, n| {
        let out = matrix_mut(&mut b.out, n);
        _ = black_box(fake_quantize_with_params_into(matrix(&b.x, n), &params(), settings, out));
    });
    doors.add_beside("fake_quantize_backward, i8", limits::BACKWARD, move |b, n| {
        _ = black_box(fake_quantize_backward(matrix(&b.x, n), matrix(&b.weights, n), &params(), settings));
    });
    doors.add_beside("fake_quantize_backward_into, i8", limits::BACKWARD, move |b, n| {
        let (x, gradient, out) = (matrix(&b.x, n), matrix(&b.weights, n), matrix_mut(&mut b.out, n));
        _ = black_box(fake_quantize_backward_into(x, gradient, &params(), settings, out));
    });
}

fn restoring(doors: &mut Doors) {
    doors.add_beside("QuantizedTensor::dequantize, i8", limits::DEQUANTIZE, |b, n| {
        _ = black_box(b.quantized(n).bytes.dequantize());
    });
    doors.add_beside("QuantizedTensor::dequantize_into, i8", limits::DEQUANTIZE, |b, n| {
        let Buffers { out, .. } = b;
        let mut out = std::mem::take(out);
        _ = black_box(b.quantized(n).bytes.dequantize_into(matrix_mut(&mut out, n)));
        b.out = out;
    });
    doors.add_beside("dequantize_into, i8", limits::DEQUANTIZE, |b, n| {
        _ = black_box(dequantize_into(matrix(&b.signed, n), &params(), matrix_mut(&mut b.out, n)));
    });
    doors.add_beside("dequantize_slice, i8", limits::DEQUANTIZE, |b, n| {
        _ = black_box(dequantize_slice(&b.signed[..n], &params(), &mut b.out[..n]));
    });
    doors.add("QuantizedTensor::new, i8", |b, n| {
        let codes = matrix(&b.signed, n).to_owned();
        _ = black_box(QuantizedTensor::new(codes, params()));
    });
}

fn at_run_time(doors: &mut Doors) {
    let (bytes, nibbles, blocks) = ("int8", "int4 per axis 0", "int4 per block of 32 along axis 1");
    doors.add_beside("AnyScheme::quantize, int8 per tensor", limits::RANGE_AND_CODES, move |b, n| {
        _ = black_box(any(bytes).quantize(matrix(&b.x, n)));
    });
    doors.add_beside("AnyScheme::quantize, int4 per axis 0", limits::RANGES_AND_CODES, move |b, n| {
        _ = black_box(any(nibbles).quantize(matrix(&b.x, n)));
    });
    doors.add_beside("AnyScheme::quantize, int4 in blocks of 32", limits::RANGES_AND_CODES, move |b, n| {
        _ = black_box(any(blocks).quantize(matrix(&b.x, n)));
    });
    doors.add_beside("AnyScheme::quantize_all, int8, four of them", limits::RANGE_AND_CODES, move |b, n| {
        let quarters: Vec<_> = b.x[..n].chunks(n / 4).map(ArrayView1::from).collect();
        _ = black_box(any(bytes).quantize_all(&quarters));
    });
    doors.add_beside("AnyScheme::quantize_with_params, int8", limits::QUANTIZE, move |b, n| {
        _ = black_box(any(bytes).quantize_with_params(matrix(&b.x, n), &params()));
    });
    doors.add_beside("AnyScheme::estimate_params, int8", limits::MIN_MAX, move |b, n| {
        _ = black_box(any(bytes).estimate_params(matrix(&b.x, n)));
    });
    doors.add_beside("estimate_params, i8 per tensor", limits::MIN_MAX, |b, n| {
        _ = black_box(estimate_params(matrix(&b.x, n), &i8_scheme()));
    });
    doors.add_beside("AnyScheme::fake_quantize, int8", limits::FAKE_QUANTIZE, move |b, n| {
        _ = black_box(any(bytes).fake_quantize(matrix(&b.x, n)));
    });
    doors.add_beside("AnyScheme::fake_quantize_with_params, int8", limits::FAKE_QUANTIZE, move |b, n| {
        _ = black_box(any(bytes).fake_quantize_with_params(matrix(&b.x, n), &params()));
    });
    doors.add_beside("PackedTensor::dequantize, int4", limits::DEQUANTIZE, |b, n| {
        _ = black_box(b.quantized(n).nibbles.dequantize());
    });
    doors.add_beside("PackedTensor::dequantize_as, int4 → f16", limits::DEQUANTIZE, |b, n| {
        _ = black_box(b.quantized(n).nibbles.dequantize_as::<f16>());
    });
    doors.add_beside("PackedTensor::dequantize_into, int4", limits::DEQUANTIZE, |b, n| {
        let mut out = std::mem::take(&mut b.out);
        _ = black_box(b.quantized(n).nibbles.dequantize_into(matrix_mut(&mut out, n)));
        b.out = out;
    });
    doors.add("PackedTensor::codes, int4", |b, n| _ = black_box(b.quantized(n).nibbles.codes::<I4>()));
    doors.add("PackedTensor::to_typed, int4", |b, n| {
        _ = black_box(b.quantized(n).nibbles.to_typed::<I4, ndarray::Ix2>());
    });
    doors.add("PackedTensor::bytes, int4", |b, n| _ = black_box(b.quantized(n).nibbles.bytes().len()));
    doors.add("PackedTensor::from_bytes, int4", |b, n| {
        let Quantized { nibbles, packed, .. } = b.quantized(n);
        let (shape, params) = (nibbles.shape(), nibbles.params().clone());
        _ = black_box(PackedTensor::from_bytes(nibbles.code_type(), shape, packed, params));
    });
}

fn integers(doors: &mut Doors) {
    doors.add("QuantizedTensor::requantize, i8 → i8", |b, n| {
        _ = black_box(b.quantized(n).bytes.requantize::<i8>(0.05, 3, ProductRounding::Double));
    });
    doors.add("FullyConnected::new, a row an output", |b, n| {
        _ = black_box(layer(b, n));
    });
    // The time is that of a layer of so many weights, for one row of activations.
    let mut made: Vec<(usize, FullyConnected)> = Vec::new();
    doors.add("FullyConnected::forward, one row", move |b, n| {
        if !made.iter().any(|(len, _)| *len == n) {
            made.push((n, layer(b, n)));
        }
        let layer = &made.iter().find(|(len, _)| *len == n).expect("it was made").1;
        let row = ArrayView1::from(&b.signed[..COLUMNS]).insert_axis(Axis(0));
        _ = black_box(layer.forward(row));
    });
}

fn layer(b: &Buffers, n: usize) -> FullyConnected {
    let codes: Array2<i8> = matrix(&b.signed, n).to_owned();
    let weights = QuantizedTensor::new(codes, params()).expect("any codes");
    let activation = ActivationParams { scale: 0.05, zero_point: 3 };
    FullyConnected::new(&weights, vec![0; n / COLUMNS], activation, activation, Fused::None).expect("it fits")
}
