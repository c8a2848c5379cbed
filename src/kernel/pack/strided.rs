//! Codes of a block that share a byte if they are a stride apart.
//!
//! 1. Each part of a block is a vector of bytes, shifted and masked. ggml's blocks of 32 nibbles go four at a time.
//! 2. Blocks whose stride is no multiple of 16 take a loop over bytes.
//! 3. Of a block that is not whole, codes with the same place in their bytes are a run.

use crate::num::Packing;
use fearless_simd::prelude::*;
use fearless_simd::{i8x16, i8x32, i8x64, u8x16, u8x64};

/// Codes of ggml's blocks that are done at a time: four blocks.
const CODES: usize = 128;
/// Bytes that are done at a time.
const LANES: usize = 16;

/// Writes codes of a block that is not whole: those with the same place in their bytes, one after another, are a run.
#[inline(always)]
pub(super) fn put_runs<S: Simd>(
    _simd: S,
    mut codes: &[i8],
    packing: Packing,
    mut number: usize,
    stride: usize,
    bytes: &mut [u8],
) {
    while !codes.is_empty() {
        let (run, later) = codes.split_at(codes.len().min(stride - number % stride));
        let (byte, below) = packing.place(number);
        let mask = (0xff_u8 >> (8 - packing.bits())) << below;
        for (byte, &code) in bytes[byte..].iter_mut().zip(run) {
            *byte = *byte & !mask | (code as u8) << below & mask;
        }
        (number, codes) = (number + run.len(), later);
    }
}

/// Writes what codes of a block are that is not whole.
#[inline(always)]
pub(super) fn get_runs<S: Simd>(
    _simd: S,
    bytes: &[u8],
    packing: Packing,
    sign: u8,
    mut number: usize,
    stride: usize,
    mut codes: &mut [i8],
) {
    while !codes.is_empty() {
        let len = codes.len().min(stride - number % stride);
        let (run, later) = codes.split_at_mut(len);
        let (byte, below) = packing.place(number);
        let mask = 0xff_u8 >> (8 - packing.bits());
        for (code, &byte) in run.iter_mut().zip(&bytes[byte..]) {
            *code = (byte >> below & mask ^ sign).wrapping_sub(sign) as i8;
        }
        (number, codes) = (number + len, later);
    }
}

/// Writes whole blocks.
#[inline(always)]
pub(super) fn join_strided<S: Simd>(simd: S, codes: &[i8], bits: u32, stride: usize, bytes: &mut [u8]) {
    match bits {
        4 if stride == LANES => join_ggml(simd, codes, bytes),
        4 => join_blocks_strided::<S, 4>(simd, codes, stride, bytes),
        2 => join_blocks_strided::<S, 2>(simd, codes, stride, bytes),
        _ => join_blocks_strided::<S, 1>(simd, codes, stride, bytes),
    }
}

#[inline(always)]
fn join_blocks_strided<S: Simd, const BITS: u32>(simd: S, codes: &[i8], stride: usize, bytes: &mut [u8]) {
    let per_byte = 8 / BITS as usize;
    let mask = 0xff_u8 >> (8 - BITS);
    for (codes, bytes) in codes.chunks_exact(stride * per_byte).zip(bytes.chunks_exact_mut(stride)) {
        let vectors = if stride.is_multiple_of(LANES) { stride } else { 0 };
        for j in (0..vectors).step_by(LANES) {
            let mut joined = u8x16::splat(simd, 0);
            for part in 0..per_byte {
                let code: u8x16<S> = i8x16::from_slice(simd, &codes[part * stride + j..][..LANES]).bitcast();
                joined |= (code & mask) << (part as u32 * BITS);
            }
            joined.store_slice(&mut bytes[j..j + LANES]);
        }
        for (j, byte) in bytes.iter_mut().enumerate().skip(vectors) {
            *byte = 0;
            for part in 0..per_byte {
                *byte |= (codes[part * stride + j] as u8 & mask) << (part as u32 * BITS);
            }
        }
    }
}

/// Writes whole blocks of 32 nibbles, four at a time where there are as many.
#[inline(always)]
fn join_ggml<S: Simd>(simd: S, codes: &[i8], bytes: &mut [u8]) {
    let four = codes.len() / CODES;
    for (codes, bytes) in codes.chunks_exact(CODES).zip(bytes.chunks_exact_mut(CODES / 2)) {
        let (low_0, high_0) = i8x32::from_slice(simd, &codes[..32]).split();
        let (low_1, high_1) = i8x32::from_slice(simd, &codes[32..64]).split();
        let (low_2, high_2) = i8x32::from_slice(simd, &codes[64..96]).split();
        let (low_3, high_3) = i8x32::from_slice(simd, &codes[96..]).split();
        let low: u8x64<S> = low_0.combine(low_1).combine(low_2.combine(low_3)).bitcast();
        let high: u8x64<S> = high_0.combine(high_1).combine(high_2.combine(high_3)).bitcast();
        ((low & 0x0f) | (high << 4)).store_slice(bytes);
    }
    join_blocks_strided::<S, 4>(simd, &codes[CODES * four..], LANES, &mut bytes[CODES / 2 * four..]);
}

/// Writes what whole blocks are.
#[inline(always)]
pub(super) fn part_strided<S: Simd>(simd: S, bytes: &[u8], bits: u32, sign: u8, stride: usize, codes: &mut [i8]) {
    match bits {
        4 if stride == LANES => part_ggml(simd, bytes, sign, codes),
        4 => part_blocks_strided::<S, 4>(simd, bytes, sign, stride, codes),
        2 => part_blocks_strided::<S, 2>(simd, bytes, sign, stride, codes),
        _ => part_blocks_strided::<S, 1>(simd, bytes, sign, stride, codes),
    }
}

#[inline(always)]
fn part_blocks_strided<S: Simd, const BITS: u32>(simd: S, bytes: &[u8], sign: u8, stride: usize, codes: &mut [i8]) {
    let per_byte = 8 / BITS as usize;
    let mask = 0xff_u8 >> (8 - BITS);
    for (bytes, codes) in bytes.chunks_exact(stride).zip(codes.chunks_exact_mut(stride * per_byte)) {
        let vectors = if stride.is_multiple_of(LANES) { stride } else { 0 };
        for j in (0..vectors).step_by(LANES) {
            let byte = u8x16::from_slice(simd, &bytes[j..j + LANES]);
            for part in 0..per_byte {
                let code = ((byte >> (part as u32 * BITS)) & mask) ^ sign;
                let code: i8x16<S> = (code - sign).bitcast();
                code.store_slice(&mut codes[part * stride + j..][..LANES]);
            }
        }
        for (j, &byte) in bytes.iter().enumerate().skip(vectors) {
            for part in 0..per_byte {
                let code = byte >> (part as u32 * BITS) & mask;
                codes[part * stride + j] = (code ^ sign).wrapping_sub(sign) as i8;
            }
        }
    }
}

/// Writes what whole blocks of 32 nibbles are, four at a time where there are as many.
#[inline(always)]
fn part_ggml<S: Simd>(simd: S, bytes: &[u8], sign: u8, codes: &mut [i8]) {
    let four = codes.len() / CODES;
    for (bytes, codes) in bytes.chunks_exact(CODES / 2).zip(codes.chunks_exact_mut(CODES)) {
        let bytes = u8x64::from_slice(simd, bytes);
        let low: i8x64<S> = (((bytes & 0x0f) ^ sign) - sign).bitcast();
        let high: i8x64<S> = (((bytes >> 4) ^ sign) - sign).bitcast();
        let ((low_01, low_23), (high_01, high_23)) = (low.split(), high.split());
        let ((low_0, low_1), (low_2, low_3)) = (low_01.split(), low_23.split());
        let ((high_0, high_1), (high_2, high_3)) = (high_01.split(), high_23.split());
        low_0.combine(high_0).combine(low_1.combine(high_1)).store_slice(&mut codes[..64]);
        low_2.combine(high_2).combine(low_3.combine(high_3)).store_slice(&mut codes[64..]);
    }
    part_blocks_strided::<S, 4>(simd, &bytes[CODES / 2 * four..], sign, LANES, &mut codes[CODES * four..]);
}
