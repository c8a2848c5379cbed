//! Reals to codes without a sign, in blocks, where the zero point is added before the sum is rounded.
//!
//! ```text
//! code = away(clamp(x · inverse + zero_point, 0, qmax))
//! ```
//!
//! The sum with 2²³ has no place for a fraction: it rounds halves to even, and ends in the integer r. Where what was rounded lies ½ above
//! r, the half was rounded down, and the code is r + 1.

use super::level::dispatch;
use fearless_simd::{Level, Simd};

/// What the codes of a block are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised {
    pub(crate) inverse: f32,
    pub(crate) zero_point: f32,
}

/// Writes the codes of finite elements, blocks of `size` of them and a shorter last one, as the bits of bytes; `qmax` is at most 255. `out`
/// is as long as `x`.
pub(crate) fn unsigned_codes(level: Level, x: &[f32], size: usize, blocks: &[Raised], qmax: f32, out: &mut [i8]) {
    dispatch!(level, simd => body(simd, x, size, blocks, qmax, out));
}

#[inline(always)]
fn body<S: Simd>(_simd: S, x: &[f32], size: usize, blocks: &[Raised], qmax: f32, out: &mut [i8]) {
    for ((x, out), block) in x.chunks(size).zip(out.chunks_mut(size)).zip(blocks) {
        let Raised { inverse, zero_point } = *block;
        for (x, out) in x.iter().zip(out) {
            *out = code((x * inverse + zero_point).max(0.0).min(qmax));
        }
    }
}

/// Returns the bits of the nearest whole number, halves up, of a number from 0 to 255.
#[inline(always)]
fn code(x: f32) -> i8 {
    const MAGIC: f32 = 8_388_608.0;
    let sum = x + MAGIC;
    let half = x - (sum - MAGIC) == 0.5;
    (sum.to_bits() + u32::from(half)) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use crate::num::{HalfAway, Rounding};
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_are_those_of_the_equation(
            x in prop::collection::vec((-300_i32..300, -2_i32..=2), 1..100),
            size in 1_usize..40,
            inverse in prop_oneof![Just(1.0_f32), Just(0.0), 0.1_f32..3.0],
            qmax in prop::sample::select(vec![3.0_f32, 15.0, 255.0]),
        ) {
            let x: Vec<f32> = x.into_iter().map(|(halves, steps)| {
                f32::from_bits((halves as f32 * 0.5).to_bits().wrapping_add_signed(steps))
            }).map(|x| if x.is_finite() { x } else { 0.0 }).collect();
            let blocks: Vec<Raised> = (0..x.len().div_ceil(size)).map(|k| Raised { inverse, zero_point: k as f32 }).collect();
            for level in levels() {
                let mut codes = vec![0; x.len()];
                unsigned_codes(level, &x, size, &blocks, qmax, &mut codes);
                for (i, (x, code)) in x.iter().zip(&codes).enumerate() {
                    let want = HalfAway.round((x * inverse + (i / size) as f32).clamp(0.0, qmax), 0);
                    prop_assert_eq!(f32::from(*code as u8), want, "{} at {:?}", x, level);
                }
            }
        }
    }
}
