//! Three bits and a scale of either sign, found by changing one code after another (`Q3_K` without importance).
//!
//! From `1/d = −4 / max`, up to five times over all elements: a code moves to the best one under the scale of the others, if
//! (Σ w x q)² / Σ w q² grows by it; w = x².

use super::tile::{LANES, LONGEST, code, largest, load, store, store_one};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

const EPSILON: f32 = 1e-15;
const N: usize = 16;
const LIMIT: i32 = 4;

/// Writes the scale of each sub-block of 16, and codes that stand for `scale · (code − 4)`.
pub(crate) fn descent_search(level: Level, x: &[f32], codes: &mut [u8], scales: &mut [f32]) {
    let blocks = x.chunks(LANES * N).zip(codes.chunks_mut(LANES * N)).zip(scales.chunks_mut(LANES));
    for ((x, codes), scales) in blocks {
        dispatch!(level, simd => search(simd, x, codes, scales));
    }
}

#[inline(always)]
fn search<S: Simd>(simd: S, x: &[f32], codes: &mut [u8], scales: &mut [f32]) {
    let float = |x: f32| f32x16::splat(simd, x);
    let zero = float(0.0);
    let x = load(simd, x, N);
    let (max, magnitude) = largest(simd, &x, N);
    let inverse = float(-(LIMIT as f32)) / max;
    let mut q = [zero; LONGEST];
    let (mut sum_xq, mut sum_qq) = (zero, zero);
    for (q, x) in q[..N].iter_mut().zip(&x) {
        *q = code(simd, inverse * *x, -LIMIT, LIMIT - 1);
        let w = *x * *x;
        sum_xq += w * *x * *q;
        sum_qq += w * *q * *q;
    }
    for _ in 0..5 {
        let mut changed = false;
        for (q, x) in q[..N].iter_mut().zip(&x) {
            let w = *x * *x;
            let without_xq = sum_xq - w * *x * *q;
            let without_qq = sum_qq - w * *q * *q;
            let own = code(simd, *x * without_qq / without_xq, -LIMIT, LIMIT - 1);
            let own_xq = without_xq + w * *x * own;
            let own_qq = without_qq + w * own * own;
            let better = without_xq.simd_gt(zero)
                & own.simd_ne(*q)
                & own_qq.simd_gt(zero)
                & (own_xq * own_xq * sum_qq).simd_gt(sum_xq * sum_xq * own_qq);
            *q = better.select(own, *q);
            sum_xq = better.select(own_xq, sum_xq);
            sum_qq = better.select(own_qq, sum_qq);
            changed |= better.any_true();
        }
        // A lane in which nothing changed would change nothing the next time either.
        if !changed {
            break;
        }
    }
    let nothing = magnitude.simd_lt(float(EPSILON));
    let scale = (!nothing & sum_qq.simd_gt(zero)).select(sum_xq / sum_qq, zero);
    for q in &mut q[..N] {
        *q = nothing.select(zero, *q + LIMIT as f32);
    }
    store(&q, N, codes);
    store_one(scale, scales);
}
