//! The sums that every error metric is made of, in one pass over original and restored values.
//!
//! 1. Sums are kept in f64, in which the product of two f32s is exact.
//! 2. The data are cut in blocks of [`BLOCK`] elements; in a block, lane i of 16 sums the elements i, i + 16 …; the lanes
//!    are added pairwise, the blocks one after another. That order is part of the definition: every SIMD level, and any
//!    number of threads that work on whole blocks, gives the same bits. Where a product is rounded, it is not fused with
//!    the addition, for the same reason.
//! 3. A block with a value that is not finite is summed once more, with such pairs counted and set to zero. Nothing has to
//!    look for one: squares of f32s are far from the largest f64, so Σ x² + Σ y² is finite if and only if all values are.
//! 4. Where the largest difference lies is looked for at the end, in the one block that holds it.
//!
//! The loops over a block, and what they can attain, stand in [`error_lanes`](super::error_lanes).

use super::ErrorSums;
use super::error_lanes::{RUN, run_near, sum_lanes};
use super::level::dispatch;
use fearless_simd::Level;

/// Elements in a block.
pub(crate) const BLOCK: usize = 4096;

/// Returns the sums over the pairs of `x` (original) and `y` (restored).
///
/// # Panics
///
/// If `x` and `y` differ in length.
pub fn error_sums(level: Level, x: &[f32], y: &[f32]) -> ErrorSums {
    let mut all = PairSums::default();
    all.follow::<false>(level, x, y);
    all.sums
}

/// The sums, and counts of pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PairSums {
    pub(crate) sums: ErrorSums,
    /// Finite pairs in which y is 0 and x is not.
    pub(crate) zeroed: u64,
    /// Pairs in which x or y is not finite, and the other is not the same.
    pub(crate) non_finite_changed: u64,
}

impl PairSums {
    /// Adds pairs that follow those before, of which there are whole blocks. Zeroed values are counted if asked for.
    ///
    /// # Panics
    ///
    /// If `x` and `y` differ in length.
    pub(crate) fn follow<const ZEROED: bool>(&mut self, level: Level, x: &[f32], y: &[f32]) {
        assert_eq!(x.len(), y.len(), "restored: expected a length of {}, got {}", x.len(), y.len());
        let before = self.sums.count;
        for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
            let block = match dispatch!(level, simd => sum_lanes::<_, ZEROED>(simd, x, y)) {
                Some((sums, zeroed)) => PairSums { sums, zeroed, non_finite_changed: 0 },
                None => masked::<ZEROED>(level, x, y),
            };
            self.sums = self.sums.followed_by(block.sums);
            self.zeroed += block.zeroed;
            self.non_finite_changed += block.non_finite_changed;
        }
        // The index of a largest difference among these pairs is so far that of its block.
        if self.sums.max_abs_d > 0.0
            && let Some(start) = self.sums.max_abs_d_index.checked_sub(before)
        {
            let start = start as usize;
            let block = start..x.len().min(start + BLOCK);
            let first = first_with(level, self.sums.max_abs_d, &x[block.clone()], &y[block]);
            self.sums.max_abs_d_index += first as u64;
        }
    }
}

/// Sums a block in which pairs that are not finite are replaced by pairs of zeros: these add nothing.
#[cold]
#[inline(never)]
fn masked<const ZEROED: bool>(level: Level, x: &[f32], y: &[f32]) -> PairSums {
    let (mut px, mut py) = ([0.0; BLOCK], [0.0; BLOCK]);
    let (mut non_finite, mut non_finite_changed) = (0, 0);
    let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
    for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
        if x.is_finite() && y.is_finite() {
            (px[i], py[i]) = (x, y);
            (min, max) = (min.min(x), max.max(x));
        } else {
            non_finite += 1;
            non_finite_changed += u64::from(x != y && !(x.is_nan() && y.is_nan()));
        }
    }
    let (px, py) = (&px[..x.len()], &py[..x.len()]);
    let (sums, zeroed) = dispatch!(level, simd => sum_lanes::<_, ZEROED>(simd, px, py)).unwrap_or_default();
    let extremes = if non_finite < x.len() as u64 { (min + 0.0, max + 0.0) } else { (0.0, 0.0) };
    let sums = ErrorSums { non_finite, x_min: extremes.0, x_max: extremes.1, ..sums };
    PairSums { sums, zeroed, non_finite_changed }
}

/// Returns the index of the first pair with this |d|, which is not 0.
fn first_with(level: Level, abs_d: f64, x: &[f32], y: &[f32]) -> usize {
    // In f32 a run is searched in a third of the time. What is rounded there lies at most one step away.
    let least = (abs_d as f32).next_down();
    let differs = |(&x, &y): (&f32, &f32)| (f64::from(x) - f64::from(y)).abs() == abs_d;
    let mut next = 0;
    while let Some(run) = dispatch!(level, simd => run_near(simd, least, x, y, next)) {
        let start = run * RUN;
        let end = x.len().min(start + RUN);
        if let Some(i) = x[start..end].iter().zip(&y[start..end]).position(differs) {
            return start + i;
        }
        next = run + 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{levels, reference};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn real() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -9.0_f32..9.0, Just(0.0), Just(-0.0)]
    }

    /// The definition of the counts, and the reference of the sums.
    fn by_hand(x: &[f32], y: &[f32]) -> PairSums {
        let finite = |(x, y): &(f32, f32)| x.is_finite() && y.is_finite();
        let pairs = || x.iter().copied().zip(y.iter().copied());
        let changed = pairs().filter(|pair| !finite(pair)).filter(|(x, y)| x != y && !(x.is_nan() && y.is_nan()));
        PairSums {
            sums: reference::error_sums(x, y),
            zeroed: pairs().filter(finite).filter(|(x, y)| *x != 0.0 && *y == 0.0).count() as u64,
            non_finite_changed: changed.count() as u64,
        }
    }

    fn agrees(x: &[f32], y: &[f32]) -> Result<(), TestCaseError> {
        let want = alloc::format!("{:?}", by_hand(x, y));
        for level in levels() {
            let mut got = PairSums::default();
            got.follow::<true>(level, x, y);
            prop_assert_eq!(&alloc::format!("{got:?}"), &want, "{:?} {}", level, x.len());
            // A block at a time is the same.
            let mut got = PairSums::default();
            x.chunks(BLOCK).zip(y.chunks(BLOCK)).for_each(|(x, y)| got.follow::<true>(level, x, y));
            prop_assert_eq!(&alloc::format!("{got:?}"), &want, "{:?} {}", level, x.len());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn every_level_has_the_sums_and_counts_of_the_definition(
            pairs in prop_oneof![
                prop::collection::vec((real(), real()), 0..=33),
                prop::collection::vec((-9.0_f32..9.0, prop_oneof![Just(0.0), -9.0_f32..9.0]), 0..=33),
                prop::collection::vec((-9.0_f32..9.0, prop_oneof![Just(0.0), -9.0_f32..9.0]), 4080..8300),
            ],
            odd in (any::<usize>(), real()),
        ) {
            let (mut x, mut y): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            agrees(&x, &y)?;
            // One value in one of many.
            let at = odd.0 % x.len().max(1);
            let side = if odd.0 % 2 == 0 { &mut x } else { &mut y };
            side.iter_mut().skip(at).take(1).for_each(|x| *x = odd.1);
            agrees(&x, &y)?;
        }
    }
}
