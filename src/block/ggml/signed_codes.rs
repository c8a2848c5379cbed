//! Q4_0 and Q5_0: `d · (q − limit)`, a scale and codes of 4 or 5 bits ([`nibbles`](super::nibbles)); limit is 8 or 16.
//!
//! A block of 32 is `d: f16 | 16 bytes of nibbles`, 4.5 bits a weight, or `d: f16 | fifth bits: u32 | 16 bytes of nibbles`, 5.5.
//!
//! Without importance d is the element of largest magnitude divided by −limit, and nothing is searched; with importance it is
//! searched ([`signed_search`]), an element's error counting its importance times √(mean square of the row + x²).

use super::half::to_half;
use super::nibbles::{Bits, get, pack, put};
use super::scalar::{floor_code, largest, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row, steps};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{self, Restore, Signed, SignedOut, Simd, Sixteen, Weights, Write, signed_search, write_blocks};

/// Elements of a block.
const LEN: usize = 32;
/// Bytes of the scale.
const QS: usize = size_of::<[u8; 2]>();

/// Writes up to sixteen blocks without importance; returns whether it could.
#[inline(always)]
fn sixteen<S: Simd, const BYTES: usize>(v: Sixteen<S>, bits: Bits, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
    if !v.are_usual(v.magnitudes(x)) {
        return false;
    }
    let (max, min) = v.ends(x);
    let (mut largest, mut equal) = v.farther(max, min);
    if equal != 0 {
        // Of two equal magnitudes the first.
        let mut each = <[f32; 16]>::from(largest);
        for (largest, x) in each.iter_mut().zip(x) {
            if equal & 1 == 1 {
                *largest = x.iter().copied().find(|x| x.abs() == *largest).unwrap_or(*largest);
            }
            equal >>= 1;
        }
        largest = v.load(&each);
    }
    let limit = bits.limit();
    let d = largest / v.all(-limit);
    let (halves, inverses) = (v.halves(d), <[f32; 16]>::from(v.reciprocals(d)));
    let (above, last) = (v.all(limit + 0.5), v.whole(2 * limit as i32 - 1));
    for (k, (x, out)) in x.iter().zip(out).enumerate() {
        let ([low, high], _) = x.as_chunks() else { continue };
        let inverse = v.all(inverses[k]);
        let low = v.at_most(v.truncated(v.load(low) * inverse + above), last);
        let high = v.at_most(v.truncated(v.load(high) * inverse + above), last);
        out[..QS].copy_from_slice(&halves[k].to_le_bytes());
        put(v, bits, [low, high], &mut out[QS..]);
    }
    true
}

/// Writes a block without importance.
fn block(bits: Bits, x: &[f32; LEN], out: &mut [u8]) {
    let d = largest(x) / -bits.limit();
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = floor_code(x * inverse + (bits.limit() + 0.5), 2.0 * bits.limit() - 1.0);
    }
    write(bits, d, &codes, out);
}

fn write(bits: Bits, d: f32, codes: &[u8], out: &mut [u8]) {
    out[..QS].copy_from_slice(&to_half(d));
    pack(bits, codes, &mut out[QS..]);
}

/// Writes a row with importance.
fn weighted(layout: &Layout, bits: Bits, x: &[f32], importance: &[f32], out: &mut [u8]) {
    let variances = [sum_of_squares(x) / x.len() as f32; 16];
    let (mut codes, mut scales) = ([0; 16 * LEN], [0.0; 16]);
    let tiles = x.chunks(16 * LEN).zip(importance.chunks(16 * LEN)).zip(out.chunks_mut(16 * layout.bytes));
    for ((x, importance), out) in tiles {
        let (n, blocks) = (x.len(), x.len() / LEN);
        let w = Weights::Spread(importance, &variances[..blocks]);
        let found = SignedOut { codes: &mut codes[..n], scales: &mut scales[..blocks], sums: &mut [] };
        signed_search(kernel::detect(), x, w, Signed { n: LEN, limit: bits.limit() as i32 }, found);
        for ((out, codes), d) in out.chunks_exact_mut(layout.bytes).zip(codes.as_chunks::<LEN>().0).zip(scales) {
            write(bits, d, codes, out);
        }
    }
}

/// Restores a block.
#[inline(always)]
fn restore<S: Simd>(v: Sixteen<S>, bits: Bits, block: &[u8], out: &mut [f32; LEN]) {
    let (d, limit) = (v.all_half(block, 0), v.all(bits.limit()));
    if Sixteen::<S>::LOOKS_UP && bits == Bits::Four {
        let list = v.load(&const { steps(-8) }) * d;
        let ([low, high], Some(bytes)) = (out.as_chunks_mut().0, block[QS..].first_chunk()) else { return };
        let both = v.of_u8(bytes);
        v.store(v.lookup(list, both), low);
        v.store(v.lookup(list, both >> 4), high);
        return;
    }
    for (out, q) in out.as_chunks_mut().0.iter_mut().zip(get(v, bits, &block[QS..])) {
        v.store((v.reals(q) - limit) * d, out);
    }
}

macro_rules! formats {
    ($($name:ident, $block:ident, $label:literal, $id:literal, $bits:expr, $levels:expr, $bytes:expr;)*) => {$(
        struct $block;

        impl Write<LEN, { $bytes }> for $block {
            #[inline(always)]
            fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; $bytes]]) -> bool {
                sixteen(v, $bits, x, out)
            }

            fn block(x: &[f32; LEN], out: &mut [u8; $bytes]) {
                block($bits, x, out);
            }
        }

        impl Restore<{ $bytes }, LEN> for $block {
            #[inline(always)]
            fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; $bytes], out: &mut [f32; LEN]) {
                restore(v, $bits, block, out);
            }
        }

        impl OfOneScale for $block {
            const LAYOUT: Layout = $name;
            const ONE: OneScale<'static> = OneScale { levels: $levels, grid: Some(ScaleGrid::F16), signed: true };

            fn write(d: f32, places: &[u8], out: &mut [u8]) {
                write($bits, d, places, out);
            }
        }

        pub(crate) const $name: Layout = Layout {
            quantize: Some(|x, importance, out| match importance {
                Some(importance) => weighted(&$name, $bits, x, importance, out),
                None => write_blocks::<$block, LEN, { $bytes }>(kernel::detect(), x, out),
            }),
            best: Some(best_row::<$block>),
            ..Layout::read::<$block, { $bytes }, LEN>($label, Some($id))
        };
    )*};
}

formats! {
    Q4_0, OfFour, "q4_0", 2, Bits::Four, &const { steps::<16>(-8) }, QS + LEN / 2;
    Q5_0, OfFive, "q5_0", 6, Bits::Five, &const { steps::<32>(-16) }, QS + size_of::<u32>() + LEN / 2;
}
const _: () = assert!(Q4_0.bytes == 18 && Q5_0.bytes == 22, "an f16 scale and 32 codes of 4 or 5 bits");
