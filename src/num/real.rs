//! The element types that a tensor may hold before quantization.

use super::{bf16, bf16_bits_from_f32, bf16_bits_to_f32, f16, f16_bits_from_f32, f16_bits_to_f32};
use core::fmt::Debug;
use core::ops::Range;
use ndarray::ArrayViewD;

/// Elements of any type, and views of them. No other crate adds a type: the trait has no public name.
pub trait Elements: Sized {
    /// Returns the slice, whatever its type.
    fn reals(slice: &[Self]) -> Reals<'_>;
    /// Returns the place of a slice, whatever its type.
    fn reals_mut(slice: &mut [Self]) -> RealsMut<'_>;
    /// Returns the view, whatever its type.
    fn views(view: ArrayViewD<'_, Self>) -> RealViews<'_>;
}

/// Elements of any type.
#[derive(Clone, Copy, Debug)]
pub enum Reals<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    F16(&'a [f16]),
    Bf16(&'a [bf16]),
}

/// Where elements of any type are written.
#[derive(Debug)]
pub enum RealsMut<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
    F16(&'a mut [f16]),
    Bf16(&'a mut [bf16]),
}

/// A view of elements of any type, in any memory layout.
#[derive(Clone, Debug)]
pub enum RealViews<'a> {
    F32(ArrayViewD<'a, f32>),
    F64(ArrayViewD<'a, f64>),
    F16(ArrayViewD<'a, f16>),
    Bf16(ArrayViewD<'a, bf16>),
}

macro_rules! elements {
    ($($variant:ident($element:ty))*) => {
        $(
            impl Elements for $element {
                #[inline(always)]
                fn reals(slice: &[Self]) -> Reals<'_> {
                    Reals::$variant(slice)
                }

                #[inline(always)]
                fn reals_mut(slice: &mut [Self]) -> RealsMut<'_> {
                    RealsMut::$variant(slice)
                }

                #[inline(always)]
                fn views(view: ArrayViewD<'_, Self>) -> RealViews<'_> {
                    RealViews::$variant(view)
                }
            }
        )*

        impl<'a> Reals<'a> {
            /// Returns the number of elements.
            pub fn len(&self) -> usize {
                match self {
                    $(Reals::$variant(x) => x.len(),)*
                }
            }

            /// Returns the elements of a range.
            #[must_use]
            pub fn part(&self, range: Range<usize>) -> Reals<'a> {
                match self {
                    $(Reals::$variant(x) => Reals::$variant(&x[range]),)*
                }
            }
        }
    };
}

elements! { F32(f32) F64(f64) F16(f16) Bf16(bf16) }

impl<'a> Reals<'a> {
    /// Returns the elements, if they are f32s: such data need no conversion and no copy.
    pub fn as_f32s(self) -> Option<&'a [f32]> {
        match self {
            Reals::F32(x) => Some(x),
            _ => None,
        }
    }
}

/// A floating-point type that can be quantized: `f32`, `f64`, [`f16`](struct@f16) and [`bf16`].
///
/// All arithmetic is done in f32. The 16-bit types widen exactly; an f64 is rounded to f32 once, halves to even, and
/// becomes ±∞ beyond `f32::MAX`.
pub trait Real: Elements + Copy + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The name of the type, as in `f32`.
    const NAME: &'static str;

    /// Returns the value in f32; NaN stays NaN.
    fn to_f32(self) -> f32;

    /// Returns the value of this type nearest to `x`, halves to even; NaN stays NaN.
    fn from_f32(x: f32) -> Self;
}

impl Real for f32 {
    const NAME: &'static str = "f32";

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self as f32
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        f64::from(x)
    }
}

impl Real for f16 {
    const NAME: &'static str = "f16";

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f16_bits_to_f32(self.to_bits())
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        f16::from_bits(f16_bits_from_f32(x))
    }
}

impl Real for bf16 {
    const NAME: &'static str = "bf16";

    #[inline(always)]
    fn to_f32(self) -> f32 {
        bf16_bits_to_f32(self.to_bits())
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        bf16::from_bits(bf16_bits_from_f32(x))
    }
}
