//! Calibrators as files: versioned, readable JSON.
//!
//! ```json
//! {
//!   "format": "tensor-quant calibration",
//!   "version": 1,
//!   "estimator": "min-max",
//!   "axis": null,
//!   "fresh": {"count": 0, "nan": 0, "infinite": 0},
//!   "tensors": {
//!     "relu1": {
//!       "seen": {"min": -0.5, "max": 2.0, "count": 4, "nan": 0, "infinite": 0},
//!       "states": [{"min": -0.5, "max": 2.0, "count": 4, "nan": 0, "infinite": 0}]
//!     }
//!   }
//! }
//! ```
//!
//! `fresh` holds the settings: an estimator that has observed nothing. States are those of the groups, one without an axis.
//! Whatever a file holds, it is checked: an unknown field, a version from the future, another estimator, counts that do not
//! add up are errors that say so.

use super::calibrator::{Calibrator, Observed};
use super::json::{check_head, load, unusable};
use crate::convention::{onnx_runtime, torch};
use crate::error::{Result, one_line};
use crate::kernel::Extremes;
use crate::output;
use crate::params::Granularity;
use crate::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile, RangeEstimator, seen,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const FORMAT: &str = "tensor-quant calibration";
const VERSION: u32 = 1;

/// An estimator whose state can be saved.
///
/// For your own, derive `Serialize` and `Deserialize` and give it a name.
pub trait State: RangeEstimator + Serialize + DeserializeOwned {
    /// What a file calls the estimator.
    const NAME: &'static str;
}

macro_rules! names {
    ($($estimator:path, $name:literal;)*) => {$(
        impl State for $estimator {
            const NAME: &'static str = $name;
        }
    )*};
}

names! {
    onnx_runtime::DistributionCalibrater, "onnx-runtime distribution";
    onnx_runtime::EntropyCalibrater, "onnx-runtime entropy";
    onnx_runtime::MinMaxCalibrater, "onnx-runtime min-max";
    onnx_runtime::PercentileCalibrater, "onnx-runtime percentile";
    torch::HistogramObserver, "torch histogram-observer";
    AnyEstimator, "any";
    Entropy, "entropy";
    Fixed, "fixed";
    LpNorm, "lp-norm";
    MeanStd, "mean-std";
    MinMax, "min-max";
    MovingAverage, "moving-average";
    Mse, "mse";
    Octav, "octav";
    Percentile, "percentile";
}

/// What every version begins with.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
    estimator: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<E> {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "estimator")]
    _estimator: String,
    axis: Option<usize>,
    fresh: E,
    tensors: BTreeMap<String, Tensor<E>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor<E> {
    #[serde(with = "seen")]
    seen: Extremes,
    states: Vec<E>,
}

impl<E: State> Calibrator<E> {
    /// Returns the calibrator as JSON, a line for each tensor.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](crate::calibration::CalibrationError::Unusable) if an estimator cannot be written; those
    /// of this crate always can.
    pub fn to_json(&self) -> Result<String> {
        let json = |error: serde_json::Error| unusable(one_line(&error));
        let axis = if let Granularity::Axis(axis) = self.granularity { Some(axis) } else { None };
        let mut text = format!(
            "{{\n  \"format\": {FORMAT:?},\n  \"version\": {VERSION},\n  \"estimator\": {},\n  \"axis\": {},\n  \"fresh\": {},\n  \"tensors\": {{",
            serde_json::to_string(E::NAME).map_err(json)?,
            serde_json::to_string(&axis).map_err(json)?,
            serde_json::to_string(&self.fresh).map_err(json)?,
        );
        for (i, (name, Observed { seen, estimators })) in self.states().into_iter().enumerate() {
            let tensor = serde_json::to_string(&Tensor { seen, states: estimators }).map_err(json)?;
            text += if i > 0 { ",\n    " } else { "\n    " };
            text += &serde_json::to_string(&name).map_err(json)?;
            text += ": ";
            text += &tensor;
        }
        text += "\n  }\n}\n";
        Ok(text)
    }

    /// Returns the calibrator that [`to_json`](Self::to_json) wrote: its states are the same, bit for bit.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](crate::calibration::CalibrationError::Unusable), which says what is wrong and where.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{Scheme, calibration::Calibrator, range::{Mse, Octav}};
    ///
    /// let calibrator = Calibrator::new(Mse::default());
    /// calibrator.observe("x", array![0.1_f32, -2.0, 1.0].view())?;
    /// let json = calibrator.to_json()?;
    ///
    /// let again = Calibrator::<Mse>::from_json(&json)?;
    /// let scheme = Scheme::<i8>::symmetric();
    /// assert_eq!(again.params("x", &scheme)?, calibrator.params("x", &scheme)?);
    ///
    /// let error = Calibrator::<Octav>::from_json(&json).unwrap_err();
    /// assert_eq!(error.to_string(), r#"not a usable calibration: it is of the estimator "mse", not "octav""#);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn from_json(json: &str) -> Result<Self> {
        let head: Head = serde_json::from_str(json).map_err(|error| unusable(one_line(&error)))?;
        check_head(&head.format, FORMAT, head.version, VERSION..=VERSION)?;
        if head.estimator != E::NAME {
            return Err(unusable(format!("it is of the estimator {:?}, not {:?}", head.estimator, E::NAME)));
        }
        let file: File<E> = serde_json::from_str(json).map_err(|error| unusable(one_line(&error)))?;
        if file.axis.is_none()
            && let Some((name, tensor)) = file.tensors.iter().find(|(_, tensor)| tensor.states.len() != 1)
        {
            return Err(unusable(format!("tensor {name:?} has {} states, and there is no axis", tensor.states.len())));
        }
        let fresh = Self::new(file.fresh);
        let fresh = if let Some(axis) = file.axis { fresh.with_axis(axis) } else { fresh };
        let observed = |tensor: Tensor<E>| Observed { seen: tensor.seen, estimators: tensor.states };
        Ok(fresh.with_states(file.tensors.into_iter().map(|(name, tensor)| (name, observed(tensor)))))
    }

    /// Writes the calibrator to a file. The file is complete under a temporary name before it gets its own: an existing one
    /// is never left half-written. It keeps its permissions; a symbolic link stays, and what it leads to is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), also for a target that is a folder, a device or read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path.as_ref(), self.to_json()?.as_bytes())
    }

    /// Reads a calibrator from a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), and [`Error::Format`](crate::Error::Format) for a file that
    /// [`from_json`](Self::from_json) refuses.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        load(path.as_ref(), "calibration", Self::from_json)
    }
}
