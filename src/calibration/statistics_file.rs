//! Statistics as files: versioned JSON.
//!
//! ```json
//! {"format": "tensor-quant statistics", "version": 2, "model": "SHA-256 of the file, or null", "samples": 100,
//!  "ranges": {"format": "tensor-quant calibration", …},
//!  "channels": {"KEY": {"means": {"axis": 3, "channels": […]}, "squares": …}},
//!  "second_moments": [{"subgraph": 0, "operator": 3, "moments": {"len": 9, "rows": 25600, …}}]}
//! ```
//!
//! Ranges are as [`Calibrator`] writes them, channels as [`ChannelMeans`](super::ChannelMeans), second moments as
//! [`SecondMoments`](super::SecondMoments). States are the same, bit for bit, when they are read again: what was saved can be merged as if
//! it never had been. Files of version 1 differ in how second moments are written, and are read, too.

use super::calibrator::Calibrator;
use super::file::State;
use super::json::{check_head, load, unusable};
use super::statistics::{Channels, OperatorMoments, Statistics};
use crate::error::{Result, one_line};
use crate::output;
use crate::sha256;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const FORMAT: &str = "tensor-quant statistics";
const VERSION: u32 = 2;
/// The earliest that is read.
const EARLIEST: u32 = 1;

/// What is written.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    model: Option<&'a str>,
    samples: u64,
    ranges: Value,
    channels: &'a BTreeMap<String, Channels>,
    second_moments: &'a [OperatorMoments],
}

/// What is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the head has been looked at by itself")]
struct File {
    format: String,
    version: u32,
    model: Option<String>,
    samples: u64,
    ranges: Value,
    channels: BTreeMap<String, Channels>,
    second_moments: Vec<OperatorMoments>,
}

/// What every version begins with.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl<E: State> Statistics<E> {
    /// Returns the statistics, of a model's file: what they are used for, and merged with, is then of the same one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn of_model(mut self, path: impl AsRef<Path>) -> Result<Self> {
        self.model = Some(sha256::of_file(path.as_ref())?);
        Ok(self)
    }

    /// Returns the statistics as JSON.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](super::CalibrationError::Unusable) if an estimator cannot be written; those of the library always can.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::calibration::Statistics;
    /// use tensor_quant::range::Mse;
    ///
    /// let json = Statistics::new(Mse::default()).to_json()?;
    /// assert_eq!(Statistics::<Mse>::from_json(&json)?.samples(), 0);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn to_json(&self) -> Result<String> {
        let json = |error: serde_json::Error| unusable(one_line(&error));
        let file = Written {
            format: FORMAT,
            version: VERSION,
            model: self.model.as_deref(),
            samples: self.samples,
            ranges: serde_json::from_str(&self.ranges.to_json()?).map_err(json)?,
            channels: &self.channels,
            second_moments: &self.products,
        };
        serde_json::to_string(&file).map(|text| text + "\n").map_err(json)
    }

    /// Returns what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](super::CalibrationError::Unusable), which says what is wrong.
    pub fn from_json(json: &str) -> Result<Self> {
        let head: Head = serde_json::from_str(json).map_err(|error| unusable(one_line(&error)))?;
        check_head(&head.format, FORMAT, head.version, EARLIEST..=VERSION)?;
        let file: File = serde_json::from_str(json).map_err(|error| unusable(one_line(&error)))?;
        Ok(Self {
            samples: file.samples,
            model: file.model,
            ranges: Calibrator::from_json(&file.ranges.to_string())?,
            channels: file.channels,
            products: file.second_moments,
        })
    }

    /// Writes the statistics to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), also for a target that is a folder, a device or read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path.as_ref(), self.to_json()?.as_bytes())
    }

    /// Reads statistics from a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), and [`Error::Format`](crate::Error::Format) for a file that [`from_json`](Self::from_json)
    /// refuses.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        load(path.as_ref(), "statistics", Self::from_json)
    }
}
