//! The laws of code types: how numbers become codes, and codes bytes.
//!
//! Code types are sealed, for files and kernels know them all; how codes are stored is not. A [`Codec`] is what the laws judge:
//! [`Standard`] is that of a code type, and a packing of your own is another.

use super::random::Random;
use super::shrink::Shrink;
use super::trials::{Breach, Trials};
use crate::error::Result;
use crate::kernel::{Mapping, reference};
use crate::num::{Code, CodeKind, PackOrder, TiesEven, pack, unpack};
use crate::params::{AffineParams, CodeRange};
use core::fmt::{self, Debug};
use core::marker::PhantomData;

super::law::laws! {
    "code" of dyn Codec:
    ENDS = ends(
        "MIN and MAX are the smallest and the largest finite code",
        "Everything that saturates saturates there."
    ) by ends;
    ROUND_TRIP = round_trip(
        "encode(decode(code)) = code, for every code that an f32 holds",
        "A code that is not its own is another tensor after every conversion."
    ) by round_trip;
    MONOTONE = monotone(
        "x ≤ y  ⇒  encode(x) ≤ encode(y)",
        "Order survives quantization, or comparisons do not."
    ) by monotone;
    NEAREST = nearest(
        "encode(x) is the code nearest to x, with halves to even",
        "The definition of a format; and a conversion by the lower bits is right almost everywhere."
    ) by nearest;
    SATURATES = saturates(
        "encode(x) = MIN for x below, MAX for x above all codes, ±∞ too",
        "A conversion before the clamp makes the smallest code of the largest value."
    ) by saturates;
    PACKED_LENGTH = packed_length(
        "below 8 bits ⌊8 / BITS⌋ codes share a byte; from there a code takes BITS / 8 bytes",
        "Files are laid out by it."
    ) by packed_length;
    PACKING = packing(
        "unpack(pack(codes)) = codes, whatever their number",
        "The last byte that is not full, and a sign that is not extended, are where packings break."
    ) by packing;
    PACKING_ORDER = packing_order(
        "of the codes that share a byte the first stands in the low bits; larger ones are little-endian",
        "Two that share a byte are exchanged silently: every second weight is its neighbour's."
    ) by packing_order;
}

/// How numbers become codes, and codes bytes. Codes are numbers here, as in `-8.0` for the smallest of `I4`.
///
/// # Examples
///
/// Two halves of a byte, the wrong way round:
///
/// ```
/// use tensor_quant::laws::{Codec, Standard, Terms, code};
/// use tensor_quant::{I4, Result};
/// use tensor_quant::num::CodeKind;
///
/// #[derive(Debug)]
/// struct HighFirst;
///
/// impl Codec for HighFirst {
///     fn bits(&self) -> u32 { 4 }
///     fn kind(&self) -> CodeKind { CodeKind::Integer }
///     fn ends(&self) -> (f64, f64) { (-8.0, 7.0) }
///     fn encode(&self, x: f32) -> f64 { Standard::<I4>::new().encode(x) }
///     fn decode(&self, code: f64) -> f32 { Standard::<I4>::new().decode(code) }
///     fn pack(&self, codes: &[f64]) -> Vec<u8> {
///         let bytes = Standard::<I4>::new().pack(codes);
///         bytes.into_iter().map(|byte| byte.rotate_left(4)).collect()
///     }
///     fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
///         let bytes: Vec<u8> = bytes.iter().map(|byte| byte.rotate_left(4)).collect();
///         Standard::<I4>::new().unpack(&bytes, count)
///     }
/// }
///
/// let broken = Terms::default().check_code(&HighFirst).unwrap_err();
/// assert_eq!(broken.broken_law(), code::PACKING_ORDER);
/// ```
pub trait Codec: Debug {
    /// Returns the bits that a code takes when packed.
    fn bits(&self) -> u32;

    /// Returns whether codes are evenly spaced.
    fn kind(&self) -> CodeKind;

    /// Returns the smallest and the largest finite code.
    fn ends(&self) -> (f64, f64);

    /// Returns the code of a number, with a scale of 1 and a zero point of 0. It is not NaN.
    fn encode(&self, x: f32) -> f64;

    /// Returns the number of a code.
    fn decode(&self, code: f64) -> f32;

    /// Returns codes as they are stored.
    fn pack(&self, codes: &[f64]) -> Vec<u8>;

    /// Returns the codes that were stored.
    ///
    /// # Errors
    ///
    /// Unless there are exactly the bytes of so many codes.
    fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>>;
}

/// How this crate handles the codes of a type.
///
/// # Examples
///
/// ```
/// use tensor_quant::laws::{Standard, Terms};
/// use tensor_quant::num::{F8E4M3Fn, U4};
///
/// println!("{}", Terms::default().check_code(&Standard::<U4>::new())?);
/// println!("{}", Terms::default().check_code(&Standard::<F8E4M3Fn>::new())?);
/// # Ok::<(), tensor_quant::laws::Broken>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Standard<C>(PhantomData<C>);

impl<C: Code> Standard<C> {
    /// Returns the codec of a code type.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: Code> Debug for Standard<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Standard<{}>", C::NAME)
    }
}

impl<C: Code> Codec for Standard<C> {
    fn bits(&self) -> u32 {
        C::BITS
    }

    fn kind(&self) -> CodeKind {
        C::KIND
    }

    fn ends(&self) -> (f64, f64) {
        (C::MIN, C::MAX)
    }

    fn encode(&self, x: f32) -> f64 {
        let mut code = [C::default()];
        if let Ok(params) = AffineParams::new(1.0, 0) {
            let mapping = Mapping::new(params, CodeRange::of::<C>());
            crate::kernel::quantize(crate::kernel::detect(), &[x], &mapping, TiesEven, &mut code, 0);
        }
        code[0].to_f64()
    }

    fn decode(&self, code: f64) -> f32 {
        let mut real = [0.0];
        if let Ok(params) = AffineParams::new(1.0, 0) {
            reference::dequantize(&[C::from_f64(code)], params, &mut real);
        }
        real[0]
    }

    fn pack(&self, codes: &[f64]) -> Vec<u8> {
        let codes: Vec<C> = codes.iter().map(|&code| C::from_f64(code)).collect();
        pack(&codes, PackOrder::Neighbours).unwrap_or_default()
    }

    fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
        Ok(unpack::<C>(bytes, count, PackOrder::Neighbours)?.iter().map(|code| code.to_f64()).collect())
    }
}

/// Returns finite codes in ascending order: all of them, of more than 16 bits those of random numbers.
fn codes_of(codec: &dyn Codec, random: &mut Random) -> Result<Vec<f64>> {
    let (bits, (min, max)) = (codec.bits(), codec.ends());
    if codec.kind() == CodeKind::Integer {
        if bits <= 16 {
            return Ok((min as i32..=max as i32).map(f64::from).collect());
        }
        // What an f32 holds.
        let numbers = (0..256).map(|_| f64::from(((random.unit() * 2.0 - 1.0) * max) as f32).trunc());
        let mut codes: Vec<f64> = numbers.map(|code| code.clamp(min, max)).chain([min, -1.0, 0.0, 1.0]).collect();
        codes.sort_unstable_by(f64::total_cmp);
        return Ok(codes);
    }
    // Every bit pattern, the first in the low bits; whichever way they are read, these are all.
    let count = 1_usize << bits.min(16);
    let per_byte = (8 / bits as usize).max(1);
    let mut bytes = Vec::new();
    for first in (0..count).step_by(per_byte) {
        let packed = (0..per_byte).fold(0, |byte, k| byte | (first + k) << (k * bits as usize % 16));
        bytes.extend_from_slice(&packed.to_le_bytes()[..(bits as usize).div_ceil(8)]);
    }
    let mut codes = codec.unpack(&bytes, count)?;
    codes.retain(|code| code.is_finite());
    codes.sort_unstable_by(f64::total_cmp);
    codes.dedup();
    Ok(codes)
}

/// Codes, by their ranks.
#[derive(Clone, Debug)]
struct Ranks(Vec<usize>);

impl Ranks {
    fn make(random: &mut Random) -> Self {
        Self((0..=random.below(33)).map(|_| random.below(1 << 16)).collect())
    }
}

impl Shrink for Ranks {
    fn attempts(&self) -> usize {
        3 * self.0.len()
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let (n, mut simpler) = (self.0.len(), self.clone());
        if k < n {
            simpler.0.remove(k);
            return (n > 1).then_some(simpler);
        }
        let at = k % n;
        simpler.0[at] = if k < 2 * n { 0 } else { self.0[at] / 2 };
        (simpler.0[at] < self.0[at]).then_some(simpler)
    }
}

/// Is given all codes, and a list of some.
type CheckCodes<'a> = &'a dyn Fn(&[f64], &[f64]) -> Result<(), String>;
/// Is given all codes, and a number.
type CheckNumber<'a> = &'a dyn Fn(&[f64], f32) -> Result<(), String>;

/// Checks a list of codes, given all of them.
fn each(codec: &dyn Codec, trials: &Trials, check: CheckCodes<'_>) -> Result<(), Breach> {
    let all = codes_of(codec, &mut Random::new(trials.seed)).map_err(|error| Breach(error.to_string()))?;
    if all.is_empty() {
        return Err(Breach("there are no codes".into()));
    }
    trials.run(&Ranks::make, &|case: &Ranks| {
        let codes: Vec<f64> = case.0.iter().map(|&rank| all[rank % all.len()]).collect();
        check(&all, &codes)
    })
}

/// Checks numbers at, beside and between the codes, and beyond them, given all of the codes.
fn each_number(codec: &dyn Codec, trials: &Trials, check: CheckNumber<'_>) -> Result<(), Breach> {
    each(codec, trials, &|all, codes| {
        for (k, &code) in codes.iter().enumerate() {
            let rank = all.partition_point(|&other| other < code);
            let next = all.get(rank + 1).copied().unwrap_or(code * 2.0);
            let x = match k % 4 {
                0 => code,
                1 => f64::midpoint(code, next),
                2 => code + (next - code) * 0.3,
                _ => code * 1.7,
            } as f32;
            for x in [x, x.next_up(), x.next_down(), -x] {
                if x.is_finite() {
                    check(all, x)?;
                }
            }
        }
        Ok(())
    })
}

fn ends(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    let (min, max) = codec.ends();
    each(codec, trials, &|all, _| {
        let found = (all[0], all[all.len() - 1]);
        // Of more than 16 bits, not all are looked at.
        let inside = codec.bits() > 16 && min <= found.0 && found.1 <= max;
        if found == (min, max) || inside {
            return Ok(());
        }
        Err(format!("the codes go from {} to {}, the ends are {min} and {max}", found.0, found.1))
    })
}

fn round_trip(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    each(codec, trials, &|_, codes| {
        for &code in codes {
            let real = codec.decode(code);
            let again = codec.encode(real);
            if again != code {
                return Err(format!("the code {code} is {real:?}, and that has the code {again}"));
            }
        }
        Ok(())
    })
}

fn monotone(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    each_number(codec, trials, &|_, x| {
        let (low, high) = (codec.encode(x), codec.encode(x.next_up()));
        if low <= high {
            return Ok(());
        }
        Err(format!("{x:?} has the code {low}, and {:?} the code {high}", x.next_up()))
    })
}

/// Returns the code nearest to a number between the ends, halves to even: its rank among those of its sign says which is.
fn nearest_of(all: &[f64], x: f64) -> f64 {
    let magnitudes = &all[all.partition_point(|&code| code < 0.0)..];
    let after = magnitudes.partition_point(|&code| code < x.abs());
    let (Some(&above), below) = (magnitudes.get(after), after.checked_sub(1).map(|k| magnitudes[k])) else {
        return magnitudes.last().copied().unwrap_or(0.0).copysign(x);
    };
    let Some(below) = below else { return above.copysign(x) };
    let (down, up) = (x.abs() - below, above - x.abs());
    let even = (after - 1).is_multiple_of(2);
    (if down < up || down == up && even { below } else { above }).copysign(x)
}

fn nearest(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    let (min, max) = codec.ends();
    each_number(codec, trials, &|all, x| {
        let clamped = f64::from(x).clamp(min, max);
        let integer = codec.kind() == CodeKind::Integer;
        let want = if integer { clamped.round_ties_even().clamp(min, max) } else { nearest_of(all, clamped) };
        let code = codec.encode(x);
        let beyond = f64::from(x).abs() > max;
        if code == want || (beyond && !integer) {
            return Ok(());
        }
        Err(format!("{x:?} ({:#x}) has the code {code}, the nearest is {want}", x.to_bits()))
    })
}

fn saturates(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    let (min, max) = codec.ends();
    each(codec, trials, &|_, codes| {
        let farthest = max.max(-min);
        let beyond = codes.iter().map(|code| (code.abs() + farthest) as f32 * 1.5);
        for x in beyond.chain([f32::INFINITY, 1e10, f32::MAX]).filter(|&x| f64::from(x) >= 1.5 * farthest) {
            let (high, low) = (codec.encode(x), codec.encode(-x));
            if (high, low) != (max, min) {
                return Err(format!("{x:?} has the code {high}, −{x:?} the code {low}; the ends are {min} and {max}"));
            }
        }
        Ok(())
    })
}

fn packed_length(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    each(codec, trials, &|_, codes| {
        let bits = codec.bits() as usize;
        let want = if bits < 8 { codes.len().div_ceil(8 / bits) } else { codes.len() * bits / 8 };
        let len = codec.pack(codes).len();
        if len == want { Ok(()) } else { Err(format!("{} codes take {len} bytes, not {want}: {codes:?}", codes.len())) }
    })
}

fn packing(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    each(codec, trials, &|_, codes| {
        let bytes = codec.pack(codes);
        let again = codec.unpack(&bytes, codes.len()).map_err(|error| format!("{codes:?} as {bytes:02x?}: {error}"))?;
        if again == codes {
            return Ok(());
        }
        Err(format!("{codes:?} is packed as {bytes:02x?}, and unpacked as {again:?}"))
    })
}

fn packing_order(codec: &dyn Codec, trials: &Trials) -> Result<(), Breach> {
    let bits = codec.bits() as usize;
    let mask = if bits < 8 { (1_u8 << bits) - 1 } else { u8::MAX };
    let alone = |code: f64| match codec.kind() {
        // Two's complement.
        CodeKind::Integer => (code as i64).to_le_bytes()[..bits.div_ceil(8)].to_vec(),
        CodeKind::Float => codec.pack(&[code]),
    };
    each(codec, trials, &|_, codes| {
        let mut want = Vec::new();
        for (i, &code) in codes.iter().enumerate() {
            let bytes = alone(code);
            if bits >= 8 {
                want.extend(bytes);
                continue;
            }
            let (place, low) = (i % (8 / bits), bytes.first().copied().unwrap_or(0) & mask);
            match want.last_mut() {
                Some(byte) if place > 0 => *byte |= low << (place * bits),
                _ => want.push(low),
            }
        }
        let bytes = codec.pack(codes);
        if bytes == want { Ok(()) } else { Err(format!("{codes:?} is packed as {bytes:02x?}, not {want:02x?}")) }
    })
}
