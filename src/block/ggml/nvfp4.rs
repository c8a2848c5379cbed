//! NVFP4: `s · v[q]`, v the E2M1 numbers, s an E4M3 number without a sign for each 16 elements.
//!
//! A block of 64 is `4 scales | 32 bytes of nibbles`, of each 16 elements byte j with element j low and j + 8 high; 4.5 bits a weight. s
//! is a sixth of the largest magnitude, halves up, and 448 from 248 on. There is no scale of the tensor here: weights whose largest magnitudes are below
//! 0.094 have subnormal scales. An importance changes nothing.

use super::fp4::{self, LEVELS, code_of_place, codes};
use super::scalar::{floor_code, largest_magnitude};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, Search};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{self, LANES, Restore, Simd, Sixteen, Write, restore_blocks, write_blocks};
use crate::num::F8E4M3Fn;

const LEN: usize = 64;
const PART: usize = 16;
const BYTES: usize = 36;
const QS: usize = LEN / PART;
const _: () = assert!(BYTES == QS + LEN / 2, "4 scales of a byte and 64 nibbles");

pub(crate) const NVFP4: Layout = Layout {
    name: "nvfp4",
    len: LEN,
    bytes: BYTES,
    id: Some(40),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

/// Returns the code of a scale, halves up; 448 for what is larger, 0 for NaN.
#[inline(always)]
fn scale_code(x: f32) -> u8 {
    let x = if x > 0.0 { x } else { 0.0 };
    let bits = (if x < 448.0 { x } else { 448.0 }).to_bits();
    let subnormal = floor_code(x * 512.0 + 0.5, 7.0);
    // The fraction carries into the exponent. From the exponent of 256 on there is 448 alone, as ggml has it.
    let code = (bits >> 20).wrapping_sub((127 - 7) << 3).wrapping_add(bits >> 19 & 1);
    let code = if code >= 15 << 3 { 0x7e } else { code as u8 };
    if bits < (127 - 6) << 23 { subnormal } else { code }
}

/// Half of each scale; 0 of the code that would be NaN. The highest bit does not count.
static HALF_SCALES: [f32; 256] = half_scales();

const fn half_scales() -> [f32; 256] {
    let mut halves = [0.0; 256];
    let mut code = 0;
    while code < 256 {
        let (exponent, fraction) = (code as u32 >> 3 & 15, (code & 7) as f32);
        let value = match exponent {
            0 => fraction / 512.0,
            _ => (1.0 + fraction / 8.0) * f32::from_bits((exponent + 120) << 23),
        };
        halves[code] = if code == 0x7f { 0.0 } else { value * 0.5 };
        code += 1;
    }
    halves
}

/// The middles between the doubled values, under half of each scale.
static MIDDLES: [[f32; 7]; 256] = middles();

const fn middles() -> [[f32; 7]; 256] {
    let mut middles = [[0.0; 7]; 256];
    let mut i = 0;
    while i < 256 * 7 {
        middles[i / 7][i % 7] = fp4::MIDDLES[i % 7] * HALF_SCALES[i / 7];
        i += 1;
    }
    middles
}

struct Block;

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    write_blocks::<Block, LEN, BYTES>(kernel::detect(), x, out);
}

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let (x, _) = x.as_flattened().as_chunks::<PART>();
        for (x, out) in x.chunks(LANES).zip(out.chunks_mut(LANES / QS)) {
            let bits = v.magnitudes(x);
            if !v.are_usual(bits) {
                return false;
            }
            let max = <[f32; LANES]>::from(v.of_bits(bits) / v.all(6.0));
            for (k, out) in out.iter_mut().enumerate() {
                let (scales, bytes) = out.split_at_mut(QS);
                for (i, (scale, bytes)) in scales.iter_mut().zip(bytes.as_chunks_mut::<8>().0).enumerate() {
                    *scale = scale_code(max[QS * k + i]);
                    let half = HALF_SCALES[usize::from(*scale)];
                    // Beyond it the differences of distances are lost.
                    if max[QS * k + i] > 0.0 && max[QS * k + i] >= half * 8192.0 {
                        return false;
                    }
                    let codes = v.bytes(fp4::nearest_of(v, v.load(&x[QS * k + i]), &MIDDLES[usize::from(*scale)]));
                    let [low, high] = codes.as_chunks::<8>().0 else { continue };
                    *bytes = (u64::from_le_bytes(*low) | u64::from_le_bytes(*high) << 4).to_le_bytes();
                }
            }
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let (scales, bytes) = out.split_at_mut(QS);
        for ((x, scale), bytes) in x.as_chunks::<PART>().0.iter().zip(scales).zip(bytes.as_chunks_mut::<8>().0) {
            let max = largest_magnitude(x);
            *scale = scale_code(max / 6.0);
            let mut nibbles = [0; PART];
            codes(x, HALF_SCALES[usize::from(*scale)], max, &mut nibbles);
            for (j, byte) in bytes.iter_mut().enumerate() {
                *byte = nibbles[j] | nibbles[j + 8] << 4;
            }
        }
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    restore_blocks::<Block, BYTES, LEN>(kernel::detect(), bytes, out);
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let (scales, bytes) = block.split_at(QS);
        for ((out, scale), bytes) in out.as_chunks_mut().0.iter_mut().zip(scales).zip(bytes.as_chunks().0) {
            v.store(v.lookup(fp4::table(v, HALF_SCALES[usize::from(*scale)]), v.nibbles(*bytes)), out);
        }
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    quantize(x, importance, out);
    let one = OneScale { levels: &LEVELS, grid: Some(ScaleGrid::E4M3), signed: false };
    let (mut search, mut restored) = (Search::new(PART), [0.0; LEN]);
    for (i, (x, out)) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0).enumerate() {
        dequantize(out, &mut restored);
        let (scales, bytes) = out.split_at_mut(QS);
        let parts = x.as_chunks::<PART>().0.iter().zip(restored.as_chunks::<PART>().0);
        for (k, ((x, restored), bytes)) in parts.zip(bytes.as_chunks_mut::<8>().0).enumerate() {
            let start = i * LEN + k * PART;
            if !search.set(x, importance.map(|w| &w[start..start + PART])) {
                continue;
            }
            if let Some(scale) = search.best_scale(&one, search.error(restored)) {
                scales[k] = F8E4M3Fn::from_f32(scale).to_bits();
                for (j, byte) in bytes.iter_mut().enumerate() {
                    *byte = code_of_place(search.codes[j]) | code_of_place(search.codes[j + 8]) << 4;
                }
            }
        }
    }
}
