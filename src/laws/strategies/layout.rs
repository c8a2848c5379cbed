//! How a tensor lies in memory.

use crate::laws::random::Random;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn, Slice};

/// What stands in memory around the elements of a view: whoever reads it has an absurd maximum.
const AROUND: f32 = -7.7e37;

/// How one axis of a view lies over its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisLayout {
    /// Elements left out before the first.
    pub before: usize,
    /// Elements left out after the last.
    pub after: usize,
    /// Every how many elements, backwards if negative; 0 repeats one element (a broadcast view).
    pub step: isize,
}

impl AxisLayout {
    /// An axis as it is in a row-major tensor.
    pub const PLAIN: Self = Self { before: 0, after: 0, step: 1 };
}

/// How a tensor lies in memory: each axis with gaps, backwards or repeated, and the axes in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The layout of each axis of the tensor.
    pub axes: Vec<AxisLayout>,
    /// The order of the tensor's axes in memory, outermost first: a permutation.
    pub order: Vec<usize>,
}

impl Layout {
    /// Returns the row-major layout of so many axes.
    pub fn row_major(ndim: usize) -> Self {
        Self { axes: vec![AxisLayout::PLAIN; ndim], order: (0..ndim).collect() }
    }

    /// Returns whether it is the row-major one.
    pub fn is_row_major(&self) -> bool {
        *self == Self::row_major(self.axes.len())
    }

    pub(super) fn make(random: &mut Random, ndim: usize) -> Self {
        let mut layout = Self::row_major(ndim);
        if random.one_in(4) {
            return layout;
        }
        for axis in &mut layout.axes {
            if random.one_in(2) {
                let step = random.pick(&[1, 1, 2, -1, -1, -2, 3, 0]);
                *axis = AxisLayout { before: random.below(3), after: random.below(3), step };
            }
        }
        for k in (1..ndim).rev() {
            layout.order.swap(k, random.below(k + 1));
        }
        layout
    }

    /// Calls `visit` with a view of this layout that shows `values`, which are in row-major order. Of a repeated axis those
    /// at its index 0 are shown.
    pub(super) fn with_view<O>(
        &self,
        shape: &[usize],
        values: &[f32],
        visit: impl FnOnce(ArrayViewD<'_, f32>) -> O,
    ) -> O {
        if self.is_row_major() {
            return match ArrayViewD::from_shape(IxDyn(shape), values) {
                Ok(view) => visit(view),
                Err(_) => visit(ArrayD::zeros(IxDyn(shape)).view()),
            };
        }
        let used = |k: usize| match self.axes[k].step {
            0 => shape[k].min(1),
            step => (shape[k] * step.unsigned_abs()).saturating_sub(step.unsigned_abs() - 1),
        };
        // In memory the axes stand in their order.
        let stored: Vec<usize> =
            self.order.iter().map(|&k| self.axes[k].before + used(k) + self.axes[k].after).collect();
        let mut memory = ArrayD::from_elem(IxDyn(&stored), AROUND);
        let mut position = vec![0; shape.len()];
        for (in_memory, &axis) in self.order.iter().enumerate() {
            position[axis] = in_memory;
        }
        let slice = |k: usize| {
            let axis = self.axes[k];
            let step = if axis.step == 0 { 1 } else { axis.step };
            Slice::new(axis.before as isize, Some((axis.before + used(k)) as isize), step)
        };
        let mut shown: ArrayViewMutD<'_, f32> = memory.view_mut().permuted_axes(IxDyn(&position));
        for k in 0..shape.len() {
            shown.slice_axis_inplace(Axis(k), slice(k));
        }
        if let Ok(values) = ArrayViewD::from_shape(IxDyn(shape), values) {
            let mut once = values;
            for (k, axis) in self.axes.iter().enumerate().filter(|(_, axis)| axis.step == 0) {
                let _ = axis;
                once.slice_axis_inplace(Axis(k), Slice::from(..shape[k].min(1)));
            }
            shown.assign(&once);
        }
        let mut view = memory.view().permuted_axes(IxDyn(&position));
        for k in 0..shape.len() {
            view.slice_axis_inplace(Axis(k), slice(k));
        }
        match view.broadcast(IxDyn(shape)) {
            Some(view) => visit(view),
            None => visit(view.view()),
        }
    }
}
