//! The extremes of numbers of other types than f32, found without converting them.
//!
//! ```text
//! k = b ⊕ ((b ≫ (w − 1)) & (2^(w−1) − 1))
//! ```
//!
//! of the bits b of a float of width w, shifted with the sign, is ordered as the floats are, and gives b back in the same way. NaN and
//! infinities lie beyond all numbers, on both sides: that there is none shows at the end. So it is done with 16 bits. Integers of 64 have no
//! minimum below AVX-512: f64s are compared as such, and a sum of x·0 tells of NaN.

use super::level::dispatch;
use super::min_max::Extremes;
use crate::num::{Reals, bf16, f16};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f64x8};
use half::slice::HalfFloatSliceExt;

/// Returns the extremes of what elements are in f32, if all are finite there. Of f32s, which need not be converted, `None`, and of no
/// elements.
pub(crate) fn bit_extremes(level: Level, x: Reals<'_>) -> Option<Extremes> {
    let halves = |x: &[u16]| dispatch!(level, simd => of_halves(simd, x)).map(|bits| bits as u16);
    let [min, max] = match x {
        Reals::F32(_) | Reals::F64([]) => return None,
        Reals::F16(x) => halves(x.reinterpret_cast()).map(|bits| f16::from_bits(bits).to_f32()),
        Reals::Bf16(x) => halves(x.reinterpret_cast()).map(|bits| bf16::from_bits(bits).to_f32()),
        // Rounding keeps the order.
        Reals::F64(x) => dispatch!(level, simd => of_doubles(simd, x)).map(|x| x as f32),
    };
    // + 0.0 makes +0 of −0.
    let seen = Extremes { min: min + 0.0, max: max + 0.0, count: x.len() as u64, ..Extremes::default() };
    (x.len() > 0 && min.is_finite() && max.is_finite()).then_some(seen)
}

#[inline(always)]
fn key16(bits: i16) -> i16 {
    bits ^ ((bits >> 15) & i16::MAX)
}

/// Returns the bits of the smallest and the largest.
#[inline(always)]
fn of_halves<S: Simd>(_simd: S, x: &[u16]) -> [i16; 2] {
    let (mut least, mut most) = (i16::MAX, i16::MIN);
    for &bits in x {
        let key = key16(bits as i16);
        (least, most) = (least.min(key), most.max(key));
    }
    [key16(least), key16(most)]
}

/// Returns the smallest and the largest; NaN if an element is not finite. There is one.
#[inline(always)]
fn of_doubles<S: Simd>(simd: S, x: &[f64]) -> [f64; 2] {
    const LANES: usize = 8;
    let first = f64x8::splat(simd, x[0]);
    let (mut low, mut high, mut poison) = ([first; 2], [first; 2], [f64x8::splat(simd, 0.0); 2]);
    let (whole, rest) = x.as_chunks::<{ 2 * LANES }>();
    let mut last = [x[0]; 2 * LANES];
    last[..rest.len()].copy_from_slice(rest);
    for x in whole.iter().chain([&last]) {
        for k in 0..2 {
            let x = f64x8::from_slice(simd, &x[k * LANES..(k + 1) * LANES]);
            (low[k], high[k], poison[k]) = (low[k].min(x), high[k].max(x), x.mul_add(0.0, poison[k]));
        }
    }
    if !(poison[0] + poison[1]).simd_eq(0.0).all_true() {
        return [f64::NAN; 2];
    }
    let (low, high) = (low[0].min(low[1]), high[0].max(high[1]));
    let (mut least, mut most) = (x[0], x[0]);
    for (low, high) in low.as_slice().iter().zip(high.as_slice()) {
        (least, most) = (least.min(*low), most.max(*high));
    }
    [least, most]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{levels, reference};
    use crate::num::Real;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn agrees<T: Real>(x: &[T]) -> Result<(), TestCaseError> {
        let widened: Vec<f32> = x.iter().map(|x| x.to_f32()).collect();
        let want = reference::min_max(&widened);
        for level in levels() {
            let got = bit_extremes(level, T::reals(x));
            prop_assert_eq!(got.is_some(), !x.is_empty() && want.nan + want.infinite == 0);
            if let Some(got) = got {
                prop_assert_eq!(format!("{got:?}"), format!("{want:?}"), "{:?}", level);
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn extremes_are_those_of_the_values_in_f32(
            bits in prop::collection::vec((any::<u16>(), any::<u64>()), 0..200),
            finite in any::<bool>(),
        ) {
            let halves: Vec<f16> = bits.iter().map(|(x, _)| f16::from_bits(*x)).collect();
            let brains: Vec<bf16> = bits.iter().map(|(x, _)| bf16::from_bits(*x)).collect();
            let doubles: Vec<f64> = bits.iter().map(|(_, x)| f64::from_bits(*x)).collect();
            agrees(&halves.into_iter().filter(|x| !finite || x.is_finite()).collect::<Vec<f16>>())?;
            agrees(&brains.into_iter().filter(|x| !finite || x.is_finite()).collect::<Vec<bf16>>())?;
            agrees(&doubles.into_iter().filter(|x| !finite || (*x as f32).is_finite()).collect::<Vec<f64>>())?;
        }
    }
}
