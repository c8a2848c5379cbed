//! What to do with a tensor.

use super::purpose::Purpose;
use super::settings::Settings;
use crate::error::Result;
use crate::kernel::Rounder;
use crate::num::{Ceil, Code, Rounding, Scaling, TiesEven};
use crate::params::{
    Affine, AffineParams, Article, Cast, CodeRange, Granularity, NanPolicy, ParamsCalculator, PowerOfTwo, Symmetric,
    ValueRange, ZeroPoints,
};
use crate::range::{Fixed, MinMax, RangeEstimator, Target};
use core::fmt;
use core::marker::PhantomData;

/// How a tensor is quantized: the code type, an estimator, a calculator, a rounding, and what they are applied to.
///
/// Plain data: start from a ready-made scheme and change what you like with the `with_` methods.
///
/// | ready-made | codes of `i8` | scale | zero point |
/// | --- | --- | --- | --- |
/// | [`affine`](Self::affine) | −128..=127 | (max − min) / 255 | so that 0 is exact |
/// | [`symmetric`](Self::symmetric) | −127..=127 | max\|x\| / 127 | 0 |
/// | [`symmetric_full`](Self::symmetric_full) | −128..=127 | max\|x\| / 127.5 | 0 |
/// | [`power_of_two`](Self::power_of_two) | −127..=127 | a power of two | 0 |
/// | [`article`](Self::article) | −128..=127 | (b − a) / (max − min) | a, after subtracting min |
/// | [`cast`](Self::cast), for `f16` and `bf16` | | 1 | 0 |
///
/// Unless changed, they use [`MinMax`], round halves to even, divide by the scale, use one scale for the tensor, and
/// refuse NaN.
///
/// # Examples
///
/// ```
/// use tensor_quant::{HalfAway, Scaling, Scheme, params::NanPolicy, range::Percentile};
///
/// let scheme = Scheme::<u8>::affine()
///     .with_axis(1)
///     .with_estimator(Percentile::two_sided(0.999)?)
///     .with_rounding(HalfAway)
///     .with_scaling(Scaling::Reciprocal)
///     .with_nan_policy(NanPolicy::Skip);
/// assert_eq!(scheme.to_string(), "u8 per axis 1");
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheme<C, E = MinMax, P = Affine, R = TiesEven> {
    /// Finds the range of each group; has observed nothing.
    pub estimator: E,
    /// Turns a range into a scale and zero point.
    pub calculator: P,
    /// Maps quotients to whole numbers.
    pub rounding: R,
    /// Division, or multiplication by the reciprocal.
    pub scaling: Scaling,
    /// Which elements share a scale.
    pub granularity: Granularity,
    /// What a NaN gives.
    pub nan_policy: NanPolicy,
    code: PhantomData<C>,
}

impl<C: Code> Scheme<C> {
    /// Returns the scheme that covers the whole range with all codes, zero included.
    #[doc(alias = "asymmetric")]
    pub fn affine() -> Self {
        Scheme::new(MinMax::default(), Affine::default(), TiesEven)
    }

    /// Returns the scheme with zero in the middle and as many codes on each side: the one for weights.
    pub fn symmetric() -> Scheme<C, MinMax, Symmetric> {
        Scheme::new(MinMax::default(), Symmetric::narrow(), TiesEven)
    }

    /// Returns the scheme with zero in the middle and every code in use, one more below than above.
    pub fn symmetric_full() -> Scheme<C, MinMax, Symmetric> {
        Scheme::new(MinMax::default(), Symmetric::full(), TiesEven)
    }

    /// Returns the scheme whose scale is a power of two.
    pub fn power_of_two() -> Scheme<C, MinMax, PowerOfTwo> {
        Scheme::new(MinMax::default(), PowerOfTwo, TiesEven)
    }

    /// Returns the article's scheme, which rounds up; see [`params::article`](crate::params::article).
    pub fn article(article: Article) -> Scheme<C, MinMax, Article, Ceil> {
        Scheme::new(MinMax::default(), article, Ceil)
    }

    /// Returns the scheme without a scale, for floating codes: each value is rounded to the code type.
    ///
    /// Beyond the largest finite code it saturates; `with_calculator(Cast::ieee())` makes that ±∞.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{Scheme, f16, params::Cast, quantize_tensor};
    ///
    /// let x = array![1.0_f32, 1e6];
    /// let q = quantize_tensor(x.view(), &Scheme::<f16>::cast())?;
    /// assert_eq!(q.dequantize(), array![1.0, 65_504.0]);
    /// let q = quantize_tensor(x.view(), &Scheme::<f16>::cast().with_calculator(Cast::ieee()))?;
    /// assert_eq!(q.dequantize(), array![1.0, f32::INFINITY]);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn cast() -> Scheme<C, Fixed, Cast> {
        Scheme::new(Fixed::new(ValueRange::ZERO), Cast::default(), TiesEven)
    }
}

impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> Scheme<C, E, P, R> {
    /// Returns the scheme of these parts, with one scale for the tensor.
    pub fn new(estimator: E, calculator: P, rounding: R) -> Self {
        Self {
            estimator,
            calculator,
            rounding,
            scaling: Scaling::default(),
            granularity: Granularity::default(),
            nan_policy: NanPolicy::default(),
            code: PhantomData,
        }
    }

    /// Returns what the mapping of an element depends on, beside its parameters.
    pub fn settings(&self) -> Settings<C, R> {
        Settings { rounding: self.rounding, scaling: self.scaling, nan_policy: self.nan_policy, code: PhantomData }
    }

    /// Returns the scheme with another estimator.
    #[must_use]
    pub fn with_estimator<E2: RangeEstimator>(self, estimator: E2) -> Scheme<C, E2, P, R> {
        let Self { calculator, rounding, scaling, granularity, nan_policy, code, .. } = self;
        Scheme { estimator, calculator, rounding, scaling, granularity, nan_policy, code }
    }

    /// Returns the scheme with another calculator.
    #[must_use]
    pub fn with_calculator<P2: ParamsCalculator>(self, calculator: P2) -> Scheme<C, E, P2, R> {
        let Self { estimator, rounding, scaling, granularity, nan_policy, code, .. } = self;
        Scheme { estimator, calculator, rounding, scaling, granularity, nan_policy, code }
    }

    /// Returns the scheme with another rounding.
    #[must_use]
    pub fn with_rounding<R2: Rounding>(self, rounding: R2) -> Scheme<C, E, P, R2> {
        let Self { estimator, calculator, scaling, granularity, nan_policy, code, .. } = self;
        Scheme { estimator, calculator, rounding, scaling, granularity, nan_policy, code }
    }

    /// Returns the scheme with another scaling.
    #[must_use]
    pub fn with_scaling(self, scaling: Scaling) -> Self {
        Self { scaling, ..self }
    }

    /// Returns the scheme with another granularity.
    #[must_use]
    pub fn with_granularity(self, granularity: Granularity) -> Self {
        Self { granularity, ..self }
    }

    /// Returns the scheme with a scale for each index along `axis`.
    #[doc(alias = "per_channel")]
    #[must_use]
    pub fn with_axis(self, axis: usize) -> Self {
        self.with_granularity(Granularity::Axis(axis))
    }

    /// Returns the scheme with a scale for each run of `size` elements along `axis`.
    #[doc(alias = "group_size")]
    #[must_use]
    pub fn with_blocks(self, axis: usize, size: usize) -> Self {
        self.with_granularity(Granularity::Block { axis, size })
    }

    /// Returns the scheme with another answer to NaN.
    #[must_use]
    pub fn with_nan_policy(self, nan_policy: NanPolicy) -> Self {
        Self { nan_policy, ..self }
    }

    /// Returns the codes that the scheme uses.
    pub fn codes(&self) -> CodeRange {
        self.calculator.codes(CodeRange::of::<C>())
    }
}

/// What the scheme's own estimator, or another, is asked to find a range for.
impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> Target for Scheme<C, E, P, R> {
    fn codes(&self) -> CodeRange {
        self.purpose().codes()
    }

    fn params(&self, range: ValueRange) -> Result<AffineParams> {
        self.purpose().params(range)
    }

    fn zero_points(&self) -> ZeroPoints {
        self.purpose().zero_points()
    }

    fn round(&self, quotient: f32) -> Option<f32> {
        self.purpose().round(quotient)
    }

    fn restore(&self, x: f32, params: AffineParams) -> f32 {
        self.purpose().restore(x, params)
    }
}

impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> Scheme<C, E, P, R> {
    /// Returns what ranges are for, by value.
    #[inline(always)]
    pub(super) fn purpose(&self) -> Purpose<'_> {
        Purpose {
            code: C::TYPE,
            calculator: &self.calculator,
            rounder: Rounder::of(&self.rounding),
            scaling: self.scaling,
        }
    }
}

/// A [`Scheme`] of any parts: in signatures, what says all of its types at once. No other type implements it.
pub trait StaticScheme: sealed::Sealed {
    /// The code type.
    type Code: Code;
    /// Finds the range of each group.
    type Estimator: RangeEstimator;
    /// Turns a range into a scale and zero point.
    type Calculator: ParamsCalculator;
    /// Maps quotients to whole numbers.
    type Rounding: Rounding;

    /// Returns the scheme itself.
    fn as_scheme(&self) -> &Scheme<Self::Code, Self::Estimator, Self::Calculator, Self::Rounding>;
}

impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> StaticScheme for Scheme<C, E, P, R> {
    type Code = C;
    type Estimator = E;
    type Calculator = P;
    type Rounding = R;

    fn as_scheme(&self) -> &Scheme<C, E, P, R> {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl<C, E, P, R> Sealed for super::Scheme<C, E, P, R> {}
}

impl<C: Code, E, P, R> fmt::Display for Scheme<C, E, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", C::NAME, self.granularity)
    }
}
