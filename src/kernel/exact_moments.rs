//! Σ x and Σ x² of a tile of values without any rounding.
//!
//! With t the power of two above the largest magnitude, a value of at least `2⁻¹⁹·t` is a whole multiple of `2⁻⁴²·t`: its last bit
//! is 23 places below its first. So Σ x of up to 512 of them is exact in an f64, and x² is a multiple of `2⁻⁸⁴·t²`. It is split where
//! it is added: to a sum S whose last place is `2⁻⁴²·t²`, because it begins with a number that large,
//!
//! ```text
//! S' = RN(S + x²)        h = S' − S        L' = L + (x² − h)
//! ```
//!
//! where h is a multiple of that place, and the rest of x², which is at most half of it, is exact, as is the sum of 512 such rests.
//! Each of the 16 lanes sums the 512 values of a tile that are its own. Smaller values are another tile, with a t of their own.

use super::level::dispatch;
use alloc::vec::Vec;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, f64x8};

/// The most values in a tile.
pub(crate) const TILE: usize = 8192;
const LANES: usize = 16;
/// 1.5 · 2⁵².
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// Sums in units: of Σ x the unit is `2^(exponent − 42)`, of Σ x² its square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileSums {
    /// t is two to this power.
    pub(crate) exponent: i32,
    pub(crate) sum: i128,
    pub(crate) squares: i128,
}

/// Returns the sums of those of up to [`TILE`] finite values that are of this magnitude and less, but not too small beside it, and the
/// largest magnitude of those that are: with that they are summed by another call. It is 0 if there are none, or zeros alone.
///
/// `all` says that this is the largest magnitude there is: then no value is asked whether it is larger.
pub(crate) fn tile_sums(level: Level, x: &[f32], max_abs: f32, all: bool) -> (TileSums, f32) {
    let mut sums = TileSums { exponent: exponent_above(max_abs), sum: 0, squares: 0 };
    if max_abs == 0.0 {
        return (sums, 0.0);
    }
    let magic = power(2 * sums.exponent - 42) * MAGIC;
    let ends = (limit(max_abs), max_abs);
    let (lanes, left) = if all {
        dispatch!(level, simd => body::<_, true>(simd, x, ends, magic))
    } else {
        dispatch!(level, simd => body::<_, false>(simd, x, ends, magic))
    };
    // Whole numbers of units below 2⁵³.
    let whole = |sum: f64, unit: i32| i128::from((sum * power(-unit)) as i64);
    for i in 0..LANES {
        let [x, high, low] = lanes.map(|sums| sums[i]);
        sums.sum += whole(x, sums.exponent - 42);
        sums.squares += (whole(high - magic, 2 * sums.exponent - 42) << 42) + whole(low, 2 * sums.exponent - 84);
    }
    (sums, left)
}

/// Returns the values other than zero of up to this magnitude: few, as a rule.
pub(crate) fn up_to(level: Level, x: &[f32], most: f32) -> Vec<f32> {
    let mut found = Vec::new();
    dispatch!(level, simd => collect_up_to(simd, x, most, &mut found));
    found
}

/// Vectors without such a value are passed over.
#[inline(always)]
fn collect_up_to<S: Simd>(simd: S, x: &[f32], most: f32, found: &mut Vec<f32>) {
    let is_small = |x: f32| x != 0.0 && x.abs() <= most;
    let (zero, most) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, most));
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        let magnitude = f32x16::from_slice(simd, x).abs();
        if (magnitude.simd_le(most) & magnitude.simd_gt(zero)).any_true() {
            found.extend(x.iter().filter(|x| is_small(**x)));
        }
    }
    found.extend(rest.iter().filter(|x| is_small(**x)));
}

fn limit(max_abs: f32) -> f32 {
    power(exponent_above(max_abs) - 19) as f32
}

/// Returns the smallest e with `x < 2^e`.
fn exponent_above(x: f32) -> i32 {
    (f64::from(x).to_bits() >> 52) as i32 - 1022
}

fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// By lane Σ x, what Σ x² began with and its multiples of the larger place, and the rest of Σ x².
type Lanes = [[f64; LANES]; 3];

/// What is summed on the way.
#[derive(Clone, Copy)]
struct Sums<S: Simd> {
    /// The three sums, each of the first and of the last eight lanes.
    of: [[f64x8<S>; 2]; 3],
    /// The largest magnitude that is too small, or 0.
    left: f32x16<S>,
}

/// Returns the sums of values with magnitudes between the two, and the largest magnitude below, or 0.
#[inline(always)]
fn body<S: Simd, const ALL: bool>(simd: S, x: &[f32], (least, most): (f32, f32), magic: f64) -> (Lanes, f32) {
    let ends = (f32x16::splat(simd, least), f32x16::splat(simd, most));
    let (zero, magic) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, magic));
    let mut sums = Sums { of: [[zero; 2], [magic; 2], [zero; 2]], left: f32x16::splat(simd, 0.0) };
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        sums = add::<S, ALL>(simd, f32x16::from_slice(simd, x), ends, sums);
    }
    // Zeros change nothing.
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    sums = add::<S, ALL>(simd, f32x16::from_slice(simd, &last), ends, sums);
    let mut lanes = [[0.0; LANES]; 3];
    for (lanes, sums) in lanes.iter_mut().zip(&sums.of) {
        lanes[..8].copy_from_slice(sums[0].as_slice());
        lanes[8..].copy_from_slice(sums[1].as_slice());
    }
    let mut left = 0.0_f32;
    for magnitude in sums.left.as_slice() {
        left = left.max(*magnitude);
    }
    (lanes, left)
}

/// Adds a value in each lane.
#[inline(always)]
fn add<S: Simd, const ALL: bool>(
    simd: S,
    x: f32x16<S>,
    (least, most): (f32x16<S>, f32x16<S>),
    mut sums: Sums<S>,
) -> Sums<S> {
    let nothing = f32x16::splat(simd, 0.0);
    let magnitude = x.abs();
    let large = magnitude.simd_ge(least);
    sums.left = sums.left.max(large.select(nothing, magnitude));
    let taken = if ALL { large } else { large & magnitude.simd_le(most) };
    let (first, second) = taken.select(x, nothing).widen();
    for (h, x) in [first, second].into_iter().enumerate() {
        let [of_x, high, low] = &mut sums.of;
        of_x[h] += x;
        // x² is exact in an f64, so that it does not matter whether this rounds once or twice.
        let sum = x.mul_add(x, high[h]);
        let added = sum - high[h];
        high[h] = sum;
        low[h] += x.mul_add(x, -added);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use proptest::prelude::*;

    /// Σ x and Σ x² of values of at least a share of the largest, in integers.
    fn reference(x: &[f32], exponent: i32) -> (i128, i128) {
        let whole = |x: &f32| (f64::from(*x) * power(42 - exponent)) as i128;
        (x.iter().map(whole).sum(), x.iter().map(|x| whole(x) * whole(x)).sum())
    }

    fn in_f64(x: i128, exponent: i32) -> f64 {
        x as f64 * power(exponent)
    }

    proptest! {
        #[test]
        fn every_level_sums_exactly(
            x in prop::collection::vec(prop_oneof![-8.0_f32..8.0, any::<u32>().prop_map(f32::from_bits), -1e-6_f32..1e-6, Just(0.0)], 0..=70),
            copies in prop::sample::select(vec![1_usize, 50]),
        ) {
            let x: Vec<f32> = x.into_iter().filter(|x| x.is_finite()).collect();
            let n = x.len() * copies;
            let x: Vec<f32> = x.into_iter().cycle().take(n).collect();
            let max_abs = x.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            for level in levels() {
                let (sums, left) = tile_sums(level, &x, max_abs, true);
                let limit = power(sums.exponent - 19) as f32;
                let (small, large): (Vec<f32>, Vec<f32>) = x.iter().copied().partition(|x| x.abs() < limit && *x != 0.0);
                prop_assert_eq!((sums.sum, sums.squares), reference(&large, sums.exponent));
                prop_assert_eq!(left, small.iter().fold(0.0, |most, x| x.abs().max(most)));
                // The rest, by calls of their own.
                let (mut left, mut total) = (left, in_f64(sums.sum, sums.exponent - 42));
                while left > 0.0 {
                    let (sums, next) = tile_sums(level, &up_to(level, &x, left), left, true);
                    prop_assert_eq!((sums, next), tile_sums(level, &x, left, false));
                    total += in_f64(sums.sum, sums.exponent - 42);
                    prop_assert!(next < left);
                    left = next;
                }
                let want: f64 = x.iter().map(|&x| f64::from(x)).sum();
                let room = x.iter().map(|&x| f64::from(x.abs())).sum::<f64>() * 1e-12;
                prop_assert!((total - want).abs() <= room, "{} {}", total, want);
            }
        }
    }
}
