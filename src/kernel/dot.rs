//! The sum of products of two slices, in an order that no machine changes.
//!
//! Four vectors of 16 sums, each of which gets every fourth vector of products; then the vectors are added, and the lanes in halves.
//! Products are rounded before they are added: multiply-adds would give other bits where there are none.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16};

const LANES: usize = 16;
const SUMS: usize = 4;

/// Returns Σ a · b over the length of the shorter one.
pub(crate) fn dot(level: Level, a: &[f32], b: &[f32]) -> f32 {
    dispatch!(level, simd => body(simd, a, b))
}

#[inline(always)]
fn body<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [f32x16::splat(simd, 0.0); SUMS];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<{ LANES * SUMS }>(), b.as_chunks::<{ LANES * SUMS }>());
    for (a, b) in a.iter().zip(b) {
        for k in 0..SUMS {
            let (a, b) = (&a[k * LANES..(k + 1) * LANES], &b[k * LANES..(k + 1) * LANES]);
            sums[k] += f32x16::from_slice(simd, a) * f32x16::from_slice(simd, b);
        }
    }
    let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    if a_rest.is_empty() || b_rest.is_empty() {
        // As below, in registers.
        let (low, high) = sum.split();
        let (low, high) = (low + high).split();
        let [a, b, c, d] = <[f32; LANES / 4]>::from(low + high);
        return (a + c) + (b + d);
    }
    let mut lanes = <[f32; LANES]>::from(sum);
    for (lane, (a, b)) in (0..LANES).cycle().zip(a_rest.iter().zip(b_rest)) {
        lanes[lane] += a * b;
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec::Vec;

    #[test]
    fn every_level_gives_the_bits_of_the_others_and_the_sum() {
        for n in 0..200_u32 {
            let a: Vec<f32> = (0..n).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 8) as f32 / 1e7 - 0.8).collect();
            let b: Vec<f32> = a.iter().rev().map(|x| x * x - 0.3).collect();
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let want = dot(Level::baseline(), &a, &b);
            assert!((f64::from(want) - exact).abs() < 1e-4);
            for level in levels() {
                assert_eq!(dot(level, &a, &b).to_bits(), want.to_bits(), "{level:?} {n}");
            }
        }
    }
}
