//! A range that is known beforehand.

use super::text_form::{TextForm, pair};
use super::{Feed, RangeEstimator, Target};
use crate::error::Result;
use crate::params::ValueRange;
use core::fmt;

/// Returns the range that it was given, whatever is observed.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, params::ValueRange, quantize_tensor, range::Fixed};
///
/// // The output of a softmax is in 0..=1.
/// let scheme = Scheme::<u8>::affine().with_estimator(Fixed::new(ValueRange::new(0.0, 1.0)?));
/// assert_eq!(quantize_tensor(array![0.0_f32, 0.2, 1.0].view(), &scheme)?.codes(), &array![0_u8, 51, 255]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::FixedState", try_from = "super::state::FixedState")
)]
pub struct Fixed {
    pub(super) range: ValueRange,
}

impl Fixed {
    /// Returns an estimator that always answers `range`.
    pub fn new(range: ValueRange) -> Self {
        Self { range }
    }
}

impl RangeEstimator for Fixed {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some((*self).into())
    }

    fn observe(&mut self, _values: &[f32]) {}

    fn merge(&mut self, _other: &Self) {}

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        Ok(self.range)
    }

    fn feed(&self) -> Feed {
        Feed::Nothing
    }
}

impl TextForm for Fixed {
    const NAME: &'static str = "fixed";

    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}..{}", self.range.min(), self.range.max())
    }

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        let (min, max) = pair(settings)?;
        Some(ValueRange::new(min, max).map(Self::new))
    }

    #[cfg(feature = "proptest")]
    fn drawn([a, b]: [f64; 2]) -> Option<Self> {
        ValueRange::new((a - b) as f32, (a + b) as f32).map(Self::new).ok()
    }
}
