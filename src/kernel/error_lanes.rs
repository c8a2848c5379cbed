//! The loops of [`error_sums`](super::error_sums) over one block.
//!
//! 1. Sixteen lanes of seven sums, and two extremes. AVX-512 has registers for all of them; elsewhere four lanes are summed
//!    after the other, from the first-level cache: the lanes do not know of each other.
//! 2. In AVX-512 sixteen pairs take 26 vector instructions, of which the four that widen f32 to f64 are two operations each:
//!    30 operations for two ports. On a Xeon each was measured to take .18 ns, which makes .34 ns an element; the bare
//!    intrinsics take .35. That is the floor for this order of additions: nothing but the sums themselves is left in the loop.
//!    Values are widened from memory, which saves a shuffle, and the extremes are taken along, where their latency hides.
//! 3. Counting the values that were restored as 0 takes three more: two comparisons, of which the second is masked by the
//!    first, and the move of the mask. Elsewhere it is a loop of its own over the block, in integers.
//! 4. The lanes are added pairwise as vectors: those 8 apart, then 4, 2 and 1.
//! 5. What is left of a block beyond whole vectors is filled up with pairs of zeros, which add nothing.

use super::ErrorSums;
use super::level::{is_avx2, is_avx512};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::error_lanes::{widen_avx2, widen_avx512, zeroed_avx512};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x4, f32x8, f32x16, f64x4, f64x8};

/// Sums that run side by side, whatever the width of the machine's vectors.
const LANES: usize = 16;
/// Elements whose lanes are summed one quarter after the other.
const PART: usize = 1024;

/// The sums of some lanes, in the order d, |d|, d², x², y², xy, and the largest |d|.
#[derive(Clone, Copy)]
pub(super) struct Sums<V> {
    pub(super) sums: [V; 6],
    pub(super) largest: V,
}

impl<V: Copy> Sums<V> {
    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> Self
    where
        V: SimdFloat<S, Element = f64>,
    {
        Self { sums: [V::splat(simd, 0.0); 6], largest: V::splat(simd, 0.0) }
    }

    #[inline(always)]
    pub(super) fn add<S: Simd>(&mut self, x: V, y: V)
    where
        V: SimdFloat<S, Element = f64>,
    {
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

/// The smallest and the largest of two vectors in turn, so that none waits for the one before.
#[derive(Clone, Copy)]
struct Ends<S: Simd> {
    min: [f32x16<S>; 2],
    max: [f32x16<S>; 2],
}

impl<S: Simd> Ends<S> {
    #[inline(always)]
    fn none(simd: S) -> Self {
        Self { min: [f32x16::splat(simd, f32::INFINITY); 2], max: [f32x16::splat(simd, f32::NEG_INFINITY); 2] }
    }

    #[inline(always)]
    fn add(&mut self, turn: usize, x: f32x16<S>) {
        self.min[turn] = self.min[turn].min(x);
        self.max[turn] = self.max[turn].max(x);
    }
}

/// Sixteen values, and as many of the others.
type Vectors<'a> = (&'a [[f32; LANES]], &'a [[f32; LANES]]);

/// Returns the sums of a block, and how many x that are not 0 have a y of 0, if asked for; `None` if a value is not finite.
///
/// The index of the largest difference is 0. Blocks are of the same length, and not empty.
#[inline(always)]
pub(super) fn sum_lanes<S: Simd, const ZEROED: bool>(simd: S, x: &[f32], y: &[f32]) -> Option<(ErrorSums, u64)> {
    let (xs, x_rest) = x.as_chunks::<LANES>();
    let (ys, y_rest) = y.as_chunks::<LANES>();
    // The zeros that fill up the last vector add nothing, but would be extremes.
    let (mut px, mut py, mut ends_of_rest) = ([0.0; LANES], [0.0; LANES], [x[0]; LANES]);
    for (i, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
        (px[i], py[i], ends_of_rest[i]) = (x, y, x);
    }
    let rest = usize::from(!x_rest.is_empty());
    let rest: Vectors<'_> = (&[px][..rest], &[py][..rest]);
    let mut ends = Ends::none(simd);
    // All sums of all lanes have room in so many registers.
    let (halves, zeroed) = if const { is_avx512::<S>() } {
        all_lanes::<S, ZEROED>(simd, (xs, ys), rest, &mut ends)
    } else {
        quarters::<S, ZEROED>(simd, (xs, ys), rest, &mut ends)
    };
    ends.add(0, f32x16::from_slice(simd, &ends_of_rest));
    let [a, b] = halves;
    let squares = (a.sums[3] + b.sums[3]) + (a.sums[4] + b.sums[4]);
    if !squares.reduce_sum().is_finite() {
        return None;
    }
    let sums = ErrorSums {
        count: x.len() as u64,
        non_finite: 0,
        d: pairwise(a.sums[0], b.sums[0]),
        d_abs: pairwise(a.sums[1], b.sums[1]),
        d2: pairwise(a.sums[2], b.sums[2]),
        x2: pairwise(a.sums[3], b.sums[3]),
        y2: pairwise(a.sums[4], b.sums[4]),
        xy: pairwise(a.sums[5], b.sums[5]),
        max_abs_d: a.largest.max(b.largest).reduce_max(),
        max_abs_d_index: 0,
        x_min: ends.min[0].min(ends.min[1]).reduce_min() + 0.0,
        x_max: ends.max[0].max(ends.max[1]).reduce_max() + 0.0,
    };
    Some((sums, zeroed))
}

/// Sums all lanes at once, and takes everything else along.
#[inline(always)]
fn all_lanes<S: Simd, const ZEROED: bool>(
    simd: S,
    (x, y): Vectors<'_>,
    rest: Vectors<'_>,
    ends: &mut Ends<S>,
) -> ([Sums<f64x8<S>>; 2], u64) {
    let [mut a, mut b] = [Sums::zero(simd); 2];
    let (mut zeroed, mut found) = (0_u64, *ends);
    for (x, y) in x.iter().zip(y) {
        a.add(widened(simd, &x[..8]), widened(simd, &y[..8]));
        b.add(widened(simd, &x[8..]), widened(simd, &y[8..]));
        let all = f32x16::from_slice(simd, x);
        found.add(0, all);
        if ZEROED {
            zeroed += u64::from(count_zeroed(simd, all, f32x16::from_slice(simd, y)));
        }
    }
    for (x, y) in rest.0.iter().zip(rest.1) {
        a.add(widened(simd, &x[..8]), widened(simd, &y[..8]));
        b.add(widened(simd, &x[8..]), widened(simd, &y[8..]));
        if ZEROED {
            zeroed += u64::from(count_zeroed(simd, f32x16::from_slice(simd, x), f32x16::from_slice(simd, y)));
        }
    }
    *ends = found;
    ([a, b], zeroed)
}

/// Sums four lanes after the other, a part of the block at a time.
#[inline(always)]
fn quarters<S: Simd, const ZEROED: bool>(
    simd: S,
    (x, y): Vectors<'_>,
    rest: Vectors<'_>,
    ends: &mut Ends<S>,
) -> ([Sums<f64x8<S>>; 2], u64) {
    let mut quarters = [Sums::zero(simd); 4];
    let parts = x.chunks(PART / LANES).zip(y.chunks(PART / LANES));
    for (x, y) in parts.chain([rest]) {
        for q in 0..4 {
            let mut sums: Sums<f64x4<S>> = quarters[q];
            for (x, y) in x.iter().zip(y) {
                sums.add(widened_quarter(simd, &x[4 * q..4 * q + 4]), widened_quarter(simd, &y[4 * q..4 * q + 4]));
            }
            quarters[q] = sums;
        }
    }
    let (twos, last) = x.as_chunks::<2>();
    for two in twos {
        ends.add(0, f32x16::from_slice(simd, &two[0]));
        ends.add(1, f32x16::from_slice(simd, &two[1]));
    }
    for x in last {
        ends.add(0, f32x16::from_slice(simd, x));
    }
    let mut halves = [Sums::zero(simd); 2];
    for (h, half) in halves.iter_mut().enumerate() {
        let (low, high) = (quarters[2 * h], quarters[2 * h + 1]);
        for k in 0..6 {
            half.sums[k] = low.sums[k].combine(high.sums[k]);
        }
        half.largest = low.largest.combine(high.largest);
    }
    let zeroed = if ZEROED { count_all_zeroed(x, y) + count_all_zeroed(rest.0, rest.1) } else { 0 };
    (halves, zeroed)
}

/// Returns how many x that are not 0 have a y of 0: an integer sum may be reordered, and so is vectorised.
#[inline(always)]
fn count_all_zeroed(x: &[[f32; LANES]], y: &[[f32; LANES]]) -> u64 {
    let mut count = 0_u32;
    for (&x, &y) in x.as_flattened().iter().zip(y.as_flattened()) {
        count += u32::from((x != 0.0) & (y == 0.0));
    }
    u64::from(count)
}

/// Elements that are searched at once.
pub(super) const RUN: usize = 32;

/// Returns the number of the first run, from one on, in which a pair may have a |d| of at least `least`: the difference is
/// rounded to f32. The last run may be shorter.
#[inline(always)]
pub(super) fn run_near<S: Simd>(_simd: S, least: f32, x: &[f32], y: &[f32], from: usize) -> Option<usize> {
    let (xs, x_rest) = x.as_chunks::<RUN>();
    let (ys, y_rest) = y.as_chunks::<RUN>();
    for (k, (x, y)) in xs.iter().zip(ys).enumerate().skip(from) {
        let mut any = 0_u32;
        for i in 0..RUN {
            any |= u32::from((x[i] - y[i]).abs() >= least);
        }
        if any != 0 {
            return Some(k);
        }
    }
    (from <= xs.len() && !x_rest.is_empty() && !y_rest.is_empty()).then_some(xs.len())
}

/// Adds the lanes pairwise: those 8 apart, then 4, 2 and 1.
#[inline(always)]
fn pairwise<S: Simd>(a: f64x8<S>, b: f64x8<S>) -> f64 {
    let (a, b) = (a + b).split();
    let (a, b) = (a + b).split();
    let two = a + b;
    two[0] + two[1]
}

/// Returns eight values in f64.
#[inline(always)]
pub(super) fn widened<S: Simd>(simd: S, x: &[f32]) -> f64x8<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx512::<S>() }
        && let Level::Avx512(avx512) = simd.level()
    {
        let wide = widen_avx512(avx512, f32x8::from_slice(avx512, x));
        return f64x8::from_slice(simd, wide.as_slice());
    }
    let (low, high) = f32x8::from_slice(simd, x).widen();
    low.combine(high)
}

/// Returns four values in f64.
#[inline(always)]
fn widened_quarter<S: Simd>(simd: S, x: &[f32]) -> f64x4<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx2::<S>() }
        && let Level::Avx2(avx2) = simd.level()
    {
        let wide = widen_avx2(avx2, f32x4::from_slice(avx2, x));
        return f64x4::from_slice(simd, wide.as_slice());
    }
    let (low, high) = f32x4::from_slice(simd, x).widen();
    low.combine(high)
}

/// Returns how many x of a vector that are not 0 have a y of 0.
#[inline(always)]
fn count_zeroed<S: Simd>(simd: S, x: f32x16<S>, y: f32x16<S>) -> u32 {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx512::<S>() }
        && let Level::Avx512(avx512) = simd.level()
    {
        let (x, y) = (f32x16::from_slice(avx512, x.as_slice()), f32x16::from_slice(avx512, y.as_slice()));
        return u32::from(zeroed_avx512(avx512, x, y)).count_ones();
    }
    let _ = simd;
    let mut count = 0;
    for i in 0..LANES {
        count += u32::from((x[i] != 0.0) & (y[i] == 0.0));
    }
    count
}
