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

super::list::laws! {
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
        "below 8 bits ⌊8 / BITS⌋ codes share a byte; from there a code takes ⌈BITS / 8⌉ bytes",
        "Files are laid out by it: no code lies across the end of its bytes."
    ) by packed_length;
    PACKING = packing(
        "unpack(pack(codes)) = codes, whatever their number",
        "The last byte that is not full, and a sign that is not extended, are where packings break."
    ) by packing;
    PACKING_ORDER = packing_order(
        "of the codes that share a byte the first stands in the low bits; larger ones are little-endian, in their low BITS bits",
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
    /// Returns the bits that a code takes when packed: from 1 to 32. With any other number every law is broken.
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
            reference::dequantize(&[C::nearest(code)], params, &mut real);
        }
        real[0]
    }

    fn pack(&self, codes: &[f64]) -> Vec<u8> {
        let codes: Vec<C> = codes.iter().map(|&code| C::nearest(code)).collect();
        pack(&codes, PackOrder::Neighbours).unwrap_or_default()
    }

    fn unpack(&self, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
        Ok(unpack::<C>(bytes, count, PackOrder::Neighbours)?.iter().map(|code| code.to_f64()).collect())
    }
}

/// So wide are codes, at most, that all of them are looked at.
const ALL: u32 = 16;

/// Checks that a codec is one: that there can be such codes.
fn sound(codec: &dyn Codec) -> Result<(), String> {
    let (bits, (min, max)) = (codec.bits(), codec.ends());
    if !(1..=32).contains(&bits) {
        return Err(format!("a code takes from 1 to 32 bits, not {bits}"));
    }
    if !(min.is_finite() && max.is_finite() && min <= max) {
        return Err(format!("the ends are finite and in ascending order, not {min} and {max}"));
    }
    if codec.kind() == CodeKind::Float {
        return Ok(());
    }
    if min.fract() != 0.0 || max.fract() != 0.0 {
        return Err(format!("the ends of integer codes are whole, not {min} and {max}"));
    }
    let (codes, room) = (max - min + 1.0, (1_u64 << bits) as f64);
    if codes <= room {
        Ok(())
    } else {
        Err(format!("from {min} to {max} there are {codes} codes; {bits} bits hold {room}"))
    }
}

/// Returns what bit patterns are unpacked as, where that is finite, in ascending order: all patterns, of more than 16 bits
/// random ones, each with the one beside it.
fn patterns(codec: &dyn Codec, random: &mut Random) -> Result<Vec<f64>> {
    let bits = codec.bits();
    let patterns: Vec<u64> = if bits <= ALL {
        (0..1 << bits).collect()
    } else {
        let (sign, all) = (1 << (bits - 1), (1 << bits) - 1);
        let some = (0..256).map(|_| random.bits() & all);
        some.chain([0, sign - 1, sign, all]).flat_map(|pattern| [pattern, pattern ^ 1]).collect()
    };
    // The first in the low bits; whichever way they are read, these are all.
    let mut bytes = Vec::new();
    for group in patterns.chunks((8 / bits as usize).max(1)) {
        let packed = group.iter().enumerate().fold(0, |packed, (k, &pattern)| packed | pattern << (k * bits as usize));
        bytes.extend_from_slice(&packed.to_le_bytes()[..(bits as usize).div_ceil(8)]);
    }
    let mut codes = codec.unpack(&bytes, patterns.len())?;
    codes.retain(|code| code.is_finite());
    codes.sort_unstable_by(f64::total_cmp);
    codes.dedup();
    Ok(codes)
}

/// Returns finite codes in ascending order: all of them, of more than 16 bits those of random numbers or patterns.
fn codes_of(codec: &dyn Codec, random: &mut Random) -> Result<Vec<f64>> {
    let (min, max) = codec.ends();
    if codec.kind() == CodeKind::Float {
        return patterns(codec, random);
    }
    if codec.bits() <= ALL {
        return Ok((min as i32..=max as i32).map(f64::from).collect());
    }
    // What an f32 holds.
    let numbers = (0..256).map(|_| f64::from((min + random.unit() * (max - min)) as f32).trunc());
    let mut codes: Vec<f64> = numbers.map(|code| code.clamp(min, max)).chain([min, -1.0, 0.0, 1.0]).collect();
    codes.retain(|&code| min <= code && code <= max);
    codes.sort_unstable_by(f64::total_cmp);
    Ok(codes)
}

/// Codes, by their ranks.
#[derive(Clone, Debug)]
struct Ranks(Vec<usize>);

impl Ranks {
    /// Returns one code after another, of many the first, those in the middle and the last, four times each, and lists of every
    /// length that fills bytes differently.
    fn corners(count: usize) -> Vec<Self> {
        const EACH: usize = 48;
        let middle = (count / 2).saturating_sub(EACH / 2)..count.min(count / 2 + EACH / 2);
        let ranks: Vec<usize> = if count <= 256 {
            (0..count).collect()
        } else {
            (0..EACH).chain(middle).chain(count - EACH..count).collect()
        };
        let four_times: Vec<usize> = ranks.iter().flat_map(|&rank| [rank; 4]).collect();
        let lists = four_times.chunks(32).map(|ranks| Self(ranks.to_vec()));
        // Neighbours differ, and so do the places of a byte.
        let lengths = (1..=17).map(|n| Self((0..n).map(|i| ranks[(i * 7 + n) % ranks.len()]).collect()));
        lists.chain(lengths).collect()
    }

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
    sound(codec).map_err(Breach)?;
    let all = codes_of(codec, &mut Random::new(trials.seed)).map_err(|error| Breach(error.to_string()))?;
    if all.is_empty() {
        return Err(Breach("there are no codes".into()));
    }
    trials.run(&Ranks::corners(all.len()), &Ranks::make, &|case: &Ranks| {
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
    sound(codec).map_err(Breach)?;
    // One case, so that a panic is a breach.
    trials.at_most(1).run(&[], &|_| Ranks(vec![0]), &|_: &Ranks| {
        let (min, max) = codec.ends();
        for end in [min, max] {
            let (packed, again) = (codec.pack(&[end]), codec.encode(codec.decode(end)));
            let unpacked = codec.unpack(&packed, 1).map_err(|error| format!("{end} as {packed:02x?}: {error}"))?;
            if again != end || unpacked != [end] {
                let what = format!("{end} is an end, but is encoded as {again}");
                return Err(format!("{what}, and unpacked as {unpacked:?} from {packed:02x?}"));
            }
        }
        let found = match patterns(codec, &mut Random::new(trials.seed)) {
            Ok(found) => found,
            // Bits that are none of its codes may be refused.
            Err(_) if codec.kind() == CodeKind::Integer => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let (Some(&first), Some(&last)) = (found.first(), found.last()) else {
            return Err("there are no codes".into());
        };
        // Of more than 16 bits, not all are looked at.
        let inside = codec.bits() > ALL && min <= first && last <= max;
        if (first, last) == (min, max) || inside {
            return Ok(());
        }
        Err(format!("the codes go from {first} to {last}, the ends are {min} and {max}"))
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
        // Of floating codes that are not all known, there may be one that is nearer.
        let nearer = codec.bits() > ALL && (code - clamped).abs() <= (want - clamped).abs();
        if code == want || (!integer && (beyond || nearer)) {
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
        let want = if bits < 8 { codes.len().div_ceil(8 / bits) } else { codes.len() * bits.div_ceil(8) };
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
    each(codec, trials, &|_, codes| {
        let (each, per_byte) = (bits.div_ceil(8), (8 / bits).max(1));
        // What the highest byte of a code has beside it is filled with its sign, or with zeros.
        let mask = if bits.is_multiple_of(8) { u8::MAX } else { (1 << (bits % 8)) - 1 };
        let alone = |code: f64| {
            let mut bytes = match codec.kind() {
                // Two's complement.
                CodeKind::Integer => (code as i64).to_le_bytes()[..each].to_vec(),
                CodeKind::Float => codec.pack(&[code]),
            };
            if let Some(last) = bytes.last_mut() {
                *last &= mask;
            }
            bytes
        };
        let mut want: Vec<u8> = Vec::new();
        for (i, &code) in codes.iter().enumerate() {
            let (place, bytes) = (i % per_byte, alone(code));
            match want.last_mut() {
                Some(byte) if place > 0 => *byte |= bytes.first().copied().unwrap_or(0) << (place * bits),
                _ => want.extend(bytes),
            }
        }
        if bits > 8 && codec.kind() == CodeKind::Float {
            ascending(codec, codes)?;
        }
        let mut bytes = codec.pack(codes);
        if bits > 8 {
            bytes.chunks_exact_mut(each).for_each(|code| code[each - 1] &= mask);
        }
        if bytes == want { Ok(()) } else { Err(format!("{codes:?} is packed as {bytes:02x?}, not {want:02x?}")) }
    })
}

/// Checks that the bytes of positive floating codes, taken as little-endian numbers, are in the order of the codes: their
/// exponent stands above their mantissa.
fn ascending(codec: &dyn Codec, codes: &[f64]) -> Result<(), String> {
    let mut codes: Vec<f64> = codes.iter().map(|code| code.abs()).collect();
    codes.sort_unstable_by(f64::total_cmp);
    let number =
        |code: f64| codec.pack(&[code]).iter().rev().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    match codes.windows(2).find(|pair| pair[0] < pair[1] && number(pair[0]) >= number(pair[1])) {
        None => Ok(()),
        Some(pair) => Err(format!(
            "{} is packed as {:02x?} and {} as {:02x?}, of which the last byte is not the highest",
            pair[0],
            codec.pack(&pair[..1]),
            pair[1],
            codec.pack(&pair[1..])
        )),
    }
}
