//! The smallest and largest finite value, and how many values are not finite.
//!
//! 1. Data are usually all finite, so a chunk is first read by a loop that takes them to be: the minimum, the maximum, and
//!    for each two vectors one look for NaN. (The instruction for the minimum gives the other operand.)
//! 2. Only a chunk with a NaN, or with an infinite extreme, is read once more, by a loop that masks and counts. It is in the
//!    first-level cache by then.
//! 3. Four accumulators each hide the latency of the instructions. The minimum and maximum of a set do not depend on the
//!    order, once −0 is made +0.

use super::level::{dispatch, is_avx2, is_avx512};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::narrow::{ordered_avx512, unordered_avx2};
use crate::num::{Real, Reals};
use fearless_simd::Level;
use fearless_simd::prelude::*;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::{f32x8, f32x16};

/// Elements that are read before asking whether all were finite: 32 KiB.
const CHUNK: usize = 8192;

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
    /// Returns the extremes of both sets of values together. Exact, in any order; counts end at 2⁶⁴, those of what is not finite
    /// at a quarter of that, so that there are never more of these than there are values.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            count: self.count.saturating_add(other.count),
            nan: self.nan.saturating_add(other.nan).min(u64::MAX / 4),
            infinite: self.infinite.saturating_add(other.infinite).min(u64::MAX / 4),
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
    dispatch!(level, simd => body(simd, x))
}

/// Returns the index of the first NaN, or `None`.
pub fn first_nan<T: Real>(level: Level, x: &[T]) -> Option<usize> {
    match T::reals(x) {
        Reals::F32(x) => first_nan_f32(level, x),
        _ => x.iter().position(|x| x.to_f32().is_nan()),
    }
}

fn first_nan_f32(level: Level, x: &[f32]) -> Option<usize> {
    let mut start = 0;
    for chunk in x.chunks(CHUNK) {
        if !finite(level, chunk) && dispatch!(level, simd => any_nan(simd, chunk)) {
            return chunk.iter().position(|x| x.is_nan()).map(|i| start + i);
        }
        start += chunk.len();
    }
    None
}

/// Returns how many elements are NaN, and how many are infinite.
pub fn count_non_finite<T: Real>(level: Level, x: &[T]) -> (u64, u64) {
    let mut all = (0, 0);
    super::convert::for_each_f32_tile(level, T::reals(x), &mut |x, _| {
        let (nan, infinite) = count_non_finite_f32(level, x);
        all = (all.0 + nan, all.1 + infinite);
    });
    all
}

fn count_non_finite_f32(level: Level, x: &[f32]) -> (u64, u64) {
    let (mut nan, mut infinite) = (0, 0);
    for chunk in x.chunks(CHUNK).filter(|chunk| !finite(level, chunk)) {
        let (n, i) = dispatch!(level, simd => count(simd, chunk));
        nan += u64::from(n);
        infinite += u64::from(i);
    }
    (nan, infinite)
}

/// Returns whether all elements are known to be finite.
pub(super) fn finite(level: Level, x: &[f32]) -> bool {
    dispatch!(level, simd => finite_body(simd, x))
}

/// Σ x·0 is 0 if and only if all x are finite.
#[inline(always)]
fn finite_body<S: Simd>(simd: S, x: &[f32]) -> bool {
    let n = S::f32s::LEN;
    let mut poison = [S::f32s::splat(simd, 0.0); 4];
    let mut blocks = x.chunks_exact(4 * n);
    for block in blocks.by_ref() {
        for k in 0..4 {
            let v = S::f32s::from_slice(simd, &block[k * n..(k + 1) * n]);
            poison[k] = v.mul_add(0.0, poison[k]);
        }
    }
    let mut rest = 0.0;
    for &x in blocks.remainder() {
        rest += x * 0.0;
    }
    let poison = (poison[0] + poison[1]) + (poison[2] + poison[3]);
    poison.simd_eq(0.0).all_true() & (rest == 0.0)
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

/// Minima and maxima by lane, of the finite values only.
struct Lanes<V> {
    min: [V; 4],
    max: [V; 4],
}

#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32]) -> Extremes {
    let (above, below) = (S::f32s::splat(simd, f32::INFINITY), S::f32s::splat(simd, f32::NEG_INFINITY));
    let nothing = || Lanes { min: [above; 4], max: [below; 4] };
    let mut all = nothing();
    let mut extremes = Extremes { count: x.len() as u64, ..Extremes::default() };
    for chunk in x.chunks(CHUNK) {
        let mut lanes = nothing();
        if !unchecked(simd, chunk, &mut lanes) {
            lanes = nothing();
            masked(simd, chunk, &mut lanes);
            let (nan, infinite) = count(simd, chunk);
            extremes.nan += u64::from(nan);
            extremes.infinite += u64::from(infinite);
        }
        for k in 0..4 {
            all.min[k] = all.min[k].min(lanes.min[k]);
            all.max[k] = all.max[k].max(lanes.max[k]);
        }
    }
    let min = all.min[0].min(all.min[1]).min(all.min[2].min(all.min[3]));
    let max = all.max[0].max(all.max[1]).max(all.max[2].max(all.max[3]));
    // No NaN gets here, and + 0.0 makes +0 of −0.
    extremes.min = min.reduce_min() + 0.0;
    extremes.max = max.reduce_max() + 0.0;
    extremes
}

/// Takes every value to be finite, and returns whether that was so.
#[inline(always)]
fn unchecked<S: Simd>(simd: S, x: &[f32], lanes: &mut Lanes<S::f32s>) -> bool {
    let n = S::f32s::LEN;
    let mut nans = Nans::none(simd);
    let mut blocks = x.chunks_exact(4 * n);
    for block in blocks.by_ref() {
        let mut v = [S::f32s::splat(simd, 0.0); 4];
        for k in 0..4 {
            v[k] = S::f32s::from_slice(simd, &block[k * n..(k + 1) * n]);
            lanes.min[k] = lanes.min[k].min(v[k]);
            lanes.max[k] = lanes.max[k].max(v[k]);
        }
        nans.look(simd, v);
    }
    for part in blocks.remainder().chunks(n) {
        let v = load_part(simd, part, x[0]);
        lanes.min[0] = lanes.min[0].min(v);
        lanes.max[0] = lanes.max[0].max(v);
        nans.look(simd, [v; 4]);
    }
    let (mut infinite, most) = (false, S::f32s::splat(simd, f32::MAX));
    for k in 0..4 {
        infinite |= lanes.max[k].simd_gt(most).any_true() | lanes.min[k].simd_lt(-most).any_true();
    }
    !infinite & !nans.any()
}

/// Whether a NaN was seen. Infinities need not be looked for: they are the extremes.
struct Nans<S: Simd> {
    /// Σ x·0, which is NaN as soon as one x is NaN (or infinite), and 0 otherwise. In AVX2, where minima, maxima and products
    /// wait for the same two units, the bits of comparisons that say "unordered", a NaN too.
    poison: [S::f32s; 2],
    /// AVX-512 compares two vectors with each other, and ands the answer with the one before, in one instruction.
    ordered: [u16; 2],
}

impl<S: Simd> Nans<S> {
    #[inline(always)]
    fn none(simd: S) -> Self {
        Self { poison: [S::f32s::splat(simd, 0.0); 2], ordered: [u16::MAX; 2] }
    }

    #[inline(always)]
    fn look(&mut self, simd: S, v: [S::f32s; 4]) {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = simd.level()
        {
            for k in 0..2 {
                let a = f32x16::from_slice(avx512, v[2 * k].as_slice());
                let b = f32x16::from_slice(avx512, v[2 * k + 1].as_slice());
                self.ordered[k] = ordered_avx512(avx512, self.ordered[k], a, b);
            }
            return;
        }
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = simd.level()
        {
            for k in 0..2 {
                let a = f32x8::from_slice(avx2, v[2 * k].as_slice());
                let b = f32x8::from_slice(avx2, v[2 * k + 1].as_slice());
                let poison = f32x8::from_slice(avx2, self.poison[k].as_slice());
                self.poison[k] = S::f32s::from_slice(simd, unordered_avx2(avx2, poison, a, b).as_slice());
            }
            return;
        }
        let _ = simd;
        for k in 0..2 {
            self.poison[k] = self.poison[k] + v[2 * k] * 0.0 + v[2 * k + 1] * 0.0;
        }
    }

    #[inline(always)]
    fn any(&self) -> bool {
        let poison = self.poison[0] + self.poison[1];
        !poison.simd_eq(0.0).all_true() | ((self.ordered[0] & self.ordered[1]) != u16::MAX)
    }
}

/// Leaves out what is not finite.
#[inline(always)]
fn masked<S: Simd>(simd: S, x: &[f32], lanes: &mut Lanes<S::f32s>) {
    let (above, below) = (S::f32s::splat(simd, f32::INFINITY), S::f32s::splat(simd, f32::NEG_INFINITY));
    for part in x.chunks(S::f32s::LEN) {
        let v = load_part(simd, part, f32::NAN);
        let finite = v.abs().simd_lt(f32::INFINITY);
        lanes.min[0] = lanes.min[0].min(finite.select(v, above));
        lanes.max[0] = lanes.max[0].max(finite.select(v, below));
    }
}

/// Returns a vector of the values, filled up with `rest`.
#[inline(always)]
fn load_part<S: Simd>(simd: S, part: &[f32], rest: f32) -> S::f32s {
    if part.len() == S::f32s::LEN {
        return S::f32s::from_slice(simd, part);
    }
    let mut v = S::f32s::splat(simd, rest);
    v.as_mut_slice()[..part.len()].copy_from_slice(part);
    v
}
