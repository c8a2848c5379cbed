//! Count, sum and sum of squares without rounding, so that they do not depend on the order of the data.
//!
//! Both sums are integers of some hundred bits, in units below the last bit of the smallest number. They have room for more values
//! than can be counted. (An accumulator of all exponents: Kulisch, "Very fast and exact accumulation of products", 2011.)

use super::double_double::DoubleDouble;
use crate::kernel::{self, TileSums};
use alloc::borrow::Cow;

/// The most values that are merged: beyond, mean and deviation are what they are, and there is room for what is yet to be added.
pub(super) const MOST: u64 = u64::MAX / 2;

/// 2⁻¹⁹²: a tile of the smallest values has units of 2⁻¹⁹⁰. Sums are below 2¹²⁸ · 2⁶³.
pub(super) type Sum = WideInteger<7, -192>;
/// The square of that. Sums are below 2²⁵⁶ · 2⁶³.
pub(super) type SumOfSquares = WideInteger<12, -384>;

#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct ExactMoments {
    pub(super) count: u64,
    pub(super) sum: Sum,
    pub(super) squares: SumOfSquares,
}

impl ExactMoments {
    /// Adds finite values, of which the largest magnitude is known; at most a tile of them.
    ///
    /// Those that are too small beside it are summed by another pass over the tile, as there may be many, and only the few that are left
    /// then are gathered.
    pub(super) fn add_tile(&mut self, values: &[f32], max_abs: f32) {
        self.count += values.len() as u64;
        let (level, mut most, mut rest) = (kernel::detect(), max_abs, Cow::Borrowed(values));
        for pass in 0_u32.. {
            let (TileSums { exponent, sum, squares }, left) = kernel::tile_sums(level, &rest, most, pass == 0);
            self.sum.add(sum, exponent - 42);
            self.squares.add(squares, 2 * (exponent - 42));
            if left == 0.0 {
                break;
            }
            most = left;
            if pass > 0 {
                rest = Cow::Owned(kernel::up_to(level, &rest, left));
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Some(count) = self.count.checked_add(other.count).filter(|&count| count <= MOST) else { return };
        self.count = count;
        self.sum.add_words(&other.sum.words);
        self.squares.add_words(&other.squares.words);
    }

    /// Returns the mean and the population's standard deviation, or `None` without values.
    ///
    /// The variance is a difference of large, nearly equal numbers where the mean is far from zero: it is taken with 106
    /// bits.
    pub(super) fn mean_and_std(&self) -> Option<(f64, f64)> {
        if self.count == 0 {
            return None;
        }
        let n = DoubleDouble::from(self.count as f64);
        let mean = self.sum.value() / n;
        let variance = self.squares.value() / n - mean * mean;
        Some((mean.value(), num_traits::Float::sqrt(variance.value().max(0.0))))
    }
}

/// An integer of N words, the last of which holds the sign, times `2^UNIT`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WideInteger<const N: usize, const UNIT: i32> {
    pub(super) words: [u64; N],
}

impl<const N: usize, const UNIT: i32> Default for WideInteger<N, UNIT> {
    fn default() -> Self {
        Self { words: [0; N] }
    }
}

impl<const N: usize, const UNIT: i32> WideInteger<N, UNIT> {
    /// Adds `x · 2^exponent`, where the exponent is at least that of the unit.
    pub(super) fn add(&mut self, x: i128, exponent: i32) {
        let shift = (exponent - UNIT).max(0) as usize;
        let (word, bits) = (shift / 64, shift % 64);
        let sign = if x < 0 { u64::MAX } else { 0 };
        let mut shifted = [0; N];
        // Words below are zero, words above repeat the sign.
        let parts = [x as u64, (x >> 64) as u64, sign];
        let mut below = 0;
        for (i, shifted) in shifted.iter_mut().enumerate().skip(word) {
            let part = parts.get(i - word).copied().unwrap_or(sign);
            *shifted = if bits == 0 { part } else { part << bits | below >> (64 - bits) };
            below = part;
        }
        self.add_words(&shifted);
    }

    pub(super) fn add_words(&mut self, words: &[u64; N]) {
        let mut carry = false;
        for (ours, &theirs) in self.words.iter_mut().zip(words) {
            let (sum, first) = ours.overflowing_add(theirs);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*ours, carry) = (sum, first | second);
        }
    }

    pub(super) fn is_negative(&self) -> bool {
        self.words[N - 1] >> 63 == 1
    }

    fn negated(&self) -> Self {
        let mut negated = Self { words: self.words.map(|word| !word) };
        let mut one = [0; N];
        one[0] = 1;
        negated.add_words(&one);
        negated
    }

    /// Returns it with 106 bits.
    fn value(&self) -> DoubleDouble {
        if self.is_negative() {
            return DoubleDouble::from(0.0) - self.negated().value();
        }
        let mut total = DoubleDouble::from(0.0);
        for (i, &word) in self.words.iter().enumerate().rev().filter(|&(_, &word)| word != 0) {
            let scale = f64::from_bits(((UNIT + 64 * i as i32 + 1023) as u64) << 52);
            total = total + DoubleDouble::from_integer(i128::from(word)).scaled(scale);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wide_integers_add_as_others(parts in prop::collection::vec((any::<i64>(), 0_i32..50), 0..20)) {
            let mut wide = WideInteger::<7, -192>::default();
            let mut want = 0_i128;
            for (x, exponent) in parts {
                wide.add(i128::from(x), exponent - 192);
                want += i128::from(x) << exponent;
            }
            let words = [want as u64, (want >> 64) as u64, (want >> 127) as u64];
            prop_assert_eq!(&wide.words[..3], &words[..]);
            prop_assert!(wide.words[3..].iter().all(|word| *word == words[2]));
        }
    }
}
