//! A scheme by value, for code that learns what it is at run time.

use super::estimate::Request;
use super::fake_quantize::{check_and_map_reals, map_reals, reals_in_one_pass};
use super::input::Input;
use super::observed::Observed;
use super::output::zeros;
use super::packed::{PackedTensor, check_and_quantize_packed, packed_in_one_pass, quantize_packed};
use super::purpose::Purpose;
use super::scheme::Scheme;
use super::scheme_parts::SchemeParts;
use super::view::AsView;
use crate::error::{Error, Result};
use crate::kernel::{self, Rounder};
use crate::num::{AnyRounding, Code, CodeType, Real, Rounding, Scaling};
use crate::params::{
    AffineParams, AnyCalculator, CodeRange, Granularity, NanPolicy, ParamsCalculator, QuantParams, ValueRange,
    ZeroPoints,
};
use crate::range::{AnyEstimator, RangeEstimator, Target};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use ndarray::Array;

/// How a tensor is quantized, by value: what [`Scheme`] is as a type, of any built-in parts. Both give the same bits, by the same
/// kernels.
///
/// A struct, a file or a command line can hold one. Its tensors are [`PackedTensor`]s, with codes as wide as their type.
///
/// # Text form
///
/// The code type first, then, in any order and separated by commas or spaces, whatever is not as usual:
///
/// | part | written as | if it is left out |
/// | --- | --- | --- |
/// | code type | [`CodeType`]: `i8`, `u4`, `bf16`, `f8e4m3fn` …; `int8`, `float16` … are read, too | |
/// | calculator | [`AnyCalculator`]: `affine`, `symmetric` … | `symmetric` for signed integers and small floats, `affine` for unsigned integers, `cast` for `f16` and `bf16` |
/// | granularity | [`Granularity`]: `per tensor`, `per axis 0`, `per block of 32 along axis 1`, `per block of 128x128` | `per tensor` |
/// | estimator | [`AnyEstimator`]: `min-max`, `percentile 99.9`, `mse` … | `min-max`; of a cast nothing is asked |
/// | rounding | [`AnyRounding`]: `ties-even`, `half-away`, `stochastic 42` … | `ties-even` |
/// | scaling | `divide` or `reciprocal` | `divide` |
/// | NaN | `nan error`, `nan skip` or `nan native` | `nan error` |
///
/// What `Display` writes names the code type, the calculator, the granularity and the estimator, and of the others what is not
/// as usual; `FromStr` reads it back as the same scheme. With `serde` the text form is what is written.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{AnyScheme, Scheme, quantize_tensor};
///
/// let scheme: AnyScheme = "int4 per axis 0, mse, half-away".parse()?;
/// assert_eq!(scheme.to_string(), "i4 symmetric per axis 0, mse, half-away");
///
/// let weights = array![[1.2_f32, -0.5], [3.7, 0.25]];
/// let q = scheme.quantize(&weights)?;
/// assert_eq!((q.bytes().len(), q.shape()), (2, &[2, 2][..]));
///
/// // The same, by its types.
/// let fixed = Scheme::<i8>::symmetric().with_axis(0);
/// let same = AnyScheme::from(fixed).quantize(&weights)?;
/// assert_eq!(same.dequantize(), quantize_tensor(&weights, &fixed)?.dequantize().into_dyn());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnyScheme {
    /// The type of the codes.
    pub code: CodeType,
    /// Finds the range of each group; has observed nothing.
    pub estimator: AnyEstimator,
    /// Turns a range into a scale and zero point.
    pub calculator: AnyCalculator,
    /// Maps quotients to whole numbers.
    pub rounding: AnyRounding,
    /// Division, or multiplication by the reciprocal.
    pub scaling: Scaling,
    /// Which elements share a scale.
    pub granularity: Granularity,
    /// What a NaN gives.
    pub nan_policy: NanPolicy,
}

impl AnyScheme {
    /// Returns the scheme that is usual for a code type: its usual calculator ([`AnyCalculator::usual`]), the extremes as the
    /// range, halves to even, one scale for the tensor, and NaN refused.
    pub fn new(code: CodeType) -> Self {
        let calculator = AnyCalculator::usual(code);
        Self {
            code,
            estimator: usual_estimator(&calculator),
            calculator,
            rounding: AnyRounding::default(),
            scaling: Scaling::default(),
            granularity: Granularity::default(),
            nan_policy: NanPolicy::default(),
        }
    }

    /// Returns the scheme with another code type; all else stays.
    #[must_use]
    pub fn with_code(self, code: CodeType) -> Self {
        Self { code, ..self }
    }

    /// Returns the scheme with another estimator.
    #[must_use]
    pub fn with_estimator(self, estimator: impl Into<AnyEstimator>) -> Self {
        Self { estimator: estimator.into(), ..self }
    }

    /// Returns the scheme with another calculator.
    #[must_use]
    pub fn with_calculator(self, calculator: impl Into<AnyCalculator>) -> Self {
        Self { calculator: calculator.into(), ..self }
    }

    /// Returns the scheme with another rounding.
    #[must_use]
    pub fn with_rounding(self, rounding: impl Into<AnyRounding>) -> Self {
        Self { rounding: rounding.into(), ..self }
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
        self.calculator.codes(CodeRange::of_type(self.code))
    }

    /// Returns the scheme by its types, with codes of `C`; `None` if its codes are of another type.
    pub fn to_static<C: Code>(&self) -> Option<Scheme<C, AnyEstimator, AnyCalculator, AnyRounding>> {
        (self.code == C::TYPE).then(|| {
            Scheme::new(self.estimator.clone(), self.calculator, self.rounding)
                .with_scaling(self.scaling)
                .with_granularity(self.granularity)
                .with_nan_policy(self.nan_policy)
        })
    }

    /// Returns the codes of a tensor with the parameters that restore it: what [`quantize_tensor`](crate::quantize_tensor) gives,
    /// codes packed.
    ///
    /// # Errors
    ///
    /// As [`quantize_tensor`](crate::quantize_tensor).
    pub fn quantize<V: AsView<Element: Real>>(&self, x: V) -> Result<PackedTensor> {
        let view = x.as_view();
        self.quantize_input(&Input::of(&view))
    }

    fn quantize_input(&self, input: &Input<'_>) -> Result<PackedTensor> {
        if self.estimator.is_of_extremes()
            && let Some(tensor) = packed_in_one_pass(self.request(&self.purpose()), self.by_value(), input)?
        {
            return Ok(tensor);
        }
        let (params, observed) = self.estimate_input(input)?;
        quantize_packed(input, params, self.by_value().given(observed.nan), observed)
    }

    /// Returns what [`quantize`](Self::quantize) gives for each of the tensors, in their order, with threads if there are some.
    pub fn quantize_all<V: AsView<Element: Real> + Sync>(&self, tensors: &[V]) -> Vec<Result<PackedTensor>> {
        super::tasks::each(tensors, &|x| self.quantize(x))
    }

    /// Returns the codes of a tensor under parameters that are known already, packed: what
    /// [`quantize_with_params`](crate::quantize_with_params) gives. Estimator, calculator and granularity are not asked.
    ///
    /// # Errors
    ///
    /// As [`quantize_with_params`](crate::quantize_with_params).
    pub fn quantize_with_params<V: AsView<Element: Real>>(&self, x: V, params: &QuantParams) -> Result<PackedTensor> {
        let view = x.as_view();
        let input = Input::of(&view);
        check_and_quantize_packed(&input, params, self.by_value())
    }

    /// Returns the parameters that [`quantize`](Self::quantize) would use, without the codes.
    ///
    /// # Errors
    ///
    /// As [`quantize`](Self::quantize).
    pub fn estimate_params<V: AsView<Element: Real>>(&self, x: V) -> Result<QuantParams> {
        let view = x.as_view();
        Ok(self.estimate_input(&Input::of(&view))?.0)
    }

    /// Returns what a tensor is restored as, without the codes: the bits of [`quantize`](Self::quantize) followed by
    /// [`dequantize`](PackedTensor::dequantize).
    ///
    /// # Errors
    ///
    /// As [`quantize`](Self::quantize).
    pub fn fake_quantize<V: AsView<Element: Real>>(&self, x: V) -> Result<Array<f32, V::Dim>> {
        let view = x.as_view();
        let mut array = zeros(&view);
        let input = Input::of(&view);
        let Some(out) = array.as_slice_mut() else { return Ok(array) };
        if self.estimator.is_of_extremes()
            && reals_in_one_pass(self.request(&self.purpose()), self.by_value(), &input, out).is_some()
        {
            return Ok(array);
        }
        let (params, observed) = self.estimate_input(&input)?;
        map_reals(&input, &params, self.by_value().given(observed.nan), out)?;
        Ok(array)
    }

    /// Returns what a tensor is restored as under parameters that are known already.
    ///
    /// # Errors
    ///
    /// As [`quantize_with_params`](Self::quantize_with_params).
    pub fn fake_quantize_with_params<V: AsView<Element: Real>>(
        &self,
        x: V,
        params: &QuantParams,
    ) -> Result<Array<f32, V::Dim>> {
        let view = x.as_view();
        let mut out = zeros(&view);
        if let Some(out) = out.as_slice_mut() {
            check_and_map_reals(&Input::of(&view), params, self.by_value(), out)?;
        }
        Ok(out)
    }

    pub(super) fn estimate_input(&self, input: &Input<'_>) -> Result<(QuantParams, Observed)> {
        self.request(&self.purpose()).estimate(input, &self.estimator)
    }

    fn request<'a>(&self, purpose: &'a Purpose<'_>) -> Request<'a> {
        Request { code: self.code, target: purpose, granularity: self.granularity, nan_policy: self.nan_policy }
    }

    pub(super) fn by_value(&self) -> kernel::Settings<'_> {
        kernel::Settings {
            code: self.code,
            rounder: Rounder::of(&self.rounding),
            scaling: self.scaling,
            nan: self.nan_policy,
        }
    }

    fn purpose(&self) -> Purpose<'_> {
        let (code, scaling) = (self.code, self.scaling);
        Purpose { code, calculator: &self.calculator, rounder: Rounder::of(&self.rounding), scaling }
    }
}

/// A cast has a scale of 1 whatever the values are: its range is not looked for.
fn usual_estimator(calculator: &AnyCalculator) -> AnyEstimator {
    match calculator {
        AnyCalculator::Cast(_) => crate::range::Fixed::new(ValueRange::ZERO).into(),
        _ => AnyEstimator::default(),
    }
}

impl<C: Code, E, P, R> From<Scheme<C, E, P, R>> for AnyScheme
where
    E: RangeEstimator + Into<AnyEstimator>,
    P: ParamsCalculator + Into<AnyCalculator>,
    R: Rounding + Into<AnyRounding>,
{
    fn from(scheme: Scheme<C, E, P, R>) -> Self {
        let Scheme { estimator, calculator, rounding, scaling, granularity, nan_policy, .. } = scheme;
        let (estimator, calculator, rounding) = (estimator.into(), calculator.into(), rounding.into());
        Self { code: C::TYPE, estimator, calculator, rounding, scaling, granularity, nan_policy }
    }
}

/// What its own estimator, or another, is asked to find a range for.
impl Target for AnyScheme {
    fn codes(&self) -> CodeRange {
        AnyScheme::codes(self)
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

impl SchemeParts {
    /// Returns the scheme, with what is usual for the code type in place of what is not said: [`AnyScheme::new`].
    pub fn scheme(&self) -> AnyScheme {
        let mut scheme = AnyScheme::new(self.code);
        if let Some(calculator) = self.calculator {
            (scheme.estimator, scheme.calculator) = (usual_estimator(&calculator), calculator);
        }
        if let Some(estimator) = &self.estimator {
            scheme.estimator = estimator.clone();
        }
        scheme.granularity = self.granularity.unwrap_or(scheme.granularity);
        scheme.rounding = self.rounding.unwrap_or(scheme.rounding);
        scheme.scaling = self.scaling.unwrap_or(scheme.scaling);
        scheme.nan_policy = self.nan_policy.unwrap_or(scheme.nan_policy);
        scheme
    }
}

impl fmt::Display for AnyScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.calculator, self.granularity)?;
        if self.estimator != usual_estimator(&self.calculator) {
            write!(f, ", {}", self.estimator)?;
        }
        if self.rounding != AnyRounding::default() {
            write!(f, ", {}", self.rounding)?;
        }
        if self.scaling == Scaling::Reciprocal {
            f.write_str(", reciprocal")?;
        }
        match self.nan_policy {
            NanPolicy::Error => Ok(()),
            NanPolicy::Skip => f.write_str(", nan skip"),
            NanPolicy::Native => f.write_str(", nan native"),
        }
    }
}

impl FromStr for AnyScheme {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(text.parse::<SchemeParts>()?.scheme())
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(AnyScheme);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_and_value_are_one() {
        for (text, canonical) in [
            ("i8", "i8 symmetric per tensor"),
            ("int8 per axis 0, mse, half-away", "i8 symmetric per axis 0, mse, half-away"),
            ("u8 affine, percentile 99.9", "u8 affine per tensor, percentile 99.9"),
            ("fp16", "f16 cast per tensor"),
            ("bf16 cast-ieee nan native", "bf16 cast-ieee per tensor, nan native"),
            ("f8e4m3fn per block of 32 along axis 1", "f8e4m3fn symmetric per block of 32 along axis 1"),
            ("f8e4m3fn per block of 128x128", "f8e4m3fn symmetric per block of 128x128"),
            ("i4, reciprocal, per axis 1, stochastic 7", "i4 symmetric per axis 1, stochastic 7, reciprocal"),
            ("u8 fixed -1..1 affine nan skip", "u8 affine per tensor, fixed -1..1, nan skip"),
            ("i8 article -1..1 ceil", "i8 article -1..1 per tensor, ceil"),
            ("i16 min-max power-of-two", "i16 power-of-two per tensor"),
        ] {
            let scheme: AnyScheme = text.parse().unwrap();
            assert_eq!(scheme.to_string(), canonical);
            assert_eq!(canonical.parse::<AnyScheme>().unwrap(), scheme);
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, why) in [
            ("", "code type comes first"),
            ("int5 per tensor", "\"int5\" is no code type"),
            ("i8 per axis", "\"per axis\" begins as none of per tensor"),
            ("i8 per axis -1, mse", "with axes from 0"),
            ("i8 mse octav", "range estimator twice"),
            ("i8 percentile 200", "got 2"),
            ("i8 fast", "\"fast\" is none of affine"),
            ("i8 per block of 0 along axis 1", "block size of 0"),
        ] {
            let message = text.parse::<AnyScheme>().unwrap_err().to_string();
            assert!(message.contains(why), "{text:?}: {message}");
        }
    }

    #[test]
    fn every_code_type_has_a_usual_scheme_that_quantizes() {
        let x = ndarray::arr2(&[[0.5_f32, -1.0, 3.0], [0.25, 2.0, -0.125]]);
        for &code in CodeType::ALL {
            let mut scheme = AnyScheme::new(code);
            if code.bits() == 1 {
                // Two codes have no middle.
                scheme = scheme.with_calculator(crate::params::Affine::default());
            }
            let q = scheme.quantize(&x).unwrap();
            assert_eq!(q.dequantize().shape(), [2, 3], "{scheme}");
            assert_eq!(scheme.to_string().parse::<AnyScheme>().unwrap(), scheme);
        }
    }
}
