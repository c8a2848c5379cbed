//! The second moments of what weights are multiplied with: X Xᵀ, which says what an error of the weights costs the outputs.

use crate::ops::Patches;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};
use tensor_quant::Error;
use tensor_quant::calibration::ValueView;
use tensor_quant::graph::{Attributes, Graph, Op, ValueId, Window};

/// The most rows that a sample adds: they are taken at equal distances.
const ROWS: usize = 256;
/// The longest rows: their moments take 128 MiB.
const LONGEST: usize = 4096;

/// The sum of x xᵀ over the rows x that an operator multiplies with its weights.
///
/// Of a dense layer these are the rows of its input, of a convolution the patches under its filters, in the order in which a
/// filter's elements are stored. An error e of a row of weights costs the output the mean square eᵀ M e, with M the
/// [mean](Self::mean): what weights are chosen against in GPTQ (Frantar et al., 2022) and its kin.
///
/// At most 256 rows of a sample count, at equal distances. Sums are in f64: order hardly matters, and merging adds.
#[derive(Clone, Debug)]
pub struct SecondMoments {
    id: ValueId,
    operator: usize,
    /// What lays its rows out; not known of moments that were read from a file.
    layer: Option<Layer>,
    rows: u64,
    sums: Array2<f64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Layer {
    Dense,
    Convolution { window: Window, filter: Vec<usize> },
}

impl SecondMoments {
    /// Returns moments of nothing, for an operator; `None` unless it is a dense layer or a convolution without groups whose
    /// weights have a known shape, and rows of at most 4096 elements.
    pub fn new(graph: &Graph, subgraph: usize, operator: usize) -> Option<Self> {
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
        if len == 0 || len > LONGEST {
            return None;
        }
        let id = ValueId { subgraph, value: product.input(0)? };
        Some(Self { id, operator, layer: Some(layer), rows: 0, sums: Array2::zeros((len, len)) })
    }

    /// Takes note of a value, if it is the one that the operator multiplies.
    pub fn observe(&mut self, value: &ValueView<'_>) {
        if value.id != self.id {
            return;
        }
        let owned;
        let x = if let Some(x) = value.values.as_slice() {
            x
        } else {
            owned = value.values.iter().copied().collect::<Vec<f32>>();
            &owned
        };
        let len = self.sums.nrows();
        let (count, patches) = match &self.layer {
            None => return,
            Some(Layer::Dense) => (x.len() / len, None),
            Some(Layer::Convolution { window, filter }) => match Patches::new(window, filter, value.values.shape()) {
                Some(patches) => (patches.count(x.len()), Some(patches)),
                None => return,
            },
        };
        let taken = count.min(ROWS);
        let mut rows = vec![0.0_f32; taken * len];
        for (i, row) in rows.chunks_exact_mut(len).enumerate() {
            let number = i * count / taken;
            match &patches {
                Some(patches) => patches.lay_out(x, number, row),
                None => row.copy_from_slice(&x[number * len..(number + 1) * len]),
            }
        }
        // A value that is no number would make all moments none.
        for row in rows.chunks_exact_mut(len).filter(|row| row.iter().any(|x| !x.is_finite())) {
            row.fill(0.0);
        }
        let Ok(rows) = ArrayView2::from_shape((taken, len), &rows) else { return };
        let mut product = Array2::<f32>::zeros((len, len));
        general_mat_mul(1.0, &rows.t(), &rows, 0.0, &mut product);
        self.sums.zip_mut_with(&product, |sum, &x| *sum += f64::from(x));
        self.rows += taken as u64;
    }

    /// Takes note of everything that `other` has seen.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if it is of an operator with rows of another length.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if (self.id, self.operator, self.sums.dim()) != (other.id, other.operator, other.sums.dim()) {
            let (expected, actual) = (self.sums.nrows(), other.sums.nrows());
            return Err(Error::LengthMismatch { what: "the rows of second moments", expected, actual });
        }
        self.sums += &other.sums;
        self.rows += other.rows;
        Ok(())
    }

    /// Returns the subgraph and the operator whose rows these are.
    pub fn operator(&self) -> (usize, usize) {
        (self.id.subgraph, self.operator)
    }

    /// Returns what a file has of moments: the value, the rows, and the sums of the upper triangle.
    #[cfg(feature = "serde")]
    pub(crate) fn parts(&self) -> (ValueId, usize, u64, Vec<Vec<f64>>) {
        let row = |(i, row): (usize, ndarray::ArrayView1<'_, f64>)| row.iter().skip(i).copied().collect();
        (self.id, self.operator, self.rows, self.sums.outer_iter().enumerate().map(row).collect())
    }

    /// Returns moments of such parts, to be merged with others; `None` if the rows are no triangle of finite sums.
    #[cfg(feature = "serde")]
    pub(crate) fn from_parts(id: ValueId, operator: usize, rows: u64, triangle: &[Vec<f64>]) -> Option<Self> {
        let len = triangle.len();
        if len > LONGEST || triangle.iter().enumerate().any(|(i, row)| row.len() != len - i) {
            return None;
        }
        if !triangle.iter().flatten().all(|sum| sum.is_finite()) {
            return None;
        }
        let sums = Array2::from_shape_fn((len, len), |(i, j)| triangle[i.min(j)][i.max(j) - i.min(j)]);
        Some(Self { id, operator, layer: None, rows, sums })
    }

    /// Returns the number of rows that were taken note of.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the mean of x xᵀ; zeros before anything was observed.
    pub fn mean(&self) -> Array2<f64> {
        &self.sums / (self.rows.max(1) as f64)
    }
}
