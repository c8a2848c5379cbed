//! The error of a tensor whose code type is known at run time.

use super::{ErrorMetrics, per_tensor};
use crate::error::Result;
use crate::num::Real;
use crate::tensor::{AsView, PackedTensor};

impl PackedTensor {
    /// Returns how far the restored tensor is from the original: what
    /// [`QuantizedTensor::error`](crate::QuantizedTensor::error) gives.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `original` has another shape.
    pub fn error<V: AsView<Element: Real>>(&self, original: V) -> Result<ErrorMetrics> {
        let view = original.as_view();
        per_tensor(view.into_dyn(), self.dequantize().view())
    }
}
