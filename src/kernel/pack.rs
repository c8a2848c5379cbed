//! Temporary.

use crate::num::CodeType;
use fearless_simd::Level;

pub(super) fn pack(_level: Level, codes: &[i8], bits: u32, first: usize, bytes: &mut [u8]) {
    let per_byte = 8 / bits as usize;
    for (i, &code) in codes.iter().enumerate() {
        let (byte, place) = ((first + i) / per_byte, (first + i) % per_byte * bits as usize);
        let mask = ((1_u32 << bits) - 1) as u8;
        bytes[byte] = (bytes[byte] & ((1_u32 << place) - 1) as u8) | ((code as u8 & mask) << place);
    }
}

pub(super) fn unpack(_level: Level, bytes: &[u8], code: CodeType, first: usize, codes: &mut [i8]) {
    let (bits, per_byte) = (code.bits(), 8 / code.bits() as usize);
    for (i, code_out) in codes.iter_mut().enumerate() {
        let (byte, place) = ((first + i) / per_byte, (first + i) % per_byte * bits as usize);
        let bits_of = (bytes[byte] >> place) << (8 - bits);
        *code_out = if code.is_integer() && code.min() < 0.0 {
            (bits_of as i8) >> (8 - bits)
        } else {
            (bits_of >> (8 - bits)) as i8
        };
    }
}
