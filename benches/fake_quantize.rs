//! Measures f32 → i8 → f32 in one pass: by reciprocal and by division.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{Mapping, dequantize, detect, fake_quantize, quantize};
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Scaling, TiesEven};

const SCALE: f32 = 0.03;

struct Buffers {
    x: Vec<f32>,
    codes: Vec<i8>,
    out: Vec<f32>,
}

fn main() {
    let allocate = |len| Buffers { x: reals(len), codes: vec![0; len], out: vec![0.0; len] };
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
    if let Some(avx512) = limit::Avx512::detect() {
        let multiplied = ["i8, reciprocal", "i8, reciprocal, in two passes"];
        comparison.add_limit("limit: multiply", &multiplied, move |b, n| {
            avx512.fake_quantize::<false>(&b.x[..n], SCALE, &mut b.out[..n]);
        });
        comparison.add_limit("limit: divide", &["i8, divide"], move |b, n| {
            avx512.fake_quantize::<true>(&b.x[..n], SCALE, &mut b.out[..n]);
        });
    }

    comparison.add("naive, divide", |b, n| {
        for (x, out) in b.x[..n].iter().zip(&mut b.out) {
            *out = (x / SCALE).round_ties_even().clamp(-128.0, 127.0) * SCALE;
        }
    });
    comparison.run();
}
