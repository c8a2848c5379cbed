//! Taking the shift out that quantized weights give to a layer's outputs.

use crate::error::{Error, Result};
use ndarray::{ArrayView, Dimension};

/// Returns the bias with which a layer of quantized weights gives, on average, the outputs of the float one.
///
/// Weights that are restored to W + ε add `Σᵢ ε·x` to each output. Of an input whose channels have the means E\[x\] that is on
/// average `Σᵢ Σ ε · E[xᵢ]`, the inner sum over whatever axes there are beside those of the channels (a kernel's height and
/// width): it is taken out of the bias. (Nagel et al., "Data-Free Quantization through Weight Equalization and Bias
/// Correction", 2019, § 4.2; with means that were observed, see [`ChannelMeans`](super::ChannelMeans).)
///
/// `weight` and `restored` have the same shape; `output_axis` runs over the outputs, and has the bias' length; `input_axis`
/// runs over the inputs' channels, and has the means' length. For a depthwise convolution, whose outputs see one channel
/// each, the two axes are one. Sums are in f64.
///
/// # Errors
///
/// [`Error::AxisOutOfBounds`], [`Error::ShapeMismatch`], and [`Error::LengthMismatch`] for a bias or means that are not of
/// their axis' length.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::calibration::correct_bias;
///
/// let (weight, restored) = (array![[1.0_f32, 2.0], [3.0, 4.0]], array![[1.5_f32, 2.0], [3.0, 3.75]]);
/// let bias = correct_bias(weight.view(), restored.view(), [0, 1], &[10.0, 4.0], &[0.0, 0.0])?;
/// assert_eq!(bias, [-5.0, 1.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn correct_bias<D: Dimension>(
    weight: ArrayView<'_, f32, D>,
    restored: ArrayView<'_, f32, D>,
    [output_axis, input_axis]: [usize; 2],
    input_means: &[f32],
    bias: &[f32],
) -> Result<Vec<f32>> {
    if weight.shape() != restored.shape() {
        return Err(Error::ShapeMismatch {
            what: "the restored weights",
            expected: weight.shape().to_vec(),
            actual: restored.shape().to_vec(),
        });
    }
    for (axis, what, actual) in
        [(output_axis, "the bias", bias.len()), (input_axis, "the means of the inputs", input_means.len())]
    {
        match weight.shape().get(axis) {
            None => return Err(Error::AxisOutOfBounds { axis, ndim: weight.ndim() }),
            Some(&expected) if expected != actual => return Err(Error::LengthMismatch { what, expected, actual }),
            Some(_) => {}
        }
    }
    let mut shifts = vec![0.0_f64; bias.len()];
    for ((index, &w), &r) in weight.into_dyn().indexed_iter().zip(restored.iter()) {
        let (output, input) = (index[output_axis], index[input_axis]);
        shifts[output] += (f64::from(r) - f64::from(w)) * f64::from(input_means[input]);
    }
    Ok(bias.iter().zip(shifts).map(|(&bias, shift)| (f64::from(bias) - shift) as f32).collect())
}
