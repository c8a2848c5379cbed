//! The divergence of a range of bins, to the bit and roughly.
//!
//! To the bit it takes a logarithm a bin. Roughly, it takes one a run, since all that is left is sums that are known
//! beforehand. With p and q smoothed but not yet divided by their sums P and Q, and e what a bin that is not empty gives away:
//!
//! ```text
//! Σ p/P · ln((p/P) / (q/Q)) = (Σ p ln p − Σ p ln q) / P − ln P + ln Q
//! Σ p ln q = Σ over runs of ln q · (Σ p in the run)                        q is the same in all bins of a run
//! (c − e) ln(c − e) = c ln c − e (ln c + 1) + e² / 2c − O(e³)              sums of c ln c, ln c and 1 / c are differences
//! ```
//!
//! Where e is too large for the series, hardly one bin in a hundred holds anything, and these are looked at one by one.
//!
//! Nor does an exact divergence take a logarithm for each of its bins: empty bins of one run have the same p and q, and so the
//! same term.

use super::log::ln;
use super::pairwise::sum;
use alloc::vec;
use alloc::vec::Vec;
use num_traits::Float;

/// What an empty bin is taken to hold.
const EPSILON: f64 = 1e-4;
/// Up to this e, what is left out of the series is below 2 · 10⁻⁷ in all.
const SMALL: f64 = 0.01;
/// Up to this e, c − e is as exact in f32 as a rough divergence needs it: c is at least 1.
const LARGE: f64 = 0.9;

/// The bins, and room for p and q.
struct Divergence<'a> {
    counts: &'a [u64],
    runs: usize,
    below: Vec<Below>,
    /// The counts that are not 0.
    filled: Vec<u64>,
    p: Vec<f32>,
    q: Vec<f32>,
    /// Of each run: the count that q spreads, and the sum of p.
    merged: Vec<(f64, f64)>,
}

/// Sums over the bins below one.
#[derive(Clone, Copy, Default)]
struct Below {
    count: u64,
    not_empty: u32,
    count_ln: f64,
    ln: f64,
    inverse: f64,
}

/// A rough divergence.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rough {
    /// Within [`margin`] of the exact one.
    About(f64),
    /// Not known: what bins give away is nearly all that some of them hold.
    Unknown,
}

/// By how much an exact divergence may differ from a rough one: the exact one is a pairwise sum of some thousand f32, each
/// off by a few units; the sum of their magnitudes is at most the divergence and 2 / e.
fn margin(divergence: f64) -> f64 {
    2e-5 * (1.0 + divergence.max(0.0))
}

/// Returns the bins of the range of least divergence, of those around the middle bin that have at least half of `runs` on each
/// side; of equal ones the narrowest.
///
/// Most ranges are far from the least: a rough divergence rules them out, and only the others are computed to the bit.
pub(super) fn least(counts: &[u64], runs: usize) -> (usize, usize) {
    let zero = counts.len() / 2;
    let candidates = (runs / 2..=zero).map(|i| (zero - i, (zero + i + 1).min(counts.len())));
    let mut divergence = Divergence::new(counts, runs);
    let rough: Vec<((usize, usize), Rough)> =
        candidates.map(|(start, end)| ((start, end), divergence.rough(start, end))).collect();
    let least = rough.iter().fold(f64::INFINITY, |least, &(_, rough)| match rough {
        Rough::About(rough) => least.min(rough),
        Rough::Unknown => least,
    });
    // The exact divergence of what may be the least.
    let worth_it = |rough: Rough| match rough {
        Rough::About(rough) => rough < f64::INFINITY && rough <= least + 2.0 * margin(least),
        Rough::Unknown => true,
    };
    let mut best = (f32::INFINITY, rough[0].0);
    for &((start, end), _) in rough.iter().filter(|&&(_, rough)| worth_it(rough)) {
        let exact = divergence.exact(start, end);
        if exact < best.0 {
            best = (exact, (start, end));
        }
    }
    best.1
}

impl<'a> Divergence<'a> {
    /// Of ranges of these bins, merged into `runs` quantized ones.
    fn new(counts: &'a [u64], runs: usize) -> Self {
        let mut sums = Below::default();
        let mut below = vec![sums];
        below.extend(counts.iter().map(|&count| {
            if count > 0 {
                let c = count as f64;
                let ln = Float::ln(c);
                sums.count = sums.count.saturating_add(count);
                sums.not_empty += 1;
                sums.count_ln += c * ln;
                sums.ln += ln;
                sums.inverse += 1.0 / c;
            }
            sums
        }));
        let (p, q) = (vec![0.0; counts.len()], vec![0.0; counts.len()]);
        let filled = counts.iter().copied().filter(|&count| count > 0).collect();
        Self { counts, runs, below, filled, p, q, merged: vec![(0.0, 0.0); runs] }
    }

    /// What p holds at the ends of a range: the ends' own counts, and what lies outside.
    fn ends(&self, start: usize, end: usize) -> (u64, u64) {
        let total = self.below.last().map_or(0, |all| all.count);
        (self.below[start + 1].count, total - self.below[end - 1].count)
    }

    /// What q has in each bin of run `k`, rounded down.
    fn spread(&self, start: usize, end: usize, k: usize) -> u64 {
        let run = (end - start) / self.runs;
        let first = start + k * run;
        let next = first + run;
        let until = if k + 1 == self.runs { end } else { next };
        let not_empty = self.not_empty_in_p(start, end, first, next);
        let merged = self.below[until].count - self.below[first].count;
        merged.checked_div(u64::from(not_empty)).unwrap_or(0)
    }

    /// How many bins from `first` to before `next` are not empty in p: at the ends of the range, what lies outside counts.
    fn not_empty_in_p(&self, start: usize, end: usize, first: usize, next: usize) -> u32 {
        let (at_start, at_end) = self.ends(start, end);
        let more_at_start = first == start && self.counts[start] == 0 && at_start > 0;
        let more_at_end = next == end && self.counts[end - 1] == 0 && at_end > 0;
        self.below[next].not_empty - self.below[first].not_empty + u32::from(more_at_start) + u32::from(more_at_end)
    }

    /// The divergence of the bins from `start` to before `end`, of which there are at least two, as numpy computes it.
    ///
    /// ∞ where nothing lies in them, or where so few hold anything that they cannot give ε to all others.
    fn exact(&mut self, start: usize, end: usize) -> f32 {
        let size = end - start;
        for (p, &count) in self.p.iter_mut().zip(&self.counts[start..end]) {
            *p = count as f32;
        }
        let (at_start, at_end) = self.ends(start, end);
        (self.p[0], self.p[size - 1]) = (at_start as f32, at_end as f32);

        let run = size / self.runs;
        self.q[run * self.runs..size].fill(0.0);
        for k in 0..if run == 0 { 0 } else { self.runs } {
            let spread = self.spread(start, end, k) as f32;
            self.q[k * run..(k + 1) * run].fill(spread);
        }

        let (Some(p_total), Some(q_total)) = (smooth(&mut self.p[..size]), smooth(&mut self.q[..size])) else {
            return f32::INFINITY;
        };
        // The terms take the place of p. Those of bins with the p and the q of the empty bin before are the same.
        let empty = EPSILON as f32;
        let term = |p: f32, q: f32| {
            let share = p / p_total;
            share * ln(share / (q / q_total))
        };
        let (mut q_of_empty, mut term_of_empty) = (f32::NAN, 0.0);
        for (p, &q) in self.p[..size].iter_mut().zip(&self.q[..size]) {
            if *p == empty {
                if q != q_of_empty {
                    (q_of_empty, term_of_empty) = (q, term(*p, q));
                }
                *p = term_of_empty;
            } else {
                *p = term(*p, q);
            }
        }
        sum(&self.p[..size])
    }

    /// The same but for rounding.
    fn rough(&mut self, start: usize, end: usize) -> Rough {
        let (size, run) = (end - start, (end - start) / self.runs);
        let total = self.below.last().map_or(0, |all| all.count) as f64;
        let not_empty = f64::from(self.not_empty_in_p(start, end, start, end));
        let empty = size as f64 - not_empty;
        let given = EPSILON * empty / not_empty;
        if run == 0 || total == 0.0 {
            return Rough::About(f64::INFINITY);
        }
        if given > LARGE {
            return if given >= 1.0 { Rough::About(f64::INFINITY) } else { Rough::Unknown };
        }
        let (mut spread_over, mut q_total) = (0, 0.0);
        for k in 0..self.runs {
            let (first, spread) = (start + k * run, self.spread(start, end, k) as f64);
            let next = first + run;
            let not_empty = f64::from(self.not_empty_in_p(start, end, first, next));
            let mut p = (self.below[next].count - self.below[first].count) as f64 - given * not_empty;
            p += EPSILON * (run as f64 - not_empty);
            self.merged[k] = (spread, p);
            spread_over += if spread > 0.0 { run } else { 0 };
            q_total += spread * run as f64;
        }
        let given_by_q = EPSILON * (size - spread_over) as f64 / spread_over as f64;
        if given_by_q > LARGE || spread_over == 0 {
            let none = given_by_q >= 1.0 || spread_over == 0;
            return if none { Rough::About(f64::INFINITY) } else { Rough::Unknown };
        }
        // Outside counts go to the ends, which are in the first run and in the last, or in the remainder.
        let (at_start, at_end) = self.ends(start, end);
        self.merged[0].1 += (at_start - self.counts[start]) as f64;
        if run * self.runs == size {
            self.merged[self.runs - 1].1 += (at_end - self.counts[end - 1]) as f64;
        }
        let (mut p_ln_q, mut left) = (0.0, total);
        for &(spread, p) in self.merged.iter().filter(|(spread, _)| *spread > 0.0) {
            p_ln_q += p * Float::ln(spread - given_by_q);
            left -= p;
        }
        p_ln_q += left * Float::ln(EPSILON);

        let mut p_ln_p = self.inner_p_ln_p(start, end, given) + empty * EPSILON * Float::ln(EPSILON);
        for end in [at_start, at_end].into_iter().filter(|&end| end > 0) {
            p_ln_p += (end as f64 - given) * Float::ln(end as f64 - given);
        }
        Rough::About((p_ln_p - p_ln_q) / total - Float::ln(total) + Float::ln(q_total))
    }

    /// Returns the sum of (c − e) ln(c − e) over the bins of a range that are not empty, without its ends.
    fn inner_p_ln_p(&self, start: usize, end: usize, given: f64) -> f64 {
        let (low, high) = (self.below[start + 1], self.below[end - 1]);
        if given > SMALL {
            let filled = &self.filled[low.not_empty as usize..high.not_empty as usize];
            return filled.iter().map(|&count| (count as f64 - given) * Float::ln(count as f64 - given)).sum();
        }
        let inner = f64::from(high.not_empty - low.not_empty);
        let sum = high.count_ln - low.count_ln - given * (high.ln - low.ln + inner);
        sum + given * given / 2.0 * (high.inverse - low.inverse)
    }
}

/// Gives every zero ε, taken in equal parts from the others, and returns the sum.
///
/// `None` if there are only zeros, or too many.
fn smooth(values: &mut [f32]) -> Option<f32> {
    let zeros = values.iter().filter(|&&x| x == 0.0).count();
    let share = EPSILON * zeros as f64 / (values.len() - zeros) as f64;
    if share >= 1.0 || zeros == values.len() {
        return None;
    }
    let (epsilon, share) = (EPSILON as f32, share as f32);
    for x in values.iter_mut() {
        *x = if *x == 0.0 { epsilon } else { *x - share };
    }
    Some(sum(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As it is defined: a logarithm for each bin.
    fn bin_by_bin(divergence: &mut Divergence<'_>, start: usize, end: usize) -> f32 {
        let size = end - start;
        let run = size / divergence.runs;
        let (at_start, at_end) = divergence.ends(start, end);
        let mut p: Vec<f32> = divergence.counts[start..end].iter().map(|&count| count as f32).collect();
        (p[0], p[size - 1]) = (at_start as f32, at_end as f32);
        let spread = |i: usize| i.checked_div(run).filter(|&k| k < divergence.runs);
        let mut q: Vec<f32> =
            (0..size).map(|i| spread(i).map_or(0.0, |k| divergence.spread(start, end, k) as f32)).collect();
        let (Some(p_total), Some(q_total)) = (smooth(&mut p), smooth(&mut q)) else { return f32::INFINITY };
        let terms = p.iter().zip(&q).map(|(p, q)| p / p_total * ln(p / p_total / (q / q_total)));
        sum(&terms.collect::<Vec<f32>>())
    }

    /// Checks every range that could be asked for, and the best of them.
    fn check(counts: &[u64], runs: usize) -> Result<(), TestCaseError> {
        let mut divergence = Divergence::new(counts, runs);
        let zero = counts.len() / 2;
        let mut best = (f32::INFINITY, None);
        for i in runs / 2..=zero {
            let (start, end) = (zero - i, (zero + i + 1).min(counts.len()));
            if end - start < 2 {
                continue;
            }
            let (exact, rough) = (divergence.exact(start, end), divergence.rough(start, end));
            prop_assert_eq!(exact.to_bits(), bin_by_bin(&mut divergence, start, end).to_bits());
            if exact < best.0 {
                best = (exact, Some((start, end)));
            }
            match rough {
                Rough::Unknown => {}
                Rough::About(rough) if exact == f32::INFINITY => prop_assert_eq!(rough, f64::INFINITY),
                Rough::About(rough) => {
                    let off = (rough - f64::from(exact)).abs();
                    prop_assert!(off <= margin(rough) / 2.0, "{}..{}: {} and {}", start, end, exact, rough);
                }
            }
        }
        // What the search leaves out is never the least.
        if let Some(best) = best.1 {
            prop_assert_eq!(least(counts, runs), best);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_rough_divergence_of_few_filled_bins_is_within_half_the_margin_too(
            filled in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![1_u64..4, 1_u64..100_000]), 1..20),
            bins in 8_usize..1500,
            runs in 2_usize..9,
        ) {
            let mut counts = vec![0; bins];
            for (at, count) in filled {
                counts[at.index(bins)] = count;
            }
            check(&counts, runs)?;
        }

        #[test]
        fn the_rough_divergence_is_within_half_the_margin(
            counts in prop::collection::vec(prop_oneof![Just(0_u64), 1_u64..9, 0_u64..100_000], 8..300),
            runs in 2_usize..8,
        ) {
            check(&counts, runs)?;
        }
    }
}
