//! Walking a front by what real files come to.
//!
//! Errors of single tensors add up only about; a file that is run tells the truth. The walk starts where the prediction meets the
//! bound, and closes in on the smallest file that does, or on the best that is small enough, between what held and what did not.

use crate::error::Result;

/// What a file came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Its bytes, counted as the bound counts them.
    pub(crate) bytes: u64,
    /// How good it is: larger is better.
    pub(crate) quality: f64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// The fewest bytes at this quality or better.
    Quality(f64),
    /// The best quality at so many bytes or fewer.
    Bytes(u64),
}

impl Bound {
    /// Returns whether a file meets the bound.
    pub(crate) fn holds(self, measured: Measured) -> bool {
        match self {
            Self::Quality(least) => measured.quality >= least,
            Self::Bytes(most) => measured.bytes <= most,
        }
    }

    /// Returns whether `a` is to be preferred to `b`.
    pub(crate) fn prefers(self, a: Measured, b: Measured) -> bool {
        match (self.holds(a), self.holds(b), self) {
            (true, false, _) => true,
            (false, true, _) => false,
            (true, true, Self::Quality(_)) => (a.bytes, -a.quality) < (b.bytes, -b.quality),
            (true, true, Self::Bytes(_)) => (-a.quality, a.bytes as f64) < (-b.quality, b.bytes as f64),
            (false, false, Self::Quality(_)) => a.quality > b.quality,
            (false, false, Self::Bytes(_)) => a.bytes < b.bytes,
        }
    }
}

/// Returns the number of the best of `count` points, and what its file came to, after at most `evaluations` of them: the points
/// are in the order of a front, and `start` is where the bound is expected to be met. `None` without points.
///
/// # Errors
///
/// What `measure` returns.
pub(crate) fn walk(
    count: usize,
    start: usize,
    bound: Bound,
    evaluations: usize,
    measure: &mut dyn FnMut(usize) -> Result<Measured>,
) -> Result<Option<(usize, Measured)>> {
    let mut seen: Vec<(usize, Measured)> = Vec::new();
    // Points up to `low` are too bad (or small enough), those from `high` on good enough (or too large).
    let (mut low, mut high) = (None, None);
    let (mut next, mut stride) = (start.min(count.saturating_sub(1)), (count / 64).max(1));
    while count > 0 && seen.len() < evaluations.max(1) {
        let measured = measure(next)?;
        seen.push((next, measured));
        let is_past = match bound {
            Bound::Quality(_) => bound.holds(measured),
            Bound::Bytes(_) => !bound.holds(measured),
        };
        if is_past {
            high = Some(high.map_or(next, |high: usize| high.min(next)));
        } else {
            low = Some(low.map_or(next, |low: usize| low.max(next)));
        }
        next = match (low, high) {
            (Some(low), Some(high)) if low + 1 < high => low + (high - low) / 2,
            (Some(low), None) if low + 1 < count => (low + stride).min(count - 1),
            (None, Some(high)) if high > 0 => high.saturating_sub(stride),
            _ => break,
        };
        stride *= 2;
        // What is true of most points need not be of all: a point that was seen is not run again.
        if seen.iter().any(|(at, _)| *at == next) {
            break;
        }
    }
    Ok(seen.into_iter().reduce(|best, other| if bound.prefers(other.1, best.1) { other } else { best }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn the_walk_ends_at_the_first_point_that_holds() {
        let point = |at: usize| Measured { bytes: at as u64 * 10, quality: at as f64 };
        for (count, first) in [(1, 0), (7, 3), (1000, 1), (1000, 999), (100_000, 61_234)] {
            for start in [0, count / 2, count - 1] {
                let mut runs = 0;
                let found = walk(count, start, Bound::Quality(first as f64), 64, &mut |at| {
                    runs += 1;
                    Ok(point(at))
                });
                assert_eq!(found.unwrap().unwrap().0, first, "{count} {start}");
                assert!(runs <= 40, "{runs} runs for {count} {start}");
                let found = walk(count, start, Bound::Bytes(first as u64 * 10 + 5), 64, &mut |at| Ok(point(at)));
                assert_eq!(found.unwrap().unwrap().0, first, "{count} {start}");
            }
        }
    }

    #[test]
    fn what_cannot_be_reached_gives_the_best_there_is() {
        let point = |at: usize| Measured { bytes: at as u64 + 5, quality: at as f64 };
        assert_eq!(walk(10, 4, Bound::Quality(99.0), 64, &mut |at| Ok(point(at))).unwrap().unwrap().0, 9);
        assert_eq!(walk(10, 4, Bound::Bytes(2), 64, &mut |at| Ok(point(at))).unwrap().unwrap().0, 0);
        assert_eq!(walk(0, 0, Bound::Bytes(2), 64, &mut |at| Ok(point(at))).unwrap(), None);
    }
}
