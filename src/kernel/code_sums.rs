//! The sums that the squared error of a scale is made of, each value looked at.
//!
//! With magnitudes x and codes `k = min(round(x·y), most)`, where y is the reciprocal of the scale s, halves to even:
//!
//! ```text
//! Σ (x − k·s)²  =  Σ x² − 2·s·Σ k·x + s²·Σ k²
//! ```
//!
//! 1. Sums are kept in f64. A product of a code and a widened f32 has at most 24 + 23 bits and is exact, so that it does not
//!    matter which levels fuse it with the addition.
//! 2. Element i belongs to lane i mod 16; the lanes are added pairwise at the end. The order is the same at every level.
//! 3. Values are clamped as floats, then rounded by adding and subtracting 1.5 · 2⁵².
//! 4. Magnitudes stand in f64 already, for they are looked at a hundred times: with one sign there is one bound, too.

use super::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f64x8};

/// Sums that run side by side.
const LANES: usize = 16;
/// 1.5 · 2⁵²: the sum with any |x| ≤ 2⁵¹ has no bits for a fraction.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// Returns `(Σ k·x, Σ k²)` for `k = min(round(x · inverse), most)`, halves to even, over magnitudes that were f32s.
///
/// Values must be finite and not negative, `inverse` positive, and `most` a whole number of up to 2²³.
///
/// # Examples
///
/// ```
/// use tensor_quant::kernel;
/// // Steps of a half: the codes are 1, 3 and, of 10, the largest, 7.
/// assert_eq!(kernel::code_sums(kernel::detect(), &[0.5, 1.5, 5.0], 2.0, 7.0), (0.5 + 4.5 + 35.0, 1.0 + 9.0 + 49.0));
/// ```
pub fn code_sums(level: Level, magnitudes: &[f64], inverse: f64, most: f64) -> (f64, f64) {
    dispatch!(level, simd => body(simd, magnitudes, inverse, most))
}

#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f64], inverse: f64, most: f64) -> (f64, f64) {
    let zero = f64x8::splat(simd, 0.0);
    let (y, most) = (f64x8::splat(simd, inverse), f64x8::splat(simd, most));
    let (mut kx, mut k2) = ([zero; 2], [zero; 2]);
    let (whole, rest) = x.as_chunks::<LANES>();
    for x in whole {
        for h in 0..2 {
            let x = f64x8::from_slice(simd, &x[8 * h..8 * h + 8]);
            let k = code(simd, x, y, most);
            kx[h] = k.mul_add(x, kx[h]);
            k2[h] = k.mul_add(k, k2[h]);
        }
    }
    if !rest.is_empty() {
        // A zero adds nothing.
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        for h in 0..2 {
            let x = f64x8::from_slice(simd, &last[8 * h..8 * h + 8]);
            let k = code(simd, x, y, most);
            kx[h] = k.mul_add(x, kx[h]);
            k2[h] = k.mul_add(k, k2[h]);
        }
    }
    (sum(kx[0] + kx[1]), sum(k2[0] + k2[1]))
}

#[inline(always)]
fn code<S: Simd>(simd: S, x: f64x8<S>, y: f64x8<S>, most: f64x8<S>) -> f64x8<S> {
    let magic = f64x8::splat(simd, MAGIC);
    ((x * y).min(most) + magic) - magic
}

/// Adds the lanes that are 4 apart, then 2, then 1.
#[inline(always)]
fn sum<S: Simd>(x: f64x8<S>) -> f64 {
    let x = x.as_slice();
    let by_4 = [x[0] + x[4], x[1] + x[5], x[2] + x[6], x[3] + x[7]];
    (by_4[0] + by_4[2]) + (by_4[1] + by_4[3])
}

/// Exact sums of magnitudes that are whole multiples of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Magnitudes {
    /// Σ x.
    pub(crate) x: f64,
    /// Σ of the squares of the upper halves of their bits, of the products of both halves, and of the lower halves' squares.
    pub(crate) squares: [f64; 3],
}

impl Magnitudes {
    /// Returns Σ x².
    pub(crate) fn x2(&self) -> f64 {
        let [high, mixed, low] = self.squares;
        high + (2.0 * mixed + low)
    }
}

/// Writes the magnitudes of `x`, rounded to multiples of `unit`, a power of two, and returns their sums.
///
/// The sums are exact, and so do not depend on the order, if there is room: magnitudes below 2ᵇ units, with b even and
/// `b + log2(x.len()) ≤ 52`.
pub(crate) fn magnitudes(level: Level, x: &[f32], unit: f64, bits: u32, out: &mut [f64]) -> Magnitudes {
    let half = unit * f64::from(1_u32 << (bits / 2));
    dispatch!(level, simd => magnitudes_body(simd, x, unit * MAGIC, half * MAGIC, out))
}

/// Eight lanes in turn: sums in arrays are vectorised, one sum is not.
#[inline(always)]
fn magnitudes_body<S: Simd>(_simd: S, x: &[f32], magic: f64, half_magic: f64, out: &mut [f64]) -> Magnitudes {
    let mut sums = [[0.0; 8]; 4];
    for (x, out) in x.chunks(8).zip(out.chunks_mut(8)) {
        let mut padded = [0.0; 8];
        padded[..x.len()].copy_from_slice(x);
        let mut rounded = [0.0; 8];
        for i in 0..8 {
            rounded[i] = (f64::from(padded[i].abs()) + magic) - magic;
        }
        for i in 0..8 {
            let high = (rounded[i] + half_magic) - half_magic;
            let low = rounded[i] - high;
            sums[0][i] += rounded[i];
            sums[1][i] += high * high;
            sums[2][i] += high * low;
            sums[3][i] += low * low;
        }
        let n = out.len();
        out.copy_from_slice(&rounded[..n]);
    }
    let mut totals = [0.0; 4];
    for (total, lanes) in totals.iter_mut().zip(&sums) {
        for lane in lanes {
            *total += lane;
        }
    }
    Magnitudes { x: totals[0], squares: [totals[1], totals[2], totals[3]] }
}

/// Returns how many magnitudes are above `bound`, and their exact sums, as those of [`magnitudes`] with this unit and these bits.
pub(crate) fn sums_above(level: Level, x: &[f64], bound: f64, unit: f64, bits: u32) -> (f64, Magnitudes) {
    let half = unit * f64::from(1_u32 << (bits / 2));
    dispatch!(level, simd => sums_above_body(simd, x, bound, half * MAGIC))
}

#[inline(always)]
fn sums_above_body<S: Simd>(simd: S, x: &[f64], bound: f64, half_magic: f64) -> (f64, Magnitudes) {
    let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
    let magic = f64x8::splat(simd, half_magic);
    let mut sums = [zero; 5];
    for part in x.chunks(8) {
        let x = if part.len() == 8 {
            f64x8::from_slice(simd, part)
        } else {
            let mut last = [f64::NEG_INFINITY; 8];
            last[..part.len()].copy_from_slice(part);
            f64x8::from_slice(simd, &last)
        };
        let above = x.simd_gt(bound);
        let (x, n) = (above.select(x, zero), above.select(one, zero));
        let high = (x + magic) - magic;
        let low = x - high;
        sums[0] += n;
        sums[1] += x;
        sums[2] = high.mul_add(high, sums[2]);
        sums[3] = high.mul_add(low, sums[3]);
        sums[4] = low.mul_add(low, sums[4]);
    }
    (sum(sums[0]), Magnitudes { x: sum(sums[1]), squares: [sum(sums[2]), sum(sums[3]), sum(sums[4])] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        /// Of multiples of a unit all sums are whole numbers of units, whatever the order and the level.
        #[test]
        fn magnitudes_are_rounded_and_summed_exactly(x in prop::collection::vec(-1.0_f32..1.0, 0..70)) {
            let unit = 1.0 / f64::from(1_u32 << 30);
            let want: Vec<i128> = x.iter().map(|x| (f64::from(x.abs()) / unit).round_ties_even() as i128).collect();
            for level in levels() {
                let mut out = vec![0.0; x.len()];
                let sums = magnitudes(level, &x, unit, 30, &mut out);
                let got: Vec<i128> = out.iter().map(|x| (x / unit) as i128).collect();
                prop_assert_eq!(&got, &want);
                prop_assert_eq!((sums.x / unit) as i128, want.iter().sum::<i128>());
                for bound in out.iter().copied().take(3).chain([0.0, -1.0]) {
                    let above: Vec<f32> = out.iter().filter(|x| **x > bound).map(|x| *x as f32).collect();
                    let want = magnitudes(level, &above, unit, 30, &mut vec![0.0; above.len()]);
                    prop_assert_eq!(sums_above(level, &out, bound, unit, 30), (above.len() as f64, want));
                }
                let [high, mixed, low] = sums.squares.map(|sum| (sum / (unit * unit)) as i128);
                prop_assert_eq!(high + 2 * mixed + low, want.iter().map(|x| x * x).sum::<i128>());
            }
        }
    }
}
