//! Statistics as files: versioned JSON.
//!
//! ```json
//! {"format": "tensor-quant statistics", "version": 1, "samples": 100,
//!  "ranges": {"format": "tensor-quant calibration", …},
//!  "channels": {"KEY": {"means": {"axis": 3, "channels": […]}, "squares": …}},
//!  "second_moments": [{"subgraph": 0, "value": 12, "operator": 3, "rows": 25600, "sums": [[…], …]}]}
//! ```
//!
//! Ranges are as [`Calibrator`] writes them, channels as [`ChannelMeans`](tensor_quant::calibration::ChannelMeans); sums of second
//! moments are the rows of the upper triangle. States are the same, bit for bit, when they are read again: what was saved can be
//! merged as if it never had been.

use crate::second_moments::SecondMoments;
use crate::statistics::{Moments, Statistics};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tensor_quant::Error;
use tensor_quant::calibration::CalibrationError;
use tensor_quant::calibration::{Calibrator, State};
use tensor_quant::graph::ValueId;

const FORMAT: &str = "tensor-quant statistics";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u32,
    samples: u64,
    ranges: Value,
    channels: BTreeMap<String, Moments>,
    second_moments: Vec<Product>,
}

/// What every version begins with.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    subgraph: usize,
    value: usize,
    operator: usize,
    rows: u64,
    sums: Vec<Vec<f64>>,
}

impl<E: State> Statistics<E> {
    /// Returns the statistics as JSON.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](crate::calibration::CalibrationError::Unusable) if an estimator cannot be written; those
    /// of the library always can.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::range::Mse;
    /// use tensor_quant_run::Statistics;
    ///
    /// let json = Statistics::new(Mse::default()).to_json()?;
    /// assert_eq!(Statistics::<Mse>::from_json(&json)?.samples(), 0);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn to_json(&self) -> Result<String, Error> {
        let product = |product: &SecondMoments| {
            let (id, operator, rows, sums) = product.parts();
            Product { subgraph: id.subgraph, value: id.value, operator, rows, sums }
        };
        let file = File {
            format: FORMAT.into(),
            version: VERSION,
            samples: self.samples,
            ranges: serde_json::from_str(&self.ranges.to_json()?).map_err(unusable)?,
            channels: self.moments.clone(),
            second_moments: self.products.iter().map(product).collect(),
        };
        serde_json::to_string(&file).map(|text| text + "\n").map_err(unusable)
    }

    /// Returns what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](crate::calibration::CalibrationError::Unusable), which says what is wrong.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let head: Head = serde_json::from_str(json).map_err(unusable)?;
        if head.format != FORMAT {
            return Err(because(format!("its format is {:?}, not {FORMAT:?}", head.format)));
        }
        if head.version != VERSION {
            return Err(because(format!("its version is {}, and this crate reads {VERSION}", head.version)));
        }
        let file: File = serde_json::from_str(json).map_err(unusable)?;
        let product = |product: &Product| {
            let id = ValueId { subgraph: product.subgraph, value: product.value };
            let moments = SecondMoments::from_parts(id, product.operator, product.rows, &product.sums);
            moments.ok_or_else(|| because(format!("the sums of operator {} are no triangle", product.operator)))
        };
        Ok(Self {
            ranges: Calibrator::from_json(&file.ranges.to_string())?,
            moments: file.channels,
            products: file.second_moments.iter().map(product).collect::<Result<_, _>>()?,
            samples: file.samples,
        })
    }

    /// Writes the statistics to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        tensor_quant::write_file(path, self.to_json()?.as_bytes())
    }

    /// Reads statistics from a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] for a file that [`from_json`](Self::from_json) refuses.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let json = std::fs::read_to_string(path);
        let json = json.map_err(|source| Error::Io { action: "read", path: path.to_path_buf(), source })?;
        Self::from_json(&json).map_err(|error| match error.floor() {
            Some(CalibrationError::Unusable { reason }) => {
                Error::Format { path: path.to_path_buf(), format: "statistics", reason: reason.clone() }
            }
            _ => error,
        })
    }
}

fn unusable(error: serde_json::Error) -> Error {
    because(error.to_string().replace('\n', " "))
}

fn because(reason: String) -> Error {
    CalibrationError::Unusable { reason }.into()
}
