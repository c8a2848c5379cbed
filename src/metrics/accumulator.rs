//! Pairs in pieces of any length, summed in the blocks that the definition of the sums prescribes.

use super::ErrorMetrics;
use crate::kernel::{self, ErrorSums};
use alloc::vec::Vec;

/// Elements in a block of [`kernel::error_sums`].
const BLOCK: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Accumulator {
    metrics: ErrorMetrics,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Accumulator {
    /// Adds pairs that follow those before.
    pub(super) fn push(&mut self, mut x: &[f32], mut y: &[f32]) {
        self.metrics.zeroed +=
            x.iter().zip(y).map(|(&x, &y)| u64::from((x != 0.0) & (y == 0.0) & x.is_finite())).sum::<u64>();
        while !x.is_empty() {
            let whole = x.len() / BLOCK * BLOCK;
            let n = if self.x.is_empty() && whole > 0 { whole } else { x.len().min(BLOCK - self.x.len()) };
            let ((x_now, x_later), (y_now, y_later)) = (x.split_at(n), y.split_at(n));
            if n >= BLOCK {
                self.add(x_now, y_now);
            } else {
                self.x.extend_from_slice(x_now);
                self.y.extend_from_slice(y_now);
                if self.x.len() == BLOCK {
                    self.flush();
                }
            }
            (x, y) = (x_later, y_later);
        }
    }

    /// Adds to the number of values that were saturated.
    pub(super) fn saturated(&mut self, count: u64) {
        self.metrics.saturated += count;
    }

    pub(super) fn finish(mut self) -> ErrorMetrics {
        self.flush();
        self.metrics
    }

    fn flush(&mut self) {
        let (x, y) = (core::mem::take(&mut self.x), core::mem::take(&mut self.y));
        self.add(&x, &y);
        (self.x, self.y) = (x, y);
        self.x.clear();
        self.y.clear();
    }

    fn add(&mut self, x: &[f32], y: &[f32]) {
        // Block by block, so that the order of the sums is that of one call over everything.
        for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
            let sums: ErrorSums = kernel::error_sums(kernel::detect(), x, y);
            self.metrics.sums = self.metrics.sums.followed_by(sums);
            if sums.non_finite > 0 {
                self.metrics.non_finite_changed +=
                    x.iter().zip(y).map(|(&x, &y)| u64::from(is_changed(x, y))).sum::<u64>();
            }
        }
    }
}

/// Returns whether one is not finite, and the other is not the same.
fn is_changed(x: f32, y: f32) -> bool {
    !(x.is_finite() && y.is_finite()) && x != y && !(x.is_nan() && y.is_nan())
}
