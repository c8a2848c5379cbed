//! A fully-connected layer in integers only.
//!
//! ```text
//! accumulator = Σ (x − z_in) · w + bias                  in 32 bits
//! y = clamp(multiply(accumulator, s_in · s_w / s_out) + z_out, lowest, qmax)
//! ```
//!
//! with symmetric weights, one scale an output channel or one for all, and the bias in the scale `s_in · s_w`. (Jacob et al.
//! 2018, § 2.2 to 2.4.) The rounding is that of TFLite's reference kernel, to whose `FULLY_CONNECTED` it is equal bit for
//! bit; where a product by a ratio above 1 would wrap there, it saturates.

use super::error::TensorError;
use super::quantized::QuantizedTensor;
use super::view::AsView;
use crate::error::{Error, Result};
use crate::kernel::{self, IntegerWeights, Requantization, integer_matmul};
use crate::num::{Code, HalfAway, Rounding};
use crate::params::{FixedPointMultiplier, Granularity, ProductRounding};
use alloc::string::ToString;
use alloc::vec::Vec;
use ndarray::{Array2, Ix2};

/// The scale and zero point of a layer's activations.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "Activation")]
pub struct ActivationParams {
    /// The scale.
    pub scale: f32,
    /// The zero point.
    pub zero_point: i32,
}

/// What a layer does to its sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fused {
    /// Nothing.
    #[default]
    None,
    /// Negative values become 0.
    Relu,
    /// Values are kept within 0 and 6.
    Relu6,
    /// Values are kept within −1 and 1.
    ReluN1To1,
}

impl Fused {
    /// Returns the codes of the output that are left, as TFLite's `CalculateActivationRangeQuantized` does: each bound
    /// rounded half away from zero. One code may be all that is.
    fn codes(self, output: ActivationParams) -> (i32, i32) {
        let code =
            |real: f32| i32::nearest(f64::from(HalfAway.round(real / output.scale, 0)) + f64::from(output.zero_point));
        let (min, max) = match self {
            Fused::None => (i32::MIN, i32::MAX),
            Fused::Relu => (code(0.0), i32::MAX),
            Fused::Relu6 => (code(0.0), code(6.0)),
            Fused::ReluN1To1 => (code(-1.0), code(1.0)),
        };
        let (qmin, qmax) = (i32::from(i8::MIN), i32::from(i8::MAX));
        (min.clamp(qmin, qmax), max.clamp(qmin, qmax))
    }
}

/// A fully-connected layer of int8 weights, int8 activations and int32 biases.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, quantize_tensor, tensor::{ActivationParams, FullyConnected, Fused}};
///
/// let weights = quantize_tensor(array![[1.0_f32, -0.5], [0.25, 2.0]].view(), &Scheme::<i8>::symmetric().with_axis(0))?;
/// let (input, output) = (ActivationParams { scale: 0.05, zero_point: 0 }, ActivationParams { scale: 0.1, zero_point: -10 });
/// let layer = FullyConnected::new(&weights, vec![0, 0], input, output, Fused::None)?;
/// let y = layer.forward(array![[20_i8, 40]].view())?; // 1.0 and 2.0, so 0.0 and 4.25
/// assert_eq!(y, array![[-10_i8, 33]]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FullyConnected {
    weights: IntegerWeights,
    bias: Vec<i32>,
    zero_point_in: i32,
    requantization: Vec<Requantization>,
}

impl FullyConnected {
    /// Returns a layer of weights [out, in], of biases in the scale `s_in · s_w`
    /// ([`quantize_bias`](crate::convention::tflite::quantize_bias)), and of the activations' scales.
    ///
    /// # Errors
    ///
    /// [`TensorError::UnsupportedGranularity`] for weights with scales of another granularity than the tensor or axis 0;
    /// [`Error::InvalidSetting`] for weights with a zero point or an offset, and for a scale of the activations that is no
    /// positive
    /// finite number or a zero point that is no code; [`Error::LengthMismatch`] of the biases.
    pub fn new(
        weights: &QuantizedTensor<i8, Ix2>,
        bias: Vec<i32>,
        input: ActivationParams,
        output: ActivationParams,
        fused: Fused,
    ) -> Result<Self> {
        let params = weights.params();
        let channels = weights.codes().nrows();
        if !matches!(params.granularity(), Granularity::Tensor | Granularity::Axis(0)) {
            let (what, expected) = ("the matrix of a layer's weights", "per tensor or per axis 0");
            return Err(TensorError::UnsupportedGranularity {
                what,
                expected,
                actual: params.granularity().to_string(),
            }
            .into());
        }
        let zero_points = params.zero_points().iter().map(|&z| ("the zero point of a layer's weights", f64::from(z)));
        let offsets = params.offsets().iter().map(|&offset| ("the offset of a layer's weights", f64::from(offset)));
        if let Some((what, actual)) = zero_points.chain(offsets).find(|&(_, actual)| actual != 0.0) {
            return Err(Error::InvalidSetting { what, expected: "0", actual });
        }
        if bias.len() != channels {
            return Err(Error::LengthMismatch { what: "biases", expected: channels, actual: bias.len() });
        }
        for (activation, scale, zero_point) in [
            (input, "the scale of the layer's input", "the zero point of the layer's input"),
            (output, "the scale of the layer's output", "the zero point of the layer's output"),
        ] {
            let ActivationParams { scale: actual, zero_point: code } = activation;
            if !(actual > 0.0 && actual.is_finite()) {
                let expected = "a positive finite number";
                return Err(Error::InvalidSetting { what: scale, expected, actual: f64::from(actual) });
            }
            if i8::try_from(code).is_err() {
                let expected = "from -128 to 127";
                return Err(Error::InvalidSetting { what: zero_point, expected, actual: f64::from(code) });
            }
        }
        let codes = fused.codes(output);
        let requantization = (0..channels).map(|channel| {
            let weight_scale = params.scales()[channel.min(params.len() - 1)];
            let real = f64::from(input.scale) * f64::from(weight_scale) / f64::from(output.scale);
            Ok(Requantization {
                multiplier: FixedPointMultiplier::from_real(real)?,
                rounding: ProductRounding::Double,
                zero_point_in: 0,
                zero_point_out: output.zero_point,
                codes,
            })
        });
        Ok(Self {
            weights: IntegerWeights::new(weights.codes().as_slice().unwrap_or(&[]), channels, weights.codes().ncols()),
            bias,
            zero_point_in: input.zero_point,
            requantization: requantization.collect::<Result<_>>()?,
        })
    }

    /// Returns the layer's output [batch, out] for the codes of an input [batch, in].
    ///
    /// Sums wrap in 32 bits, as the reference's do; with inputs of fewer than 2¹⁶ elements they do not get there.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`].
    pub fn forward(&self, x: impl AsView<Element = i8, Dim = Ix2>) -> Result<Array2<i8>> {
        let x = x.as_view();
        let (channels, depth) = (self.weights.channels(), self.weights.depth());
        if x.ncols() != depth {
            let (expected, actual) = (alloc::vec![x.nrows(), depth], x.shape().to_vec());
            return Err(Error::ShapeMismatch { what: "the layer's input", expected, actual });
        }
        let mut sums = Array2::zeros((x.nrows(), channels));
        let x = x.as_standard_layout();
        if let (Some(x), Some(sums)) = (x.as_slice(), sums.as_slice_mut()) {
            integer_matmul(kernel::detect(), x, &self.weights, self.zero_point_in, sums);
        }
        let mut y = Array2::zeros(sums.dim());
        for (sums, mut y) in sums.rows().into_iter().zip(y.rows_mut()) {
            let channels = self.bias.iter().zip(&self.requantization);
            for ((y, &sum), (&bias, requantization)) in y.iter_mut().zip(sums).zip(channels) {
                *y = requantization.apply(sum.wrapping_add(bias)) as i8;
            }
        }
        Ok(y)
    }
}
