//! Schemes as quantizers whose laws can be checked.

use super::known;
use super::law::Waiver;
use super::quantization_method::QuantizationMethod;
use crate::error::Result;
use crate::kernel::{self, Level, Mapping};
use crate::num::{Code, CodeType, CodeVisitor, Rounding, Scaling};
use crate::params::{AffineParams, CodeRange, Granularity, NanPolicy, ParamsCalculator, QuantParams};
use crate::range::RangeEstimator;
use crate::tensor::{AnyScheme, PackedTensor, Scheme, quantize_tensor, quantize_with_params};
use ndarray::ArrayViewD;

/// What both kinds of schemes say of their parts, whose fields have the same names.
macro_rules! of_parts {
    () => {
        fn granularity(&self) -> Granularity {
            self.granularity
        }

        fn codes(&self) -> CodeRange {
            Self::codes(self)
        }

        fn nan_policy(&self) -> NanPolicy {
            self.nan_policy
        }

        fn scaling(&self) -> Scaling {
            self.scaling
        }

        fn round(&self, quotient: f32, index: u64) -> f32 {
            self.rounding.round(quotient, index)
        }

        fn waivers(&self) -> Vec<Waiver> {
            known::of_scheme(&known::Parts {
                estimator: &self.estimator,
                feed: self.estimator.feed(),
                calculator: &self.calculator,
                rounding: &self.rounding,
                is_random: self.rounding.is_random(),
                scaling: self.scaling,
                codes: Self::codes(self),
                bits: QuantizationMethod::code_type(self).bits(),
            })
        }
    };
}

/// A scheme promises what its parts define: its granularity, codes, policy and scaling, and its rounding's `round`, element by
/// element.
///
/// The laws that it does not promise are those that its built-in parts are known to break, by their types alone: a part that
/// you wrote promises every law until you say otherwise.
impl<C: Code, E: RangeEstimator + 'static, P: ParamsCalculator + 'static, R: Rounding + 'static> QuantizationMethod
    for Scheme<C, E, P, R>
{
    fn code_type(&self) -> CodeType {
        C::TYPE
    }

    fn quantize(&self, x: ArrayViewD<'_, f32>) -> Result<PackedTensor> {
        quantize_tensor(x, self).map(PackedTensor::from)
    }

    fn quantize_with(&self, x: ArrayViewD<'_, f32>, params: &QuantParams) -> Result<PackedTensor> {
        quantize_with_params(x, params, self.settings()).map(PackedTensor::from)
    }

    fn map_at(&self, level: Level, x: &[f32], params: AffineParams, first_index: u64) -> Option<Vec<f64>> {
        let mapping = Mapping { params, codes: Scheme::codes(self), scaling: self.scaling, nan: self.nan_policy };
        let mut codes = vec![C::default(); x.len()];
        kernel::quantize(level, x, &mapping, self.rounding, &mut codes, first_index);
        Some(codes.iter().map(|code| code.to_f64()).collect())
    }

    of_parts!();
}

/// It promises what a scheme of the same parts does.
impl QuantizationMethod for AnyScheme {
    fn code_type(&self) -> CodeType {
        self.code
    }

    fn quantize(&self, x: ArrayViewD<'_, f32>) -> Result<PackedTensor> {
        AnyScheme::quantize(self, x)
    }

    fn quantize_with(&self, x: ArrayViewD<'_, f32>, params: &QuantParams) -> Result<PackedTensor> {
        self.quantize_with_params(x, params)
    }

    fn map_at(&self, level: Level, x: &[f32], params: AffineParams, first_index: u64) -> Option<Vec<f64>> {
        struct Map<'a>(&'a AnyScheme, Level, &'a [f32], AffineParams, u64);

        impl CodeVisitor for Map<'_> {
            type Output = Option<Vec<f64>>;

            fn visit<C: Code>(self) -> Self::Output {
                let Self(scheme, level, x, params, first_index) = self;
                scheme.to_static::<C>()?.map_at(level, x, params, first_index)
            }
        }

        self.code.visit(Map(self, level, x, params, first_index))
    }

    of_parts!();
}
