//! What can be read as a view.

use ndarray::{ArrayBase, ArrayView, Data, Dimension, RawData};

/// A tensor to be read: `&array`, `array.view()`, or any other array or view of `ndarray`, by value or by reference.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, quantize_tensor};
///
/// let x = array![[1.0_f32, 2.0], [3.0, 4.0]];
/// let scheme = Scheme::<i8>::symmetric();
/// assert_eq!(quantize_tensor(&x, &scheme)?, quantize_tensor(x.view(), &scheme)?);
/// assert_eq!(quantize_tensor(x.t(), &scheme)?.codes(), &quantize_tensor(&x, &scheme)?.codes().t());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub trait AsView {
    /// The type of its elements.
    type Element;
    /// Its dimension type, as `Ix2` or `IxDyn`.
    type Dim: Dimension;

    /// Returns the view.
    fn as_view(&self) -> ArrayView<'_, Self::Element, Self::Dim>;
}

impl<S: Data, D: Dimension> AsView for ArrayBase<S, D> {
    type Element = <S as RawData>::Elem;
    type Dim = D;

    fn as_view(&self) -> ArrayView<'_, Self::Element, D> {
        self.view()
    }
}

impl<V: AsView + ?Sized> AsView for &V {
    type Element = V::Element;
    type Dim = V::Dim;

    fn as_view(&self) -> ArrayView<'_, Self::Element, Self::Dim> {
        (**self).as_view()
    }
}
