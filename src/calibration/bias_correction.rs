//! Taking the shift out that quantized weights give to a layer's outputs.

use crate::error::{Error, Result};
use crate::tensor::AsView;
use ndarray::Dimension;

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
/// let bias = correct_bias(&weight, &restored, [0, 1], &[10.0, 4.0], &[0.0, 0.0])?;
/// assert_eq!(bias, [-5.0, 1.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn correct_bias<D: Dimension>(
    weight: impl AsView<Element = f32, Dim = D>,
    restored: impl AsView<Element = f32, Dim = D>,
    [output_axis, input_axis]: [usize; 2],
    input_means: &[f32],
    bias: &[f32],
) -> Result<Vec<f32>> {
    let (weight, restored) = (weight.as_view(), restored.as_view());
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
    let shape = weight.shape().to_vec();
    let last = shape.len() - 1;
    // Where an axis is at the start of a row along the last one, and by how much that grows with each element.
    let place = |axis: usize, row: usize| {
        if axis == last {
            return (0, 1);
        }
        (row / shape[axis + 1..last].iter().product::<usize>().max(1) % shape[axis].max(1), 0)
    };
    let (weight, restored) = (weight.into_dyn(), restored.into_dyn());
    for (row, (weights, restored)) in weight.rows().into_iter().zip(restored.rows()).enumerate() {
        let ((output, output_step), (input, input_step)) = (place(output_axis, row), place(input_axis, row));
        for (k, (&w, &r)) in weights.iter().zip(restored).enumerate() {
            let mean = f64::from(input_means[input + k * input_step]);
            shifts[output + k * output_step] += (f64::from(r) - f64::from(w)) * mean;
        }
    }
    Ok(bias.iter().zip(shifts).map(|(&bias, shift)| (f64::from(bias) - shift) as f32).collect())
}
