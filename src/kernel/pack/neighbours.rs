//! Codes that share a byte with their neighbours, the first in the low bits.
//!
//! 1. They are parted by halves: a byte of two nibbles becomes 16 bits, n | n ≪ 4, of which each byte keeps the low nibble; two
//!    bits are the same once more. Joining is the way back. 64 codes take half a dozen instructions.
//! 2. Single bits are masks of lanes, which every machine moves to and from an integer.

use fearless_simd::prelude::*;
use fearless_simd::{i8x64, mask8x64, u8x64, u16x32};

/// Codes that are done at a time: two vectors of bytes.
const CODES: usize = 128;

/// Writes neighbours; the first begins a byte.
#[inline(always)]
pub(super) fn join<S: Simd>(simd: S, codes: &[i8], bits: u32, bytes: &mut [u8]) {
    match bits {
        4 => join_blocks::<S, 4>(simd, codes, bytes),
        2 => join_blocks::<S, 2>(simd, codes, bytes),
        _ => join_blocks::<S, 1>(simd, codes, bytes),
    }
}

#[inline(always)]
fn join_blocks<S: Simd, const BITS: u32>(simd: S, codes: &[i8], bytes: &mut [u8]) {
    let per_block = CODES * BITS as usize / 8;
    let mut blocks = codes.chunks_exact(CODES);
    let mut places = bytes.chunks_exact_mut(per_block);
    for (codes, bytes) in blocks.by_ref().zip(places.by_ref()) {
        join_block::<S, BITS>(simd, codes, bytes);
    }
    let rest = blocks.remainder();
    if !rest.is_empty() {
        let (mut block, mut joined) = ([0; CODES], [0; CODES / 2]);
        block[..rest.len()].copy_from_slice(rest);
        join_block::<S, BITS>(simd, &block, &mut joined[..per_block]);
        let len = rest.len().div_ceil(8 / BITS as usize);
        // A block's worth of bytes may follow the last whole block, and is then not the remainder.
        let done = codes.len() / CODES * per_block;
        bytes[done..done + len].copy_from_slice(&joined[..len]);
    }
}

/// Writes 128 neighbours.
#[inline(always)]
fn join_block<S: Simd, const BITS: u32>(simd: S, codes: &[i8], bytes: &mut [u8]) {
    let (a, b) = (i8x64::from_slice(simd, &codes[..64]), i8x64::from_slice(simd, &codes[64..]));
    match BITS {
        4 => joined::<S, 4>(simd, a.bitcast(), b.bitcast()).store_slice(bytes),
        2 => {
            let nibbles = joined::<S, 2>(simd, a.bitcast(), b.bitcast());
            let joined: u8x64<S> = joined::<S, 4>(simd, nibbles.bitcast(), nibbles.bitcast());
            let joined: [u8; 64] = joined.into();
            bytes.copy_from_slice(&joined[..32]);
        }
        _ => {
            for (x, bytes) in [a, b].into_iter().zip(bytes.chunks_exact_mut(8)) {
                let is_set = (x & i8x64::splat(simd, 1)).simd_eq(i8x64::splat(simd, 1));
                bytes.copy_from_slice(&is_set.to_bitmask().to_le_bytes());
            }
        }
    }
}

/// Returns in one byte the low bits of each two.
#[inline(always)]
fn joined<S: Simd, const BITS: u32>(simd: S, a: u16x32<S>, b: u16x32<S>) -> u8x64<S> {
    let low = u16x32::splat(simd, 0xff >> (8 - BITS));
    let high = u16x32::splat(simd, (0xff >> (8 - BITS)) << BITS);
    let a = (a & low) | ((a >> (8 - BITS)) & high);
    let b = (b & low) | ((b >> (8 - BITS)) & high);
    a.relaxed_narrow(b)
}

/// Writes what neighbours are; the first begins a byte, and there are the bytes of so many codes.
#[inline(always)]
pub(super) fn part<S: Simd>(simd: S, bytes: &[u8], bits: u32, sign: u8, codes: &mut [i8]) {
    match bits {
        4 => part_blocks::<S, 4>(simd, bytes, sign, codes),
        2 => part_blocks::<S, 2>(simd, bytes, sign, codes),
        _ => part_blocks::<S, 1>(simd, bytes, sign, codes),
    }
}

#[inline(always)]
fn part_blocks<S: Simd, const BITS: u32>(simd: S, bytes: &[u8], sign: u8, codes: &mut [i8]) {
    let per_block = CODES * BITS as usize / 8;
    let whole = codes.len() / CODES;
    let (blocks, rest) = bytes.split_at(whole * per_block);
    for (bytes, codes) in blocks.chunks_exact(per_block).zip(codes.chunks_exact_mut(CODES)) {
        part_block::<S, BITS>(simd, bytes, sign, codes);
    }
    if !rest.is_empty() {
        let (mut block, mut parted) = ([0; CODES / 2], [0; CODES]);
        block[..rest.len()].copy_from_slice(rest);
        part_block::<S, BITS>(simd, &block[..per_block], sign, &mut parted);
        let codes = &mut codes[whole * CODES..];
        codes.copy_from_slice(&parted[..codes.len()]);
    }
}

/// Writes what 128 neighbours are.
#[inline(always)]
fn part_block<S: Simd, const BITS: u32>(simd: S, bytes: &[u8], sign: u8, codes: &mut [i8]) {
    let sign = u8x64::splat(simd, sign);
    let (a, b) = match BITS {
        4 => parted::<S, 4>(simd, u8x64::from_slice(simd, bytes)),
        2 => {
            let mut block = [0; 64];
            block[..32].copy_from_slice(bytes);
            let (nibbles, _) = parted::<S, 4>(simd, u8x64::from_slice(simd, &block));
            parted::<S, 2>(simd, nibbles)
        }
        _ => {
            let (a, b) = bytes.split_at(8);
            (bits_in_lanes(simd, a), bits_in_lanes(simd, b))
        }
    };
    let (a, b): (i8x64<S>, i8x64<S>) = (((a ^ sign) - sign).bitcast(), ((b ^ sign) - sign).bitcast());
    a.store_slice(&mut codes[..64]);
    b.store_slice(&mut codes[64..]);
}

/// Returns in two bytes the halves of what is in the low bits of one.
#[inline(always)]
fn parted<S: Simd, const BITS: u32>(simd: S, bytes: u8x64<S>) -> (u8x64<S>, u8x64<S>) {
    let mask = u16x32::splat(simd, 0x0101 * (0xff >> (8 - BITS)));
    let (a, b) = bytes.widen();
    let (a, b) = ((a | (a << (8 - BITS))) & mask, (b | (b << (8 - BITS))) & mask);
    (a.bitcast(), b.bitcast())
}

/// Returns 64 bits, one in a byte.
#[inline(always)]
fn bits_in_lanes<S: Simd>(simd: S, bytes: &[u8]) -> u8x64<S> {
    let mut bits = [0; 8];
    bits.copy_from_slice(bytes);
    mask8x64::from_bitmask(simd, u64::from_le_bytes(bits)).select(u8x64::splat(simd, 1), u8x64::splat(simd, 0))
}
