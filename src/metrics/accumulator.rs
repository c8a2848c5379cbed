//! Pairs in pieces of any length, summed in the blocks that the definition of the sums prescribes.

use super::ErrorMetrics;
use super::number::Number;
use crate::kernel::ERROR_BLOCK;
use alloc::vec::Vec;

#[derive(Debug, Default)]
pub(super) struct Accumulator<N: Number> {
    sums: N::Sums,
    saturated: u64,
    x: Vec<N>,
    y: Vec<N>,
}

impl<N: Number> Accumulator<N> {
    /// Adds pairs that follow those before.
    pub(super) fn push(&mut self, mut x: &[N], mut y: &[N]) {
        if !self.x.is_empty() {
            let n = x.len().min(ERROR_BLOCK - self.x.len());
            self.x.extend_from_slice(&x[..n]);
            self.y.extend_from_slice(&y[..n]);
            (x, y) = (&x[n..], &y[n..]);
            if self.x.len() == ERROR_BLOCK {
                self.flush();
            }
        }
        let whole = x.len() / ERROR_BLOCK * ERROR_BLOCK;
        if whole > 0 {
            N::follow(&mut self.sums, &x[..whole], &y[..whole]);
        }
        self.x.extend_from_slice(&x[whole..]);
        self.y.extend_from_slice(&y[whole..]);
    }

    /// Adds the last of the pairs, which need not be kept for others, and returns the metrics of all; then begins anew.
    pub(super) fn end(&mut self, x: &[N], y: &[N]) -> ErrorMetrics {
        if self.x.is_empty() {
            N::follow(&mut self.sums, x, y);
        } else {
            self.push(x, y);
            self.flush();
        }
        let metrics = ErrorMetrics { saturated: self.saturated, ..N::metrics(&self.sums) };
        (self.sums, self.saturated) = (N::Sums::default(), 0);
        metrics
    }

    /// Adds to the number of values that were saturated.
    pub(super) fn saturated(&mut self, count: u64) {
        self.saturated += count;
    }

    fn flush(&mut self) {
        N::follow(&mut self.sums, &self.x, &self.y);
        self.x.clear();
        self.y.clear();
    }
}
