//! Measures f32 → FP8 E4M3, saturated, and back.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{Mapping, dequantize, detect, quantize};
use tensor_quant::num::{F8E4M3Fn, F8E5M2};
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Scaling, TiesEven};

const SCALE: f32 = 0.03;

struct Buffers {
    x: Vec<f32>,
    e4m3: Vec<F8E4M3Fn>,
    e5m2: Vec<F8E5M2>,
    bytes: Vec<u8>,
    out: Vec<f32>,
}

fn main() {
    let allocate = |len| Buffers {
        x: reals(len),
        e4m3: vec![F8E4M3Fn::default(); len],
        e5m2: vec![F8E5M2::default(); len],
        bytes: vec![0; len],
        out: vec![0.0; len],
    };
    let mut comparison = Comparison::new("minifloats", allocate, |b, n| b.out[..n].copy_from_slice(&b.x[..n]));

    let level = detect();
    let params = AffineParams::new(f64::from(SCALE), 0).expect("the scale is positive");
    for (name, scaling) in [("e4m3, reciprocal", Scaling::Reciprocal), ("e4m3, divide", Scaling::Divide)] {
        let mapping = Mapping { scaling, ..Mapping::new(params, CodeRange::of::<F8E4M3Fn>()) };
        comparison.add(name, move |b: &mut Buffers, n| {
            quantize(level, &b.x[..n], &mapping, TiesEven, &mut b.e4m3[..n], 0);
        });
    }
    let mapping = Mapping { scaling: Scaling::Reciprocal, ..Mapping::new(params, CodeRange::of::<F8E5M2>()) };
    comparison.add("e5m2, reciprocal", move |b, n| {
        quantize(level, &b.x[..n], &mapping, TiesEven, &mut b.e5m2[..n], 0);
    });
    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit_of_all("limit: e4m3", move |b, n| {
            limit.f32_to_e4m3(&b.x[..n], SCALE, &mut b.bytes[..n]);
        });
    }
    comparison.add("e4m3 → f32", move |b, n| dequantize(level, &b.e4m3[..n], params, &mut b.out[..n]));
    comparison.add("naive: e4m3, multiply", |b, n| {
        for (x, out) in b.x[..n].iter().zip(&mut b.e4m3) {
            *out = F8E4M3Fn::from_f32_saturating(x * (1.0 / SCALE));
        }
    });
    comparison.run();
}
