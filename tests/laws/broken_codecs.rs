//! Ways to make codes and to store them that are broken in one way each.

use crate::caught;
use tensor_quant::laws::{self, Codec, Law, Terms, code};
use tensor_quant::num::CodeKind;
use tensor_quant::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    FirstInTheHighBits,
    DoesNotExtendTheSign,
    WastesHalfAByte,
    DropsTheLastOddCode,
    Truncates,
    Wraps,
    IsOneOff,
    GoesBackwards,
    MisstatesItsMaximum,
    HasNoBits,
    TakesThreeBits,
    HasEndsTheWrongWayRound,
    HasNoMaximum,
}

/// Codes from −8 to 7, two in a byte.
#[derive(Clone, Copy, Debug)]
struct Nibbles(Bug);

impl Codec for Nibbles {
    fn bits(&self) -> u32 {
        match self.0 {
            Bug::HasNoBits => 0,
            Bug::TakesThreeBits => 3,
            _ => 4,
        }
    }

    fn kind(&self) -> CodeKind {
        CodeKind::Integer
    }

    fn ends(&self) -> (f64, f64) {
        match self.0 {
            Bug::MisstatesItsMaximum => (-8.0, 6.0),
            Bug::HasEndsTheWrongWayRound => (7.0, -8.0),
            Bug::HasNoMaximum => (-8.0, f64::NAN),
            _ => (-8.0, 7.0),
        }
    }

    fn encode(&self, x: f32) -> f64 {
        let x = f64::from(x);
        match self.0 {
            Bug::Truncates => x.trunc().clamp(-8.0, 7.0),
            // Of a conversion that keeps the low four bits.
            Bug::Wraps => (x.round_ties_even() as i64 + 8).rem_euclid(16) as f64 - 8.0,
            Bug::GoesBackwards => (-x.round_ties_even()).clamp(-8.0, 7.0),
            _ => x.round_ties_even().clamp(-8.0, 7.0),
        }
    }

    fn decode(&self, code: f64) -> f32 {
        let one_off = if self.0 == Bug::IsOneOff && code < 0.0 { 1.0 } else { 0.0 };
        (code + one_off) as f32
    }

    fn pack(&self, codes: &[f64]) -> Vec<u8> {
        let bits = |code: f64| code as i8 as u8 & 15;
        let whole =
            if self.0 == Bug::DropsTheLastOddCode && codes.len() > 1 { codes.len() / 2 * 2 } else { codes.len() };
        match self.0 {
            Bug::WastesHalfAByte => codes.iter().map(|&code| bits(code)).collect(),
            _ => codes[..whole]
                .chunks(2)
                .map(|pair| {
                    let (first, second) = (bits(pair[0]), pair.get(1).map_or(0, |&code| bits(code)));
                    if self.0 == Bug::FirstInTheHighBits { first << 4 | second } else { second << 4 | first }
                })
                .collect(),
        }
    }

    fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
        let mut codes = Vec::new();
        for &byte in bytes {
            let (low, high) = (byte & 15, byte >> 4);
            let pair = match self.0 {
                Bug::WastesHalfAByte => [Some(low), None],
                Bug::FirstInTheHighBits => [Some(high), Some(low)],
                _ => [Some(low), Some(high)],
            };
            codes.extend(pair.into_iter().flatten().map(|bits| match self.0 {
                Bug::DoesNotExtendTheSign => f64::from(bits),
                _ => f64::from((bits << 4) as i8 >> 4),
            }));
        }
        if codes.len() < count {
            return Err(Error::LengthMismatch { what: "codes", expected: count, actual: codes.len() });
        }
        codes.truncate(count);
        Ok(codes)
    }
}

fn is_caught(law: Law, bug: Bug) {
    caught(law, Terms::default().only(law).check_code(&Nibbles(bug)));
}

#[test]
fn without_a_bug_every_law_holds() {
    laws::check_code(&Nibbles(Bug::None)).unwrap();
}

#[test]
fn packings() {
    is_caught(code::PACKING_ORDER, Bug::FirstInTheHighBits);
    is_caught(code::PACKING, Bug::DoesNotExtendTheSign);
    is_caught(code::PACKING, Bug::DropsTheLastOddCode);
    is_caught(code::PACKED_LENGTH, Bug::WastesHalfAByte);
}

#[test]
fn codes() {
    is_caught(code::NEAREST, Bug::Truncates);
    is_caught(code::SATURATES, Bug::Wraps);
    is_caught(code::ROUND_TRIP, Bug::IsOneOff);
    is_caught(code::MONOTONE, Bug::GoesBackwards);
}

#[test]
fn ends() {
    is_caught(code::ENDS, Bug::MisstatesItsMaximum);
}

/// Whichever law is asked for, and without a panic.
#[test]
fn widths_and_ends_that_cannot_be() {
    for (bug, said) in [
        (Bug::HasNoBits, "a code takes from 1 to 32 bits, not 0"),
        (Bug::TakesThreeBits, "from -8 to 7 there are 16 codes; 3 bits hold 8"),
        (Bug::HasEndsTheWrongWayRound, "in ascending order, not 7 and -8"),
        (Bug::HasNoMaximum, "the ends are finite and in ascending order, not -8 and NaN"),
    ] {
        for &law in code::LAWS {
            let broken = Terms::default().only(law).check_code(&Nibbles(bug)).unwrap_err();
            assert!(broken.counterexample().is_some_and(|case| case.contains(said)), "{broken}");
        }
    }
}
