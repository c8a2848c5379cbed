//! Σ x and Σ x² of a tile of values without any rounding.
//!
//! With t the power of two above the largest magnitude, a value of at least `2⁻¹⁹·t` is a whole multiple of `2⁻⁴²·t`: its last bit
//! is 23 places below its first. It is split in `a`, a multiple of `2⁻²¹·t` of at most 22 bits, and the rest `b` of at most 21.
//!
//! ```text
//! Σ x² = Σ a² + 2 Σ a·b + Σ b²
//! ```
//!
//! All these products have at most 44 bits, and Σ x has 43 a value, so that sums of up to 512 of them are exact in an f64; each of the 16
//! lanes sums the 512 values of a tile that are its own, and is then an integer. Smaller values are another tile, with a t of
//! their own.

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
pub(crate) fn tile_sums(level: Level, x: &[f32], max_abs: f32) -> (TileSums, f32) {
    let mut sums = TileSums { exponent: exponent_above(max_abs), sum: 0, squares: 0 };
    if max_abs == 0.0 {
        return (sums, 0.0);
    }
    let magic = power(sums.exponent - 21) * MAGIC;
    let (lanes, left) = dispatch!(level, simd => body(simd, x, (limit(max_abs), max_abs), magic));
    // Whole numbers of units below 2⁵³.
    let whole = |sums: &[f64; LANES], unit: f64| sums.iter().map(|sum| i128::from((sum * unit) as i64)).sum::<i128>();
    let [x, a2, ab, b2] = &lanes;
    let (a, b) = (power(21 - sums.exponent), power(42 - sums.exponent));
    sums.sum = whole(x, b);
    sums.squares = (whole(a2, a * a) << 42) + (whole(ab, a * b) << 22) + whole(b2, b * b);
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

/// Σ x, Σ a², Σ a·b, Σ b² by lane, of values with magnitudes between the two.
type Lanes = [[f64; LANES]; 4];

/// What is summed on the way.
#[derive(Clone, Copy)]
struct Sums<S: Simd> {
    /// The four sums, each of the first and of the last eight lanes.
    of: [[f64x8<S>; 2]; 4],
    /// The largest magnitude that is too small, or 0.
    left: f32x16<S>,
}

/// Returns the sums of values with magnitudes between the two, and the largest magnitude below, or 0.
#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32], (least, most): (f32, f32), magic: f64) -> (Lanes, f32) {
    let ends = (f32x16::splat(simd, least), f32x16::splat(simd, most));
    let magic = f64x8::splat(simd, magic);
    let mut sums = Sums { of: [[f64x8::splat(simd, 0.0); 2]; 4], left: f32x16::splat(simd, 0.0) };
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        sums = add(simd, f32x16::from_slice(simd, x), ends, magic, sums);
    }
    // Zeros change nothing.
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    sums = add(simd, f32x16::from_slice(simd, &last), ends, magic, sums);
    let mut lanes = [[0.0; LANES]; 4];
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
fn add<S: Simd>(
    simd: S,
    x: f32x16<S>,
    (least, most): (f32x16<S>, f32x16<S>),
    magic: f64x8<S>,
    mut sums: Sums<S>,
) -> Sums<S> {
    let nothing = f32x16::splat(simd, 0.0);
    let magnitude = x.abs();
    let large = magnitude.simd_ge(least);
    sums.left = sums.left.max(large.select(nothing, magnitude));
    let (first, second) = (large & magnitude.simd_le(most)).select(x, nothing).widen();
    for (h, x) in [first, second].into_iter().enumerate() {
        let a = (x + magic) - magic;
        let b = x - a;
        sums.of[0][h] += x;
        sums.of[1][h] = a.mul_add(a, sums.of[1][h]);
        sums.of[2][h] = a.mul_add(b, sums.of[2][h]);
        sums.of[3][h] = b.mul_add(b, sums.of[3][h]);
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
                let (sums, left) = tile_sums(level, &x, max_abs);
                let limit = power(sums.exponent - 19) as f32;
                let (small, large): (Vec<f32>, Vec<f32>) = x.iter().copied().partition(|x| x.abs() < limit && *x != 0.0);
                prop_assert_eq!((sums.sum, sums.squares), reference(&large, sums.exponent));
                prop_assert_eq!(left, small.iter().fold(0.0, |most, x| x.abs().max(most)));
                // The rest, by calls of their own.
                let (mut left, mut total) = (left, in_f64(sums.sum, sums.exponent - 42));
                while left > 0.0 {
                    let (sums, next) = tile_sums(level, &up_to(level, &x, left), left);
                    prop_assert_eq!((sums, next), tile_sums(level, &x, left));
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
