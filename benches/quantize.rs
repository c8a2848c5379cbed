//! Measures f32 → i8 and u8: by reciprocal and by division, in every rounding, a user's own included.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{Mapping, detect, quantize};
use tensor_quant::num::Code;
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Ceil, Floor, HalfAway, Rounding, Scaling, TiesEven, TowardZero};

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
    add_i8(&mut comparison, "i8, reciprocal, ceil", Scaling::Reciprocal, Ceil);
    add_i8(&mut comparison, "i8, reciprocal, floor", Scaling::Reciprocal, Floor);
    add_i8(&mut comparison, "i8, reciprocal, half away", Scaling::Reciprocal, HalfAway);
    add_i8(&mut comparison, "i8, reciprocal, a user's", Scaling::Reciprocal, HalfUp);
    add_i8(&mut comparison, "i8, divide", Scaling::Divide, TiesEven);
    add_i8(&mut comparison, "i8, divide, ceil", Scaling::Divide, Ceil);
    add_i8(&mut comparison, "i8, divide, floor", Scaling::Divide, Floor);
    add_i8(&mut comparison, "i8, divide, toward zero", Scaling::Divide, TowardZero);
    add_i8(&mut comparison, "i8, divide, half away", Scaling::Divide, HalfAway);
    add_i8(&mut comparison, "i8, divide, a user's", Scaling::Divide, HalfUp);
    let (level, mapping) = (detect(), mapping::<u8>(128, Scaling::Reciprocal));
    comparison.add("u8, reciprocal", move |b: &mut Buffers, n| {
        quantize(level, &b.x[..n], &mapping, TiesEven, &mut b.unsigned[..n], 0);
    });

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        // Whatever is asked for is held against the least that gives codes at all.
        comparison.add_limit_of_all("limit: multiply", move |b, n| {
            limit.quantize::<false>(&b.x[..n], SCALE, &mut b.signed[..n]);
        });
        comparison.add("limit: divide", move |b, n| {
            limit.quantize::<true>(&b.x[..n], SCALE, &mut b.signed[..n]);
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

/// Halves up: a rounding that no kernel knows.
#[derive(Clone, Copy, Debug)]
struct HalfUp;

impl Rounding for HalfUp {
    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        (x + 0.5).floor()
    }
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
