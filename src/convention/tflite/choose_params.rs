//! The interpreter's own choice of parameters.

use crate::params::CodeRange;
use num_traits::Float;

/// Returns the scale and zero point that `ChooseQuantizationParams` computes for a range that holds zero, all in f64;
/// 0 and 0 for a range that is only zero.
pub fn choose_params(min: f64, max: f64, codes: CodeRange) -> (f64, i32) {
    let (qmin, qmax) = (codes.min(), codes.max());
    if min == max {
        return (0.0, 0);
    }
    let scale = (max - min) / (qmax - qmin);
    let from_min = qmin - min / scale;
    let from_max = qmax - max / scale;
    let min_error = qmin.abs() + (min / scale).abs();
    let max_error = qmax.abs() + (max / scale).abs();
    let zero_point = if min_error < max_error { from_min } else { from_max };
    let zero_point = if zero_point < qmin {
        qmin
    } else if zero_point > qmax {
        qmax
    } else {
        Float::round(zero_point)
    };
    (scale, zero_point as i32)
}
