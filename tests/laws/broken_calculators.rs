//! Calculators that are broken in one way each.

use crate::caught;
use tensor_quant::laws::{self, Law, Terms, calculator};
use tensor_quant::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange, ZeroPoints};
use tensor_quant::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    DividesAConstantsWidth,
    TakesTheWidthInF32,
    LeavesZeroOutside,
    ShiftsZero,
    ScalesForOneCodeTooMany,
    LosesTheSignOfConstants,
    MisstatesItsZeroPoints,
    UsesCodesOfAnotherType,
    ShiftsFloatingCodes,
    HasASmallestScale,
    WastesCodes,
    ShrinksWithTheRange,
    PrefersPositiveValues,
}

/// The whole code range over the whole value range, zero exact.
#[derive(Clone, Copy, Debug)]
struct Naive(Bug);

impl ParamsCalculator for Naive {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        let Self(bug) = *self;
        if !codes.is_integer() {
            return match bug {
                Bug::ShiftsFloatingCodes => AffineParams::new(1.0, 1),
                _ => Err(Error::IntegerCodesOnly { what: "this" }),
            };
        }
        if range.is_constant() && range.min() != 0.0 && bug == Bug::LosesTheSignOfConstants {
            return AffineParams::new(f64::from(range.max_abs()), codes.min() as i32);
        }
        let wide = if bug == Bug::LeavesZeroOutside { range } else { range.with_zero() };
        let width = match bug {
            // `new` makes the largest scale of an infinite one.
            Bug::TakesTheWidthInF32 => f64::from(wide.max() - wide.min()),
            Bug::PrefersPositiveValues if wide.max() < -wide.min() => wide.width() * 1.01,
            _ => wide.width(),
        };
        let none = width == 0.0 && bug != Bug::DividesAConstantsWidth;
        let scale = match bug {
            _ if none => 1.0,
            Bug::ScalesForOneCodeTooMany => width / (2.0 * (codes.max() - codes.min())),
            Bug::HasASmallestScale => (width / (codes.max() - codes.min())).max(1e-9),
            Bug::WastesCodes => width / (codes.max() - codes.min()) * 4.0,
            Bug::ShrinksWithTheRange => 1.0 / (1.0 + width),
            _ => width / (codes.max() - codes.min()),
        };
        let scale = f64::from(AffineParams::new(scale, 0)?.scale());
        let zero_point = (codes.min() - f64::from(wide.min()) / scale).round_ties_even();
        let zero_point = match bug {
            Bug::LeavesZeroOutside => zero_point,
            _ => zero_point.clamp(codes.min(), codes.max()),
        };
        let params = AffineParams::new(scale, zero_point as i32)?;
        // Which would mend the scale that is too large.
        let params = if bug == Bug::TakesTheWidthInF32 { params } else { params.with_finite_reals(codes) };
        if bug == Bug::ShiftsZero { params.with_offset((scale / 4.0) as f32) } else { Ok(params) }
    }

    fn zero_points(&self, _codes: CodeRange) -> ZeroPoints {
        if self.0 == Bug::MisstatesItsZeroPoints { ZeroPoints::One(0) } else { ZeroPoints::Any }
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        if self.0 == Bug::UsesCodesOfAnotherType { CodeRange::of::<i16>() } else { full }
    }
}

fn is_caught(law: Law, bug: Bug) {
    caught(law, Terms::default().only(law).check_calculator(&Naive(bug)));
}

#[test]
fn without_a_bug_every_law_holds() {
    laws::check_calculator(&Naive(Bug::None)).unwrap();
}

#[test]
fn scales() {
    is_caught(calculator::ANSWERS, Bug::DividesAConstantsWidth);
    is_caught(calculator::CODES_USED, Bug::TakesTheWidthInF32);
    is_caught(calculator::CODES_USED, Bug::WastesCodes);
    is_caught(calculator::ENDS, Bug::ScalesForOneCodeTooMany);
    is_caught(calculator::POWERS_OF_TWO, Bug::HasASmallestScale);
    is_caught(calculator::MONOTONE, Bug::ShrinksWithTheRange);
    is_caught(calculator::SIGN_SYMMETRY, Bug::PrefersPositiveValues);
}

#[test]
fn zero_points() {
    is_caught(calculator::ZERO_POINT_IS_A_CODE, Bug::LeavesZeroOutside);
    is_caught(calculator::ZERO_EXACT, Bug::ShiftsZero);
    is_caught(calculator::CONSTANTS, Bug::LosesTheSignOfConstants);
    is_caught(calculator::ZERO_POINTS, Bug::MisstatesItsZeroPoints);
}

#[test]
fn codes() {
    is_caught(calculator::CODES, Bug::UsesCodesOfAnotherType);
    is_caught(calculator::FLOATING_CODES, Bug::ShiftsFloatingCodes);
}
