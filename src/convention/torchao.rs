//! torchao: affine quantization over blocks of any shape.

use crate::error::{Error, Result};
use crate::params::{Granularity, QuantParams};
use crate::tensor::{AsView, StaticScheme, quantize_tensor};
use alloc::vec::Vec;
use ndarray::{Array, ArrayD, IxDyn};

/// Codes of a tensor that was cut in blocks of any shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked<C> {
    /// The codes, in the tensor's shape.
    pub codes: ArrayD<C>,
    /// The restored values, in the tensor's shape.
    pub restored: ArrayD<f32>,
    /// The parameters of the blocks, in row-major order of the blocks.
    pub params: QuantParams,
}

/// Returns the codes of a tensor cut in blocks of the shape `block`, each with its own scale and zero point.
///
/// A block of 1 × 32 is a group along the rows, one of the tensor's own shape is the tensor. The scheme's granularity is
/// not asked. ([`torch::scheme`](super::torch::scheme) with [`torch::AffineMapping`](super::torch::AffineMapping) or
/// [`torch::SymmetricMapping`](super::torch::SymmetricMapping) gives torchao's `choose_qparams_affine` and `quantize_affine`.)
///
/// # Errors
///
/// [`Error::ShapeMismatch`] unless the block divides the shape; and as [`quantize_tensor`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::convention::{torch, torchao};
///
/// let x = array![[1.0_f32, 2.0, 10.0, 20.0], [3.0, 4.0, 30.0, 40.0]];
/// let q = torchao::quantize_affine(&x, &[2, 2], &torch::scheme::<u8>())?;
/// assert_eq!(q.params.scales(), [4.0 / 255.0, 40.0 / 255.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_affine<V, S>(x: V, block: &[usize], scheme: &S) -> Result<Blocked<S::Code>>
where
    V: AsView<Element = f32>,
    S: StaticScheme<Calculator: Clone>,
{
    let x = x.as_view();
    let shape = x.shape().to_vec();
    let divides = block.len() == shape.len() && block.iter().zip(&shape).all(|(&b, &n)| b > 0 && n % b == 0);
    let mismatch =
        || Error::ShapeMismatch { what: "a block that divides", expected: shape.clone(), actual: block.to_vec() };
    if !divides {
        return Err(mismatch());
    }
    // [n₀, n₁ …] as [n₀ / b₀, b₀, n₁ / b₁, b₁ …], then the numbers of blocks in front.
    let counts: Vec<usize> = shape.iter().zip(block).map(|(n, b)| n / b).collect();
    let split: Vec<usize> = counts.iter().zip(block).flat_map(|(&count, &b)| [count, b]).collect();
    let front: Vec<usize> = (0..shape.len()).map(|k| 2 * k).chain((0..shape.len()).map(|k| 2 * k + 1)).collect();
    let groups: usize = counts.iter().product();

    let owned = x.as_standard_layout().into_owned().into_dyn();
    let split_view = owned.into_shape_with_order(IxDyn(&split)).map_err(|_| mismatch())?;
    let blocks = split_view.permuted_axes(IxDyn(&front)).as_standard_layout().into_owned();
    let len = blocks.len().checked_div(groups).unwrap_or(0);
    let blocks = blocks.into_shape_with_order((groups, len)).map_err(|_| mismatch())?;

    let scheme = scheme.as_scheme().clone().with_granularity(Granularity::Axis(0));
    let q = quantize_tensor(blocks.view(), &scheme)?;
    let back = |blocks: ArrayD<S::Code>| unblock(blocks, &counts, block, &shape);
    let restored = unblock(q.dequantize().into_dyn(), &counts, block, &shape).ok_or_else(mismatch)?;
    let (codes, params) = q.into_parts();
    Ok(Blocked { codes: back(codes.into_dyn()).ok_or_else(mismatch)?, restored, params })
}

/// Puts the blocks back to where they were.
fn unblock<V: Clone>(blocks: ArrayD<V>, counts: &[usize], block: &[usize], shape: &[usize]) -> Option<ArrayD<V>> {
    let n = shape.len();
    let parts: Vec<usize> = counts.iter().chain(block).copied().collect();
    let interleaved: Vec<usize> = (0..n).flat_map(|k| [k, n + k]).collect();
    let split: Array<V, IxDyn> = blocks.into_shape_with_order(IxDyn(&parts)).ok()?;
    let together = split.permuted_axes(IxDyn(&interleaved)).as_standard_layout().into_owned();
    together.into_shape_with_order(IxDyn(shape)).ok()
}
