//! The best block of a scale and a smallest value, by a documented search (`q4_1`, `q5_1`).
//!
//! ```text
//! x ≈ d · q + m,       q in 0..=n
//! ```
//!
//! From sixteen ranges, the block's own with 0, 2, 4½ and 8 % cut off at either end, codes and the least squares of (d, m) under them
//! take turns four times ([`fit_ranges`], all sixteen side by side). Under the codes of each of the best three that are not the same, the
//! best of the nine pairs of f16 around the least squares is a candidate; the best candidate is kept if it is better than ggml's block.

use super::layout::Layout;
use super::one_scale::Search;
use super::scale_grid::nearest_f16;
use crate::kernel::{self, LANES, Ranges, fit_ranges};

/// Elements of a block.
const LEN: usize = 32;
const CUTS: [f32; 4] = [0.0, 0.02, 0.045, 0.08];
/// How often a pair is made better.
const ROUNDS: usize = 4;
/// Pairs of which blocks are made.
const CANDIDATES: usize = 3;

/// Writes a block from its scale, its smallest value and its codes.
pub(crate) type WriteBlock<'a> = dyn Fn(f32, f32, &[u8; LEN], &mut [u8]) + 'a;

/// Writes blocks that are not worse than the format's own; codes are 0 to `limit`.
pub(crate) fn better_row(
    layout: &Layout,
    limit: u8,
    write: &WriteBlock<'_>,
    x: &[f32],
    importance: Option<&[f32]>,
    out: &mut [u8],
) {
    let Some(quantize) = layout.quantize else { return };
    quantize(x, importance, out);
    let (mut search, mut restored) = (Search::new(LEN), [0.0; LEN]);
    let mut candidate = alloc::vec![0; layout.bytes];
    for (i, (x, out)) in x.as_chunks::<LEN>().0.iter().zip(out.chunks_exact_mut(layout.bytes)).enumerate() {
        if !search.set(x, importance.map(|w| &w[i * LEN..(i + 1) * LEN])) {
            continue;
        }
        (layout.dequantize)(out, &mut restored);
        let mut known = search.error(&restored);
        for (d, m) in candidates(x, search.weights(), limit) {
            let codes = codes(x, d, m, limit);
            write(d, m, &codes, &mut candidate);
            (layout.dequantize)(&candidate, &mut restored);
            let error = search.error(&restored);
            if error < known {
                known = error;
                out.copy_from_slice(&candidate);
            }
        }
    }
}

fn codes(x: &[f32; LEN], d: f32, m: f32, limit: u8) -> [u8; LEN] {
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    x.map(|x| crate::num::ties_even(((x - m) * inverse).max(0.0).min(f32::from(limit))) as u8)
}

/// Returns the pairs that the best ranges lead to.
fn candidates(x: &[f32; LEN], w: &[f32], limit: u8) -> [(f32, f32); CANDIDATES] {
    let (min, max) = x.iter().fold((f32::MAX, f32::MIN), |(min, max), &x| (min.min(x), max.max(x)));
    // Above the smallest element, so that sums lose nothing, and in units of the width; of a constant any.
    let width = f64::from(max) - f64::from(min);
    let unit = if width > 0.0 { 1.0 / width } else { 1.0 };
    let own = x.map(|x| ((f64::from(x) - f64::from(min)) * unit) as f32);
    let mut ranges = Ranges { d: [1.0; LANES], m: [0.0; LANES], errors: [0.0; LANES] };
    for (i, (d, m)) in ranges.d.iter_mut().zip(&mut ranges.m).enumerate() {
        let (low, high) = (CUTS[i / CUTS.len()], CUTS[i % CUTS.len()]);
        (*d, *m) = ((1.0 - low - high) / f32::from(limit), low);
    }
    fit_ranges(kernel::detect(), &own, w, limit.into(), ROUNDS, &mut ranges);
    let (mut found, mut above) = ([(0.0, 0.0); CANDIDATES], f32::NEG_INFINITY);
    for found in &mut found {
        let (mut least, mut best) = (f32::INFINITY, 0);
        for (i, &error) in ranges.errors.iter().enumerate() {
            if error > above && error < least {
                (least, best) = (error, i);
            }
        }
        above = least;
        let (d, m) = (f64::from(ranges.d[best]) * width, f64::from(min) + f64::from(ranges.m[best]) * width);
        let start = (rounded(d), rounded(m));
        *found = fit(x, w, &codes(x, d as f32, m as f32, limit), start);
    }
    found
}

/// Returns the pair of f16 that is best under some codes.
fn fit(x: &[f32; LEN], w: &[f32], codes: &[u8; LEN], known: (f32, f32)) -> (f32, f32) {
    let (mut weight, mut q, mut qq, mut xq, mut sum_x) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for ((x, w), code) in x.iter().zip(w).zip(codes) {
        let (x, w, code) = (f64::from(*x), f64::from(*w), f64::from(*code));
        weight += w;
        q += w * code;
        qq += w * code * code;
        xq += w * x * code;
        sum_x += w * x;
    }
    let determinant = weight * qq - q * q;
    if determinant <= weight * qq * 1e-9 {
        return known;
    }
    let (d, m) = ((weight * xq - sum_x * q) / determinant, (qq * sum_x - q * xq) / determinant);
    let change = |d: f64, m: f64| d * d * qq + m * m * weight + 2.0 * d * m * q - 2.0 * d * xq - 2.0 * m * sum_x;
    let mut best = (f64::INFINITY, known);
    for d in around(d) {
        for m in around(m) {
            let own = change(d.into(), m.into());
            if own < best.0 {
                best = (own, (d, m));
            }
        }
    }
    best.1
}

fn rounded(x: f64) -> f32 {
    nearest_f16(x.abs()).copysign(x as f32)
}

/// Returns the f16 nearest to a number and its neighbours.
fn around(x: f64) -> [f32; 3] {
    let nearest = rounded(x);
    [rounded(f64::from(nearest) * (1.0 - 1.0 / 1024.0)), nearest, rounded(f64::from(nearest) * (1.0 + 1.0 / 1024.0))]
}
