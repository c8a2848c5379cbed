//! Slices to slices, below the tensors' doors.

use crate::buffers::{COLUMNS, Quantized};
use crate::{Doors, limits};
use std::hint::black_box;
use tensor_quant::kernel::{self, BINS, HighBits, IntegerWeights, Mapping, Requantization, detect, exponent_for};
use tensor_quant::num::{self, F8E4M3Fn, PackOrder, Packing};
use tensor_quant::params::{AffineParams, CodeRange, FixedPointMultiplier, ProductRounding};
use tensor_quant::{I4, Scaling, TiesEven};

pub(crate) fn add(doors: &mut Doors) {
    mapping(doors);
    converting(doors);
    looking(doors);
    packing(doors);
    integers(doors);
}

fn params() -> AffineParams {
    AffineParams::new(0.03, 0).expect("a positive scale")
}

fn mapping(doors: &mut Doors) {
    let (level, divide) = (detect(), Mapping::new(params(), CodeRange::of::<i8>()));
    let reciprocal = Mapping { scaling: Scaling::Reciprocal, ..divide };
    let e4m3 = Mapping { scaling: Scaling::Reciprocal, ..Mapping::new(params(), CodeRange::of::<F8E4M3Fn>()) };
    doors.add_beside("kernel::quantize, i8, divided", limits::QUANTIZE, move |b, n| {
        kernel::quantize(level, &b.x[..n], &divide, TiesEven, &mut b.signed[..n], 0);
    });
    doors.add_beside("kernel::quantize, i8, by reciprocal", limits::QUANTIZE, move |b, n| {
        kernel::quantize(level, &b.x[..n], &reciprocal, TiesEven, &mut b.signed[..n], 0);
    });
    let mut floats: Vec<F8E4M3Fn> = Vec::new();
    doors.add_beside("kernel::quantize, e4m3, by reciprocal", limits::TO_E4M3, move |b, n| {
        floats.resize(floats.len().max(n), F8E4M3Fn::default());
        kernel::quantize(level, &b.x[..n], &e4m3, TiesEven, &mut floats[..n], 0);
    });
    doors.add_beside("kernel::dequantize, i8", limits::DEQUANTIZE, move |b, n| {
        kernel::dequantize(level, &b.signed[..n], params(), &mut b.out[..n]);
    });
    doors.add_beside("kernel::fake_quantize, i8", limits::FAKE_QUANTIZE, move |b, n| {
        kernel::fake_quantize::<_, i8, _>(level, &b.x[..n], &divide, TiesEven, &mut b.out[..n], 0);
    });
    doors.add_beside("kernel::fake_quantize_backward, i8", limits::BACKWARD, move |b, n| {
        kernel::fake_quantize_backward(level, &b.x[..n], &b.weights[..n], &divide, TiesEven, &mut b.out[..n], 0);
    });
}

fn converting(doors: &mut Doors) {
    let level = detect();
    doors.add("kernel::to_f32, f64", move |b, n| kernel::to_f32(level, &b.doubles[..n], &mut b.out[..n]));
    doors.add_beside("kernel::f32_to_f16", limits::TO_F16, move |b, n| {
        kernel::f32_to_f16(level, &b.x[..n], &mut b.halves[..n]);
    });
    doors.add_beside("kernel::f16_to_f32", limits::FROM_F16, move |b, n| {
        kernel::f16_to_f32(level, &b.halves[..n], &mut b.out[..n]);
    });
    doors.add_beside("kernel::f32_to_bf16", limits::TO_BF16, move |b, n| {
        kernel::f32_to_bf16(level, &b.x[..n], &mut b.brains[..n]);
    });
    doors.add_beside("kernel::bf16_to_f32", limits::FROM_BF16, move |b, n| {
        kernel::bf16_to_f32(level, &b.brains[..n], &mut b.out[..n]);
    });
}

fn looking(doors: &mut Doors) {
    let level = detect();
    doors.add_beside("kernel::min_max", limits::MIN_MAX, move |b, n| {
        _ = black_box(kernel::min_max(level, &b.x[..n]));
    });
    doors.add_beside("kernel::first_nan", limits::MIN_MAX, move |b, n| {
        _ = black_box(kernel::first_nan(level, &b.x[..n]));
    });
    doors.add_beside("kernel::count_non_finite", limits::MIN_MAX, move |b, n| {
        _ = black_box(kernel::count_non_finite(level, &b.x[..n]));
    });
    doors.add_beside("kernel::error_sums", limits::ERROR_SUMS, move |b, n| {
        let restored = b.quantized(n).restored.as_slice().expect("row by row");
        _ = black_box(kernel::error_sums(level, &b.x[..n], restored));
    });
    let mut counts: Box<[u64; BINS]> = vec![0; BINS].try_into().expect("so many counts");
    doors.add("kernel::histogram, 8192 bins", move |b, n| {
        kernel::histogram(level, &b.weights[..n], exponent_for(8.0), black_box(&mut counts));
    });
    let mut magnitudes: Vec<f64> = Vec::new();
    doors.add("kernel::code_sums", move |b, n| {
        if magnitudes.len() < n {
            magnitudes = b.x[..n].iter().map(|&x| f64::from(x.abs())).collect();
        }
        _ = black_box(kernel::code_sums(level, &magnitudes[..n], 30.0, 127.0));
    });
}

fn packing(doors: &mut Doors) {
    let level = detect();
    for (pack, unpack, order) in [
        ("kernel::pack, 4 bits", "kernel::unpack, 4 bits", PackOrder::Neighbours),
        ("kernel::pack, 4 bits, strided", "kernel::unpack, 4 bits, strided", PackOrder::Strided { block: 32 }),
    ] {
        let nibbles = Packing::new(4, order).expect("4 bits");
        doors.add(pack, move |b, n| kernel::pack(level, &b.signed[..n], nibbles, 0, &mut b.nibbles[..n / 2]));
        doors.add(unpack, move |b, n| {
            kernel::unpack(level, &b.nibbles[..n / 2], nibbles, HighBits::Sign, 0, &mut b.signed[..n]);
        });
    }
    for (pack, unpack, order) in [
        ("num::pack, I4", "num::unpack, I4", PackOrder::Neighbours),
        ("num::pack, I4, strided", "num::unpack, I4, strided", PackOrder::Strided { block: 32 }),
    ] {
        doors.add(pack, move |b, n| _ = black_box(num::pack(&b.quantized(n).codes, order)));
        doors.add(unpack, move |b, n| {
            let Quantized { packed, .. } = b.quantized(n);
            _ = black_box(num::unpack::<I4>(packed, n, order));
        });
    }
}

fn integers(doors: &mut Doors) {
    let level = detect();
    let settings = Requantization {
        multiplier: FixedPointMultiplier::from_real(0.37).expect("a positive number"),
        rounding: ProductRounding::Double,
        zero_point_in: 3,
        zero_point_out: -4,
        codes: (-128, 127),
    };
    doors.add("kernel::requantize, i8 → i8", move |b, n| {
        let Quantized { bytes, .. } = b.quantized(n);
        let codes = bytes.codes().as_slice().expect("row by row");
        let mut out = vec![0_i8; n];
        kernel::requantize(level, codes, settings, &mut out);
        black_box(out);
    });
    doors.add("IntegerWeights::new", |b, n| {
        _ = black_box(IntegerWeights::new(&b.signed[..n], n / COLUMNS, COLUMNS));
    });
    // The time is that of so many weights, for one row.
    let mut made: Vec<(usize, IntegerWeights)> = Vec::new();
    doors.add("kernel::integer_matmul, one row", move |b, n| {
        if !made.iter().any(|(len, _)| *len == n) {
            made.push((n, IntegerWeights::new(&b.signed[..n], n / COLUMNS, COLUMNS)));
        }
        let weights = &made.iter().find(|(len, _)| *len == n).expect("they were made").1;
        let mut sums = vec![0; n / COLUMNS];
        kernel::integer_matmul(level, &b.signed[..COLUMNS], weights, 3, &mut sums);
        black_box(sums);
    });
}
