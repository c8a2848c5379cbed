//! The laws of roundings: a [`Rounding`] of your own. The kernels rely on them.

use super::known;
use super::law::Waiver;
use super::random::Random;
use super::shrink::{OF_A_NUMBER, Shrink, simpler_number};
use super::strategies::Distribution;
use super::trials::{Breach, Trials};
use crate::num::{Ceil, Floor, Rounding};
use core::any::Any;
use core::fmt::Debug;

super::list::laws! {
    "rounding" of dyn Subject:
    IDENTITY = identity(
        "round(k) = k for whole k",
        "The kernels clamp before they round: a whole bound that is rounded to another number leaves the codes."
    ) by identity;
    WHOLE = whole(
        "round(x) is whole",
        "A code is an integer: a fraction that is left is dropped, in a direction that nobody chose."
    ) by whole;
    MONOTONE = monotone(
        "x ≤ y  ⇒  round(x) ≤ round(y), at the same index",
        "Clamping before rounding is clamping after it only if order is kept."
    ) by monotone;
    LESS_THAN_ONE_AWAY = less_than_one_away(
        "|round(x) − x| < 1",
        "The code is one of the two beside the value, whatever the direction."
    ) by less_than_one_away;
    NEAREST = nearest(
        "|round(x) − x| ≤ ½",
        "Half the error of any other rounding. One that goes in one direction does not promise it."
    ) by nearest;
    NON_FINITE = non_finite(
        "round(NaN) is NaN, round(±∞) = ±∞",
        "The NaN policy sees what the rounding leaves of NaN, and saturation what it leaves of infinity."
    ) by non_finite;
    INDEX = index(
        "is_random says whether round(x, i) depends on i; if it does, its mean over i is x",
        "Layout, blocks and threads may only change the result of what says that it is random; and what is random is so for the \
         sake of being unbiased."
    ) by index;
    REPEATABLE = repeatable(
        "round(x, i) is the same every time",
        "A random rounding takes its chance from a seed and the index, or no result can be reproduced."
    ) by repeatable;
    SIGN_SYMMETRY = sign_symmetry(
        "round(−x) = −round(x)",
        "A rounding that prefers one sign shifts every layer the same way. Rounding up or down does, on purpose."
    ) by sign_symmetry;
}

/// Returns the laws that a built-in rounding does not promise, by its type, or that one that says it is random does not.
pub(super) fn waivers(rounding: &dyn Any, is_random: bool) -> Vec<Waiver> {
    let rounding = known::rounding(rounding);
    let mut waivers = Vec::new();
    if known::is_directed(rounding) {
        waivers.extend(known::all(&[NEAREST], "it goes in one direction"));
    }
    if rounding.is::<Ceil>() || rounding.is::<Floor>() {
        waivers.extend(known::all(&[SIGN_SYMMETRY], "it goes up, or down, on both sides of zero"));
    }
    if is_random {
        waivers.extend(known::all(&[NEAREST, SIGN_SYMMETRY], "it is left to chance"));
    }
    waivers
}

/// A rounding without its type.
pub(super) trait Subject: Debug {
    fn round(&self, x: f32, index: u64) -> f32;
    fn is_random(&self) -> bool;
}

impl<R: Rounding> Subject for R {
    fn round(&self, x: f32, index: u64) -> f32 {
        Rounding::round(*self, x, index)
    }

    fn is_random(&self) -> bool {
        Rounding::is_random(*self)
    }
}

/// Two numbers, and the indices of two elements.
#[derive(Clone, Debug)]
struct Arguments {
    x: f32,
    y: f32,
    index: u64,
    other: u64,
}

impl Arguments {
    /// Returns each tie near zero and the numbers on both sides of it, those from where on there are no fractions, and those
    /// that no integer type holds; each with the next larger one.
    fn corners() -> Vec<Self> {
        let halves = (0..=9).map(|k| k as f32 / 2.0);
        // 2²² has a last half, 2²³ and 2²⁴ a last odd number; then the ends of integers of 32 and 64 bits.
        let large = [22, 23, 24, 31, 32, 63].map(|k| 2.0_f32.powi(k)).into_iter();
        let ends = [f32::from_bits(1), f32::MIN_POSITIVE, 1e10, f32::MAX.next_down()].into_iter();
        let of_both_signs = halves.chain(large).chain(ends).flat_map(|x| [x, -x]);
        let beside = of_both_signs.flat_map(|x| [x.next_down(), x, x.next_up()]);
        beside.enumerate().map(|(k, x)| Self { x, y: x.next_up(), index: k as u64, other: k as u64 + 1 }).collect()
    }

    fn make(random: &mut Random) -> Self {
        let number = |random: &mut Random| {
            let halves = random.between(-600, 600) as f32 / 2.0;
            match random.below(4) {
                0 => {
                    let mut one = [0.0];
                    Distribution::FiniteBits.fill(random, &mut one);
                    one[0]
                }
                1 => (random.normal() * 100.0) as f32,
                2 if random.one_in(2) => (1 << random.between(20, 24)) as f32 + random.between(-3, 3) as f32,
                2 if halves != 0.0 => f32::from_bits(halves.to_bits().wrapping_add_signed(random.between(-1, 1))),
                _ => halves * random.pick(&[1.0, 1.0, 1024.0, 8192.0]),
            }
        };
        let x = number(random);
        let beside = if x == 0.0 { 0.0 } else { f32::from_bits(x.to_bits() ^ 1) };
        let y = match random.below(3) {
            0 => number(random),
            1 if beside.is_finite() => beside,
            _ => x + random.unit() as f32,
        };
        Self { x, y, index: random.bits() >> random.below(64), other: random.bits() >> random.below(64) }
    }
}

impl Shrink for Arguments {
    fn attempts(&self) -> usize {
        4 + 2 * OF_A_NUMBER
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let mut simpler = self.clone();
        match k {
            0 => simpler.index = 0,
            1 => simpler.other = 0,
            2 => simpler.other = 1,
            3 => simpler.index /= 2,
            k if k < 4 + OF_A_NUMBER => simpler.x = simpler_number(self.x, k - 4)?,
            k => simpler.y = simpler_number(self.y, k - 4 - OF_A_NUMBER)?,
        }
        let fewer = simpler.index < self.index || simpler.other < self.other;
        (k >= 4 || fewer).then_some(simpler)
    }
}

fn each(trials: &Trials, check: &dyn Fn(&Arguments) -> Result<(), String>) -> Result<(), Breach> {
    trials.run(&Arguments::corners(), &Arguments::make, &|case: &Arguments| check(case))
}

/// Returns a number with its bits.
fn exactly(x: f32) -> String {
    format!("{x:?} ({:#x})", x.to_bits())
}

fn identity(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &|case| {
        let whole = case.x.round();
        let rounded = subject.round(whole, case.index);
        if rounded == whole {
            return Ok(());
        }
        Err(format!("round({}) = {} at index {}", exactly(whole), exactly(rounded), case.index))
    })
}

/// Checks a number and what it is rounded to.
fn each_rounded(
    subject: &dyn Subject,
    trials: &Trials,
    check: &dyn Fn(f32, f32) -> Result<(), String>,
) -> Result<(), Breach> {
    each(trials, &|case| {
        let rounded = subject.round(case.x, case.index);
        check(case.x, rounded).map_err(|what| {
            format!("round({}) = {} at index {}: {what}", exactly(case.x), exactly(rounded), case.index)
        })
    })
}

fn whole(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_rounded(subject, trials, &|_, rounded| {
        if rounded.trunc() == rounded { Ok(()) } else { Err("it is not whole".into()) }
    })
}

fn monotone(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &|case| {
        let (x, y) = (case.x.min(case.y), case.x.max(case.y));
        let (low, high) = (subject.round(x, case.index), subject.round(y, case.index));
        if low <= high {
            return Ok(());
        }
        let (x, y) = (exactly(x), exactly(y));
        Err(format!(
            "{x} ≤ {y}, but they are rounded to {} and {} at index {}",
            exactly(low),
            exactly(high),
            case.index
        ))
    })
}

fn away(x: f32, rounded: f32) -> f64 {
    (f64::from(rounded) - f64::from(x)).abs()
}

fn less_than_one_away(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_rounded(subject, trials, &|x, rounded| {
        // Not by the difference, which is rounded: 1 − 10⁻³⁰ is 1 in f64.
        let (exact, whole) = (f64::from(x), f64::from(rounded));
        let near = exact == whole || whole - 1.0 < exact && exact < whole + 1.0;
        if near { Ok(()) } else { Err(format!("{} is not below 1", away(x, rounded))) }
    })
}

fn nearest(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_rounded(subject, trials, &|x, rounded| {
        let away = away(x, rounded);
        if away <= 0.5 { Ok(()) } else { Err(format!("{away} > 0.5")) }
    })
}

fn non_finite(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &|case| {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let rounded = subject.round(x, case.index);
            if rounded != x && !(rounded.is_nan() && x.is_nan()) {
                return Err(format!("round({x}) = {} at index {}", exactly(rounded), case.index));
            }
        }
        Ok(())
    })
}

/// So many elements make a mean.
const DRAWS: u32 = 4096;

fn index(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    if !subject.is_random() {
        return each(trials, &|case| {
            let (one, other) = (subject.round(case.x, case.index), subject.round(case.x, case.other));
            if one == other {
                return Ok(());
            }
            let (x, one, other) = (exactly(case.x), exactly(one), exactly(other));
            Err(format!("it is not random, but {x} is {one} at index {} and {other} at {}", case.index, case.other))
        });
    }
    each(&trials.at_most(64), &|case| {
        let x = case.x.clamp(-1000.0, 1000.0);
        let draws = (0..DRAWS).map(|i| f64::from(subject.round(x, case.index.wrapping_add(i.into()))));
        let mean = draws.sum::<f64>() / f64::from(DRAWS);
        let share = f64::from(x) - f64::from(x).floor();
        // Six standard deviations: of 64 cases, one in ten million fails by chance.
        let allowed = 6.0 * (share * (1.0 - share) / f64::from(DRAWS)).sqrt() + 2e-3;
        let error = (mean - f64::from(x)).abs();
        if error <= allowed {
            return Ok(());
        }
        Err(format!("the mean of {DRAWS} elements of {} is {mean}: {error} > {allowed}", exactly(x)))
    })
}

fn repeatable(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &|case| {
        let first = subject.round(case.x, case.index);
        let at_once = subject.round(case.x, case.index);
        let _ = subject.round(case.y, case.other);
        for again in [at_once, subject.round(case.x, case.index)] {
            if first.to_bits() != again.to_bits() {
                let (x, first, again) = (exactly(case.x), exactly(first), exactly(again));
                return Err(format!("{x} at index {} is {first}, and then {again}", case.index));
            }
        }
        Ok(())
    })
}

fn sign_symmetry(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_rounded(subject, trials, &|x, rounded| {
        let mirror = subject.round(-x, 0);
        if mirror == -rounded { Ok(()) } else { Err(format!("but round(−x) = {}", exactly(mirror))) }
    })
}
