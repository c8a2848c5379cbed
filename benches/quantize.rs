//! Measures f32 → i8 and u8: by reciprocal and by division, in three roundings.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{Mapping, detect, quantize};
use tensor_quant::num::Code;
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Ceil, HalfAway, Rounding, Scaling, TiesEven};

/// A few of the reals saturate, as they do in a model.
const SCALE: f32 = 0.03;

struct Buffers {
    x: Vec<f32>,
    copy: Vec<f32>,
    signed: Vec<i8>,
    unsigned: Vec<u8>,
}

fn main() {
    let allocate = |len| Buffers { x: reals(len), copy: vec![0.0; len], signed: vec![0; len], unsigned: vec![0; len] };
    let mut comparison = Comparison::new("quantize", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n]));

    add_i8(&mut comparison, "i8, reciprocal", Scaling::Reciprocal, TiesEven);
    add_i8(&mut comparison, "i8, divide", Scaling::Divide, TiesEven);
    add_i8(&mut comparison, "i8, divide, ceil", Scaling::Divide, Ceil);
    add_i8(&mut comparison, "i8, divide, half away", Scaling::Divide, HalfAway);
    let (level, mapping) = (detect(), mapping::<u8>(128, Scaling::Reciprocal));
    comparison.add("u8, reciprocal", move |b: &mut Buffers, n| {
        quantize(level, &b.x[..n], &mapping, TiesEven, &mut b.unsigned[..n], 0);
    });

    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = limit::Avx512::detect() {
        comparison.add_limit("limit: multiply", &["i8, reciprocal", "u8, reciprocal"], move |b, n| {
            avx512.quantize::<false>(&b.x[..n], SCALE, &mut b.signed[..n]);
        });
        let divided = ["i8, divide", "i8, divide, ceil", "i8, divide, half away"];
        comparison.add_limit("limit: divide", &divided, move |b, n| {
            avx512.quantize::<true>(&b.x[..n], SCALE, &mut b.signed[..n]);
        });
    }

    comparison.add("naive, multiply", |b, n| {
        for (x, code) in b.x[..n].iter().zip(&mut b.signed) {
            *code = (x * (1.0 / SCALE)).round_ties_even().clamp(-128.0, 127.0) as i8;
        }
    });
    comparison.add("naive, divide", |b, n| {
        for (x, code) in b.x[..n].iter().zip(&mut b.signed) {
            *code = (x / SCALE).round_ties_even().clamp(-128.0, 127.0) as i8;
        }
    });
    comparison.run();
}

fn add_i8<R: Rounding + 'static>(
    comparison: &mut Comparison<Buffers>,
    name: &'static str,
    scaling: Scaling,
    rounding: R,
) {
    let (level, mapping) = (detect(), mapping::<i8>(0, scaling));
    comparison.add(name, move |b, n| quantize(level, &b.x[..n], &mapping, rounding, &mut b.signed[..n], 0));
}

fn mapping<C: Code>(zero_point: i32, scaling: Scaling) -> Mapping {
    let params = AffineParams::new(f64::from(SCALE), zero_point).expect("the scale is positive");
    Mapping { scaling, ..Mapping::new(params, CodeRange::of::<C>()) }
}
