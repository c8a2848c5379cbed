//! Q5_1: `d · q + m`, q in 0..32. A block of 32 is `d: f16 | m: f16 | fifth bits: u32 | 16 bytes of nibbles`, 6 bits a weight:
//! [`affine_codes`](super::affine_codes) of 5 bits.

use super::affine_codes::{self, LEN};
use super::nibbles::Bits;
use crate::block::layout::Layout;
use crate::kernel::{self, Restore, Simd, Sixteen, Write, restore_blocks, write_blocks};

const BITS: Bits = Bits::Five;
const BYTES: usize = 24;
const _: () = assert!(BYTES == 2 * size_of::<[u8; 2]>() + size_of::<u32>() + LEN / 2, "two f16 and 32 codes of 5 bits");

pub(crate) const Q5_1: Layout = Layout {
    name: "q5_1",
    len: LEN,
    bytes: BYTES,
    id: Some(7),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        affine_codes::sixteen(v, BITS, x, out)
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        affine_codes::block(BITS, x, out);
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        affine_codes::restore(v, BITS, block, out);
    }
}

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    match importance {
        Some(importance) => affine_codes::weighted(&Q5_1, BITS, x, importance, out),
        None => write_blocks::<Block, LEN, BYTES>(kernel::detect(), x, out),
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    restore_blocks::<Block, BYTES, LEN>(kernel::detect(), bytes, out);
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    affine_codes::best(&Q5_1, BITS, x, importance, out);
}
