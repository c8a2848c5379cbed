//! Count, sum and sum of squares without rounding, so that they do not depend on the order of the data.
//!
//! Every f32 is an integer of 24 bits times a power of two. One integer sum for each of the 256 exponents holds the sum
//! of all values exactly, and another the sum of their squares: 80 bits of room above a square's 48 is more than there
//! are values to observe.

use super::double_double::DoubleDouble;
use alloc::boxed::Box;

/// The exponents that an f32 can have.
pub(super) const EXPONENTS: usize = 256;

/// The most values that are merged: beyond, mean and deviation are what they are, and there is room for what is yet to be added.
const MOST: u64 = u64::MAX / 2;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExactMoments {
    pub(super) count: u64,
    pub(super) sums: Box<[i128; EXPONENTS]>,
    pub(super) squares: Box<[i128; EXPONENTS]>,
}

impl Default for ExactMoments {
    fn default() -> Self {
        Self { count: 0, sums: Box::new([0; EXPONENTS]), squares: Box::new([0; EXPONENTS]) }
    }
}

impl ExactMoments {
    /// Adds the finite values.
    pub(super) fn add(&mut self, values: &[f32]) {
        for &x in values {
            if !x.is_finite() {
                continue;
            }
            let bits = x.to_bits();
            let exponent = ((bits >> 23) & 0xff) as usize;
            let implicit = i64::from(exponent != 0) << 23;
            let magnitude = i64::from(bits & 0x007f_ffff) | implicit;
            let mantissa = if bits >> 31 == 0 { magnitude } else { -magnitude };
            self.sums[exponent] += i128::from(mantissa);
            self.squares[exponent] += i128::from(magnitude * magnitude);
            self.count += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Some(count) = self.count.checked_add(other.count).filter(|&count| count <= MOST) else { return };
        self.count = count;
        for (ours, theirs) in self.sums.iter_mut().zip(other.sums.iter()) {
            *ours += theirs;
        }
        for (ours, theirs) in self.squares.iter_mut().zip(other.squares.iter()) {
            *ours += theirs;
        }
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
        let mean = total(&self.sums, 1) / n;
        let variance = total(&self.squares, 2) / n - mean * mean;
        Some((mean.value(), num_traits::Float::sqrt(variance.value().max(0.0))))
    }
}

/// Returns Σ bin · 2^(power · (exponent − 150)), subnormals counting as the exponent above them.
fn total(bins: &[i128; EXPONENTS], power: i32) -> DoubleDouble {
    let mut total = DoubleDouble::from(0.0);
    for (exponent, &bin) in bins.iter().enumerate().filter(|&(_, &bin)| bin != 0) {
        let scale = power * (exponent.max(1) as i32 - 150);
        let scale = f64::from_bits(((scale + 1023) as u64) << 52);
        total = total + DoubleDouble::from_integer(bin).scaled(scale);
    }
    total
}
