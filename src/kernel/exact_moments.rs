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
    let limit = limit(max_abs);
    let left = dispatch!(level, simd => largest_below(simd, x, limit));
    let magic = power(sums.exponent - 21) * MAGIC;
    let lanes = dispatch!(level, simd => body(simd, x, (limit, max_abs), magic));
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
    let most = f32x16::splat(simd, most);
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        if f32x16::from_slice(simd, x).abs().simd_le(most).any_true() {
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

/// Returns the largest magnitude below the limit, or 0.
#[inline(always)]
fn largest_below<S: Simd>(simd: S, x: &[f32], limit: f32) -> f32 {
    let (zero, limit_of_all) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, limit));
    let mut largest = [zero; 4];
    let (whole, rest) = x.as_chunks::<{ 4 * LANES }>();
    for x in whole {
        for k in 0..4 {
            let magnitude = f32x16::from_slice(simd, &x[k * LANES..(k + 1) * LANES]).abs();
            largest[k] = largest[k].max(magnitude.simd_lt(limit_of_all).select(magnitude, zero));
        }
    }
    let largest = largest[0].max(largest[1]).max(largest[2].max(largest[3]));
    let mut most = 0.0_f32;
    for magnitude in largest.as_slice() {
        most = most.max(*magnitude);
    }
    for x in rest {
        most = if x.abs() < limit { most.max(x.abs()) } else { most };
    }
    most
}

/// Σ x, Σ a², Σ a·b, Σ b² by lane, of values with magnitudes between the two.
#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32], (least, most): (f32, f32), magic: f64) -> [[f64; LANES]; 4] {
    let (least, most, nothing) = (f32x16::splat(simd, least), f32x16::splat(simd, most), f32x16::splat(simd, 0.0));
    let zero = f64x8::splat(simd, 0.0);
    let magic = f64x8::splat(simd, magic);
    let mut sums = [[zero; 2]; 4];
    for part in x.chunks(LANES) {
        let v = if part.len() == LANES {
            f32x16::from_slice(simd, part)
        } else {
            let mut last = [0.0; LANES];
            last[..part.len()].copy_from_slice(part);
            f32x16::from_slice(simd, &last)
        };
        let magnitude = v.abs();
        let v = (magnitude.simd_ge(least) & magnitude.simd_le(most)).select(v, nothing);
        let (first, second) = v.widen();
        let halves = [first, second];
        for h in 0..2 {
            let x = halves[h];
            let a = (x + magic) - magic;
            let b = x - a;
            sums[0][h] += x;
            sums[1][h] = a.mul_add(a, sums[1][h]);
            sums[2][h] = a.mul_add(b, sums[2][h]);
            sums[3][h] = b.mul_add(b, sums[3][h]);
        }
    }
    let mut lanes = [[0.0; LANES]; 4];
    for (lanes, sums) in lanes.iter_mut().zip(&sums) {
        lanes[..8].copy_from_slice(sums[0].as_slice());
        lanes[8..].copy_from_slice(sums[1].as_slice());
    }
    lanes
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
