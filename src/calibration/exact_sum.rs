//! A sum of f32s without rounding, so that it does not depend on their order.

/// Bits of a number's exponent that choose its chunk.
const CHUNK_BITS: u32 = 5;
pub(super) const CHUNKS: usize = 256 >> CHUNK_BITS;
/// The most values that are merged: beyond, a mean is what it is, and there is room for what is yet to be added.
const MOST: u64 = u64::MAX / 2;

/// The exact sum and number of finite values.
///
/// A value is an integer of 24 bits times a power of two. Values whose exponents share their upper bits are added in one
/// integer, shifted by the lower ones: 55 bits at most, which leaves room for 2⁷² of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ExactSum {
    pub(super) count: u64,
    pub(super) chunks: [i128; CHUNKS],
}

impl ExactSum {
    /// Adds the finite values.
    pub(super) fn add(&mut self, values: &[f32]) {
        for &x in values.iter().filter(|x| x.is_finite()) {
            let bits = x.to_bits();
            let exponent = (bits >> 23) & 0xff;
            let magnitude = i64::from(bits & 0x007f_ffff) | i64::from(exponent != 0) << 23;
            // Subnormal numbers have the exponent of the smallest normal ones.
            let exponent = exponent.max(1);
            let shifted = magnitude << (exponent & ((1 << CHUNK_BITS) - 1));
            self.chunks[(exponent >> CHUNK_BITS) as usize] +=
                i128::from(if bits >> 31 == 0 { shifted } else { -shifted });
            self.count += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Some(count) = self.count.checked_add(other.count).filter(|&count| count <= MOST) else { return };
        self.count = count;
        for (ours, theirs) in self.chunks.iter_mut().zip(&other.chunks) {
            *ours += theirs;
        }
    }

    /// Returns the mean, rounded a few times in f64; 0 of nothing.
    pub(super) fn mean(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        // From the largest down, with what an f64 cannot hold carried to the next.
        let (mut sum, mut carry) = (0.0, 0_i128);
        for (chunk, &value) in self.chunks.iter().enumerate().rev() {
            let value = value + (carry << (1 << CHUNK_BITS));
            let rounded = value as f64;
            carry = value - rounded as i128;
            sum += rounded * f64::from_bits((((chunk as u64) << CHUNK_BITS) + 1023 - 150) << 52);
        }
        sum / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_mean_is_exact_in_any_order(values in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..40), cut in 0_usize..40) {
            let (first, second) = values.split_at(cut.min(values.len()));
            let (mut forwards, mut backwards, mut rest) = (ExactSum::default(), ExactSum::default(), ExactSum::default());
            forwards.add(&values);
            values.iter().rev().for_each(|x| backwards.add(&[*x]));
            prop_assert_eq!(forwards, backwards);
            rest.add(second);
            let mut merged = ExactSum::default();
            merged.add(first);
            merged.merge(&rest);
            prop_assert_eq!(merged, forwards);
        }

        #[test]
        fn the_mean_is_that_of_the_values(values in prop::collection::vec(-8.0_f32..8.0, 1..60)) {
            let mut sum = ExactSum::default();
            sum.add(&values);
            let want = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
            prop_assert!((sum.mean() - want).abs() <= 1e-14 * 8.0);
        }
    }

    #[test]
    fn what_cancels_is_gone() {
        let mut sum = ExactSum::default();
        sum.add(&[f32::MAX, 1e-45, f32::MIN, 3.0, f32::NAN]);
        assert_eq!(sum.mean(), (3.0 + f64::from(1e-45_f32)) / 4.0);
        assert_eq!(ExactSum::default().mean(), 0.0);
    }
}
