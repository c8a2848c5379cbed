//! Tensors: a shape, values, and how they lie in memory.

use super::Distribution;
use super::layout::{AxisLayout, Layout};
use super::numbers::pick;
use crate::laws::random::Random;
use crate::laws::shrink::{OF_A_NUMBER, Shrink, Simplifying, exponent_of, simpler_number};
use core::fmt;
use core::ops::RangeInclusive;
use ndarray::ArrayViewD;
use proptest::strategy::{NewTree, Strategy};
use proptest::test_runner::TestRunner;

/// A tensor of f32, in some memory layout.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
    layout: Layout,
    fewest_axes: usize,
}

impl Tensor {
    /// Returns the row-major tensor of these values, of which there must be as many as the shape says; others are left out,
    /// and missing ones are 0.
    pub fn new(shape: &[usize], values: Vec<f32>) -> Self {
        let mut values = values;
        values.resize(shape.iter().product(), 0.0);
        Self { shape: shape.to_vec(), values, layout: Layout::row_major(shape.len()), fewest_axes: 0 }
    }

    /// Returns the length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the values, in row-major order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns how they lie in memory.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Calls `visit` with a view in the tensor's memory layout, and returns what it returns.
    pub fn with_view<O>(&self, visit: impl FnOnce(ArrayViewD<'_, f32>) -> O) -> O {
        self.layout.with_view(&self.shape, &self.values, visit)
    }

    /// Returns the same tensor with other values, in row-major order.
    pub(in crate::laws) fn with_values(&self, values: Vec<f32>) -> Self {
        Self { values, ..self.clone() }
    }

    /// Returns the same values in a plain row-major tensor.
    pub(in crate::laws) fn row_major(&self) -> Self {
        Self { layout: Layout::row_major(self.shape.len()), ..self.clone() }
    }

    /// Makes what is shown twice in memory the same.
    fn with_repeats(mut self) -> Self {
        for axis in 0..self.shape.len() {
            if self.layout.axes[axis].step == 0 {
                let inner: usize = self.shape[axis + 1..].iter().product();
                let len = self.shape[axis];
                for i in 0..self.values.len() {
                    let (outer, at) = (i / inner / len, i % inner);
                    self.values[i] = self.values[outer * len * inner + at];
                }
            }
        }
        self
    }

    /// Returns the part with indices `from..to` along an axis.
    pub(in crate::laws) fn part(&self, axis: usize, from: usize, to: usize) -> Self {
        let (inner, len) = (self.shape[axis + 1..].iter().product::<usize>(), self.shape[axis]);
        let values =
            self.values.iter().enumerate().filter(|(i, _)| (from..to).contains(&(i / inner.max(1) % len.max(1))));
        let values = values.map(|(_, &x)| x).collect();
        let mut part = Self { values, ..self.clone() };
        part.shape[axis] = to - from;
        part
    }

    fn without_axis(&self, axis: usize) -> Self {
        let mut less = self.clone();
        less.shape.remove(axis);
        less.layout.axes.remove(axis);
        less.layout.order.retain(|&k| k != axis);
        for k in &mut less.layout.order {
            *k -= usize::from(*k > axis);
        }
        less
    }
}

/// The values with their bits; of many the first.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        write!(f, "tensor of shape {:?}: [", self.shape)?;
        for (i, x) in self.values.iter().take(SHOWN).enumerate() {
            write!(f, "{}{x:?} ({:#010x})", if i > 0 { ", " } else { "" }, x.to_bits())?;
        }
        f.write_str(if self.values.len() > SHOWN { ", …]" } else { "]" })?;
        if !self.layout.is_row_major() {
            write!(f, ", in memory {:?}", self.layout)?;
        }
        Ok(())
    }
}

/// Values next to 1, shorter axes, fewer of them, a plainer layout, then plainer values.
impl Shrink for Tensor {
    fn attempts(&self) -> usize {
        let axes: usize = self.shape.iter().map(|n| 2 + n).sum();
        axes + self.shape.len() + 1 + self.shape.len() + 1 + self.values.len() * OF_A_NUMBER
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        // Magnitudes first: what breaks at any size is shown by values next to 1.
        let Some(mut k) = k.checked_sub(1) else { return self.near_one() };
        for (axis, &n) in self.shape.iter().enumerate() {
            if k < 2 + n {
                return match k {
                    _ if n < 2 => None,
                    0 => Some(self.part(axis, 0, n / 2)),
                    1 => Some(self.part(axis, n / 2, n)),
                    k => {
                        // Without the one at this index: those before it and those after it.
                        let at = k - 2;
                        let inner = self.shape[axis + 1..].iter().product::<usize>().max(1);
                        let kept = self.values.iter().enumerate().filter(|(i, _)| i / inner % n != at);
                        let mut fewer = Self { values: kept.map(|(_, &x)| x).collect(), ..self.clone() };
                        fewer.shape[axis] = n - 1;
                        Some(fewer.with_repeats())
                    }
                };
            }
            k -= 2 + n;
        }
        let ndim = self.shape.len();
        if k < ndim {
            return (self.shape[k] == 1 && ndim > self.fewest_axes).then(|| self.without_axis(k));
        }
        k -= ndim;
        if k == 0 {
            return (!self.layout.is_row_major()).then(|| self.row_major());
        }
        k -= 1;
        if k < ndim {
            return (self.layout.axes[k] != AxisLayout::PLAIN).then(|| {
                let mut plainer = self.clone();
                plainer.layout.axes[k] = AxisLayout::PLAIN;
                plainer
            });
        }
        k -= ndim;
        let x = simpler_number(*self.values.get(k / OF_A_NUMBER)?, k % OF_A_NUMBER)?;
        let mut simpler = self.clone();
        simpler.values[k / OF_A_NUMBER] = x;
        Some(simpler.with_repeats())
    }
}

impl Tensor {
    /// Returns the tensor divided by the power of two of its largest magnitude.
    fn near_one(&self) -> Option<Self> {
        let largest = self.values.iter().filter(|x| x.is_finite()).fold(0.0_f32, |m, x| m.max(x.abs()));
        if largest == 0.0 || exponent_of(largest) == 0 {
            return None;
        }
        let factor = 2.0_f64.powi(-exponent_of(largest));
        Some(self.with_values(self.values.iter().map(|&x| (f64::from(x) * factor) as f32).collect()))
    }
}

/// Tensors of any shape, distribution and memory layout.
#[derive(Clone, Debug)]
pub struct Tensors {
    distributions: Vec<Distribution>,
    axes: RangeInclusive<usize>,
    /// An axis of its own length, for groups and blocks along it.
    long: Option<(usize, usize)>,
    empty: bool,
    strided: bool,
    most: usize,
}

impl Tensors {
    /// Returns the strategy of tensors of 0 to 5 axes, some of them of no length, of any distribution of values, those of
    /// [`Distribution::Bits`] included, in any memory layout.
    pub fn any() -> Self {
        let distributions = [Distribution::FINITE, &[Distribution::Bits]].concat();
        Self { distributions, axes: 0..=5, long: None, empty: true, strided: true, most: 64 }
    }

    /// Returns the strategy of tensors with at least one element, all of them finite, row-major.
    pub fn finite() -> Self {
        Self { distributions: Distribution::FINITE.to_vec(), empty: false, strided: false, ..Self::any() }
    }

    /// Returns the strategy with other numbers of axes.
    #[must_use]
    pub fn with_axes(self, axes: RangeInclusive<usize>) -> Self {
        Self { axes, ..self }
    }

    /// Returns the strategy with other distributions.
    #[must_use]
    pub fn with_distributions(self, distributions: &[Distribution]) -> Self {
        Self { distributions: distributions.to_vec(), ..self }
    }

    /// Returns the strategy of tensors that have this axis, of up to `longest` elements: for groups and blocks along it.
    #[must_use]
    pub fn with_long_axis(self, axis: usize, longest: usize) -> Self {
        let axes = (*self.axes.start()).max(axis + 1)..=(*self.axes.end()).max(axis + 1);
        Self { axes, long: Some((axis, longest)), ..self }
    }

    /// Returns the strategy of tensors of about so many elements at most, but for one in sixteen, which is longer.
    #[must_use]
    pub fn with_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Returns the strategy of tensors in any memory layout: permuted, strided, backwards and broadcast.
    #[must_use]
    pub fn in_any_layout(self) -> Self {
        Self { strided: true, ..self }
    }

    pub(in crate::laws) fn make(&self, random: &mut Random) -> Tensor {
        let (low, high) = (*self.axes.start(), *self.axes.end());
        let ndim = low + random.below(high.saturating_sub(low) + 1);
        let mut shape = vec![1; ndim];
        // One axis may be long; all of them together are kept short.
        let mut room = if random.one_in(16) { self.most * 10 } else { self.most };
        if let Some((axis, longest)) = self.long {
            shape[axis] = 1 + random.below(longest.max(1));
            room /= shape[axis];
        }
        let long = random.below(ndim);
        for (k, len) in shape.iter_mut().enumerate() {
            if self.long.is_none_or(|(axis, _)| axis != k) {
                let most = if k == long { room } else { room.min(4) };
                *len = 1 + random.below(most.max(1));
                room /= *len;
            }
        }
        if self.empty && ndim > 0 && random.one_in(16) {
            shape[random.below(ndim)] = 0;
        }
        let mut tensor = Tensor { fewest_axes: low, ..Tensor::new(&shape, Vec::new()) };
        pick(&self.distributions, random).fill(random, &mut tensor.values);
        if self.strided {
            tensor.layout = Layout::make(random, ndim);
        }
        tensor.with_repeats()
    }
}

impl Strategy for Tensors {
    type Tree = Simplifying<Tensor>;
    type Value = Tensor;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Simplifying::from(self.make(&mut Random::of(runner)?)))
    }
}
