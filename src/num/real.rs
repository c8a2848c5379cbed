//! The element types that a tensor may hold before quantization.

use super::{bf16, bf16_bits_from_f32, bf16_bits_to_f32, f16, f16_bits_from_f32, f16_bits_to_f32};
use core::fmt::Debug;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
}

/// A floating-point type that can be quantized: `f32`, `f64`, [`f16`](struct@f16) and [`bf16`].
///
/// All arithmetic is done in f32. The 16-bit types widen exactly; an f64 is rounded to f32 once, halves to even, and
/// becomes ±∞ beyond `f32::MAX`.
pub trait Real: sealed::Sealed + Copy + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The name of the type, as in `f32`.
    const NAME: &'static str;

    /// Returns the value in f32; NaN stays NaN.
    fn to_f32(self) -> f32;

    /// Returns the value of this type nearest to `x`, halves to even; NaN stays NaN.
    fn from_f32(x: f32) -> Self;

    /// Returns the slice itself if the type is f32: such data need no conversion and no copy.
    fn as_f32s(_slice: &[Self]) -> Option<&[f32]> {
        None
    }

    /// Returns the slice itself if the type is [`f16`](struct@f16): the hardware converts such slices.
    fn as_f16s(_slice: &[Self]) -> Option<&[f16]> {
        None
    }

    /// Returns the slice itself if the type is f64: the hardware converts such slices.
    fn as_f64s(_slice: &[Self]) -> Option<&[f64]> {
        None
    }
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

    #[inline(always)]
    fn as_f32s(slice: &[Self]) -> Option<&[f32]> {
        Some(slice)
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

    #[inline(always)]
    fn as_f64s(slice: &[Self]) -> Option<&[f64]> {
        Some(slice)
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

    #[inline(always)]
    fn as_f16s(slice: &[Self]) -> Option<&[f16]> {
        Some(slice)
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
