//! Calculators that a person could write.

use super::all_are_caught;
use tensor_quant::laws::{Law, Terms, calculator};
use tensor_quant::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange, ZeroPoints};
use tensor_quant::{Error, Result, f16};

#[derive(Clone, Copy, Debug)]
pub(super) struct Calculator {
    params: fn(ValueRange, CodeRange) -> Result<AffineParams>,
    zero_points: fn(CodeRange) -> ZeroPoints,
    codes: fn(CodeRange) -> CodeRange,
}

impl ParamsCalculator for Calculator {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        (self.params)(range, codes)
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        (self.zero_points)(codes)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        (self.codes)(full)
    }
}

const AFFINE: Calculator = Calculator {
    params: |range, codes| affine(range, codes, |scale| scale),
    zero_points: |_| ZeroPoints::Any,
    codes: |codes| codes,
};
const SYMMETRIC: Calculator = Calculator {
    params: |range, codes| symmetric(range, codes, |scale| scale),
    zero_points: |codes| ZeroPoints::One(codes.middle()),
    codes: CodeRange::narrow,
};

/// Width over steps; the zero point where zero is.
fn affine(range: ValueRange, codes: CodeRange, scale: fn(f64) -> f64) -> Result<AffineParams> {
    integers(codes)?;
    let wide = range.with_zero();
    let width = if wide.width() == 0.0 { codes.max() - codes.min() } else { wide.width() };
    placed(wide, codes, scale(width / (codes.max() - codes.min())))
}

/// The zero point for a scale.
fn placed(wide: ValueRange, codes: CodeRange, scale: f64) -> Result<AffineParams> {
    let scale = f64::from(AffineParams::new(scale, 0)?.scale());
    let zero_point = (codes.min() - f64::from(wide.min()) / scale).round_ties_even().clamp(codes.min(), codes.max());
    Ok(AffineParams::new(scale, zero_point as i32)?.with_finite_reals(codes))
}

/// The largest magnitude over half of the steps; the zero point in the middle.
fn symmetric(range: ValueRange, codes: CodeRange, scale: fn(f64) -> f64) -> Result<AffineParams> {
    integers(codes)?;
    let max_abs = if range.max_abs() == 0.0 { codes.half_width() } else { f64::from(range.max_abs()) };
    let scale = scale(max_abs / codes.half_width());
    Ok(AffineParams::new(scale, codes.middle())?.with_finite_reals(codes))
}

fn integers(codes: CodeRange) -> Result<()> {
    if codes.is_integer() { Ok(()) } else { Err(Error::IntegerCodesOnly { what: "this" }) }
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn all() -> Vec<(&'static str, Law, Calculator)> {
    use calculator::{
        ANSWERS, CODES, CODES_USED, CONSTANTS, ENDS, FLOATING_CODES, MONOTONE, POWERS_OF_TWO, SIGN_SYMMETRY,
        ZERO_EXACT, ZERO_POINT_IS_A_CODE, ZERO_POINTS,
    };
    let affine_by = |params| Calculator { params, ..AFFINE };
    let symmetric_by = |params| Calculator { params, ..SYMMETRIC };
    vec![
        (
            "one code too many",
            ENDS,
            affine_by(|range, codes| {
                integers(codes)?;
                let wide = range.with_zero();
                let width = if wide.width() == 0.0 { 1.0 } else { wide.width() };
                placed(wide, codes, width / (codes.max() - codes.min() + 1.0))
            }),
        ),
        (
            "one code too few",
            SIGN_SYMMETRY,
            affine_by(|range, codes| {
                integers(codes)?;
                let wide = range.with_zero();
                let width = if wide.width() == 0.0 { 1.0 } else { wide.width() };
                placed(wide, codes, width / (codes.max() - codes.min() - 1.0))
            }),
        ),
        (
            "a constant's width divided",
            ANSWERS,
            affine_by(|range, codes| {
                integers(codes)?;
                placed(range.with_zero(), codes, range.with_zero().width() / (codes.max() - codes.min()))
            }),
        ),
        (
            "the width in f32",
            ENDS,
            affine_by(|range, codes| {
                integers(codes)?;
                let wide = range.with_zero();
                let width = wide.max() - wide.min();
                let scale = f64::from(if width == 0.0 { 1.0 } else { width }) / (codes.max() - codes.min());
                // It is infinite, and the largest number is taken for it.
                placed(wide, codes, scale.min(f64::from(f32::MAX)))
            }),
        ),
        (
            "a range without zero",
            ENDS,
            affine_by(|range, codes| {
                integers(codes)?;
                let width = if range.width() == 0.0 { 1.0 } else { range.width() };
                placed(range, codes, width / (codes.max() - codes.min()))
            }),
        ),
        (
            "a zero point that is not clamped",
            ZERO_POINT_IS_A_CODE,
            affine_by(|range, codes| {
                let params = AFFINE.params(range, codes)?;
                let zero_point = (codes.min() - f64::from(range.min()) / f64::from(params.scale())).round_ties_even();
                AffineParams::new(f64::from(params.scale()), zero_point as i32)
            }),
        ),
        (
            "a zero point of the wrong sign",
            ENDS,
            affine_by(|range, codes| {
                let params = AFFINE.params(range, codes)?;
                let zero_point = codes.min() + f64::from(range.with_zero().min()) / f64::from(params.scale());
                AffineParams::new(f64::from(params.scale()), zero_point.clamp(codes.min(), codes.max()) as i32)
            }),
        ),
        (
            "a zero point for unsigned codes",
            ENDS,
            affine_by(|range, codes| {
                let params = AFFINE.params(range, codes)?;
                let zero_point = -f64::from(range.with_zero().min()) / f64::from(params.scale());
                AffineParams::new(f64::from(params.scale()), zero_point.clamp(codes.min(), codes.max()) as i32)
            }),
        ),
        (
            "reals that are infinite",
            ENDS,
            affine_by(|range, codes| {
                integers(codes)?;
                let wide = range.with_zero();
                let width = if wide.width() == 0.0 { 1.0 } else { wide.width() };
                let scale = f64::from(AffineParams::new(width / (codes.max() - codes.min()), 0)?.scale());
                let zero_point = (codes.min() - f64::from(wide.min()) / scale).round_ties_even();
                AffineParams::new(scale, zero_point.clamp(codes.min(), codes.max()) as i32)
            }),
        ),
        (
            "zero that is off by a quarter of a step",
            ZERO_EXACT,
            affine_by(|range, codes| {
                let params = AFFINE.params(range, codes)?;
                params.with_offset(params.scale() / 4.0)
            }),
        ),
        (
            "a constant's sign lost",
            ENDS,
            affine_by(|range, codes| {
                if range.is_constant() && range.min() < 0.0 {
                    return AFFINE.params(ValueRange::new(-range.min(), -range.min())?, codes);
                }
                AFFINE.params(range, codes)
            }),
        ),
        (
            "a step of 1 for constants",
            ENDS,
            affine_by(|range, codes| {
                if range.is_constant() { placed(range.with_zero(), codes, 1.0) } else { AFFINE.params(range, codes) }
            }),
        ),
        (
            "more room for negative values",
            SIGN_SYMMETRY,
            affine_by(|range, codes| {
                if !range.is_constant() && range.max() < -range.min() {
                    affine(range, codes, |scale| scale * 1.01)
                } else {
                    AFFINE.params(range, codes)
                }
            }),
        ),
        (
            "zero points that are said to be one",
            ZERO_POINTS,
            Calculator { zero_points: |codes| ZeroPoints::One(codes.middle()), ..AFFINE },
        ),
        ("the codes of i8 for every type", CODES, Calculator { codes: |_| CodeRange::of::<i8>(), ..AFFINE }),
        (
            "floating codes with a zero point",
            FLOATING_CODES,
            affine_by(
                |range, codes| {
                    if codes.is_integer() { AFFINE.params(range, codes) } else { AffineParams::new(1.0, 1) }
                },
            ),
        ),
        (
            "a margin for constants",
            CONSTANTS,
            affine_by(|range, codes| {
                affine(range, codes, if range.is_constant() { |scale| scale * 1.0001 } else { |scale| scale })
            }),
        ),
        (
            "a step of a table that is another's",
            MONOTONE,
            affine_by(|range, codes| {
                if range.is_constant() {
                    return AFFINE.params(range, codes);
                }
                affine(range, codes, |scale| if (0.1..0.2).contains(&scale) { scale * 1.4 } else { scale })
            }),
        ),
        (
            "a scale of three digits",
            POWERS_OF_TWO,
            symmetric_by(|range, codes| {
                if range.is_constant() {
                    return SYMMETRIC.params(range, codes);
                }
                symmetric(range, codes, |scale| {
                    let digit = 10_f64.powi(scale.log10().floor() as i32 - 2);
                    (scale / digit).ceil() * digit
                })
            }),
        ),
        (
            "the largest value alone",
            ENDS,
            symmetric_by(|range, codes| {
                let largest = f64::from(range.max().max(f32::MIN_POSITIVE));
                Ok(AffineParams::new(largest / codes.half_width(), codes.middle())?.with_finite_reals(codes))
            }),
        ),
        (
            "the largest code of unsigned ones",
            ENDS,
            symmetric_by(|range, codes| {
                let max_abs = f64::from(range.max_abs().max(f32::MIN_POSITIVE));
                Ok(AffineParams::new(max_abs / codes.max(), codes.middle())?.with_finite_reals(codes))
            }),
        ),
        (
            "a zero point of 0",
            ZERO_POINT_IS_A_CODE,
            symmetric_by(|range, codes| {
                AffineParams::new(f64::from(symmetric(range, codes, |scale| scale)?.scale()), 0)
            }),
        ),
        (
            "a little added",
            CODES_USED,
            symmetric_by(|range, codes| {
                if range.is_constant() {
                    SYMMETRIC.params(range, codes)
                } else {
                    symmetric(range, codes, |scale| scale + 1e-9)
                }
            }),
        ),
        ("a smallest scale", CODES_USED, symmetric_by(|range, codes| symmetric(range, codes, |scale| scale.max(1e-8)))),
        (
            "a scale in half precision",
            ENDS,
            symmetric_by(|range, codes| {
                symmetric(range, codes, |scale| {
                    let rounded = f16::from_f64(scale).to_f64();
                    if f16::from_f64(scale).is_normal() { rounded.max(scale * (1.0 - 1e-3)) } else { scale }
                })
            }),
        ),
        (
            "the power of two below",
            ENDS,
            symmetric_by(|range, codes| symmetric(range, codes, |scale| scale.log2().floor().exp2())),
        ),
        (
            "the logarithm of zero",
            ANSWERS,
            symmetric_by(|range, codes| {
                AffineParams::new(
                    (f64::from(range.max_abs()) / codes.half_width()).log2().ceil().exp2(),
                    codes.middle(),
                )
            }),
        ),
        ("two bits wasted", CODES_USED, symmetric_by(|range, codes| symmetric(range, codes, |scale| scale * 4.0))),
        ("the root of the range", ENDS, symmetric_by(|range, codes| symmetric(range, codes, f64::sqrt))),
    ]
}

#[test]
fn calculators_are_caught() {
    all_are_caught(&all(), |mutant| Terms::default().check_calculator(mutant));
}

/// What the mutants are mutants of.
#[test]
fn the_calculators_without_a_fault_keep_every_law() {
    for calculator in [AFFINE, SYMMETRIC] {
        let verdict = Terms::default().check_calculator(&calculator).unwrap();
        assert_eq!(verdict.held().len(), calculator::LAWS.len());
    }
}
