//! Schemes of built-in parts made of whatever bytes come, settings at their ends included.

use arbitrary::{Result as Drawn, Unstructured};
use tensor_quant::AnyScheme;
use tensor_quant::num::{AnyRounding, CodeType, Rounding, Scaling, Stochastic};
use tensor_quant::params::{
    Affine, AnyCalculator, Article, BlockShape, Cast, Granularity, MaxAbs, NanPolicy, PowerOfTwo, Symmetric, ValueRange,
};
use tensor_quant::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile,
};

/// Draws a scheme for codes of any type.
pub fn any_scheme(u: &mut Unstructured<'_>) -> Drawn<AnyScheme> {
    Ok(AnyScheme::new(*u.choose(CodeType::ALL)?)
        .with_estimator(estimator(u)?)
        .with_calculator(calculator(u)?)
        .with_rounding(rounding(u)?)
        .with_scaling(if u.arbitrary()? { Scaling::Divide } else { Scaling::Reciprocal })
        .with_granularity(granularity(u)?)
        .with_nan_policy(*u.choose(&[NanPolicy::Error, NanPolicy::Skip, NanPolicy::Native])?))
}

/// Draws an estimator; settings that are refused give one that has none.
fn estimator(u: &mut Unstructured<'_>) -> Drawn<AnyEstimator> {
    let drawn = match u.int_in_range(0..=10_u8)? {
        0 => ValueRange::new(u.arbitrary()?, u.arbitrary()?).ok().map(|range| Fixed::new(range).into()),
        1 => MovingAverage::new(u.arbitrary()?).ok().map(AnyEstimator::from),
        2 => Percentile::new(u.arbitrary()?, u.arbitrary()?).ok().map(AnyEstimator::from),
        3 => Percentile::two_sided(f64::from(u.arbitrary::<u16>()?) / 65535.0).ok().map(AnyEstimator::from),
        4 => MeanStd::new(u.arbitrary()?).ok().map(AnyEstimator::from),
        5 => Some(Mse::default().into()),
        6 => LpNorm::new(u.arbitrary()?).ok().map(AnyEstimator::from),
        7 => LpNorm::new(f64::from(u.arbitrary::<u8>()?) / 32.0).ok().map(AnyEstimator::from),
        8 => Some(Octav::default().into()),
        9 => Some(Entropy::default().into()),
        _ => None,
    };
    Ok(drawn.unwrap_or(MinMax::default().into()))
}

/// Draws a calculator; settings that are refused give one that has none.
fn calculator(u: &mut Unstructured<'_>) -> Drawn<AnyCalculator> {
    Ok(match u.int_in_range(0..=9_u8)? {
        0 => Affine::default().into(),
        1 => Affine::without_zero().into(),
        2 => Symmetric::narrow().into(),
        3 => Symmetric::full().into(),
        4 => PowerOfTwo.into(),
        5 => Article::own_range().into(),
        6 => Article::target(u.arbitrary()?, u.arbitrary()?).unwrap_or(Article::own_range()).into(),
        7 => Cast::saturating().into(),
        8 => Cast::ieee().into(),
        _ => MaxAbs.into(),
    })
}

/// Draws a rounding.
fn rounding(u: &mut Unstructured<'_>) -> Drawn<AnyRounding> {
    Ok(match *u.choose(&AnyRounding::ALL)? {
        AnyRounding::Stochastic(_) => Stochastic { seed: u.arbitrary()? }.into(),
        other => other,
    })
}

/// Draws a granularity, mostly of an axis that is there.
pub fn granularity(u: &mut Unstructured<'_>) -> Drawn<Granularity> {
    Ok(match u.int_in_range(0..=6_u8)? {
        0 => Granularity::Tensor,
        1 => Granularity::Axis(u.int_in_range(0..=3)?),
        2 | 3 => Granularity::Block { axis: u.int_in_range(0..=3)?, size: u.int_in_range(0..=70)? },
        4 => Granularity::Axis(u.arbitrary()?),
        5 => {
            let mut lengths = vec![1; u.int_in_range(1..=4)?];
            for length in &mut lengths {
                *length = if u.ratio(1_u8, 8)? { u.arbitrary()? } else { u.int_in_range(1..=5)? };
            }
            BlockShape::new(&lengths).map_or(Granularity::Tensor, Granularity::Blocks)
        }
        _ => Granularity::Block { axis: u.int_in_range(0..=3)?, size: u.arbitrary()? },
    })
}

/// A rounding by way of the loops for a user's own, which are compiled here.
#[derive(Clone, Copy, Debug)]
pub struct Foreign(pub AnyRounding);

impl Rounding for Foreign {
    fn round(self, x: f32, index: u64) -> f32 {
        self.0.round(x, index)
    }

    fn is_random(self) -> bool {
        Rounding::is_random(self.0)
    }
}
