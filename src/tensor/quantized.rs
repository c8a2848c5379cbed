//! Codes, and what is needed to restore the tensor.

use super::error::TensorError;
use super::observed::Observed;
use super::output::{check_shape, contiguous, zeros};
use super::tasks::{Tasks, map_tasks};
use super::view::AsView;
use crate::error::Result;
use crate::kernel::{self, dequantize_bytes, dequantize_span};
use crate::num::{Code, Codes, SliceOfCodes};
use crate::params::{Granularity, QuantParams, Span};
use ndarray::{Array, ArrayViewMut, Dimension, IxDyn};

/// The codes of a tensor, with the scale and zero point of each group.
///
/// Two are equal if their codes, bit by bit, and parameters are: −0 is not +0, and a NaN is equal to the same NaN. What was
/// observed in the original does not count.
#[derive(Clone, Debug)]
pub struct QuantizedTensor<C, D: Dimension> {
    codes: Array<C, D>,
    params: QuantParams,
    observed: Observed,
}

impl<C: Code, D: Dimension> PartialEq for QuantizedTensor<C, D> {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.codes, &other.codes);
        ours.shape() == theirs.shape()
            && self.params == other.params
            && ours.iter().zip(theirs).all(|(ours, theirs)| ours.has_bits_of(*theirs))
    }
}

impl<C: Code, D: Dimension> QuantizedTensor<C, D> {
    /// Returns a tensor of codes and parameters from elsewhere, as from a file. Of a floating code type, codes that stand for NaN or an
    /// infinity are taken under any parameters, and restore to these.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`](crate::Error::InvalidCodes), [`Error::LengthMismatch`](crate::Error::LengthMismatch),
    /// [`Error::AxisOutOfBounds`](crate::Error::AxisOutOfBounds) if the parameters do not fit the codes;
    /// [`TensorError::CodeOutOfRange`] for a code outside those that they name.
    pub fn new(codes: Array<C, D>, params: QuantParams) -> Result<Self> {
        params.check::<C>(codes.shape())?;
        if !params.codes().is_all_of(C::TYPE) {
            codes.iter().try_for_each(|&code| check_code(code, &params))?;
        }
        let codes = if codes.is_standard_layout() { codes } else { codes.as_standard_layout().into_owned() };
        Ok(Self { codes, params, observed: Observed::default() })
    }

    /// Returns a tensor of parts that fit each other.
    pub(crate) fn from_parts(codes: Array<C, D>, params: QuantParams, observed: Observed) -> Self {
        Self { codes, params, observed }
    }

    /// Returns the shape.
    pub fn shape(&self) -> &[usize] {
        self.codes.shape()
    }

    /// Returns the number of codes.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Returns whether there are no codes.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Returns the tensor with a dimension that is known at run time.
    pub fn into_dyn(self) -> QuantizedTensor<C, IxDyn> {
        QuantizedTensor { codes: self.codes.into_dyn(), params: self.params, observed: self.observed }
    }

    /// Returns the codes, in row-major order.
    pub fn codes(&self) -> &Array<C, D> {
        &self.codes
    }

    /// Returns the scales and zero points.
    pub fn params(&self) -> &QuantParams {
        &self.params
    }

    /// Returns what was noticed in the original: NaN, infinities, constant groups. All 0 for codes from elsewhere.
    pub fn observed(&self) -> Observed {
        self.observed
    }

    /// Returns codes and parameters.
    pub fn into_parts(self) -> (Array<C, D>, QuantParams) {
        (self.codes, self.params)
    }

    /// Returns the restored tensor: `(code − zero_point) · scale`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{QuantizedTensor, params::QuantParams};
    ///
    /// let q = QuantizedTensor::new(array![[0_u8, 128, 255]], QuantParams::per_tensor::<u8>(0.5, 128)?)?;
    /// assert_eq!(q.dequantize(), array![[-64.0, 0.0, 63.5]]);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn dequantize(&self) -> Array<f32, D> {
        let mut reals = zeros(&self.codes.view());
        if let (Some(codes), Some(out)) = (self.codes.as_slice(), reals.as_slice_mut()) {
            restore(C::codes(codes), self.codes.shape(), &self.params, out);
        }
        reals
    }

    /// Writes the restored tensor to memory of the caller.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`TensorError::NotContiguous`].
    pub fn dequantize_into(&self, out: ArrayViewMut<'_, f32, D>) -> Result<()> {
        dequantize_into(self.codes.view(), &self.params, out)
    }

    /// Returns the bytes that codes, packed, and parameters take.
    pub fn size_in_bytes(&self) -> usize {
        C::packed_len(self.codes.len()) + self.params.size_in_bytes()
    }
}

/// Writes the reals of codes in any memory layout to `out`.
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) or [`TensorError::NotContiguous`] of
/// `out`; [`Error::LengthMismatch`](crate::Error::LengthMismatch) and
/// [`Error::InvalidCodes`](crate::Error::InvalidCodes) if the parameters do not fit the codes.
pub fn dequantize_into<V>(codes: V, params: &QuantParams, out: ArrayViewMut<'_, f32, V::Dim>) -> Result<()>
where
    V: AsView<Element: Code>,
{
    let codes = codes.as_view();
    check_shape("the output", codes.shape(), out.shape())?;
    params.check::<V::Element>(codes.shape())?;
    let mut out = out;
    let out = contiguous(&mut out)?;
    let codes = codes.as_standard_layout();
    if let Some(slice) = codes.as_slice() {
        restore(<V::Element as SliceOfCodes>::codes(slice), codes.shape(), params, out);
    }
    Ok(())
}

/// Checks that codes are among those that parameters name. NaN, which floating types have codes for, is let through.
#[inline(never)]
pub(super) fn check_codes<C: Code>(codes: &[C], params: &QuantParams) -> Result<()> {
    codes.iter().try_for_each(|&code| check_code(code, params))
}

fn check_code<C: Code>(code: C, params: &QuantParams) -> Result<()> {
    let (code, range) = (code.to_f64(), params.codes());
    // What stands for infinity restores to it, whether codes saturate or not.
    if !code.is_finite() || (range.min()..=range.max()).contains(&code) {
        return Ok(());
    }
    Err(TensorError::CodeOutOfRange { code, min: range.min(), max: range.max() }.into())
}

/// So many codes with one scale are restored at once: no tasks are made of them.
const SHORT: usize = 1 << 16;

/// Restores row-major codes; the parameters were checked against the shape.
pub(super) fn restore(codes: Codes<'_>, shape: &[usize], params: &QuantParams, out: &mut [f32]) {
    let level = kernel::detect();
    let len = codes.len();
    if len <= SHORT && dequantize_bytes(level, params, codes, out) {
        return;
    }
    if params.granularity() == Granularity::Tensor && (1..=SHORT).contains(&len) {
        return dequantize_span(level, params, Span { start: 0, len, first_group: 0, repeat: len }, codes, out);
    }
    // What is not of this shape was refused before.
    let Ok(tasks) = Tasks::new(params.granularity(), shape) else { return };
    let all = map_tasks(&tasks, out, &|task, out, first| {
        task.for_each_stretch(usize::MAX, &mut |span, len| {
            let range = span.start..span.start + len;
            dequantize_span(
                level,
                params,
                span,
                codes.part(range.clone()),
                &mut out[range.start - first..range.end - first],
            );
            Ok(())
        })?;
        Ok(Observed::default())
    });
    debug_assert!(all.is_ok(), "nothing here can fail");
}
