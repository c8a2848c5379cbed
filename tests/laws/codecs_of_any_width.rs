//! Codes of every width from 1 to 32 bits have one layout that keeps all laws.

use crate::caught;
use tensor_quant::laws::{Codec, Terms, code};
use tensor_quant::num::CodeKind;
use tensor_quant::{Error, Result};

/// What a number of more than 8 bits may be stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    LittleEndian,
    BigEndian,
    /// Without a bit between them.
    Dense,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    Signed,
    Unsigned,
    /// The upper bits of an `f32`.
    Float,
}

#[derive(Clone, Copy, Debug)]
struct Wide {
    bits: u32,
    numbers: Numbers,
    layout: Layout,
}

impl Wide {
    fn new(bits: u32, numbers: Numbers) -> Self {
        Self { bits, numbers, layout: Layout::LittleEndian }
    }

    fn bits_of(self, code: f64) -> u64 {
        match self.numbers {
            Numbers::Float => u64::from((code as f32).to_bits() >> (32 - self.bits)),
            _ => code as i64 as u64 & ((1 << self.bits) - 1),
        }
    }

    fn code_of(self, bits: u64) -> f64 {
        let above = 64 - self.bits;
        match self.numbers {
            Numbers::Signed => ((bits << above) as i64 >> above) as f64,
            Numbers::Unsigned => (bits << above >> above) as f64,
            Numbers::Float => f64::from(f32::from_bits((bits as u32) << (32 - self.bits))),
        }
    }

    /// Bytes that some codes take, and how many these are.
    fn unit(self) -> (usize, usize) {
        let bits = self.bits as usize;
        match self.layout {
            Layout::Dense => (bits, 8),
            _ => (bits.div_ceil(8), (8 / bits).max(1)),
        }
    }
}

impl Codec for Wide {
    fn bits(&self) -> u32 {
        self.bits
    }

    fn kind(&self) -> CodeKind {
        if self.numbers == Numbers::Float { CodeKind::Float } else { CodeKind::Integer }
    }

    fn ends(&self) -> (f64, f64) {
        let half = (1_u64 << (self.bits - 1)) as f64;
        match self.numbers {
            Numbers::Signed => (-half, half - 1.0),
            Numbers::Unsigned => (0.0, 2.0 * half - 1.0),
            Numbers::Float => {
                let max = self.code_of(self.bits_of(f64::from(f32::MAX)));
                (-max, max)
            }
        }
    }

    fn encode(&self, x: f32) -> f64 {
        let (min, max) = self.ends();
        if self.numbers != Numbers::Float {
            return f64::from(x).round_ties_even().clamp(min, max);
        }
        let dropped = 32 - self.bits;
        let magnitude = u64::from(x.abs().to_bits());
        let half = (1_u64 << dropped) / 2;
        let to_even = half.saturating_sub(1) + (magnitude >> dropped & 1) * u64::from(dropped > 0);
        self.code_of((magnitude + to_even) >> dropped).min(max).copysign(f64::from(x))
    }

    fn decode(&self, code: f64) -> f32 {
        code as f32
    }

    fn pack(&self, codes: &[f64]) -> Vec<u8> {
        let (bytes, count) = self.unit();
        let units = codes.chunks(count).flat_map(|codes| {
            let bits =
                codes.iter().rev().fold(0, |bits: u128, &code| bits << self.bits | u128::from(self.bits_of(code)));
            let mut unit = bits.to_le_bytes()[..bytes].to_vec();
            if self.layout == Layout::BigEndian {
                unit.reverse();
            }
            unit
        });
        units.collect()
    }

    fn unpack(&self, packed: &[u8], count: usize) -> Result<Vec<f64>> {
        let (bytes, per_unit) = self.unit();
        let expected = count.div_ceil(per_unit) * bytes;
        if packed.len() != expected {
            return Err(Error::LengthMismatch { what: "packed bytes", expected, actual: packed.len() });
        }
        let mut codes = Vec::new();
        for unit in packed.chunks(bytes) {
            let mut unit = unit.to_vec();
            if self.layout == Layout::BigEndian {
                unit.reverse();
            }
            let bits = unit.iter().rev().fold(0, |bits: u128, &byte| bits << 8 | u128::from(byte));
            let mask = (1_u128 << self.bits) - 1;
            codes.extend((0..per_unit).map(|k| self.code_of((bits >> (k as u32 * self.bits) & mask) as u64)));
        }
        codes.truncate(count);
        Ok(codes)
    }
}

#[test]
fn integers_of_every_width_keep_every_law() {
    for bits in 1..=32 {
        for numbers in [Numbers::Signed, Numbers::Unsigned] {
            let verdict = Terms::default().with_cases(16).check_code(&Wide::new(bits, numbers)).unwrap();
            assert_eq!(verdict.held().len(), code::LAWS.len());
        }
    }
}

/// A sign, eight bits of exponent, and a mantissa of 0 to 23.
#[test]
fn floats_of_every_width_keep_every_law() {
    for bits in 9..=32 {
        Terms::default().with_cases(16).check_code(&Wide::new(bits, Numbers::Float)).unwrap();
    }
}

#[test]
fn a_code_does_not_lie_across_the_end_of_its_bytes() {
    for bits in [3, 10, 12, 20] {
        let dense = Wide { layout: Layout::Dense, ..Wide::new(bits, Numbers::Signed) };
        caught(code::PACKED_LENGTH, Terms::default().only(code::PACKED_LENGTH).check_code(&dense));
    }
}

#[test]
fn the_lowest_byte_comes_first() {
    for bits in [10, 12, 16, 24, 32] {
        for numbers in [Numbers::Signed, Numbers::Unsigned] {
            let swapped = Wide { layout: Layout::BigEndian, ..Wide::new(bits, numbers) };
            caught(code::PACKING_ORDER, Terms::default().only(code::PACKING_ORDER).check_code(&swapped));
        }
    }
}

/// Of floats too wide to look at them all, too.
#[test]
fn floats_that_are_cut_off_are_not_the_nearest() {
    #[derive(Debug)]
    struct CutOff(Wide);

    impl Codec for CutOff {
        fn bits(&self) -> u32 {
            self.0.bits()
        }
        fn kind(&self) -> CodeKind {
            self.0.kind()
        }
        fn ends(&self) -> (f64, f64) {
            self.0.ends()
        }
        fn encode(&self, x: f32) -> f64 {
            let (min, max) = self.0.ends();
            self.0.code_of(self.0.bits_of(f64::from(x))).clamp(min, max)
        }
        fn decode(&self, code: f64) -> f32 {
            self.0.decode(code)
        }
        fn pack(&self, codes: &[f64]) -> Vec<u8> {
            self.0.pack(codes)
        }
        fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
            self.0.unpack(bytes, count)
        }
    }

    for bits in [10, 16, 19, 24] {
        let terms = Terms::default().only(code::NEAREST);
        caught(code::NEAREST, terms.check_code(&CutOff(Wide::new(bits, Numbers::Float))));
    }
}
