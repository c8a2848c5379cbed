//! Codes of 1, 2 and 4 bits, one in a byte, to bytes that they share, and back.
//!
//! ```text
//! byte[place.0] = … | (code & mask) ≪ place.1 | …          code = (byte[place.0] ≫ place.1) & mask, its sign extended
//! ```
//!
//! where [`place`](Packing::place) says in which byte a code stands, and which bits of it are its own.
//!
//! 1. Neighbours are parted and joined by halves: [`neighbours`].
//! 2. Codes a stride apart are vectors of bytes as they are: [`strided`].
//! 3. A sign is extended by (code ⊕ s) − s, with s the sign's bit, or 0 for codes without a sign: one loop for both.
//! 4. What is less than 128 neighbours is done in a block that is filled up. A first code that does not begin a byte, or a block,
//!    is joined to what the byte holds already.

mod neighbours;
mod strided;

use super::level::dispatch;
use crate::num::{PackOrder, Packing};
use fearless_simd::Level;
use neighbours::{join, part};
use strided::{get_runs, join_strided, part_strided, put_runs};

/// What the bits of a byte become that are above those of the code in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HighBits {
    /// 0: the code is a number without a sign, or a small float.
    Zeros,
    /// The code's highest bit: it is a number in two's complement.
    Sign,
}

/// Writes codes, one in a byte, to the bytes that they share: `codes[i]` as the one with the number `first + i` in `bytes`.
///
/// Only the low bits of each of `codes` count. Codes before `first` and, in blocks, after the last keep their bits, so that codes
/// may be written piece by piece, in order; the bits after the last of neighbours, in its byte, become 0. No codes write nothing.
///
/// # Panics
///
/// If `bytes` ends before the last code, or before the block that it is in.
///
/// # Examples
///
/// ```
/// use tensor_quant::{kernel, num::{PackOrder, Packing}};
/// let nibbles = Packing::new(4, PackOrder::Neighbours)?;
/// let mut bytes = [0; 2];
/// kernel::pack(kernel::detect(), &[1, -1, 7], nibbles, 0, &mut bytes);
/// assert_eq!(bytes, [0xf1, 0x07]);
/// kernel::pack(kernel::detect(), &[-8], nibbles, 3, &mut bytes);
/// assert_eq!(bytes, [0xf1, 0x87]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn pack(level: Level, codes: &[i8], packing: Packing, first: usize, bytes: &mut [u8]) {
    if codes.is_empty() {
        return;
    }
    check(codes.len(), packing, first, bytes.len());
    let (bits, per_byte) = (packing.bits(), packing.per_byte());
    let (begun, codes) = codes.split_at(packing.start_of_whole(codes.len(), first));
    let whole_from = first + begun.len();
    match packing.order() {
        PackOrder::Neighbours => {
            for (i, &code) in begun.iter().enumerate() {
                put(code, packing, first + i, bytes);
            }
            // Where all of them stand in the byte that others began; otherwise `whole_from` begins one.
            for number in whole_from..whole_from.next_multiple_of(per_byte) {
                put(0, packing, number, bytes);
            }
            let bytes = &mut bytes[whole_from.div_ceil(per_byte)..];
            dispatch!(level, simd => join(simd, codes, bits, bytes));
        }
        PackOrder::Strided { block } => {
            let stride = block / per_byte;
            let (whole, rest) = codes.split_at(codes.len() / block * block);
            put_rest(level, begun, packing, first, stride, bytes);
            let rest_from = whole_from + whole.len();
            let bytes_of_whole = &mut bytes[whole_from / per_byte..rest_from / per_byte];
            dispatch!(level, simd => join_strided(simd, whole, bits, stride, bytes_of_whole));
            put_rest(level, rest, packing, rest_from, stride, bytes);
        }
    }
}

/// Writes codes to `codes`, one in a byte: `codes[i]` is the one with the number `first + i` in `bytes`.
///
/// # Panics
///
/// If `bytes` ends before the last code, or before the block that it is in.
///
/// # Examples
///
/// ```
/// use tensor_quant::{kernel::{self, HighBits}, num::{PackOrder, Packing}};
/// let nibbles = Packing::new(4, PackOrder::Neighbours)?;
/// let mut codes = [0; 3];
/// kernel::unpack(kernel::detect(), &[0xf1, 0x87], nibbles, HighBits::Sign, 1, &mut codes);
/// assert_eq!(codes, [-1, 7, -8]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn unpack(level: Level, bytes: &[u8], packing: Packing, high: HighBits, first: usize, codes: &mut [i8]) {
    if codes.is_empty() {
        return;
    }
    check(codes.len(), packing, first, bytes.len());
    let (bits, per_byte, sign) = (packing.bits(), packing.per_byte(), high.sign_of(packing));
    let (begun, codes) = codes.split_at_mut(packing.start_of_whole(codes.len(), first));
    let whole_from = first + begun.len();
    match packing.order() {
        PackOrder::Neighbours => {
            for (i, code) in begun.iter_mut().enumerate() {
                *code = get(bytes, packing, sign, first + i);
            }
            let bytes = &bytes[whole_from.div_ceil(per_byte)..][..codes.len().div_ceil(per_byte)];
            dispatch!(level, simd => part(simd, bytes, bits, sign, codes));
        }
        PackOrder::Strided { block } => {
            let stride = block / per_byte;
            let (whole, rest) = codes.split_at_mut(codes.len() / block * block);
            get_rest(level, bytes, packing, sign, first, stride, begun);
            let rest_from = whole_from + whole.len();
            let bytes_of_whole = &bytes[whole_from / per_byte..rest_from / per_byte];
            dispatch!(level, simd => part_strided(simd, bytes_of_whole, bits, sign, stride, whole));
            get_rest(level, bytes, packing, sign, rest_from, stride, rest);
        }
    }
}

/// Writes what is no whole block.
fn put_rest(level: Level, codes: &[i8], packing: Packing, first: usize, stride: usize, bytes: &mut [u8]) {
    dispatch!(level, simd => put_runs(simd, codes, packing, first, stride, bytes));
}

/// Reads what is no whole block.
fn get_rest(level: Level, bytes: &[u8], packing: Packing, sign: u8, first: usize, stride: usize, codes: &mut [i8]) {
    dispatch!(level, simd => get_runs(simd, bytes, packing, sign, first, stride, codes));
}

fn check(codes: usize, packing: Packing, first: usize, bytes: usize) {
    let end = first.saturating_add(codes);
    let unit = match packing.order() {
        PackOrder::Neighbours => packing.per_byte(),
        PackOrder::Strided { block } => block,
    };
    let needed = end.div_ceil(unit).saturating_mul(unit / packing.per_byte());
    assert!(needed <= bytes, "packed bytes: codes up to {end} take {needed}, got {bytes}");
}

impl Packing {
    /// Returns how many of `count` codes stand before the next that begins a byte, or a block.
    fn start_of_whole(self, count: usize, first: usize) -> usize {
        let unit = match self.order() {
            PackOrder::Neighbours => self.per_byte(),
            PackOrder::Strided { block } => block,
        };
        let within = first % unit;
        if within == 0 { 0 } else { count.min(unit - within) }
    }
}

impl HighBits {
    /// Returns the bit of the sign, or 0 if there is none.
    fn sign_of(self, packing: Packing) -> u8 {
        match self {
            HighBits::Zeros => 0,
            HighBits::Sign => 1 << (packing.bits() - 1),
        }
    }
}

/// Writes one code, wherever it stands.
#[inline(always)]
fn put(code: i8, packing: Packing, number: usize, bytes: &mut [u8]) {
    let (byte, below) = packing.place(number);
    let mask = (0xff_u8 >> (8 - packing.bits())) << below;
    bytes[byte] = bytes[byte] & !mask | (code as u8) << below & mask;
}

/// Returns one code, wherever it stands.
#[inline(always)]
fn get(bytes: &[u8], packing: Packing, sign: u8, number: usize) -> i8 {
    let (byte, below) = packing.place(number);
    let code = bytes[byte] >> below & (0xff >> (8 - packing.bits()));
    (code ^ sign).wrapping_sub(sign) as i8
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;

    const ORDERS: [PackOrder; 7] = [
        PackOrder::Neighbours,
        PackOrder::Strided { block: 8 },
        PackOrder::Strided { block: 24 },
        PackOrder::Strided { block: 32 },
        PackOrder::Strided { block: 64 },
        PackOrder::Strided { block: 128 },
        PackOrder::Strided { block: 160 },
    ];

    /// Calls `check` with every packing, number of the first code, and number of codes, and the bytes that hold them.
    fn for_each_part(mut check: impl FnMut(Packing, usize, usize, usize)) {
        for order in ORDERS {
            for bits in [1, 2, 4] {
                let packing = Packing::new(bits, order).unwrap();
                for first in [0, 1, 2, 7, 8, 32, 33, 160] {
                    for len in 0..=259 {
                        let unit = if let PackOrder::Strided { block } = order { block } else { 8 };
                        check(packing, first, len, (first + len).next_multiple_of(unit) / packing.per_byte());
                    }
                }
            }
        }
    }

    fn noise(len: usize, seed: usize) -> Vec<u8> {
        (0..len).map(|i| ((i + seed).wrapping_mul(0x9e37_79b9) >> 13) as u8).collect()
    }

    #[test]
    fn every_level_packs_each_code_to_its_place_and_keeps_those_before() {
        for_each_part(|packing, first, len, bytes| {
            let codes: Vec<i8> = noise(len, first).into_iter().map(|code| code as i8).collect();
            let before = noise(bytes, len);
            let mut want = before.clone();
            let whole_byte = if packing.order() == PackOrder::Neighbours && len > 0 { packing.per_byte() } else { 1 };
            for number in first..(first + len).next_multiple_of(whole_byte) {
                put(codes.get(number - first).copied().unwrap_or(0), packing, number, &mut want);
            }
            for level in levels() {
                let mut got = before.clone();
                pack(level, &codes, packing, first, &mut got);
                assert_eq!(got, want, "{packing:?}: {len} from {first} at {level:?}");
            }
        });
    }

    #[test]
    fn every_level_unpacks_each_code_from_its_place() {
        for_each_part(|packing, first, len, bytes| {
            let bytes = noise(bytes, len);
            for high in [HighBits::Zeros, HighBits::Sign] {
                let sign = high.sign_of(packing);
                let want: Vec<i8> = (first..first + len).map(|number| get(&bytes, packing, sign, number)).collect();
                for level in levels() {
                    let mut got = vec![0x55; len];
                    unpack(level, &bytes, packing, high, first, &mut got);
                    assert_eq!(got, want, "{packing:?}, {high:?}: {len} from {first} at {level:?}");
                }
            }
        });
    }

    #[test]
    fn what_is_packed_in_pieces_is_what_is_packed_at_once() {
        let codes: Vec<i8> = noise(1920, 3).into_iter().map(|code| code as i8).collect();
        for order in ORDERS {
            for bits in [1, 2, 4] {
                let packing = Packing::new(bits, order).unwrap();
                let mut want = vec![0; 1920 / packing.per_byte()];
                pack(crate::kernel::detect(), &codes, packing, 0, &mut want);
                for piece in [1, 3, 37, 200, 1024] {
                    let mut got = vec![0xff; want.len()];
                    for (i, codes) in codes.chunks(piece).enumerate() {
                        pack(crate::kernel::detect(), codes, packing, i * piece, &mut got);
                    }
                    assert_eq!(got, want, "{packing:?} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "packed bytes: codes up to 33 take 32, got 31")]
    fn too_few_bytes_are_named() {
        let packing = Packing::new(4, PackOrder::Strided { block: 32 }).unwrap();
        unpack(crate::kernel::detect(), &[0; 31], packing, HighBits::Sign, 1, &mut [0; 32]);
    }
}
