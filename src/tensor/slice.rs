//! The same for plain slices, without `ndarray` in the caller's code.

use super::input::Input;
use super::quantize::quantize_tensor;
use super::quantized::restore;
use super::scheme::StaticScheme;
use crate::error::{Error, Result};
use crate::num::{Code, Real, SliceOfCodes};
use crate::params::QuantParams;
use alloc::vec::Vec;
use ndarray::ArrayView1;

/// Returns the codes of a slice, and the parameters that restore it.
///
/// A slice is a tensor of one dimension: blocks are taken along axis 0. For more dimensions make a view with
/// `ndarray::ArrayView::from_shape` and use [`quantize_tensor`](crate::quantize_tensor).
///
/// # Errors
///
/// As [`quantize_tensor`](crate::quantize_tensor).
///
/// # Examples
///
/// ```
/// use tensor_quant::{Scheme, tensor::{dequantize_slice, quantize_slice}};
///
/// let (codes, params) = quantize_slice(&[0.0_f32, 0.2, 1.0], &Scheme::<u8>::affine())?;
/// assert_eq!(codes, [0, 51, 255]);
/// let mut restored = [0.0; 3];
/// dequantize_slice(&codes, &params, &mut restored)?;
/// assert_eq!(restored[2], 1.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_slice<T: Real, S: StaticScheme>(x: &[T], scheme: &S) -> Result<(Vec<S::Code>, QuantParams)> {
    let (codes, params) = quantize_tensor(ArrayView1::from(x), scheme)?.into_parts();
    Ok((codes.into_raw_vec_and_offset().0, params))
}

/// As [`quantize_slice`], writing the codes to memory of the caller.
///
/// # Errors
///
/// As [`quantize_tensor`](crate::quantize_tensor), and [`Error::LengthMismatch`] of `out`.
pub fn quantize_slice_into<T: Real, S: StaticScheme>(x: &[T], scheme: &S, out: &mut [S::Code]) -> Result<QuantParams> {
    check_len("codes", x.len(), out.len())?;
    let (shape, scheme) = ([x.len()], scheme.as_scheme());
    Ok(scheme.quantize(&Input::of_slice(x, &shape), S::Code::codes_mut(out))?.0)
}

/// Writes the reals of a slice of codes to `out`.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::InvalidCodes`], [`Error::AxisOutOfBounds`].
pub fn dequantize_slice<C: Code>(codes: &[C], params: &QuantParams, out: &mut [f32]) -> Result<()> {
    check_len("reals", codes.len(), out.len())?;
    params.check::<C>(&[codes.len()])?;
    restore(C::codes(codes), &[codes.len()], params, out);
    Ok(())
}

fn check_len(what: &'static str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual { Ok(()) } else { Err(Error::LengthMismatch { what, expected, actual }) }
}
