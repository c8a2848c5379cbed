//! Ways to make codes, and to pack them, that a person could write.

use super::all_are_caught;
use tensor_quant::laws::{Codec, Law, Standard, Terms, code};
use tensor_quant::num::{CodeKind, F8E4M3Fn, I2};
use tensor_quant::{I4, Result, U4, f16};

type Unpack = fn(&dyn Codec, &[u8], usize) -> Result<Vec<f64>>;

/// A codec of this crate, of which some functions are another's.
#[derive(Debug)]
pub(super) struct Mutant {
    of: Box<dyn Codec>,
    encode: fn(&dyn Codec, f32) -> f64,
    decode: fn(&dyn Codec, f64) -> f32,
    pack: fn(&dyn Codec, &[f64]) -> Vec<u8>,
    unpack: Unpack,
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

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn all() -> Vec<(&'static str, Law, Mutant)> {
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
                    if (-100.0..0.0).contains(&x) { -101.0 - codec.encode(x.min(-1.0)) } else { codec.encode(x) }
                },
                decode: |codec, code| codec.decode(if (-100.0..0.0).contains(&code) { -101.0 - code } else { code }),
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
    all_are_caught(&all(), |mutant| Terms::default().check_code(mutant));
}
