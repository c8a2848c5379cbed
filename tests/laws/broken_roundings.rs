//! Roundings that are broken in one way each.

use crate::caught;
use std::sync::atomic::{AtomicU32, Ordering};
use tensor_quant::Rounding;
use tensor_quant::laws::{Law, Terms, rounding};

/// Whatever a function makes of a number and an index.
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

fn is_caught(law: Law, round: fn(f32, u64) -> f32) {
    let by = By { round, is_random: false };
    caught(law, Terms::default().only(law).check_rounding(&by));
}

/// The idiom: from 2²³ on the sum is rounded, too, and odd numbers become even ones.
#[test]
fn a_half_added_before_the_floor() {
    is_caught(rounding::IDENTITY, |x, _| (x + 0.5).floor());
}

#[test]
fn halves_that_stay() {
    is_caught(rounding::WHOLE, |x, _| (x * 2.0).round() / 2.0);
}

#[test]
fn thirds_up_and_two_thirds_down() {
    is_caught(rounding::MONOTONE, |x, _| if x - x.floor() < 0.5 { x.ceil() } else { x.floor() });
}

#[test]
fn one_too_low() {
    is_caught(rounding::LESS_THAN_ONE_AWAY, |x, _| x.ceil() - 1.0 - (x != x.floor()) as u8 as f32);
}

#[test]
fn truncation_that_is_said_to_be_nearest() {
    is_caught(rounding::NEAREST, |x, _| x.trunc());
}

#[test]
fn a_cast() {
    is_caught(rounding::NON_FINITE, |x, _| x.round() as i32 as f32);
}

#[test]
fn a_position_that_counts_where_it_is_said_not_to() {
    is_caught(rounding::INDEX, |x, index| if index % 2 == 0 { x.floor() } else { x.ceil() });
}

#[test]
fn a_chance_that_favours_up() {
    let biased = By { round: |x, i| if i % 4 > 0 { x.ceil() } else { x.floor() }, is_random: true };
    caught(rounding::INDEX, Terms::default().only(rounding::INDEX).check_rounding(&biased));
}

#[test]
fn a_generator_that_runs_on() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    is_caught(rounding::REPEATABLE, |x, _| {
        let even = CALLS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        if even { x.ceil() } else { x.floor() }
    });
}

#[test]
fn halves_up() {
    is_caught(rounding::SIGN_SYMMETRY, |x, _| if x - x.floor() >= 0.5 { x.ceil() } else { x.floor() });
}
