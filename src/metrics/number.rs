//! The types in which errors are taken: f32, or f64 where one of the tensors is.

use super::ErrorMetrics;
use crate::kernel::{self, PairSums, Rows, WidePairSums};
use crate::num::Real;
use alloc::vec::Vec;
use core::any::Any;

/// A type in which values are compared: f32 for all that are exact in it, else f64.
pub(super) trait Number: Copy + Default + Real {
    /// What sums over pairs of values.
    type Sums: Default + Copy + core::fmt::Debug;

    /// Adds pairs that follow those before, of which there are whole blocks.
    fn follow(sums: &mut Self::Sums, x: &[Self], y: &[Self]);

    /// Returns the metrics that the sums come to.
    fn metrics(sums: &Self::Sums) -> ErrorMetrics;

    /// Returns the value, exactly where it can be.
    fn of<T: Real>(x: T) -> Self;

    /// Returns the slice itself, if it is of this type.
    fn same<T: Real>(x: &[T]) -> Option<&[Self]>;

    /// Returns restored values, which are f32s, in this type: themselves, or in `widened`.
    fn of_f32s<'a>(x: &'a [f32], widened: &'a mut Vec<Self>) -> &'a [Self];

    /// Writes the values to `out`, of the same length.
    fn convert<T: Real>(x: &[T], out: &mut [Self]);

    /// Writes element i of row j of `x` to `out[i * out_step + j]`.
    fn turn<T: Real>(x: &[T], rows: Rows, out: &mut [Self], out_step: usize);

    /// Returns how many values lie below the first bound or above the second.
    fn count_outside(x: &[Self], bounds: (f64, f64)) -> u64;

    /// The same, each value with bounds of its own.
    fn count_outside_each(x: &[Self], bounds: &[(f64, f64)]) -> u64;

    /// Returns the value in f64.
    fn wide(self) -> f64;
}

/// Whether values of a type may be more than an f32 can hold.
pub(super) fn is_wide<T: Real>() -> bool {
    T::NAME == <f64 as Real>::NAME
}

impl Number for f32 {
    type Sums = PairSums;

    fn follow(sums: &mut PairSums, x: &[f32], y: &[f32]) {
        sums.follow::<true>(kernel::detect(), x, y);
    }

    fn metrics(sums: &PairSums) -> ErrorMetrics {
        let &PairSums { sums, zeroed, non_finite_changed } = sums;
        let x_ends = (sums.x_min.into(), sums.x_max.into());
        ErrorMetrics { sums, exponent: 0, x_ends, saturated: 0, zeroed, non_finite_changed }
    }

    fn of<T: Real>(x: T) -> f32 {
        x.to_f32()
    }

    fn same<T: Real>(x: &[T]) -> Option<&[f32]> {
        T::reals(x).as_f32s()
    }

    fn of_f32s<'a>(x: &'a [f32], _widened: &'a mut Vec<f32>) -> &'a [f32] {
        x
    }

    fn convert<T: Real>(x: &[T], out: &mut [f32]) {
        kernel::to_f32(kernel::detect(), x, out);
    }

    fn turn<T: Real>(x: &[T], rows: Rows, out: &mut [f32], out_step: usize) {
        match T::reals(x).as_f32s() {
            Some(x) => kernel::transpose(kernel::detect(), x, rows, out, out_step),
            None => turn_each(x, rows, out, out_step),
        }
    }

    fn count_outside(x: &[f32], bounds: (f64, f64)) -> u64 {
        kernel::count_outside(kernel::detect(), x, bounds)
    }

    fn count_outside_each(x: &[f32], bounds: &[(f64, f64)]) -> u64 {
        kernel::count_outside_each(kernel::detect(), x, bounds)
    }

    fn wide(self) -> f64 {
        self.into()
    }
}

impl Number for f64 {
    type Sums = WidePairSums;

    fn follow(sums: &mut WidePairSums, x: &[f64], y: &[f64]) {
        sums.follow(kernel::detect(), x, y);
    }

    fn metrics(sums: &WidePairSums) -> ErrorMetrics {
        let &WidePairSums { mut sums, exponent, x_ends, zeroed, non_finite_changed } = sums;
        // An error, or a signal, whose square is too small beside the others for an f64 is not none.
        if sums.max_abs_d > 0.0 {
            sums.d2 = sums.d2.max(f64::MIN_POSITIVE);
        }
        if x_ends != (0.0, 0.0) {
            sums.x2 = sums.x2.max(f64::MIN_POSITIVE);
        }
        ErrorMetrics { sums, exponent: exponent.unwrap_or(0), x_ends, saturated: 0, zeroed, non_finite_changed }
    }

    fn of<T: Real>(x: T) -> f64 {
        // An f64 as it is; all others are exact in f32.
        (&x as &dyn Any).downcast_ref().copied().unwrap_or_else(|| x.to_f32().into())
    }

    fn same<T: Real>(_x: &[T]) -> Option<&[f64]> {
        None
    }

    fn of_f32s<'a>(x: &'a [f32], widened: &'a mut Vec<f64>) -> &'a [f64] {
        widened.clear();
        widened.extend(x.iter().map(|&x| f64::from(x)));
        widened
    }

    fn convert<T: Real>(x: &[T], out: &mut [f64]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = Self::of(x);
        }
    }

    fn turn<T: Real>(x: &[T], rows: Rows, out: &mut [f64], out_step: usize) {
        turn_each(x, rows, out, out_step);
    }

    fn count_outside(x: &[f64], (low, high): (f64, f64)) -> u64 {
        x.iter().map(|&x| u64::from((x < low) | (x > high))).sum()
    }

    fn count_outside_each(x: &[f64], bounds: &[(f64, f64)]) -> u64 {
        x.iter().zip(bounds).map(|(x, (low, high))| u64::from((x < low) | (x > high))).sum()
    }

    fn wide(self) -> f64 {
        self
    }
}

/// The same one element at a time, in squares, so that lines of the cache are used whole.
fn turn_each<T: Real, N: Number>(x: &[T], rows: Rows, out: &mut [N], out_step: usize) {
    const SIDE: usize = 16;
    for first in (0..rows.len).step_by(SIDE) {
        for row in (0..rows.number).step_by(SIDE) {
            for i in first..rows.len.min(first + SIDE) {
                for j in row..rows.number.min(row + SIDE) {
                    out[i * out_step + j] = N::of(x[j * rows.step + i]);
                }
            }
        }
    }
}
