//! The parts of other implementations' schemes, made of whatever bytes come.

use crate::scheme::Foreign;
use arbitrary::{Result as Drawn, Unstructured};
use tensor_quant::convention::{onnx_runtime, tflite, torch};
use tensor_quant::kernel::Extremes;
use tensor_quant::num::Code;
use tensor_quant::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange, ZeroPoints};
use tensor_quant::range::{Feed, Target};
use tensor_quant::{AnyScheme, RangeEstimator, Result, Scheme};

macro_rules! estimators {
    ($($name:ident($type:ty))*) => {
        /// What another implementation finds ranges with.
        #[derive(Clone, Debug)]
        pub enum Estimator {
            $($name($type),)*
        }

        impl RangeEstimator for Estimator {
            fn observe(&mut self, values: &[f32]) {
                match self { $(Self::$name(e) => e.observe(values),)* }
            }
            fn observe_extremes(&mut self, seen: &Extremes) {
                match self { $(Self::$name(e) => e.observe_extremes(seen),)* }
            }
            fn merge(&mut self, other: &Self) {
                match (self, other) {
                    $((Self::$name(a), Self::$name(b)) => a.merge(b),)*
                    _ => unreachable!("both are clones of one"),
                }
            }
            fn range(&self, target: &dyn Target) -> Result<ValueRange> {
                match self { $(Self::$name(e) => e.range(target),)* }
            }
            fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
                match self { $(Self::$name(e) => e.range_of(values, target),)* }
            }
            fn feed(&self) -> Feed {
                match self { $(Self::$name(e) => e.feed(),)* }
            }
        }
    };
}

estimators! {
    OrtMinMax(onnx_runtime::MinMaxCalibrater)
    OrtEntropy(onnx_runtime::EntropyCalibrater)
    OrtPercentile(onnx_runtime::PercentileCalibrater)
    OrtDistribution(onnx_runtime::DistributionCalibrater)
    Torch(torch::HistogramObserver)
}

impl Estimator {
    /// Draws one; settings that are refused give one that has none.
    fn draw(u: &mut Unstructured<'_>) -> Drawn<Self> {
        // Few: a search takes the square of them, for each group.
        let bins = |u: &mut Unstructured<'_>| u.int_in_range(0..=40_usize);
        let drawn = match u.int_in_range(0..=5_u8)? {
            0 => None,
            1 => onnx_runtime::EntropyCalibrater::new(bins(u)?, bins(u)?).ok().map(Self::OrtEntropy),
            2 => onnx_runtime::PercentileCalibrater::symmetric(bins(u)?, u.arbitrary()?).ok().map(Self::OrtPercentile),
            3 => {
                let percentile = onnx_runtime::PercentileCalibrater::affine(bins(u)?, f64::from(u.arbitrary::<u8>()?));
                percentile.ok().map(Self::OrtPercentile)
            }
            4 => {
                let power = if u.arbitrary()? { onnx_runtime::Power::Same } else { onnx_runtime::Power::CubeRoot };
                onnx_runtime::DistributionCalibrater::new(512 + bins(u)?, power).ok().map(Self::OrtDistribution)
            }
            _ => torch::HistogramObserver::new(bins(u)?).ok().map(Self::Torch),
        };
        Ok(drawn.unwrap_or(Self::OrtMinMax(onnx_runtime::MinMaxCalibrater::averaged())))
    }
}

/// What another implementation makes parameters with.
#[derive(Clone, Copy, Debug)]
pub enum Calculator {
    Ort(onnx_runtime::Params),
    TfliteWeights(tflite::Weights),
    TfliteActivations(tflite::Activations),
    TorchAffine(torch::AffineMapping),
    TorchSymmetric(torch::SymmetricMapping),
    TorchQParams(torch::QParams),
    TorchDynamic(torch::Dynamic),
}

impl Calculator {
    fn get(&self) -> &dyn ParamsCalculator {
        match self {
            Self::Ort(it) => it,
            Self::TfliteWeights(it) => it,
            Self::TfliteActivations(it) => it,
            Self::TorchAffine(it) => it,
            Self::TorchSymmetric(it) => it,
            Self::TorchQParams(it) => it,
            Self::TorchDynamic(it) => it,
        }
    }

    /// Draws one; settings that are refused give one that has none.
    fn draw(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(match u.int_in_range(0..=9_u8)? {
            0 => Self::Ort(onnx_runtime::Params::affine().with_min_real_range(u.arbitrary()?)),
            1 => Self::Ort(onnx_runtime::Params::symmetric().with_reduced_range()),
            2 => Self::TfliteWeights(tflite::Weights),
            3 => Self::TfliteActivations(tflite::Activations),
            4 => Self::TorchAffine(torch::AffineMapping { eps: u.arbitrary()?, ..torch::AffineMapping::default() }),
            5 => Self::TorchSymmetric(torch::SymmetricMapping {
                eps: u.arbitrary()?,
                ..torch::SymmetricMapping::default()
            }),
            6 => Self::TorchQParams(torch::QParams::affine().with_eps(u.arbitrary()?).with_reduced_range()),
            7 => Self::TorchQParams(torch::QParams::symmetric().with_codes(u.arbitrary()?, u.arbitrary()?)),
            8 => Self::TorchQParams(torch::QParams::affine_float()),
            _ => Self::TorchDynamic(torch::Dynamic::default().with_reduced_range()),
        })
    }
}

impl ParamsCalculator for Calculator {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        self.get().params(range, codes)
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        self.get().zero_points(codes)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        self.get().codes(full)
    }
}

/// Draws a scheme of them, with a built-in rounding by way of the loops for a user's own; all else is that of `like`.
pub fn scheme<C: Code>(u: &mut Unstructured<'_>, like: &AnyScheme) -> Drawn<Scheme<C, Estimator, Calculator, Foreign>> {
    Ok(Scheme::new(Estimator::draw(u)?, Calculator::draw(u)?, Foreign(like.rounding))
        .with_scaling(like.scaling)
        .with_granularity(like.granularity)
        .with_nan_policy(like.nan_policy))
}
