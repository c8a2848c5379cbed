//! The smallest and largest finite value, and how many values are not finite.
//!
//! 1. Data are usually all finite, so a chunk is first read by a loop that does not look: the minimum, the maximum, and
//!    Σ x·0, which is NaN as soon as one x is NaN or infinite and 0 otherwise.
//! 2. Only a chunk in which that sum is NaN is read once more, by a loop that masks and counts. It is in the first-level
//!    cache by then.
//! 3. Four accumulators each hide the latency of the instructions. The minimum and maximum of a set do not depend on the
//!    order, once −0 is made +0.

use crate::num::Real;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};

/// Elements that are read before asking whether all were finite: 16 KiB.
const CHUNK: usize = 4096;

/// The smallest and largest finite value of what was read, and counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// The smallest finite value; `∞` if there is none. Never −0.
    pub min: f32,
    /// The largest finite value; `−∞` if there is none. Never −0.
    pub max: f32,
    /// Values read.
    pub count: u64,
    /// NaNs among them.
    pub nan: u64,
    /// Infinities among them.
    pub infinite: u64,
}

impl Default for Extremes {
    /// Of nothing.
    fn default() -> Self {
        Self { min: f32::INFINITY, max: f32::NEG_INFINITY, count: 0, nan: 0, infinite: 0 }
    }
}

impl Extremes {
    /// Returns the extremes of both sets of values together. Exact, in any order.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            count: self.count.saturating_add(other.count),
            nan: self.nan.saturating_add(other.nan),
            infinite: self.infinite.saturating_add(other.infinite),
        }
    }
}

/// Returns the smallest and largest finite value of `x`, and how many values are NaN or infinite.
///
/// # Examples
///
/// ```
/// use tensor_quant::kernel;
/// let extremes = kernel::min_max(kernel::detect(), &[3.0, f32::NAN, -1.0, f32::INFINITY]);
/// assert_eq!((extremes.min, extremes.max, extremes.nan, extremes.infinite), (-1.0, 3.0, 1, 1));
/// ```
pub fn min_max(level: Level, x: &[f32]) -> Extremes {
    let mut all = Extremes::default();
    for chunk in x.chunks(CHUNK) {
        all = all.merge(chunk_extremes(level, chunk));
    }
    all
}

/// Returns the index of the first NaN, or `None`.
pub fn first_nan<T: Real>(level: Level, x: &[T]) -> Option<usize> {
    let mut start = 0;
    for chunk in x.chunks(CHUNK) {
        if dispatch!(level, simd => any_nan(simd, chunk)) {
            return chunk.iter().position(|x| x.to_f32().is_nan()).map(|i| start + i);
        }
        start += chunk.len();
    }
    None
}

/// Returns how many elements are NaN, and how many are infinite.
pub fn count_non_finite<T: Real>(level: Level, x: &[T]) -> (u64, u64) {
    let (mut nan, mut infinite) = (0, 0);
    for chunk in x.chunks(CHUNK) {
        let (n, i) = dispatch!(level, simd => count(simd, chunk));
        nan += u64::from(n);
        infinite += u64::from(i);
    }
    (nan, infinite)
}

/// Integer sums may be reordered, and so are vectorised; a chunk's fit a u32.
#[inline(always)]
fn count<S: Simd, T: Real>(_simd: S, x: &[T]) -> (u32, u32) {
    let (mut nan, mut infinite) = (0, 0);
    for &x in x {
        let magnitude = x.to_f32().to_bits() & 0x7fff_ffff;
        nan += u32::from(magnitude > 0x7f80_0000);
        infinite += u32::from(magnitude == 0x7f80_0000);
    }
    (nan, infinite)
}

/// An OR over whole elements: unlike a sum of floats, the compiler may reorder it, and so vectorises it.
#[inline(always)]
fn any_nan<S: Simd, T: Real>(_simd: S, x: &[T]) -> bool {
    let mut any = 0_u32;
    for &x in x {
        any |= u32::from(x.to_f32().is_nan());
    }
    any != 0
}

#[inline(always)]
fn chunk_extremes(level: Level, chunk: &[f32]) -> Extremes {
    let (min, max, poison) = dispatch!(level, simd => unchecked(simd, chunk));
    if poison == 0.0 {
        return Extremes { min: min + 0.0, max: max + 0.0, count: chunk.len() as u64, nan: 0, infinite: 0 };
    }
    let mut extremes = Extremes { count: chunk.len() as u64, ..Extremes::default() };
    for &x in chunk {
        extremes.nan += u64::from(x.is_nan());
        extremes.infinite += u64::from(x.is_infinite());
        if x.is_finite() {
            extremes.min = extremes.min.min(x + 0.0);
            extremes.max = extremes.max.max(x + 0.0);
        }
    }
    extremes
}

/// Returns the minimum, the maximum and Σ x·0; the first two mean something only if the last is 0.
#[inline(always)]
fn unchecked<S: Simd>(simd: S, x: &[f32]) -> (f32, f32, f32) {
    let lanes = S::f32s::LEN;
    let mut min = [S::f32s::splat(simd, f32::INFINITY); 4];
    let mut max = [S::f32s::splat(simd, f32::NEG_INFINITY); 4];
    let mut poison = [S::f32s::splat(simd, 0.0); 4];
    let mut blocks = x.chunks_exact(4 * lanes);
    for block in blocks.by_ref() {
        for k in 0..4 {
            let v = S::f32s::from_slice(simd, &block[k * lanes..(k + 1) * lanes]);
            min[k] = min[k].min(v);
            max[k] = max[k].max(v);
            poison[k] += v * 0.0;
        }
    }
    let mut vectors = blocks.remainder().chunks_exact(lanes);
    for vector in vectors.by_ref() {
        let v = S::f32s::from_slice(simd, vector);
        min[0] = min[0].min(v);
        max[0] = max[0].max(v);
        poison[0] += v * 0.0;
    }
    let min = min[0].min(min[1]).min(min[2].min(min[3]));
    let max = max[0].max(max[1]).max(max[2].max(max[3]));
    let poison = (poison[0] + poison[1]) + (poison[2] + poison[3]);
    let (mut lowest, mut highest, mut poisoned) = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
    for k in 0..lanes {
        lowest = lowest.min(min.as_slice()[k]);
        highest = highest.max(max.as_slice()[k]);
        poisoned += poison.as_slice()[k];
    }
    for &x in vectors.remainder() {
        lowest = lowest.min(x);
        highest = highest.max(x);
        poisoned += x * 0.0;
    }
    (lowest, highest, poisoned)
}
