//! A scale and a smallest value from sixteen ranges at once, a range a lane.
//!
//! ```text
//! x ≈ d · q + m,      q in 0..=n
//! ```
//!
//! Codes and the least squares of (d, m) under them take turns. No number is rounded to what can be stored: that comes later.

use super::tile::{LANES, small_code};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// Scales, smallest values, and in the end the weighted squared errors, of sixteen ranges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranges {
    pub(crate) d: [f32; LANES],
    pub(crate) m: [f32; LANES],
    pub(crate) errors: [f32; LANES],
}

/// Makes each pair better, so many times.
pub(crate) fn fit_ranges(level: Level, x: &[f32], w: &[f32], limit: i32, rounds: usize, ranges: &mut Ranges) {
    dispatch!(level, simd => fit(simd, x, w, limit, rounds, ranges));
}

#[inline(always)]
fn fit<S: Simd>(simd: S, x: &[f32], w: &[f32], limit: i32, rounds: usize, ranges: &mut Ranges) {
    let float = |x: f32| f32x16::splat(simd, x);
    let (zero, one) = (float(0.0), float(1.0));
    let (mut d, mut m) = (f32x16::from_slice(simd, &ranges.d), f32x16::from_slice(simd, &ranges.m));
    let (mut weight, mut sum_x) = (0.0, 0.0);
    for (x, w) in x.iter().zip(w) {
        weight += w;
        sum_x += w * x;
    }
    let (weight, sum_x) = (float(weight), float(sum_x));
    for _ in 0..rounds {
        let inverse = one / d;
        let (mut sum_q, mut sum_qq, mut sum_xq) = (zero, zero, zero);
        for (x, w) in x.iter().zip(w) {
            let (x, w) = (float(*x), float(*w));
            let q = small_code(simd, (x - m) * inverse, 0, limit);
            let wq = w * q;
            sum_q += wq;
            sum_qq += wq * q;
            sum_xq += wq * x;
        }
        let determinant = weight * sum_qq - sum_q * sum_q;
        let known = determinant.simd_gt(weight * sum_qq * 1e-6);
        d = known.select((weight * sum_xq - sum_x * sum_q) / determinant, d);
        m = known.select((sum_qq * sum_x - sum_q * sum_xq) / determinant, m);
    }
    let (inverse, mut error) = (one / d, zero);
    for (x, w) in x.iter().zip(w) {
        let (x, w) = (float(*x), float(*w));
        let q = small_code(simd, (x - m) * inverse, 0, limit);
        let difference = d * q + m - x;
        error += w * difference * difference;
    }
    d.store_slice(&mut ranges.d);
    m.store_slice(&mut ranges.m);
    error.store_slice(&mut ranges.errors);
}
