//! What a tensor holds after quantization.

use super::Rounding;
use super::minifloat::SmallFloat;
use super::{bf16, f16};
use crate::error::{Error, Result};
use alloc::vec::Vec;
use core::fmt::Debug;

pub(super) mod sealed {
    /// Kernels, files and reports know every code type, so nobody else adds one.
    pub trait Sealed {}
}

/// Whether codes are evenly spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// Whole numbers, with a zero point.
    Integer,
    /// Floating-point numbers: finer near zero; their zero point is always 0.
    Float,
}

/// The quotients that stand for codes: what is left of a code range once the zero point is taken out.
///
/// A quotient below `lo` saturates to `lo`, and above `hi` to `hi`. Because roundings are monotone and keep whole
/// numbers, `clamp(round(x / s) + z, qmin, qmax)` equals `round(clamp(x / s, qmin − z, qmax − z)) + z`: clamping first,
/// as floats, makes the conversion to an integer safe for any input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The smallest quotient: `qmin − zero_point`.
    pub lo: f32,
    /// The largest quotient: `qmax − zero_point`.
    pub hi: f32,
    /// Added after rounding.
    pub zero_point: i32,
    /// The smallest code.
    pub min: f64,
    /// The largest code.
    pub max: f64,
}

impl Grid {
    /// Returns `quotient` clamped to `lo..=hi`; NaN becomes `lo`, as in the two instructions that this compiles to.
    #[inline(always)]
    pub(crate) fn clamp(&self, quotient: f32) -> f32 {
        let q = if quotient > self.lo { quotient } else { self.lo };
        if q < self.hi { q } else { self.hi }
    }

    /// Returns `quotient` clamped to `lo..=hi`; NaN stays NaN.
    #[inline(always)]
    pub(crate) fn clamp_keeping_nan(&self, quotient: f32) -> f32 {
        let q = if quotient < self.lo { self.lo } else { quotient };
        if q > self.hi { self.hi } else { q }
    }
}

/// A type that codes are stored in: `i8`, `u8`, `i16`, `u16`, `i32`; [`I4`](super::I4), [`U4`](super::U4) and their kin of
/// 2 bits and of 1; [`f16`](struct@f16), [`bf16`](super::bf16); and the floats of 8, 6 and 4 bits, as
/// [`F8E4M3Fn`](super::F8E4M3Fn).
///
/// The trait is sealed; its methods map one element and are what the kernels are made of.
#[doc(alias = "qint8")]
pub trait Code: sealed::Sealed + Copy + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The name of the type, as in `i8` or `u4`.
    const NAME: &'static str;
    /// Bits a code takes when packed.
    const BITS: u32;
    /// Evenly spaced or floating.
    const KIND: CodeKind;
    /// The smallest finite code, as a number.
    const MIN: f64;
    /// The largest finite code, as a number.
    const MAX: f64;

    /// Returns the code of a quotient `x / scale`. NaN gives the smallest code, or NaN where there is one.
    fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self;

    /// Returns `code − zero_point` as f32: the difference is exact, its conversion rounds once where it must (i32).
    fn decode(self, zero_point: i32) -> f32;

    /// Returns the code's value as a number; exact.
    fn to_f64(self) -> f64;

    /// Returns the code nearest to a number, halves to even; beyond the codes it saturates, and NaN gives 0. For single values: the kernels use [`encode`](Self::encode).
    fn from_f64(number: f64) -> Self;

    /// Appends the codes as they are stored: little-endian, types of fewer than 8 bits packed, the first in the low bits.
    fn write_packed(codes: &[Self], bytes: &mut Vec<u8>);

    /// Reads what [`write_packed`](Self::write_packed) wrote; `codes` says how many there are.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) unless there are exactly the bytes of so many codes.
    fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()>;

    /// Returns the bytes that `count` codes take when packed.
    fn packed_len(count: usize) -> usize {
        match Self::BITS {
            bits @ ..8 => count.div_ceil(8 / bits as usize),
            bits => count.saturating_mul(bits as usize / 8),
        }
    }

    /// Returns the code of a number that is one; types of fewer than 8 bits are quantized by way of i8.
    fn from_i8(code: i8) -> Self {
        Self::from_f64(f64::from(code))
    }

    /// Returns how numbers of 8 bits and fewer are laid out, if these codes are such: vectors of them are made from it.
    fn small_float() -> Option<SmallFloat> {
        None
    }

    /// Returns the code with these bits; only of types with a [`small_float`](Self::small_float) is it asked for.
    fn from_byte(_bits: u8) -> Self {
        Self::default()
    }

    /// Returns the slice itself if the type is [`f16`](struct@f16): the hardware converts such slices.
    fn as_f16s(_slice: &mut [Self]) -> Option<&mut [f16]> {
        None
    }

    /// Returns the slice itself if the type is [`bf16`](super::bf16): its conversion to the nearest is the shorter one.
    fn as_bf16s(_slice: &mut [Self]) -> Option<&mut [bf16]> {
        None
    }

    /// Returns the slice itself if the type is `i8`: vectors are packed to such slices.
    fn as_i8s(_slice: &mut [Self]) -> Option<&mut [i8]> {
        None
    }

    /// Returns the slice itself if the type is `u8`: vectors are packed to such slices.
    fn as_u8s(_slice: &mut [Self]) -> Option<&mut [u8]> {
        None
    }
}

/// Appends the bytes of each value.
pub(super) fn write_bytes<T: Copy, const N: usize>(values: &[T], bytes: &mut Vec<u8>, to_bytes: impl Fn(T) -> [u8; N]) {
    bytes.reserve(values.len() * N);
    for &value in values {
        bytes.extend_from_slice(&to_bytes(value));
    }
}

/// Reads values of `N` bytes each.
pub(super) fn read_bytes<T, const N: usize>(
    bytes: &[u8],
    out: &mut [T],
    from_bytes: impl Fn([u8; N]) -> T,
) -> Result<()> {
    let expected = out.len() * N;
    if bytes.len() != expected {
        return Err(Error::LengthMismatch { what: "bytes of codes", expected, actual: bytes.len() });
    }
    let (chunks, _) = bytes.as_chunks::<N>();
    for (out, &chunk) in out.iter_mut().zip(chunks) {
        *out = from_bytes(chunk);
    }
    Ok(())
}
