//! Which laws the built-in parts do not promise, by their types.
//!
//! Nothing here looks at what a part computes: a part that is not in this list promises every law.

use super::law::{Law, Waiver};
use super::scheme as laws;
use crate::num::{AnyRounding, Ceil, Floor, Scaling, TowardZero};
use crate::params::{Affine, AnyCalculator, Article, Cast, CodeRange, MaxAbs, PowerOfTwo};
use crate::range::{AnyEstimator, Entropy, Feed, LpNorm, MeanStd, Mse, Octav, Percentile};
use core::any::Any;

/// Of the search for the smallest squared error.
pub(super) const SEARCHED: &str = "of ranges whose errors are the same to a part in a million, any may be found";

/// The parts of a scheme, and what their types say.
pub(super) struct Parts<'a> {
    pub(super) estimator: &'a dyn Any,
    pub(super) feed: Feed,
    pub(super) calculator: &'a dyn Any,
    pub(super) rounding: &'a dyn Any,
    pub(super) is_random: bool,
    pub(super) scaling: Scaling,
    pub(super) codes: CodeRange,
    pub(super) bits: u32,
}

/// Returns a rounding itself, whether it comes as its type or by value.
pub(super) fn rounding(rounding: &dyn Any) -> &dyn Any {
    match rounding.downcast_ref::<AnyRounding>() {
        Some(AnyRounding::TiesEven(it)) => it,
        Some(AnyRounding::HalfAway(it)) => it,
        Some(AnyRounding::Ceil(it)) => it,
        Some(AnyRounding::Floor(it)) => it,
        Some(AnyRounding::TowardZero(it)) => it,
        Some(AnyRounding::Stochastic(it)) => it,
        None => rounding,
    }
}

/// Returns a calculator itself, whether it comes as its type or by value.
pub(super) fn calculator(calculator: &dyn Any) -> &dyn Any {
    calculator.downcast_ref::<AnyCalculator>().map_or(calculator, AnyCalculator::itself)
}

/// Returns an estimator itself, whether it comes as its type or by value.
pub(super) fn estimator(estimator: &dyn Any) -> &dyn Any {
    estimator.downcast_ref::<AnyEstimator>().map_or(estimator, AnyEstimator::itself)
}

/// Returns the same reason for several laws.
pub(super) fn all(laws: &[Law], reason: &str) -> Vec<Waiver> {
    laws.iter().map(|&law| Waiver::new(law, reason)).collect()
}

/// Returns whether a rounding is a built-in one that always goes the same way.
pub(super) fn is_directed(rounding: &dyn Any) -> bool {
    rounding.is::<Ceil>() || rounding.is::<Floor>() || rounding.is::<TowardZero>()
}

/// Returns the laws that a scheme of such parts does not promise.
pub(super) fn of_scheme(parts: &Parts<'_>) -> Vec<Waiver> {
    let mut waivers = Vec::new();
    let rounding = rounding(parts.rounding);
    if is_directed(rounding) {
        waivers.extend(all(
            &[laws::WITHIN_HALF_A_STEP, laws::MSE_BOUND, laws::SQNR_PER_BIT],
            "a rounding in one direction is up to a whole step away",
        ));
        waivers.extend(all(
            &[laws::IDEMPOTENT],
            "a restored value whose product was rounded lies beside its code, and is rounded away from it",
        ));
    }
    if parts.scaling == Scaling::Reciprocal && (is_directed(rounding) || parts.is_random) {
        let reason = "a product with the reciprocal falls beside 1, and may be rounded to the code before or after it";
        waivers.extend(all(&[laws::CONSTANTS], reason));
    }
    if rounding.is::<Ceil>() || rounding.is::<Floor>() {
        waivers.extend(all(&[laws::SIGN_SYMMETRY], "rounding up, or down, is not the same for −x"));
    }
    if parts.is_random {
        waivers.extend(all(
            &[laws::WITHIN_HALF_A_STEP, laws::MSE_BOUND, laws::SQNR_PER_BIT],
            "a random rounding is up to a whole step away",
        ));
        waivers.extend(all(
            &[laws::MONOTONE, laws::IDEMPOTENT, laws::ORDER, laws::GROUPS, laws::SIGN_SYMMETRY],
            "a random rounding depends on the element's position",
        ));
    }
    of_calculator(parts, &mut waivers);
    of_estimator(parts, &mut waivers);
    if !parts.codes.is_integer() {
        waivers.extend(all(&[laws::SQNR_PER_BIT], "the steps of floating codes grow with the value"));
    } else if parts.bits > 24 {
        waivers.extend(all(
            &[laws::IDEMPOTENT, laws::SQNR_PER_BIT],
            "codes of more than 24 bits are finer than the f32 that they are made of",
        ));
    }
    waivers
}

fn of_calculator(parts: &Parts<'_>, waivers: &mut Vec<Waiver>) {
    let calculator = calculator(parts.calculator);
    if let Some(affine) = calculator.downcast_ref::<Affine>() {
        waivers.extend(all(&[laws::SIGN_SYMMETRY], "the zero point of an affine scheme follows the range"));
        if *affine == Affine::without_zero() {
            waivers.extend(without_zero());
        }
    }
    if calculator.is::<Article>() {
        waivers.extend(all(
            &[laws::SIGN_SYMMETRY, laws::SQNR_PER_BIT],
            "the article divides by the inverse of the usual step",
        ));
        waivers.extend(without_zero());
    }
    if calculator.is::<MaxAbs>() {
        let infinite = [laws::WITHIN_HALF_A_STEP, laws::WITHIN_A_STEP, laws::CONSTANTS, laws::MSE_BOUND];
        waivers.extend(all(&infinite, "the end of a range near f32::MAX is restored as an infinity"));
    }
    if calculator.is::<PowerOfTwo>() {
        let reason = "the scale is up to twice as large as it had to be";
        waivers.extend(all(&[laws::CONSTANTS, laws::SQNR_PER_BIT], reason));
    }
    if calculator.is::<Cast>() {
        waivers.extend(all(&[laws::CONSTANTS, laws::POWERS_OF_TWO], "a cast has no scale"));
    }
    let codes = parts.codes;
    if codes.is_integer() && 2.0 * f64::from(codes.middle()) != codes.min() + codes.max() {
        waivers.extend(all(&[laws::SIGN_SYMMETRY], "there is one code more below the middle than above it"));
    }
}

fn without_zero() -> Vec<Waiver> {
    let mut waivers = all(&[laws::ZERO_EXACT], "the offset is the smallest value, wherever zero is");
    waivers.extend(all(&[laws::POWERS_OF_TWO], "a constant gets a step of 1, whatever its magnitude"));
    waivers
        .extend(all(&[laws::IDEMPOTENT], "an offset far from zero, beside which steps are small, swallows their bits"));
    waivers
}

fn of_estimator(parts: &Parts<'_>, waivers: &mut Vec<Waiver>) {
    if parts.feed == Feed::Nothing {
        waivers.extend(all(
            &[laws::NO_DATA, laws::CONSTANTS, laws::POWERS_OF_TWO, laws::SQNR_PER_BIT],
            "the range is known beforehand, whatever the data",
        ));
    }
    let estimator = estimator(parts.estimator);
    let clips = estimator.is::<Percentile>()
        || estimator.is::<MeanStd>()
        || estimator.is::<Mse>()
        || estimator.is::<Octav>()
        || estimator.is::<LpNorm>()
        || estimator.is::<Entropy>();
    if clips {
        waivers.extend(all(&[laws::SQNR_PER_BIT], "the estimator clips values, or steps further than the data"));
    }
    if estimator.is::<Mse>() {
        waivers.extend(all(&[laws::SIGN_SYMMETRY], SEARCHED));
    }
    if estimator.is::<Percentile>() {
        waivers.extend(all(&[laws::SIGN_SYMMETRY], "the quantiles need not lie symmetrically"));
        waivers.extend(all(&[laws::POWERS_OF_TWO], "where both quantiles of other values are 0, the scale is 1"));
    }
}
