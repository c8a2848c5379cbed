//! Where results go.

use crate::error::{Error, Result};
use alloc::vec;
use ndarray::{Array, ArrayView, ArrayViewMut, Dimension};

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
    let (shape, strides) = (out.shape().to_vec(), out.strides().to_vec());
    out.as_slice_mut().ok_or(Error::NotContiguous { shape, strides })
}
