//! Two neighbours of an order, without sorting.
//!
//! A sample of the values tells between which two values the one of a rank almost certainly lies. (Floyd and Rivest, "Expected
//! time bounds for selection", 1975.) One pass counts what is below, and collects the few values between: if the rank is among
//! them, these are all that is looked at, else all values are. The sample is every so many-th value: what comes out is the
//! value of that rank in any case, and only the time depends on luck.

use crate::kernel;
use alloc::vec::Vec;

/// Fewer values are not sampled.
const FEW: usize = 4096;
/// One in so many values is in the sample, of which there are not more than [`MOST`].
const ONE_IN: usize = 64;
const MOST: usize = 4096;

/// Returns the values of the ranks `rank` and `rank + 1`, from 0, in ascending order; of a rank beyond, the largest.
///
/// Values must be finite, and at least one.
pub(super) fn neighbours(values: &[f32], rank: u64) -> (f32, f32) {
    let rank = (rank as usize).min(values.len() - 1);
    if values.len() > FEW
        && let Some(found) = in_bracket(values, rank)
    {
        return found;
    }
    select(values.to_vec(), rank)
}

/// Looks among the values between two of a sample.
fn in_bracket(values: &[f32], rank: usize) -> Option<(f32, f32)> {
    let mut sample: Vec<f32> = values.iter().copied().step_by((values.len() / MOST).max(ONE_IN)).collect();
    sample.sort_unstable_by(f32::total_cmp);
    let share = rank as f64 / values.len() as f64;
    let (n, middle) = (sample.len() as f64, share * sample.len() as f64);
    // Some deviations of a binomial distribution.
    let room = 4.0 * num_traits::Float::sqrt(n * share * (1.0 - share)) + 5.0;
    let low = if middle > room { sample[(middle - room) as usize] } else { f32::NEG_INFINITY };
    let high = sample.get((middle + room) as usize).copied().unwrap_or(f32::INFINITY);
    let mut between = Vec::with_capacity(values.len() / 16);
    let below = kernel::collect_between(kernel::detect(), values, low, high, &mut between) as usize;
    let at = rank.checked_sub(below)?;
    let last = below + between.len() == values.len();
    (at + 1 < between.len() || last && at < between.len()).then(|| select(between, at))
}

fn select(mut values: Vec<f32>, rank: usize) -> (f32, f32) {
    let (_, &mut value, above) = values.select_nth_unstable_by(rank, f32::total_cmp);
    let next = above.iter().copied().reduce(f32::min).unwrap_or(value);
    // Adding +0 makes +0 of −0.
    (value + 0.0, next + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rank_is_where_sorting_puts_it(
            values in prop::collection::vec(prop_oneof![-8.0_f32..8.0, any::<u32>().prop_map(f32::from_bits), Just(0.0), Just(1.0)], 1..300),
            copies in prop::sample::select(vec![1_usize, 40]), share in prop_oneof![0.0_f64..=1.0, Just(0.0), Just(1.0), Just(0.001)], sorted in any::<bool>(),
        ) {
            let finite = values.iter().copied().filter(|x| x.is_finite()).chain([0.5]);
            // Not all alike, and some of them the largest there are.
            let mut values: Vec<f32> = finite.cycle().take(copies * values.len()).collect();
            let mut want: Vec<f32> = values.iter().map(|x| x + 0.0).collect();
            want.sort_unstable_by(f32::total_cmp);
            if sorted {
                values.clone_from(&want);
            }
            let rank = (share * (values.len() - 1) as f64) as usize;
            let next = (rank + 1).min(values.len() - 1);
            prop_assert_eq!(neighbours(&values, rank as u64), (want[rank], want[next]));
        }
    }
}
