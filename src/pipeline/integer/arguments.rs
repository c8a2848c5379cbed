//! The ranges of what saturating functions are given: there, an error counts by what the function makes of it.

use crate::graph::{Attributes, Graph, Op, Operator, ValueId};
use crate::params::ValueRange;
use crate::recipe::integer::{Ranges, Width};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most elements of a value that are kept.
const MOST: usize = 4096;
/// The ends that are tried, as shares of the observed ones.
const SHARES: [f32; 15] = [1.0, 0.9, 0.8, 0.72, 0.64, 0.56, 0.5, 0.44, 0.38, 0.33, 0.28, 0.24, 0.2, 0.16, 0.12];
/// How often each end is looked for, beside the other one.
const ROUNDS: usize = 2;

/// A function that changes little where its arguments are large.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Logistic,
    Tanh,
    /// Of rows of so many elements.
    Softmax {
        beta: f64,
        classes: usize,
    },
}

impl Function {
    fn of(operator: &Operator, classes: Option<usize>) -> Option<Self> {
        match (operator.op, &operator.attributes) {
            (Op::Logistic, _) => Some(Self::Logistic),
            (Op::Tanh, _) => Some(Self::Tanh),
            (Op::Softmax, Attributes::Softmax { beta, .. }) => {
                let classes = classes.filter(|classes| (2..=MOST / 4).contains(classes))?;
                Some(Self::Softmax { beta: f64::from(*beta), classes })
            }
            _ => None,
        }
    }

    /// Returns what a function of single elements makes of one; 0 for others.
    fn of_element(self, x: f64) -> f64 {
        match self {
            Self::Logistic => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
            Self::Softmax { .. } => 0.0,
        }
    }

    fn row(self) -> usize {
        match self {
            Self::Softmax { classes, .. } => classes,
            Self::Logistic | Self::Tanh => 1,
        }
    }
}

/// Ranges of arguments, by the ends within which they were looked for.
type FoundRanges = BTreeMap<(ValueId, [u32; 2], Width), ValueRange>;

/// What threads have found.
#[derive(Debug, Default)]
struct Found(Mutex<FoundRanges>);

impl Found {
    fn ranges(&self) -> MutexGuard<'_, FoundRanges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Found {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.ranges().clone()))
    }
}

/// What some functions of a model were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    functions: BTreeMap<ValueId, Function>,
    seen: BTreeMap<ValueId, Seen>,
    /// What was found within a range: the same for most variants.
    found: Found,
}

/// Rows of an argument: every so many of those that were observed.
#[derive(Clone, Debug, Default)]
struct Seen {
    rows: Vec<f32>,
    step: usize,
    passed: usize,
}

impl Arguments {
    /// Returns the functions of a graph whose arguments nothing else takes.
    pub(crate) fn new(graph: &Graph) -> Self {
        let mut functions = BTreeMap::new();
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            for (value, users) in part.consumers().into_iter().enumerate() {
                let of_value = part.values.get(value);
                let classes = of_value.and_then(|v| v.shape.as_ref()?.last().copied().flatten());
                let mut found = users.iter().map(|(user, _)| Function::of(part.operators.get(*user)?, classes));
                let Some(Some(first)) = found.next() else { continue };
                if found.all(|other| other == Some(first)) && !part.outputs.contains(&value) {
                    functions.insert(ValueId { subgraph, value }, first);
                }
            }
        }
        Self { functions, ..Self::default() }
    }

    /// Returns the same without what was seen.
    pub(crate) fn fresh(&self) -> Self {
        Self { functions: self.functions.clone(), ..Self::default() }
    }

    /// Takes note of a value, if it is the argument of a function.
    pub(crate) fn observe(&mut self, id: ValueId, elements: &[f32]) {
        let Some(function) = self.functions.get(&id) else { return };
        self.found.ranges().clear();
        let seen = self.seen.entry(id).or_default();
        let length = function.row();
        for row in elements.chunks_exact(length) {
            if seen.passed.is_multiple_of(seen.step.max(1)) && row.iter().all(|x| x.is_finite()) {
                seen.rows.extend_from_slice(row);
            }
            seen.passed += 1;
            if seen.rows.len() > MOST {
                let kept: Vec<f32> = seen.rows.chunks_exact(length).step_by(2).flatten().copied().collect();
                seen.rows = kept;
                seen.step = 2 * seen.step.max(1);
            }
        }
    }

    /// Takes note of everything that `other` has kept.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.found.ranges().clear();
        for (id, of_other) in &other.seen {
            let seen = self.seen.entry(*id).or_default();
            seen.rows.extend_from_slice(&of_other.rows);
            seen.passed += of_other.passed;
            seen.step = seen.step.max(of_other.step);
        }
    }

    /// Puts in place of ranges those of which the functions' results lose least; also those of values that are only moved on the way to
    /// such functions.
    pub(crate) fn narrow(&self, graph: &Graph, ranges: &mut Ranges, width: Width) {
        let mut narrowed = Ranges::new();
        for (id, seen) in &self.seen {
            let (Some(function), Some(range)) = (self.functions.get(id), ranges.get(id)) else { continue };
            let key = (*id, [range.min(), range.max()].map(f32::to_bits), width);
            let known = self.found.ranges().get(&key).copied();
            let found = known.unwrap_or_else(|| best(*function, &seen.rows, *range, width));
            self.found.ranges().insert(key, found);
            narrowed.insert(*id, found);
        }
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            let consumers = part.consumers();
            // A value comes before those that are made of it: one pass from the end reaches all.
            for operator in part.operators.iter().rev() {
                let tied = operator.same_scale();
                for &value in operator.inputs.iter().flatten().filter(|value| tied.contains(value)) {
                    let id = |value: usize| ValueId { subgraph, value };
                    let Some(users) = consumers.get(value).filter(|_| !part.outputs.contains(&value)) else { continue };
                    let of_user = |&(user, _): &(usize, usize)| {
                        let user = part.operators.get(user)?;
                        let moves = user.op.moves_data() && user.same_scale().contains(&value);
                        let moves = moves
                            && user.inputs.iter().flatten().filter(|v| user.same_scale().contains(v)).count() == 1;
                        let outputs = user.outputs.iter().map(|&output| narrowed.get(&id(output)).copied());
                        if moves { outputs.collect::<Option<Vec<ValueRange>>>() } else { None }
                    };
                    let Some(found) = users.iter().map(of_user).collect::<Option<Vec<_>>>() else { continue };
                    let (low, high) =
                        found.iter().flatten().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), range| {
                            (low.min(range.min()), high.max(range.max()))
                        });
                    if let (Ok(range), true) = (ValueRange::new(low, high), ranges.contains_key(&id(value))) {
                        narrowed.insert(id(value), range);
                    }
                }
            }
        }
        ranges.extend(narrowed);
    }
}

/// Returns the range within another whose codes cost a function's results least.
fn best(function: Function, rows: &[f32], range: ValueRange, width: Width) -> ValueRange {
    let whole = range.with_zero();
    let results = Results::new(function, rows);
    let (mut low, mut high) = (whole.min(), whole.max());
    let mut least = results.error((low, high), width);
    for _ in 0..ROUNDS {
        for is_high in [true, false] {
            for share in SHARES {
                let ends = if is_high { (low, whole.max() * share) } else { (whole.min() * share, high) };
                let found = results.error(ends, width);
                // Less is left to chance if nothing is cut off without need.
                if found < 0.995 * least {
                    (least, (low, high)) = (found, ends);
                }
            }
        }
    }
    ValueRange::new(low, high).unwrap_or(range)
}

/// What a function makes of its arguments: the same for all ends that are tried.
struct Results<'a> {
    function: Function,
    rows: &'a [f32],
    exact: Vec<f64>,
}

impl<'a> Results<'a> {
    fn new(function: Function, rows: &'a [f32]) -> Self {
        let mut exact: Vec<f64> = rows.iter().map(|&x| function.of_element(x.into())).collect();
        if let Function::Softmax { beta, classes } = function {
            for (row, exact) in rows.chunks_exact(classes).zip(exact.chunks_exact_mut(classes)) {
                softmax(row, beta, (f32::NEG_INFINITY, f32::INFINITY), exact);
            }
        }
        Self { function, rows, exact }
    }

    /// Returns the squared error that is expected of the results: of arguments that are cut off as it is, of others by the function's
    /// derivative and Δ² / 12.
    fn error(&self, (low, high): (f32, f32), width: Width) -> f64 {
        let step = match width {
            Width::Int8 => f64::from(high - low) / 255.0,
            Width::Int16 => f64::from(high.max(-low)) / 32767.0,
        };
        let noise = step * step / 12.0;
        match self.function {
            Function::Logistic | Function::Tanh => {
                let of_ends = [low, high].map(|end| self.function.of_element(end.into()));
                let of_element = |(&x, &y): (&f32, &f64)| {
                    if x < low || x > high {
                        return (y - of_ends[usize::from(x > high)]).powi(2);
                    }
                    let slope = if self.function == Function::Tanh { 1.0 - y * y } else { y * (1.0 - y) };
                    noise * slope * slope
                };
                self.rows.iter().zip(&self.exact).map(of_element).sum()
            }
            Function::Softmax { beta, classes } => {
                let mut of_cut = vec![0.0; classes];
                let mut sum = 0.0;
                for (row, exact) in self.rows.chunks_exact(classes).zip(self.exact.chunks_exact(classes)) {
                    // A row of which nothing is cut off is what it was.
                    let is_within = row.iter().all(|x| (low..=high).contains(x));
                    let cut = if is_within {
                        exact
                    } else {
                        softmax(row, beta, (low, high), &mut of_cut);
                        sum += exact.iter().zip(&of_cut).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
                        &of_cut
                    };
                    let squares: f64 = cut.iter().map(|p| p * p).sum();
                    let slopes = row.iter().zip(cut).filter(|(x, _)| (low..=high).contains(*x));
                    let slopes: f64 = slopes.map(|(_, p)| p * p * (1.0 - 2.0 * p + squares)).sum();
                    sum += noise * beta * beta * slopes;
                }
                sum
            }
        }
    }
}

fn softmax(row: &[f32], beta: f64, (low, high): (f32, f32), out: &mut [f64]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max).clamp(low, high);
    let mut sum = 0.0;
    for (x, out) in row.iter().zip(out.iter_mut()) {
        *out = (beta * f64::from(x.clamp(low, high) - largest)).exp();
        sum += *out;
    }
    for out in out {
        *out /= sum;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn ends(function: Function, rows: &[f32]) -> (f32, f32) {
        let (low, high) = rows.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
        let range = best(function, rows, ValueRange::new(low, high).unwrap(), Width::Int8);
        (range.min(), range.max())
    }

    #[test]
    fn arguments_are_cut_off_where_the_function_is_flat() {
        let rows: Vec<f32> = (0..2000).map(|i| (i as f32 - 1000.0) / 30.0).collect();
        let (low, high) = ends(Function::Logistic, &rows);
        assert!(high < 12.0 && high > 5.0 && low > -12.0 && low < -5.0, "{low} {high}");
        let (low, high) = ends(Function::Tanh, &rows);
        assert!(high < 6.0 && high > 2.0 && low > -6.0 && low < -2.0, "{low} {high}");
    }

    #[test]
    fn classes_that_are_out_of_the_question_get_no_codes() {
        let function = Function::Softmax { beta: 1.0, classes: 3 };
        let rows: Vec<f32> = (0..300).flat_map(|i| [4.0 + (i % 7) as f32 * 0.3, 5.0, -40.0]).collect();
        let (low, high) = ends(function, &rows);
        assert!(low > -15.0 && high >= 5.5, "{low} {high}");
    }

    #[test]
    fn what_the_function_keeps_is_kept() {
        let rows: Vec<f32> = (0..500).map(|i| (i as f32 - 250.0) / 500.0).collect();
        assert_eq!(ends(Function::Logistic, &rows), (-0.5, 0.498));
    }
}
