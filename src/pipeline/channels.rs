//! How the channels of a tensor fared: one large value hides a row that is lost.

use crate::error::Result;
use crate::metrics::{ChannelErrors, ErrorMetrics};
use crate::params::{Granularity, QuantParams};
use crate::recipe::{Candidate, UsageRole};
use crate::tensor::PackedTensor;
use ndarray::ArrayD;

/// Lost channels that are named.
const NAMED: usize = 8;
/// Columns of a profile.
const COLUMNS: usize = 96;

/// How the channels of a tensor fared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Channels {
    /// The axis that they lie along.
    pub axis: usize,
    /// How many there are.
    pub count: usize,
    /// The one with the most error beside its signal.
    pub worst: usize,
    /// Its SQNR in dB: ∞ without error, −∞ for an error on zeros.
    pub worst_db: f64,
    /// That of the channel in the middle.
    pub median_db: f64,
    /// How many are lost: below 6 dB.
    pub lost: usize,
    /// The first of those.
    pub first_lost: Vec<usize>,
    /// Ranges and scales along the axis, if they were asked for.
    pub profile: Option<Profile>,
}

/// Ranges, scales and errors along an axis, in columns of as many channels each; the last may have fewer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// Channels in a column.
    pub channels_per_column: usize,
    /// The smallest value of each column.
    pub min: Vec<f64>,
    /// The largest.
    pub max: Vec<f64>,
    /// The smallest scale of each column; empty for codes without scales.
    pub smallest_scale: Vec<f64>,
    /// The largest.
    pub largest_scale: Vec<f64>,
    /// The lowest SQNR in dB.
    pub worst_db: Vec<f64>,
}

impl Channels {
    /// Returns how the channels along an axis fared; `None` where one would be the whole tensor.
    ///
    /// # Errors
    ///
    /// Those of a tensor of another shape.
    pub(super) fn of(values: &ArrayD<f32>, q: &PackedTensor, axis: usize, with_profile: bool) -> Result<Option<Self>> {
        if values.shape().get(axis).is_none_or(|&count| count < 2) {
            return Ok(None);
        }
        let errors = q.channel_errors(values.view(), axis)?;
        let profile = with_profile.then(|| Profile::new(errors.channels(), &scales(q.params(), values.shape(), axis)));
        Ok(Self::new(axis, &errors, profile))
    }

    /// Returns the same of errors that were taken elsewhere.
    pub(super) fn new(axis: usize, errors: &ChannelErrors, profile: Option<Profile>) -> Option<Self> {
        let (worst, of_worst) = errors.worst()?;
        let (_, of_median) = errors.median()?;
        Some(Self {
            axis,
            count: errors.channels().len(),
            worst,
            worst_db: of_worst.sqnr_db(),
            median_db: of_median.sqnr_db(),
            lost: errors.lost().count(),
            first_lost: errors.lost().take(NAMED).collect(),
            profile,
        })
    }

    /// Returns which channels are lost, in words: `3, 17 and 4 more`.
    pub(super) fn lost_ones(&self) -> String {
        let named: Vec<String> = self.first_lost.iter().map(ToString::to_string).collect();
        match self.lost.saturating_sub(named.len()) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

/// Returns the axis of a tensor's channels: that of its scales, that of the output channels of the operator that uses it, or the
/// first that has more than one index, if there are two such.
pub(super) fn axis_of(candidate: &Candidate, granularity: Granularity) -> Option<usize> {
    if let Granularity::Axis(axis) = granularity {
        return Some(axis);
    }
    let weights = candidate.uses.iter().flatten().find_map(|used| match used.role {
        UsageRole::Weights { axis, .. } => Some(axis),
        _ => None,
    });
    weights.or_else(|| first_axis(&candidate.shape))
}

/// Returns the first axis of more than one index, of a shape that has two.
pub(super) fn first_axis(shape: &[usize]) -> Option<usize> {
    let mut axes = (0..shape.len()).filter(|&axis| shape[axis] > 1);
    let first = axes.next();
    axes.next().and(first)
}

/// Returns the smallest and the largest scale of each channel; nothing where that cannot be told.
fn scales(params: &QuantParams, shape: &[usize], axis: usize) -> Vec<(f64, f64)> {
    let (scales, count) = (params.scales(), shape[axis]);
    if !params.codes().is_integer() && scales.iter().all(|&scale| scale == 1.0) {
        return Vec::new();
    }
    let ends = |scales: &[f32]| {
        let ends = scales.iter().fold((f32::INFINITY, 0.0_f32), |(min, max), &scale| (min.min(scale), max.max(scale)));
        (f64::from(ends.0), f64::from(ends.1))
    };
    let is_outermost = shape[..axis].iter().all(|&len| len == 1);
    match params.granularity() {
        Granularity::Tensor => vec![ends(scales); count],
        Granularity::Axis(other) if other == axis => scales.iter().map(|&scale| ends(&[scale])).collect(),
        // Groups follow each other in row-major order.
        Granularity::Block { .. } | Granularity::Blocks(_)
            if is_outermost && !scales.is_empty() && scales.len().is_multiple_of(count) =>
        {
            scales.chunks(scales.len() / count).map(ends).collect()
        }
        _ => Vec::new(),
    }
}

impl Profile {
    fn new(channels: &[ErrorMetrics], scales: &[(f64, f64)]) -> Self {
        let channels_per_column = channels.len().div_ceil(COLUMNS).max(1);
        let min = |x: &mut dyn Iterator<Item = f64>| x.fold(f64::INFINITY, f64::min);
        let max = |x: &mut dyn Iterator<Item = f64>| x.fold(f64::NEG_INFINITY, f64::max);
        let columns = || channels.chunks(channels_per_column);
        let of_scales = || scales.chunks(channels_per_column);
        Self {
            channels_per_column,
            min: columns().map(|column| min(&mut column.iter().map(|channel| channel.ends().0))).collect(),
            max: columns().map(|column| max(&mut column.iter().map(|channel| channel.ends().1))).collect(),
            smallest_scale: of_scales().map(|column| min(&mut column.iter().map(|ends| ends.0))).collect(),
            largest_scale: of_scales().map(|column| max(&mut column.iter().map(|ends| ends.1))).collect(),
            worst_db: columns().map(|column| min(&mut column.iter().map(ErrorMetrics::sqnr_db))).collect(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::tensor::AnyScheme;

    fn quantized(scheme: &str, shape: [usize; 2], value: impl Fn(usize, usize) -> f32) -> (ArrayD<f32>, PackedTensor) {
        let values = ndarray::Array2::from_shape_fn(shape, |(row, column)| value(row, column)).into_dyn();
        let q = scheme.parse::<AnyScheme>().unwrap().quantize(&values).unwrap();
        (values, q)
    }

    #[test]
    fn a_row_beside_an_outlier_is_lost_and_named() {
        let value = |row, column| if (row, column) == (3, 0) { 1e6 } else { 1.0 + (row * column) as f32 / 999.0 };
        let (values, q) = quantized("int8 per tensor", [300, 7], value);
        let channels = Channels::of(&values, &q, 0, true).unwrap().unwrap();
        assert!(q.error(&values).unwrap().sqnr_db() > 80.0);
        assert_eq!((channels.count, channels.lost, channels.worst_db, channels.median_db), (300, 299, 0.0, 0.0));
        assert_eq!(channels.lost_ones(), "0, 1, 2, 4, 5, 6, 7, 8 and 291 more");
        let profile = channels.profile.unwrap();
        assert_eq!((profile.channels_per_column, profile.min.len(), profile.largest_scale.len()), (4, 75, 75));
        assert_eq!((profile.min[0], profile.max[0], profile.worst_db[0]), (1.0, 1e6, 0.0));
    }

    #[test]
    fn scales_are_those_of_the_channels() {
        let value = |row: usize, column: usize| (row + 1) as f32 * if column < 32 { 1.0 } else { 2.0 };
        for (scheme, expected) in [
            ("int8 per axis 0", vec![(1.0, 1.0), (2.0, 2.0)]),
            ("int8 per block of 32 along axis 1", vec![(1.0, 2.0), (2.0, 4.0)]),
            ("int8 per tensor", vec![(4.0, 4.0), (4.0, 4.0)]),
            ("f16", vec![]),
        ] {
            let (_, q) = quantized(scheme, [2, 64], value);
            let unit = q.params().scales()[0] / if scheme.ends_with("tensor") { 4.0 } else { 1.0 };
            let found = scales(q.params(), &[2, 64], 0);
            let found: Vec<_> =
                found.iter().map(|&(a, b)| ((a as f32 / unit).round(), (b as f32 / unit).round())).collect();
            assert_eq!(found, expected, "{scheme}");
        }
        // Along another axis than the blocks', nothing can be told of a column.
        let (_, q) = quantized("int8 per block of 32 along axis 1", [2, 64], value);
        assert_eq!(scales(q.params(), &[2, 64], 1), []);
    }

    #[test]
    fn channels_lie_along_the_first_axis_of_two() {
        assert_eq!([first_axis(&[4, 3]), first_axis(&[1, 4, 1, 3]), first_axis(&[1, 7])], [Some(0), Some(1), None]);
    }
}
