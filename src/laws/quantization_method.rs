//! What the laws of schemes judge: anything that turns tensors into codes and back.

use super::law::Waiver;
use crate::error::Result;
use crate::kernel::Level;
use crate::metrics::ErrorMetrics;
use crate::num::{Code, CodeKind, CodeType, CodeVisitor, Rounding, Scaling, TiesEven};
use crate::params::{AffineParams, CodeRange, Granularity, NanPolicy, QuantParams};
use crate::tensor::PackedTensor;
use core::fmt::Debug;
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use std::sync::OnceLock;

/// Anything that turns tensors into codes and back, judged by what comes out of it.
///
/// A [`Scheme`](crate::Scheme) is one, and so is an [`AnyScheme`](crate::AnyScheme). Implement it for a quantizer of your own,
/// with kernels of your own, and it is held to the same laws. The three methods that must be there name the type of the codes
/// and do the work; the others say what is promised of it, and their defaults are what most quantizers promise: one scale for
/// the tensor, every code, a quotient that is divided and rounded to the nearest with halves to even, and NaN refused.
/// (A [`Quantizer`](crate::Quantizer) only does what a scheme or parameters say: hold that scheme to the laws.)
///
/// # Examples
///
/// Whole steps of a sixteenth, without any of this crate's kernels:
///
/// ```
/// use ndarray::{ArrayViewD, Dimension};
/// use tensor_quant::laws::{QuantizationMethod, Terms, scheme};
/// use tensor_quant::num::CodeType;
/// use tensor_quant::{Error, PackedTensor, QuantParams, QuantizedTensor, Result};
///
/// #[derive(Debug)]
/// struct Sixteenths;
///
/// impl QuantizationMethod for Sixteenths {
///     fn code_type(&self) -> CodeType {
///         CodeType::I8
///     }
///
///     fn quantize(&self, x: ArrayViewD<'_, f32>) -> Result<PackedTensor> {
///         if !x.iter().any(|x| x.is_finite()) {
///             let nan = x.iter().filter(|x| x.is_nan()).count() as u64;
///             let observed = x.len() as u64;
///             return Err(Error::NoData { group: None, observed, nan, infinite: observed - nan });
///         }
///         self.quantize_with(x, &QuantParams::per_tensor::<i8>(1.0 / 16.0, 0)?)
///     }
///
///     fn quantize_with(&self, x: ArrayViewD<'_, f32>, params: &QuantParams) -> Result<PackedTensor> {
///         if let Some((index, _)) = x.indexed_iter().find(|(_, x)| x.is_nan()) {
///             return Err(Error::NotANumber { index: index.as_array_view().to_vec() });
///         }
///         let codes = x.mapv(|x| (x / params.scales()[0]).clamp(-128.0, 127.0).round_ties_even() as i8);
///         QuantizedTensor::new(codes, params.clone()).map(PackedTensor::from)
///     }
/// }
///
/// let terms = Terms::default()
///     .without(scheme::POWERS_OF_TWO, "the step is always the same")
///     .without(scheme::CONSTANTS, "the step is always the same")
///     .without(scheme::SIGN_SYMMETRY, "there is one code more below zero")
///     .without(scheme::SQNR_PER_BIT, "the step is always the same");
/// println!("{}", terms.check_scheme(&Sixteenths)?);
/// # Ok::<(), tensor_quant::laws::Broken>(())
/// ```
#[doc(alias = "Quantizer")]
pub trait QuantizationMethod: Debug + Sync {
    /// Returns what the codes are stored in.
    fn code_type(&self) -> CodeType;

    /// Returns the codes of a tensor, with parameters that are found for it.
    ///
    /// # Errors
    ///
    /// [`Error::NoData`](crate::Error::NoData) if a group has no finite value, and what the NaN policy prescribes.
    fn quantize(&self, x: ArrayViewD<'_, f32>) -> Result<PackedTensor>;

    /// Returns the codes of a tensor under parameters that are known.
    ///
    /// # Errors
    ///
    /// What the NaN policy prescribes.
    fn quantize_with(&self, x: ArrayViewD<'_, f32>, params: &QuantParams) -> Result<PackedTensor>;

    /// Returns the restored tensor.
    fn dequantize(&self, q: &PackedTensor) -> ArrayD<f32> {
        q.dequantize()
    }

    /// Returns the codes of a slice at a SIMD level, as numbers, or `None` where there are no kernels to choose from.
    /// `first_index` is the position of its first element, for roundings that depend on it.
    fn map_at(&self, level: Level, x: &[f32], params: AffineParams, first_index: u64) -> Option<Vec<f64>> {
        let _ = (level, x, params, first_index);
        None
    }

    /// Returns which elements share a scale.
    fn granularity(&self) -> Granularity {
        Granularity::Tensor
    }

    /// Returns the codes that are used.
    fn codes(&self) -> CodeRange {
        CodeRange::of_type(self.code_type())
    }

    /// Returns what a NaN gives.
    fn nan_policy(&self) -> NanPolicy {
        NanPolicy::Error
    }

    /// Returns how a value is brought to the scale of the codes.
    fn scaling(&self) -> Scaling {
        Scaling::Divide
    }

    /// Returns the whole number that a quotient is rounded to; `index` is the element's position in row-major order.
    fn round(&self, quotient: f32, index: u64) -> f32 {
        TiesEven.round(quotient, index)
    }

    /// Returns the laws that are not promised, with the reasons: listed in the verdict, beside those that
    /// [`Terms::without`](super::Terms::without) names.
    fn waivers(&self) -> Vec<Waiver> {
        Vec::new()
    }
}

/// What came out of a quantizer, in numbers.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) shape: Vec<usize>,
    pub(super) codes: Vec<f64>,
    pub(super) restored: Vec<f32>,
    pub(super) params: QuantParams,
}

/// A quantizer, and all of its floating codes, which are found once.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    quantizer: &'a dyn QuantizationMethod,
    floats: OnceLock<Vec<f64>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(quantizer: &'a dyn QuantizationMethod) -> Self {
        Self { quantizer, floats: OnceLock::new() }
    }

    fn outcome(&self, q: &PackedTensor) -> Outcome {
        Outcome {
            shape: q.shape().to_vec(),
            codes: q.code_type().visit(Numbers(q)),
            restored: self.quantizer.dequantize(q).iter().copied().collect(),
            params: q.params().clone(),
        }
    }

    pub(super) fn quantize(&self, x: ArrayViewD<'_, f32>) -> Result<Outcome> {
        Ok(self.outcome(&self.quantizer.quantize(x)?))
    }

    pub(super) fn quantize_with(&self, x: ArrayViewD<'_, f32>, params: &QuantParams) -> Result<Outcome> {
        Ok(self.outcome(&self.quantizer.quantize_with(x, params)?))
    }

    pub(super) fn measure(&self, x: ArrayViewD<'_, f32>) -> Result<ErrorMetrics> {
        let q = self.quantizer.quantize(x.view())?;
        q.code_type().visit(Measure(&q, x))
    }

    pub(super) fn map_at(&self, level: Level, x: &[f32], params: AffineParams, first: u64) -> Option<Vec<f64>> {
        self.quantizer.map_at(level, x, params, first)
    }

    pub(super) fn granularity(&self) -> Granularity {
        self.quantizer.granularity()
    }

    pub(super) fn codes(&self) -> CodeRange {
        self.quantizer.codes()
    }

    pub(super) fn nan_policy(&self) -> NanPolicy {
        self.quantizer.nan_policy()
    }

    pub(super) fn scaling(&self) -> Scaling {
        self.quantizer.scaling()
    }

    pub(super) fn round(&self, quotient: f32, index: u64) -> f32 {
        self.quantizer.round(quotient, index)
    }

    /// Returns all finite codes of a floating type, in ascending order; none of an integer type.
    pub(super) fn floats(&self) -> &[f64] {
        self.floats.get_or_init(|| self.quantizer.code_type().visit(FiniteCodes))
    }
}

/// Gives the codes of a tensor as numbers.
struct Numbers<'a>(&'a PackedTensor);

impl CodeVisitor for Numbers<'_> {
    type Output = Vec<f64>;

    fn visit<C: Code>(self) -> Vec<f64> {
        self.0.codes::<C>().map_or(Vec::new(), |codes| codes.iter().map(|code| code.to_f64()).collect())
    }
}

/// Gives the error that is reported of a tensor.
struct Measure<'a>(&'a PackedTensor, ArrayViewD<'a, f32>);

impl CodeVisitor for Measure<'_> {
    type Output = Result<ErrorMetrics>;

    fn visit<C: Code>(self) -> Self::Output {
        self.0.to_typed::<C, IxDyn>()?.error(self.1)
    }
}

/// Gives all finite codes of a floating type, ascending, from all bits that there are; none of an integer type.
struct FiniteCodes;

impl CodeVisitor for FiniteCodes {
    type Output = Vec<f64>;

    fn visit<C: Code>(self) -> Vec<f64> {
        if C::KIND == CodeKind::Integer || C::BITS > 16 {
            return Vec::new();
        }
        let mut one = [C::default()];
        let mut all: Vec<f64> = (0..1_u32 << C::BITS)
            .filter_map(|bits| {
                let read = C::read_packed(&bits.to_le_bytes()[..C::packed_len(1)], &mut one);
                read.ok().map(|()| one[0].to_f64())
            })
            .filter(|code| code.is_finite())
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        all.dedup();
        all
    }
}
