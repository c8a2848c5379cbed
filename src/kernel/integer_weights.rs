//! The weights of a matrix product, as its loops read them.

use alloc::vec;
use alloc::vec::Vec;

/// Output channels in a panel.
pub(super) const COLUMNS: usize = 16;
/// Neighbours along the depth that are multiplied in one step.
pub(super) const STEP: usize = 4;
/// The most rows that share a load of weights, at any level.
pub(super) const MOST_TOGETHER: usize = 8;

/// 8-bit weights `[channels, depth]`, laid out for [`integer_matmul`](super::integer_matmul()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegerWeights {
    pub(super) channels: usize,
    pub(super) depth: usize,
    /// `[channels / 16][depth / 4][16][4]`, plus 128, and 128 where there is no weight.
    pub(super) panels: Vec<u8>,
    /// Σ w of each channel.
    pub(super) sums: Vec<i32>,
}

impl IntegerWeights {
    /// Returns the weights, of which each channel's stand side by side.
    ///
    /// # Panics
    ///
    /// If there are not `channels · depth` weights.
    pub fn new(weights: &[i8], channels: usize, depth: usize) -> Self {
        let expected = channels.checked_mul(depth);
        assert_eq!(expected, Some(weights.len()), "weights: expected a length of {channels} · {depth}");
        let steps = depth.div_ceil(STEP);
        let mut panels = vec![0x80; channels.div_ceil(COLUMNS) * steps * COLUMNS * STEP];
        let mut sums = vec![0; channels];
        for (channel, sum) in sums.iter_mut().enumerate() {
            let row = &weights[channel * depth..(channel + 1) * depth];
            *sum = row.iter().fold(0_i32, |sum, &w| sum.wrapping_add(w.into()));
            let first = (channel / COLUMNS * steps * COLUMNS + channel % COLUMNS) * STEP;
            for (step, weights) in row.chunks(STEP).enumerate() {
                let start = first + step * COLUMNS * STEP;
                for (to, &w) in panels[start..start + STEP].iter_mut().zip(weights) {
                    *to = w as u8 ^ 0x80;
                }
            }
        }
        Self { channels, depth, panels, sums }
    }

    /// Returns the number of output channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Returns the number of weights of a channel.
    pub fn depth(&self) -> usize {
        self.depth
    }
}
