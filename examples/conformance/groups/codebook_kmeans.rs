//! The optimal codebook.

use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::block::optimal_codebook;

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    if case.op != "codebook_optimal" {
        return None;
    }
    let x = case.f32s("x")?;
    let codebook = optimal_codebook(x, None, usize::try_from(case.integer("k")?).ok()?);
    let square = |x: f32| {
        let distances = codebook.iter().map(|&c| (f64::from(x) - f64::from(c)).powi(2));
        distances.fold(f64::INFINITY, f64::min)
    };
    Some(Outputs::default().with("sse", Values::F64(vec![x.iter().map(|&x| square(x)).sum()])))
}
