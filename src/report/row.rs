//! A row of the report: a tensor.

use super::sqnr;
use crate::metrics::{ErrorMetrics, Histogram};
use crate::pipeline::{Channels, Fate, TensorOutcome};
use serde::Serialize;

/// What happened to a tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Its name.
    pub name: String,
    /// `kept`, `quantized`, `shifted` (a bias that took up the mean error of its weights), or `restored` to 32-bit floating point.
    pub fate: &'static str,
    /// The tensors that the operators make that use it.
    pub used_for: Vec<String>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its elements before.
    pub before: String,
    /// The type of its elements after.
    pub after: String,
    /// The scheme that made its codes, with everything that was said on the command line; empty if there are none.
    pub scheme: String,
    /// Why.
    pub reason: String,
    /// The bytes that it took.
    pub bytes_before: u64,
    /// The bytes that it takes, parameters included.
    pub bytes_after: u64,
    /// What that cost; absent unless it was quantized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Measured>,
    /// What it cost each channel; absent unless it was quantized and has channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<OfChannels>,
    /// How often which values occur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Bars>,
    /// How often which errors occur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Bars>,
}

/// What quantization cost a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// Whether every value is the same before and after.
    pub lossless: bool,
    /// Signal-to-quantization-noise ratio of the finite values, in dB: `None` where these have no error, −∞ where they have one and
    /// are all 0. JSON, which has no infinities, has the field where it is finite.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub sqnr_db: Option<f64>,
    /// Mean squared error.
    pub mse: f64,
    /// The largest error.
    pub max_abs_error: f64,
    /// The cosine of the angle between the values before and after.
    pub cosine_similarity: f64,
    /// Values beyond the codes.
    pub saturated: u64,
    /// Values that became 0.
    pub zeroed: u64,
    /// Values that are not finite, before or after.
    pub non_finite: u64,
    /// Those of them that are not the same before and after: they are part of no error.
    pub non_finite_changed: u64,
}

/// What quantization cost the channels of a tensor, each beside its own values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OfChannels {
    /// The axis that they lie along.
    pub axis: usize,
    /// How many there are.
    pub count: usize,
    /// The one with the most error beside its values.
    pub worst: usize,
    /// Its SQNR in dB, as [`Measured::sqnr_db`].
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub worst_db: Option<f64>,
    /// That of the channel in the middle.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub median_db: Option<f64>,
    /// How many are lost: below 6 dB, as those that are all zeros now.
    pub lost: usize,
    /// The first of those.
    pub first_lost: Vec<usize>,
    /// How many are not, by their ratio, but have more than half of their values restored as 0: one large value makes the ratio.
    pub emptied: usize,
    /// The first of those.
    pub first_emptied: Vec<OfEmptied>,
    /// Ranges and scales along the axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Lines>,
}

/// A channel of which little more than its largest value is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OfEmptied {
    /// The channel.
    pub channel: usize,
    /// The SQNR in dB of the values but the largest.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub without_largest_db: Option<f64>,
}

/// Ranges and scales along an axis, in columns of as many channels each.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lines {
    /// Channels in a column; the last may have fewer.
    pub channels_per_column: usize,
    /// The smallest value of each column.
    pub min: Vec<f64>,
    /// The largest.
    pub max: Vec<f64>,
    /// The smallest scale of each column; empty for codes without scales.
    pub smallest_scale: Vec<f64>,
    /// The largest.
    pub largest_scale: Vec<f64>,
    /// The lowest SQNR of each column, in dB, from 0 to 200.
    pub worst_db: Vec<f64>,
}

/// A histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bars {
    /// The lower end of the first bin.
    pub min: f64,
    /// The upper end of the last.
    pub max: f64,
    /// How many values each bin holds.
    pub counts: Vec<u64>,
}

impl Row {
    pub(super) fn new(tensor: &TensorOutcome) -> Self {
        let histograms = tensor.histograms.as_ref();
        Self {
            name: tensor.name.clone(),
            fate: match tensor.fate {
                Fate::Kept => "kept",
                Fate::Quantized => "quantized",
                Fate::Shifted => "shifted",
                Fate::Restored => "restored",
            },
            used_for: tensor.used_for.clone(),
            shape: tensor.shape.clone(),
            before: tensor.before.clone(),
            after: tensor.after.clone(),
            scheme: tensor.scheme.as_ref().map(ToString::to_string).unwrap_or_default(),
            reason: tensor.reason.clone(),
            bytes_before: tensor.bytes_before,
            bytes_after: tensor.bytes_after,
            error: tensor.error.as_ref().map(Measured::new),
            channels: tensor.channels.as_ref().map(OfChannels::new),
            values: histograms.map(|(values, _)| Bars::new(values)),
            errors: histograms.map(|(_, errors)| Bars::new(errors)),
        }
    }

    /// Returns the SQNR of the whole tensor; `None` if nothing was lost, or nothing was changed.
    pub fn whole_db(&self) -> Option<f64> {
        self.error.and_then(|error| error.sqnr_db)
    }

    /// Returns the lowest SQNR that there is: that of the worst channel, or of the whole; `None` if nothing was lost.
    ///
    /// This is what a tensor is graded and ordered by: beside one large value, a channel of small ones may be lost at 100 dB.
    pub fn worst_db(&self) -> Option<f64> {
        let of_channel = self.channels.as_ref().and_then(|channels| channels.worst_db);
        [self.whole_db(), of_channel].into_iter().flatten().reduce(f64::min)
    }
}

impl Measured {
    /// Returns what a report says of metrics.
    pub fn new(error: &ErrorMetrics) -> Self {
        Self {
            lossless: error.max_abs_error() == 0.0 && error.non_finite_changed() == 0,
            sqnr_db: sqnr::of(error.sqnr_db()),
            mse: error.mse(),
            max_abs_error: error.max_abs_error(),
            cosine_similarity: error.cosine_similarity(),
            saturated: error.saturated(),
            zeroed: error.zeroed(),
            non_finite: error.non_finite(),
            non_finite_changed: error.non_finite_changed(),
        }
    }
}

impl OfChannels {
    /// Returns what a report says of channels.
    pub fn new(channels: &Channels) -> Self {
        let lines = |profile: &crate::pipeline::Profile| Lines {
            channels_per_column: profile.channels_per_column,
            min: profile.min.clone(),
            max: profile.max.clone(),
            smallest_scale: profile.smallest_scale.clone(),
            largest_scale: profile.largest_scale.clone(),
            worst_db: profile.worst_db.iter().map(|db| db.clamp(0.0, 200.0)).collect(),
        };
        Self {
            axis: channels.axis,
            count: channels.count,
            worst: channels.worst,
            worst_db: sqnr::of(channels.worst_db),
            median_db: sqnr::of(channels.median_db),
            lost: channels.lost,
            first_lost: channels.first_lost.clone(),
            emptied: channels.emptied,
            first_emptied: channels
                .first_emptied
                .iter()
                .map(|emptied| OfEmptied {
                    channel: emptied.channel,
                    without_largest_db: sqnr::of(emptied.without_largest_db),
                })
                .collect(),
            profile: channels.profile.as_ref().map(lines),
        }
    }
}

impl Bars {
    fn new(histogram: &Histogram) -> Self {
        let (min, max) = (f64::from(histogram.range().min()), f64::from(histogram.range().max()));
        Self { min, max, counts: histogram.counts().to_vec() }
    }
}
