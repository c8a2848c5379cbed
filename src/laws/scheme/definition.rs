//! What quantization is, one element at a time and in plain arithmetic: what the laws judge by.

use crate::laws::quantization_method::Subject;
use crate::laws::strategies::Tensor;
use crate::num::Scaling;
use crate::params::{AffineParams, Granularity, NanPolicy, QuantParams};

/// Returns how many groups a tensor has, from the definition of its granularity; `None` for an axis that is not there.
pub(super) fn groups(granularity: Granularity, shape: &[usize]) -> Option<usize> {
    match granularity {
        Granularity::Tensor => Some(1),
        Granularity::Axis(axis) => shape.get(axis).copied(),
        Granularity::Block { axis, size } => {
            let blocks = shape.get(axis)?.div_ceil(size.max(1));
            Some(shape.iter().enumerate().map(|(k, &n)| if k == axis { blocks } else { n }).product())
        }
        Granularity::Blocks(blocks) if blocks.lengths().len() == shape.len() => {
            Some(shape.iter().zip(blocks.lengths()).map(|(&n, &size)| n.div_ceil(size)).product())
        }
        Granularity::Blocks(_) => None,
    }
}

/// Returns the index along each axis of the element at a position in row-major order.
pub(super) fn index_of(position: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = position;
    let mut index = vec![0; shape.len()];
    for (i, &n) in index.iter_mut().zip(shape).rev() {
        *i = rest % n.max(1);
        rest /= n.max(1);
    }
    index
}

/// Returns the group of the element at a position in row-major order.
pub(super) fn group_of(granularity: Granularity, shape: &[usize], position: usize) -> usize {
    let index = index_of(position, shape);
    match granularity {
        Granularity::Tensor => 0,
        Granularity::Axis(axis) => index[axis],
        Granularity::Block { axis, size } => {
            let size = size.max(1);
            index.iter().zip(shape).enumerate().fold(0, |group, (k, (&i, &n))| {
                let (i, n) = if k == axis { (i / size, n.div_ceil(size)) } else { (i, n) };
                group * n + i
            })
        }
        Granularity::Blocks(blocks) => {
            let axes = index.iter().zip(shape).zip(blocks.lengths());
            axes.fold(0, |group, ((&i, &n), &size)| group * n.div_ceil(size) + i / size)
        }
    }
}

/// Returns the positions of the elements of each group.
pub(super) fn members(granularity: Granularity, shape: &[usize]) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); groups(granularity, shape).unwrap_or(0)];
    for i in 0..shape.iter().product() {
        members[group_of(granularity, shape, i)].push(i);
    }
    members
}

/// Returns the parameters of the group of each element.
pub(super) fn params_of_each(
    params: &QuantParams,
    granularity: Granularity,
    shape: &[usize],
) -> Option<Vec<AffineParams>> {
    (0..shape.iter().product()).map(|i| params.group(group_of(granularity, shape, i))).collect()
}

/// Returns `(x − offset) / scale` in f64, where the scale has not rounded it.
pub(super) fn exact_quotient(x: f32, params: AffineParams) -> f64 {
    (f64::from(x) - f64::from(params.offset())) / f64::from(params.scale())
}

/// Returns `scale · (code − zero_point) + offset` in f64.
pub(super) fn real_of(code: f64, params: AffineParams) -> f64 {
    (code - f64::from(params.zero_point())) * f64::from(params.scale()) + f64::from(params.offset())
}

/// Returns the quotient as f32 arithmetic gives it, by the scaling that is promised.
fn quotient(x: f32, params: AffineParams, scaling: Scaling) -> f32 {
    let shifted = if params.offset() == 0.0 { x } else { x - params.offset() };
    match scaling {
        Scaling::Divide => shifted / params.scale(),
        Scaling::Reciprocal => shifted * (1.0 / params.scale()).min(f32::MAX),
    }
}

/// Returns `clamp(round(x / scale) + zero_point, qmin, qmax)`; NaN by the policy.
pub(super) fn code_of(subject: &Subject<'_>, x: f32, params: AffineParams, index: u64) -> f64 {
    let codes = subject.codes();
    let zero_point = f64::from(params.zero_point());
    if x.is_nan() {
        return match subject.nan_policy() {
            NanPolicy::Native if codes.is_integer() => codes.min(),
            NanPolicy::Native => f64::NAN,
            _ => zero_point,
        };
    }
    let quotient = quotient(x, params, subject.scaling());
    if codes.is_integer() {
        return (f64::from(subject.round(quotient, index)) + zero_point).clamp(codes.min(), codes.max());
    }
    let quotient = f64::from(quotient).clamp(codes.min(), codes.max());
    let (below, above) = neighbours(subject, quotient);
    if below == above || quotient.is_infinite() {
        return quotient;
    }
    // Between two neighbours the codes are whole multiples of their distance, a power of two.
    let step = above - below;
    let rounded = f64::from(subject.round((quotient / step) as f32, index)) * step;
    let largest = subject.floats().last().copied().unwrap_or(f64::MAX);
    if rounded.abs() > largest { f64::INFINITY.copysign(rounded) } else { rounded }
}

/// Returns the quotients of the codes on both sides of a quotient that no code exceeds: equal where it is that of a code.
pub(super) fn neighbours(subject: &Subject<'_>, quotient: f64) -> (f64, f64) {
    let floats = subject.floats();
    let (Some(&smallest), Some(&largest)) = (floats.first(), floats.last()) else {
        return (quotient.floor(), quotient.ceil());
    };
    let beyond = |end: f64, inner: f64| end + (end - inner);
    let after = floats.partition_point(|&code| code < quotient);
    match (after.checked_sub(1).and_then(|k| floats.get(k)), floats.get(after)) {
        (_, Some(&code)) if code == quotient => (code, code),
        (Some(&below), Some(&above)) => (below, above),
        (None, _) => (beyond(smallest, floats.get(1).copied().unwrap_or(smallest)), smallest),
        (Some(_), None) => (largest, beyond(largest, floats[floats.len().saturating_sub(2)])),
    }
}

/// Returns whether each group still has a value that is not in `at`.
pub(super) fn leaves_values(granularity: Granularity, tensor: &Tensor, at: &[usize]) -> bool {
    let mut left = vec![false; groups(granularity, tensor.shape()).unwrap_or(0)];
    for i in (0..tensor.values().len()).filter(|i| !at.contains(i)) {
        left[group_of(granularity, tensor.shape(), i)] = true;
    }
    left.iter().all(|&some| some)
}
