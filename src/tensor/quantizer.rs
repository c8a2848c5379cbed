//! Parameters and settings prepared once, for many tensors: activations in an inference loop.
//!
//! What depends on the parameters alone (reciprocals, the smallest and largest scale, how quotients are computed) is known before
//! the first tensor comes. A call then allocates nothing, takes no lock and makes no system call; with the feature `rayon` large
//! tensors are shared out among threads, which does.

use super::any_scheme::AnyScheme;
use super::error::TensorError;
use super::fake_quantize::check_and_map_reals;
use super::input::Input;
use super::observed::Observed;
use super::output::{check_shape, contiguous};
use super::quantize::{check_and_map_codes, map_codes};
use super::quantized::dequantize_into;
use super::scheme::Scheme;
use super::settings::Settings;
use super::view::AsView;
use crate::error::{Error, Result};
use crate::kernel::{self, Rounder};
use crate::num::{AnyRounding, Code, CodeType, Real, Rounding, Scaling};
use crate::params::{NanPolicy, ParamsCalculator, QuantParams};
use crate::range::RangeEstimator;
use ndarray::{ArrayViewMut, Dimension};

/// Quantizes and restores tensors under parameters that are known, without allocating: prepared once, used often.
///
/// Each method gives the bits of the function of its name. A view of more than four dimensions that is not in row-major order is
/// the one input for which memory is asked for.
///
/// # Examples
///
/// ```
/// use ndarray::{Array1, array};
/// use tensor_quant::{QuantParams, Quantizer, tensor::Settings};
///
/// let params = QuantParams::per_tensor::<i8>(0.1, 0)?;
/// let quantizer = Quantizer::new(params, Settings::<i8>::default())?;
/// let (mut codes, mut restored) = (Array1::<i8>::zeros(3), Array1::<f32>::zeros(3));
/// for x in [array![0.1_f32, 0.2, -5.0], array![12.7, 100.0, 0.0]] {
///     quantizer.quantize_into(&x, codes.view_mut())?;
///     quantizer.dequantize_into(&codes, restored.view_mut())?;
/// }
/// assert_eq!(codes, array![127, 127, 0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Quantizer<R = AnyRounding> {
    params: QuantParams,
    code: CodeType,
    rounding: R,
    scaling: Scaling,
    nan_policy: NanPolicy,
}

impl Quantizer<AnyRounding> {
    /// Returns a quantizer of the settings of a scheme that is known at run time; its estimator, calculator and granularity are not
    /// asked.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`] if the parameters do not fit the code type.
    pub fn of_scheme(params: QuantParams, scheme: &AnyScheme) -> Result<Self> {
        params.codes().check_fits(scheme.code)?;
        let AnyScheme { code, rounding, scaling, nan_policy, .. } = *scheme;
        Ok(Self { params, code, rounding, scaling, nan_policy })
    }
}

impl<R: Rounding> Quantizer<R> {
    /// Returns a quantizer of parameters and settings.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`] if the parameters do not fit the code type.
    pub fn new<C: Code>(params: QuantParams, settings: Settings<C, R>) -> Result<Self> {
        params.codes().check_fits(C::TYPE)?;
        let Settings { rounding, scaling, nan_policy, .. } = settings;
        Ok(Self { params, code: C::TYPE, rounding, scaling, nan_policy })
    }

    /// Returns the parameters.
    pub fn params(&self) -> &QuantParams {
        &self.params
    }

    /// Returns the type of the codes.
    pub fn code_type(&self) -> CodeType {
        self.code
    }

    #[inline(always)]
    fn settings(&self) -> kernel::Settings<'_> {
        kernel::Settings {
            code: self.code,
            rounder: Rounder::of(&self.rounding),
            scaling: self.scaling,
            nan: self.nan_policy,
        }
    }

    fn check_type<C: Code>(&self) -> Result<()> {
        if self.code == C::TYPE {
            Ok(())
        } else {
            Err(TensorError::CodeTypeMismatch { expected: C::NAME, actual: self.code.name() }.into())
        }
    }

    /// Writes the codes of a tensor, as [`quantize_with_params_into`](super::quantize_with_params_into) does.
    ///
    /// After an error `out` may be partly written.
    ///
    /// # Errors
    ///
    /// [`TensorError::CodeTypeMismatch`] if `out` is of another code type; [`Error::NotANumber`]; [`Error::ShapeMismatch`] or
    /// [`TensorError::NotContiguous`] of `out`; [`Error::LengthMismatch`] if the parameters do not fit the shape.
    pub fn quantize_into<V, C>(&self, x: V, out: ArrayViewMut<'_, C, V::Dim>) -> Result<Observed>
    where
        V: AsView<Element: Real>,
        C: Code,
    {
        self.check_type::<C>()?;
        let view = x.as_view();
        check_shape("the output", view.shape(), out.shape())?;
        let mut out = out;
        let out = C::codes_mut(contiguous(&mut out)?);
        check_and_map_codes(&Input::of(&view), &self.params, self.settings(), out)
    }

    /// Writes the codes of a slice: a tensor of one dimension.
    ///
    /// # Errors
    ///
    /// As [`quantize_into`](Self::quantize_into), and [`Error::LengthMismatch`] of `out`.
    pub fn quantize_slice_into<T: Real, C: Code>(&self, x: &[T], out: &mut [C]) -> Result<Observed> {
        self.check_type::<C>()?;
        if x.len() != out.len() {
            return Err(Error::LengthMismatch { what: "codes", expected: x.len(), actual: out.len() });
        }
        let shape = [x.len()];
        check_and_map_codes(&Input::of_slice(x, &shape), &self.params, self.settings(), C::codes_mut(out))
    }

    /// Writes the reals of codes.
    ///
    /// # Errors
    ///
    /// [`TensorError::CodeTypeMismatch`] if `codes` are of another type; as [`dequantize_into`](super::dequantize_into).
    pub fn dequantize_into<V>(&self, codes: V, out: ArrayViewMut<'_, f32, V::Dim>) -> Result<()>
    where
        V: AsView<Element: Code>,
    {
        self.check_type::<V::Element>()?;
        dequantize_into(codes, &self.params, out)
    }

    /// Writes what a tensor is restored as, without the codes.
    ///
    /// # Errors
    ///
    /// As [`fake_quantize_with_params_into`](super::fake_quantize_with_params_into).
    pub fn fake_quantize_into<V>(&self, x: V, out: ArrayViewMut<'_, f32, V::Dim>) -> Result<Observed>
    where
        V: AsView<Element: Real>,
    {
        let view = x.as_view();
        check_shape("the output", view.shape(), out.shape())?;
        let mut out = out;
        check_and_map_reals(&Input::of(&view), &self.params, self.settings(), contiguous(&mut out)?)
    }
}

/// Finds the parameters of each tensor anew, and quantizes it: dynamic quantization, as of activations whose range is not known
/// beforehand.
///
/// With one scale for the tensor one thread allocates nothing, if the estimator remembers no values, as [`MinMax`](crate::range::MinMax) does
/// not. The parameters of several groups, and what a search for the best range needs, are allocated in each call.
///
/// # Examples
///
/// ```
/// use ndarray::{Array1, array};
/// use tensor_quant::{AnyScheme, tensor::DynamicQuantizer};
///
/// let mut quantizer = DynamicQuantizer::new("u8 affine".parse::<AnyScheme>()?);
/// let mut codes = Array1::<u8>::zeros(3);
/// let params = quantizer.quantize_into(&array![0.0_f32, 0.2, 1.0], codes.view_mut())?;
/// assert_eq!(params.scales(), [1.0 / 255.0]);
/// assert_eq!(codes, array![0, 51, 255]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicQuantizer<S = AnyScheme> {
    scheme: S,
    params: Option<QuantParams>,
}

/// A scheme, by its types or by value. No other type is one.
pub trait DynamicScheme: sealed::Sealed {
    #[doc(hidden)]
    fn code(&self) -> CodeType;
    #[doc(hidden)]
    fn estimated(&self, input: &sealed::Input<'_>) -> Result<(QuantParams, Observed)>;
    #[doc(hidden)]
    fn settings(&self) -> sealed::Settings<'_>;
}

mod sealed {
    pub trait Sealed {}
    #[derive(Debug)]
    pub struct Input<'a>(pub(in crate::tensor) &'a super::Input<'a>);
    #[derive(Debug)]
    pub struct Settings<'a>(pub(in crate::tensor) super::kernel::Settings<'a>);
    impl<C, E, P, R> Sealed for super::Scheme<C, E, P, R> {}
    impl Sealed for super::AnyScheme {}
}

impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> DynamicScheme for Scheme<C, E, P, R> {
    fn code(&self) -> CodeType {
        C::TYPE
    }

    fn estimated(&self, input: &sealed::Input<'_>) -> Result<(QuantParams, Observed)> {
        self.estimate(input.0)
    }

    fn settings(&self) -> sealed::Settings<'_> {
        sealed::Settings(kernel::Settings {
            code: C::TYPE,
            rounder: Rounder::of(&self.rounding),
            scaling: self.scaling,
            nan: self.nan_policy,
        })
    }
}

impl DynamicScheme for AnyScheme {
    fn code(&self) -> CodeType {
        self.code
    }

    fn estimated(&self, input: &sealed::Input<'_>) -> Result<(QuantParams, Observed)> {
        self.estimate_input(input.0)
    }

    fn settings(&self) -> sealed::Settings<'_> {
        sealed::Settings(self.by_value())
    }
}

impl<S: DynamicScheme> DynamicQuantizer<S> {
    /// Returns a quantizer of a scheme: a [`Scheme`], or an [`AnyScheme`].
    pub fn new(scheme: S) -> Self {
        Self { scheme, params: None }
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> &S {
        &self.scheme
    }

    /// Returns the parameters of the latest tensor, if there was one.
    pub fn params(&self) -> Option<&QuantParams> {
        self.params.as_ref()
    }

    /// Writes the codes of a tensor, and returns its parameters, which are kept until the next one.
    ///
    /// After an error `out` may be partly written.
    ///
    /// # Errors
    ///
    /// As [`quantize_tensor_into`](super::quantize_tensor_into), and [`TensorError::CodeTypeMismatch`] if `out` is of another
    /// code type.
    pub fn quantize_into<V, C>(&mut self, x: V, out: ArrayViewMut<'_, C, V::Dim>) -> Result<&QuantParams>
    where
        V: AsView<Element: Real>,
        C: Code,
    {
        if self.scheme.code() != C::TYPE {
            return Err(TensorError::CodeTypeMismatch { expected: C::NAME, actual: self.scheme.code().name() }.into());
        }
        let view = x.as_view();
        check_shape("the output", view.shape(), out.shape())?;
        let mut out = out;
        let out = C::codes_mut(contiguous(&mut out)?);
        let input = Input::of(&view);
        let (params, observed) = self.scheme.estimated(&sealed::Input(&input))?;
        map_codes(&input, &params, self.scheme.settings().0.given(observed.nan), out)?;
        Ok(self.params.insert(params))
    }

    /// Writes what a tensor is restored as, without the codes, and returns its parameters.
    ///
    /// # Errors
    ///
    /// As [`fake_quantize_tensor_into`](super::fake_quantize_tensor_into).
    pub fn fake_quantize_into<V, D>(&mut self, x: V, out: ArrayViewMut<'_, f32, D>) -> Result<&QuantParams>
    where
        V: AsView<Element: Real, Dim = D>,
        D: Dimension,
    {
        let view = x.as_view();
        check_shape("the output", view.shape(), out.shape())?;
        let mut out = out;
        let out = contiguous(&mut out)?;
        let input = Input::of(&view);
        let (params, observed) = self.scheme.estimated(&sealed::Input(&input))?;
        super::fake_quantize::map_reals(&input, &params, self.scheme.settings().0.given(observed.nan), out)?;
        Ok(self.params.insert(params))
    }
}
