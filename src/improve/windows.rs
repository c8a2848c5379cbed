//! Where the windows of a convolution lie on its input, along one spatial axis.

use crate::graph::{Layout, Padding, Window};

/// Lengths beyond this are no lengths of an image.
const LONGEST: usize = 1 << 24;

/// The windows along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// How many positions of the output there are.
    pub(super) windows: usize,
    before: usize,
    stride: usize,
    dilation: usize,
    /// The length of the input.
    len: usize,
}

impl Span {
    /// Returns the windows of a convolution of so many `taps` over `len` elements; `None` where that makes no sense.
    pub(super) fn forward(window: &Window, axis: usize, len: usize, taps: usize) -> Option<Self> {
        let (stride, dilation) = steps(window, axis)?;
        let reach = taps.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
        if reach > LONGEST || len > LONGEST {
            return None;
        }
        let fitting = |padded: usize| if padded < reach { 0 } else { (padded - reach) / stride + 1 };
        let (windows, before) = match &window.padding {
            Padding::Valid => (fitting(len), 0),
            Padding::Same => {
                let windows = len.div_ceil(stride);
                (windows, (windows.saturating_sub(1) * stride + reach).saturating_sub(len) / 2)
            }
            Padding::Explicit(lengths) => match *lengths.get(axis)? {
                [before, behind] if before.max(behind) <= LONGEST => (fitting(len + before + behind), before),
                _ => return None,
            },
        };
        Some(Self { windows, before, stride, dilation, len })
    }

    /// Returns those of a convolution backwards, whose output has `out` elements.
    pub(super) fn backward(window: &Window, axis: usize, len: usize, taps: usize, out: usize) -> Option<Self> {
        let (stride, dilation) = steps(window, axis)?;
        if dilation != 1 || taps > LONGEST || len > LONGEST || out > LONGEST {
            return None;
        }
        let before = match &window.padding {
            Padding::Valid => 0,
            Padding::Same => (len.saturating_sub(1) * stride + taps).saturating_sub(out) / 2,
            Padding::Explicit(lengths) => lengths.get(axis)?[0].min(LONGEST),
        };
        Some(Self { windows: out, before, stride, dilation, len })
    }

    /// Returns the element of the input under a tap of a window; `None` in the padding.
    pub(super) fn under(&self, window: usize, tap: usize) -> Option<usize> {
        (window * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&at| at < self.len)
    }

    /// Returns the element of the input that a tap multiplies for an element of the output of a convolution backwards.
    pub(super) fn behind(&self, output: usize, tap: usize) -> Option<usize> {
        let at = (output + self.before).checked_sub(tap)?;
        at.is_multiple_of(self.stride).then(|| at / self.stride).filter(|&at| at < self.len)
    }
}

fn steps(window: &Window, axis: usize) -> Option<(usize, usize)> {
    let of = |list: &[usize]| list.get(axis).copied().filter(|n| (1..=LONGEST).contains(n));
    (window.layout == Layout::ChannelsLast).then_some(())?;
    Some((of(&window.strides)?, of(&window.dilations)?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn backward_is_the_transpose_of_forward() {
        for (out, taps, stride) in [(7, 3, 2), (8, 4, 2), (9, 2, 3), (5, 3, 1)] {
            for padding in [Padding::Same, Padding::Valid] {
                let mut window = Window::new(1);
                (window.strides, window.padding) = (vec![stride], padding);
                let forward = Span::forward(&window, 0, out, taps).unwrap();
                let backward = Span::backward(&window, 0, forward.windows, taps, out).unwrap();
                for y in 0..out {
                    for tap in 0..taps {
                        let from = (0..forward.windows).find(|&w| forward.under(w, tap) == Some(y));
                        assert_eq!(backward.behind(y, tap), from, "{window:?} {y} {tap}");
                    }
                }
            }
        }
    }

    #[test]
    fn absurd_windows_are_none() {
        let mut window = Window::new(1);
        window.strides = vec![0];
        assert!(Span::forward(&window, 0, 5, 3).is_none());
        assert!(Span::forward(&Window::new(1), 0, 5, 0).is_none());
        assert!(Span::forward(&Window::new(1), 1, 5, 3).is_none());
    }
}
