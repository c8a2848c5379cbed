//! The specification: one element at a time, no tricks.
//!
//! These are the oracles of the kernels' property tests, bit for bit, and the "before" of the benchmarks. They are as
//! slow as they are plain.

use super::{ErrorSums, Extremes, Mapping};
use crate::num::{Code, CodeKind, Real, Rounding, Scaling};
use crate::params::{AffineParams, NanPolicy};

/// `clamp(round((x − offset) / scale) + zero_point, qmin, qmax)`, the zero point added and the clamp done in f64.
pub fn quantize<T: Real, C: Code, R: Rounding>(
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) {
    for (i, (x, out)) in x.iter().zip(out).enumerate() {
        *out = quantize_one(x.to_f32(), mapping, rounding, first_index.wrapping_add(i as u64));
    }
}

/// `(x − offset) / scale`, or what stands for NaN.
#[inline(never)]
fn quotient_of(x: f32, mapping: &Mapping) -> f32 {
    let Mapping { params, scaling, nan, .. } = *mapping;
    if x.is_nan() && nan != NanPolicy::Native {
        return 0.0;
    }
    let shifted = if params.offset() == 0.0 { x } else { x - params.offset() };
    match scaling {
        Scaling::Divide => shifted / params.scale(),
        Scaling::Reciprocal => shifted * (1.0 / params.scale()).min(f32::MAX),
    }
}

#[inline(never)]
fn quantize_one<C: Code, R: Rounding>(x: f32, mapping: &Mapping, rounding: R, index: u64) -> C {
    let Mapping { params, codes, .. } = *mapping;
    let quotient = quotient_of(x, mapping);
    if C::KIND == CodeKind::Float {
        return C::encode(quotient, mapping.grid(), rounding, index);
    }
    let code = if quotient.is_nan() {
        codes.min()
    } else {
        f64::from(rounding.round(quotient, index)) + f64::from(params.zero_point())
    };
    C::nearest(code.clamp(codes.min(), codes.max()))
}

/// `(code − zero_point) · scale + offset`.
pub fn dequantize<C: Code>(codes: &[C], params: AffineParams, out: &mut [f32]) {
    for (code, out) in codes.iter().zip(out) {
        let steps = (code.to_f64() - f64::from(params.zero_point())) as f32;
        let real = steps * params.scale();
        *out = if params.offset() == 0.0 { real } else { real + params.offset() };
    }
}

/// Quantizes, then dequantizes.
pub fn fake_quantize<T: Real, C: Code, R: Rounding>(
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    for (i, (x, out)) in x.iter().zip(out).enumerate() {
        let code: C = quantize_one(x.to_f32(), mapping, rounding, first_index.wrapping_add(i as u64));
        dequantize(&[code], mapping.params, core::slice::from_mut(out));
    }
}

/// The smallest and largest finite value, and counts.
pub fn min_max(x: &[f32]) -> Extremes {
    let mut all = Extremes::default();
    for &x in x {
        all.count += 1;
        if x.is_nan() {
            all.nan += 1;
        } else if x.is_infinite() {
            all.infinite += 1;
        } else {
            all.min = all.min.min(x + 0.0);
            all.max = all.max.max(x + 0.0);
        }
    }
    all
}

/// Counts values in bins of width `2^exponent`, of which as many lie below 0 as above.
pub fn histogram(x: &[f32], exponent: i32, counts: &mut [u64]) {
    let per_side = counts.len() / 2;
    // A power of two, and so the product exact.
    let inverse = f64::from_bits(((1023 - exponent) as u64) << 52);
    for &x in x {
        let k = (f64::from(x.abs()) * inverse) as usize;
        counts[if x < 0.0 { per_side - 1 - k } else { per_side + k }] += 1;
    }
}

/// The sums in the order that [`error_sums`](super::error_sums) defines: blocks of 4096, 16 lanes, lanes pairwise.
pub fn error_sums(x: &[f32], y: &[f32]) -> ErrorSums {
    let mut all = ErrorSums::default();
    for (x, y) in x.chunks(4096).zip(y.chunks(4096)) {
        let mut block = ErrorSums { count: x.len() as u64, ..ErrorSums::default() };
        let mut lanes = [[0.0_f64; 16]; 6];
        let mut first = true;
        for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
            if !(x.is_finite() && y.is_finite()) {
                block.non_finite += 1;
                continue;
            }
            let (a, b) = (f64::from(x), f64::from(y));
            let d = a - b;
            for (sum, term) in lanes.iter_mut().zip([d, d.abs(), d * d, a * a, b * b, a * b]) {
                sum[i % 16] += term;
            }
            if d.abs() > block.max_abs_d {
                (block.max_abs_d, block.max_abs_d_index) = (d.abs(), i as u64);
            }
            block.x_min = if first { x + 0.0 } else { block.x_min.min(x + 0.0) };
            block.x_max = if first { x + 0.0 } else { block.x_max.max(x + 0.0) };
            first = false;
        }
        let mut totals = [0.0; 6];
        for (total, lanes) in totals.iter_mut().zip(&lanes) {
            let by_4: [f64; 8] = core::array::from_fn(|i| lanes[i] + lanes[i + 8]);
            let by_2: [f64; 4] = core::array::from_fn(|i| by_4[i] + by_4[i + 4]);
            *total = (by_2[0] + by_2[2]) + (by_2[1] + by_2[3]);
        }
        [block.d, block.d_abs, block.d2, block.x2, block.y2, block.xy] = totals;
        all = all.followed_by(block);
    }
    all
}

/// As [`integer_matmul`](super::integer_matmul), of weights `[channels, depth]` as they are.
pub fn integer_matmul(x: &[i8], weights: &[i8], channels: usize, depth: usize, zero_point: i32, out: &mut [i32]) {
    for (i, out) in out.iter_mut().enumerate() {
        let (row, channel) = (i / channels, i % channels);
        *out = (0..depth).fold(0_i32, |sum, k| {
            let x = i32::from(x[row * depth + k]).wrapping_sub(zero_point);
            sum.wrapping_add(x.wrapping_mul(weights[channel * depth + k].into()))
        });
    }
}

/// `(Σ k·x, Σ k²)` for `k = min(round(x · inverse), most)`, halves to even, in the order that
/// [`code_sums`](super::code_sums()) defines: 16 lanes, lanes pairwise.
pub fn code_sums(magnitudes: &[f64], inverse: f64, most: f64) -> (f64, f64) {
    let mut lanes = [[0.0_f64; 16]; 2];
    for (i, &x) in magnitudes.iter().enumerate() {
        // What is clamped is far below 2⁵¹, where this sum has no bits for a fraction.
        let magic = 6_755_399_441_055_744.0;
        let k = ((x * inverse).min(most) + magic) - magic;
        lanes[0][i % 16] += k * x;
        lanes[1][i % 16] += k * k;
    }
    let mut totals = [0.0; 2];
    for (total, lanes) in totals.iter_mut().zip(&lanes) {
        let by_8: [f64; 8] = core::array::from_fn(|i| lanes[i] + lanes[i + 8]);
        let by_4: [f64; 4] = core::array::from_fn(|i| by_8[i] + by_8[i + 4]);
        *total = (by_4[0] + by_4[2]) + (by_4[1] + by_4[3]);
    }
    (totals[0], totals[1])
}
