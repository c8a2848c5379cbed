//! How many values lie outside an interval.
//!
//! Bounds are f64s. Comparing f32s with them is the same as comparing with the nearest f32s inside: then sixteen values
//! take two comparisons and an addition, and an integer sum may be reordered, and so is vectorised.

use super::level::dispatch;
use alloc::vec::Vec;
use fearless_simd::{Level, Simd};

/// Elements whose count fits a u32.
const PART: usize = 1 << 30;

/// Returns how many values are less than `low` or greater than `high`; infinities may be, NaN is not.
pub(crate) fn count_outside(level: Level, x: &[f32], bounds: (f64, f64)) -> u64 {
    let [least, most] = inside(bounds);
    x.chunks(PART).map(|x| u64::from(dispatch!(level, simd => body(simd, x, least, most)))).sum()
}

#[inline(always)]
fn body<S: Simd>(_simd: S, x: &[f32], least: f32, most: f32) -> u32 {
    let mut count = 0;
    for &x in x {
        count += u32::from((x < least) | (x > most));
    }
    count
}

/// The same, each value with bounds of its own.
pub(crate) fn count_outside_each(level: Level, x: &[f32], bounds: &[(f64, f64)]) -> u64 {
    let parts = x.chunks(PART).zip(bounds.chunks(PART));
    parts.map(|(x, bounds)| u64::from(dispatch!(level, simd => each_body(simd, x, bounds)))).sum()
}

#[inline(always)]
fn each_body<S: Simd>(_simd: S, x: &[f32], bounds: &[(f64, f64)]) -> u32 {
    let mut count = 0;
    for (&x, &(low, high)) in x.iter().zip(bounds) {
        count += u32::from((f64::from(x) < low) | (f64::from(x) > high));
    }
    count
}

/// Adds to each count how many values of its column are outside of the column's bounds; `x` is whole rows.
pub(crate) fn count_outside_columns(level: Level, x: &[f32], bounds: &[(f64, f64)], counts: &mut [u64]) {
    let inside: Vec<[f32; 2]> = bounds.iter().map(|&bounds| inside(bounds)).collect();
    for x in x.chunks(bounds.len().max(1)) {
        dispatch!(level, simd => row_body(simd, x, &inside, counts));
    }
}

#[inline(always)]
fn row_body<S: Simd>(_simd: S, x: &[f32], inside: &[[f32; 2]], counts: &mut [u64]) {
    for ((count, &x), &[least, most]) in counts.iter_mut().zip(x).zip(inside) {
        *count += u64::from((x < least) | (x > most));
    }
}

/// Returns the smallest and the largest f32 within bounds.
fn inside((low, high): (f64, f64)) -> [f32; 2] {
    let (least, most) = (low as f32, high as f32);
    [
        if f64::from(least) < low { least.next_up() } else { least },
        if f64::from(most) > high { most.next_down() } else { most },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_counts_as_comparisons_in_f64(
            bits in prop::collection::vec(any::<u32>(), 0..70), low in any::<u64>(), high in any::<u64>(), near in 0..2,
        ) {
            let mut x: Vec<f32> = bits.iter().copied().map(f32::from_bits).collect();
            let mut bounds = (f64::from_bits(low), f64::from_bits(high));
            if near == 1 && let [first, .., last] = x[..] {
                // Beside values that there are.
                bounds = (f64::from(first).next_up(), f64::from(last).next_down());
                x.extend([first, last, first.next_up(), last.next_down()]);
            }
            x.extend([f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 1e-45]);
            let outside = |&&x: &&f32| f64::from(x) < bounds.0 || f64::from(x) > bounds.1;
            let want = x.iter().filter(outside).count() as u64;
            for level in levels() {
                prop_assert_eq!(count_outside(level, &x, bounds), want, "{:?} {:?}", level, bounds);
                prop_assert_eq!(count_outside_each(level, &x, &vec![bounds; x.len()]), want, "{:?} {:?}", level, bounds);
                let mut counts = vec![0; 2];
                let whole = &x[..x.len() / 2 * 2];
                count_outside_columns(level, whole, &[bounds; 2], &mut counts);
                let odd = whole.iter().skip(1).step_by(2).filter(outside).count() as u64;
                prop_assert_eq!(counts, [whole.iter().step_by(2).filter(outside).count() as u64, odd]);
            }
        }
    }
}
