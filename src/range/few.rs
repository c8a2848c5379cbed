//! Values that are few enough for each to be looked at with each scale.
//!
//! A range must not depend on the order of the values, and sums of floats do. So values are rounded to multiples of a unit, a
//! power of two so small that nobody can tell, and so large that all sums over them are whole numbers of units below 2⁵³:
//! exact in an f64, in any order, and nothing need be sorted. With n values and codes of up to K, units are
//! `2^(e − b)` for the exponent e above that of the largest magnitude and `b = 52 − ⌈log2 (n · K)⌉` bits, 36 at most: 27 of 2¹⁵
//! values in 1024 codes. Values above a share of 2^(24 − b) of the largest are multiples of the unit as they are; others
//! move by half of it, a 2¹⁷th of a step or less, and the squared error by a share of 10⁻⁷ or less.

use super::grid::Multiples;
use super::nearest_search::{Coded, visit_each};
use super::sorted::Sums;
use crate::kernel::{self, Level, Magnitudes};
use alloc::vec;
use alloc::vec::Vec;

/// The most bits that magnitudes have in units.
const MOST_BITS: u32 = 36;

/// The most values that this is for.
pub(super) const MOST: usize = 1 << 15;

#[derive(Debug)]
pub(super) struct Few {
    values: Vec<f64>,
    /// Where those above zero begin: those below stand before them. All of them, as magnitudes, where signs do not matter.
    above: usize,
    /// All values as they are, with their signs, rather than magnitudes.
    signed: bool,
    below_zero: Magnitudes,
    above_zero: Magnitudes,
    max_abs: f64,
    unit: f64,
    bits: u32,
    level: Level,
}

impl Few {
    /// Returns these values, which are finite and at most [`MOST`], for codes of these sets.
    pub(super) fn of(values: &[f32], sets: &[Multiples]) -> Self {
        let all = Multiples::union(sets);
        let most = all.highest.max(-all.lowest).max(1) as u64;
        let mirrored = sets.len() == 1 && all.lowest == -all.highest;
        let mut few = Self::with(values, most, mirrored);
        if sets.len() > 1 {
            few.signed = true;
            for x in &mut few.values[..few.above] {
                *x = -*x;
            }
        }
        few
    }

    /// Returns these values for sums of those above bounds; `mirrored` where only magnitudes matter.
    pub(super) fn for_bounds(values: &[f32], mirrored: bool) -> Self {
        Self::with(values, 1, mirrored)
    }

    fn with(values: &[f32], most: u64, mirrored: bool) -> Self {
        let max_abs = values.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        // Even, so that there are two halves.
        let bits = (52 - (values.len() as u64 * most).next_power_of_two().ilog2()).min(MOST_BITS) & !1;
        let unit = power_above(f64::from(max_abs)) / (1_u64 << bits) as f64;
        let level = kernel::detect();
        let mut few = Self {
            values: vec![0.0; values.len()],
            above: 0,
            signed: false,
            below_zero: Magnitudes::default(),
            above_zero: Magnitudes::default(),
            max_abs: f64::from(max_abs),
            unit,
            bits,
            level,
        };
        if mirrored {
            few.above_zero = kernel::magnitudes(level, values, unit, bits, &mut few.values);
            return few;
        }
        let mut signs = Vec::with_capacity(values.len());
        signs.extend(values.iter().filter(|x| **x < 0.0));
        few.above = signs.len();
        signs.extend(values.iter().filter(|x| **x >= 0.0));
        let (below, above) = few.values.split_at_mut(few.above);
        few.below_zero = kernel::magnitudes(level, &signs[..few.above], unit, bits, below);
        few.above_zero = kernel::magnitudes(level, &signs[few.above..], unit, bits, above);
        few
    }

    /// Returns the sums of the magnitudes above one bound below zero, and above one above it; of all magnitudes above the latter, where
    /// signs do not matter.
    pub(super) fn outside(&self, below: f64, above: f64) -> [Sums; 2] {
        let (below_zero, above_zero) = self.values.split_at(self.above);
        [(below_zero, below), (above_zero, above)].map(|(values, bound)| {
            if values.is_empty() {
                return Sums::default();
            }
            let (n, sums) = kernel::sums_above(self.level, values, bound, self.unit, self.bits);
            Sums { n, x: sums.x, x2: sums.x2() }
        })
    }

    /// Σ k·x and Σ k² for one set.
    fn sums_of(&self, scale: f64, set: Multiples) -> (f64, f64) {
        let (below, above) = self.values.split_at(self.above);
        let above = kernel::code_sums(self.level, above, 1.0 / scale, f64::from(set.highest));
        if below.is_empty() {
            return above;
        }
        let below = kernel::code_sums(self.level, below, 1.0 / scale, -f64::from(set.lowest));
        (below.0 + above.0, below.1 + above.1)
    }

    /// Σ k·x and Σ k² for many sets: what has each code is summed first.
    fn visit_sets(&self, scale: f64, sets: &[Multiples], all: Multiples, visit: &mut dyn FnMut(Multiples, f64, f64)) {
        let (first, last) = all.reached((-self.max_abs, self.max_abs), scale);
        let (lowest, highest) = (f64::from(first), f64::from(last));
        let mut with = vec![(0.0, 0.0); (last - first) as usize + 1];
        let inverse = 1.0 / scale;
        for &x in &self.values {
            // |x| below 2⁵¹: adding 1.5 · 2⁵² rounds halves to even.
            let magic = 6_755_399_441_055_744.0;
            let k = ((x * inverse).clamp(lowest, highest) + magic) - magic;
            if let Some((sum, count)) = with.get_mut((k - lowest) as usize) {
                *sum += x;
                *count += 1.0;
            }
        }
        let total = (self.above_zero.x - self.below_zero.x, self.values.len() as f64);
        let (mut above_x, mut above_n) = total;
        let (mut kx, mut k2) = (0.0, 0.0);
        let mut steps = Vec::with_capacity(with.len());
        for (k, &(x, n)) in (first..=last).zip(&with) {
            steps.push((kx, k2));
            above_x -= x;
            above_n -= n;
            kx += above_x;
            k2 += f64::from(2 * k + 1) * above_n;
        }
        visit_each(sets, (first, last), &steps, total, visit);
    }
}

impl Coded for Few {
    fn x2(&self) -> f64 {
        self.below_zero.x2() + self.above_zero.x2()
    }

    fn max_abs(&self) -> f64 {
        self.max_abs
    }

    fn x_by_sign(&self) -> (f64, f64) {
        (-self.below_zero.x, self.above_zero.x)
    }

    fn sums_with(&self, scale: f64, sets: &[Multiples], all: Multiples, visit: &mut dyn FnMut(Multiples, f64, f64)) {
        if self.signed {
            return self.visit_sets(scale, sets, all, visit);
        }
        for &set in sets {
            let (kx, k2) = self.sums_of(scale, set);
            visit(set, kx, k2);
        }
    }
}

/// Returns the power of two above a positive number, or 1 for 0.
fn power_above(x: f64) -> f64 {
    if x > 0.0 { 2.0 * f64::from_bits(x.to_bits() & 0x7ff0_0000_0000_0000) } else { 1.0 }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::super::nearest_search::search;
    use super::super::nearest_search::tests::{sets, values};
    use super::super::sorted::Sorted;
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Values that are looked at one by one give what sorted ones give.
        #[test]
        fn few_values_have_the_optimum_of_many(values in values(), repeats in prop::sample::select(vec![1_usize, 40])) {
            let values: Vec<f32> = values.iter().copied().cycle().take(repeats * values.len()).collect();
            let sorted = Sorted::of(&values);
            for (zero_points, codes) in [(0..=0, (-7, 7)), (0..=0, (-128, 127)), (0..=0, (0, 15)), (-8..=7, (-8, 7)), (0..=255, (0, 255))] {
                let sets = sets(zero_points, codes);
                let start = (sets[0], sorted.max_abs() / 7.0);
                let (few, many) = (Few::of(&values, &sets), search(&sorted, &sets, start).unwrap());
                let found = search(&few, &sets, start).unwrap();
                let room = 1e-12 * sorted.total().x2;
                prop_assert!(found.error <= many.error * (1.0 + 2e-6) + room, "{found:?} for {many:?}");
                prop_assert!(many.error <= found.error * (1.0 + 2e-6) + room, "{many:?} for {found:?}");
                // In any order, to the last bit.
                let backwards: Vec<f32> = values.iter().rev().copied().collect();
                let again = search(&Few::of(&backwards, &sets), &sets, start).unwrap();
                prop_assert_eq!((again.multiples, again.scale), (found.multiples, found.scale));
            }
        }
    }
}
