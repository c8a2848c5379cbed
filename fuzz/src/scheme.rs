//! Schemes of built-in parts made of whatever bytes come, settings at their ends included.

use arbitrary::{Result as Drawn, Unstructured};
use tensor_quant::AnyScheme;
use tensor_quant::num::{AnyRounding, CodeType, Rounding, Scaling, Stochastic};
use tensor_quant::params::{AnyCalculator, BlockShape, Granularity, NanPolicy};
use tensor_quant::range::AnyEstimator;

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

/// Draws an estimator by its text form; settings that it has not, or refuses, give the default.
fn estimator(u: &mut Unstructured<'_>) -> Drawn<AnyEstimator> {
    let name = u.choose(AnyEstimator::names())?;
    let number = |u: &mut Unstructured<'_>| -> Drawn<f64> {
        Ok(match u.int_in_range(0..=3_u8)? {
            0 => u.arbitrary()?,
            1 => f64::from(u.arbitrary::<f32>()?),
            2 => f64::from(u.arbitrary::<u8>()?) / 32.0,
            _ => f64::from(u.arbitrary::<u16>()?) / 65535.0,
        })
    };
    let (a, b) = (number(u)?, number(u)?);
    let forms = [format!("{name} {a}..{b}"), format!("{name} {a}"), (*name).into()];
    let first = u.int_in_range(0..=2)?;
    Ok(forms.iter().cycle().skip(first).take(3).find_map(|text| text.parse().ok()).unwrap_or_default())
}

/// Draws a calculator by its text form; numbers that it has not, or refuses, are left out.
fn calculator(u: &mut Unstructured<'_>) -> Drawn<AnyCalculator> {
    let name = *u.choose(&AnyCalculator::names())?;
    let (a, b): (i32, i32) = (u.arbitrary()?, u.arbitrary()?);
    let with_numbers = if u.arbitrary()? { format!("{name} {a}..{b}").parse().ok() } else { None };
    Ok(with_numbers.or(name.parse().ok()).unwrap_or(AnyCalculator::usual(CodeType::I8)))
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
