//! ONNX Runtime's quantization tool: its calibrators, its rule for scales and zero points, its weights of few bits.
//!
//! A calibrator is a [`RangeEstimator`]: feed it batches, a call of `observe` each, and ask it for the range, or put it into
//! the [`scheme`]. What it finds depends on how the data were cut in batches, as it does there.
//!
//! | `CalibrationMethod` | here, as its class is called there |
//! | --- | --- |
//! | `MinMax` | [`MinMaxCalibrater`] |
//! | `Entropy` | [`EntropyCalibrater`], [`entropy_threshold`] |
//! | `Percentile` | [`PercentileCalibrater`] |
//! | `Distribution` | [`DistributionCalibrater`] |
//!
//! The spelling, calibrater, is that of ONNX Runtime's classes. What this crate itself finds by the same ideas stands in
//! [`range`](crate::range), as [`range::MinMax`](crate::range::MinMax) does, and has other results.
//!
//! [`RangeEstimator`]: crate::RangeEstimator

mod collector;
mod distribution;
mod divergence;
mod entropy;
mod histogram;
mod log;
mod matmul_nbits;
mod min_max;
mod pairwise;
mod params;
mod percentile;
#[cfg(feature = "serde")]
mod state;

pub use distribution::{DistributionCalibrater, Power};
pub use entropy::{EntropyCalibrater, entropy_threshold};
pub use histogram::CollectedHistogram;
pub use matmul_nbits::{BlockKind, MatMulNBits, quantize_matmul_nbits};
pub use min_max::MinMaxCalibrater;
pub use params::Params;
pub use percentile::PercentileCalibrater;

use crate::error::Result;
use crate::num::Code;
use crate::params::ValueRange;
use crate::tensor::Scheme;

/// Returns the scheme of `quantize_data`: `clamp(rint(x / scale) + zero_point)`, with [`Params`] from the extremes.
///
/// # Examples
///
/// Signed weights, and activations whose outliers are cut off:
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{convention::onnx_runtime::{self, Params, PercentileCalibrater}, quantize_tensor};
///
/// let x = array![0.0_f32, 2.54, -1.0];
/// let q = quantize_tensor(x.view(), &onnx_runtime::scheme::<i8>().with_calculator(Params::symmetric()))?;
/// assert_eq!(q.params().scales(), [0.02]);
/// let activations = onnx_runtime::scheme::<u8>().with_estimator(PercentileCalibrater::default());
/// assert_eq!(quantize_tensor(x.view(), &activations)?.codes().len(), 3);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "quantize_data")]
pub fn scheme<C: Code>() -> Scheme<C, crate::range::MinMax, Params> {
    Scheme::<C>::affine().with_calculator(Params::affine())
}

/// The range from `low` to `high` cut to what was seen.
///
/// The lower bound can then lie above the upper one, where all values share a bin and its lower edge is both: ONNX Runtime
/// hands them on as they are, and widens them to hold zero. What comes back is the one that is nearer to zero, from which
/// that gives the same.
fn within(low: f32, high: f32, seen: ValueRange) -> Result<ValueRange> {
    let (low, high) = (low.max(seen.min()), high.min(seen.max()));
    if low <= high {
        ValueRange::new(low, high)
    } else {
        let nearest = 0.0_f32.clamp(high, low);
        ValueRange::new(nearest, nearest)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::params::{CodeRange, ParamsCalculator};
    use crate::range::{RangeEstimator, Target};
    use alloc::vec;
    use alloc::vec::Vec;

    fn ranges(batch: &[f32]) -> Vec<Result<ValueRange>> {
        fn after<E: RangeEstimator>(mut calibrator: E, batch: &[f32]) -> Result<ValueRange> {
            let target: &dyn Target = &CodeRange::of::<u8>();
            calibrator.observe(batch);
            calibrator.range(target)
        }
        vec![
            after(EntropyCalibrater::default(), batch),
            after(EntropyCalibrater::new(1001, 128).unwrap(), batch),
            after(PercentileCalibrater::default(), batch),
            after(PercentileCalibrater::affine(512, 99.0).unwrap(), batch),
            after(DistributionCalibrater::default(), batch),
            after(MinMaxCalibrater::default(), batch),
            after(MinMaxCalibrater::averaged().symmetric(), batch),
        ]
    }

    #[test]
    fn without_a_finite_value_there_is_no_range() {
        for batch in [&[][..], &[f32::NAN; 3], &[f32::INFINITY, f32::NEG_INFINITY]] {
            for range in ranges(batch) {
                assert!(matches!(range, Err(Error::NoData { .. })), "{batch:?}: {range:?}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_does_not_count() {
        let values: Vec<f32> = (0..300).map(|i| (i as f32 - 100.0) / 50.0).collect();
        let with_others = [&values[..], &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]].concat();
        for (plain, other) in ranges(&values).into_iter().zip(ranges(&with_others)) {
            assert_eq!(plain.unwrap(), other.unwrap());
        }
    }

    #[test]
    fn a_constant_has_a_range_that_params_can_use() {
        for value in [0.0, 3.0, -3.0, 1e-40, 1e30, f32::MAX, f32::MIN] {
            let mut covered = 0;
            for range in ranges(&[value; 100]) {
                let range = range.unwrap().with_zero();
                let params = Params::affine().params(range, CodeRange::of::<u8>()).unwrap();
                assert!(params.scale().is_normal(), "{value}: {range}");
                covered += usize::from(range.max() >= value * 0.98 && range.min() <= value * 0.98);
            }
            // As there, the entropy of 1001 bins sees nothing in the last of them, a remainder; and the bins of constant
            // magnitudes, half below and half above, may be wider than the constant.
            let expected = if value == 0.0 {
                7
            } else if value == 1e-40 {
                5
            } else {
                6
            };
            assert!(covered >= expected, "{value}: {covered}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_errors() {
        let wrong = |result: Option<Error>| assert!(matches!(result, Some(Error::InvalidSetting { .. })), "{result:?}");
        wrong(EntropyCalibrater::new(0, 2).err());
        wrong(EntropyCalibrater::new(1 << 17, 128).err());
        wrong(EntropyCalibrater::new(128, 1).err());
        wrong(EntropyCalibrater::new(128, 129).err());
        wrong(PercentileCalibrater::symmetric(0, 99.0).err());
        wrong(PercentileCalibrater::affine(128, f64::NAN).err());
        wrong(PercentileCalibrater::affine(128, 100.5).err());
        wrong(DistributionCalibrater::new(511, Power::Same).err());
        let mismatch = entropy_threshold(&[1, 2, 3], &[0.0, 1.0, 2.0], 2);
        assert!(matches!(mismatch, Err(Error::LengthMismatch { expected: 4, actual: 3, .. })));
        wrong(entropy_threshold(&[], &[0.0], 2).err());
    }

    /// Expected values: `get_entropy_threshold` of ONNX Runtime 1.32.0.
    #[test]
    fn a_histogram_whose_merged_runs_are_empty_has_the_narrowest_range() {
        let edges: Vec<i32> = (0..=10).collect();
        assert_eq!(entropy_threshold(&[0; 10], &edges, 4).unwrap(), (3, 8));
        // Four runs of two bins, and two bins that remain.
        assert_eq!(entropy_threshold(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 7], &edges, 4).unwrap(), (3, 8));
        assert_eq!(entropy_threshold(&[0, 0, 0, 0, 0, 0, 0, 0, 7, 7], &edges, 4).unwrap(), (1, 10));
        assert_eq!(entropy_threshold(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 7], &edges, 4).unwrap(), (0, 10));
        assert_eq!(entropy_threshold(&[0, 9, 0, 0, 0, 0, 0, 7, 0, 7], &edges, 4).unwrap(), (0, 10));
    }
}
