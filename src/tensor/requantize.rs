//! A quantized tensor in another scale, without going through reals.

use super::error::TensorError;
use super::output::zeros;
use super::quantized::QuantizedTensor;
use crate::error::{Error, Result};
use crate::kernel::{self, Requantization};
use crate::num::{Code, CodeKind};
use crate::params::{FixedPointMultiplier, ProductRounding, QuantParams};
use alloc::string::ToString;
use ndarray::Dimension;

impl<C: Code, D: Dimension> QuantizedTensor<C, D> {
    /// Returns the tensor with codes of type `B` under another scale and zero point, in integers only:
    /// `clamp(multiply(code − z, s / scale) + zero_point)`, as TFLite's reference kernel does; products that would wrap there
    /// saturate.
    ///
    /// # Errors
    ///
    /// [`Error::IntegerCodesOnly`]; [`TensorError::UnsupportedGranularity`] unless this tensor has one scale;
    /// [`Error::InvalidSetting`] if it
    /// has an offset;
    /// [`Error::InvalidScale`], [`Error::InvalidZeroPoint`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{QuantizedTensor, params::{ProductRounding, QuantParams}};
    ///
    /// let q = QuantizedTensor::new(array![10_i8, -20, 127], QuantParams::per_tensor::<i8>(0.5, 0)?)?;
    /// let wider = q.requantize::<u8>(1.0, 128, ProductRounding::Double)?;
    /// assert_eq!(wider.codes(), &array![133_u8, 118, 192]);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn requantize<B: Code>(
        &self,
        scale: f32,
        zero_point: i32,
        rounding: ProductRounding,
    ) -> Result<QuantizedTensor<B, D>> {
        let from = self.params();
        if C::KIND != CodeKind::Integer || B::KIND != CodeKind::Integer {
            return Err(Error::IntegerCodesOnly { what: "requantizing" });
        }
        let [from_scale] = *from.scales() else {
            let (what, expected, actual) = ("a tensor to be requantized", "per tensor", from.granularity().to_string());
            return Err(TensorError::UnsupportedGranularity { what, expected, actual }.into());
        };
        if let Some(&offset) = from.offsets().first() {
            let what = "the offset of a tensor to be requantized";
            return Err(Error::InvalidSetting { what, expected: "0", actual: f64::from(offset) });
        }
        let to = QuantParams::per_tensor::<B>(scale, zero_point)?;
        let settings = Requantization {
            multiplier: FixedPointMultiplier::from_real(f64::from(from_scale) / f64::from(scale))?,
            rounding,
            zero_point_in: from.zero_points()[0],
            zero_point_out: zero_point,
            codes: (B::MIN as i32, B::MAX as i32),
        };
        let mut codes = zeros(&self.codes().view());
        if let (Some(x), Some(out)) = (self.codes().as_slice(), codes.as_slice_mut()) {
            kernel::requantize(kernel::detect(), x, settings, out);
        }
        QuantizedTensor::new(codes, to)
    }
}
