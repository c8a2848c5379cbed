//! Codes under scales that are known.

use super::tile::{LANES, code};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i32x16};

/// The scale of a sub-block, what is added before the division by it, and the codes' bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) scale: f32,
    pub(crate) min: f32,
}

/// Writes `clamp(round((x + min) / scale), lo, hi) − lo` of each sub-block whose scale is not 0; the others' codes stay.
///
/// Sub-blocks are `x.len() / steps.len()` elements long, a multiple of 16.
pub(crate) fn requantize(level: Level, x: &[f32], steps: &[Step], lo: i32, hi: i32, codes: &mut [u8]) {
    dispatch!(level, simd => body(simd, x, steps, lo, hi, codes));
}

#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32], steps: &[Step], lo: i32, hi: i32, codes: &mut [u8]) {
    let n = x.len() / steps.len().max(1);
    for ((x, step), codes) in x.chunks_exact(n).zip(steps).zip(codes.chunks_exact_mut(n)) {
        if step.scale == 0.0 {
            continue;
        }
        let (scale, min) = (f32x16::splat(simd, step.scale), f32x16::splat(simd, step.min));
        for (x, codes) in x.as_chunks::<LANES>().0.iter().zip(codes.as_chunks_mut::<LANES>().0) {
            let q: i32x16<S> = code(simd, (f32x16::from_slice(simd, x) + min) / scale, lo, hi).to_int();
            for (code, q) in codes.iter_mut().zip(<[i32; LANES]>::from(q)) {
                *code = (q - lo) as u8;
            }
        }
    }
}
