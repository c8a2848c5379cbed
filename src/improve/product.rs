//! A product of activations and weights: how the weights are rows, and which inputs each row is multiplied with.

use super::windows::Span;
use crate::graph::{Attributes, Graph, Op, Operator, ValueId, Window};
use ndarray::{Array2, ArrayD, ArrayViewD, Axis};

/// An operator that multiplies activations with weights.
///
/// A row of weights makes one channel of the output. Where channels of the output see some channels of the input only, rows are in
/// groups: all rows of a group are multiplied with the same inputs.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    /// The activations.
    pub(crate) input: ValueId,
    /// What it comes to.
    pub(crate) output: ValueId,
    /// Elements of a row.
    pub(crate) len: usize,
    /// Groups of rows.
    pub(crate) groups: usize,
    kind: Kind,
    /// The shape of the weights.
    weights: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The input is rows.
    Rows,
    /// The input is columns: the weights stand on the left of a product of matrices.
    Columns {
        adjoint: bool,
    },
    /// The input is rows, but stored as columns.
    Adjoint,
    Convolution(Window),
    Depthwise(Window),
    Backward {
        window: Window,
        output: Vec<usize>,
    },
}

impl Product {
    /// Returns the product of an operator with weights of this shape, which are its input number `weights`.
    ///
    /// # Errors
    ///
    /// Why its inputs cannot be told, in a few words.
    pub(crate) fn new(
        graph: &Graph,
        subgraph: usize,
        operator: &Operator,
        weights: usize,
        shape: &[usize],
    ) -> Result<Self, String> {
        let part = graph.subgraphs.get(subgraph).ok_or("there is no such subgraph")?;
        let unlike = || format!("{} with weights of shape {shape:?}", operator.name);
        let (kind, input) = match (operator.op, &operator.attributes, weights, shape) {
            (Op::FullyConnected, _, 1, [_, _]) => (Kind::Rows, 0),
            (Op::Conv, Attributes::Window(window), 1, [_, _, _, _]) => (Kind::Convolution(window.clone()), 0),
            (Op::DepthwiseConv, Attributes::Window(window), 1, [1, _, _, _]) => (Kind::Depthwise(window.clone()), 0),
            (Op::TransposeConv, Attributes::Window(window), 1, [_, _, _, _]) => {
                let output = operator.outputs.first().and_then(|&output| part.values.get(output)?.known_shape());
                let output = output.filter(|shape| shape.len() == 4).ok_or_else(unlike)?;
                (Kind::Backward { window: window.clone(), output }, 2)
            }
            (Op::MatMul, Attributes::MatMul { adjoint, .. }, side @ (0 | 1), _) => {
                if shape.len() < 2 || shape.iter().rev().skip(2).any(|&len| len != 1) {
                    return Err(format!("{}: a batch of matrices shares scales", unlike()));
                }
                let kind = match (side, *adjoint) {
                    (1, [false, _]) => Kind::Rows,
                    (1, [true, _]) => Kind::Adjoint,
                    (_, [_, adjoint]) => Kind::Columns { adjoint },
                };
                (kind, 1 - side)
            }
            _ => return Err(unlike()),
        };
        let axis = operator.weights_axis(weights, shape.len()).ok_or_else(unlike)?;
        let input = operator.input(input).ok_or_else(unlike)?;
        let channels = part.values.get(input).and_then(|value| *value.shape.as_ref()?.last()?);
        let rows = shape[axis];
        let (len, groups) = match &kind {
            Kind::Depthwise(_) => (shape[1] * shape[2], channels.ok_or_else(unlike)?),
            Kind::Convolution(_) => {
                let groups = channels.filter(|_| shape[3] > 0).map_or(1, |channels| channels / shape[3]);
                (shape[1] * shape[2] * shape[3], groups)
            }
            _ => (shape.iter().product::<usize>().checked_div(rows).unwrap_or(0), 1),
        };
        if len == 0 || groups == 0 || rows == 0 || !rows.is_multiple_of(groups) {
            return Err(unlike());
        }
        let output = *operator.outputs.first().ok_or_else(unlike)?;
        let id = |value| ValueId { subgraph, value };
        Ok(Self { input: id(input), output: id(output), len, groups, kind, weights: shape.to_vec() })
    }

    /// Returns how many inputs each row is multiplied with in a value of this shape; `None` where it does not fit.
    fn positions(&self, shape: &[usize]) -> Option<(usize, [usize; 2], Option<[Span; 2]>)> {
        let of_windows = |window: &Window, taps: [usize; 2]| {
            let &[batch, height, width, _] = shape else { return None };
            let (y, x) = (Span::forward(window, 0, height, taps[0])?, Span::forward(window, 1, width, taps[1])?);
            Some((batch, [y, x]))
        };
        let (batch, spans) = match &self.kind {
            Kind::Rows => {
                let count = shape.iter().product::<usize>();
                return count.is_multiple_of(self.len).then_some((count / self.len, [1, 1], None));
            }
            Kind::Adjoint | Kind::Columns { adjoint: false } => {
                let &[.., rows, columns] = shape else { return None };
                let count = shape.iter().product::<usize>().checked_div(rows)?;
                return (rows == self.len).then_some((count, [rows, columns], None));
            }
            Kind::Columns { adjoint: true } => {
                let (&last, count) = (shape.last()?, shape.iter().product::<usize>());
                return (last == self.len).then_some((count / self.len, [1, 1], None));
            }
            Kind::Convolution(window) | Kind::Depthwise(window) => {
                of_windows(window, [self.weights[1], self.weights[2]])?
            }
            Kind::Backward { window, output } => {
                let &[batch, height, width, _] = shape else { return None };
                let y = Span::backward(window, 0, height, self.weights[1], output[1])?;
                (batch, [y, Span::backward(window, 1, width, self.weights[2], output[2])?])
            }
        };
        let windows = spans[0].windows.checked_mul(spans[1].windows)?;
        Some((batch.checked_mul(windows)?, [spans[0].windows, spans[1].windows], Some(spans)))
    }

    /// Returns at most `most` of the inputs in a value, at places that are spread over all of them, as rows for each group one after
    /// the other: [inputs, groups · len]. `None` where the value does not fit. An input with a number that is not finite is zeros.
    pub(crate) fn inputs(&self, value: ArrayViewD<'_, f32>, most: usize) -> Option<Array2<f32>> {
        let shape = value.shape().to_vec();
        let (count, sizes, spans) = self.positions(&shape)?;
        let owned;
        let x = if let Some(x) = value.as_slice() {
            x
        } else {
            owned = value.iter().copied().collect::<Vec<f32>>();
            &owned
        };
        let taken = count.min(most);
        let mut rows = Array2::<f32>::zeros((taken, self.groups * self.len));
        for (at, mut row) in Self::places(count, most).into_iter().zip(rows.rows_mut()) {
            let row = row.as_slice_mut()?;
            match &spans {
                None if sizes == [1, 1] => row.copy_from_slice(x.get(at * self.len..(at + 1) * self.len)?),
                None => {
                    // Columns of matrices.
                    let (matrix, column) = (at / sizes[1], at % sizes[1]);
                    for (k, target) in row.iter_mut().enumerate() {
                        *target = *x.get(matrix * sizes[0] * sizes[1] + k * sizes[1] + column)?;
                    }
                }
                Some(spans) => self.patch(x, &shape, spans, at, row)?,
            }
            if row.iter().any(|x| !x.is_finite()) {
                row.fill(0.0);
            }
        }
        Some(rows)
    }

    /// Returns whether its rows make the channels along the last axis of what it comes to.
    pub(crate) fn is_along_channels(&self) -> bool {
        !matches!(self.kind, Kind::Columns { .. })
    }

    /// Returns at most `most` of so many places, spread over all of them; all in their order.
    pub(crate) fn places(count: usize, most: usize) -> Vec<usize> {
        let step = if count > most { spread(count) } else { 1 };
        (0..count.min(most)).map(|number| number * step % count).collect()
    }

    /// Lays out what lies under a window.
    fn patch(&self, x: &[f32], shape: &[usize], spans: &[Span; 2], at: usize, row: &mut [f32]) -> Option<()> {
        let &[_, height, width, channels] = shape else { return None };
        let (windows_x, windows) = (spans[1].windows, spans[0].windows * spans[1].windows);
        let (image, y, x_at) = (at / windows, at % windows / windows_x, at % windows_x);
        let [taps_y, taps_x] = [self.weights[1], self.weights[2]];
        let is_backward = matches!(self.kind, Kind::Backward { .. });
        let under =
            |span: &Span, at: usize, tap: usize| if is_backward { span.behind(at, tap) } else { span.under(at, tap) };
        let depth = self.len / (taps_y * taps_x);
        if depth == 0 || channels != depth * self.groups {
            return None;
        }
        for tap_y in 0..taps_y {
            let Some(from_y) = under(&spans[0], y, tap_y) else { continue };
            for tap_x in 0..taps_x {
                let Some(from_x) = under(&spans[1], x_at, tap_x) else { continue };
                let start = ((image * height + from_y) * width + from_x) * channels;
                let pixel = x.get(start..start + channels)?;
                let tap = tap_y * taps_x + tap_x;
                for (group, values) in pixel.chunks_exact(depth).enumerate() {
                    let start = group * self.len + tap * depth;
                    row.get_mut(start..start + depth)?.copy_from_slice(values);
                }
            }
        }
        Some(())
    }
}

/// Returns a step that leads through all of `count` places, and spreads the first few of them over all.
fn spread(count: usize) -> usize {
    let divisor = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut step = ((count as f64 * 0.618_034) as usize).max(1);
    while divisor(step, count) != 1 {
        step += 1;
    }
    step
}

/// Returns weights as rows, one for each index along `axis`.
pub(crate) fn rows_of(weights: &ArrayD<f32>, axis: usize) -> Option<Array2<f32>> {
    let rows = *weights.shape().get(axis)?;
    let mut moved = weights.view();
    // The channels first, the other axes in their order.
    let order: Vec<usize> = std::iter::once(axis).chain((0..weights.ndim()).filter(|&other| other != axis)).collect();
    moved = moved.permuted_axes(order);
    let len = weights.len().checked_div(rows)?;
    Array2::from_shape_vec((rows, len), moved.iter().copied().collect()).ok()
}

/// Returns rows as a tensor of this shape whose channels lie along `axis`: the opposite of [`rows_of`].
pub(crate) fn tensor_of(rows: &Array2<f32>, shape: &[usize], axis: usize) -> Option<ArrayD<f32>> {
    let mut moved_shape = vec![*shape.get(axis)?];
    moved_shape.extend(shape.iter().enumerate().filter(|&(other, _)| other != axis).map(|(_, len)| *len));
    let moved = ArrayD::from_shape_vec(moved_shape, rows.iter().copied().collect()).ok()?;
    let mut order: Vec<usize> = (1..shape.len()).collect();
    order.insert(axis, 0);
    Some(moved.permuted_axes(order).as_standard_layout().into_owned())
}

/// Returns the rows of one group.
pub(crate) fn group<T>(rows: &Array2<T>, groups: usize, number: usize) -> ndarray::ArrayView2<'_, T> {
    let of_group = rows.nrows() / groups.max(1);
    rows.slice_axis(Axis(0), ndarray::Slice::from(number * of_group..(number + 1) * of_group))
}
