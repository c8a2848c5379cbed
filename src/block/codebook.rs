//! Codebooks: a code is the place of a value in a list.
//!
//! ```text
//! x ≈ s · v[code],      s = max|x| of the block
//! ```
//!
//! NF4 and FP4 are those of bitsandbytes: blocks of 64, an f32 scale, sixteen values in −1..=1, the first of two neighbours in the *high*
//! nibble of their byte. A number half-way between two values gets the lower one, as its comparisons have it. Source: Dettmers et al.,
//! "`QLoRA`: Efficient Finetuning of Quantized LLMs", 2023; the values and their order as in its sources.

use super::format::BlockFormat;
use super::layout::Layout;
use super::one_scale::{OneScale, Search};
use crate::error::{Error, Result};
use crate::kernel::{self, LANES, Restore, Simd, Sixteen, Write, restore_blocks, write_blocks};
use alloc::vec::Vec;

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

/// A list of up to 256 values.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::Codebook;
///
/// let x = [0.1_f32, 0.12, 0.9, -0.5, -0.52];
/// let codebook = Codebook::optimal(&x, None, 3)?;
/// let codes: Vec<u8> = x.iter().map(|&x| codebook.code(x)).collect();
/// assert_eq!(codes, [1, 1, 2, 0, 0]);
/// assert!((codebook.value(1) - 0.11).abs() < 1e-6);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Codebook {
    values: Vec<f32>,
    /// The values in ascending order, with their codes.
    ascending: Vec<(f32, u8)>,
    /// The middles between neighbours.
    middles: Vec<f32>,
}

impl Codebook {
    /// Returns the codebook of these values, the first of which has the code 0.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless there are 1 to 256 of them; [`Error::NotANumber`] if one is not finite.
    pub fn new(values: &[f32]) -> Result<Self> {
        if values.is_empty() || values.len() > 256 {
            let expected = values.len().clamp(1, 256);
            return Err(Error::LengthMismatch { what: "values of a codebook", expected, actual: values.len() });
        }
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotANumber { index: alloc::vec![i] });
        }
        let mut ascending: Vec<(f32, u8)> = values.iter().enumerate().map(|(i, &value)| (value, i as u8)).collect();
        ascending.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(core::cmp::Ordering::Equal));
        // Of equal values, and of −0, the first code.
        ascending.dedup_by(|later, earlier| later.0 == earlier.0);
        let middles =
            ascending.windows(2).map(|pair| f64::midpoint(pair[0].0.into(), pair[1].0.into()) as f32).collect();
        Ok(Self { values: values.to_vec(), ascending, middles })
    }

    /// Returns the codebook of `k` values with the least weighted squared error ([`optimal_codebook`](super::optimal_codebook)).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new): if k is 0 or above 256, or `x` has no finite value.
    pub fn optimal(x: &[f32], weights: Option<&[f32]>, k: usize) -> Result<Self> {
        Self::new(&super::kmeans::optimal_codebook(x, weights, k))
    }

    /// Returns the values, in the order of their codes.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the code of the value nearest to a number, of two that are equally near the lower one; that of the smallest of NaN.
    pub fn code(&self, x: f32) -> u8 {
        let place = self.middles.partition_point(|&middle| x > middle);
        self.ascending.get(place).map_or(0, |pair| pair.1)
    }

    /// Returns the value of a code; 0 of one that there is not.
    pub fn value(&self, code: u8) -> f32 {
        self.values.get(usize::from(code)).copied().unwrap_or(0.0)
    }
}

/// Blocks of `len` codes of a codebook and one f32 scale, the largest magnitude.
///
/// A block is the scale, little-endian, and the codes: two a byte, the first in the high nibble, of up to sixteen values, else one a
/// byte.
#[derive(Clone, Debug, PartialEq)]
pub struct CodebookBlocks {
    /// The values, for numbers in −1..=1.
    pub codebook: Codebook,
    /// Elements of a block, an even number.
    pub len: usize,
}

const SCALE: usize = size_of::<f32>();

impl CodebookBlocks {
    fn halves(&self) -> bool {
        self.codebook.values.len() <= 16
    }

    /// Returns the scale of a block, and writes a code for each element.
    pub fn scale_and_codes(&self, x: &[f32], codes: &mut [u8]) -> f32 {
        let scale = x.iter().fold(0.0_f32, |max, x| if x.abs() > max { x.abs() } else { max });
        let inverse = 1.0 / scale;
        for (code, x) in codes.iter_mut().zip(x) {
            *code = self.codebook.code(if scale > 0.0 { x * inverse } else { 0.0 });
        }
        scale
    }
}

impl BlockFormat for CodebookBlocks {
    fn block_len(&self) -> usize {
        self.len
    }

    fn block_bytes(&self) -> usize {
        SCALE + if self.halves() { self.len.div_ceil(2) } else { self.len }
    }

    fn quantize_row(&self, x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
        let mut codes = alloc::vec![0; self.len];
        for (x, out) in x.chunks_exact(self.len).zip(out.chunks_exact_mut(self.block_bytes())) {
            let scale = self.scale_and_codes(x, &mut codes);
            out[..SCALE].copy_from_slice(&scale.to_le_bytes());
            if self.halves() {
                for (out, pair) in out[SCALE..].iter_mut().zip(codes.chunks(2)) {
                    *out = pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
                }
            } else {
                out[SCALE..].copy_from_slice(&codes);
            }
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        for (block, out) in bytes.chunks_exact(self.block_bytes()).zip(out.chunks_exact_mut(self.len)) {
            let scale = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
            for (i, out) in out.iter_mut().enumerate() {
                let code =
                    if self.halves() { block[SCALE + i / 2] >> (4 * (1 - i % 2)) & 15 } else { block[SCALE + i] };
                *out = self.codebook.value(code) * scale;
            }
        }
    }
}

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

/// Writes the blocks of least error over all positive scales that f32 has.
fn best(layout: &Layout, table: &Values, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &table.levels, grid: None, signed: false };
    let (mut search, mut restored) = (Search::new(LEN), [0.0; LEN]);
    (layout.quantize.unwrap_or(|_, _, _| ()))(x, None, out);
    for (i, (x, out)) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0).enumerate() {
        if !search.set(x, importance.map(|w| &w[i * LEN..(i + 1) * LEN])) {
            continue;
        }
        (layout.dequantize)(out, &mut restored);
        let known = search.error(&restored);
        let Some(scale) = search.best_scale(&one, known) else { continue };
        let mut block = [0; BYTES];
        write_block(table, scale, &search.codes, &mut block);
        (layout.dequantize)(&block, &mut restored);
        if search.error(&restored) < known {
            *out = block;
        }
    }
}

fn write_block(table: &Values, scale: f32, places: &[u8], out: &mut [u8; BYTES]) {
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

macro_rules! blocks {
    ($name:ident, $values:ident) => {
        struct $name;

        impl Write<LEN, BYTES> for $name {
            #[inline(always)]
            fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
                quantize_sixteen(v, const { &values(&$values) }, x, out)
            }

            fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
                quantize_block(const { &values(&$values) }, x, out);
            }
        }

        impl Restore<BYTES, LEN> for $name {
            #[inline(always)]
            fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
                restore(v, &$values, block, out);
            }
        }
    };
}

blocks!(OfNf4, NF4_VALUES);
blocks!(OfFp4, FP4_VALUES);

pub(super) const NF4: Layout = Layout {
    name: "nf4",
    len: LEN,
    bytes: BYTES,
    id: None,
    quantize: Some(|x, _, out| write_blocks::<OfNf4, LEN, BYTES>(kernel::detect(), x, out)),
    dequantize: |bytes, out| restore_blocks::<OfNf4, BYTES, LEN>(kernel::detect(), bytes, out),
    best: Some(|x, importance, out| best(&NF4, &const { values(&NF4_VALUES) }, x, importance, out)),
};

pub(super) const FP4: Layout = Layout {
    name: "bnb_fp4",
    len: LEN,
    bytes: BYTES,
    id: None,
    quantize: Some(|x, _, out| write_blocks::<OfFp4, LEN, BYTES>(kernel::detect(), x, out)),
    dequantize: |bytes, out| restore_blocks::<OfFp4, BYTES, LEN>(kernel::detect(), bytes, out),
    best: Some(|x, importance, out| best(&FP4, &const { values(&FP4_VALUES) }, x, importance, out)),
};
