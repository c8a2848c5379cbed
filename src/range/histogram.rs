//! A histogram whose state does not depend on the order of the data.
//!
//! Bins are `2^e` wide and aligned at 0; bin k holds the values in `[k · 2^e, (k + 1) · 2^e)`, for k from −4096 to 4095.
//! A value that does not fit makes e grow: pairs of neighbouring bins are merged, bin k into ⌊k / 2⌋. Because
//! `⌊⌊x / 2^e⌋ / 2⌋ = ⌊x / 2^(e + 1)⌋`, the bins are then what they would have been from the start; and the final e is the
//! largest that any single value asks for. So the counts are the same for any order, split or merge of the data.

use alloc::vec;
use alloc::vec::Vec;

/// Bins on each side of zero.
const HALF: i64 = 4096;
/// Small enough for the smallest subnormal, 2⁻¹⁴⁹, to ask for more.
const SMALLEST_EXPONENT: i32 = -149 - 11;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    exponent: i32,
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { exponent: SMALLEST_EXPONENT, counts: vec![0; 2 * HALF as usize] }
    }
}

impl Histogram {
    /// Counts the finite values.
    pub(super) fn add(&mut self, values: &[f32]) {
        let max_abs = values.iter().filter(|x| x.is_finite()).fold(0.0_f32, |max, x| max.max(x.abs()));
        self.widen(exponent_for(max_abs));
        // A power of two: the product is exact in f64.
        let inverse = power_of_two(-self.exponent);
        for &x in values.iter().filter(|x| x.is_finite()) {
            let bin = floor(f64::from(x) * inverse) + HALF;
            self.counts[bin as usize] += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.widen(self.exponent);
        self.widen(other.exponent);
        for (ours, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *ours += theirs;
        }
    }

    /// Returns the value of rank `k` (from 0) in ascending order, with the values of a bin spread evenly in it.
    ///
    /// The last value for a rank beyond it.
    pub(super) fn value_of_rank(&self, k: u64) -> f64 {
        let mut before = 0;
        let mut last = 0.0;
        let width = power_of_two(self.exponent);
        for (bin, &count) in self.counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let within = k.saturating_sub(before).min(count - 1) as f64 + 0.5;
            last = ((bin as i64 - HALF) as f64 + within / count as f64) * width;
            before += count;
            if k < before {
                break;
            }
        }
        last
    }

    /// Merges pairs of bins until they are `2^exponent` wide, if they are narrower.
    fn widen(&mut self, exponent: i32) {
        if exponent <= self.exponent {
            return;
        }
        let shift = (exponent - self.exponent).min(62);
        let old = core::mem::replace(&mut self.counts, vec![0; 2 * HALF as usize]);
        for (bin, count) in old.into_iter().enumerate().filter(|&(_, count)| count > 0) {
            let bin = ((bin as i64 - HALF) >> shift) + HALF;
            self.counts[bin as usize] += count;
        }
        self.exponent = exponent;
    }
}

/// Returns the smallest exponent for which |x| < 4096 · 2^e.
fn exponent_for(max_abs: f32) -> i32 {
    let bits = f64::from(max_abs).to_bits();
    if bits == 0 { SMALLEST_EXPONENT } else { (bits >> 52) as i32 - 1023 - 11 }
}

fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

fn floor(x: f64) -> i64 {
    let whole = x as i64;
    whole - i64::from(x < whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finite() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -1.0_f32..1.0].prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn the_state_depends_on_the_values_alone(values in prop::collection::vec(finite(), 0..200), cut in 0_usize..200) {
            let mut at_once = Histogram::default();
            at_once.add(&values);
            let (first, second) = values.split_at(cut.min(values.len()));
            let (mut one, mut two) = (Histogram::default(), Histogram::default());
            one.add(first);
            for x in second.iter().rev() {
                two.add(&[*x]);
            }
            let mut merged = two.clone();
            merged.merge(&one);
            one.merge(&two);
            prop_assert_eq!(&one, &at_once);
            prop_assert_eq!(&merged, &at_once);
            prop_assert_eq!(at_once.counts.iter().sum::<u64>(), values.len() as u64);
        }

        #[test]
        fn ranks_are_within_one_bin(mut values in prop::collection::vec(finite(), 1..200)) {
            let mut histogram = Histogram::default();
            histogram.add(&values);
            values.sort_unstable_by(f32::total_cmp);
            let max_abs = values.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            for (k, &value) in values.iter().enumerate() {
                let error = (histogram.value_of_rank(k as u64) - f64::from(value)).abs();
                prop_assert!(error <= f64::from(max_abs) / 2048.0, "rank {k}: off by {error}");
            }
        }
    }
}
