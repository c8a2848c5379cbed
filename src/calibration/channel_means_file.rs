//! Channel means as files: versioned, readable JSON.
//!
//! ```json
//! {"format": "tensor-quant channel means", "version": 1,
//!  "means": {"axis": 1, "channels": [{"count": 2, "sums": {"3": "1116691496960"}}]}}
//! ```
//!
//! A channel has the exact sum of its values, so that means that were saved can be merged with others as if they never were: an
//! integer for every 32 exponents, as text, for it has up to 128 bits. Before a tensor was observed `channels` is null.

use super::channel_means::ChannelMeans;
use super::exact_sum::{CHUNKS, ExactSum};
use super::json::{check_head, load, unusable};
use crate::error::{Result, one_line};
use crate::output;
use crate::range::{Checked, MOST, check};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const FORMAT: &str = "tensor-quant channel means";
const VERSION: u32 = 1;

/// [`ChannelMeans`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelMeansState {
    axis: usize,
    channels: Option<Vec<ExactSumState>>,
}

/// [`ExactSum`]: sums other than 0.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExactSumState {
    count: u64,
    sums: BTreeMap<usize, String>,
}

impl From<ChannelMeans> for ChannelMeansState {
    fn from(ChannelMeans { axis, channels }: ChannelMeans) -> Self {
        let state = |ExactSum { count, chunks }: ExactSum| {
            let sums = chunks.iter().enumerate().filter(|(_, sum)| **sum != 0);
            ExactSumState { count, sums: sums.map(|(chunk, sum)| (chunk, sum.to_string())).collect() }
        };
        Self { axis, channels: channels.map(|channels| channels.into_iter().map(state).collect()) }
    }
}

impl TryFrom<ChannelMeansState> for ChannelMeans {
    type Error = String;

    fn try_from(ChannelMeansState { axis, channels }: ChannelMeansState) -> Checked<Self> {
        let channels = channels.map(|channels| channels.into_iter().map(ExactSum::try_from).collect::<Checked<_>>());
        Ok(Self { axis, channels: channels.transpose()? })
    }
}

impl TryFrom<ExactSumState> for ExactSum {
    type Error = String;

    fn try_from(ExactSumState { count, sums }: ExactSumState) -> Checked<Self> {
        check(count <= MOST, || format!("{count} values"))?;
        let mut chunks = [0; CHUNKS];
        for (chunk, text) in sums {
            let place =
                chunks.get_mut(chunk).ok_or_else(|| format!("there is no sum {chunk}; the last is {}", CHUNKS - 1))?;
            // Of so many integers of 24 bits, shifted by up to 31.
            let sum = text.parse().ok().filter(|sum: &i128| sum.unsigned_abs() < (u128::from(count) << 55).max(1));
            *place = sum.ok_or_else(|| format!("{text:?} is no sum of {count} values"))?;
        }
        Ok(Self { count, chunks })
    }
}

/// What every version begins with.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u32,
    means: ChannelMeans,
}

impl ChannelMeans {
    /// Returns the sums behind the means as JSON.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](crate::calibration::CalibrationError::Unusable), which does not happen.
    pub fn to_json(&self) -> Result<String> {
        let file = File { format: FORMAT.into(), version: VERSION, means: self.clone() };
        serde_json::to_string(&file).map(|text| text + "\n").map_err(|error| unusable(one_line(&error)))
    }

    /// Returns what [`to_json`](Self::to_json) wrote: the sums are the same, bit for bit.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`](crate::calibration::CalibrationError::Unusable), which says what is wrong and where.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::calibration::ChannelMeans;
    ///
    /// let mut means = ChannelMeans::new(1);
    /// means.observe(&array![[1.0_f32, 10.0], [2.0, 20.0]])?;
    /// let again = ChannelMeans::from_json(&means.to_json()?)?;
    /// assert_eq!(again, means);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn from_json(json: &str) -> Result<Self> {
        let head: Head = serde_json::from_str(json).map_err(|error| unusable(one_line(&error)))?;
        check_head(&head.format, FORMAT, head.version, VERSION..=VERSION)?;
        let file: File = serde_json::from_str(json).map_err(|error| unusable(one_line(&error)))?;
        Ok(file.means)
    }

    /// Writes the sums behind the means to a file, as [`Calibrator::save`](super::Calibrator::save) does.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), also for a target that is a folder, a device or read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path.as_ref(), self.to_json()?.as_bytes())
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), and [`Error::Format`](crate::Error::Format) for a file that
    /// [`from_json`](Self::from_json) refuses.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        load(path.as_ref(), "channel means", Self::from_json)
    }
}
