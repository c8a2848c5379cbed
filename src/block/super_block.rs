//! Better super-blocks: a search from ggml's answer downhill, for the formats in which a scale is a product of two stored numbers.
//!
//! ```text
//! x ≈ d · s · v[q] − dmin · m        d, dmin for 256 elements; s, m for 16 or 32; v the levels, q a code each
//! ```
//!
//! The best of all would take d, dmin, every s and m together, and nobody knows how to find it quickly. From ggml's block on, and from
//! the same with a d that is 4, 10 and 18 % larger and scales to match, two steps take turns, each of which never lets the weighted
//! squared error rise, four times at most, until it falls by less than a ten-thousandth:
//!
//! 1. **each sub-block for itself**, under d and dmin: s within four steps of where it stands (the first time also of −s, where levels
//!    are few and not symmetric, so that it is another grid), for each of them m at the nearest whole number to the least squares of
//!    the codes, and the codes nearest;
//! 2. **d and dmin for all**, under s, m and the codes: the least squares of two unknowns, then the best of the nine pairs of f16 around
//!    them.
//!
//! The best result is kept if it restores with a smaller error than ggml's block, and so is never worse. Sub-blocks stand side by side,
//! one a lane ([`improve`]).

use super::layout::Layout;
use super::scale_grid::nearest_f16;
use crate::kernel::{self, Bounds, Columns, LANES, Levels, Scales, improve, level_codes, level_sums};

/// Elements of a super-block.
pub(crate) const LEN: usize = 256;
/// What d is multiplied with to begin with: with a coarser d the sub-blocks' scales are other numbers.
const COARSER: [f64; 4] = [1.0, 1.04, 1.1, 1.18];
/// The most rounds.
const ROUNDS: usize = 4;
/// How far from where it stands s is looked for.
const REACH: i32 = 4;
/// The most super-blocks side by side.
const MOST_TOGETHER: usize = 2;

/// A super-block as numbers.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) d: f32,
    pub(crate) dmin: f32,
    pub(crate) scales: [i32; 16],
    pub(crate) mins: [i32; 16],
    pub(crate) codes: [u8; LEN],
}

impl Parts {
    pub(crate) const fn new() -> Self {
        Self { d: 0.0, dmin: 0.0, scales: [0; 16], mins: [0; 16], codes: [0; LEN] }
    }
}

/// A format of super-blocks.
pub(crate) struct SuperBlock {
    /// Elements of a sub-block.
    pub(crate) n: usize,
    /// The levels.
    pub(crate) levels: Levels,
    /// The smallest and largest s.
    pub(crate) scales: (i32, i32),
    /// The largest m; 0 without minima.
    pub(crate) largest_min: i32,
    /// Reads a block.
    pub(crate) read: fn(&[u8], &mut Parts),
    /// Writes a block.
    pub(crate) write: fn(&Parts, &mut [u8]),
}

impl SuperBlock {
    /// Returns whether a scale of the other sign is another grid that is worth a look: s may be negative, and the levels are few and not
    /// symmetric.
    fn may_turn(&self) -> bool {
        let few = match self.levels {
            Levels::Steps(first, last) => last - first < 16,
            Levels::Table(_) => true,
        };
        few && self.scales.0 < 0
    }
}

/// Writes super-blocks that are not worse than the format's own.
pub(crate) fn better_row(layout: &Layout, format: &SuperBlock, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let Some(quantize) = layout.quantize else { return };
    quantize(x, importance, out);
    let (mut restored, mut start) = ([0.0; LEN], Parts::new());
    let mut candidate = alloc::vec![0; layout.bytes];
    for (i, (x, out)) in x.as_chunks::<LEN>().0.iter().zip(out.chunks_exact_mut(layout.bytes)).enumerate() {
        if !x.iter().all(|x| x.is_finite()) {
            continue;
        }
        let w = weights(importance.map(|w| &w[i * LEN..(i + 1) * LEN]));
        (layout.dequantize)(out, &mut restored);
        let known = error(x, &w, &restored);
        (format.read)(out, &mut start);
        candidate.copy_from_slice(out);
        (format.write)(&format.search(x, &w, &start), &mut candidate);
        (layout.dequantize)(&candidate, &mut restored);
        if error(x, &w, &restored) < known {
            out.copy_from_slice(&candidate);
        }
    }
}

/// Returns the weights; 1 where there are none that can be used.
fn weights(importance: Option<&[f32]>) -> [f32; LEN] {
    let mut weights = [1.0; LEN];
    if let Some(w) = importance
        && w.iter().all(|w| w.is_finite() && *w >= 0.0)
        && w.iter().any(|w| *w > 0.0)
    {
        weights.copy_from_slice(w);
    }
    weights
}

fn error(x: &[f32], w: &[f32], restored: &[f32]) -> f64 {
    let terms = x.iter().zip(w).zip(restored);
    terms.fold(0.0, |sum, ((x, w), y)| {
        let difference = f64::from(*x) - f64::from(*y);
        sum + f64::from(*w) * difference * difference
    })
}

impl SuperBlock {
    /// Returns the best of the super-blocks that the starts lead to.
    fn search(&self, x: &[f32; LEN], w: &[f32; LEN], start: &Parts) -> Parts {
        // As many starts side by side as fill the lanes.
        let (parts, together) = (LEN / self.n, LANES * self.n / LEN);
        let (mut all_x, mut all_w) = ([0.0; MOST_TOGETHER * LEN], [0.0; MOST_TOGETHER * LEN]);
        for (to_x, to_w) in all_x.chunks_exact_mut(LEN).zip(all_w.chunks_exact_mut(LEN)).take(together) {
            to_x.copy_from_slice(x);
            to_w.copy_from_slice(w);
        }
        let (all_x, all_w) = (&all_x[..together * LEN], &all_w[..together * LEN]);
        let columns = Columns::of(kernel::detect(), all_x, all_w, self.n);
        let mut best = (f64::INFINITY, start.clone());
        for coarser in COARSER.chunks(together) {
            let mut scales = Scales { d: [0.0; LANES], dmin: [0.0; LANES], s: [0.0; LANES], m: [0.0; LANES] };
            for lane in 0..LANES {
                let (k, coarser) = (lane % parts, coarser[(lane / parts).min(coarser.len() - 1)]);
                scales.d[lane] = nearest_f16(f64::from(start.d.abs()) * coarser).copysign(start.d);
                scales.dmin[lane] = start.dmin;
                scales.s[lane] = crate::num::ties_even(start.scales[k] as f32 / coarser as f32);
                scales.m[lane] = start.mins[k] as f32;
            }
            let errors = self.descend(&columns, &mut scales, parts);
            let mut codes = None;
            for (own, errors) in errors.chunks_exact(parts).take(coarser.len()).enumerate() {
                let error = sum(errors);
                if error < best.0 {
                    let codes = codes.get_or_insert_with(|| {
                        let mut codes = [0; MOST_TOGETHER * LEN];
                        level_codes(kernel::detect(), &columns, self.levels, &scales, &mut codes[..together * LEN]);
                        codes
                    });
                    best.0 = error;
                    best.1.d = scales.d[own * parts];
                    best.1.dmin = scales.dmin[own * parts];
                    for k in 0..parts {
                        best.1.scales[k] = scales.s[own * parts + k] as i32;
                        best.1.mins[k] = scales.m[own * parts + k] as i32;
                    }
                    best.1.codes.copy_from_slice(&codes[own * LEN..(own + 1) * LEN]);
                }
            }
        }
        best.1
    }

    /// Takes the two steps in turns, and returns the errors of the sub-blocks.
    fn descend(&self, columns: &Columns, scales: &mut Scales, parts: usize) -> [f32; LANES] {
        let (level, bounds) = (kernel::detect(), self.bounds());
        let mut last = [f64::INFINITY; MOST_TOGETHER];
        for round in 0..ROUNDS {
            let errors = improve(level, columns, bounds, scales, REACH, round == 0 && self.may_turn());
            let mut falls = false;
            for (last, errors) in last.iter_mut().zip(errors.chunks_exact(parts)) {
                let own = sum(errors);
                falls |= own < *last * 0.9999;
                *last = own;
            }
            if !falls {
                return errors;
            }
            self.refit(columns, scales, parts);
        }
        // The codes belong to d and dmin of the round before.
        improve(level, columns, bounds, scales, 1, false)
    }

    fn bounds(&self) -> Bounds {
        Bounds { levels: self.levels, s: (self.scales.0 as f32, self.scales.1 as f32), m: self.largest_min as f32 }
    }

    /// Chooses d and dmin of each super-block.
    fn refit(&self, columns: &Columns, scales: &mut Scales, parts: usize) {
        let sums = level_sums(kernel::detect(), columns, self.levels, scales);
        for first in (0..LANES).step_by(parts) {
            let (mut aa, mut ab, mut bb, mut xa, mut xb) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
            for k in first..first + parts {
                let (s, m) = (f64::from(scales.s[k]), f64::from(scales.m[k]));
                aa += s * s * f64::from(sums.vv[k]);
                ab += s * m * f64::from(sums.v[k]);
                bb += m * m * f64::from(columns.weight()[k]);
                xa += s * f64::from(sums.xv[k]);
                xb += m * f64::from(sums.x[k]);
            }
            let (d, dmin) = fitted((aa, ab, bb), (xa, xb), (scales.d[first], scales.dmin[first]));
            scales.d[first..first + parts].fill(d);
            scales.dmin[first..first + parts].fill(dmin);
        }
    }
}

fn sum(errors: &[f32]) -> f64 {
    errors.iter().map(|error| f64::from(*error)).sum()
}

/// Returns the pair of f16 around the least squares that is best, of Σ a², Σ a b, Σ b² and Σ x a, Σ x b, or the one that is known.
fn fitted((aa, ab, bb): (f64, f64, f64), (xa, xb): (f64, f64), known: (f32, f32)) -> (f32, f32) {
    let determinant = aa * bb - ab * ab;
    let (mut d, mut dmin) = if determinant > aa * bb * 1e-9 {
        ((xa * bb - xb * ab) / determinant, (xa * ab - xb * aa) / determinant)
    } else {
        (if aa > 0.0 { (xa + f64::from(known.1) * ab) / aa } else { f64::from(known.0) }, f64::from(known.1))
    };
    if dmin < 0.0 {
        (d, dmin) = (if aa > 0.0 { xa / aa } else { 0.0 }, 0.0);
    }
    let change =
        |d: f64, dmin: f64| d * d * aa - 2.0 * d * xa + 2.0 * dmin * xb + dmin * dmin * bb - 2.0 * d * dmin * ab;
    let mut best = (change(known.0.into(), known.1.into()), known.0, known.1);
    for d in around(d) {
        for dmin in around(dmin) {
            let own = change(d.into(), dmin.into());
            if own < best.0 {
                best = (own, d, dmin);
            }
        }
    }
    (best.1, best.2)
}

/// Returns the f16 nearest to a number and its neighbours.
fn around(x: f64) -> [f32; 3] {
    let nearest = nearest_f16(x.abs()).copysign(x as f32);
    // A step of f16 is at most 2⁻¹⁰ of the number.
    let near = |factor: f64| nearest_f16(f64::from(nearest.abs()) * factor).copysign(nearest);
    [near(1.0 - 1.0 / 1024.0), nearest, near(1.0 + 1.0 / 1024.0)]
}
