//! How the errors of a file are distributed. There is no one figure for it: sums of squares over tensors say what the
//! largest values lost, whatever became of all others.

use super::number::decibels;
use super::row::Row;
use super::sqnr;
use core::fmt;
use serde::Serialize;

/// How the errors of tensors, and of their channels, are distributed.
///
/// Ratios are as [`Measured::sqnr_db`](super::Measured::sqnr_db).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Distribution {
    /// How many tensors were measured.
    pub tensors: usize,
    /// How many of them are the same before and after.
    pub lossless: usize,
    /// The tensor with the most error beside its values; empty if none has any.
    pub worst_tensor: String,
    /// Its SQNR in dB.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub worst_db: Option<f64>,
    /// A quarter of the tensors are worse.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub lower_quartile_db: Option<f64>,
    /// Half of them are worse.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub median_db: Option<f64>,
    /// None is better.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub best_db: Option<f64>,
    /// How many channels the tensors have.
    pub channels: usize,
    /// How many of these are lost: below 6 dB.
    pub lost_channels: usize,
    /// How many are not, by their ratio, but have more than half of their values restored as 0.
    pub emptied_channels: usize,
    /// The SQNR of the worst channel of all.
    #[serde(skip_serializing_if = "sqnr::is_not_finite")]
    pub worst_channel_db: Option<f64>,
    /// The tensor that it is in; empty if no channel has an error.
    pub worst_channel_of: String,
}

impl Distribution {
    /// Returns the distribution of the tensors of these rows that were measured.
    pub fn new<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Self {
        let measured: Vec<&Row> = rows.into_iter().filter(|row| row.error.is_some()).collect();
        let whole = |row: &&Row| row.whole_db().unwrap_or(f64::INFINITY);
        let mut by_whole = measured.clone();
        by_whole.sort_by(|a, b| whole(a).total_cmp(&whole(b)));
        // The worse one of two in the middle.
        let part = |of: usize, parts: usize| {
            let at = by_whole.len().saturating_sub(1) * of / parts;
            by_whole.get(at).and_then(|row| row.whole_db())
        };
        let worst = by_whole.first().filter(|row| row.whole_db().is_some());
        let of_channel = |row: &&&Row| row.channels.as_ref().and_then(|channels| channels.worst_db);
        let worst_channel = measured
            .iter()
            .filter(|row| of_channel(row).is_some())
            .min_by(|a, b| of_channel(a).unwrap_or(f64::INFINITY).total_cmp(&of_channel(b).unwrap_or(f64::INFINITY)));
        let channels = || measured.iter().filter_map(|row| row.channels.as_ref());
        Self {
            tensors: measured.len(),
            lossless: measured.iter().filter(|row| row.error.is_some_and(|error| error.lossless)).count(),
            worst_tensor: worst.map_or(String::new(), |row| row.name.clone()),
            worst_db: part(0, 1),
            lower_quartile_db: part(1, 4),
            median_db: part(1, 2),
            best_db: part(1, 1),
            channels: channels().map(|channels| channels.count).sum(),
            lost_channels: channels().map(|channels| channels.lost).sum(),
            emptied_channels: channels().map(|channels| channels.emptied).sum(),
            worst_channel_db: worst_channel.as_ref().and_then(of_channel),
            worst_channel_of: worst_channel.map_or(String::new(), |row| row.name.clone()),
        }
    }
}

/// `SQNR of 3 tensors: worst 41.6 dB, median 45.1 dB; of 160 channels: worst 37.0 dB, none lost`.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tensors {
            0 => return f.write_str("no tensor was measured"),
            1 => write!(f, "SQNR {}", decibels(self.worst_db))?,
            count => {
                write!(
                    f,
                    "SQNR of {count} tensors: worst {}, median {}",
                    decibels(self.worst_db),
                    decibels(self.median_db)
                )?;
            }
        }
        if self.channels > 0 {
            let lost = if self.lost_channels == 0 { "none".into() } else { self.lost_channels.to_string() };
            write!(f, "; of {} channels: worst {}, {lost} lost", self.channels, decibels(self.worst_channel_db))?;
            if self.emptied_channels > 0 {
                write!(f, ", {} with most values 0", self.emptied_channels)?;
            }
        }
        Ok(())
    }
}
