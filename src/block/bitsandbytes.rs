//! NF4 and FP4 of bitsandbytes: blocks of 64, an f32 scale, the largest magnitude, and sixteen values in −1..=1, the first of two
//! neighbours in the *high* nibble of their byte.
//!
//! A number half-way between two values gets the lower one, as its comparisons have it. Source: Dettmers et al., "`QLoRA`: Efficient
//! Finetuning of Quantized LLMs", 2023; the values and their order as in its sources.

use super::layout::Layout;
use super::one_scale::{OfOneScale, OneScale, best_row};
use crate::kernel::{LANES, Restore, Simd, Sixteen, Write};

/// The values of NF4: quantiles of the normal distribution, and zero.
pub const NF4_VALUES: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The values of bitsandbytes' FP4, in the order of their codes: a sign and three bits.
pub const FP4_VALUES: [f32; 16] = [
    0.0,
    0.005_208_333_3,
    0.666_666_7,
    1.0,
    0.333_333_34,
    0.5,
    0.166_666_67,
    0.25,
    -0.0,
    -0.005_208_333_3,
    -0.666_666_7,
    -1.0,
    -0.333_333_34,
    -0.5,
    -0.166_666_67,
    -0.25,
];

const SCALE: usize = size_of::<f32>();
/// A sorted list of sixteen values with the middles between them: what NF4 and FP4 are quantized with.
struct Values {
    levels: [f32; 16],
    middles: [f32; 15],
    codes: [u8; 16],
}

const fn values(values: &[f32; 16]) -> Values {
    let mut codes = [0; 16];
    let mut i = 0;
    while i < 16 {
        codes[i] = i as u8;
        i += 1;
    }
    // By insertion; of equal values the first code stays first.
    let mut i = 1;
    while i < 16 {
        let mut j = i;
        while j > 0 && values[codes[j - 1] as usize] > values[codes[j] as usize] {
            (codes[j - 1], codes[j]) = (codes[j], codes[j - 1]);
            j -= 1;
        }
        i += 1;
    }
    let mut middles = [0.0; 15];
    let mut i = 0;
    while i < 15 {
        middles[i] = f64::midpoint(values[codes[i] as usize] as f64, values[codes[i + 1] as usize] as f64) as f32;
        i += 1;
    }
    let mut levels = [0.0; 16];
    let mut i = 0;
    while i < 16 {
        levels[i] = values[codes[i] as usize];
        i += 1;
    }
    Values { levels, middles, codes }
}

const LEN: usize = 64;
const BYTES: usize = SCALE + LEN / 2;
const _: () = assert!(BYTES == 36, "an f32 scale and 64 nibbles");

fn quantize_block(table: &Values, x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let scale = x.iter().fold(0.0_f32, |max, x| if x.abs() > max { x.abs() } else { max });
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut places = [0_u8; LEN];
    for (place, x) in places.iter_mut().zip(x) {
        let x = x * inverse;
        for middle in table.middles {
            *place += u8::from(x > middle);
        }
    }
    write_block(table, scale, &places, out);
}

#[inline(always)]
fn quantize_sixteen<S: Simd>(v: Sixteen<S>, table: &Values, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
    let bits = v.magnitudes(x);
    if !v.are_usual(bits) {
        return false;
    }
    let scales = v.of_bits(bits);
    let (scales, inverses) = (<[f32; LANES]>::from(scales), <[f32; LANES]>::from(v.reciprocals(scales)));
    let codes_of = v.load(&table.codes.map(f32::from));
    for (k, (x, out)) in x.iter().zip(out).enumerate() {
        let inverse = v.all(inverses[k]);
        let mut codes = [0; LEN];
        for (x, codes) in x.as_chunks().0.iter().zip(codes.as_chunks_mut().0) {
            let places = v.above(v.load(x) * inverse, &table.middles);
            *codes = v.bytes(v.truncated(v.lookup(codes_of, places)));
        }
        out[..SCALE].copy_from_slice(&scales[k].to_le_bytes());
        for (out, [a, b]) in out[SCALE..].iter_mut().zip(codes.as_chunks::<2>().0) {
            *out = a << 4 | b;
        }
    }
    true
}

fn write_block(table: &Values, scale: f32, places: &[u8], out: &mut [u8]) {
    out[..SCALE].copy_from_slice(&scale.to_le_bytes());
    for (out, [a, b]) in out[SCALE..].iter_mut().zip(places.as_chunks::<2>().0) {
        *out = table.codes[usize::from(a & 15)] << 4 | table.codes[usize::from(b & 15)];
    }
}

#[inline(always)]
fn restore<S: Simd>(v: Sixteen<S>, values: &[f32; 16], block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let scale = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
    let values = v.load(values) * v.all(scale);
    for (out, bytes) in out.as_chunks_mut::<32>().0.iter_mut().zip(block[SCALE..].as_chunks().0) {
        let both = v.of_u8(bytes);
        let (first, second) = v.alternate(v.lookup(values, both >> 4), v.lookup(values, both));
        let (low, high) = out.split_at_mut(LANES);
        if let (Some(low), Some(high)) = (low.first_chunk_mut(), high.first_chunk_mut()) {
            v.store(first, low);
            v.store(second, high);
        }
    }
}

macro_rules! formats {
    ($($name:ident, $block:ident, $label:literal, $values:ident;)*) => {$(
        struct $block;

        impl Write<LEN, BYTES> for $block {
            #[inline(always)]
            fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
                quantize_sixteen(v, const { &values(&$values) }, x, out)
            }

            fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
                quantize_block(const { &values(&$values) }, x, out);
            }
        }

        impl Restore<BYTES, LEN> for $block {
            #[inline(always)]
            fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
                restore(v, &$values, block, out);
            }
        }

        impl OfOneScale for $block {
            const LAYOUT: Layout = $name;
            // All positive numbers that f32 has.
            const ONE: OneScale<'static> =
                OneScale { levels: &const { values(&$values).levels }, grid: None, signed: false };

            fn write(scale: f32, places: &[u8], out: &mut [u8]) {
                write_block(const { &values(&$values) }, scale, places, out);
            }
        }

        pub(super) const $name: Layout =
            Layout { best: Some(best_row::<$block>), ..Layout::written::<$block, BYTES, LEN>($label, None) };
    )*};
}

formats! {
    NF4, OfNf4, "nf4", NF4_VALUES;
    FP4, OfFp4, "bnb_fp4", FP4_VALUES;
}
