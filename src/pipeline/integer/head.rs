//! The last function of an output, and how errors of its arguments go through it.

use crate::graph::{Attributes, Graph, Op, ValueId};
use ndarray::Array2;

/// An output that a softmax or a logistic function makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// Which output it is.
    pub(crate) output: usize,
    /// What the function is given.
    pub(crate) argument: ValueId,
    /// How many elements a row has.
    classes: usize,
    function: Function,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    /// eᵝˣ over the sum of them.
    Softmax { beta: f64 },
    /// 1 / (1 + e⁻ˣ).
    Logistic,
}

/// More classes than this would take a matrix of more than a few MiB.
const MOST_CLASSES: usize = 1024;

/// Returns the outputs of a signature that are such functions.
pub(crate) fn heads_of(graph: &Graph, signature: Option<&str>) -> Vec<Head> {
    let Some(signature) = graph.signature(signature) else { return Vec::new() };
    let subgraph = signature.subgraph;
    let Some(part) = graph.subgraphs.get(subgraph) else { return Vec::new() };
    let head = |(output, port): (usize, &crate::graph::Port)| {
        let operator = part.operators.get(part.producer(port.value)?)?;
        let function = match (operator.op, &operator.attributes) {
            (Op::Softmax, Attributes::Softmax { beta, .. }) => Function::Softmax { beta: (*beta).into() },
            (Op::Logistic, _) => Function::Logistic,
            _ => return None,
        };
        let classes = part.values.get(port.value)?.shape.as_ref()?.last().copied().flatten()?;
        let argument = ValueId { subgraph, value: operator.input(0)? };
        ((1..=MOST_CLASSES).contains(&classes)).then_some(Head { output, argument, classes, function })
    };
    signature.outputs.iter().enumerate().filter_map(head).collect()
}

/// How much errors of a function's arguments cost its results, as a mean over what the float model gives it.
#[derive(Clone, Debug)]
pub(crate) struct Sensitivity {
    pub(crate) head: Head,
    /// The sum of Jᵀ J, with J the derivative of a row's results.
    products: Array2<f64>,
    rows: usize,
    /// Sums of the squares of derivatives, and of the squares of these.
    weights: [f64; 2],
}

impl Sensitivity {
    /// Returns what has seen nothing.
    pub(crate) fn new(head: &Head) -> Self {
        let products = Array2::zeros((head.classes, head.classes));
        Self { head: *head, products, rows: 0, weights: [0.0; 2] }
    }

    /// Adds the arguments that the float model gives the function; a row whose results are no numbers tells nothing.
    ///
    /// Of a softmax J = β (diag p − p pᵀ), which gives Jᵀ J = β² (diag p² − p (p²)ᵀ − p² pᵀ + (Σ p²) p pᵀ), p² element by element.
    pub(crate) fn observe(&mut self, arguments: &[f32]) {
        for row in arguments.chunks_exact(self.head.classes) {
            let p = self.head.function.of(row);
            if p.iter().any(|p| !p.is_finite()) {
                continue;
            }
            let mut weight = 0.0;
            match self.head.function {
                Function::Softmax { beta } => {
                    let squares: f64 = p.iter().map(|p| p * p).sum();
                    for (i, (&a, mut products)) in p.iter().zip(self.products.rows_mut()).enumerate() {
                        for (j, (&b, sum)) in p.iter().zip(products.iter_mut()).enumerate() {
                            let diagonal = if i == j { a * a } else { 0.0 };
                            let product = beta * beta * (diagonal + a * b * (squares - a - b));
                            *sum += product;
                            weight += if i == j { product } else { 0.0 };
                        }
                    }
                }
                Function::Logistic => {
                    for (p, sum) in p.iter().zip(self.products.diag_mut()) {
                        let product = (p * (1.0 - p)).powi(2);
                        *sum += product;
                        weight += product;
                    }
                }
            }
            self.rows += 1;
            self.weights[0] += weight;
            self.weights[1] += weight * weight;
        }
    }

    /// Mixes what was observed with what is known of no sample: other samples have other classes in doubt. Both count the same.
    ///
    /// The second has the same trace: a multiple of 1 for each class, of a softmax without what shifts all of them alike.
    pub(crate) fn temper(&mut self) {
        let classes = self.head.classes as f64;
        let (mean, shift) = match self.head.function {
            Function::Softmax { .. } if classes > 1.0 => (self.products.diag().sum() / (classes - 1.0), 1.0 / classes),
            _ => (self.products.diag().sum() / classes, 0.0),
        };
        for ((i, j), product) in self.products.indexed_iter_mut() {
            *product = f64::midpoint(*product, mean * (f64::from(u8::from(i == j)) - shift));
        }
    }

    /// Returns over how many rows the results' errors are spread, if all arguments have the same: all, or 1 if one has all of them.
    pub(crate) fn spread(&self) -> f64 {
        let [sum, squares] = self.weights;
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    /// Returns by what the errors of each class are to be multiplied where only those within `bounds` have any, given rows of arguments
    /// of the float model: as if all had.
    pub(crate) fn scales<'a>(&self, rows: impl Iterator<Item = &'a [f32]>, (low, high): (f32, f32)) -> Vec<f64> {
        let classes = self.head.classes;
        let (mut within, mut count) = (vec![0_usize; classes], 0_usize);
        for row in rows.flat_map(|rows| rows.chunks_exact(classes)) {
            for (within, x) in within.iter_mut().zip(row) {
                *within += usize::from((low..=high).contains(x));
            }
            count += 1;
        }
        within.into_iter().map(|within| (count as f64 / within.max(1) as f64).sqrt()).collect()
    }

    /// Returns the squared error of results that is expected of a sample: the arguments in the float model, those in the candidate with
    /// the ends of their codes, and the candidate's results.
    ///
    /// What the ends cut off costs what it does. The other errors might have been those of any sample: they are carried through
    /// the mean derivative. Second comes what the results lose beside that, to the codes that they themselves are. Rows without results
    /// in the float model lose nothing.
    pub(crate) fn error(
        &self,
        wanted: &[f32],
        given: &[f32],
        results: &[f32],
        (low, high): (f32, f32),
        scales: &[f64],
    ) -> [f64; 2] {
        let classes = self.head.classes;
        let rows = wanted.chunks_exact(classes).zip(given.chunks_exact(classes)).zip(results.chunks_exact(classes));
        let (mut noise, mut own) = (0.0, 0.0);
        for ((wanted, given), results) in rows {
            let cut: Vec<f32> = wanted.iter().map(|x| x.clamp(low, high)).collect();
            if cut.iter().any(|x| !x.is_finite()) {
                continue;
            }
            if cut != wanted {
                let (x, y) = (self.head.function.of(wanted), self.head.function.of(&cut));
                if x.iter().any(|x| !x.is_finite()) {
                    continue;
                }
                noise += x.iter().zip(&y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
            }
            let errors = cut.iter().zip(given).zip(scales);
            let errors: Vec<f64> = errors.map(|((x, y), scale)| (f64::from(*y) - f64::from(*x)) * scale).collect();
            let carried = self
                .products
                .rows()
                .into_iter()
                .zip(&errors)
                .map(|(row, a)| a * row.iter().zip(&errors).map(|(product, b)| product * b).sum::<f64>());
            noise += carried.sum::<f64>() / self.rows.max(1) as f64;
            let exact = self.head.function.of(given);
            own += exact.iter().zip(results).map(|(x, y)| (x - f64::from(*y)).powi(2)).sum::<f64>();
        }
        [noise, own]
    }
}

impl Function {
    fn of(self, x: &[f32]) -> Vec<f64> {
        match self {
            Self::Softmax { beta } => {
                let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f64> = x.iter().map(|x| (beta * f64::from(x - largest)).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(|power| power / sum).collect()
            }
            Self::Logistic => x.iter().map(|x| 1.0 / (1.0 + (-f64::from(*x)).exp())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: [Function; 3] =
        [Function::Softmax { beta: 1.0 }, Function::Softmax { beta: 2.0 }, Function::Logistic];
    const EVERYWHERE: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

    fn sensitivity(function: Function, rows: &[f32]) -> Sensitivity {
        let argument = ValueId { subgraph: 0, value: 0 };
        let mut sensitivity = Sensitivity::new(&Head { output: 0, argument, classes: 3, function });
        sensitivity.observe(rows);
        sensitivity
    }

    #[test]
    fn small_errors_go_through_a_function_as_its_derivative_says() {
        for function in FUNCTIONS {
            let (x, y) = ([0.3_f32, -1.0, 0.7], [0.301_f32, -0.999, 0.698]);
            let exact: Vec<f32> = function.of(&y).iter().map(|&x| x as f32).collect();
            let measured: f64 = function.of(&x).iter().zip(function.of(&y)).map(|(a, b)| (a - b).powi(2)).sum();
            let expected = sensitivity(function, &x).error(&x, &y, &exact, EVERYWHERE, &[1.0; 3])[0];
            assert!((expected / measured - 1.0).abs() < 0.01, "{function:?}: {expected:e}, {measured:e}");
        }
    }

    #[test]
    fn rows_that_are_no_numbers_are_left_out() {
        for function in FUNCTIONS {
            let of = sensitivity(function, &[0.3, -1.0, 0.7, f32::NAN, 0.0, 1.0]);
            assert_eq!(of.rows, 1);
            let x = [0.3_f32, -1.0, 0.7, f32::INFINITY, f32::NAN, 0.0];
            let y = [0.4_f32, -1.0, 0.6, 1.0, 2.0, 3.0];
            let results = [0.0; 6];
            let both = of.error(&x, &y, &results, EVERYWHERE, &[1.0; 3]);
            assert_eq!(both, of.error(&x[..3], &y[..3], &results[..3], EVERYWHERE, &[1.0; 3]), "{function:?}");
            assert!(both.iter().all(|error| error.is_finite()));
            let bounded = of.error(&x, &y, &results, (-4.0, 4.0), &[1.0; 3]);
            assert!(bounded.iter().all(|error| error.is_finite()), "{function:?}: {bounded:?}");
        }
    }

    #[test]
    fn classes_that_no_sample_had_in_doubt_count_as_well() {
        for function in FUNCTIONS {
            let mut of_rows = sensitivity(function, &[1.0, 1.0, -30.0]);
            let trace = of_rows.products.diag().sum();
            let loss = |of: &Sensitivity, y: [f32; 3]| of.error(&[0.0; 3], &y, &[0.0; 3], EVERYWHERE, &[1.0; 3])[0];
            let without = loss(&of_rows, [0.0, 0.0, 0.1]);
            of_rows.temper();
            assert!((of_rows.products.diag().sum() / trace - 1.0).abs() < 1e-9);
            assert!(loss(&of_rows, [0.0, 0.0, 0.1]) > 10.0 * without);
            let is_softmax = matches!(function, Function::Softmax { .. });
            assert_eq!(is_softmax, loss(&of_rows, [0.1; 3]).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_cut_off_costs_what_it_does() {
        for function in FUNCTIONS {
            let (x, cut) = ([0.3_f32, -9.0, 0.7], [0.3_f32, -4.0, 0.7]);
            let exact: Vec<f32> = function.of(&cut).iter().map(|&x| x as f32).collect();
            let measured: f64 = function.of(&x).iter().zip(function.of(&cut)).map(|(a, b)| (a - b).powi(2)).sum();
            let of_rows = sensitivity(function, &[0.0, 0.0, 0.0, 0.3, -9.0, 0.7]);
            let [expected, own] = of_rows.error(&x, &cut, &exact, (-4.0, 4.0), &[1.0; 3]);
            assert!(own < 1e-12);
            assert!((expected - measured).abs() < 1e-9, "{function:?}: {expected:e}, {measured:e}");
            let scales = of_rows.scales([&[0.0, 0.0, 0.0, 0.3, -9.0, 0.7][..]].into_iter(), (-4.0, 4.0));
            assert_eq!(scales, [1.0, 2.0_f64.sqrt(), 1.0]);
        }
    }
}
