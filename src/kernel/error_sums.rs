//! The sums that every error metric is made of, in one pass over original and restored values.
//!
//! 1. Sums are kept in f64, in which the product of two f32s is exact.
//! 2. The data are cut in blocks of [`BLOCK`] elements; in a block, lane i of [`LANES`] sums the elements i, i + LANES …;
//!    the lanes are added pairwise, the blocks one after another. That order is part of the definition: every SIMD level,
//!    and any number of threads that work on whole blocks, gives the same bits. Where a product is rounded, it is not fused
//!    with the addition, for the same reason.
//! 3. Seven sums of 16 lanes are more than most machines have registers for, so that half of the lanes is summed after the
//!    other, from the first-level cache: the lanes do not know of each other.
//! 4. A block with a value that is not finite is summed once more, with such pairs counted and set to zero. Nothing has to
//!    look for one: squares of f32s are far from the largest f64, so Σ x² + Σ y² is finite if and only if all values are.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x8, f32x16, f64x8};

/// Elements in a block.
const BLOCK: usize = 4096;
/// Elements in a run that is searched at once.
const RUN: usize = 64;
/// Sums that run side by side, whatever the width of the machine's vectors.
const LANES: usize = 16;

/// Sums over pairs of an original x and a restored y, with d = x − y.
///
/// Pairs in which either is not finite are counted and left out of everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorSums {
    /// Pairs seen.
    pub count: u64,
    /// Pairs in which x or y is NaN or infinite.
    pub non_finite: u64,
    /// Σ d.
    pub d: f64,
    /// Σ |d|.
    pub d_abs: f64,
    /// Σ d².
    pub d2: f64,
    /// Σ x².
    pub x2: f64,
    /// Σ y².
    pub y2: f64,
    /// Σ x·y.
    pub xy: f64,
    /// The largest |d|.
    pub max_abs_d: f64,
    /// The index of the first pair with that |d|; 0 if no pair is finite. Pairs that are not finite are counted, and have no |d|.
    pub max_abs_d_index: u64,
    /// The smallest x; 0 if there is none.
    pub x_min: f32,
    /// The largest x; 0 if there is none.
    pub x_max: f32,
}

impl ErrorSums {
    /// Returns the number of pairs that the sums are over.
    pub fn finite(&self) -> u64 {
        self.count - self.non_finite
    }

    /// Returns the sums over the values of `self`, followed by those of `next`.
    ///
    /// Exact for counts and extremes; sums of floats are rounded, so the order is part of the result.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        let larger = next.max_abs_d > self.max_abs_d || self.finite() == 0;
        let (x_min, x_max) = match (self.finite(), next.finite()) {
            (_, 0) => (self.x_min, self.x_max),
            (0, _) => (next.x_min, next.x_max),
            _ => (self.x_min.min(next.x_min), self.x_max.max(next.x_max)),
        };
        Self {
            count: self.count + next.count,
            non_finite: self.non_finite + next.non_finite,
            d: self.d + next.d,
            d_abs: self.d_abs + next.d_abs,
            d2: self.d2 + next.d2,
            x2: self.x2 + next.x2,
            y2: self.y2 + next.y2,
            xy: self.xy + next.xy,
            max_abs_d: if larger { next.max_abs_d } else { self.max_abs_d },
            max_abs_d_index: if larger { self.count + next.max_abs_d_index } else { self.max_abs_d_index },
            x_min,
            x_max,
        }
    }
}

/// Returns the sums over the pairs of `x` (original) and `y` (restored).
///
/// # Panics
///
/// If `x` and `y` differ in length.
pub fn error_sums(level: Level, x: &[f32], y: &[f32]) -> ErrorSums {
    assert_eq!(x.len(), y.len(), "restored: expected a length of {}, got {}", x.len(), y.len());
    let mut all = ErrorSums::default();
    for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
        let whole = x.len() % LANES == 0;
        let lanes = if whole { dispatch!(level, simd => sum_lanes(simd, x, y)) } else { None };
        let sums = match lanes {
            Some(lanes) => lanes.finish(x.len()),
            None => masked(level, x, y),
        };
        all = all.followed_by(sums);
    }
    // So far the index is that of the block; only now is it worth looking for the element.
    let start = all.max_abs_d_index as usize;
    let block = start..x.len().min(start + BLOCK);
    all.max_abs_d_index = (start + first_with(level, all.max_abs_d, &x[block.clone()], &y[block])) as u64;
    all
}

/// Sums a block in which values that are not finite, and the places up to a whole number of lanes, are replaced by pairs
/// of zeros: these add nothing, so there is one order of summation.
#[cold]
fn masked(level: Level, x: &[f32], y: &[f32]) -> ErrorSums {
    let (mut px, mut py) = ([0.0; BLOCK], [0.0; BLOCK]);
    let (mut non_finite, mut min, mut max) = (0, f32::INFINITY, f32::NEG_INFINITY);
    for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
        if x.is_finite() && y.is_finite() {
            (px[i], py[i]) = (x, y);
            (min, max) = (min.min(x), max.max(x));
        } else {
            non_finite += 1;
        }
    }
    let n = x.len().next_multiple_of(LANES);
    let sums = dispatch!(level, simd => sum_lanes(simd, &px[..n], &py[..n])).map(|lanes| lanes.finish(x.len()));
    let extremes = if non_finite < x.len() as u64 { (min + 0.0, max + 0.0) } else { (0.0, 0.0) };
    ErrorSums { non_finite, x_min: extremes.0, x_max: extremes.1, ..sums.unwrap_or_default() }
}

fn first_with(level: Level, abs_d: f64, x: &[f32], y: &[f32]) -> usize {
    if abs_d == 0.0 {
        return 0;
    }
    // Whether a run holds it is an OR, which vectorises; where in the run is asked once.
    let holds = |x: &[f32], y: &[f32]| dispatch!(level, simd => any_with(simd, abs_d, x, y));
    let run = x.chunks(RUN).zip(y.chunks(RUN)).position(|(x, y)| holds(x, y)).unwrap_or(0) * RUN;
    let differs = |(&x, &y): (&f32, &f32)| (f64::from(x) - f64::from(y)).abs() == abs_d;
    run + x[run..].iter().zip(&y[run..]).position(differs).unwrap_or(0)
}

#[inline(always)]
fn any_with<S: Simd>(_simd: S, abs_d: f64, x: &[f32], y: &[f32]) -> bool {
    let mut any = 0_u32;
    for (&x, &y) in x.iter().zip(y) {
        any |= u32::from((f64::from(x) - f64::from(y)).abs() == abs_d);
    }
    any != 0
}

/// Elements whose lanes are summed half by half.
const PART: usize = 1024;

/// Whether all sums of all lanes have room in registers. Elsewhere one half of the lanes takes its turn after the other.
#[inline(always)]
fn many_registers(level: Level) -> bool {
    match level {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx512(_) => true,
        _ => false,
    }
}

/// Eight lanes' sums, in the order d, |d|, d², x², y², xy, and the largest |d|.
#[derive(Clone, Copy)]
struct Half<S: Simd> {
    sums: [f64x8<S>; 6],
    largest: f64x8<S>,
}

impl<S: Simd> Half<S> {
    #[inline(always)]
    fn add(&mut self, x: f64x8<S>, y: f64x8<S>) {
        let d = x - y;
        let d_abs = d.abs();
        self.sums[0] += d;
        self.sums[1] += d_abs;
        self.sums[2] += d * d;
        // These products are exact, so it does not matter that some levels fuse them with the addition.
        self.sums[3] = x.mul_add(x, self.sums[3]);
        self.sums[4] = y.mul_add(y, self.sums[4]);
        self.sums[5] = x.mul_add(y, self.sums[5]);
        self.largest = self.largest.max(d_abs);
    }
}

/// The sums of each lane, in the order d, |d|, d², x², y², xy; and the extremes.
struct Lanes {
    sums: [[f64; LANES]; 6],
    max_abs_d: f64,
    x_min: f32,
    x_max: f32,
}

impl Lanes {
    fn finish(&self, count: usize) -> ErrorSums {
        let [d, d_abs, d2, x2, y2, xy] = self.sums.map(pairwise);
        ErrorSums {
            count: count as u64,
            non_finite: 0,
            d,
            d_abs,
            d2,
            x2,
            y2,
            xy,
            max_abs_d: self.max_abs_d,
            max_abs_d_index: 0,
            x_min: self.x_min + 0.0,
            x_max: self.x_max + 0.0,
        }
    }
}

/// Adds the lanes pairwise: those 8 apart, then 4, 2 and 1.
fn pairwise(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Returns `None` if a value is not finite. `x` and `y` are a whole number of lanes long.
#[inline(always)]
fn sum_lanes<S: Simd>(simd: S, x: &[f32], y: &[f32]) -> Option<Lanes> {
    let zero = f64x8::splat(simd, 0.0);
    let mut halves = [Half { sums: [zero; 6], largest: zero }; 2];
    let mut min = f32x16::splat(simd, f32::INFINITY);
    let mut max = f32x16::splat(simd, f32::NEG_INFINITY);
    for (x, y) in x.chunks(PART).zip(y.chunks(PART)) {
        if many_registers(simd.level()) {
            for (x, y) in x.chunks_exact(LANES).zip(y.chunks_exact(LANES)) {
                let (x, y) = (f32x16::from_slice(simd, x), f32x16::from_slice(simd, y));
                let (x, y) = (x.widen(), y.widen());
                halves[0].add(x.0, y.0);
                halves[1].add(x.1, y.1);
            }
        } else {
            for h in 0..2 {
                let mut half = halves[h];
                for (x, y) in x.chunks_exact(LANES).zip(y.chunks_exact(LANES)) {
                    let (x, y) =
                        (f32x8::from_slice(simd, &x[8 * h..8 * h + 8]), f32x8::from_slice(simd, &y[8 * h..8 * h + 8]));
                    let (x, y) = (x.widen(), y.widen());
                    half.add(x.0.combine(x.1), y.0.combine(y.1));
                }
                halves[h] = half;
            }
        }
        for x in x.chunks_exact(LANES) {
            let x = f32x16::from_slice(simd, x);
            min = min.min(x);
            max = max.max(x);
        }
    }
    let [a, b] = halves;
    let sums = [0, 1, 2, 3, 4, 5].map(|k| [a.sums[k], b.sums[k]]);
    let largest = [a.largest, b.largest];
    let squares = (sums[3][0] + sums[3][1]) + (sums[4][0] + sums[4][1]);
    if !squares.reduce_sum().is_finite() {
        return None;
    }
    let mut lanes = Lanes {
        sums: [[0.0; LANES]; 6],
        max_abs_d: largest[0].max(largest[1]).reduce_max(),
        x_min: min.reduce_min(),
        x_max: max.reduce_max(),
    };
    for (to, from) in lanes.sums.iter_mut().zip(&sums) {
        to[..8].copy_from_slice(from[0].as_slice());
        to[8..].copy_from_slice(from[1].as_slice());
    }
    Some(lanes)
}
