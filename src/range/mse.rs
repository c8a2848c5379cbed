//! The range that loses least in the mean square.

use super::least_error::least_squares;
use super::sample::Sample;
use super::text_form::{TextForm, without_settings};
use super::{Feed, RangeEstimator, Target};
use crate::error::Result;
use crate::params::ValueRange;

/// Returns the range with which quantization has the smallest mean squared error: neither too many values clipped nor
/// the steps too wide.
///
/// The error is that of the target's codes, zero point and rounding, not a model of it. **The optimum is the true one**,
/// over all scales and all zero points that the calculator can choose, not the best of some candidates: a branch and bound
/// search ends with the proof that no other has an error smaller by more than one part in a million. So the scale need not
/// clip: where the values are multiples of something, the scale that it finds is that.
///
/// - Of a tensor's values, all at hand, it is exact: [`range_of`](RangeEstimator::range_of). So it is for up to 4096
///   values observed one after the other. More are counted in a [`BinaryHistogram`](super::BinaryHistogram), and the middle of a bin
///   stands for its values; the root of the mean squared error is then above the smallest by at most one width of a bin,
///   `max|x| / 2048`. (Each value is at most half a bin away from its middle, and the distance to the nearest real cannot
///   change by more than that; once for the optimum and once for the answer.)
/// - Calculators that do not say which [zero points](crate::params::ZeroPoints) they choose from, more than 1024 codes, and
///   floating codes: the best of some hundred shrunken ranges, the whole one among them.
/// - All values equal: that value. A random rounding is taken for one to the nearest.
///
/// # Examples
///
/// ```
/// use ndarray::Array1;
/// use tensor_quant::{I4, Scheme, quantize_tensor, range::Mse};
///
/// // A bell and an outlier.
/// let mut x = Array1::from_shape_fn(1000, |i| (i as f32 * 0.7).sin() * (i as f32 * 0.3).cos());
/// x[0] = 8.0;
/// let plain = quantize_tensor(x.view(), &Scheme::<I4>::symmetric())?.error(x.view())?;
/// let best = quantize_tensor(x.view(), &Scheme::<I4>::symmetric().with_estimator(Mse::default()))?.error(x.view())?;
/// assert!(best.mse() < plain.mse() / 1.5);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "clipping")]
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::SampleState", try_from = "super::state::SampleState")
)]
pub struct Mse {
    pub(super) sample: Sample,
}

impl RangeEstimator for Mse {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some(self.clone().into())
    }

    fn observe(&mut self, values: &[f32]) {
        self.sample.observe(values);
    }

    fn merge(&mut self, other: &Self) {
        self.sample.merge(&other.sample);
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        self.sample.search(target, least_squares)
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        self.sample.search_with(values, target, least_squares)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

impl TextForm for Mse {
    const NAME: &'static str = "mse";

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        without_settings(settings)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::num::{Ceil, Floor, HalfAway, Rounding, TiesEven, TowardZero};
    use crate::params::{AffineParams, CodeRange, ParamsCalculator, Symmetric, ZeroPoints};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// A target of any calculator, codes and rounding, whose reals are plain f64 arithmetic.
    #[derive(Clone, Copy, Debug)]
    struct Plain<R> {
        codes: CodeRange,
        symmetric: bool,
        rounding: R,
    }

    impl<R: Rounding> Target for Plain<R> {
        fn codes(&self) -> CodeRange {
            self.codes
        }
        fn params(&self, range: ValueRange) -> Result<AffineParams> {
            if self.symmetric { Symmetric::narrow().params(range, self.codes) } else { self.codes.params(range) }
        }
        fn zero_points(&self) -> ZeroPoints {
            if self.symmetric { Symmetric::narrow().zero_points(self.codes) } else { ZeroPoints::Any }
        }
        fn round(&self, quotient: f32) -> Option<f32> {
            Some(self.rounding.round(quotient, 0))
        }
        fn restore(&self, x: f32, params: AffineParams) -> f32 {
            self.codes.restore(x, params)
        }
    }

    impl<R: Rounding> Plain<R> {
        /// The squared error of all values, each mapped by itself.
        fn error(&self, values: &[f32], scale: f64, zero_point: i32) -> f64 {
            let one = |&x: &f32| {
                let quotient = (f64::from(x) / scale).clamp(-1e5, 1e5);
                let whole = quotient.round();
                // Of a quotient beside a whole number, or a half, division has lost which side it is on.
                let k = if (quotient - whole).abs() < 1e-9 {
                    whole
                } else {
                    f64::from(self.rounding.round(quotient as f32, 0))
                };
                let k = k.clamp(self.codes.min() - f64::from(zero_point), self.codes.max() - f64::from(zero_point));
                (f64::from(x) - k * scale).powi(2)
            };
            values.iter().map(one).sum()
        }

        /// No scale on a fine grid, and no zero point, has a smaller error than the one found.
        fn is_optimal(&self, values: &[f32], scales: u32) -> Result<(), TestCaseError> {
            let range = Mse::default().range_of(values, self).unwrap();
            let params = self.params(range).unwrap();
            let found = self.error(values, f64::from(params.scale()), params.zero_point());
            let max_abs = values.iter().fold(0.0_f64, |m, x| m.max(f64::from(x.abs())));
            let zero_points = if self.symmetric {
                self.codes.middle()..=self.codes.middle()
            } else {
                self.codes.min() as i32..=self.codes.max() as i32
            };
            for zero_point in zero_points {
                for i in 0..scales {
                    // From max|x| down to a thousandth of it.
                    let scale = max_abs * (-6.9 * f64::from(i) / f64::from(scales)).exp();
                    let error = self.error(values, scale, zero_point);
                    let room = 3e-6 * found + 1e-12 * max_abs * max_abs;
                    prop_assert!(
                        error >= found - room,
                        "{self:?}: {found} with {params:?}, {error} with {scale}, {zero_point}"
                    );
                }
            }
            Ok(())
        }
    }

    fn values() -> impl Strategy<Value = Vec<f32>> {
        let value = prop_oneof![4 => -1.0_f32..1.0, 2 => -20.0_f32..20.0, 1 => Just(0.0), 1 => (-8_i32..8).prop_map(|k| k as f32 * 0.25)];
        let signs = prop::sample::select(vec![1.0_f32, -1.0, 0.0]);
        // As they are, and all above or below zero.
        let signed =
            |(v, sign): (Vec<f32>, f32)| v.iter().map(|x| if sign == 0.0 { *x } else { sign * x.abs() }).collect();
        let values = (prop::collection::vec(value, 2..24), signs).prop_map(signed);
        values.prop_filter("not constant", |v: &Vec<f32>| v.iter().any(|x| *x != v[0]))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_scale_and_no_zero_point_has_a_smaller_error(values in values()) {
            let codes = [CodeRange::new(-2_i8, 1).unwrap(), CodeRange::new(0_i8, 15).unwrap(), CodeRange::new(-7_i8, 7).unwrap()];
            for codes in codes {
                Plain { codes, symmetric: false, rounding: TiesEven }.is_optimal(&values, 3000)?;
                Plain { codes, symmetric: true, rounding: HalfAway }.is_optimal(&values, 20_000)?;
                Plain { codes, symmetric: true, rounding: Floor }.is_optimal(&values, 3000)?;
                Plain { codes, symmetric: false, rounding: Ceil }.is_optimal(&values, 1000)?;
                Plain { codes, symmetric: true, rounding: TowardZero }.is_optimal(&values, 3000)?;
            }
            Plain { codes: CodeRange::of::<i8>(), symmetric: true, rounding: TiesEven }.is_optimal(&values, 50_000)?;
            Plain { codes: CodeRange::of::<u8>(), symmetric: false, rounding: TiesEven }.is_optimal(&values, 300)?;
        }
    }
}
