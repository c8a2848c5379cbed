//! Better super-blocks: a search from ggml's answer downhill, for the formats in which a scale is a product of two stored numbers.
//!
//! ```text
//! x ≈ d · s · v[q] − dmin · m        d, dmin for 256 elements; s, m for 16 or 32; v the levels, q a code each
//! ```
//!
//! The best of all would take d, dmin, every s and m together, and nobody knows how to find it quickly. From ggml's block on, and from
//! the same with a d that is 4 and 10 % larger and scales to match, two steps take turns, each of which never lets the weighted squared error rise, four times at most, until it falls by less than a
//! ten-thousandth:
//!
//! 1. **each sub-block for itself**, under d and dmin: s within two steps of where it stands (the first time also of −s, where levels are
//!    few and not symmetric, so that it is another grid), for each of them m at the nearest whole
//!    number to the least squares of the codes, and the codes nearest;
//! 2. **d and dmin for all**, under s, m and the codes: the least squares of two unknowns, then the best of the nine pairs of f16 around
//!    them.
//!
//! The best result is kept if it restores with a smaller error than ggml's block, and so is never worse.

use super::layout::Layout;
use super::scale_grid::nearest_f16;
use crate::kernel::{self, Levels, fit, fit_codes};

/// Elements of a super-block.
pub(crate) const LEN: usize = 256;
/// What d is multiplied with to begin with: with a coarser d the sub-blocks' scales are other numbers.
const COARSER: [f64; 3] = [1.0, 1.04, 1.1];
/// The most rounds.
const ROUNDS: usize = 4;

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
        let mut least = known;
        for coarser in COARSER {
            let mut parts = start.clone();
            parts.d = nearest_f16(f64::from(start.d.abs()) * coarser).copysign(start.d);
            for s in &mut parts.scales {
                *s = crate::num::ties_even(*s as f32 / coarser as f32) as i32;
            }
            descend(format, x, &w, &mut parts);
            (format.write)(&parts, &mut candidate);
            (layout.dequantize)(&candidate, &mut restored);
            let error = error(x, &w, &restored);
            if error < least {
                least = error;
                out.copy_from_slice(&candidate);
            }
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

fn descend(format: &SuperBlock, x: &[f32; LEN], w: &[f32; LEN], parts: &mut Parts) {
    let mut last = f64::INFINITY;
    for round in 0..ROUNDS {
        let mut sum = 0.0;
        for k in 0..LEN / format.n {
            sum += improve_part(format, x, w, parts, k, round == 0 && format.may_turn());
        }
        if sum >= last * 0.9999 {
            break;
        }
        last = sum;
        refit(format, x, w, parts);
    }
    // The codes belong to d and dmin of the round before.
    for k in 0..LEN / format.n {
        improve_part(format, x, w, parts, k, false);
    }
}

/// Chooses s, m and the codes of a sub-block; returns its error. `turn` says that s of the other sign is looked at, too.
fn improve_part(format: &SuperBlock, x: &[f32; LEN], w: &[f32; LEN], parts: &mut Parts, k: usize, turn: bool) -> f64 {
    let range = k * format.n..(k + 1) * format.n;
    let (level, own_x, own_w) = (kernel::detect(), &x[range.clone()], &w[range.clone()]);
    let (d, dmin, s, m) = (parts.d, parts.dmin, parts.scales[k], parts.mins[k]);
    let fit_of = |s: i32, m: i32| fit(level, own_x, own_w, format.levels, d * s as f32, dmin * m as f32);
    let mut best = (fit_of(s, m).error, s, m);
    let near = |s: i32| (s - 2).max(format.scales.0)..=(s + 2).min(format.scales.1);
    for s in near(s).chain(turn.then(|| near(-s)).into_iter().flatten()) {
        let fit = fit_of(s, m);
        if fit.error < best.0 {
            best = (fit.error, s, m);
        }
        if dmin > 0.0 && format.largest_min > 0 && fit.weight > 0.0 {
            let own = crate::num::ties_even(fit.below / fit.weight / dmin);
            let own = own.clamp(0.0, format.largest_min as f32) as i32;
            if own != m {
                let fit = fit_of(s, own);
                if fit.error < best.0 {
                    best = (fit.error, s, own);
                }
            }
        }
    }
    (parts.scales[k], parts.mins[k]) = (best.1, best.2);
    let (scale, min) = (d * best.1 as f32, dmin * best.2 as f32);
    fit_codes(level, own_x, format.levels, scale, min, &mut parts.codes[range]);
    f64::from(best.0)
}

/// Chooses d and dmin.
fn refit(format: &SuperBlock, x: &[f32; LEN], w: &[f32; LEN], parts: &mut Parts) {
    let (mut aa, mut ab, mut bb, mut xa, mut xb) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for i in 0..LEN {
        let (x, w) = (f64::from(x[i]), f64::from(w[i]));
        let level = match format.levels {
            Levels::Steps(first, _) => f64::from(first) + f64::from(parts.codes[i]),
            Levels::Table(values) => f64::from(values[usize::from(parts.codes[i] & 15)]),
        };
        let a = f64::from(parts.scales[i / format.n]) * level;
        let b = f64::from(parts.mins[i / format.n]);
        aa += w * a * a;
        ab += w * a * b;
        bb += w * b * b;
        xa += w * x * a;
        xb += w * x * b;
    }
    let determinant = aa * bb - ab * ab;
    let (mut d, mut dmin) = if determinant > aa * bb * 1e-9 {
        ((xa * bb - xb * ab) / determinant, (xa * ab - xb * aa) / determinant)
    } else {
        (if aa > 0.0 { (xa + f64::from(parts.dmin) * ab) / aa } else { f64::from(parts.d) }, f64::from(parts.dmin))
    };
    if dmin < 0.0 {
        (d, dmin) = (if aa > 0.0 { xa / aa } else { 0.0 }, 0.0);
    }
    let change =
        |d: f64, dmin: f64| d * d * aa - 2.0 * d * xa + 2.0 * dmin * xb + dmin * dmin * bb - 2.0 * d * dmin * ab;
    let mut best = (change(parts.d.into(), parts.dmin.into()), parts.d, parts.dmin);
    for d in around(d) {
        for dmin in around(dmin) {
            let own = change(d.into(), dmin.into());
            if own < best.0 {
                best = (own, d, dmin);
            }
        }
    }
    (parts.d, parts.dmin) = (best.1, best.2);
}

/// Returns the f16 nearest to a number and its neighbours.
fn around(x: f64) -> [f32; 3] {
    let nearest = nearest_f16(x.abs()).copysign(x as f32);
    // A step of f16 is at most 2⁻¹⁰ of the number.
    let near = |factor: f64| nearest_f16(f64::from(nearest.abs()) * factor).copysign(nearest);
    [near(1.0 - 1.0 / 1024.0), nearest, near(1.0 + 1.0 / 1024.0)]
}
