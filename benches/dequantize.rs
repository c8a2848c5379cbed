//! Measures i8 → f32.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{dequantize, detect};
use tensor_quant::params::AffineParams;

const SCALE: f32 = 0.03;

struct Buffers {
    codes: Vec<i8>,
    reals: Vec<f32>,
    out: Vec<f32>,
}

fn main() {
    let allocate = |len| {
        let reals = reals(len);
        Buffers { codes: reals.iter().map(|x| (x / SCALE) as i8).collect(), reals, out: vec![0.0; len] }
    };
    let mut comparison = Comparison::new("dequantize", allocate, |b, n| b.out[..n].copy_from_slice(&b.reals[..n]));

    let level = detect();
    for (name, zero_point) in [("i8", 0), ("i8, zero point 5", 5)] {
        let params = AffineParams::new(f64::from(SCALE), zero_point).expect("the scale is positive");
        comparison.add(name, move |b, n| dequantize(level, &b.codes[..n], params, &mut b.out[..n]));
    }

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit("limit", &["i8", "i8, zero point 5"], move |b, n| {
            limit.dequantize(&b.codes[..n], SCALE, &mut b.out[..n]);
        });
    }

    comparison.add("naive", |b, n| {
        for (code, out) in b.codes[..n].iter().zip(&mut b.out) {
            *out = f32::from(*code) * SCALE;
        }
    });
    comparison.run();
}
