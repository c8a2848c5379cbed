//! Symmetric parameters: zero in the middle.

use super::{AffineParams, CodeRange, ParamsCalculator, ValueRange, ZeroPoints};
use crate::error::Result;

/// A zero point in the middle of the codes (0 for signed types, 128 for `u8`), and a scale from max|x|.
///
/// | | codes of `i8` | scale |
/// | --- | --- | --- |
/// | [`narrow`](Self::narrow), the default | −127..=127 | max\|x\| / 127 |
/// | [`full`](Self::full) | −128..=127 | max\|x\| / 127.5 |
///
/// Narrow is what TFLite prescribes for weights; with full, +max\|x\| itself saturates, by half a step (PyTorch).
/// Floating codes use max\|x\| / largest code in both.
///
/// A constant gives a scale of its magnitude and a code of ±1: it is restored exactly (but for subnormal numbers, and for a
/// directed rounding of a product with the reciprocal, which may fall just short of 1). All zeros give a scale of 1.
///
/// Two codes, as those of [`I1`](crate::num::I1) and [`U1`](crate::num::U1), cannot lie around a zero in their middle:
/// [`Error::InvalidSetting`](crate::Error::InvalidSetting).
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{CodeRange, ParamsCalculator, Symmetric, ValueRange};
///
/// let range = ValueRange::new(-2.54, 1.0)?;
/// let params = Symmetric::narrow().params(range, CodeRange::of::<i8>())?;
/// assert_eq!((params.scale(), params.zero_point()), (0.02, 0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symmetric {
    width: Width,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Width {
    #[default]
    Narrow,
    Full,
}

/// The reciprocals of larger numbers are subnormal in f32: 2¹²⁶.
const HUGE: f64 = 1.0 / f32::MIN_POSITIVE as f64;

impl Symmetric {
    /// Returns a calculator that uses as many codes below the zero point as above it.
    #[doc(alias = "narrow_range")]
    pub fn narrow() -> Self {
        Self { width: Width::Narrow }
    }

    /// Returns a calculator that uses every code.
    pub fn full() -> Self {
        Self { width: Width::Full }
    }
}

/// Returns a scale that makes a constant the fourth code from the middle, or the last if there are fewer: the reciprocal of its
/// magnitude would be subnormal, a product with that above 1, and twice the constant infinite. (Both signs get the same scale:
/// of codes from −2 to 1, a directed rounding may still take −c to the code of −2·c.)
fn of_huge(magnitude: f64, codes: CodeRange) -> f64 {
    let middle = f64::from(codes.middle());
    let codes_beyond = (codes.max() - middle).min(middle - codes.min()).clamp(1.0, 4.0);
    let scale = (magnitude / codes_beyond) as f32;
    f64::from(if f64::from(scale) * codes_beyond > magnitude { scale.next_down() } else { scale })
}

impl ParamsCalculator for Symmetric {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        codes.check_middle()?;
        let max_abs = f64::from(range.max_abs());
        let half_width = match self.width {
            _ if !codes.is_integer() => codes.max().min(f64::from(f32::MAX)),
            Width::Narrow => codes.half_width(),
            Width::Full => (codes.max() - codes.min()) / 2.0,
        };
        let scale = match max_abs {
            0.0 => 1.0,
            HUGE.. if range.is_constant() => of_huge(max_abs, codes),
            _ if range.is_constant() => max_abs,
            _ => max_abs / half_width,
        };
        let params = AffineParams::new(scale, codes.middle())?;
        // A constant uses codes next to the zero point only.
        Ok(if range.is_constant() { params } else { params.with_finite_reals(codes) })
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        if codes.is_integer() { ZeroPoints::One(codes.middle()) } else { ZeroPoints::Unknown }
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        match self.width {
            Width::Narrow => full.narrow(),
            Width::Full => full,
        }
    }
}
