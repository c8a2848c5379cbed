//! The sums of [`error_sums`](super::error_sums) over values in f64, in the same blocks and lanes.
//!
//! 1. Squares of f64s overflow from 2⁵¹² and vanish below 2⁻⁵¹². A block whose largest value lies outside 2⁻⁴⁰⁰..2⁴⁰⁰ is
//!    therefore multiplied by a power of two first, which is exact; blocks are brought to the larger exponent of both.
//! 2. Values that are f32s are never multiplied, and all of their products are exact: their sums are those of
//!    [`error_sums`](super::error_sums), bit for bit.
//! 3. Products are rounded, and so never fused with the addition: every SIMD level gives the same bits.

use super::ErrorSums;
use super::level::dispatch;
use super::pair_sums::BLOCK;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f64x8};

/// Sums that run side by side.
const LANES: usize = 16;
/// Exponents of largest values up to this far from 0 are left alone.
const LEFT_ALONE: i32 = 400;
/// Powers of two up to this exponent, and their reciprocals, are normal numbers.
const LARGEST_EXPONENT: i32 = 1000;

/// The sums of pairs in f64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WidePairSums {
    /// Of values divided by 2 to the `exponent`; the extremes are those of the values themselves, in f32.
    pub(crate) sums: ErrorSums,
    /// Of what the values were divided by; `None` if all that are finite are 0.
    pub(crate) exponent: Option<i32>,
    /// The smallest finite x, and the largest; 0 if there is none.
    pub(crate) x_ends: (f64, f64),
    /// Finite pairs in which y is 0 and x is not.
    pub(crate) zeroed: u64,
    /// Pairs in which x or y is not finite, and the other is not the same.
    pub(crate) non_finite_changed: u64,
}

impl Default for WidePairSums {
    fn default() -> Self {
        Self { sums: ErrorSums::default(), exponent: None, x_ends: (0.0, 0.0), zeroed: 0, non_finite_changed: 0 }
    }
}

impl WidePairSums {
    /// Adds pairs that follow those before, of which there are whole blocks. `x` and `y` are of the same length.
    pub(crate) fn follow(&mut self, level: Level, x: &[f64], y: &[f64]) {
        for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
            self.add(block_sums(level, x, y));
        }
    }

    /// Adds the sums of values that follow.
    fn add(&mut self, next: Self) {
        let exponent = self.exponent.max(next.exponent);
        let to = exponent.unwrap_or(0);
        let (ours, theirs) = (self.divided(to), next.divided(to));
        self.x_ends = match (ours.finite(), theirs.finite()) {
            (_, 0) => self.x_ends,
            (0, _) => next.x_ends,
            _ => (self.x_ends.0.min(next.x_ends.0), self.x_ends.1.max(next.x_ends.1)),
        };
        self.sums = ours.followed_by(theirs);
        self.exponent = exponent;
        self.zeroed += next.zeroed;
        self.non_finite_changed += next.non_finite_changed;
    }

    /// Returns the sums of values divided by 2 to the exponent `to`, which is not less than that of these.
    fn divided(&self, to: i32) -> ErrorSums {
        let by = self.exponent.unwrap_or(to) - to;
        let sums = self.sums;
        let (once, twice) = (|sum| times_power_of_two(sum, by), |sum| times_power_of_two(sum, 2 * by));
        ErrorSums {
            d: once(sums.d),
            d_abs: once(sums.d_abs),
            d2: twice(sums.d2),
            x2: twice(sums.x2),
            y2: twice(sums.y2),
            xy: twice(sums.xy),
            max_abs_d: once(sums.max_abs_d),
            ..sums
        }
    }
}

/// Returns `x · 2^exponent`, for an exponent of any size; `x` itself if it is 0.
pub(crate) fn times_power_of_two(mut x: f64, mut exponent: i32) -> f64 {
    while exponent != 0 {
        let step = exponent.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT);
        x *= power_of_two(step);
        exponent -= step;
    }
    x
}

/// Returns `2^exponent`, a normal number.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

fn block_sums(level: Level, x: &[f64], y: &[f64]) -> WidePairSums {
    let largest = dispatch!(level, simd => largest_finite(simd, x).max(largest_finite(simd, y)));
    // Subnormal numbers have the smallest exponent, which is far outside.
    let exponent = (largest.to_bits() >> 52) as i32 - 1023;
    let exponent = if exponent.abs() <= LEFT_ALONE { 0 } else { exponent.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT) };
    let factor = power_of_two(-exponent);
    let mut block = dispatch!(level, simd => body(simd, x, y, factor));
    block.exponent = (largest > 0.0).then_some(exponent);
    if block.sums.max_abs_d > 0.0 {
        let differs = |(&x, &y): (&f64, &f64)| {
            (x * factor - y * factor).abs() == block.sums.max_abs_d && x.is_finite() && y.is_finite()
        };
        block.sums.max_abs_d_index = x.iter().zip(y).position(differs).unwrap_or(0) as u64;
    }
    block
}

#[inline(always)]
fn largest_finite<S: Simd>(simd: S, x: &[f64]) -> f64 {
    let mut lanes = [f64x8::splat(simd, 0.0); 2];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for x in chunks {
        for h in 0..2 {
            let magnitude = f64x8::from_slice(simd, &x[8 * h..8 * h + 8]).abs();
            lanes[h] = lanes[h].max(magnitude.simd_lt(f64::INFINITY).select(magnitude, lanes[h]));
        }
    }
    let rest = rest.iter().filter(|x| x.is_finite()).fold(0.0, |largest: f64, x| largest.max(x.abs()));
    lanes[0].max(lanes[1]).reduce_max().max(rest)
}

/// Eight lanes' sums, in the order d, |d|, d², x², y², xy, the largest |d|, and the extremes of x.
#[derive(Clone, Copy)]
struct Half<S: Simd> {
    sums: [f64x8<S>; 6],
    largest: f64x8<S>,
    min: f64x8<S>,
    max: f64x8<S>,
}

impl<S: Simd> Half<S> {
    /// Adds eight pairs, and returns which are finite, and which of these have a y of 0 and an x that is not.
    #[inline(always)]
    fn add(&mut self, simd: S, x: f64x8<S>, y: f64x8<S>, factor: f64) -> (u32, u32) {
        let zero = f64x8::splat(simd, 0.0);
        let finite = x.abs().simd_lt(f64::INFINITY) & y.abs().simd_lt(f64::INFINITY);
        self.min = self.min.min(finite.select(x, f64x8::splat(simd, f64::INFINITY)));
        self.max = self.max.max(finite.select(x, f64x8::splat(simd, f64::NEG_INFINITY)));
        let (x, y) = (finite.select(x, zero), finite.select(y, zero));
        let zeroed = y.simd_eq(0.0) & !x.simd_eq(0.0);
        let (a, b) = (x * factor, y * factor);
        let d = a - b;
        self.sums[0] += d;
        self.sums[1] += d.abs();
        self.sums[2] += d * d;
        self.sums[3] += a * a;
        self.sums[4] += b * b;
        self.sums[5] += a * b;
        self.largest = self.largest.max(d.abs());
        (finite.to_bitmask().count_ones(), zeroed.to_bitmask().count_ones())
    }
}

#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f64], y: &[f64], factor: f64) -> WidePairSums {
    let zero = f64x8::splat(simd, 0.0);
    let (above, below) = (f64x8::splat(simd, f64::INFINITY), f64x8::splat(simd, f64::NEG_INFINITY));
    let [mut a, mut b] = [Half { sums: [zero; 6], largest: zero, min: above, max: below }; 2];
    let (mut finite, mut zeroed) = (0_u32, 0_u32);
    let (xs, x_rest) = x.as_chunks::<LANES>();
    let (ys, y_rest) = y.as_chunks::<LANES>();
    // NaNs fill up the last vector: they add nothing, and are no extremes.
    let (mut px, mut py) = ([f64::NAN; LANES], [f64::NAN; LANES]);
    px[..x_rest.len()].copy_from_slice(x_rest);
    py[..y_rest.len()].copy_from_slice(y_rest);
    for (x, y) in xs.iter().chain([&px]).zip(ys.iter().chain([&py])) {
        let (finite_a, zeroed_a) =
            a.add(simd, f64x8::from_slice(simd, &x[..8]), f64x8::from_slice(simd, &y[..8]), factor);
        let (finite_b, zeroed_b) =
            b.add(simd, f64x8::from_slice(simd, &x[8..]), f64x8::from_slice(simd, &y[8..]), factor);
        finite += finite_a + finite_b;
        zeroed += zeroed_a + zeroed_b;
    }
    let mut lanes = [[0.0; LANES]; 6];
    for (k, lanes) in lanes.iter_mut().enumerate() {
        lanes[..8].copy_from_slice(a.sums[k].as_slice());
        lanes[8..].copy_from_slice(b.sums[k].as_slice());
    }
    let [d, d_abs, d2, x2, y2, xy] = lanes.map(pairwise);
    let x_ends = (a.min.min(b.min).reduce_min() + 0.0, a.max.max(b.max).reduce_max() + 0.0);
    let x_ends = if finite > 0 { x_ends } else { (0.0, 0.0) };
    let non_finite = x.len() as u64 - u64::from(finite);
    let is_changed =
        |&(&x, &y): &(&f64, &f64)| !(x.is_finite() && y.is_finite()) && x != y && !(x.is_nan() && y.is_nan());
    let changed = if non_finite > 0 { x.iter().zip(y).filter(is_changed).count() as u64 } else { 0 };
    WidePairSums {
        sums: ErrorSums {
            count: x.len() as u64,
            non_finite,
            d,
            d_abs,
            d2,
            x2,
            y2,
            xy,
            max_abs_d: a.largest.max(b.largest).reduce_max(),
            max_abs_d_index: 0,
            x_min: x_ends.0 as f32,
            x_max: x_ends.1 as f32,
        },
        exponent: None,
        x_ends,
        zeroed: zeroed.into(),
        non_finite_changed: changed,
    }
}

/// Adds the lanes pairwise: those 8 apart, then 4, 2 and 1.
#[inline(always)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{levels, reference};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn real() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -1e3_f32..1e3, Just(0.0), Just(-0.0)]
    }

    proptest! {
        #[test]
        fn f32s_in_f64_have_the_sums_of_the_reference_at_every_level(
            pairs in prop_oneof![
                prop::collection::vec((real(), real()), 0..80),
                prop::collection::vec((-1e3_f32..1e3, -1e3_f32..1e3), 4090..8300),
            ],
        ) {
            let (x, y): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let want = reference::error_sums(&x, &y);
            let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
            let (wide_x, wide_y) = (wide(&x), wide(&y));
            for level in levels() {
                let mut got = WidePairSums::default();
                got.follow(level, &wide_x, &wide_y);
                prop_assert_eq!(alloc::format!("{:?}", got.sums), alloc::format!("{want:?}"), "{:?}", level);
                prop_assert_eq!(got.exponent.unwrap_or(0), 0);
            }
        }

        #[test]
        fn every_level_has_the_same_sums_of_any_f64s(
            bits in prop::collection::vec((any::<u64>(), any::<u64>()), 0..50),
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = bits.into_iter().map(|(x, y)| (f64::from_bits(x), f64::from_bits(y))).unzip();
            let mut all = levels().into_iter().map(|level| {
                let mut sums = WidePairSums::default();
                sums.follow(level, &x, &y);
                sums
            });
            let first = all.next().unwrap_or_default();
            prop_assert!(first.sums.d2.is_finite() && first.sums.x2.is_finite() && first.sums.y2.is_finite());
            prop_assert!(all.all(|sums| sums == first));
        }
    }

    #[test]
    fn powers_of_two_of_any_size() {
        assert_eq!(times_power_of_two(3.0, 0), 3.0);
        assert_eq!(times_power_of_two(1.5, -1074), 1.0e-323);
        assert_eq!(times_power_of_two(1e-300, 2030), f64::INFINITY);
        assert_eq!(times_power_of_two(5e-324, 2000), times_power_of_two(1.0, 926));
        assert_eq!(times_power_of_two(0.0, 3000), 0.0);
    }
}
