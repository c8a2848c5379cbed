//! Q8_1: `d · q`, with the sum of the restored block beside it, for products with codes that have a smallest value.
//!
//! A block of 32 is `d: f16 | d · Σq: f16 | 32 codes: i8`, 9 bits a weight; codes as of Q8_0. It is a format of activations: no file
//! holds it.

use super::half::to_half;
use super::scalar::{half_away, largest_magnitude, reciprocal};
use super::scales::Scales;
use crate::block::layout::Layout;
use crate::kernel::{LANES, Restore, Simd, Sixteen, Write};

const LEN: usize = 32;
const QS: usize = 2 * size_of::<[u8; 2]>();
const BYTES: usize = 36;
const _: () = assert!(BYTES == QS + size_of::<[i8; LEN]>(), "two f16 and 32 codes");

pub(crate) const Q8_1: Layout = Layout::written::<Block, BYTES, LEN>("q8_1", Some(9));

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let Some(scales) = Scales::of_bytes(v, x) else { return false };
        let mut sums = [0.0; LANES];
        for (k, (x, out)) in x.iter().zip(&mut *out).enumerate() {
            out[..2].copy_from_slice(&scales.halves[k].to_le_bytes());
            sums[k] = scales.codes(v, k, x, &mut out[QS..]) as f32;
        }
        let sums = v.halves(v.load(&sums) * scales.d);
        for (sum, out) in sums.iter().zip(out) {
            out[2..QS].copy_from_slice(&sum.to_le_bytes());
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let d = largest_magnitude(x) / 127.0;
        let inverse = reciprocal(d);
        let mut sum = 0;
        for (code, x) in out[4..].iter_mut().zip(x) {
            let q = half_away(x * inverse);
            *code = q as u8;
            sum += i32::from(q);
        }
        out[..2].copy_from_slice(&to_half(d));
        out[2..4].copy_from_slice(&to_half(sum as f32 * d));
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.all_half(block, 0);
        for (out, codes) in out.as_chunks_mut().0.iter_mut().zip(block[QS..].as_chunks().0) {
            v.store(v.reals(v.of_i8(codes)) * d, out);
        }
    }
}
