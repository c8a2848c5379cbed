//! Counting values in bins that are even near the largest, and as wide as a share of the value below.
//!
//! Even bins are those of [`histogram`](super::histogram()): `2^e` wide, with numbers up to 4095. The values of the first
//! [`CUT`] of them, below `2^(e + 8)`, are counted in bins of a 128th of their binade instead: the upper 16 bits of the
//! float are their number, the *share*. A binade of even bins is cut in as many bins or more, so that each bin of one kind lies in one
//! of the other. Below `e` = −126 there are no shares. Beside them magnitudes below 2⁻¹²⁰, where shares would be finer than those even
//! bins may have been, have bins of 2⁻¹²⁶.
//!
//! 1. A value's bin is found branch-free, a tile at a time; see [`histogram`](super::histogram()) for the even one.
//! 2. Bins are many, but those that may be in use are few: there are shares from the smallest value on.

use super::level::dispatch;
use fearless_simd::Level;

/// Even bins below this number are cut in shares.
const CUT: u32 = 256;
/// Even bins on each side of zero.
const EVEN: u32 = 4096;
/// Shares in a binade.
pub(crate) const SHARES: u16 = 128;
/// The exponent below which there are even bins alone.
const FINEST_SHARES: i32 = -126;
/// Bins of 2⁻¹²⁶ around zero: those below the first binade in which shares are as wide as even bins of 2⁻¹²⁷, the widest that there are
/// without shares.
const LOW: u32 = 64;
/// The biased exponent of that binade.
const FIRST_BINADE: u32 = 7;
/// What makes the shift of even bins of 2⁻¹²⁶ out of a biased exponent.
const LOW_BASE: u32 = (FINEST_SHARES + 150) as u32;
const TILE: usize = 1024;

/// Bins on one side of zero: those of the smallest magnitudes, then shares, then even ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TwoGrids {
    /// Even bins are two to this power wide.
    pub(crate) exponent: i32,
    /// The first share that is counted; all values are in it, above it, or below 2⁻¹²⁰.
    pub(crate) first: u16,
}

impl TwoGrids {
    /// Returns those without shares.
    pub(crate) fn new(exponent: i32) -> Self {
        Self { exponent, first: Self::end(exponent) }
    }

    /// Returns the share after the last.
    fn end(exponent: i32) -> u16 {
        if exponent < FINEST_SHARES { SHARES } else { ((exponent + 8 + 127) as u16) * SHARES }
    }

    /// Returns the first even bin that is not cut.
    pub(crate) fn even_from(self) -> u32 {
        if self.exponent < FINEST_SHARES { 0 } else { CUT }
    }

    /// Returns how many bins there are below the shares; one that stays empty where there are no shares.
    fn low(self) -> u32 {
        if self.even_from() == 0 { 1 } else { LOW }
    }

    /// Returns where even bins begin.
    fn evens(self) -> u32 {
        self.low() + u32::from(Self::end(self.exponent) - self.first)
    }

    /// Returns the number of bins on one side.
    pub(crate) fn side(self) -> usize {
        (self.evens() + EVEN - self.even_from()) as usize
    }

    /// Returns the grids that have room for shares from that of this magnitude on, whose bits these are.
    pub(crate) fn with_room(self, magnitude: u32) -> Self {
        let binade = ((magnitude >> 23) as u16).max(FIRST_BINADE as u16) * SHARES;
        Self { first: self.first.min(binade), ..self }
    }

    /// Returns the bin of a magnitude.
    pub(crate) fn index_of(self, magnitude: f32) -> usize {
        let mut bin = [0];
        find(&[magnitude], self, &mut bin);
        bin[0] as usize
    }

    /// Returns where a bin begins and ends.
    pub(crate) fn edges(self, index: usize) -> (f64, f64) {
        let share = |number: u32| f64::from(f32::from_bits(number << 16));
        if (index as u32) < self.low() {
            let width = if self.even_from() == 0 { 0.0 } else { f64::from(f32::MIN_POSITIVE) };
            return (index as f64 * width, (index + 1) as f64 * width);
        }
        match (index as u32).checked_sub(self.evens()) {
            None => {
                let number = u32::from(self.first) + index as u32 - self.low();
                (share(number), share(number + 1))
            }
            Some(even) => {
                let width = f64::from_bits(((self.exponent + 1023) as u64) << 52);
                let number = even + self.even_from();
                (f64::from(number) * width, f64::from(number + 1) * width)
            }
        }
    }
}

/// Returns the smallest magnitude from the smallest normal number on, by its bits.
pub(crate) fn smallest_normal(level: Level, values: &[f32]) -> u32 {
    dispatch!(level, simd => smallest(simd, values))
}

/// Adds the number of finite values in each bin to those above zero, and to those below.
///
/// The exponent must be at least what [`exponent_for`](super::exponent_for) says of the largest magnitude, and there must be room
/// for the smallest normal one: others are counted in some bin. Tables are as long as one side.
pub(crate) fn count_in_two_grids(level: Level, values: &[f32], grids: TwoGrids, table: &mut [u64]) {
    let mut bins = [0_u32; TILE];
    let side = grids.side() as u32;
    for tile in values.chunks(TILE) {
        let bins = &mut bins[..tile.len()];
        dispatch!(level, simd => find_signed(simd, tile, grids, side, bins));
        for &bin in &*bins {
            if let Some(count) = table.get_mut(bin as usize) {
                *count += 1;
            }
        }
    }
}

#[inline(always)]
fn smallest<S: fearless_simd::Simd>(_simd: S, values: &[f32]) -> u32 {
    let mut smallest = u32::MAX;
    for &x in values {
        // Smaller ones become the largest.
        let above = (x.to_bits() & 0x7fff_ffff).wrapping_sub(0x0080_0000);
        smallest = smallest.min(above);
    }
    smallest.saturating_add(0x0080_0000)
}

#[inline(always)]
fn find_signed<S: fearless_simd::Simd>(_simd: S, values: &[f32], grids: TwoGrids, side: u32, bins: &mut [u32]) {
    find(values, grids, bins);
    for (bin, &x) in bins.iter_mut().zip(values) {
        // Adding +0 makes +0 of −0.
        *bin += ((x + 0.0).to_bits() >> 31) * side;
    }
}

/// Finds the bin of each magnitude.
#[inline(always)]
fn find(values: &[f32], grids: TwoGrids, bins: &mut [u32]) {
    let base = (grids.exponent + 150) as u32;
    let (even_from, first) = (grids.even_from(), u32::from(grids.first));
    let (evens, low) = (grids.evens(), grids.low());
    for (bin, &x) in bins.iter_mut().zip(values) {
        let magnitude = x.to_bits() & 0x7fff_ffff;
        let biased = magnitude >> 23;
        let is_normal = (biased != 0) as u32;
        let mantissa = (magnitude & 0x007f_ffff) | (is_normal << 23);
        // Subnormal numbers have the exponent of the smallest normal ones.
        let shift = base.wrapping_sub(biased + (1 - is_normal));
        let even = (mantissa >> shift.min(31)).min(EVEN - 1);
        // Bins of 2⁻¹²⁶ are even ones of that exponent.
        let fine = mantissa >> LOW_BASE.wrapping_sub(biased + (1 - is_normal)).min(31);
        let share = (magnitude >> 16).max(first - 1) - (first - 1) + (low - 1);
        let share = if biased < FIRST_BINADE { fine } else { share };
        *bin = if even >= even_from { evens + (even.max(even_from) - even_from) } else { share };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{exponent_for, levels};
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        /// Each value lies in the bin in which it is counted, and bins are as narrow as they are said to be.
        #[test]
        fn values_are_counted_where_they_are(
            values in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..70), small in 0_i32..150,
        ) {
            let mut values: Vec<f32> = values.into_iter().filter(|x| x.is_finite()).collect();
            values.extend([0.0, -0.0, 1.0, -1e-3, 1e-45, -1e-45]);
            // Of some size, or all of them small.
            let factor = 2.0_f32.powi(-small);
            let values: Vec<f32> = values.iter().map(|x| x * factor).collect();
            let max_abs = values.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            for level in levels() {
                let grids = TwoGrids::new(exponent_for(max_abs)).with_room(smallest_normal(level, &values));
                let mut want = vec![0; 2 * grids.side()];
                for &x in &values {
                    let index = grids.index_of(x.abs());
                    let (start, end) = grids.edges(index);
                    let magnitude = f64::from(x.abs());
                    prop_assert!((start..end).contains(&magnitude), "{x}: {start}..{end}");
                    let width = end - start;
                    prop_assert!(width <= (f64::from(max_abs) / 2048.0).max(f64::from(f32::from_bits(1))));
                    prop_assert!(width <= magnitude / 128.0 || index < LOW as usize || start >= f64::from(max_abs) / 16.0 || grids.even_from() == 0);
                    want[index + if x < 0.0 { grids.side() } else { 0 }] += 1;
                }
                let mut got = vec![0; 2 * grids.side()];
                count_in_two_grids(level, &values, grids, &mut got);
                prop_assert_eq!(&got, &want, "{:?}", level);
            }
        }
    }
}
