//! What other implementations compute.

use crate::buffers::{COLUMNS, matrix};
use crate::{Doors, limits};
use ndarray::Ix2;
use std::hint::black_box;
use tensor_quant::convention::onnx_runtime::{BlockKind, MatMulNBits, entropy_threshold, quantize_matmul_nbits};
use tensor_quant::convention::tensorflow::FakeQuant;
use tensor_quant::convention::{onnx, tflite, torch, torchao};
use tensor_quant::params::{CodeRange, ValueRange};
use tensor_quant::{Granularity, QuantParams, QuantizedTensor, U4};

pub(crate) fn add(doors: &mut Doors) {
    doors.add_beside("onnx::quantize_linear, i8", limits::QUANTIZE, |b, n| {
        let params = QuantParams::per_tensor::<i8>(0.03, 0).expect("a positive scale");
        let q: Result<QuantizedTensor<i8, Ix2>, _> = onnx::quantize_linear(matrix(&b.x, n), &params);
        _ = black_box(q);
    });
    doors.add_beside("onnx::quantize_linear_with_zero_point, i8", limits::QUANTIZE, |b, n| {
        let params = QuantParams::per_tensor::<i8>(0.03, 0).expect("a positive scale");
        let q: Result<QuantizedTensor<i8, Ix2>, _> = onnx::quantize_linear_with_zero_point(matrix(&b.x, n), &params);
        _ = black_box(q);
    });
    doors.add_beside("onnx::dynamic_quantize_linear", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(onnx::dynamic_quantize_linear(matrix(&b.x, n)));
    });
    doors.add_beside("torchao::quantize_affine, u8, a row each", limits::RANGES_AND_CODES, |b, n| {
        _ = black_box(torchao::quantize_affine(matrix(&b.x, n), &[1, COLUMNS], &torch::scheme::<u8>()));
    });
    tflite(doors);
    doors.add("torch::fake_quantize_learnable", |b, n| {
        let codes = CodeRange::of::<i8>();
        _ = black_box(torch::fake_quantize_learnable(&b.x[..n], &b.weights[..n], 0.03, 0.0, codes, 0.1));
    });
    doors.add("FakeQuant::gradients", |b, n| {
        let range = ValueRange::new(-3.0, 3.0).expect("in order");
        let fake = FakeQuant::new(range, 8, false).expect("8 bits");
        _ = black_box(fake.gradients(&b.x[..n], &b.weights[..n]));
    });
    doors.add("onnx_runtime::quantize_matmul_nbits, U4 in blocks of 32", |b, n| {
        _ = black_box(quantize_matmul_nbits::<U4>(matrix(&b.x, n).reversed_axes(), 32, BlockKind::Affine));
    });
    let mut made: Vec<(usize, MatMulNBits)> = Vec::new();
    doors.add("MatMulNBits::dequantize, U4", move |b, n| {
        if !made.iter().any(|(len, _)| *len == n) {
            let q = quantize_matmul_nbits::<U4>(matrix(&b.x, n).reversed_axes(), 32, BlockKind::Affine);
            made.push((n, q.expect("finite weights")));
        }
        let q = &made.iter().find(|(len, _)| *len == n).expect("it was made").1;
        _ = black_box(q.dequantize::<U4>());
    });
    // A histogram of 2048 bins, whatever was counted in it.
    doors.add("onnx_runtime::entropy_threshold", |_, _| {
        let counts: Vec<u64> = (0..2047_u64).map(|i| 2047 - i.abs_diff(1023)).collect();
        let edges: Vec<f64> = (0..2048).map(f64::from).collect();
        _ = black_box(entropy_threshold(&counts, &edges, 128));
    });
}

fn tflite(doors: &mut Doors) {
    doors.add_beside("tflite::dynamic_range_weights, axis 0", limits::RANGES_AND_CODES, |b, n| {
        _ = black_box(tflite::dynamic_range_weights(matrix(&b.x, n), Granularity::Axis(0)));
    });
    doors.add_beside("tflite::dynamic_range_weights, per tensor", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(tflite::dynamic_range_weights(matrix(&b.x, n), Granularity::Tensor));
    });
    doors.add_beside("tflite::dynamic_range_weights, last axis", limits::COLUMN_RANGES_AND_CODES, |b, n| {
        _ = black_box(tflite::dynamic_range_weights(matrix(&b.x, n), Granularity::Axis(1)));
    });
    doors.add_beside("tflite::symmetric_row", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(tflite::symmetric_row(&b.x[..n]));
    });
    doors.add_beside("tflite::asymmetric_row", limits::RANGE_AND_CODES, |b, n| {
        _ = black_box(tflite::asymmetric_row(&b.x[..n]));
    });
    doors.add("tflite::quantize_bias", |b, n| {
        _ = black_box(tflite::quantize_bias(&b.x[..n], 0.5, &[0.01], 32));
    });
}
