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

use alloc::vec::Vec;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16, f64x8};

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

/// Returns the sums of up to [`TILE`] finite values, the largest magnitude of which is known, and whether others than zero are
/// too small beside it: they are left for another call, see [`too_small`].
pub(crate) fn tile_sums(level: Level, x: &[f32], max_abs: f32) -> (TileSums, bool) {
    let mut sums = TileSums { exponent: exponent_above(max_abs), sum: 0, squares: 0 };
    if max_abs == 0.0 {
        return (sums, false);
    }
    let limit = limit(max_abs);
    let left = dispatch!(level, simd => any_below(simd, x, limit));
    let magic = power(sums.exponent - 21) * MAGIC;
    let lanes = if left {
        let large: Vec<f32> = x.iter().map(|&x| if x.abs() >= limit { x } else { 0.0 }).collect();
        dispatch!(level, simd => body(simd, &large, magic))
    } else {
        dispatch!(level, simd => body(simd, x, magic))
    };
    // Whole numbers of units below 2⁵³.
    let whole = |sums: &[f64; LANES], unit: f64| sums.iter().map(|sum| i128::from((sum * unit) as i64)).sum::<i128>();
    let [x, a2, ab, b2] = &lanes;
    let (a, b) = (power(21 - sums.exponent), power(42 - sums.exponent));
    sums.sum = whole(x, b);
    sums.squares = (whole(a2, a * a) << 42) + (whole(ab, a * b) << 22) + whole(b2, b * b);
    (sums, left)
}

/// Returns the values that are too small to be summed beside the largest magnitude.
pub(crate) fn too_small(x: &[f32], max_abs: f32) -> Vec<f32> {
    let limit = limit(max_abs);
    x.iter().copied().filter(|x| x.abs() < limit && *x != 0.0).collect()
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

/// Returns whether a value other than zero is smaller than that.
#[inline(always)]
fn any_below<S: Simd>(_simd: S, x: &[f32], limit: f32) -> bool {
    let mut smallest = u32::MAX;
    for x in x {
        smallest = smallest.min((x.to_bits() & 0x7fff_ffff).wrapping_sub(1));
    }
    smallest < limit.to_bits().wrapping_sub(1)
}

/// Σ x, Σ a², Σ a·b, Σ b² by lane.
#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32], magic: f64) -> [[f64; LANES]; 4] {
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
                prop_assert_eq!(left, !small.is_empty());
                if left {
                    prop_assert_eq!(too_small(&x, max_abs), small);
                }
            }
        }
    }
}
