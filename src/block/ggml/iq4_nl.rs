//! IQ4_NL: `d · v[q]`, v sixteen unevenly spaced values. A block of 32 is `d: f16 | 16 bytes of nibbles`, 4.5 bits a weight.
//!
//! Files hold the d of least error among fifteen, an error counting x² or importance · √(2 · mean square + x²) times its square; ggml's
//! `_ref` function does not search.

use super::half::to_half;
use super::nibbles::{Bits, get, pack};
use super::scalar::{reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{self, Restore, Simd, Sixteen, TableSearch, Weights, table_codes, table_search};

const LEN: usize = 32;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 2, "an f16 scale and 32 nibbles");

/// The values of IQ4_NL and IQ4_XS.
pub(crate) const VALUES: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Returns the values as reals.
pub(super) const fn levels() -> [f32; 16] {
    let mut levels = [0.0; 16];
    let mut i = 0;
    while i < 16 {
        levels[i] = VALUES[i] as f32;
        i += 1;
    }
    levels
}

pub(crate) const IQ4_NL: Layout = Layout {
    quantize: Some(quantize),
    best: Some(best_row::<Block>),
    ..Layout::read::<Block, BYTES, LEN>("iq4_nl", Some(20))
};

struct Block;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    search(x, importance, 7, out);
}

/// Writes the IQ4_NL blocks of ggml's `quantize_row_iq4_nl_ref`, which tries one scale only: the largest magnitude becomes −127.
///
/// Files hold what [`BlockType::IQ4_NL`](crate::block::BlockType) gives; `x` is whole blocks of 32, `out` as many of 18 bytes.
pub fn iq4_nl_without_search(x: &[f32], out: &mut [u8]) {
    search(x, None, -1, out);
}

fn search(x: &[f32], importance: Option<&[f32]>, tries: i32, out: &mut [u8]) {
    let table = TableSearch { values: &VALUES, tries };
    let (mut codes, mut scales) = ([0; 16 * LEN], [0.0; 16]);
    for (i, (x, out)) in x.chunks(16 * LEN).zip(out.as_chunks_mut::<BYTES>().0.chunks_mut(16)).enumerate() {
        let (codes, scales) = (&mut codes[..x.len()], &mut scales[..out.len()]);
        let mut variances = [0.0; 16];
        let weights = match importance {
            Some(w) => {
                for (variance, x) in variances.iter_mut().zip(x.as_chunks::<LEN>().0) {
                    *variance = sum_of_squares(x) * (2.0 / LEN as f32);
                }
                let start = i * 16 * LEN;
                Weights::Spread(&w[start..start + x.len()], &variances[..out.len()])
            }
            None => Weights::Squares,
        };
        table_search(kernel::detect(), x, weights, table, codes, scales);
        if tries > 0 {
            let mut inverses = [0.0; 16];
            for (inverse, scale) in inverses.iter_mut().zip(scales.iter()) {
                *inverse = reciprocal(*scale);
            }
            table_codes(kernel::detect(), x, &inverses[..out.len()], &VALUES, codes);
        }
        for ((out, codes), d) in out.iter_mut().zip(codes.as_chunks::<LEN>().0).zip(scales) {
            out[..2].copy_from_slice(&to_half(*d));
            pack(Bits::Four, codes, &mut out[2..]);
        }
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let values = v.load(&const { levels() }) * v.all_half(block, 0);
        for (out, places) in out.as_chunks_mut().0.iter_mut().zip(get(v, Bits::Four, &block[2..])) {
            v.store(v.lookup(values, places), out);
        }
    }
}

impl OfOneScale for Block {
    const LAYOUT: Layout = IQ4_NL;
    const ONE: OneScale<'static> = OneScale { levels: &const { levels() }, grid: Some(ScaleGrid::F16), signed: true };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        out[..2].copy_from_slice(&to_half(d));
        pack(Bits::Four, places, &mut out[2..]);
    }
}
