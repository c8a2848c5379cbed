//! What Q4_K and Q5_K have in common: eight sub-blocks of 32 with a scale and a smallest value of 6 bits each.
//!
//! `d: f16 | dmin: f16 | 12 bytes`: of the first four sub-blocks scale k is the low 6 bits of byte k and minimum k of byte k + 4; of
//! the others byte k + 4 has the low nibbles of both, and the two high bits stand at the top of bytes k − 4 and k.

use super::half::{from_half, to_half};
use super::scalar::{nearest, sum_of_squares};
use super::scale_codes::scale_codes;
use crate::block::super_block::Parts;
use crate::kernel::{self, Affine, AffineOut, Simd, Sixteen, Step, Weights, affine_search, requantize_blocks};

/// Elements of a super-block.
pub(super) const LEN: usize = 256;
/// Bytes of scales and minima.
pub(super) const HEADER: usize = 2 * size_of::<[u8; 2]>() + 12;
/// Super-blocks that are searched together: their sub-blocks fill the lanes of two vectors.
const TOGETHER: usize = 4;

/// Calls `write` with the header and the codes of each super-block of a row.
pub(super) fn quantize(
    x: &[f32],
    importance: Option<&[f32]>,
    plain: Affine,
    mut write: impl FnMut(usize, &[u8; HEADER], &[u8; LEN]),
) {
    let weighted = Affine { first: -0.9, step: 0.05, steps: 36, ..plain };
    let (mut codes, [mut scales, mut mins, mut sums]) = ([0; TOGETHER * LEN], [[0.0; 8 * TOGETHER]; 3]);
    for (i, x) in x.chunks(TOGETHER * LEN).enumerate() {
        let mut variances = [0.0; 8 * TOGETHER];
        let (search, weights) = match importance {
            Some(w) => {
                for (variances, x) in variances.chunks_mut(8).zip(x.as_chunks::<LEN>().0) {
                    variances.fill(2.0 * sum_of_squares(x) / LEN as f32);
                }
                let start = i * TOGETHER * LEN;
                (weighted, Weights::Spread(&w[start..start + x.len()], &variances[..x.len() / 32]))
            }
            None => (plain, Weights::RootMeanSquare),
        };
        let (codes, n) = (&mut codes[..x.len()], x.len() / 32);
        let numbers = (&mut scales[..n], &mut mins[..n], &mut sums[..n]);
        let found = AffineOut { codes, scales: numbers.0, mins: numbers.1, sums: numbers.2 };
        affine_search(kernel::detect(), x, weights, search, found);
        let blocks = x.as_chunks::<LEN>().0.iter().zip(codes.as_chunks_mut::<LEN>().0);
        for (k, (x, codes)) in blocks.enumerate() {
            let part = 8 * k..8 * k + 8;
            let (scales, mins, sums) = (&scales[part.clone()], &mins[part.clone()], &sums[part]);
            let (mut s, mut m) = ([0; 8], [0; 8]);
            let (d, dmin) = if importance.is_some() {
                (scale_codes(scales, 63, sums, &mut s), scale_codes(mins, 63, sums, &mut m))
            } else {
                (of_largest(scales, &mut s), of_largest(mins, &mut m))
            };
            if importance.is_some() && plain.limit == 31 {
                s = s.map(|s: u8| s.min(63));
                m = m.map(|m: u8| m.min(63));
            }
            let header = pack(d, dmin, s, m);
            requantize_blocks(kernel::detect(), x, &steps(&header), 0, plain.limit, codes);
            write(i * TOGETHER + k, &header, codes);
        }
    }
}

/// Writes codes of 6 bits under the scale that makes the largest number 63, and returns that scale.
fn of_largest(x: &[f32], codes: &mut [u8; 8]) -> f32 {
    let max = x.iter().fold(0.0_f32, |max, &x| if x > max { x } else { max });
    let inverse = if max > 0.0 { 63.0 / max } else { 0.0 };
    for (code, x) in codes.iter_mut().zip(x) {
        *code = (nearest(inverse * x) as u8).min(63);
    }
    max / 63.0
}

fn pack(d: f32, dmin: f32, s: [u8; 8], m: [u8; 8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..2].copy_from_slice(&to_half(d));
    header[2..4].copy_from_slice(&to_half(dmin));
    let bytes = &mut header[4..];
    for k in 0..4 {
        bytes[k] = s[k] | (s[k + 4] >> 4) << 6;
        bytes[k + 4] = m[k] | (m[k + 4] >> 4) << 6;
        bytes[k + 8] = s[k + 4] & 15 | m[k + 4] << 4;
    }
    header
}

/// Returns s and m of each sub-block.
#[inline(always)]
pub(super) fn numbers(header: &[u8; HEADER]) -> ([u8; 8], [u8; 8]) {
    let four = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (a, b, c) = (four(4), four(8), four(12));
    // Four bytes at a time.
    let upper = |x: u32| x >> 2 & 0x3030_3030;
    let (mut s, mut m) = ([0; 8], [0; 8]);
    s[..4].copy_from_slice(&(a & 0x3f3f_3f3f).to_le_bytes());
    m[..4].copy_from_slice(&(b & 0x3f3f_3f3f).to_le_bytes());
    s[4..].copy_from_slice(&(c & 0x0f0f_0f0f | upper(a)).to_le_bytes());
    m[4..].copy_from_slice(&(c >> 4 & 0x0f0f_0f0f | upper(b)).to_le_bytes());
    (s, m)
}

/// Returns `d · s` of each sub-block, then `dmin · m`.
#[inline(always)]
pub(super) fn steps_of<S: Simd>(v: Sixteen<S>, header: &[u8; HEADER]) -> [f32; 16] {
    let (s, m) = numbers(header);
    let mut both = [0; 16];
    both[..8].copy_from_slice(&s);
    both[8..].copy_from_slice(&m);
    let mut factors = [v.half(header, 0); 16];
    factors[8..].fill(v.half(header, 2));
    (v.load(&factors) * v.reals(v.of_u8(&both))).into()
}

/// Returns `d · s` and `dmin · m` of each sub-block.
pub(super) fn steps(header: &[u8; HEADER]) -> [Step; 8] {
    let (d, dmin, (s, m)) = (from_half(header, 0), from_half(header, 2), numbers(header));
    let mut steps = [Step { scale: 0.0, min: 0.0 }; 8];
    for (k, step) in steps.iter_mut().enumerate() {
        *step = Step { scale: d * f32::from(s[k]), min: dmin * f32::from(m[k]) };
    }
    steps
}

/// Reads the scales of a block.
pub(super) fn read(block: &[u8], parts: &mut Parts) {
    let Some(header) = block.first_chunk() else { return };
    (parts.d, parts.dmin) = (from_half(header, 0), from_half(header, 2));
    let (s, m) = numbers(header);
    for k in 0..8 {
        (parts.scales[k], parts.mins[k]) = (s[k].into(), m[k].into());
    }
}

/// Writes the scales of a block.
pub(super) fn write(parts: &Parts, out: &mut [u8]) {
    let (mut s, mut m) = ([0; 8], [0; 8]);
    for k in 0..8 {
        (s[k], m[k]) = (parts.scales[k] as u8, parts.mins[k] as u8);
    }
    out[..HEADER].copy_from_slice(&pack(parts.d, parts.dmin, s, m));
}
