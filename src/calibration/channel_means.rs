//! The mean of each channel of an activation.

use super::exact_sum::ExactSum;
use crate::error::{Error, Result};
use crate::num::Real;
use crate::params::Granularity;
use crate::tensor::{AsView, Input, for_each_group};

/// Returns the mean of the finite values at each index along an axis, over all batches.
///
/// Sums are exact: the means do not depend on order or splitting, and merging is exact. A channel without a finite value
/// has the mean 0.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::calibration::ChannelMeans;
///
/// let mut means = ChannelMeans::new(1);
/// means.observe(array![[1.0_f32, 10.0], [2.0, 20.0]].view())?;
/// means.observe(array![[6.0_f32, 0.0]].view())?;
/// assert_eq!(means.means(), [3.0, 10.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        into = "super::channel_means_file::ChannelMeansState",
        try_from = "super::channel_means_file::ChannelMeansState"
    )
)]
pub struct ChannelMeans {
    pub(super) axis: usize,
    pub(super) channels: Option<Vec<ExactSum>>,
}

impl ChannelMeans {
    /// Returns the means of no values, to be taken for each index along `axis`.
    pub fn new(axis: usize) -> Self {
        Self { axis, channels: None }
    }

    /// Takes note of a tensor's values.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfBounds`]; [`Error::LengthMismatch`] if the axis was of another length before;
    /// [`Error::OutOfMemory`] if an empty tensor has more channels than can be.
    pub fn observe<V: AsView<Element: Real>>(&mut self, values: V) -> Result<()> {
        let values = values.as_view();
        let granularity = Granularity::Axis(self.axis);
        let groups = granularity.groups(values.shape())?;
        let channels = match self.channels.take() {
            Some(channels) => channels,
            None => for_each_group(groups, &ExactSum::default())?,
        };
        let channels = self.channels.insert(channels);
        if channels.len() != groups {
            let expected = channels.len();
            return Err(Error::LengthMismatch { what: "the axis of the channels", expected, actual: groups });
        }
        Input::of(&values).for_each_f32_piece(granularity, &mut |span, x| {
            for (k, run) in x.chunks(span.repeat).enumerate() {
                channels[span.first_group + k].add(run);
            }
            Ok(())
        })
    }

    /// Takes note of everything that `other` observed.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if they have different numbers of channels.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        match (&mut self.channels, &other.channels) {
            (_, None) => {}
            (None, theirs) => self.channels.clone_from(theirs),
            (Some(ours), Some(theirs)) if ours.len() == theirs.len() => {
                ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| ours.merge(theirs));
            }
            (Some(ours), Some(theirs)) => {
                let (expected, actual) = (ours.len(), theirs.len());
                return Err(Error::LengthMismatch { what: "the axis of the channels", expected, actual });
            }
        }
        Ok(())
    }

    /// Returns the mean of each channel; none before something was observed.
    pub fn means(&self) -> Vec<f32> {
        self.channels.iter().flatten().map(|channel| channel.mean() as f32).collect()
    }
}
