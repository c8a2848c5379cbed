//! The laws of calculators: a [`ParamsCalculator`] of your own.
//!
//! Each is checked for ranges of every kind (ordinary, of one sign, constant, zero, subnormal, up to ±`f32::MAX`) and for the
//! codes that the calculator makes of each integer type, from 2 bits to 32.

use super::known;
use super::law::Waiver;
use super::random::Random;
use super::shrink::{OF_A_NUMBER, Shrink, simpler_number};
use super::strategies::Distribution;
use super::trials::{Breach, Trials};
use crate::error::{Error, Result};
use crate::num::{F4E2M1Fn, F8E4M3Fn, I2, I4, U2, U4, bf16, f16};
use crate::params::{
    Affine, AffineParams, Article, Cast, CodeRange, MaxAbs, ParamsCalculator, PowerOfTwo, ValueRange, ZeroPoints,
};
use core::any::Any;

super::list::laws! {
    "calculator" of dyn ParamsCalculator:
    ANSWERS = answers(
        "2⁻¹²⁶ ≤ scale < ∞, for every range",
        "A constant channel, a dead one, one with an outlier of 1e38: each of them is in some model, and a scale of zero, infinity \
         or below the smallest normal number, whose reciprocal is infinite, ruins it."
    ) by answers;
    ZERO_POINT_IS_A_CODE = zero_point_is_a_code(
        "qmin ≤ zero_point ≤ qmax",
        "It is stored as one; and a zero that saturates is no zero."
    ) by zero_point_is_a_code;
    ZERO_EXACT = zero_exact(
        "the real of the zero point is 0",
        "Padding, ReLU and pruned weights are zeros by the million: an error in each of them adds up to a bias."
    ) by zero_exact;
    ENDS = ends(
        "|x − x̂| ≤ scale for x = min and x = max, and x̂ is finite in f32",
        "The range is what the estimator wants represented: an end that saturates by more than a step was left out, and was the \
         zero point's rounding or a narrow range forgotten."
    ) by ends;
    CODES_USED = codes_used(
        "codes of x in min..=max cover (qmax − qmin) / 2 or more, where the range is no constant",
        "A scale that is too large wastes codes, and a bit for every factor of two."
    ) by codes_used;
    CONSTANTS = constants(
        "min = max = c  ⇒  |c − ĉ| ≤ 2⁻²⁰ · |c|, where a normal scale can be so small",
        "A constant has no width to divide by: the place where scales become zero, and signs are lost."
    ) by constants;
    MONOTONE = monotone(
        "one range in another  ⇒  its scale is no larger, constants apart",
        "More precision for less range is what a range estimator bargains for."
    ) by monotone;
    POWERS_OF_TWO = powers_of_two(
        "2ᵏ · range  ⇒  2ᵏ · scale, the same zero point",
        "Multiplying by a power of two is exact: whatever else changes is an absolute constant in the code, that is wrong for small \
         or for large tensors."
    ) by powers_of_two;
    SIGN_SYMMETRY = sign_symmetry(
        "−range  ⇒  the same scale, the zero point mirrored to within one code",
        "A calculator that prefers one sign shifts every layer the same way."
    ) by sign_symmetry;
    ZERO_POINTS = zero_points(
        "what `zero_points` says is what `params` gives",
        "Estimators that search for the best range search the grids that it names, and no others."
    ) by zero_points;
    CODES = codes(
        "codes(full) lies in full, and holds two codes or more",
        "Codes that the type does not have cannot be stored."
    ) by codes;
    FLOATING_CODES = floating_codes(
        "floating codes: zero_point = 0 and 0 < scale < ∞, or the error that only integer codes will do",
        "A floating code has no zero point to shift."
    ) by floating_codes;
}

/// Returns the laws that a built-in calculator does not promise, by its type.
pub(super) fn waivers(calculator: &dyn Any) -> Vec<Waiver> {
    let calculator = known::calculator(calculator);
    let mut waivers = Vec::new();
    if calculator.is::<Cast>() {
        let none = [ZERO_POINT_IS_A_CODE, ENDS, CODES_USED, CONSTANTS, POWERS_OF_TWO, SIGN_SYMMETRY];
        waivers.extend(known::all(&none, "a cast has no scale, and 0 for a zero point"));
    }
    if calculator.is::<Article>() {
        waivers.extend(known::all(&[FLOATING_CODES], "its target gives the zero point"));
        let other = [ZERO_POINT_IS_A_CODE, ENDS, CODES_USED, CONSTANTS, MONOTONE, SIGN_SYMMETRY];
        waivers
            .extend(known::all(&other, "the article's step is the inverse of the usual one, and its target is given"));
    }
    if calculator.is::<Article>() || calculator.downcast_ref() == Some(&Affine::without_zero()) {
        waivers.extend(known::all(&[ZERO_EXACT], "the offset is the smallest value, wherever zero is"));
        waivers.extend(known::all(&[POWERS_OF_TWO], "a constant gets a step of 1, whatever its magnitude"));
        waivers.extend(known::all(&[SIGN_SYMMETRY], "the smallest code stands for the smallest value"));
    }
    if calculator.is::<MaxAbs>() {
        let signed = [ZERO_POINT_IS_A_CODE, ZERO_EXACT, ENDS, CONSTANTS, SIGN_SYMMETRY];
        waivers.extend(known::all(&signed, "it is for signed types: a zero point of 0 is no code of an unsigned one"));
    }
    if calculator.is::<PowerOfTwo>() {
        waivers.extend(known::all(&[CONSTANTS], "a power of two is seldom a fraction of the constant"));
    }
    waivers
}

/// Two ranges, and a power of two.
#[derive(Clone, Debug)]
struct Ranges {
    ends: [f32; 4],
    power: i32,
}

impl Ranges {
    /// Returns ranges that the numbers of a code type fit without a remainder, those of one sign, constants, zeros, and the ends of
    /// f32; of ordinary numbers alone if so it is said.
    fn corners(distributions: &[Distribution]) -> Vec<Self> {
        let ordinary = [
            [0.0, 0.0],
            [-0.0, -0.0],
            [0.0, 1.0],
            [-1.0, 0.0],
            [-1.0, 1.0],
            [-127.0, 127.0],
            [-128.0, 127.0],
            [0.0, 255.0],
            [-0.5, 254.5],
            [-1.5, 253.5],
            [-254.5, 0.5],
            [1.0, 2.0],
            [-2.0, -1.0],
            [1.0, 1.0],
            [-1.0, -1.0],
            [0.1, 0.1],
            [-0.1, -0.1],
            [1.0, 1.000_000_1],
            [-1e-3, 1e3],
            [-1e3, 1e-3],
        ];
        let (tiny, least) = (f32::from_bits(1), f32::MIN_POSITIVE);
        let extreme = [
            [f32::MIN, f32::MAX],
            [0.0, f32::MAX],
            [f32::MIN, 0.0],
            [f32::MAX, f32::MAX],
            [f32::MIN, f32::MIN],
            [1e38, f32::MAX],
            [f32::MIN, -1e38],
            [tiny, tiny],
            [0.0, tiny],
            [-tiny, 0.0],
            [least, least],
            [-least, least],
            [0.0, least],
            [1e-30, 1e-30],
            [1e30, 1e30],
            [-1e-38, 1e38],
        ];
        let extreme = if distributions == Distribution::ORDINARY { &[][..] } else { &extreme };
        // Inside another that is a quarter wider on both sides, and one that reaches zero.
        let all = ordinary.iter().chain(extreme);
        all.flat_map(|&[a, b]| [5, -5].map(|power| Self { ends: [a, b, a * 1.25, b * 1.25].map(finite), power }))
            .collect()
    }

    fn make(random: &mut Random, distributions: &[Distribution]) -> Self {
        let mut ends = [0.0; 4];
        random.pick(distributions).fill(random, &mut ends);
        match random.below(8) {
            0 => ends[1] = ends[0],
            1 => ends[0] = 0.0,
            2 => ends[1] = 0.0,
            3 => ends[1] = -ends[0],
            _ => {}
        }
        Self { ends, power: random.between(-20, 20) }
    }

    /// Returns the range between the first two.
    fn range(&self) -> ValueRange {
        let [a, b, ..] = self.ends;
        ValueRange::new(a.min(b), a.max(b)).unwrap_or(ValueRange::ZERO)
    }

    /// Returns the smallest range that holds that one and the other two.
    fn wider(&self) -> ValueRange {
        let (low, high) = self.ends.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
        let range = self.range();
        let low = if self.power < 0 { low } else { range.min().min(self.ends[2]) };
        let high = if self.power < 0 { high } else { range.max().max(self.ends[3]) };
        ValueRange::new(low.min(range.min()), high.max(range.max())).unwrap_or(range)
    }
}

fn finite(x: f32) -> f32 {
    x.clamp(f32::MIN, f32::MAX)
}

impl Shrink for Ranges {
    fn attempts(&self) -> usize {
        1 + 4 * OF_A_NUMBER
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let mut simpler = self.clone();
        let Some(k) = k.checked_sub(1) else {
            simpler.power /= 2;
            return (self.power != simpler.power && simpler.power != 0).then_some(simpler);
        };
        simpler.ends[k / OF_A_NUMBER] = simpler_number(self.ends[k / OF_A_NUMBER], k % OF_A_NUMBER)?;
        Some(simpler)
    }
}

/// The codes of every integer type that has two or more on each side of the middle.
fn integers() -> [CodeRange; 9] {
    [
        CodeRange::of::<i8>(),
        CodeRange::of::<u8>(),
        CodeRange::of::<I4>(),
        CodeRange::of::<U4>(),
        CodeRange::of::<i16>(),
        CodeRange::of::<u16>(),
        CodeRange::of::<i32>(),
        CodeRange::of::<I2>(),
        CodeRange::of::<U2>(),
    ]
}

/// Checks the parameters of a range, for the codes of every integer type.
fn each(
    calculator: &dyn ParamsCalculator,
    trials: &Trials,
    check: &dyn Fn(&Ranges, CodeRange, AffineParams) -> Result<(), String>,
) -> Result<(), Breach> {
    each_of(calculator, trials, Distribution::FINITE, check)
}

fn each_of(
    calculator: &dyn ParamsCalculator,
    trials: &Trials,
    distributions: &[Distribution],
    check: &dyn Fn(&Ranges, CodeRange, AffineParams) -> Result<(), String>,
) -> Result<(), Breach> {
    let corners = Ranges::corners(distributions);
    trials.run(&corners, &|random| Ranges::make(random, distributions), &|ranges: &Ranges| {
        for full in integers() {
            let codes = calculator.codes(full);
            let range = ranges.range();
            let about = |what: &str| {
                let (min, max) = (range.min(), range.max());
                format!("range [{min:?} ({:#x}), {max:?} ({:#x})], codes {codes}: {what}", min.to_bits(), max.to_bits())
            };
            let params = calculator.params(range, codes).map_err(|error| about(&format!("the error: {error}")))?;
            check(ranges, codes, params).map_err(|what| about(&format!("{what}\n{params:?}")))?;
        }
        Ok(())
    })
}

/// Returns what a value is restored as, in f64, halves to even.
fn restore(x: f32, codes: CodeRange, params: AffineParams) -> f64 {
    let (scale, zero_point, offset) =
        (f64::from(params.scale()), f64::from(params.zero_point()), f64::from(params.offset()));
    let code = (((f64::from(x) - offset) / scale).round_ties_even() + zero_point).clamp(codes.min(), codes.max());
    (code - zero_point) * scale + offset
}

fn answers(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|_, _, params| {
        if params.scale() >= f32::MIN_POSITIVE && params.scale().is_finite() {
            return Ok(());
        }
        Err(format!("the scale is {:e}", params.scale()))
    })
}

fn zero_point_is_a_code(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|_, codes, params| {
        if (codes.min()..=codes.max()).contains(&f64::from(params.zero_point())) {
            return Ok(());
        }
        Err(format!("the zero point is {}", params.zero_point()))
    })
}

fn zero_exact(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|_, codes, params| {
        let restored = restore(0.0, codes, params);
        if restored == 0.0 && params.offset() == 0.0 {
            return Ok(());
        }
        Err(format!("0 is restored as {restored}"))
    })
}

fn ends(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|ranges, codes, params| {
        let range = ranges.range();
        // Of so many steps the last is infinite in f32.
        if codes.max() - codes.min() > 16_777_216.0 && range.max_abs() > f32::MAX / 2.0 {
            return Ok(());
        }
        for x in [range.min(), range.max()] {
            let error = (f64::from(x) - restore(x, codes, params)).abs();
            // The scale is rounded to f32, and each step adds to that.
            let allowed = f64::from(params.scale()) + (f64::from(x).abs() + range.width()) * 2.0_f64.powi(-22);
            let restored = restore(x, codes, params);
            if error > allowed {
                return Err(format!("{x:?} is restored as {restored:e}: {error:e} > {allowed:e} = scale"));
            }
            if (restored as f32).is_infinite() {
                return Err(format!("{x:?} is restored as {restored:e}, which is ∞ in f32"));
            }
        }
        Ok(())
    })
}

fn codes_used(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|ranges, codes, params| {
        let range = ranges.range();
        // From zero on, and to both sides: a symmetric calculator spends the other half on what is not there.
        let width = range.with_zero().width().max(2.0 * f64::from(range.max_abs()));
        let steps = width / f64::from(params.scale());
        // No scale is smaller than the smallest normal number.
        if range.width() / (codes.max() - codes.min()) < 4.0 * f64::from(f32::MIN_POSITIVE) {
            return Ok(());
        }
        // Codes beyond the precision of the scale are nobody's.
        let allowed = (codes.max() - codes.min()) / 2.0 * (1.0 - 1e-6);
        if range.is_constant() || steps >= allowed {
            return Ok(());
        }
        Err(format!("the range takes {steps} steps, less than half of {}", codes.max() - codes.min()))
    })
}

fn constants(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    let corners = Ranges::corners(Distribution::FINITE);
    trials.run(&corners, &|random| Ranges::make(random, Distribution::FINITE), &|ranges: &Ranges| {
        let value = ranges.ends[0];
        let range = ValueRange::new(value, value).unwrap_or(ValueRange::ZERO);
        for full in integers() {
            let codes = calculator.codes(full);
            // No scale is smaller than the smallest normal number.
            let least = (codes.max() - codes.min()) * f64::from(f32::MIN_POSITIVE);
            if value != 0.0 && f64::from(value.abs()) < least {
                continue;
            }
            if codes.is_beyond_the_short_side(value) {
                continue;
            }
            let params = calculator.params(range, codes).map_err(|error| format!("{value:?}: {error}"))?;
            let (restored, allowed) = (restore(value, codes, params), f64::from(value).abs() * 2.0_f64.powi(-20));
            let error = (restored - f64::from(value)).abs();
            if error > allowed {
                let bits = value.to_bits();
                return Err(format!(
                    "{value:?} ({bits:#x}) is restored as {restored} with codes {codes}: {error} > {allowed}\n{params:?}"
                ));
            }
        }
        Ok(())
    })
}

fn monotone(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|ranges, codes, params| {
        let (range, wider) = (ranges.range(), ranges.wider());
        let wide = calculator.params(wider, codes).map_err(|error| error.to_string())?;
        // An ulp, where the largest finite real caps the scale.
        let allowed = f64::from(wide.scale()) * (1.0 + 2.0_f64.powi(-22));
        if range.is_constant() || wider.is_constant() || f64::from(params.scale()) <= allowed {
            return Ok(());
        }
        Err(format!("the scale is {:e}, that of {wider:?} is {:e}", params.scale(), wide.scale()))
    })
}

fn powers_of_two(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each_of(calculator, trials, Distribution::ORDINARY, &|ranges, codes, params| {
        let (range, factor) = (ranges.range(), 2.0_f32.powi(ranges.power));
        let multiplied =
            ValueRange::new(range.min() * factor, range.max() * factor).map_err(|error| error.to_string())?;
        let other = calculator.params(multiplied, codes).map_err(|error| error.to_string())?;
        let follows = other.scale() == params.scale() * factor && other.offset() == params.offset() * factor;
        if range.max_abs() == 0.0 || follows && other.zero_point() == params.zero_point() {
            return Ok(());
        }
        Err(format!("2^{} times the range gives {other:?}", ranges.power))
    })
}

fn sign_symmetry(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each(calculator, trials, &|ranges, codes, params| {
        let range = ranges.range();
        let negated = ValueRange::new(-range.max(), -range.min()).map_err(|error| error.to_string())?;
        let mirror = calculator.params(negated, codes).map_err(|error| error.to_string())?;
        let sum = f64::from(params.zero_point()) + f64::from(mirror.zero_point());
        // One code, and what the rounding of the scale is in so many of them.
        let allowed = 1.0 + (codes.max() - codes.min()) * 2.0_f64.powi(-22);
        let raised = params.scale() == f32::MIN_POSITIVE;
        let mirrored = range.is_constant() || raised || (sum - (codes.min() + codes.max())).abs() <= allowed;
        // An ulp, where the largest finite real caps the scale.
        let same = (params.scale() - mirror.scale()).abs() <= params.scale() * 2.0_f32.powi(-22);
        if same && mirrored { Ok(()) } else { Err(format!("{negated:?} gives {mirror:?}")) }
    })
}

fn zero_points(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    each_of(calculator, trials, Distribution::ORDINARY, &|ranges, codes, params| {
        let range = ranges.range();
        let scale = f64::from(params.scale());
        match calculator.zero_points(codes) {
            ZeroPoints::One(only) if params.zero_point() != only => Err(format!("the zero point is said to be {only}")),
            // Proportional to the largest magnitude: that of ±1 is the measure.
            ZeroPoints::One(_) if !range.is_constant() => {
                let unit = ValueRange::new(-1.0, 1.0).and_then(|unit| calculator.params(unit, codes));
                let want = f64::from(unit.map_err(|error| error.to_string())?.scale()) * f64::from(range.max_abs());
                proportional(scale, want)
            }
            ZeroPoints::Any if !range.is_constant() => {
                proportional(scale, range.with_zero().width() / (codes.max() - codes.min()))
            }
            _ => Ok(()),
        }
    })
}

fn proportional(scale: f64, want: f64) -> Result<(), String> {
    if (scale - want).abs() <= want * 2.0_f64.powi(-21) {
        Ok(())
    } else {
        Err(format!("by `zero_points` it is {want:e}"))
    }
}

fn codes(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    let all: Vec<Codes> = (0..integers().len()).map(Codes).collect();
    trials.run(&all, &|random| Codes(random.below(integers().len())), &|&Codes(k)| {
        let full = integers()[k];
        let codes = calculator.codes(full);
        let within = full.min() <= codes.min() && codes.max() <= full.max();
        if within && codes.min() < codes.max() && codes.is_integer() {
            return Ok(());
        }
        Err(format!("of the codes {full} it uses {codes}"))
    })
}

/// The codes of one of the integer types.
#[derive(Clone, Debug)]
struct Codes(usize);

impl Shrink for Codes {
    fn attempts(&self) -> usize {
        self.0
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        Some(Self(k))
    }
}

fn floating_codes(calculator: &dyn ParamsCalculator, trials: &Trials) -> Result<(), Breach> {
    let floats = [
        CodeRange::of::<f16>(),
        CodeRange::of::<bf16>(),
        CodeRange::of::<F8E4M3Fn>(),
        CodeRange::of::<F4E2M1Fn>(),
        CodeRange::of::<f16>().with_infinities(),
    ];
    let corners = Ranges::corners(Distribution::FINITE);
    trials.run(&corners, &|random| Ranges::make(random, Distribution::FINITE), &|ranges: &Ranges| {
        for full in floats {
            match calculator.params(ranges.range(), calculator.codes(full)) {
                Err(Error::IntegerCodesOnly { .. }) => {}
                Ok(params) if params.zero_point() == 0 && params.scale() > 0.0 && params.scale().is_finite() => {}
                other => return Err(format!("range {:?}, codes {full}: {other:?}", ranges.range())),
            }
        }
        Ok(())
    })
}
