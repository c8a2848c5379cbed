//! Choices next to the best.

use crate::search::{Bound, Choice, Measured};

/// The most choices that are compared with the best.
const NEIGHBOURS: usize = 1 << 10;

/// Returns choices that differ from the best in one tensor or two and may be better, those first that are expected to hold by most.
pub(super) fn neighbours(best: &[usize], tensors: &[Vec<Choice>], bound: Bound, now: Measured) -> Vec<Vec<usize>> {
    let of = |(at, option): (usize, usize)| tensors[at][option];
    let here = |at: usize| of((at, best[at]));
    let bytes: u64 = (0..best.len()).map(|at| here(at).bytes).sum();
    let error: f64 = (0..best.len()).map(|at| here(at).error).sum();
    // A change of the second tensor that is that of the first is none.
    let mut found: Vec<(f64, [(usize, usize); 2])> = Vec::new();
    let mut consider = |changes: [(usize, usize); 2]| {
        let several = &changes[..if changes[0] == changes[1] { 1 } else { 2 }];
        let (mut other, mut with) = (bytes, error);
        for &change in several {
            other = other - here(change.0).bytes + of(change).bytes;
            with = with - here(change.0).error + of(change).error;
        }
        // What is left of errors that cancel is not less than nothing.
        let change = 10.0 * (error / with.max(error * f64::EPSILON)).log10();
        let key = match bound {
            Bound::Quality(least) if other < bytes && now.quality + change >= least - 1.0 => change,
            Bound::Bytes(most) if now.bytes + other <= most + bytes && change > -0.5 => change,
            _ => return,
        };
        found.push((key, changes));
        if found.len() == 8 * NEIGHBOURS {
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            found.truncate(NEIGHBOURS);
        }
    };
    let others =
        |at: usize| (0..tensors[at].len()).filter(move |&option| option != best[at]).map(move |option| (at, option));
    for a in 0..best.len() {
        for first in others(a) {
            consider([first, first]);
            for second in (a + 1..best.len()).flat_map(others) {
                consider([first, second]);
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let choices = |changes: [(usize, usize); 2]| {
        let mut choices = best.to_vec();
        for (at, option) in changes {
            choices[at] = option;
        }
        choices
    };
    found.into_iter().take(NEIGHBOURS).map(|(_, changes)| choices(changes)).collect()
}
