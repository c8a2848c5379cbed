//! The nearest of sixteen values, by halving their list four times.
//!
//! ```text
//! place = number of middles between neighbours that x does not lie below
//! ```
//!
//! 1. The first comparison is with the eighth middle; which middle is next follows from the outcomes before, of which there are two,
//!    four, eight: it is looked up among eight numbers in a register, in one instruction of AVX-512 and one for each half of AVX2.
//! 2. Each outcome is a bit of its own, the first the lowest: an addition under a mask. So the list of values is looked up with its
//!    places' bits in that order.
//! 3. Where a lookup is no instruction, fifteen comparisons in order are less: each that does not hold selects the value behind it.
//!
//! NaN lies below nothing, and has the largest value.

use super::tile::LANES;
use crate::kernel::level::{is_avx2, is_avx512};
use crate::kernel::sixteen::Sixteen;
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, i32x16};

/// Sixteen values, ascending, ready to be searched.
#[derive(Clone, Copy)]
pub(super) struct Halving<S: Simd> {
    values: [f32; LANES],
    middles: [f32; LANES - 1],
    first: f32x16<S>,
    /// The middles that follow, by the outcomes before, over and over.
    next: [f32x16<S>; 3],
    /// Values and places by all four outcomes.
    by_outcome: f32x16<S>,
    places: f32x16<S>,
}

/// Returns four bits in the opposite order.
const fn reversed(bits: usize) -> usize {
    (bits & 1) << 3 | (bits & 2) << 1 | (bits & 4) >> 1 | (bits & 8) >> 3
}

impl<S: Simd> Halving<S> {
    #[inline(always)]
    pub(super) fn of(simd: S, values: &[f32; LANES]) -> Self {
        let mut middles = [0.0; LANES - 1];
        for (i, middle) in middles.iter_mut().enumerate() {
            *middle = (values[i] + values[i + 1]) * 0.5;
        }
        let (mut next, mut by_outcome, mut places) = ([[0.0; LANES]; 3], [0.0; LANES], [0.0; LANES]);
        for outcomes in 0..LANES {
            for (k, next) in next.iter_mut().enumerate() {
                // The place that k + 1 outcomes came to, and the middle of the values that are left above it.
                let place = reversed(outcomes & ((2 << k) - 1));
                next[outcomes] = middles[place + (4 >> k) - 1];
            }
            by_outcome[outcomes] = values[reversed(outcomes)];
            places[outcomes] = reversed(outcomes) as f32;
        }
        Self {
            values: *values,
            middles,
            first: f32x16::splat(simd, middles[7]),
            next: [
                f32x16::from_slice(simd, &next[0]),
                f32x16::from_slice(simd, &next[1]),
                f32x16::from_slice(simd, &next[2]),
            ],
            by_outcome: f32x16::from_slice(simd, &by_outcome),
            places: f32x16::from_slice(simd, &places),
        }
    }

    #[inline(always)]
    fn outcomes(&self, simd: S, x: f32x16<S>) -> i32x16<S> {
        let v = Sixteen(simd);
        let mut outcomes = x.simd_lt(self.first).select(v.whole(0), v.whole(1));
        for (k, next) in self.next.into_iter().enumerate() {
            let middle = v.lookup_of_eight(next, outcomes);
            outcomes = x.simd_lt(middle).select(outcomes, outcomes + v.whole(2 << k));
        }
        outcomes
    }

    /// Returns the nearest values.
    #[inline(always)]
    pub(super) fn value(&self, simd: S, x: f32x16<S>) -> f32x16<S> {
        if const { is_avx512::<S>() || is_avx2::<S>() } {
            return Sixteen(simd).lookup(self.by_outcome, self.outcomes(simd, x));
        }
        let mut value = f32x16::splat(simd, self.values[0]);
        for (i, middle) in self.middles.into_iter().enumerate() {
            let next = f32x16::splat(simd, self.values[i + 1]);
            value = x.simd_lt(f32x16::splat(simd, middle)).select(value, next);
        }
        value
    }

    /// Returns their places.
    #[inline(always)]
    pub(super) fn code(&self, simd: S, x: f32x16<S>) -> f32x16<S> {
        if const { is_avx512::<S>() || is_avx2::<S>() } {
            return Sixteen(simd).lookup(self.places, self.outcomes(simd, x));
        }
        let (zero, one) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, 1.0));
        let mut code = zero;
        for middle in self.middles {
            code += x.simd_lt(f32x16::splat(simd, middle)).select(zero, one);
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::level::dispatch;
    use crate::kernel::levels;

    #[inline(always)]
    fn both<S: Simd>(simd: S, values: &[f32; LANES], x: &[f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
        let (halving, x) = (Halving::of(simd, values), f32x16::from_slice(simd, x));
        (halving.value(simd, x).into(), halving.code(simd, x).into())
    }

    #[test]
    fn it_is_the_number_of_middles_that_a_number_is_not_below() {
        let values = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113].map(|v| v as f32);
        let middles: [f32; 15] = core::array::from_fn(|i| (values[i] + values[i + 1]) * 0.5);
        // Every quarter of a number, the middles themselves, and what no comparison holds of.
        for start in (-640..640).step_by(LANES) {
            let mut x: [f32; LANES] = core::array::from_fn(|i| (start + i as i32) as f32 * 0.25);
            if start == 0 {
                (x[0], x[1], x[2]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
            }
            for level in levels() {
                let (got, codes) = dispatch!(level, simd => both(simd, &values, &x));
                for (i, &x) in x.iter().enumerate() {
                    let place = middles.iter().filter(|middle| x.is_nan() || x >= **middle).count();
                    assert_eq!((got[i], codes[i]), (values[place], place as f32), "{level:?} {x}");
                }
            }
        }
    }
}
