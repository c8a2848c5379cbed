//! ai-edge-quantizer, the tool that quantizes `.tflite` files.

use super::tflite::Weights;
use crate::num::Code;
use crate::range::MinMax;
use crate::tensor::Scheme;

/// Returns the scheme of its weights: `clamp(rint(w / scale))` to −127..=127 or −7..=7, scale = max|w| / 127 or / 7.
///
/// Unlike [`Scheme::symmetric`], a channel of one value is scaled like any other.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{I4, convention::ai_edge, quantize_tensor};
///
/// let q = quantize_tensor(array![[0.7_f32, -0.35], [0.5, 0.5]].view(), &ai_edge::weights::<I4>().with_axis(0))?;
/// assert_eq!(q.codes().map(|code| code.get()), array![[7, -4], [7, 7]]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn weights<C: Code>() -> Scheme<C, MinMax, Weights> {
    Scheme::<C>::symmetric().with_calculator(Weights)
}
