//! The rows that an operator multiplies with its weights.

use crate::ops::Patches;
use ndarray::Array2;
use tensor_quant::calibration::ValueView;
use tensor_quant::graph::{Attributes, Graph, Op, ValueId, Window};

/// The most rows that a sample adds: they are taken at equal distances.
const ROWS: usize = 256;

/// How the rows that an operator multiplies lie in its input: of a dense layer they are its rows, of a convolution the patches under
/// its filters, in the order in which a filter's elements are stored.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// The operator's input.
    pub(crate) id: ValueId,
    /// The length of a row.
    pub(crate) len: usize,
    layer: Layer,
}

#[derive(Clone, Debug, PartialEq)]
enum Layer {
    Dense,
    Convolution { window: Window, filter: Vec<usize> },
}

impl Rows {
    /// Returns the rows of an operator; `None` unless it is a dense layer or a convolution without groups whose weights have a
    /// known shape.
    pub(crate) fn of(graph: &Graph, subgraph: usize, operator: usize) -> Option<Self> {
        let part = graph.subgraphs.get(subgraph)?;
        let product = part.operators.get(operator)?;
        let filter = part.values.get(product.input(1)?)?.known_shape()?;
        let channels = part.values.get(product.input(0)?)?.shape.as_ref().and_then(|shape| *shape.last()?);
        let layer = match (product.op, &product.attributes, &filter[..]) {
            (Op::FullyConnected, _, &[_, _]) => Layer::Dense,
            (Op::Conv, Attributes::Window(window), &[_, _, _, depth]) if channels.is_none_or(|n| n == depth) => {
                Layer::Convolution { window: window.clone(), filter: filter.clone() }
            }
            _ => return None,
        };
        let len = filter.iter().skip(1).try_fold(1_usize, |n, &len| n.checked_mul(len))?;
        Some(Self { id: ValueId { subgraph, value: product.input(0)? }, len, layer })
    }

    /// Returns the rows in a value; `None` if it is not the operator's input, or not of its shape.
    pub(crate) fn taken_from(&self, value: &ValueView<'_>) -> Option<Array2<f32>> {
        if value.id != self.id || self.len == 0 {
            return None;
        }
        let owned;
        let x = if let Some(x) = value.values.as_slice() {
            x
        } else {
            owned = value.values.iter().copied().collect::<Vec<f32>>();
            &owned
        };
        let (count, patches) = match &self.layer {
            Layer::Dense => (x.len() / self.len, None),
            Layer::Convolution { window, filter } => {
                let patches = Patches::new(window, filter, value.values.shape())?;
                (patches.count(x.len()), Some(patches))
            }
        };
        let taken = count.min(ROWS);
        let mut rows = vec![0.0_f32; taken * self.len];
        for (i, row) in rows.chunks_exact_mut(self.len).enumerate() {
            let number = i * count / taken;
            match &patches {
                Some(patches) => patches.lay_out(x, number, row),
                None => row.copy_from_slice(&x[number * self.len..(number + 1) * self.len]),
            }
        }
        Array2::from_shape_vec((taken, self.len), rows).ok()
    }
}
