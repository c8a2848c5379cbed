//! A block format of your own: invented, held to the laws of all, and compared with one that everybody has.
//!
//! Sixteen weights are a byte of scale, a power of √2, and codes of three bits whose eight levels lie closer together near zero, where
//! most weights are: 3½ bits a weight with its byte of scale. `Q4_0` has 4½.

use tensor_quant::block::{BlockFormat, BlockSearch, BlockType, dequantize_blocks, quantize_blocks};
use tensor_quant::laws::{Terms, block_format};

/// Blocks of 16: a scale of a byte, and 6 bytes of codes of three bits.
#[derive(Debug)]
struct Root2;

const LEVELS: [f32; 8] = [-1.0, -0.55, -0.25, 0.0, 0.12, 0.3, 0.6, 1.0];

impl Root2 {
    /// The scale that a byte stands for: 0, or a power of √2 from 2⁻⁶³ to 2⁶⁴.
    fn scale(byte: u8) -> f32 {
        let half = (i32::from(byte) - 128).div_euclid(2);
        let root = if byte.is_multiple_of(2) { 1.0 } else { core::f32::consts::SQRT_2 };
        if byte == 0 { 0.0 } else { root * (half as f32).exp2() }
    }

    fn nearest(x: f32) -> u8 {
        let distance = |code: &u8| (LEVELS[usize::from(*code)] - x).abs();
        (0..8).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    }

    fn write(x: &[f32], byte: u8, out: &mut [u8]) {
        let scale = Self::scale(byte);
        let codes = x.iter().map(|x| if scale > 0.0 { Self::nearest(x / scale) } else { 3 });
        let bits = codes.enumerate().fold(0_u64, |bits, (i, code)| bits | u64::from(code) << (3 * i));
        out[0] = byte;
        out[1..].copy_from_slice(&bits.to_le_bytes()[..6]);
    }

    /// The first byte whose scale reaches the largest magnitude.
    fn byte(x: &[f32]) -> u8 {
        let max = x.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        (0..=255).find(|&byte| Self::scale(byte) >= max).unwrap_or(255)
    }
}

impl BlockFormat for Root2 {
    fn block_len(&self) -> usize {
        16
    }

    fn block_bytes(&self) -> usize {
        7
    }

    fn quantize_row(&self, x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
        for (x, out) in x.chunks_exact(16).zip(out.chunks_exact_mut(7)) {
            Self::write(x, Self::byte(x), out);
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        for (bytes, out) in bytes.chunks_exact(7).zip(out.chunks_exact_mut(16)) {
            let scale = Self::scale(bytes[0]);
            let bits = bytes[1..].iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for (i, out) in out.iter_mut().enumerate() {
                *out = scale * LEVELS[(bits >> (3 * i) & 7) as usize];
            }
        }
    }

    /// Five scales are tried: what is clipped may cost less than what is coarse.
    fn best_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (k, (x, out)) in x.chunks_exact(16).zip(out.chunks_exact_mut(7)).enumerate() {
            let first = Self::byte(x);
            let cost = |byte: u8| {
                let (mut block, mut y) = ([0; 7], [0.0; 16]);
                Self::write(x, byte, &mut block);
                self.dequantize_row(&block, &mut y);
                let terms = x.iter().zip(y).enumerate();
                terms
                    .map(|(i, (x, y))| {
                        importance.map_or(1.0, |w| f64::from(w[16 * k + i])) * (f64::from(*x) - f64::from(y)).powi(2)
                    })
                    .sum::<f64>()
            };
            let tried = first.saturating_sub(4)..=first;
            let best = tried.rev().min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(first);
            Self::write(x, best, out);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verdict = Terms::default()
        .with_cases(64)
        .without(block_format::IDEMPOTENT, "a block that lost its largest level gets a finer scale the next time")
        .check_block_format(&Root2)?;
    println!("{verdict}\n");

    let x: Vec<f32> = (0..4096).map(|i| ((i * i) as f32 * 0.013).sin() * ((i / 64) as f32 * 0.1 + 0.2)).collect();
    let formats: [(&str, &dyn BlockFormat); 3] =
        [("of my own", &Root2), ("q3_k", &BlockType::Q3_K), ("q4_0", &BlockType::Q4_0)];
    for (name, format) in formats {
        for search in [BlockSearch::Plain, BlockSearch::Best] {
            let bytes = quantize_blocks(format, &x, 256, None, search)?;
            let restored = dequantize_blocks(format, &bytes)?;
            let power: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            let error: f64 = x.iter().zip(&restored).map(|(x, y)| f64::from(x - y).powi(2)).sum();
            let bits = 8.0 * bytes.len() as f64 / x.len() as f64;
            println!("{name:10} {search:?}: {bits:.3} bits a weight, {:.2} dB", 10.0 * (power / error).log10());
        }
    }
    Ok(())
}
