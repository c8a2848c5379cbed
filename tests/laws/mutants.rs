//! The kit is tested by mutation: parts that a person could write, each wrong in one place, are caught by the default terms, each by
//! the law that names what is wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use tensor_quant::kernel::Extremes;
use tensor_quant::laws::{Broken, Codec, Law, Standard, Terms, Verdict, calculator, code, estimator, rounding};
use tensor_quant::num::{CodeKind, F8E4M3Fn, I2};
use tensor_quant::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange, ZeroPoints};
use tensor_quant::range::{Feed, Target};
use tensor_quant::{Error, I4, RangeEstimator, Result, Rounding, U4, f16};

/// Checks that each mutant is caught, and by its law.
fn all_are_caught<M>(mutants: &[(&str, Law, M)], check: impl Fn(&M) -> std::result::Result<Verdict, Broken>) {
    let survivors: Vec<String> = mutants
        .iter()
        .filter_map(|(name, law, mutant)| match check(mutant) {
            Ok(_) => Some(format!("{name}: it keeps every law")),
            Err(broken) if broken.broken_law() != *law => {
                Some(format!("{name}: it is not {law} that catches it, but\n{broken}"))
            }
            Err(_) => None,
        })
        .collect();
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

/// At least as many as are promised.
#[test]
fn there_are_sixty_mutants() {
    assert!(roundings().len() + calculators().len() + estimators().len() + codecs().len() >= 60);
}

// Roundings

#[derive(Clone, Copy, Debug)]
struct By {
    round: fn(f32, u64) -> f32,
    is_random: bool,
}

impl Rounding for By {
    fn round(self, x: f32, index: u64) -> f32 {
        (self.round)(x, index)
    }

    fn is_random(self) -> bool {
        self.is_random
    }
}

/// Where there is room for a half; beyond, every number is whole.
fn below_2_22(x: f32, round: fn(f32) -> f32) -> f32 {
    if x.abs() < 4_194_304.0 { round(x) } else { x.round() }
}

/// A number from 0 to 1 that depends on the index.
fn chance(index: u64) -> f32 {
    (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / 16_777_216.0
}

static DRAWS: AtomicU64 = AtomicU64::new(0);

fn roundings() -> Vec<(&'static str, Law, By)> {
    use rounding::{IDENTITY, INDEX, MONOTONE, NEAREST, NON_FINITE, SIGN_SYMMETRY, WHOLE};
    let fixed: Vec<(&str, Law, fn(f32, u64) -> f32)> = vec![
        ("a half added before the floor", IDENTITY, |x, _| (x + 0.5).floor()),
        ("the same, where there are fractions", NEAREST, |x, _| below_2_22(x, |x| (x + 0.5).floor())),
        ("a half of its sign added before truncation", IDENTITY, |x, _| (x + 0.5_f32.copysign(x)).trunc()),
        ("the same, where there are fractions", NEAREST, |x, _| below_2_22(x, |x| (x + 0.5_f32.copysign(x)).trunc())),
        ("a half taken before the ceiling", NEAREST, |x, _| below_2_22(x, |x| (x - 0.5).ceil())),
        ("just less than a half added", SIGN_SYMMETRY, |x, _| below_2_22(x, |x| (x + 0.499_999_97).floor())),
        ("a half added in f64", SIGN_SYMMETRY, |x, _| (f64::from(x) + 0.5).floor() as f32),
        ("a cast to i32", IDENTITY, |x, _| x as i32 as f32),
        ("rounded, then cast to i16", IDENTITY, |x, _| x.round() as i16 as f32),
        ("rounded, then cast to i64", IDENTITY, |x, _| x.round() as i64 as f32),
        ("truncation", NEAREST, |x, _| x.trunc()),
        ("the floor", NEAREST, |x, _| x.floor()),
        ("the ceiling", NEAREST, |x, _| x.ceil()),
        ("one above the floor", IDENTITY, |x, _| x.floor() + 1.0),
        ("one below the ceiling", IDENTITY, |x, _| x.ceil() - 1.0),
        ("halves up", SIGN_SYMMETRY, |x, _| if x - x.floor() >= 0.5 { x.ceil() } else { x.floor() }),
        ("halves down", SIGN_SYMMETRY, |x, _| if x.ceil() - x >= 0.5 { x.floor() } else { x.ceil() }),
        ("a fraction that is compared with its sign", NEAREST, |x, _| {
            if x.fract() >= 0.5 { x.trunc() + 1.0 } else { x.trunc() }
        }),
        ("up from six tenths", NEAREST, |x, _| if x - x.floor() >= 0.6 { x.ceil() } else { x.floor() }),
        ("the magic number, for any size", IDENTITY, |x, _| (x + 12_582_912.0) - 12_582_912.0),
        ("a magic number for positive ones", WHOLE, |x, _| below_2_22(x, |x| (x + 8_388_608.0) - 8_388_608.0)),
        ("to halves", WHOLE, |x, _| below_2_22(x, |x| (x * 2.0).round() / 2.0)),
        ("to even numbers", IDENTITY, |x, _| (x / 2.0).round() * 2.0),
        ("without its sign", IDENTITY, |x, _| x.abs().round()),
        ("NaN is zero", NON_FINITE, |x, _| if x.is_nan() { 0.0 } else { x.round_ties_even() }),
        ("infinity is the largest number", NON_FINITE, |x, _| x.round().clamp(f32::MIN, f32::MAX)),
        ("clamped to i32", IDENTITY, |x, _| x.round().clamp(-2_147_483_648.0, 2_147_483_648.0)),
        ("by turns down and up", NEAREST, |x, i| if i.is_multiple_of(2) { x.floor() } else { x.ceil() }),
        ("halves by turns down and up", INDEX, |x, i| {
            let tie = x - x.floor() == 0.5;
            if tie && i.is_multiple_of(2) { x.floor() } else { x.round() }
        }),
    ];
    let random: Vec<(&str, Law, fn(f32, u64) -> f32)> = vec![
        ("three times of four up", INDEX, |x, i| if i % 4 > 0 { x.ceil() } else { x.floor() }),
        ("down with the chance of up", MONOTONE, |x, i| if chance(i) < x - x.floor() { x.floor() } else { x.ceil() }),
        ("up if the chance is 0, whatever the fraction", IDENTITY, |x, i| {
            x.floor() + f32::from(u8::from((i % 8) as f32 / 8.0 <= x - x.floor()))
        }),
        ("a generator that runs on", MONOTONE, |x, _| {
            if chance(DRAWS.fetch_add(1, Ordering::Relaxed)) < x - x.floor() { x.ceil() } else { x.floor() }
        }),
    ];
    let by = |is_random| move |(name, law, round)| (name, law, By { round, is_random });
    fixed.into_iter().map(by(false)).chain(random.into_iter().map(by(true))).collect()
}

#[test]
fn roundings_are_caught() {
    all_are_caught(&roundings(), |mutant| Terms::default().check_rounding(mutant));
}

// Calculators

#[derive(Clone, Copy, Debug)]
struct Calculator {
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

fn calculators() -> Vec<(&'static str, Law, Calculator)> {
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
            MONOTONE,
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
            affine_by(|range, codes| {
                if range.is_constant() {
                    return AFFINE.params(range, codes);
                }
                affine(range, codes, |scale| {
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
    all_are_caught(&calculators(), |mutant| Terms::default().check_calculator(mutant));
}

/// What the mutants are mutants of.
#[test]
fn the_calculators_without_a_fault_keep_every_law() {
    for calculator in [AFFINE, SYMMETRIC] {
        let verdict = Terms::default().check_calculator(&calculator).unwrap();
        assert_eq!(verdict.held().len(), calculator::LAWS.len());
    }
}

// Estimators

/// What was observed, and what is made of it.
#[derive(Clone, Copy, Debug)]
struct Observed {
    min: f32,
    max: f32,
    sum: f32,
    positive: u64,
    count: u64,
    nan: u64,
    infinite: u64,
    calls: u32,
}

#[derive(Clone, Copy, Debug)]
struct Estimator {
    seen: Observed,
    observe: fn(&mut Observed, &[f32]),
    merge: fn(&mut Observed, &Observed),
    range: fn(&Observed, bool) -> Result<ValueRange>,
    range_of: Option<fn(&Observed, &[f32]) -> Result<ValueRange>>,
    feed: Feed,
}

const NOTHING: Observed = Observed {
    min: f32::INFINITY,
    max: f32::NEG_INFINITY,
    sum: 0.0,
    positive: 0,
    count: 0,
    nan: 0,
    infinite: 0,
    calls: 0,
};
const MIN_MAX: Estimator = Estimator {
    seen: NOTHING,
    observe: observed,
    merge: merged,
    range: |seen, _| range(seen),
    range_of: None,
    feed: Feed::Pieces,
};

fn counted(seen: &mut Observed, values: &[f32]) {
    seen.calls += 1;
    seen.count += values.len() as u64;
    seen.nan += values.iter().filter(|x| x.is_nan()).count() as u64;
    seen.infinite += values.iter().filter(|x| x.is_infinite()).count() as u64;
}

fn extremes(seen: &mut Observed, values: impl Iterator<Item = f32>) {
    for x in values.filter(|x| x.is_finite()) {
        (seen.min, seen.max) = (seen.min.min(x + 0.0), seen.max.max(x + 0.0));
        seen.sum += x;
        seen.positive += u64::from(x > 0.0);
    }
}

fn observed(seen: &mut Observed, values: &[f32]) {
    counted(seen, values);
    extremes(seen, values.iter().copied());
}

fn merged(seen: &mut Observed, other: &Observed) {
    (seen.min, seen.max, seen.sum) = (seen.min.min(other.min), seen.max.max(other.max), seen.sum + other.sum);
    (seen.count, seen.nan) = (seen.count + other.count, seen.nan + other.nan);
    seen.positive += other.positive;
    (seen.infinite, seen.calls) = (seen.infinite + other.infinite, seen.calls + other.calls);
}

fn range(seen: &Observed) -> Result<ValueRange> {
    if seen.min > seen.max {
        return Err(Error::NoData { group: None, observed: seen.count, nan: seen.nan, infinite: seen.infinite });
    }
    ValueRange::new(seen.min, seen.max)
}

impl RangeEstimator for Estimator {
    fn observe(&mut self, values: &[f32]) {
        (self.observe)(&mut self.seen, values);
    }

    fn observe_extremes(&mut self, seen: &Extremes) {
        let other = Observed {
            min: seen.min,
            max: seen.max,
            count: seen.count,
            nan: seen.nan,
            infinite: seen.infinite,
            ..NOTHING
        };
        merged(&mut self.seen, &other);
    }

    fn merge(&mut self, other: &Self) {
        (self.merge)(&mut self.seen, &other.seen);
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        (self.range)(&self.seen, matches!(target.zero_points(), ZeroPoints::One(_)))
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        if let Some(range_of) = self.range_of {
            return range_of(&self.seen, values);
        }
        let mut all = *self;
        all.observe(values);
        all.range(target)
    }

    fn feed(&self) -> Feed {
        self.feed
    }
}

fn estimators() -> Vec<(&'static str, Law, Estimator)> {
    use estimator::{
        ANSWERS, COVERS, FEED, HULL, MERGE, NO_DATA, NON_FINITE, ORDER, POWERS_OF_TWO, SIGN_SYMMETRY, SPLITS,
    };
    let observes = |observe| Estimator { observe, ..MIN_MAX };
    let merges = |merge| Estimator { merge, ..MIN_MAX };
    let ranges = |range| Estimator { range, ..MIN_MAX };
    vec![
        (
            "extremes that start at zero",
            HULL,
            ranges(|seen, _| {
                let range = range(seen)?;
                ValueRange::new(range.min().min(0.0), range.max().max(0.0))
            }),
        ),
        (
            "a maximum that starts at the smallest positive number",
            HULL,
            ranges(|seen, _| {
                let range = range(seen)?;
                ValueRange::new(range.min(), range.max().max(f32::MIN_POSITIVE))
            }),
        ),
        (
            "comparisons that NaN passes",
            NON_FINITE,
            observes(|seen, values| {
                counted(seen, values);
                for &x in values.iter().filter(|x| !x.is_infinite()) {
                    // As a minimum that is replaced unless it is smaller.
                    (seen.min, seen.max) = if x.is_nan() && seen.min <= seen.max {
                        (seen.max, seen.max)
                    } else {
                        (seen.min.min(x), seen.max.max(x))
                    };
                }
            }),
        ),
        (
            "infinities in the extremes",
            NO_DATA,
            observes(|seen, values| {
                counted(seen, values);
                for x in values.iter().filter(|x| !x.is_nan()) {
                    (seen.min, seen.max) = (seen.min.min(*x), seen.max.max(*x));
                }
            }),
        ),
        (
            "infinities as the largest number",
            NO_DATA,
            observes(|seen, values| {
                counted(seen, values);
                extremes(seen, values.iter().map(|x| x.clamp(f32::MIN, f32::MAX)));
            }),
        ),
        (
            "either a new maximum or a new minimum",
            ANSWERS,
            observes(|seen, values| {
                counted(seen, values);
                for &x in values.iter().filter(|x| x.is_finite()) {
                    if x > seen.max {
                        seen.max = x;
                    } else if x < seen.min {
                        seen.min = x;
                    }
                }
            }),
        ),
        (
            "the last call alone",
            SPLITS,
            observes(|seen, values| {
                let calls = *seen;
                if values.iter().any(|x| x.is_finite()) {
                    *seen = Observed { count: calls.count, nan: calls.nan, infinite: calls.infinite, ..NOTHING };
                }
                observed(seen, values);
            }),
        ),
        (
            "the first call alone",
            SPLITS,
            observes(|seen, values| if seen.min <= seen.max { counted(seen, values) } else { observed(seen, values) }),
        ),
        (
            "an average of calls",
            SPLITS,
            observes(|seen, values| {
                let (before, mut batch) = (*seen, NOTHING);
                observed(&mut batch, values);
                observed(seen, values);
                if before.min <= before.max && batch.min <= batch.max {
                    let middle = |a: f32, b: f32| (f64::from(a) * 0.9 + f64::from(b) * 0.1) as f32;
                    (seen.min, seen.max) = (middle(before.min, batch.min), middle(before.max, batch.max));
                }
            }),
        ),
        (
            "every second value",
            ORDER,
            observes(|seen, values| {
                counted(seen, values);
                extremes(seen, values.iter().copied().filter(|x| x.is_finite()).step_by(2));
            }),
        ),
        (
            "without the last value",
            NON_FINITE,
            observes(|seen, values| {
                counted(seen, values);
                let kept = values.len().saturating_sub(usize::from(seen.count > 40));
                extremes(seen, values[..kept].iter().copied());
            }),
        ),
        (
            "the first thousand values",
            MERGE,
            observes(|seen, values| {
                let room = 1000_u64.saturating_sub(seen.count) as usize;
                counted(seen, values);
                extremes(seen, values.iter().copied().take(room));
            }),
        ),
        (
            "a merge that overwrites",
            MERGE,
            merges(|seen, other| {
                merged(seen, other);
                if other.min <= other.max {
                    (seen.min, seen.max) = (other.min, other.max);
                }
            }),
        ),
        (
            "a merge of the maxima alone",
            MERGE,
            merges(|seen, other| {
                let min = seen.min;
                merged(seen, other);
                seen.min = if min <= seen.max { min } else { seen.min };
            }),
        ),
        (
            "a merge that takes the mean",
            MERGE,
            merges(|seen, other| {
                let before = *seen;
                merged(seen, other);
                if before.min <= before.max && other.min <= other.max {
                    seen.max = before.max / 2.0 + other.max / 2.0;
                    seen.min = before.min / 2.0 + other.min / 2.0;
                }
            }),
        ),
        (
            "a merge that forgets NaN",
            NO_DATA,
            merges(|seen, other| {
                let nan = seen.nan;
                merged(seen, other);
                seen.nan = nan;
            }),
        ),
        (
            "a merge with the zeros of a fresh one",
            MERGE,
            merges(|seen, other| {
                merged(seen, other);
                if other.count == 0 && seen.min <= seen.max {
                    (seen.min, seen.max) = (seen.min.min(0.0), seen.max.max(0.0));
                }
            }),
        ),
        ("a range without data", NO_DATA, ranges(|seen, _| range(seen).or_else(|_| ValueRange::new(-1.0, 1.0)))),
        ("no counts", NO_DATA, observes(|seen, values| extremes(seen, values.iter().copied()))),
        (
            "NaN counted as infinite",
            NO_DATA,
            observes(|seen, values| {
                observed(seen, values);
                (seen.nan, seen.infinite) = (0, seen.infinite + seen.nan);
            }),
        ),
        (
            "constants refused",
            ANSWERS,
            ranges(
                |seen, _| {
                    if seen.min == seen.max { ValueRange::new(seen.max, f32::NEG_INFINITY) } else { range(seen) }
                },
            ),
        ),
        (
            "the middle and half of the width, in f32",
            ANSWERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                let (half, middle) = ((range.max() - range.min()) / 2.0, f32::midpoint(range.min(), range.max()));
                ValueRange::new(middle - half, middle + half)
            }),
        ),
        (
            "a sum in f32",
            ORDER,
            ranges(|seen, _| {
                let range = range(seen)?;
                let mean = seen.sum / (seen.count - seen.nan - seen.infinite) as f32;
                if mean.is_finite() { ValueRange::new(range.min(), range.max().max(mean * 1.5)) } else { Ok(range) }
            }),
        ),
        (
            "the largest magnitude on both sides",
            HULL,
            ranges(|seen, _| {
                let largest = range(seen)?.max_abs();
                ValueRange::new(-largest, largest)
            }),
        ),
        (
            "a smallest width",
            HULL,
            ranges(|seen, _| {
                let range = range(seen)?;
                ValueRange::new(range.min(), range.max().max(range.min() + 1e-6))
            }),
        ),
        (
            "a tenth wider",
            ANSWERS,
            ranges(|seen, _| ValueRange::new(range(seen)?.min() * 1.1, range(seen)?.max() * 1.1)),
        ),
        (
            "a hundredth clipped",
            COVERS,
            ranges(|seen, _| ValueRange::new(range(seen)?.min() * 0.99, range(seen)?.max() * 0.99)),
        ),
        (
            "three decimal places",
            COVERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                let rounded = |x: f32| if x.abs() < 1e6 { (x * 1000.0).round() / 1000.0 } else { x };
                ValueRange::new(rounded(range.min()), rounded(range.max()))
            }),
        ),
        (
            "tiny values taken for zero",
            COVERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                let flushed = |x: f32| if x.abs() < 1e-12 { 0.0 } else { x };
                ValueRange::new(flushed(range.min()), flushed(range.max()))
            }),
        ),
        (
            "narrow ranges made constant",
            COVERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                if range.width() < 1e-9 { ValueRange::new(range.max(), range.max()) } else { Ok(range) }
            }),
        ),
        (
            "symmetric ranges of one sign",
            SIGN_SYMMETRY,
            ranges(|seen, symmetric| {
                let range = range(seen)?;
                let wide = symmetric && !range.is_constant() && range.max() > -range.min();
                if wide { ValueRange::new(-range.max(), range.max()) } else { Ok(range) }
            }),
        ),
        (
            "small symmetric ranges to their whole",
            POWERS_OF_TWO,
            ranges(|seen, symmetric| {
                let range = range(seen)?;
                let small = symmetric && !range.is_constant() && range.max_abs() < 0.5;
                if small { ValueRange::new(-range.max_abs(), range.max_abs()) } else { Ok(range) }
            }),
        ),
        (
            "values asked for as extremes",
            FEED,
            Estimator {
                feed: Feed::Extremes,
                range: |seen, _| {
                    let range = range(seen)?;
                    if seen.positive >= 3 { Ok(range) } else { ValueRange::new(range.min(), range.min()) }
                },
                ..MIN_MAX
            },
        ),
        ("nothing asked for", FEED, Estimator { feed: Feed::Nothing, ..MIN_MAX }),
        (
            "a shortcut that forgets what was observed before",
            NO_DATA,
            Estimator {
                range_of: Some(|_, values| {
                    let finite = || values.iter().copied().filter(|x| x.is_finite());
                    let fold = finite().fold((0.0_f32, 0.0_f32), |(low, high), x| (low.min(x), high.max(x)));
                    ValueRange::new(fold.0, fold.1)
                }),
                ..MIN_MAX
            },
        ),
    ]
}

#[test]
fn estimators_are_caught() {
    all_are_caught(&estimators(), |mutant| Terms::default().check_estimator(mutant));
}

#[test]
fn the_estimator_without_a_fault_keeps_every_law() {
    let verdict = Terms::default().check_estimator(&MIN_MAX).unwrap();
    assert_eq!(verdict.held().len(), estimator::LAWS.len());
}

// Codes, and how they are packed

/// A codec of this crate, of which some functions are another's.
#[derive(Debug)]
struct Mutant {
    of: Box<dyn Codec>,
    encode: fn(&dyn Codec, f32) -> f64,
    decode: fn(&dyn Codec, f64) -> f32,
    pack: fn(&dyn Codec, &[f64]) -> Vec<u8>,
    unpack: fn(&dyn Codec, &[u8], usize) -> Result<Vec<f64>>,
    ends: fn(&dyn Codec) -> (f64, f64),
}

fn codec(of: impl Codec + 'static) -> Mutant {
    Mutant {
        of: Box::new(of),
        encode: |codec, x| codec.encode(x),
        decode: |codec, code| codec.decode(code),
        pack: |codec, codes| codec.pack(codes),
        unpack: |codec, bytes, count| codec.unpack(bytes, count),
        ends: |codec| codec.ends(),
    }
}

impl Codec for Mutant {
    fn bits(&self) -> u32 {
        self.of.bits()
    }

    fn kind(&self) -> CodeKind {
        self.of.kind()
    }

    fn ends(&self) -> (f64, f64) {
        (self.ends)(&*self.of)
    }

    fn encode(&self, x: f32) -> f64 {
        (self.encode)(&*self.of, x)
    }

    fn decode(&self, code: f64) -> f32 {
        (self.decode)(&*self.of, code)
    }

    fn pack(&self, codes: &[f64]) -> Vec<u8> {
        (self.pack)(&*self.of, codes)
    }

    fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
        (self.unpack)(&*self.of, bytes, count)
    }
}

/// The halves of each byte exchanged.
fn exchanged(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte.rotate_left(4)).collect()
}

/// The bytes of each pair exchanged.
fn big_endian(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect()
}

fn codecs() -> Vec<(&'static str, Law, Mutant)> {
    use code::{ENDS, MONOTONE, NEAREST, PACKED_LENGTH, PACKING, PACKING_ORDER, ROUND_TRIP, SATURATES};
    let i4 = || codec(Standard::<I4>::new());
    let u4 = || codec(Standard::<U4>::new());
    let i8 = || codec(Standard::<i8>::new());
    let f16 = || codec(Standard::<f16>::new());
    vec![
        (
            "the first code in the high half",
            PACKING_ORDER,
            Mutant {
                pack: |codec, codes| exchanged(&codec.pack(codes)),
                unpack: |codec, bytes, count| codec.unpack(&exchanged(bytes), count),
                ..i4()
            },
        ),
        (
            "packed one way and unpacked the other",
            ENDS,
            Mutant { pack: |codec, codes| exchanged(&codec.pack(codes)), ..u4() },
        ),
        (
            "the last odd code in the high half",
            PACKING,
            Mutant {
                pack: |codec, codes| {
                    let mut bytes = codec.pack(codes);
                    if codes.len() > 1 && !codes.len().is_multiple_of(2) {
                        bytes.last_mut().iter_mut().for_each(|byte| **byte = byte.rotate_left(4));
                    }
                    bytes
                },
                ..u4()
            },
        ),
        (
            "the last odd code dropped",
            ENDS,
            Mutant { pack: |codec, codes| codec.pack(&codes[..codes.len() / 2 * 2]), ..i4() },
        ),
        (
            "the last code twice, where there is room",
            PACKING_ORDER,
            Mutant {
                pack: |codec, codes| {
                    let mut even = codes.to_vec();
                    if !codes.len().is_multiple_of(2) {
                        even.extend(codes.last());
                    }
                    codec.pack(&even)
                },
                ..i4()
            },
        ),
        (
            "a byte more than needed",
            PACKED_LENGTH,
            Mutant {
                pack: |codec, codes| [codec.pack(codes), vec![0]].concat(),
                unpack: |codec, bytes, count| codec.unpack(&bytes[..count.div_ceil(2)], count),
                ..i4()
            },
        ),
        (
            "a sign that is not extended",
            ENDS,
            Mutant {
                unpack: |codec, bytes, count| {
                    Ok(codec.unpack(bytes, count)?.iter().map(|code| code.rem_euclid(16.0)).collect())
                },
                ..i4()
            },
        ),
        (
            "a sign where there is none",
            ENDS,
            Mutant {
                unpack: |codec, bytes, count| {
                    Ok(codec
                        .unpack(bytes, count)?
                        .iter()
                        .map(|code| if *code > 7.0 { code - 16.0 } else { *code })
                        .collect())
                },
                ..u4()
            },
        ),
        (
            "codes from zero on",
            PACKING_ORDER,
            Mutant {
                pack: |_, codes| Standard::<U4>::new().pack(&codes.iter().map(|code| code + 8.0).collect::<Vec<_>>()),
                unpack: |_, bytes, count| {
                    Ok(Standard::<U4>::new().unpack(bytes, count)?.iter().map(|code| code - 8.0).collect())
                },
                ..i4()
            },
        ),
        (
            "four codes backwards in a byte",
            PACKING_ORDER,
            Mutant {
                pack: |codec, codes| {
                    let mut padded = codes.to_vec();
                    padded.resize(codes.len().next_multiple_of(4), 0.0);
                    padded.chunks_mut(4).for_each(<[f64]>::reverse);
                    codec.pack(&padded)
                },
                unpack: |codec, bytes, count| {
                    let mut codes = codec.unpack(bytes, bytes.len() * 4)?;
                    codes.chunks_mut(4).for_each(<[f64]>::reverse);
                    codes.truncate(count);
                    Ok(codes)
                },
                ..codec(Standard::<I2>::new())
            },
        ),
        (
            "big-endian numbers",
            PACKING_ORDER,
            Mutant {
                pack: |codec, codes| big_endian(&codec.pack(codes)),
                unpack: |codec, bytes, count| codec.unpack(&big_endian(bytes), count),
                ..codec(Standard::<i16>::new())
            },
        ),
        (
            "big-endian halves",
            PACKING_ORDER,
            Mutant {
                pack: |codec, codes| big_endian(&codec.pack(codes)),
                unpack: |codec, bytes, count| codec.unpack(&big_endian(bytes), count),
                ..f16()
            },
        ),
        ("truncation", NEAREST, Mutant { encode: |codec, x| codec.encode(x.trunc()), ..i8() }),
        (
            "a half added before the floor",
            NEAREST,
            Mutant { encode: |codec, x| codec.encode((x + 0.5).floor()), ..i8() },
        ),
        (
            "the same, halves to even",
            MONOTONE,
            Mutant {
                encode: |codec, x| {
                    let tie = (x - x.floor()) == 0.5;
                    codec.encode(if tie { x.round_ties_even() } else { (x + 0.5).floor() })
                },
                ..i8()
            },
        ),
        ("halves away from zero", NEAREST, Mutant { encode: |codec, x| codec.encode(x.round()), ..i8() }),
        (
            "a conversion that wraps",
            NEAREST,
            Mutant {
                encode: |_, x| {
                    if x.abs() < 200.0 {
                        f64::from(x.round_ties_even().clamp(-128.0, 127.0))
                    } else {
                        f64::from(x as i64 as i8)
                    }
                },
                ..i8()
            },
        ),
        (
            "a conversion before the clamp",
            SATURATES,
            Mutant {
                encode: |_, x| {
                    // As the processor does: the smallest integer for what is none.
                    let integer = if x.abs() < 2_147_483_648.0 { x.round_ties_even() as i32 } else { i32::MIN };
                    f64::from(integer.clamp(-128, 127))
                },
                ..i8()
            },
        ),
        ("the smallest code left out", ENDS, Mutant { encode: |codec, x| codec.encode(x).max(-127.0), ..i8() }),
        ("an end that is none", ENDS, Mutant { ends: |_| (-127.0, 127.0), ..i8() }),
        ("the order reversed", ENDS, Mutant { encode: |codec, x| codec.encode(-x), ..i8() }),
        (
            "negative codes in reverse",
            MONOTONE,
            Mutant {
                encode: |codec, x| {
                    if x < 0.0 && x >= -100.0 { -101.0 - codec.encode(x.min(-1.0)) } else { codec.encode(x) }
                },
                decode: |codec, code| codec.decode(if code < 0.0 && code >= -100.0 { -101.0 - code } else { code }),
                ..i8()
            },
        ),
        (
            "one off below zero",
            ROUND_TRIP,
            Mutant {
                decode: |codec, code| codec.decode(code) + if code < 0.0 && code > -128.0 { 1.0 } else { 0.0 },
                ..i8()
            },
        ),
        (
            "a mantissa that is cut off",
            NEAREST,
            Mutant { encode: |codec, x| codec.encode(f32::from_bits(x.to_bits() & !0x1fff)), ..f16() },
        ),
        (
            "halves of a mantissa away from zero",
            NEAREST,
            Mutant {
                encode: |codec, x| codec.encode(f32::from_bits(x.to_bits().wrapping_add(0x1000) & !0x1fff)),
                ..f16()
            },
        ),
        (
            "subnormal numbers taken for zero",
            ROUND_TRIP,
            Mutant { encode: |codec, x| if x.abs() < 6.1e-5 { 0.0 } else { codec.encode(x) }, ..f16() },
        ),
        (
            "overflow to infinity",
            SATURATES,
            Mutant {
                encode: |codec, x| if x.abs() >= 65_520.0 { f64::INFINITY.copysign(x.into()) } else { codec.encode(x) },
                ..f16()
            },
        ),
        (
            "a float of 8 bits without its sign",
            ENDS,
            Mutant { encode: |codec, x| codec.encode(x.abs()), ..codec(Standard::<F8E4M3Fn>::new()) },
        ),
        (
            "a largest float of 8 bits as with infinities",
            ENDS,
            Mutant { ends: |_| (-240.0, 240.0), ..codec(Standard::<F8E4M3Fn>::new()) },
        ),
    ]
}

#[test]
fn codecs_are_caught() {
    all_are_caught(&codecs(), |mutant| Terms::default().check_code(mutant));
}
