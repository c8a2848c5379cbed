//! Codes of 4 and 5 bits as the blocks of 32 hold them: element j in the low nibble of byte j, element j + 16 in the high one; of 5 bits
//! the fifth ones before, that of element j as bit j.

use crate::kernel::{Ints, Simd, Sixteen};

/// The bits of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    Four,
    Five,
}

impl Bits {
    /// Returns half the number of codes.
    #[inline(always)]
    pub(super) const fn limit(self) -> f32 {
        match self {
            Self::Four => 8.0,
            Self::Five => 16.0,
        }
    }
}

/// Bytes of the fifth bits.
const FIFTH: usize = size_of::<u32>();

/// Writes 32 codes, as many of their low bits as there are.
pub(super) fn pack(bits: Bits, codes: &[u8], out: &mut [u8]) {
    let mut out = out;
    if bits == Bits::Five {
        let fifth = codes.iter().enumerate().fold(0_u32, |bits, (j, code)| bits | u32::from(code >> 4 & 1) << j);
        out[..FIFTH].copy_from_slice(&fifth.to_le_bytes());
        out = &mut out[FIFTH..];
    }
    for (j, out) in out[..16].iter_mut().enumerate() {
        *out = codes[j] & 15 | codes[j + 16] << 4;
    }
}

/// Writes 32 codes that have no more bits.
#[inline(always)]
pub(super) fn put<S: Simd>(v: Sixteen<S>, bits: Bits, [low, high]: [Ints<S>; 2], out: &mut [u8]) {
    match bits {
        Bits::Four => out[..16].copy_from_slice(&v.bytes(low | high << 4)),
        Bits::Five => {
            out[..2].copy_from_slice(&v.test(low, 16).to_le_bytes());
            out[2..FIFTH].copy_from_slice(&v.test(high, 16).to_le_bytes());
            out[FIFTH..FIFTH + 16].copy_from_slice(&v.bytes(low & v.whole(15) | high << 4));
        }
    }
}

/// Returns 32 codes.
#[inline(always)]
pub(super) fn get<S: Simd>(v: Sixteen<S>, bits: Bits, bytes: &[u8]) -> [Ints<S>; 2] {
    let at = if bits == Bits::Five { FIFTH } else { 0 };
    let Some(nibbles) = bytes[at..].first_chunk() else { return [v.whole(0); 2] };
    let both = v.of_u8(nibbles);
    let (low, high) = (both & v.whole(15), both >> 4);
    match bits {
        Bits::Four => [low, high],
        Bits::Five => {
            let fifth = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let or_sixteen = |bits: u16, code: Ints<S>| v.choose(bits, code | v.whole(16), code);
            [or_sixteen(fifth(0), low), or_sixteen(fifth(2), high)]
        }
    }
}

/// Returns 32 codes of 4 bits.
pub(super) fn unpack(bytes: &[u8]) -> [u8; 32] {
    let mut codes = [0; 32];
    for (j, byte) in bytes[..16].iter().enumerate() {
        codes[j] = byte & 15;
        codes[j + 16] = byte >> 4;
    }
    codes
}
