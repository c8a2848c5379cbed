//! Operators that move elements, backwards.

use super::super::compute;
use super::{Back, Gradients};
use crate::call::Call;
use crate::tensor::{Data, Reason, Tensor};

/// Runs the operator on the numbers of its inputs' elements, from 1 on; 0 is what it adds itself.
pub(super) fn moved(back: &Back<'_>) -> Result<Gradients, Reason> {
    let mut next = 1_usize;
    let mut firsts = vec![None; back.call.inputs.len()];
    let mut inputs = back.call.inputs.to_vec();
    for (first, input) in firsts.iter_mut().zip(&mut inputs) {
        let Some(tensor) = input else { continue };
        let Data::F32(_) = tensor.data() else { continue };
        let end = next + tensor.len();
        i32::try_from(end).map_err(|_| format!("{end} elements are too many"))?;
        *first = Some((next, tensor.len()));
        *tensor = Tensor::of(tensor.shape().to_vec(), (next as i32..end as i32).collect())?;
        next = end;
    }
    let compute = compute(back.call.operator.op).ok_or("this runner lacks it")?;
    let outputs = compute(&Call { inputs: &inputs, grid: None, ..*back.call })?;
    let mut sums = vec![0.0_f32; next];
    for (output, gradient) in outputs.iter().zip(back.gradients) {
        let Some(gradient) = gradient else { continue };
        for (&at, g) in output.elements::<i32>()?.iter().zip(gradient) {
            sums[at as usize] += g;
        }
    }
    let of_input = |(number, first): (usize, Option<(usize, usize)>)| {
        let (first, len) = first.filter(|_| back.is_wanted(number))?;
        Some(sums[first..first + len].to_vec())
    };
    Ok(firsts.into_iter().enumerate().map(of_input).collect())
}
