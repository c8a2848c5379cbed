//! The best block of a scale and a smallest value, by a documented search (`q4_1`, `q5_1`).
//!
//! ```text
//! x ≈ d · q + m,       q in 0..=n
//! ```
//!
//! From sixteen ranges, the block's own with 0, 2, 4½ and 8 % cut off at either end, codes and the least squares of (d, m) under them
//! take turns three times; the best of the nine pairs of f16 around the last is the candidate. The best candidate is kept if it is
//! better than ggml's block.

use super::layout::Layout;
use super::one_scale::Search;
use super::scale_grid::nearest_f16;

/// Elements of a block.
const LEN: usize = 32;
const CUTS: [f64; 4] = [0.0, 0.02, 0.045, 0.08];

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

/// Returns the best pair from each range.
fn candidates(x: &[f32; LEN], w: &[f32], limit: u8) -> impl Iterator<Item = (f32, f32)> {
    let (min, max) = x.iter().fold((f32::MAX, f32::MIN), |(min, max), &x| (min.min(x), max.max(x)));
    let (min, width) = (f64::from(min), f64::from(max) - f64::from(min));
    CUTS.into_iter().flat_map(move |low| CUTS.into_iter().map(move |high| (low, high))).map(move |(low, high)| {
        let start = (width * (1.0 - low - high) / f64::from(limit), min + width * low);
        let mut best = (rounded(start.0), rounded(start.1));
        for _ in 0..3 {
            best = fit(x, w, &codes(x, best.0, best.1, limit), best);
        }
        best
    })
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
