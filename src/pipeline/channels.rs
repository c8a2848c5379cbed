//! How the channels of a tensor fared: one large value hides a row that is lost.

use crate::error::Result;
use crate::metrics::{ChannelErrors, ErrorMetrics, per_channel, per_tensor};
use crate::num::Real;
use crate::params::{Granularity, QuantParams};
use crate::recipe::{Candidate, UsageRole};
use crate::tensor::PackedTensor;
use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

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
    /// How many are not, by their ratio, but have more than half of their values restored as 0: one large value makes the ratio.
    pub emptied: usize,
    /// The first of those.
    pub first_emptied: Vec<Emptied>,
    /// Ranges and scales along the axis, if they were asked for.
    pub profile: Option<Profile>,
}

/// A channel of which little more than its largest value is left.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Emptied {
    /// The channel.
    pub channel: usize,
    /// The SQNR in dB with the largest value.
    pub with_largest_db: f64,
    /// The SQNR in dB of the values but the largest.
    pub without_largest_db: f64,
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
    pub(super) fn of<T: Real>(
        values: ArrayViewD<'_, T>,
        q: &PackedTensor,
        axis: usize,
        with_profile: bool,
    ) -> Result<Option<Self>> {
        if values.shape().get(axis).is_none_or(|&count| count < 2) {
            return Ok(None);
        }
        let errors = q.channel_errors(values.view(), axis)?;
        let profile = with_profile.then(|| Profile::new(errors.channels(), &scales(q.params(), values.shape(), axis)));
        let channels = Self::new(axis, &errors, profile);
        Ok(channels.map(|channels| {
            // Seldom: it is for the few channels that are named.
            if channels.first_emptied.is_empty() { channels } else { channels.looked_into(&values, &q.dequantize()) }
        }))
    }

    /// Returns how the channels along an axis of a restored tensor fared; `None` where one would be the whole tensor.
    ///
    /// # Errors
    ///
    /// Those of tensors of different shapes.
    pub(super) fn between<T: Real, U: Real>(
        values: ArrayViewD<'_, T>,
        restored: &ArrayD<U>,
        axis: usize,
    ) -> Result<Option<Self>> {
        if values.shape().get(axis).is_none_or(|&count| count < 2) {
            return Ok(None);
        }
        let errors = ChannelErrors::new(per_channel(values.view(), restored.view(), axis)?);
        Ok(Self::new(axis, &errors, None).map(|channels| channels.looked_into(&values, restored)))
    }

    /// Returns the same with the ratios of the channels that are named as emptied.
    fn looked_into<T: Real, U: Real>(mut self, values: &ArrayViewD<'_, T>, restored: &ArrayD<U>) -> Self {
        for emptied in &mut self.first_emptied {
            let (axis, channel) = (Axis(self.axis), emptied.channel);
            let (x, y) = (values.index_axis(axis, channel), restored.index_axis(axis, channel));
            emptied.without_largest_db = without_largest_db(&x, &y);
        }
        self
    }

    /// Returns the same of errors that were taken elsewhere.
    fn new(axis: usize, errors: &ChannelErrors, profile: Option<Profile>) -> Option<Self> {
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
            emptied: errors.emptied().count(),
            first_emptied: errors
                .emptied()
                .take(NAMED)
                .map(|channel| Emptied {
                    channel,
                    with_largest_db: errors.channels()[channel].sqnr_db(),
                    without_largest_db: 0.0,
                })
                .collect(),
            profile,
        })
    }

    /// Returns which channels are lost, in words: `3, 17 and 4 more`.
    pub(super) fn lost_ones(&self) -> String {
        listed(self.first_lost.iter().map(ToString::to_string).collect(), self.lost)
    }

    /// Returns which channels are emptied, and their ratios, in words: `3 (67.3 dB, and 0.1 dB without its largest value)`.
    pub(super) fn emptied_ones(&self) -> String {
        let named = |emptied: &Emptied| {
            let Emptied { channel, with_largest_db, without_largest_db } = emptied;
            format!("{channel} ({with_largest_db:.1} dB, and {without_largest_db:.1} dB without its largest value)")
        };
        listed(self.first_emptied.iter().map(named).collect(), self.emptied)
    }
}

fn listed(named: Vec<String>, count: usize) -> String {
    match count.saturating_sub(named.len()) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Returns the SQNR in dB of the elements but the first one of the largest finite magnitude.
fn without_largest_db<T: Real, U: Real>(x: &ArrayViewD<'_, T>, y: &ArrayViewD<'_, U>) -> f64 {
    let magnitudes = x.iter().map(|x| x.to_f32().abs()).enumerate().filter(|(_, x)| x.is_finite());
    let largest = magnitudes.reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|(at, _)| at);
    let is_kept = |at: usize| Some(at) != largest;
    let x: Array1<T> = x.iter().enumerate().filter(|(at, _)| is_kept(*at)).map(|(_, x)| *x).collect();
    let y: Array1<U> = y.iter().enumerate().filter(|(at, _)| is_kept(*at)).map(|(_, y)| *y).collect();
    per_tensor(x.view(), y.view()).map_or(f64::INFINITY, |error| error.sqnr_db())
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
        let channels = Channels::of(values.view(), &q, 0, true).unwrap().unwrap();
        assert!(q.error(&values).unwrap().sqnr_db() > 80.0);
        assert_eq!((channels.count, channels.lost, channels.worst_db, channels.median_db), (300, 299, 0.0, 0.0));
        assert_eq!(channels.lost_ones(), "0, 1, 2, 4, 5, 6, 7, 8 and 291 more");
        let profile = channels.profile.unwrap();
        assert_eq!((profile.channels_per_column, profile.min.len(), profile.largest_scale.len()), (4, 75, 75));
        assert_eq!((profile.min[0], profile.max[0], profile.worst_db[0]), (1.0, 1e6, 0.0));
    }

    #[test]
    fn a_row_that_is_its_largest_value_is_named_beside_its_fair_ratio() {
        let value = |row, column| if (row, column) == (2, 4) { 1e4 } else { ((row * 7 + column) as f32).sin() };
        let (values, q) = quantized("int8 per axis 0", [8, 32], value);
        let channels = Channels::of(values.view(), &q, 0, false).unwrap().unwrap();
        assert_eq!((channels.lost, channels.emptied), (0, 1));
        assert!(channels.worst_db > 35.0, "{channels:?}");
        let emptied = channels.first_emptied[0];
        assert_eq!((emptied.channel, emptied.without_largest_db), (2, 0.0));
        assert!(emptied.with_largest_db > 60.0);
        let between = Channels::between(values.view(), &q.dequantize(), 0).unwrap().unwrap();
        assert_eq!(between, channels);
        // Nearly all values small, but none of them lost; and one of two is not more than half.
        let value = |row: usize, column: usize| if column == 0 { 1.0 } else { 0.02 + row as f32 / 1e3 };
        let (values, q) = quantized("int8 per axis 0", [8, 32], value);
        assert_eq!(Channels::of(values.view(), &q, 0, false).unwrap().unwrap().emptied, 0);
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
