//! The exact Pareto front of choices that add up: what each tensor may become, at how many bytes and with how much error.

/// What a tensor may become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    /// The bytes that it takes.
    pub(crate) bytes: u64,
    /// The error that it adds to the outputs, as a share of their power.
    pub(crate) error: f64,
}

/// A choice for each tensor of which no other has both fewer bytes and less error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// The bytes of all tensors.
    pub(crate) bytes: u64,
    /// The sum of their errors.
    pub(crate) error: f64,
    /// The number of each tensor's choice.
    pub(crate) choices: Vec<usize>,
}

/// The most points that are kept after each tensor, of few tensors: beyond it, those that differ least in bytes from a better one go.
const MOST: usize = 1 << 17;
/// The most points of all tensors together: a point of the front has a choice for each tensor, and a step behind each.
const MOST_TOGETHER: usize = 1 << 21;

/// A point while tensors are added: the choice for the last tensor, and the point without it.
#[derive(Clone, Copy, Debug)]
struct Step {
    bytes: u64,
    error: f64,
    choice: u32,
    before: u32,
}

/// Returns the front of all choices, from the fewest bytes to the least error.
///
/// Tensors are added one after the other, and what is dominated is dropped at once: nothing that is dominated now becomes part of
/// the front later, so the front is exact as long as no more than 131,072 points are in it, or of more than 16 tensors 2²¹ divided by
/// their number. Beyond that, points are thinned out by bytes. Of equal points, the one with the earlier choices stays. Errors that are NaN count as infinite.
pub(crate) fn front(tensors: &[Vec<Choice>]) -> Vec<Point> {
    let most = (MOST_TOGETHER / tensors.len().max(1)).clamp(1 << 10, MOST);
    let mut steps: Vec<Vec<Step>> = vec![vec![Step { bytes: 0, error: 0.0, choice: 0, before: 0 }]];
    for choices in tensors {
        let last = steps.last().map_or(&[][..], Vec::as_slice);
        let mut all = Vec::with_capacity(last.len() * choices.len());
        for (before, step) in last.iter().enumerate() {
            for (choice, option) in choices.iter().enumerate() {
                let error = if option.error.is_nan() { f64::INFINITY } else { option.error };
                let (bytes, error) = (step.bytes.saturating_add(option.bytes), step.error + error);
                all.push(Step { bytes, error, choice: choice as u32, before: before as u32 });
            }
        }
        steps.push(thinned(undominated(all), most));
    }
    let Some(last) = steps.last() else { return Vec::new() };
    let point = |end: &Step| {
        let (mut choices, mut at) = (Vec::with_capacity(tensors.len()), *end);
        for before in steps.iter().rev().skip(1) {
            choices.push(at.choice as usize);
            at = before[at.before as usize];
        }
        choices.reverse();
        Point { bytes: end.bytes, error: end.error, choices }
    };
    last.iter().map(point).collect()
}

/// Returns the steps of which no other has fewer or as many bytes and less or as much error, by bytes.
fn undominated(mut all: Vec<Step>) -> Vec<Step> {
    all.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(a.error.total_cmp(&b.error)));
    let mut least = f64::INFINITY;
    let mut is_first = true;
    all.retain(|step| {
        let is_better = step.error < least || is_first;
        is_first = false;
        if is_better {
            least = step.error;
        }
        is_better
    });
    all
}

/// Returns at most so many steps: the best of each of as many equal spans of bytes, and the two ends.
fn thinned(steps: Vec<Step>, most: usize) -> Vec<Step> {
    let (Some(first), Some(last)) = (steps.first().copied(), steps.last().copied()) else { return steps };
    if steps.len() <= most {
        return steps;
    }
    let width = (last.bytes - first.bytes).div_ceil(most as u64 - 2).max(1);
    let mut kept: Vec<Step> = vec![first];
    // Errors fall as bytes rise, so the last of a span is its best.
    for pair in steps.windows(2) {
        if (pair[0].bytes - first.bytes) / width != (pair[1].bytes - first.bytes) / width {
            kept.push(pair[0]);
        }
    }
    kept.push(last);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, by trying everything.
    fn naive(tensors: &[Vec<Choice>]) -> Vec<(u64, f64)> {
        let mut all = vec![(0_u64, 0.0_f64)];
        for choices in tensors {
            let with = |&(bytes, error): &(u64, f64)| choices.iter().map(move |c| (bytes + c.bytes, error + c.error));
            all = all.iter().flat_map(with).collect();
        }
        let is_best = |&(bytes, error): &(u64, f64)| {
            !all.iter().any(|&(b, e)| b <= bytes && e <= error && (b, e) != (bytes, error))
        };
        let mut best: Vec<(u64, f64)> = all.iter().copied().filter(is_best).collect();
        best.sort_by_key(|a| a.0);
        best.dedup();
        best
    }

    #[test]
    fn the_front_is_that_of_trying_everything() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for tensors in 0..6 {
            for _ in 0..20 {
                let mut choice = || Choice { bytes: random(50), error: random(64) as f64 / 64.0 };
                let choices: Vec<Vec<Choice>> = (0..tensors).map(|_| (0..3).map(|_| choice()).collect()).collect();
                let found = front(&choices);
                let ends: Vec<(u64, f64)> = found.iter().map(|point| (point.bytes, point.error)).collect();
                assert_eq!(ends, naive(&choices));
                for point in found {
                    let of = |f: fn(&Choice) -> f64| {
                        point.choices.iter().zip(&choices).map(|(&c, of)| f(&of[c])).sum::<f64>()
                    };
                    assert_eq!((of(|c| c.bytes as f64), of(|c| c.error)), (point.bytes as f64, point.error));
                }
            }
        }
    }

    #[test]
    fn many_points_are_thinned_out_and_the_ends_stay() {
        let tensor = |i: u32| vec![Choice { bytes: 0, error: f64::from(1 << i) }, Choice { bytes: 1 << i, error: 0.0 }];
        let found = front(&(0..20).map(tensor).collect::<Vec<_>>());
        assert!(found.len() <= MOST + 1);
        assert_eq!((found.first().map(|p| p.bytes), found.last().map(|p| p.error)), (Some(0), Some(0.0)));
    }

    #[test]
    fn an_error_that_is_no_number_is_chosen_only_where_there_is_nothing_else() {
        let nan = Choice { bytes: 1, error: f64::NAN };
        let found = front(&[vec![nan], vec![Choice { bytes: 1, error: 0.5 }]]);
        assert_eq!((found.len(), found[0].error), (1, f64::INFINITY));
    }
}
