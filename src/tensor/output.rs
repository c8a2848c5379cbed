//! Where results go.

use super::error::TensorError;
use crate::error::{Error, Result};
use crate::num::CodesMut;
use alloc::vec;
use ndarray::{Array, ArrayView, ArrayViewMut, Dimension};

/// Memory for the results of a tensor's elements, which threads may share out.
pub(super) trait Output: Send + Sized {
    /// Returns how many neighbours have to be written in order, and are not parted: those that share a byte.
    fn granule(&self) -> usize {
        1
    }

    /// Returns the places before and from an element on.
    #[cfg(feature = "rayon")]
    fn split_at(self, at: usize) -> (Self, Self);
}

impl Output for CodesMut<'_> {
    #[cfg(feature = "rayon")]
    fn split_at(self, at: usize) -> (Self, Self) {
        CodesMut::split_at(self, at)
    }
}

impl Output for &mut [f32] {
    #[cfg(feature = "rayon")]
    fn split_at(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

/// Returns a row-major array of the view's shape.
pub(super) fn zeros<T, O: Clone + Default, D: Dimension>(view: &ArrayView<'_, T, D>) -> Array<O, D> {
    let values = vec![O::default(); view.len()];
    match Array::from_shape_vec(view.raw_dim(), values) {
        Ok(array) => array,
        Err(_) => unreachable!("a view's length is the product of its shape"),
    }
}

pub(super) fn check_shape(what: &'static str, expected: &[usize], actual: &[usize]) -> Result<()> {
    if expected == actual {
        Ok(())
    } else {
        Err(Error::ShapeMismatch { what, expected: expected.to_vec(), actual: actual.to_vec() })
    }
}

pub(super) fn contiguous<'a, O, D: Dimension>(out: &'a mut ArrayViewMut<'_, O, D>) -> Result<&'a mut [O]> {
    if out.is_standard_layout() {
        // The same question, so that the borrow ends where it is answered in the negative.
        if let Some(slice) = out.as_slice_mut() {
            return Ok(slice);
        }
        unreachable!("an array in standard layout is a slice")
    }
    Err(TensorError::NotContiguous { shape: out.shape().to_vec(), strides: out.strides().to_vec() }.into())
}
