//! How the errors of a tensor are distributed over its channels.

use super::ErrorMetrics;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Below this SQNR, in dB, a channel is lost: the error is more than half as large as the signal.
const LOST_BELOW_DB: f64 = 6.0;

/// The errors of the channels of a tensor, and which of them is the worst, the median, or lost.
///
/// One large value makes the error of a whole tensor look small: a row of small values may be lost beside it at 100 dB. What
/// the tensor is worth is therefore said by its worst channel and by its median one, beside the whole.
///
/// Channels are ordered by [`sqnr_db`](ErrorMetrics::sqnr_db). One in which a value that was not finite, or is not, was
/// changed comes before all others, as its error has no end; equal ones are ordered by their index.
///
/// | channel | SQNR | |
/// | --- | --- | --- |
/// | restored exactly: constant, all zeros, or without a finite value | ∞ | not lost |
/// | not all zeros, restored as zeros | 0 dB | lost |
/// | all zeros, restored as something else | −∞ | lost |
/// | without elements | ∞ | not lost |
/// | with NaN or ±∞ | that of its finite pairs | the others are counted: [`non_finite`](ErrorMetrics::non_finite) |
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, quantize_tensor};
///
/// // One value decides on the scale of both rows.
/// let x = array![[1e6_f32, 1e6], [0.5, -0.25]];
/// let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric())?;
/// let rows = q.channel_errors(x.view(), 0)?;
/// assert!(q.error(x.view())?.sqnr_db() > 100.0);
/// assert_eq!(rows.worst().map(|(row, error)| (row, error.sqnr_db())), Some((1, 0.0)));
/// assert_eq!(rows.lost().collect::<Vec<_>>(), [1]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelErrors {
    channels: Vec<ErrorMetrics>,
    worst: Option<usize>,
    median: Option<usize>,
}

impl ChannelErrors {
    /// Returns the distribution of the errors of channels, in their order.
    ///
    /// They come from [`per_channel`](super::per_channel) or
    /// [`error_per_channel`](crate::QuantizedTensor::error_per_channel), which make one pass over the tensor.
    pub fn new(channels: Vec<ErrorMetrics>) -> Self {
        let mut order: Vec<usize> = (0..channels.len()).collect();
        let by_quality = |&a: &usize, &b: &usize| quality(&channels[a], &channels[b]).then(a.cmp(&b));
        let worst = order.iter().copied().min_by(|a, b| by_quality(a, b));
        let middle = channels.len().saturating_sub(1) / 2;
        let median = worst.map(|_| *order.select_nth_unstable_by(middle, by_quality).1);
        Self { channels, worst, median }
    }

    /// Returns the errors of each channel.
    pub fn channels(&self) -> &[ErrorMetrics] {
        &self.channels
    }

    /// Returns the channel of the largest error beside its signal, and its index; `None` if there are no channels.
    pub fn worst(&self) -> Option<(usize, &ErrorMetrics)> {
        self.at(self.worst)
    }

    /// Returns the channel that is better than half of the others, and its index; `None` if there are no channels.
    ///
    /// Of an even number of channels it is the worse one of the two in the middle.
    pub fn median(&self) -> Option<(usize, &ErrorMetrics)> {
        self.at(self.median)
    }

    /// Returns the indices of the channels that are lost, in order: their SQNR is below 6 dB. That of a channel restored as
    /// zeros is 0 dB.
    pub fn lost(&self) -> impl Iterator<Item = usize> + '_ {
        self.below(LOST_BELOW_DB)
    }

    /// Returns the indices of the channels whose SQNR is below a number of dB, in order.
    pub fn below(&self, sqnr_db: f64) -> impl Iterator<Item = usize> + '_ {
        let channels = self.channels.iter().enumerate();
        channels.filter(move |(_, channel)| channel.sqnr_db() < sqnr_db).map(|(index, _)| index)
    }

    /// Returns the indices of the channels that their ratio calls fair, but of whose values more than half were restored as 0, in order:
    /// one large value has the range, and makes the ratio. What is left of such a channel is that value.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{Scheme, quantize_tensor};
    ///
    /// // Each row has its own scale, which the large value of the first one takes.
    /// let x = array![[1e6_f32, 0.3, -0.1], [0.5, -0.25, 0.1]];
    /// let rows = quantize_tensor(x.view(), &Scheme::<i8>::symmetric().with_axis(0))?.channel_errors(x.view(), 0)?;
    /// assert!(rows.worst().is_some_and(|(_, error)| error.sqnr_db() > 40.0));
    /// assert_eq!(rows.emptied().collect::<Vec<_>>(), [0]);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn emptied(&self) -> impl Iterator<Item = usize> + '_ {
        let is_emptied = |channel: &ErrorMetrics| {
            channel.sqnr_db() >= LOST_BELOW_DB && channel.zeroed() > channel.count().saturating_sub(1) / 2
        };
        self.channels.iter().enumerate().filter(move |(_, channel)| is_emptied(channel)).map(|(index, _)| index)
    }

    fn at(&self, index: Option<usize>) -> Option<(usize, &ErrorMetrics)> {
        index.and_then(|index| Some((index, self.channels.get(index)?)))
    }
}

/// Orders the worse one first.
fn quality(a: &ErrorMetrics, b: &ErrorMetrics) -> Ordering {
    let keeps = |channel: &ErrorMetrics| channel.non_finite_changed() == 0;
    keeps(a).cmp(&keeps(b)).then(a.sqnr_db().total_cmp(&b.sqnr_db()))
}
