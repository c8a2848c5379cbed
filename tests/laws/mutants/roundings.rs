//! Roundings that a person could write.

use super::all_are_caught;
use std::sync::atomic::{AtomicU64, Ordering};
use tensor_quant::Rounding;
use tensor_quant::laws::{Law, Terms, rounding};

/// What a number at an index is rounded to.
type Round = fn(f32, u64) -> f32;

#[derive(Clone, Copy, Debug)]
pub(super) struct By {
    round: Round,
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

pub(super) fn all() -> Vec<(&'static str, Law, By)> {
    use rounding::{IDENTITY, INDEX, MONOTONE, NEAREST, NON_FINITE, SIGN_SYMMETRY, WHOLE};
    let fixed: Vec<(&str, Law, Round)> = vec![
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
    let random: Vec<(&str, Law, Round)> = vec![
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
    all_are_caught(&all(), |mutant| Terms::default().check_rounding(mutant));
}
