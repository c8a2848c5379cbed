//! Counting values in bins that are a power of two wide.
//!
//! Bins are `2^e` wide and lie symmetrically around 0: a positive x is in bin `k = ⌊x / 2^e⌋` above zero, a negative one
//! in bin `⌊|x| / 2^e⌋` below it. There are [`BINS_PER_SIDE`] on each side; bin k above zero is counted at
//! `BINS_PER_SIDE + k`, bin k below at `BINS_PER_SIDE − 1 − k`. Both zeros are in bin 0 above.
//!
//! 1. A float is an integer of 24 bits times a power of two, and so is the width: the bin is that integer shifted right
//!    by the difference of the exponents. No product rounds, none over- or underflows, and there is no conversion. Each
//!    lane shifts by its own count.
//! 2. Finding the bins is vectorised, a tile at a time. Counting is not: what limits it is that an increment waits for
//!    the one before where both are of the same counter. Each bin therefore has four, and neighbouring values take turns
//!    at them: a tensor of equal values is counted four times as fast, one half of zeros twice.
//! 3. The four counters of a bin lie side by side and are u16, so that the bins in use stay in the first-level cache; they
//!    are added to the counts before one can overflow.

use super::level::dispatch;
use alloc::boxed::Box;
use alloc::vec;
use fearless_simd::Level;

/// Bins on each side of zero.
pub const BINS_PER_SIDE: usize = 4096;
/// Bins of a histogram.
pub const BINS: usize = 2 * BINS_PER_SIDE;
/// The exponent of the narrowest bins: as wide as the smallest subnormal number.
pub const SMALLEST_EXPONENT: i32 = -149;

/// Values whose bins are found before they are counted.
const TILE: usize = 1024;
/// Counters of a bin that take turns.
const TURNS: usize = 4;
/// Fewer values are counted one by one: filling and adding the counters costs as much as counting so many.
const FEW: usize = 16_384;
/// Values before the counters are added to the counts: none of them can overflow.
const FLUSH: usize = TURNS * 32_768;

/// Returns the smallest exponent of bins that hold values up to `max_abs`, which must be finite.
///
/// # Examples
///
/// ```
/// use tensor_quant::kernel::exponent_for;
/// // 4096 bins of 2⁻¹² hold everything below 1; 1 itself needs wider ones.
/// assert_eq!((exponent_for(0.999), exponent_for(1.0), exponent_for(0.0)), (-12, -11, -149));
/// ```
pub fn exponent_for(max_abs: f32) -> i32 {
    // As an f64 every f32 is a normal number, or 0.
    let exponent = (f64::from(max_abs).to_bits() >> 52 & 0x7ff) as i32 - 1023;
    (exponent - 11).max(SMALLEST_EXPONENT)
}

/// Returns a histogram's counts, all of them 0.
pub(crate) fn no_counts() -> Box<[u64; BINS]> {
    match vec![0; BINS].into_boxed_slice().try_into() {
        Ok(counts) => counts,
        Err(_) => unreachable!("there are as many as were asked for"),
    }
}

/// Adds the number of values in each bin of width `2^exponent` to `counts`.
///
/// Values must be finite, and `exponent` at least what [`exponent_for`] says of the largest magnitude: others are
/// counted in some bin.
///
/// # Examples
///
/// ```
/// use tensor_quant::kernel::{self, BINS, BINS_PER_SIDE};
///
/// let mut counts = [0; BINS];
/// kernel::histogram(kernel::detect(), &[0.0, 0.3, 0.6, -0.3], -1, &mut counts);
/// assert_eq!(counts[BINS_PER_SIDE - 1..=BINS_PER_SIDE + 1], [1, 2, 1]);
/// ```
pub fn histogram(level: Level, values: &[f32], exponent: i32, counts: &mut [u64; BINS]) {
    let mut bins = [0_u16; TILE];
    if values.len() < FEW {
        for tile in values.chunks(TILE) {
            let bins = &mut bins[..tile.len()];
            dispatch!(level, simd => find(simd, tile, exponent, bins));
            for &bin in &*bins {
                counts[usize::from(bin) % BINS] += 1;
            }
        }
        return;
    }
    let mut counters = vec![[0_u16; TURNS]; BINS];
    for part in values.chunks(FLUSH) {
        for tile in part.chunks(TILE) {
            let bins = &mut bins[..tile.len()];
            dispatch!(level, simd => find(simd, tile, exponent, bins));
            count(bins, &mut counters);
        }
        for (total, counters) in counts.iter_mut().zip(counters.iter_mut()) {
            *total += core::mem::take(counters).into_iter().map(u64::from).sum::<u64>();
        }
    }
}

/// Finds the bin of each value.
#[inline(always)]
fn find<S: fearless_simd::Simd>(_simd: S, values: &[f32], exponent: i32, bins: &mut [u16]) {
    let base = (exponent + 150) as u32;
    for (bin, &x) in bins.iter_mut().zip(values) {
        // Adding +0 makes +0 of −0.
        let bits = (x + 0.0).to_bits();
        let biased = (bits >> 23) & 0xff;
        let (is_normal, below_zero) = ((biased != 0) as u32, bits >> 31);
        let mantissa = (bits & 0x007f_ffff) | (is_normal << 23);
        // Subnormal numbers have the exponent of the smallest normal ones.
        let shift = base.wrapping_sub(biased + (1 - is_normal));
        // Of larger values than there are bins for, the outermost.
        let k = (mantissa >> shift.min(31)).min(BINS_PER_SIDE as u32 - 1);
        // −1 − k below zero.
        *bin = (BINS_PER_SIDE as u32).wrapping_add(k ^ 0_u32.wrapping_sub(below_zero)) as u16;
    }
}

fn count(bins: &[u16], counters: &mut [[u16; TURNS]]) {
    let (fours, rest) = bins.as_chunks::<TURNS>();
    for four in fours {
        for (turn, &bin) in four.iter().enumerate() {
            // A check, and not a mask: the compiler would mask four bins as a vector, and take that apart again.
            if let Some(counters) = counters.get_mut(usize::from(bin)) {
                counters[turn] += 1;
            }
        }
    }
    for &bin in rest {
        if let Some(counters) = counters.get_mut(usize::from(bin)) {
            counters[0] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{levels, reference};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_counts_as_the_reference(
            values in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..70), wider in 0..200_i32, tied in -5.0_f32..5.0,
        ) {
            let mut values: Vec<f32> = values.into_iter().filter(|x| x.is_finite()).collect();
            values.extend([0.0, -0.0, tied, -tied, 1e-45, -1e-45]);
            let max_abs = values.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            let exponent = (exponent_for(max_abs) + wider).min(120);
            let mut want = no_counts();
            reference::histogram(&values, exponent, &mut *want);
            for level in levels() {
                let mut got = no_counts();
                histogram(level, &values, exponent, &mut got);
                prop_assert!(got == want, "{level:?}");
            }
        }
    }

    #[test]
    fn values_beyond_the_bins_are_counted_in_some_bin_however_many_they_are() {
        for n in [7, FEW - 1, FEW, FLUSH + 5] {
            for (x, exponent) in
                [(3.0, -11), (-3.0, -11), (1e30, -11), (f32::NAN, -11), (f32::INFINITY, 0), (-1e-3, -140)]
            {
                let mut counts = no_counts();
                histogram(crate::kernel::detect(), &alloc::vec![x; n], exponent, &mut counts);
                assert_eq!(counts.iter().sum::<u64>(), n as u64, "{x}, {exponent}");
            }
        }
    }

    #[test]
    fn many_equal_values_do_not_overflow_a_counter() {
        for n in [FEW, FLUSH, 3 * FLUSH + 5] {
            let mut counts = no_counts();
            histogram(crate::kernel::detect(), &alloc::vec![1.0; n], -11, &mut counts);
            assert_eq!(counts[BINS_PER_SIDE + 2048], n as u64);
            assert_eq!(counts.iter().sum::<u64>(), n as u64);
        }
    }
}
