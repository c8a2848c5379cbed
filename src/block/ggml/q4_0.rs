//! Q4_0: `d · (q − 8)`, q in 0..16. A block of 32 is `d: f16 | 16 bytes of nibbles`, 4.5 bits a weight: [`signed_codes`](super::signed_codes)
//! of 4 bits.

use super::nibbles::Bits;
use super::signed_codes::{self, LEN};
use crate::block::layout::Layout;
use crate::block::one_scale::steps;
use crate::kernel::{self, Restore, Simd, Sixteen, Write, restore_blocks, write_blocks};

const BITS: Bits = Bits::Four;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 2, "an f16 scale and 32 nibbles");

pub(crate) const Q4_0: Layout = Layout {
    name: "q4_0",
    len: LEN,
    bytes: BYTES,
    id: Some(2),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        signed_codes::sixteen(v, BITS, x, out)
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        signed_codes::block(BITS, x, out);
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        signed_codes::restore(v, BITS, block, out);
    }
}

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    match importance {
        Some(importance) => signed_codes::weighted(&Q4_0, BITS, x, importance, out),
        None => write_blocks::<Block, LEN, BYTES>(kernel::detect(), x, out),
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    restore_blocks::<Block, BYTES, LEN>(kernel::detect(), bytes, out);
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    signed_codes::best(&Q4_0, BITS, &const { steps::<16>(-8) }, x, importance, out);
}
