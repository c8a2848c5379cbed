//! Rows to columns: a matrix in memory, written with its axes exchanged.
//!
//! 1. Squares of 16 by 16, or 8 by 8 where registers are narrower than AVX-512's, are exchanged in registers: each line of
//!    the cache is read once and written once.
//! 2. N vectors of N elements are transposed by log₂ N rounds, in each of which vector i is interleaved with vector i + N/2.
//! 3. What is left beside the squares is copied one element at a time.

use super::level::{dispatch, is_avx512};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x8, f32x16};

/// Where the rows of a matrix lie: the elements of a row are neighbours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) number: usize,
    pub(crate) len: usize,
    /// From an element to that of the next row.
    pub(crate) step: usize,
}

/// Writes element i of row j of `x` to `out[i * out_step + j]`.
///
/// # Panics
///
/// If `x` or `out` is too short for it.
pub(crate) fn transpose(level: Level, x: &[f32], rows: Rows, out: &mut [f32], out_step: usize) {
    if let Some(side) = dispatch!(level, simd => squares(simd, x, rows, out, out_step)) {
        let done = (rows.number / side * side, rows.len / side * side);
        transpose_each(x, rows, 0..done.0, done.1, out, out_step);
        transpose_each(x, rows, done.0..rows.number, 0, out, out_step);
    }
}

/// Copies the elements from `first` on of some rows, a vector's worth of rows at a time.
fn transpose_each(
    x: &[f32],
    rows: Rows,
    which: core::ops::Range<usize>,
    first: usize,
    out: &mut [f32],
    out_step: usize,
) {
    for start in which.clone().step_by(16) {
        let end = which.end.min(start + 16);
        for i in first..rows.len {
            for j in start..end {
                out[i * out_step + j] = x[j * rows.step + i];
            }
        }
    }
}

/// Transposes all whole squares, and returns the length of their sides.
#[inline(always)]
pub(super) fn squares<S: Simd>(simd: S, x: &[f32], rows: Rows, out: &mut [f32], out_step: usize) -> Option<usize> {
    if rows.number == 0 || rows.len == 0 {
        return None;
    }
    let side = if const { is_avx512::<S>() } { 16 } else { 8 };
    for i in (0..rows.len / side * side).step_by(side) {
        for j in (0..rows.number / side * side).step_by(side) {
            let (x, out) = (&x[j * rows.step + i..], &mut out[i * out_step + j..]);
            if const { is_avx512::<S>() } {
                square_of_16(simd, x, rows.step, out, out_step);
            } else {
                square_of_8(simd, x, rows.step, out, out_step);
            }
        }
    }
    Some(side)
}

#[inline(always)]
fn square_of_16<S: Simd>(simd: S, x: &[f32], step: usize, out: &mut [f32], out_step: usize) {
    let mut from = [f32x16::splat(simd, 0.0); 16];
    for k in 0..16 {
        from[k] = f32x16::from_slice(simd, &x[k * step..k * step + 16]);
    }
    for _ in 0..4 {
        let mut to = from;
        for k in 0..8 {
            (to[2 * k], to[2 * k + 1]) = from[k].interleave(from[k + 8]);
        }
        from = to;
    }
    for k in 0..16 {
        from[k].store_slice(&mut out[k * out_step..k * out_step + 16]);
    }
}

#[inline(always)]
fn square_of_8<S: Simd>(simd: S, x: &[f32], step: usize, out: &mut [f32], out_step: usize) {
    let mut from = [f32x8::splat(simd, 0.0); 8];
    for k in 0..8 {
        from[k] = f32x8::from_slice(simd, &x[k * step..k * step + 8]);
    }
    for _ in 0..3 {
        let mut to = from;
        for k in 0..4 {
            (to[2 * k], to[2 * k + 1]) = from[k].interleave(from[k + 4]);
        }
        from = to;
    }
    for k in 0..8 {
        from[k].store_slice(&mut out[k * out_step..k * out_step + 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_exchanges_the_axes(number in 0_usize..40, len in 0_usize..40, more in (0_usize..9, 0_usize..9)) {
            let rows = Rows { number, len, step: len + more.0 };
            let out_step = number + more.1;
            // Every bit pattern is moved as it is.
            let x: Vec<f32> = (0..number * rows.step).map(|i| f32::from_bits((i as u32).wrapping_mul(0x9e37_79b9))).collect();
            let mut want = vec![0; len * out_step];
            for j in 0..number {
                for i in 0..len {
                    want[i * out_step + j] = x[j * rows.step + i].to_bits();
                }
            }
            for level in levels() {
                let mut out = vec![0.0; len * out_step];
                transpose(level, &x, rows, &mut out, out_step);
                prop_assert_eq!(out.iter().map(|x: &f32| x.to_bits()).collect::<Vec<_>>(), want.clone(), "{:?}", level);
            }
        }
    }
}
