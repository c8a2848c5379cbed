//! Tensors of f64: what becomes of them on the way to f32, in which everything is computed.

use crate::params::AnyCalculator;
use crate::recipe::Decision;
use ndarray::ArrayD;

/// Returns why a tensor of f64 must stay as it is, whatever it would become, if it must: a value beyond the largest f32 would be
/// infinite; where rows are added up a value below the smallest may become 0, but not all of them, and none of what is no
/// weights.
pub(super) fn beyond_f32(values: &ArrayD<f64>) -> Option<String> {
    let largest = values.iter().filter(|x| x.is_finite()).fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest > f64::from(f32::MAX) {
        return Some(format!("would overflow f32, in which it is computed: {largest:e}"));
    }
    let lost = values.iter().filter(|&&x| x != 0.0 && x as f32 == 0.0);
    let smallest = lost.fold(f64::INFINITY, |smallest, x| smallest.min(x.abs()));
    let is_weights = values.ndim() >= 2 && largest >= f64::from(f32::MIN_POSITIVE);
    (smallest < f64::INFINITY && !is_weights)
        .then(|| format!("would underflow f32, in which it is computed: smallest {smallest:e}"))
}

/// Returns the f32s to be turned into what was decided: the nearest ones, or for a cast to a shorter floating-point type those whose
/// rounding is that of the f64s.
pub(super) fn narrowed(values: &ArrayD<f64>, decision: &Decision) -> ArrayD<f32> {
    match decision {
        Decision::Quantize(treatment) if matches!(treatment.scheme.calculator, AnyCalculator::Cast(_)) => {
            to_odd(values)
        }
        _ => values.mapv(|x| x as f32),
    }
}

/// Returns f32s that may be rounded on to 22 bits and fewer as if the f64s were: what is not exact becomes the odd one of its two
/// neighbours, which is no tie. (Boldo and Melquiond, Emulation of a FMA and correctly rounded sums, 2008.)
pub(super) fn to_odd(values: &ArrayD<f64>) -> ArrayD<f32> {
    values.mapv(|x| {
        let nearest = x as f32;
        if f64::from(nearest) == x || !x.is_finite() {
            return nearest;
        }
        let away = f64::from(nearest).abs() > x.abs();
        f32::from_bits((nearest.to_bits() - u32::from(away)) | 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{Real, f16};
    use ndarray::arr1;

    #[test]
    fn rounding_twice_by_way_of_odd_numbers_is_rounding_once() {
        let odd = |x: f64| to_odd(&arr1(&[x]).into_dyn())[[0]];
        let half = 1.0 + 2_f64.powi(-11);
        for (x, rounded) in [
            (65_519.999_999_99, 65_504.0),
            (65_520.0, f32::INFINITY),
            (half, 1.0),
            (half + 2_f64.powi(-40), 1.0 + 2_f32.powi(-10)),
            (half - 2_f64.powi(-40), 1.0),
            // Half of the smallest.
            (2_f64.powi(-25), 0.0),
            (2_f64.powi(-25).next_up(), 2_f32.powi(-24)),
            (1e-300, 0.0),
        ] {
            for (x, rounded) in [(x, rounded), (-x, -rounded)] {
                assert_eq!(Real::to_f32(f16::from_f32(odd(x))), rounded, "{x:e}");
            }
        }
        assert_eq!([0.0, -1.5, f64::INFINITY].map(odd), [0.0, -1.5, f32::INFINITY]);
        assert!(odd(f64::NAN).is_nan());
        assert_eq!([odd(3.5e38), odd(1e-60)], [f32::MAX, f32::from_bits(1)]);
    }

    #[test]
    fn what_f32_cannot_hold_is_told() {
        let why = |values: &[f64]| beyond_f32(&arr1(values).into_dyn());
        assert_eq!(why(&[0.5, -1e60]).as_deref(), Some("would overflow f32, in which it is computed: 1e60"));
        let reason = Some("would underflow f32, in which it is computed: smallest 1e-60");
        assert_eq!(why(&[1e-60, 0.0]).as_deref(), reason);
        assert_eq!(why(&[1e-60, 1.0]).as_deref(), reason);
        assert_eq!(why(&[0.5, f64::NAN, f64::INFINITY, 0.0]), None);
        let rows = ndarray::arr2(&[[1e-60, 1.0]]).into_dyn();
        assert_eq!(beyond_f32(&rows), None);
        let small = ndarray::arr2(&[[1e-60, 1e-59]]).into_dyn();
        assert_eq!(beyond_f32(&small).as_deref(), reason);
    }
}
