//! Sums of products of 8-bit codes: the matrix product of an integer layer.
//!
//! ```text
//! sum[r][c] = Σ_k (x[r][k] − zero_point) · w[c][k]         modulo 2³²
//! ```
//!
//! 1. Weights are laid out once, as the loop reads them: [`COLUMNS`] output channels side by side, four neighbours along the
//!    depth of each. A vector of them is multiplied by the same four neighbours of an input row.
//! 2. Zero points stay out of the loop: Σ (x − z)·w = Σ x·w − z · Σ w, and the sums of weights are known beforehand.
//! 3. AVX-512 multiplies unsigned bytes by signed ones, four to a sum. So weights are stored plus 128, which adds 128 · Σ x,
//!    known from the row alone. Its sums wrap; those of AVX2's instruction on bytes saturate, in 16 bits, and are no use where
//!    every bit counts: there both sides are widened to 16 bits, which is exact.
//! 4. A panel of weights stays in the first-level cache while a chunk of rows goes by; several rows share each load of weights.
//!
//! (`rten-gemm` 0.27, the crate nearest to this, has the same inner loop on AVX-512, and on AVX2 the one that saturates.)

use super::integer_weights::{COLUMNS, IntegerWeights, MOST_TOGETHER, STEP};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::integer_matmul as x86;
use alloc::vec;
use fearless_simd::Level;

/// Rows whose inputs are laid out at a time.
const CHUNK: usize = 48;

/// Writes the sums of products of each row of `x`, `[rows, depth]`, with each channel of the weights to `out`,
/// `[rows, channels]`. They wrap in 32 bits, where nothing less than 2¹⁶ deep gets with a zero point of 8 bits.
///
/// # Panics
///
/// If `x` or `out` is not as long as its shape says.
///
/// # Examples
///
/// ```
/// use tensor_quant::kernel::{IntegerWeights, detect, integer_matmul};
///
/// let weights = IntegerWeights::new(&[1, 2, -3, 4], 2, 2);
/// let mut sums = [0; 2];
/// integer_matmul(detect(), &[5, 7], &weights, 1, &mut sums);
/// assert_eq!(sums, [4 * 1 + 6 * 2, 4 * -3 + 6 * 4]);
/// ```
pub fn integer_matmul(level: Level, x: &[i8], weights: &IntegerWeights, zero_point: i32, out: &mut [i32]) {
    let IntegerWeights { channels, depth, panels, sums } = weights;
    let (channels, depth) = (*channels, *depth);
    let rows = out.len().checked_div(channels).unwrap_or(0);
    assert_eq!(rows * channels, out.len(), "sums: expected rows of {channels}, got {} sums", out.len());
    if channels == 0 {
        return;
    }
    assert_eq!(x.len(), rows * depth, "input: expected a length of {rows} · {depth}, got {}", x.len());
    let steps = depth.div_ceil(STEP);
    let together = rows_together(level, rows);
    let mut staged = vec![0_u64; CHUNK.min(rows.next_multiple_of(together)) * steps];
    for chunk in 0..rows.div_ceil(CHUNK) {
        let first = chunk * CHUNK;
        let in_chunk = CHUNK.min(rows - first);
        let x = &x[first * depth..(first + in_chunk) * depth];
        stage(level, x, depth, together, &mut staged);
        let mut shifts = [0_i32; CHUNK];
        for (shift, x) in shifts.iter_mut().zip(x.chunks_exact(depth.max(1))) {
            *shift = x.iter().fold(0_i32, |sum, &x| sum.wrapping_add(x.into())).wrapping_mul(128);
        }
        for panel in 0..channels.div_ceil(COLUMNS) {
            let start = panel * COLUMNS;
            let sums = &sums[start..channels.min(start + COLUMNS)];
            let panel = &panels[start * steps * STEP..(start + COLUMNS) * steps * STEP];
            for row in (0..in_chunk).step_by(together) {
                let mut products = [[0; COLUMNS]; MOST_TOGETHER];
                let staged = &staged[row * steps..(row + together) * steps];
                multiply(level, together, staged, panel, &mut products);
                let rows = row..in_chunk.min(row + together);
                for ((products, shift), row) in products.iter().zip(&shifts[rows.clone()]).zip(rows) {
                    let at = (first + row) * channels + start;
                    for ((out, &product), &sum) in out[at..].iter_mut().zip(products).zip(sums) {
                        *out = product.wrapping_sub(*shift).wrapping_sub(sum.wrapping_mul(zero_point));
                    }
                }
            }
        }
    }
}

/// Returns how many rows share a load of weights: as many as there are registers for. A divisor of [`CHUNK`].
fn rows_together(level: Level, rows: usize) -> usize {
    let most = match level {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx512(_) => 8,
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx2(_) => 3,
        _ => 1,
    };
    if rows < most { 1 } else { most }
}

/// Lays out rows as the loop reads them: the four inputs of a step in 64 bits, those of rows that go together side by side.
/// AVX-512 wants them as bytes in the lower half, the others as 16-bit integers.
fn stage(level: Level, x: &[i8], depth: usize, together: usize, staged: &mut [u64]) {
    let steps = depth.div_ceil(STEP);
    let bytes = match level {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx512(_) => true,
        _ => false,
    };
    if depth == 0 {
        return;
    }
    for (row, x) in x.chunks_exact(depth).enumerate() {
        let start = row / together * together * steps + row % together;
        for (step, four) in x.chunks(STEP).enumerate() {
            let mut padded = [0; STEP];
            padded[..four.len()].copy_from_slice(four);
            staged[start + step * together] = if bytes { as_bytes(padded) } else { as_words(padded) };
        }
    }
}

fn as_bytes(x: [i8; STEP]) -> u64 {
    u64::from(u32::from_le_bytes(x.map(|x| x as u8)))
}

fn as_words(x: [i8; STEP]) -> u64 {
    let word = |k: usize| u64::from(i16::from(x[k]) as u16) << (16 * k);
    word(0) | word(1) | word(2) | word(3)
}

/// Multiplies a panel of weights by rows that go together.
fn multiply(
    level: Level,
    together: usize,
    staged: &[u64],
    panel: &[u8],
    products: &mut [[i32; COLUMNS]; MOST_TOGETHER],
) {
    match (level, together) {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        (Level::Avx512(avx512), 8) => x86::eight_rows_avx512(avx512, staged, panel, products),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        (Level::Avx512(avx512), _) => x86::one_row_avx512(avx512, staged, panel, products),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        (Level::Avx2(avx2), 3) => x86::three_rows_avx2(avx2, staged, panel, products),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        (Level::Avx2(avx2), _) => x86::one_row_avx2(avx2, staged, panel, products),
        _ => one_row(staged, panel, &mut products[0]),
    }
}

/// The portable loop, one row at a time.
fn one_row(staged: &[u64], panel: &[u8], products: &mut [i32; COLUMNS]) {
    for (&x, panel) in staged.iter().zip(panel.chunks_exact(COLUMNS * STEP)) {
        let word = |k: usize| i32::from((x >> (16 * k)) as i16);
        let x = [word(0), word(1), word(2), word(3)];
        for (product, w) in products.iter_mut().zip(panel.chunks_exact(STEP)) {
            let four =
                (x[0] * i32::from(w[0]) + x[1] * i32::from(w[1])) + (x[2] * i32::from(w[2]) + x[3] * i32::from(w[3]));
            *product = product.wrapping_add(four);
        }
    }
}
