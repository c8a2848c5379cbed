//! Where windows lie on their input.

use crate::tensor::{MAX_ELEMENTS, Reason};
use tensor_quant::graph::{Activation, Layout, Padding, Window};

/// The windows along one spatial axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// How many there are.
    pub(super) windows: usize,
    /// What is added before the input.
    pub(super) before: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// The elements of a window.
    pub(super) taps: usize,
    /// The length of the input.
    pub(super) len: usize,
}

impl Span {
    /// Returns the taps of a window that lie on the input, and where the first of them does.
    pub(super) fn on_input(&self, window: usize) -> (std::ops::Range<usize>, usize) {
        let start = (window * self.stride) as isize - self.before as isize;
        let first = if start < 0 { (-start as usize).div_ceil(self.dilation) } else { 0 };
        let left = self.len as isize - start;
        let end = if left <= 0 { 0 } else { (left as usize).div_ceil(self.dilation).min(self.taps) };
        let at = (start + (first * self.dilation) as isize).max(0) as usize;
        (first.min(end)..end, at)
    }
}

/// Returns the windows along spatial axis number `axis`, of an input of `len` elements there.
pub(super) fn span(window: &Window, axis: usize, len: usize, taps: usize) -> Result<Span, Reason> {
    if window.layout != Layout::ChannelsLast {
        return Err("channels stand before the spatial axes".into());
    }
    let of = |list: &[usize], what: &str| match list.get(axis) {
        Some(&n) if (1..=MAX_ELEMENTS).contains(&n) => Ok(n),
        other => Err(format!("a {what} of {other:?}")),
    };
    let (stride, dilation) = (of(&window.strides, "stride")?, of(&window.dilations, "dilation")?);
    if !(1..=MAX_ELEMENTS).contains(&taps) {
        return Err(format!("a window of {taps} elements"));
    }
    let reach = (taps - 1).checked_mul(dilation).filter(|&n| n < MAX_ELEMENTS).map(|n| n + 1);
    let reach = reach.ok_or_else(|| format!("{taps} elements of a window, {dilation} apart"))?;
    let fitting = |padded: usize| if padded < reach { 0 } else { (padded - reach) / stride + 1 };
    let (windows, before) = match &window.padding {
        Padding::Valid => (fitting(len), 0),
        Padding::Same => {
            let windows = len.div_ceil(stride);
            let needed = windows.saturating_sub(1) * stride + reach;
            (windows, needed.saturating_sub(len) / 2)
        }
        Padding::Explicit(lengths) => match lengths.get(axis) {
            Some(&[before, behind]) if before <= MAX_ELEMENTS && behind <= MAX_ELEMENTS => {
                (fitting(len + before + behind), before)
            }
            other => return Err(format!("a padding of {other:?}")),
        },
    };
    Ok(Span { windows, before, stride, dilation, taps, len })
}

/// Applies an activation in place. NaN stays NaN.
pub(super) fn activate(x: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Tanh => x.iter_mut().for_each(|x| *x = x.tanh()),
        Activation::SignBit => x.iter_mut().for_each(|x| *x = f32::from(u8::from(x.is_sign_negative()))),
        other => {
            let (low, high) = other.bounds();
            for x in x {
                let above = if *x < low { low } else { *x };
                *x = if above > high { high } else { above };
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn taps_on_the_input_are_those_that_counting_finds() {
        for (len, taps, stride, dilation) in [(5, 3, 1, 1), (5, 3, 2, 2), (1, 4, 1, 3), (7, 2, 3, 1), (4, 5, 1, 1)] {
            for padding in [Padding::Same, Padding::Valid, Padding::Explicit(vec![[6, 2]])] {
                let mut window = Window::new(1);
                (window.strides, window.dilations, window.padding) = (vec![stride], vec![dilation], padding);
                let span = span(&window, 0, len, taps).unwrap();
                for w in 0..span.windows {
                    let place = |tap: usize| (w * stride + tap * dilation).checked_sub(span.before);
                    let counted: Vec<usize> = (0..taps).filter(|&t| place(t).is_some_and(|at| at < len)).collect();
                    let (range, at) = span.on_input(w);
                    assert_eq!(range.clone().collect::<Vec<_>>(), counted, "{span:?}, window {w}");
                    assert!(counted.first().is_none_or(|&t| place(t) == Some(at)));
                }
            }
        }
    }

    #[test]
    fn strides_of_nothing_are_refused() {
        let mut window = Window::new(1);
        window.strides = vec![0];
        assert!(span(&window, 0, 5, 3).is_err());
        assert!(span(&Window::new(1), 0, 5, 0).is_err() && span(&Window::new(1), 1, 5, 1).is_err());
    }
}
