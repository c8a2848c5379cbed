//! Measures f32 → i8 → f32 in one pass, by reciprocal and by division, and its straight-through gradient.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{Mapping, dequantize, detect, fake_quantize, fake_quantize_backward, quantize};
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Scaling, TiesEven};

const SCALE: f32 = 0.03;

struct Buffers {
    x: Vec<f32>,
    gradient: Vec<f32>,
    codes: Vec<i8>,
    out: Vec<f32>,
}

fn main() {
    let allocate = |len| Buffers { x: reals(len), gradient: reals(len), codes: vec![0; len], out: vec![0.0; len] };
    let mut comparison = Comparison::new("fake_quantize", allocate, |b, n| b.out[..n].copy_from_slice(&b.x[..n]));

    let level = detect();
    let params = AffineParams::new(f64::from(SCALE), 0).expect("the scale is positive");
    let divide = Mapping::new(params, CodeRange::of::<i8>());
    let reciprocal = Mapping { scaling: Scaling::Reciprocal, ..divide };
    for (name, mapping) in [("i8, reciprocal", reciprocal), ("i8, divide", divide)] {
        comparison.add(name, move |b, n| {
            fake_quantize::<_, i8, _>(level, &b.x[..n], &mapping, TiesEven, &mut b.out[..n], 0);
        });
    }
    comparison.add("i8, reciprocal, in two passes", move |b, n| {
        quantize(level, &b.x[..n], &reciprocal, TiesEven, &mut b.codes[..n], 0);
        dequantize(level, &b.codes[..n], params, &mut b.out[..n]);
    });

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit_of_all("limit: multiply", move |b, n| {
            limit.fake_quantize::<false>(&b.x[..n], SCALE, &mut b.out[..n]);
        });
        comparison.add("limit: divide", move |b, n| {
            limit.fake_quantize::<true>(&b.x[..n], SCALE, &mut b.out[..n]);
        });
    }

    for (name, mapping) in [("backward, reciprocal", reciprocal), ("backward, divide", divide)] {
        comparison.add(name, move |b, n| {
            let (x, gradient) = (&b.x[..n], &b.gradient[..n]);
            fake_quantize_backward(level, x, gradient, &mapping, TiesEven, &mut b.out[..n], 0);
        });
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit("limit: backward", &["backward, reciprocal", "backward, divide"], move |b, n| {
            limit.backward(&b.x[..n], &b.gradient[..n], SCALE, &mut b.out[..n]);
        });
    }

    comparison.add("naive, divide", |b, n| {
        for (x, out) in b.x[..n].iter().zip(&mut b.out) {
            *out = (x / SCALE).round_ties_even().clamp(-128.0, 127.0) * SCALE;
        }
    });
    comparison.run();
}
