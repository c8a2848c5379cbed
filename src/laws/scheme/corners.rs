//! The tensors that every law is tried on first, always the same.

use super::probe::{Probe, Spots};
use crate::laws::quantization_method::Subject;
use crate::laws::strategies::Tensor;
use crate::params::Granularity;

/// Returns the shape of a tensor of one group, or of as few as may be.
pub(super) fn shape_of(granularity: Granularity, len: usize) -> Vec<usize> {
    match granularity {
        Granularity::Tensor => vec![len],
        Granularity::Axis(axis) => [vec![1; axis + 1], vec![len]].concat(),
        Granularity::Block { axis, .. } => [vec![1; axis], vec![len]].concat(),
        Granularity::Blocks(blocks) => [vec![1; blocks.lengths().len() - 1], vec![len]].concat(),
    }
}

/// Returns the ends of the codes, relative to their middle: of a tensor from one to the other most schemes have a scale of 1.
fn ends(subject: &Subject<'_>) -> [f32; 2] {
    let codes = subject.codes();
    let middle = f64::from(codes.middle());
    let clamped = |end: f64| (end - middle).clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
    [clamped(codes.min()), clamped(codes.max())]
}

/// Returns quotients at ties and beside them, near zero and at both ends of the codes, and those that no integer type holds.
pub(super) fn quotients(subject: &Subject<'_>) -> Vec<f32> {
    let halves = (0..=9).map(|k| k as f32 / 2.0);
    // Halfway between 1 and the next number, of floats with 1 to 10 bits behind the point.
    let ties_of_floats = (1..=10).map(|bits| 1.0 + 2.0_f32.powi(-bits - 1));
    let far = [2.0_f32.powi(23), 2.0_f32.powi(31), 1e10, f32::MAX.next_down()].into_iter();
    let of_both_signs = halves.chain(ties_of_floats).chain(far).flat_map(|x| [x, -x]);
    let at_the_ends = ends(subject).into_iter().flat_map(|end| [-1.0, -0.5, 0.0, 0.5, 1.0].map(|beyond| end + beyond));
    let beside = of_both_signs.chain(at_the_ends).flat_map(|x| [x.next_down(), x, x.next_up()]);
    beside.chain([f32::INFINITY, f32::NEG_INFINITY]).collect()
}

fn tensor(subject: &Subject<'_>, values: &[f32], len: usize) -> Tensor {
    let values: Vec<f32> = values.iter().copied().cycle().take(len.max(values.len())).collect();
    Tensor::new(&shape_of(subject.granularity(), values.len()), values)
}

/// Returns tensors whose scale is 1, of one sign, constant, zero, with one value that is far from the others, and at the ends of
/// f32.
pub(super) fn tensors(subject: &Subject<'_>) -> Vec<Tensor> {
    let (tiny, least, outlier) = (f32::from_bits(1), f32::MIN_POSITIVE, 1000.0);
    let lists: [&[f32]; 17] = [
        &ends(subject),
        &[-1.0, 1.0, 0.5],
        &[0.0, -0.0, 0.0],
        &[1.0; 3],
        &[-0.1; 3],
        &[1.0, 2.0, 1.5],
        &[-2.0, -1.0],
        &[0.01, -0.02, 0.03, 0.0, outlier],
        &[0.0, -0.0, 0.25, 0.0],
        &[f32::MIN, f32::MAX],
        &[0.0, 1.0, f32::MAX],
        &[f32::MIN, -1e38],
        &[f32::MAX; 3],
        &[tiny],
        &[-tiny, tiny],
        &[least, -least, 0.0],
        &[1e-38, 1.0],
    ];
    lists.iter().map(|values| tensor(subject, values, 0)).collect()
}

/// Returns those whose values neither overflow nor are subnormal, whatever power of two up to 2^±20 they are multiplied by.
pub(super) fn ordinary(subject: &Subject<'_>) -> Vec<Tensor> {
    let is_ordinary = |x: &f32| *x == 0.0 || (1e-6..1e6).contains(&x.abs());
    tensors(subject).into_iter().filter(|tensor| tensor.values().iter().all(is_ordinary)).collect()
}

/// Returns each of the tensors with points to map: the first two with room for all points.
pub(super) fn probes(subject: &Subject<'_>) -> Vec<Probe> {
    let points: Vec<(f32, i8)> = quotients(subject).iter().map(|&quotient| (quotient, 0)).collect();
    let mut tensors = tensors(subject);
    for tensor in &mut tensors[..2] {
        *tensor = self::tensor(subject, tensor.values(), points.len());
    }
    tensors.into_iter().map(|tensor| Probe { tensor, points: points.clone() }).collect()
}

/// Returns the tensors with what is not finite in place of the first or the last element, where that leaves each group another.
pub(super) fn spots(subject: &Subject<'_>) -> Vec<Spots> {
    let at = |tensor: Tensor| {
        let last = tensor.values().len() - 1;
        [0, last].map(|at| Spots::new(tensor.clone(), vec![at], subject.granularity()))
    };
    tensors(subject).into_iter().flat_map(at).flatten().collect()
}
