//! The last function of an output, and how errors of its arguments go through it.

use crate::graph::{Attributes, Graph, Op, ValueId};
use ndarray::{Array2, ArrayD};

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
/// The most rows whose derivatives are looked at.
const MOST_ROWS: usize = 4096;

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

/// The errors of a function's arguments on samples, and what it does with them.
#[derive(Clone, Debug)]
pub(crate) struct Through {
    head: Head,
    /// The sum of products of the errors of each two classes.
    products: Array2<f64>,
    rows: usize,
    /// The function's values in the float model.
    values: Vec<Vec<f64>>,
    /// What outputs lose beside that: to the codes that they themselves are.
    own: f64,
}

impl Through {
    /// Returns what nothing has been added to.
    pub(crate) fn new(head: &Head) -> Self {
        let products = Array2::zeros((head.classes, head.classes));
        Self { head: *head, products, rows: 0, values: Vec::new(), own: 0.0 }
    }

    /// Adds a sample: the arguments in the float model and in the candidate, and the candidate's outputs.
    pub(crate) fn add(&mut self, wanted: &[f32], given: &[f32], outputs: &ArrayD<f32>) {
        let classes = self.head.classes;
        let outputs: Vec<f32> = outputs.iter().copied().collect();
        let rows = wanted.chunks_exact(classes).zip(given.chunks_exact(classes)).zip(outputs.chunks_exact(classes));
        for ((wanted, given), output) in rows {
            let errors: Vec<f64> = wanted.iter().zip(given).map(|(x, y)| f64::from(*y) - f64::from(*x)).collect();
            for (mut row, a) in self.products.rows_mut().into_iter().zip(&errors) {
                for (sum, b) in row.iter_mut().zip(&errors) {
                    *sum += a * b;
                }
            }
            self.rows += 1;
            let exact = self.head.function.of(given);
            self.own += exact.iter().zip(output).map(|(x, y)| (x - f64::from(*y)).powi(2)).sum::<f64>();
            if self.values.len() < MOST_ROWS {
                self.values.push(self.head.function.of(wanted));
            }
        }
    }

    /// Returns the SQNR in dB that is expected beside a signal of these squares; `None` before anything was added.
    ///
    /// With M the mean of δ δᵀ and J the derivative at a sample, E|J δ|² = tr(J M Jᵀ). Of a softmax J = β (diag p − p pᵀ), which gives
    /// β² Σ pᵢ² (Mᵢᵢ − 2 (M p)ᵢ + pᵀ M p).
    pub(crate) fn db(&self, signal: f64) -> Option<f64> {
        if self.rows == 0 {
            return None;
        }
        let mean = &self.products / self.rows as f64;
        let mut noise = 0.0;
        for p in &self.values {
            noise += match self.head.function {
                Function::Softmax { beta } => {
                    let products: Vec<f64> =
                        mean.rows().into_iter().map(|row| row.iter().zip(p).map(|(m, p)| m * p).sum()).collect();
                    let whole: f64 = products.iter().zip(p).map(|(m, p)| m * p).sum();
                    let terms = p.iter().zip(mean.diag()).zip(&products);
                    beta * beta * terms.map(|((p, m), mp)| p * p * (m - 2.0 * mp + whole)).sum::<f64>()
                }
                Function::Logistic => p.iter().zip(mean.diag()).map(|(p, m)| (p * (1.0 - p)).powi(2) * m).sum(),
            };
        }
        noise *= self.rows as f64 / self.values.len().max(1) as f64;
        noise += self.own;
        (noise > 0.0 && noise.is_finite() && signal > 0.0).then(|| 10.0 * (signal / noise).log10())
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

    #[test]
    fn small_errors_go_through_a_softmax_as_its_derivative_says() {
        let argument = ValueId { subgraph: 0, value: 0 };
        for function in [Function::Softmax { beta: 1.0 }, Function::Softmax { beta: 2.0 }, Function::Logistic] {
            let head = Head { output: 0, argument, classes: 3, function };
            let (x, y) = ([0.3_f32, -1.0, 0.7], [0.301_f32, -0.999, 0.698]);
            let exact: Vec<f32> = function.of(&y).iter().map(|&x| x as f32).collect();
            let mut through = Through::new(&head);
            through.add(&x, &y, &ndarray::arr1(&exact).into_dyn());
            let measured: f64 = function.of(&x).iter().zip(function.of(&y)).map(|(a, b)| (a - b).powi(2)).sum();
            let expected = through.db(1.0).map_or(0.0, |db| 10.0_f64.powf(-db / 10.0));
            assert!((expected / measured - 1.0).abs() < 0.01, "{function:?}: {expected:e}, {measured:e}");
        }
    }
}
