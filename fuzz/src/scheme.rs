//! Schemes made of whatever bytes come: any estimator, calculator, rounding, granularity, settings at their ends included.

use arbitrary::{Result as Drawn, Unstructured};
use tensor_quant::convention::{onnx_runtime, tflite, torch};
use tensor_quant::num::{Ceil, Floor, HalfAway, Scaling, Stochastic, TiesEven, TowardZero};
use tensor_quant::params::{
    Affine, AffineParams, Article, Cast, CodeRange, Granularity, NanPolicy, PowerOfTwo, Symmetric, ValueRange,
    ZeroPoints,
};
use tensor_quant::range::{
    Entropy, Feed, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile, Target,
};
use tensor_quant::{ParamsCalculator, RangeEstimator, Result, Rounding, Scheme};

macro_rules! estimators {
    ($($name:ident($type:ty))*) => {
        /// Any estimator.
        #[derive(Clone, Debug)]
        pub enum AnyEstimator {
            $($name($type),)*
        }

        impl RangeEstimator for AnyEstimator {
            fn observe(&mut self, values: &[f32]) {
                match self { $(Self::$name(e) => e.observe(values),)* }
            }
            fn observe_extremes(&mut self, seen: &tensor_quant::kernel::Extremes) {
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
    Fixed(Fixed)
    MinMax(MinMax)
    MovingAverage(MovingAverage)
    Percentile(Percentile)
    MeanStd(MeanStd)
    Mse(Mse)
    LpNorm(LpNorm)
    Octav(Octav)
    Entropy(Entropy)
    OrtMinMax(onnx_runtime::MinMax)
    OrtEntropy(onnx_runtime::Entropy)
    OrtPercentile(onnx_runtime::Percentile)
    OrtDistribution(onnx_runtime::Distribution)
    Torch(torch::HistogramObserver)
}

impl AnyEstimator {
    /// Draws one; settings that are refused give one that has none.
    pub fn draw(u: &mut Unstructured<'_>) -> Drawn<Self> {
        // Few: a search takes the square of them, for each group.
        let bins = |u: &mut Unstructured<'_>| u.int_in_range(0..=40_usize);
        let drawn = match u.int_in_range(0..=16_u8)? {
            0 => ValueRange::new(u.arbitrary()?, u.arbitrary()?).ok().map(|range| Self::Fixed(Fixed::new(range))),
            1 => MovingAverage::new(u.arbitrary()?).ok().map(Self::MovingAverage),
            2 => Percentile::new(u.arbitrary()?, u.arbitrary()?).ok().map(Self::Percentile),
            3 => {
                let least = f64::from(u.arbitrary::<u16>()?) / 65535.0;
                Percentile::two_sided(least).ok().map(Self::Percentile)
            }
            4 => MeanStd::new(u.arbitrary()?).ok().map(Self::MeanStd),
            5 => Some(Self::Mse(Mse::default())),
            6 => LpNorm::new(u.arbitrary()?).ok().map(Self::LpNorm),
            7 => LpNorm::new(f64::from(u.arbitrary::<u8>()?) / 32.0).ok().map(Self::LpNorm),
            8 => Some(Self::Octav(Octav::default())),
            9 => Some(Self::Entropy(Entropy::default())),
            10 => Some(Self::OrtMinMax(onnx_runtime::MinMax::averaged())),
            11 => onnx_runtime::Entropy::new(bins(u)?, bins(u)?).ok().map(Self::OrtEntropy),
            12 => onnx_runtime::Percentile::symmetric(bins(u)?, u.arbitrary()?).ok().map(Self::OrtPercentile),
            13 => onnx_runtime::Percentile::affine(bins(u)?, f64::from(u.arbitrary::<u8>()?))
                .ok()
                .map(Self::OrtPercentile),
            14 => {
                let power = if u.arbitrary()? { onnx_runtime::Power::Same } else { onnx_runtime::Power::CubeRoot };
                onnx_runtime::Distribution::new(512 + bins(u)?, power).ok().map(Self::OrtDistribution)
            }
            15 => torch::HistogramObserver::new(bins(u)?).ok().map(Self::Torch),
            _ => None,
        };
        Ok(drawn.unwrap_or(Self::MinMax(MinMax::default())))
    }
}

macro_rules! calculators {
    ($($name:ident($type:ty))*) => {
        /// Any calculator.
        #[derive(Clone, Copy, Debug)]
        pub enum AnyCalculator {
            $($name($type),)*
        }

        impl ParamsCalculator for AnyCalculator {
            fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
                match self { $(Self::$name(c) => c.params(range, codes),)* }
            }
            fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
                match self { $(Self::$name(c) => c.zero_points(codes),)* }
            }
            fn codes(&self, full: CodeRange) -> CodeRange {
                match self { $(Self::$name(c) => c.codes(full),)* }
            }
        }
    };
}

calculators! {
    Affine(Affine)
    Symmetric(Symmetric)
    PowerOfTwo(PowerOfTwo)
    Article(Article)
    Cast(Cast)
    Ort(onnx_runtime::Params)
    TfliteWeights(tflite::Weights)
    TfliteActivations(tflite::Activations)
    TorchAffine(torch::Affine)
    TorchSymmetric(torch::Symmetric)
    TorchQParams(torch::QParams)
    TorchDynamic(torch::Dynamic)
}

impl AnyCalculator {
    /// Draws one; settings that are refused give one that has none.
    pub fn draw(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(match u.int_in_range(0..=18_u8)? {
            0 => Self::Affine(Affine::default()),
            1 => Self::Affine(Affine::without_zero()),
            2 => Self::Symmetric(Symmetric::narrow()),
            3 => Self::Symmetric(Symmetric::full()),
            4 => Self::PowerOfTwo(PowerOfTwo),
            5 => Self::Article(Article::own_range()),
            6 => Self::Article(Article::target(u.arbitrary()?, u.arbitrary()?).unwrap_or(Article::own_range())),
            7 => Self::Cast(Cast::saturating()),
            8 => Self::Cast(Cast::ieee()),
            9 => Self::Ort(onnx_runtime::Params::affine().with_min_real_range(u.arbitrary()?)),
            10 => Self::Ort(onnx_runtime::Params::symmetric().with_reduced_range()),
            11 => Self::TfliteWeights(tflite::Weights),
            12 => Self::TfliteActivations(tflite::Activations),
            13 => Self::TorchAffine(torch::Affine { eps: u.arbitrary()?, ..torch::Affine::default() }),
            14 => Self::TorchSymmetric(torch::Symmetric { eps: u.arbitrary()?, ..torch::Symmetric::default() }),
            15 => Self::TorchQParams(torch::QParams::affine().with_eps(u.arbitrary()?).with_reduced_range()),
            16 => Self::TorchQParams(torch::QParams::symmetric().with_codes(u.arbitrary()?, u.arbitrary()?)),
            17 => Self::TorchQParams(torch::QParams::affine_float()),
            _ => Self::TorchDynamic(torch::Dynamic::default().with_reduced_range()),
        })
    }
}

/// Any rounding, by way of the loop for a user's own.
#[derive(Clone, Copy, Debug)]
pub enum AnyRounding {
    TiesEven,
    HalfAway,
    Ceil,
    Floor,
    TowardZero,
    Stochastic(Stochastic),
}

impl Rounding for AnyRounding {
    fn round(self, x: f32, index: u64) -> f32 {
        match self {
            Self::TiesEven => TiesEven.round(x, index),
            Self::HalfAway => HalfAway.round(x, index),
            Self::Ceil => Ceil.round(x, index),
            Self::Floor => Floor.round(x, index),
            Self::TowardZero => TowardZero.round(x, index),
            Self::Stochastic(stochastic) => stochastic.round(x, index),
        }
    }

    fn is_random(self) -> bool {
        matches!(self, Self::Stochastic(_))
    }
}

/// What a scheme is made of, but for the code type and the rounding.
#[derive(Clone, Debug)]
pub struct Setting {
    pub estimator: AnyEstimator,
    pub calculator: AnyCalculator,
    pub rounding: AnyRounding,
    pub scaling: Scaling,
    pub granularity: Granularity,
    pub nan_policy: NanPolicy,
}

impl Setting {
    /// Draws one.
    pub fn draw(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self {
            estimator: AnyEstimator::draw(u)?,
            calculator: AnyCalculator::draw(u)?,
            rounding: match u.int_in_range(0..=5_u8)? {
                0 => AnyRounding::TiesEven,
                1 => AnyRounding::HalfAway,
                2 => AnyRounding::Ceil,
                3 => AnyRounding::Floor,
                4 => AnyRounding::TowardZero,
                _ => AnyRounding::Stochastic(Stochastic { seed: u.arbitrary()? }),
            },
            scaling: if u.arbitrary()? { Scaling::Divide } else { Scaling::Reciprocal },
            granularity: granularity(u)?,
            nan_policy: match u.int_in_range(0..=2_u8)? {
                0 => NanPolicy::Error,
                1 => NanPolicy::Skip,
                _ => NanPolicy::Native,
            },
        })
    }

    /// Returns the scheme for a code type and a rounding.
    pub fn scheme<C: tensor_quant::num::Code, R: Rounding>(
        &self,
        rounding: R,
    ) -> Scheme<C, AnyEstimator, AnyCalculator, R> {
        Scheme::new(self.estimator.clone(), self.calculator, rounding)
            .with_scaling(self.scaling)
            .with_granularity(self.granularity)
            .with_nan_policy(self.nan_policy)
    }
}

/// Draws a granularity, mostly of an axis that is there.
pub fn granularity(u: &mut Unstructured<'_>) -> Drawn<Granularity> {
    Ok(match u.int_in_range(0..=5_u8)? {
        0 => Granularity::Tensor,
        1 => Granularity::Axis(u.int_in_range(0..=3)?),
        2 | 3 => Granularity::Block { axis: u.int_in_range(0..=3)?, size: u.int_in_range(0..=70)? },
        4 => Granularity::Axis(u.arbitrary()?),
        _ => Granularity::Block { axis: u.int_in_range(0..=3)?, size: u.arbitrary()? },
    })
}
