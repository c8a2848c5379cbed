//! In which of the equally wide bins of a range a value lies.
//!
//! The definition, in f64: bin `⌊(x − min) / (max − min) · bins⌋`, the largest number of a bin at most.
//!
//! 1. A division for each value costs as much as all the rest. One multiplication by `bins / (max − min)` differs from it
//!    by less than 2⁻⁵⁰ of the result, and so gives the same bin unless the result lies beside a whole number. A tile in
//!    which one lies within 2⁻²⁰ of a whole number is done once more, with divisions.
//! 2. The bin is the whole number nearest to half a bin less: an addition that pushes the fraction out, and no conversion.
//! 3. Counting is not vectorised: what limits it is that an increment waits for the one before where both are of the same
//!    counter. Neighbouring values therefore take turns at eight counters of each bin.

use super::level::dispatch;
use alloc::vec;
use alloc::vec::Vec;
use fearless_simd::{Level, Simd};

/// Values whose bins are found before they are counted.
const TILE: usize = 512;
/// Counters of a bin that take turns.
const TURNS: usize = 8;
/// Values whose counts fit a counter.
const FLUSH: usize = 1 << 30;
/// What is added to push the fraction out of a number below 2⁵¹.
const TO_WHOLE: f64 = 6_755_399_441_055_744.0;
/// How near to a whole number the division is asked.
const NEAR: f64 = 1.0 / 1_048_576.0;

/// Equally wide bins over a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EqualBins {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// At most 2²⁴.
    pub(crate) number: usize,
}

/// The places of a value: a bin, or one of these behind them.
pub(crate) const BELOW: usize = 0;
/// Above the range.
pub(crate) const ABOVE: usize = 1;
/// NaN.
pub(crate) const NAN: usize = 2;
/// How many places there are beside the bins.
pub(crate) const OUTSIDE: usize = 3;

impl EqualBins {
    /// The specification: the number of the bin that holds `x`, or, from the number of bins on, why none does.
    #[cfg(test)]
    fn place_of(self, x: f64) -> usize {
        let Self { min, max, number } = self;
        if x.is_nan() {
            number + NAN
        } else if x < min {
            number + BELOW
        } else if x > max {
            number + ABOVE
        } else {
            // NaN, for a range of width 0, becomes bin 0.
            let bin = ((x - min) / (max - min) * number as f64) as usize;
            bin.min(number - 1)
        }
    }

    /// Adds the number of values in each bin to `counts`, and those outside of all to `outside`.
    pub(crate) fn count<V: Copy + Into<f64>>(
        self,
        level: Level,
        values: &[V],
        counts: &mut [u64],
        outside: &mut [u64; OUTSIDE],
    ) {
        let places = self.number + OUTSIDE;
        let mut tile = [0_u32; TILE];
        // To fill and add the counters costs as much as counting so many.
        let takes_turns = values.len() / 4 >= places;
        let mut counters: Vec<[u32; TURNS]> = if takes_turns { vec![[0; TURNS]; places] } else { Vec::new() };
        for part in values.chunks(FLUSH) {
            for values in part.chunks(TILE) {
                let found = &mut tile[..values.len()];
                if !dispatch!(level, simd => find(simd, self, values, found)) {
                    dispatch!(level, simd => find_by_division(simd, self, values, found));
                }
                if takes_turns {
                    count_in_turns(found, &mut counters);
                } else {
                    for &place in &*found {
                        self.add(place as usize, 1, counts, outside);
                    }
                }
            }
            for (place, counters) in counters.iter_mut().enumerate() {
                let count = core::mem::take(counters).into_iter().map(u64::from).sum();
                self.add(place, count, counts, outside);
            }
        }
    }

    fn add(self, place: usize, count: u64, counts: &mut [u64], outside: &mut [u64; OUTSIDE]) {
        if let Some(bin) = counts.get_mut(place) {
            *bin += count;
        } else if let Some(outside) = outside.get_mut(place - self.number) {
            *outside += count;
        }
    }
}

fn count_in_turns(places: &[u32], counters: &mut [[u32; TURNS]]) {
    let (all, rest) = places.as_chunks::<TURNS>();
    for places in all {
        for turn in 0..TURNS {
            if let Some(counters) = counters.get_mut(places[turn] as usize) {
                counters[turn] += 1;
            }
        }
    }
    for &place in rest {
        if let Some(counters) = counters.get_mut(place as usize) {
            counters[0] += 1;
        }
    }
}

/// Finds the place of each value, and returns whether all are certain.
#[inline(always)]
fn find<S: Simd, V: Copy + Into<f64>>(_simd: S, bins: EqualBins, values: &[V], places: &mut [u32]) -> bool {
    let EqualBins { min, max, number } = bins;
    let per_unit = number as f64 / (max - min);
    let (below, above) = ((number + BELOW) as u32, (number + ABOVE) as u32);
    let mut uncertain = 0_u32;
    for (place, &x) in places.iter_mut().zip(values) {
        let x: f64 = x.into();
        let middle = (x - min) * per_unit - 0.5;
        let whole = middle + TO_WHOLE;
        // NaN is not far from a whole number either.
        let far = (middle - (whole - TO_WHOLE)).abs() < 0.5 - NEAR;
        let (is_below, is_above) = (x < min, x > max);
        uncertain |= u32::from(!(far | is_below | is_above));
        let bin = if is_below { below } else { whole.to_bits() as u32 };
        *place = if is_above { above } else { bin };
    }
    uncertain == 0
}

/// Finds the place of each value, as [`EqualBins::place_of`] does.
#[inline(always)]
fn find_by_division<S: Simd, V: Copy + Into<f64>>(_simd: S, bins: EqualBins, values: &[V], places: &mut [u32]) {
    let EqualBins { min, max, number } = bins;
    let (width, bins, last) = (max - min, number as f64, (number - 1) as u32);
    let [below, above, nan] = [BELOW, ABOVE, NAN].map(|place| (number + place) as u32);
    for (place, &x) in places.iter_mut().zip(values) {
        let x: f64 = x.into();
        let exact = (x - min) / width * bins;
        let whole = exact + TO_WHOLE;
        // The nearest whole number, and one less where that is larger.
        let bin = (whole.to_bits() as u32).wrapping_sub(u32::from(whole - TO_WHOLE > exact));
        // The largest value of all is in the last bin; without a width, there is but the first.
        let bin = if exact >= bins { last } else { bin };
        let bin = if exact >= 0.0 { bin } else { 0 };
        let bin = if x < min { below } else { bin };
        let bin = if x > max { above } else { bin };
        *place = if x.is_nan() { nan } else { bin };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -2.0_f32..2.0, (-20_i8..20).prop_map(|k| f32::from(k) / 8.0)]
    }

    proptest! {
        #[test]
        fn every_level_counts_as_the_definition(
            values in prop::collection::vec(value(), 0..200), ends in (value(), value()), number in 1_usize..300, many in 0..2_usize,
        ) {
            let ends = [ends.0, ends.1].map(|x| if x.is_finite() { f64::from(x) } else { 1.0 });
            let bins = EqualBins { min: ends[0].min(ends[1]), max: ends[0].max(ends[1]), number };
            // Enough of them that counters take turns, or as they are.
            let values: Vec<f32> = values.iter().copied().cycle().take(values.len() * (1 + 11 * many)).collect();
            let mut want = vec![0; number + OUTSIDE];
            for &x in &values {
                want[bins.place_of(x.into())] += 1;
            }
            let wide: Vec<f64> = values.iter().map(|&x| x.into()).collect();
            for level in levels() {
                let (mut counts, mut outside) = (vec![0; number], [0; OUTSIDE]);
                bins.count(level, &values, &mut counts, &mut outside);
                prop_assert_eq!((&counts[..], &outside[..]), want.split_at(number), "{:?}", level);
                bins.count(level, &wide, &mut counts, &mut outside);
                prop_assert_eq!(counts.iter().sum::<u64>() + outside.iter().sum::<u64>(), 2 * values.len() as u64);
                prop_assert!(counts.iter().zip(&want).all(|(got, want)| *got == 2 * want));
            }
        }
    }
}
