//! What a tensor holds after quantization.

use super::code_type::packed_len;
use super::float_layout::SmallFloat;
use super::slices::SliceOfCodes;
use super::{CodeType, Rounding};
use crate::error::{Error, Result};
use alloc::vec::Vec;
use core::fmt::Debug;

/// What kernels and their references do with a code. Kernels, files and reports know every code type, so no other crate adds
/// one: the trait has no public name.
pub trait Stored: SliceOfCodes {
    /// How a float of 8 bits or fewer is laid out; `None` of other types.
    const SMALL_FLOAT: Option<SmallFloat> = None;

    /// Returns the code of a quotient `x / scale`. NaN gives the smallest code, or NaN where there is one.
    fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self;

    /// Returns whether two codes have the same bits.
    fn has_bits_of(self, other: Self) -> bool;

    /// Returns `code − zero_point` as f32: the difference is exact, its conversion rounds once where it must (i32).
    fn decode(self, zero_point: i32) -> f32;

    /// Returns the code that stands in a byte: an integer of fewer than 8 bits as the `i8` or `u8` of its value, a small float as
    /// its bits. Of other types it is not asked.
    fn from_byte(_byte: u8) -> Self {
        unreachable!("only codes that stand one in a byte are asked for by their byte")
    }

    /// Returns what [`from_byte`](Self::from_byte) makes the code of.
    fn to_byte(self) -> u8 {
        unreachable!("only codes that stand one in a byte are asked for their byte")
    }
}

/// Whether codes are evenly spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// Whole numbers, with a zero point.
    Integer,
    /// Floating-point numbers: finer near zero; their zero point is always 0.
    Float,
}

/// The quotients that stand for codes: a code range relative to the zero point.
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

    /// Returns the code of a whole quotient, in f64, where the sum with any zero point and both ends are exact; NaN gives the
    /// smallest.
    #[inline(always)]
    pub(crate) fn wide_code(&self, whole: f32) -> i32 {
        /// 1.5 · 2⁵²: as for f32, the sum's low bits hold the whole number.
        const MAGIC: f64 = 6_755_399_441_055_744.0;
        let code = f64::from(whole) + f64::from(self.zero_point);
        let code = if code > self.min { code } else { self.min };
        let code = if code < self.max { code } else { self.max };
        (code + MAGIC).to_bits() as i32
    }

    /// Returns `quotient` clamped to `lo..=hi`; NaN stays NaN.
    #[inline(always)]
    pub(crate) fn clamp_keeping_nan(&self, quotient: f32) -> f32 {
        let q = if quotient < self.lo { self.lo } else { quotient };
        if q > self.hi { self.hi } else { q }
    }
}

/// A type that codes are stored in: `i8`, `u8`, `i16`, `u16`, `i32`; [`I4`](super::I4), [`U4`](super::U4) and their kin of
/// 2 bits and of 1; [`f16`](struct@super::f16), [`bf16`](super::bf16); and the floats of 8, 6 and 4 bits, as
/// [`F8E4M3Fn`](super::F8E4M3Fn).
///
/// The trait is sealed; its methods map one element and are what the kernels are made of.
#[doc(alias = "qint8")]
pub trait Code: Stored + Copy + Debug + Default + PartialEq + Send + Sync + 'static {
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
    /// The type by value.
    const TYPE: CodeType;

    /// Returns the code's value as a number; exact.
    fn to_f64(self) -> f64;

    /// Returns the code nearest to a number, halves to even; beyond the codes it saturates, and NaN gives 0.
    ///
    /// That is the same for every type. A floating type's own `from_f64` gives instead what its format prescribes: of a number
    /// beyond the largest an infinity or NaN where there is one, and of NaN a NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::num::{Code, F8E5M2, f16};
    ///
    /// assert_eq!((i8::nearest(2.5), i8::nearest(1e9), i8::nearest(f64::NAN)), (2, 127, 0));
    /// assert_eq!((F8E5M2::nearest(1e9), F8E5M2::from_f64(1e9)), (F8E5M2::MAX, F8E5M2::INFINITY));
    /// assert_eq!((f16::nearest(1e9), f16::from_f64(1e9)), (f16::MAX, f16::INFINITY));
    /// ```
    fn nearest(number: f64) -> Self;

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
        packed_len(Self::BITS, count)
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
