//! The values between two bounds, and how many lie below.
//!
//! Few values are meant to lie between: a block is first counted, which vectorises, and only where it holds some are they
//! collected.

use super::level::dispatch;
use alloc::vec::Vec;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// Values that are counted at once.
const BLOCK: usize = 64;

/// Appends the values from `low` to `high`, both included, in their order, and returns how many lie below `low`.
pub(crate) fn collect_between(level: Level, x: &[f32], low: f32, high: f32, between: &mut Vec<f32>) -> u64 {
    dispatch!(level, simd => body(simd, x, low, high, between))
}

#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32], low: f32, high: f32, between: &mut Vec<f32>) -> u64 {
    let (one, none) = (f32x16::splat(simd, 1.0), f32x16::splat(simd, 0.0));
    let mut all_below = 0;
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    // Counts below 2²⁴ are exact in an f32.
    for part in blocks.chunks(1 << 20) {
        let mut below = [none; 2];
        for block in part {
            let mut outside = none;
            for k in 0..BLOCK / 16 {
                let x = f32x16::from_slice(simd, &block[16 * k..16 * (k + 1)]);
                let is_below = x.simd_lt(low).select(one, none);
                below[k % 2] += is_below;
                outside += is_below + x.simd_gt(high).select(one, none);
            }
            if !outside.simd_eq((BLOCK / 16) as f32).all_true() {
                push_between(block, low, high, between);
            }
        }
        for lane in (below[0] + below[1]).as_slice() {
            all_below += *lane as u64;
        }
    }
    push_between(rest, low, high, between);
    all_below + rest.iter().filter(|x| **x < low).count() as u64
}

/// Writes each value, and goes on to the next place if it is between: no guess is made.
fn push_between(x: &[f32], low: f32, high: f32, between: &mut Vec<f32>) {
    let (mut found, mut n) = ([0.0; BLOCK], 0);
    for &x in x {
        found[n % BLOCK] = x;
        n += usize::from((x >= low) & (x <= high));
    }
    between.extend_from_slice(&found[..n]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_collects_as_the_reference(x in prop::collection::vec(-8_i8..8, 0..=150), a in -9_i8..9, b in -9_i8..9) {
            let x: Vec<f32> = x.into_iter().map(f32::from).collect();
            let (low, high) = (f32::from(a.min(b)), f32::from(a.max(b)));
            let want: Vec<f32> = x.iter().copied().filter(|x| (low..=high).contains(x)).collect();
            for level in levels() {
                let mut got = Vec::new();
                let below = collect_between(level, &x, low, high, &mut got);
                prop_assert_eq!(&got, &want);
                prop_assert_eq!(below, x.iter().filter(|x| **x < low).count() as u64);
            }
        }
    }
}
