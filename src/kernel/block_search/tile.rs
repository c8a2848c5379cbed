//! Sixteen sub-blocks side by side, and what is computed for all of them at once.

use crate::kernel::transpose::{Rows, squares};
use crate::num::MAGIC;
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, i32x16};

/// Sub-blocks in a tile: the lanes of a vector.
pub(super) const LANES: usize = 16;
/// The most elements of a sub-block.
pub(super) const LONGEST: usize = 32;

/// What the error of an element counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weights<'a> {
    /// x².
    Squares,
    /// |x|.
    Magnitudes,
    /// The root of the sub-block's mean square, plus |x|.
    RootMeanSquare,
    /// As given, one an element.
    Given(&'a [f32]),
    /// One an element, each times √(v + x²), where v is given for each sub-block.
    Spread(&'a [f32], &'a [f32]),
}

impl Weights<'_> {
    /// Returns those of some sub-blocks of `n` elements.
    pub(super) fn part(self, first: usize, count: usize, n: usize) -> Self {
        let (a, b) = (first * n, (first + count) * n);
        match self {
            Self::Given(w) => Self::Given(&w[a..b]),
            Self::Spread(w, v) => Self::Spread(&w[a..b], &v[first..first + count]),
            other => other,
        }
    }
}

/// An element of each of 16 sub-blocks, for each element.
pub(super) type Tile<S> = [f32x16<S>; LONGEST];

/// Returns the sub-blocks of `n` elements each side by side; those that are missing are zeros.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, x: &[f32], n: usize) -> Tile<S> {
    let (mut columns, mut padded) = ([[0.0_f32; LANES]; LONGEST], [0.0; LANES * LONGEST]);
    let x = if x.len() == LANES * n {
        x
    } else {
        padded[..x.len()].copy_from_slice(x);
        &padded[..LANES * n]
    };
    squares(simd, x, Rows { number: LANES, len: n, step: n }, columns.as_flattened_mut(), LANES);
    let mut tile = [f32x16::splat(simd, 0.0); LONGEST];
    for (row, column) in tile[..n].iter_mut().zip(&columns) {
        *row = f32x16::from_slice(simd, column);
    }
    tile
}

/// Returns the weights of a tile.
#[inline(always)]
pub(super) fn weights<S: Simd>(simd: S, x: &Tile<S>, weights: Weights<'_>, n: usize) -> Tile<S> {
    let mut w = *x;
    match weights {
        Weights::Squares => {
            for (w, x) in w[..n].iter_mut().zip(x) {
                *w = *x * *x;
            }
        }
        Weights::Magnitudes => {
            for w in &mut w[..n] {
                *w = w.abs();
            }
        }
        Weights::RootMeanSquare => {
            let mut sum = f32x16::splat(simd, 0.0);
            for x in &x[..n] {
                sum += *x * *x;
            }
            let root = (sum / n as f32).sqrt();
            for w in &mut w[..n] {
                *w = root + w.abs();
            }
        }
        Weights::Given(given) => w = load(simd, given, n),
        Weights::Spread(given, variances) => {
            let mut spread = [0.0; LANES];
            spread[..variances.len()].copy_from_slice(variances);
            let spread = f32x16::from_slice(simd, &spread);
            w = load(simd, given, n);
            for (w, x) in w[..n].iter_mut().zip(x) {
                *w *= (spread + *x * *x).sqrt();
            }
        }
    }
    w
}

/// Returns the nearest integers, halves to even, as ggml takes them: the low bits of the sum with 1.5 · 2²³, whatever they are.
#[inline(always)]
pub(super) fn nearest<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    let sum: i32x16<S> = (x + MAGIC).bitcast();
    (sum & i32x16::splat(simd, 0x007f_ffff)) - i32x16::splat(simd, 0x0040_0000)
}

/// Returns the nearest integers between two others, as reals.
#[inline(always)]
pub(super) fn code<S: Simd>(simd: S, x: f32x16<S>, lo: i32, hi: i32) -> f32x16<S> {
    nearest(simd, x).min(i32x16::splat(simd, hi)).max(i32x16::splat(simd, lo)).to_float()
}

/// Returns the same of magnitudes below 2²², with two operations less: the sum with 1.5 · 2²³ is in order, and stays a real.
#[inline(always)]
pub(super) fn small_code<S: Simd>(simd: S, x: f32x16<S>, lo: i32, hi: i32) -> f32x16<S> {
    let (lo, hi) = (f32x16::splat(simd, MAGIC + lo as f32), f32x16::splat(simd, MAGIC + hi as f32));
    // In this order NaN stays NaN.
    hi.min(lo.max(x + MAGIC)) - MAGIC
}

/// Returns whether all elements of a tile are finite.
#[inline(always)]
pub(super) fn are_finite<S: Simd>(simd: S, x: &Tile<S>, n: usize) -> bool {
    let mut sum = f32x16::splat(simd, 0.0);
    for x in &x[..n] {
        // Of infinities and NaN the product is NaN.
        sum += *x * 0.0;
    }
    sum.simd_eq(f32x16::splat(simd, 0.0)).all_true()
}

/// Returns the element of largest magnitude of each sub-block, the first of several, and its magnitude.
#[inline(always)]
pub(super) fn largest<S: Simd>(simd: S, x: &Tile<S>, n: usize) -> (f32x16<S>, f32x16<S>) {
    let (mut max, mut magnitude) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, 0.0));
    for x in &x[..n] {
        let a = x.abs();
        let larger = a.simd_gt(magnitude);
        max = larger.select(*x, max);
        magnitude = larger.select(a, magnitude);
    }
    (max, magnitude)
}

/// Writes whole numbers of a byte, those of each sub-block one after another.
#[inline(always)]
pub(super) fn store<S: Simd>(codes: &Tile<S>, n: usize, out: &mut [u8]) {
    // Four at a time: an integer of a lane is four bytes of a sub-block.
    for (i, codes) in codes[..n].as_chunks::<4>().0.iter().enumerate() {
        let (a, b): (i32x16<S>, i32x16<S>) = (codes[0].to_int(), codes[1].to_int());
        let (c, d): (i32x16<S>, i32x16<S>) = (codes[2].to_int(), codes[3].to_int());
        let words = <[i32; LANES]>::from(a | (b << 8) | (c << 16) | (d << 24));
        for (word, block) in words.into_iter().zip(out.chunks_exact_mut(n)) {
            block[4 * i..4 * i + 4].copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// Writes a number of each sub-block.
#[inline(always)]
pub(super) fn store_one<S: Simd>(numbers: f32x16<S>, out: &mut [f32]) {
    out.copy_from_slice(&<[f32; LANES]>::from(numbers)[..out.len()]);
}
