//! Reals to codes of −127..=127 by a quotient in f64, halves away from zero, at the speed of f32.
//!
//! ```text
//! code = clamp(away(RN64(x / scale)), −127, 127)
//! ```
//!
//! 1. A product in f32 with the reciprocal, rounded to f32, is within 2⁻²³ of the quotient, or 2⁻¹⁶ where the code does not
//!    saturate. So unless it lies within 2⁻¹⁵ of a tie, it is on the same side of the tie as the quotient in f64, and the
//!    nearest integer is the code, however ties are rounded.
//! 2. A block of 64 in which one lies closer is done as it is written: about one block in 250 of weights as they are.
//! 3. The distance from the nearest integer is at most ½; of NaN, and of what no integer holds, it compares as farther.

use super::level::dispatch;
use super::narrow::{lesser, nearest, pack_i8, pack_i16};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i8x64, i32x16};

/// Elements in a block.
const BLOCK: usize = 64;
/// Quotients that are farther from an integer may be on the other side of a tie.
const SURE: f32 = 0.5 - 1.0 / 32_768.0;
/// Beyond every code, and an integer that packs as it is.
const BOUND: f32 = 1024.0;

/// The scales of a run of elements, as they divide, and their reciprocals in f32.
trait Scales: Copy {
    fn scale(self, i: usize) -> f64;
    fn inverse<S: Simd>(self, simd: S, i: usize) -> f32x16<S>;
}

/// One for all.
#[derive(Clone, Copy)]
struct One(f64);

impl Scales for One {
    #[inline(always)]
    fn scale(self, _i: usize) -> f64 {
        self.0
    }

    #[inline(always)]
    fn inverse<S: Simd>(self, simd: S, _i: usize) -> f32x16<S> {
        f32x16::splat(simd, (1.0 / self.0) as f32)
    }
}

/// Each element its own.
#[derive(Clone, Copy)]
struct Each<'a> {
    scales: &'a [f64],
    inverses: &'a [f32],
}

impl Scales for Each<'_> {
    #[inline(always)]
    fn scale(self, i: usize) -> f64 {
        self.scales[i]
    }

    #[inline(always)]
    fn inverse<S: Simd>(self, simd: S, i: usize) -> f32x16<S> {
        f32x16::from_slice(simd, &self.inverses[i..i + 16])
    }
}

/// Writes the codes of `x` to `out`, which is as long. The scale and its reciprocal are normal numbers of f32.
pub(crate) fn narrow_codes(level: Level, x: &[f32], scale: f64, out: &mut [i8]) {
    dispatch!(level, simd => body(simd, x, One(scale), out));
}

/// The same, where each element has a scale of its own; `inverses` are their reciprocals.
pub(crate) fn narrow_codes_each(level: Level, x: &[f32], scales: &[f64], inverses: &[f32], out: &mut [i8]) {
    dispatch!(level, simd => body(simd, x, Each { scales, inverses }, out));
}

/// The specification: the code of a quotient. NaN gives 0. (`f64::round` is a call where the target guarantees no instruction
/// for it.)
#[inline(always)]
fn away(quotient: f64) -> i8 {
    let quotient = quotient.clamp(-127.0, 127.0);
    let whole = quotient as i32;
    // What is cut off is exact.
    let rest = quotient - f64::from(whole);
    (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i8
}

#[inline(always)]
fn body<S: Simd, Q: Scales>(simd: S, x: &[f32], scales: Q, out: &mut [i8]) {
    let n = x.len().min(out.len());
    let (x, out) = (&x[..n], &mut out[..n]);
    let whole = n / BLOCK * BLOCK;
    for at in (0..whole).step_by(BLOCK) {
        let (x, out) = (&x[at..at + BLOCK], &mut out[at..at + BLOCK]);
        if !block(simd, x, scales, at, out) {
            one_by_one(x, scales, at, out);
        }
    }
    one_by_one(&x[whole..], scales, whole, &mut out[whole..]);
}

#[inline(always)]
fn one_by_one<Q: Scales>(x: &[f32], scales: Q, at: usize, out: &mut [i8]) {
    for (i, (&x, out)) in x.iter().zip(out).enumerate() {
        *out = away(f64::from(x) / scales.scale(at + i));
    }
}

/// Writes 64 codes, and returns whether all of them are sure.
#[inline(always)]
fn block<S: Simd, Q: Scales>(simd: S, x: &[f32], scales: Q, at: usize, out: &mut [i8]) -> bool {
    let (a, a_far) = steps(simd, &x[..16], scales.inverse(simd, at));
    let (b, b_far) = steps(simd, &x[16..32], scales.inverse(simd, at + 16));
    let (c, c_far) = steps(simd, &x[32..48], scales.inverse(simd, at + 32));
    let (d, d_far) = steps(simd, &x[48..], scales.inverse(simd, at + 48));
    let codes = pack_i8(simd, pack_i16(simd, a, b), pack_i16(simd, c, d));
    codes.max(i8x64::splat(simd, -127)).store_slice(out);
    let sure = f32x16::splat(simd, SURE);
    (a_far.simd_le(sure) & b_far.simd_le(sure) & c_far.simd_le(sure) & d_far.simd_le(sure)).all_true()
}

/// Returns 16 quotients as integers, and how far they are from these.
#[inline(always)]
fn steps<S: Simd>(simd: S, x: &[f32], inverse: f32x16<S>) -> (i32x16<S>, f32x16<S>) {
    let quotient = lesser(f32x16::splat(simd, BOUND), f32x16::from_slice(simd, x) * inverse);
    let step = nearest(simd, quotient);
    let far = quotient - step.to_float::<f32x16<S>>();
    (step, far.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn quotients_are_rounded_as_the_definition_does() {
        for code in -128..=128 {
            for half in [-0.5, 0.0, 0.5] {
                let near = f64::from(code) + half;
                for quotient in [near.next_down(), near, near.next_up()] {
                    assert_eq!(f64::from(away(quotient)), quotient.round().clamp(-127.0, 127.0), "{quotient:e}");
                }
            }
        }
        assert_eq!((away(f64::INFINITY), away(-1e300), away(0.499_999_999_999_999_94)), (127, -127, 0));
    }

    /// Any bits; multiples of half a scale and their neighbours; weights as they are.
    fn real(scale: f64) -> impl Strategy<Value = f32> {
        prop_oneof![
            2 => any::<u32>().prop_map(f32::from_bits),
            4 => (-260..260_i32, -40..40_i32).prop_map(move |(halves, ulps)| {
                let near = (f64::from(halves) * 0.5 * scale) as f32;
                f32::from_bits(near.to_bits().wrapping_add_signed(ulps))
            }),
            8 => (-127.0..127.0_f64).prop_map(move |quotient| (quotient * scale) as f32),
        ]
    }

    proptest! {
        #[test]
        fn every_level_gives_the_codes_of_the_definition(
            (scale, x) in (0.0_f64..1.0, -120..110_i32).prop_flat_map(|(fraction, exponent)| {
                let scale = (1.0 + fraction) * 2.0_f64.powi(exponent);
                (Just(scale), prop::collection::vec(real(scale), 0..=200))
            }),
            other in 0.25_f64..4.0,
        ) {
            let scales: Vec<f64> = (0..x.len()).map(|i| if i % 3 == 0 { scale * other } else { scale }).collect();
            let inverses: Vec<f32> = scales.iter().map(|scale| (1.0 / scale) as f32).collect();
            let want: Vec<i8> = x.iter().map(|&x| away(f64::from(x) / scale)).collect();
            let want_each: Vec<i8> = x.iter().zip(&scales).map(|(&x, scale)| away(f64::from(x) / scale)).collect();
            for level in levels() {
                let (mut got, mut got_each) = (vec![55; x.len()], vec![55; x.len()]);
                narrow_codes(level, &x, scale, &mut got);
                narrow_codes_each(level, &x, &scales, &inverses, &mut got_each);
                prop_assert_eq!(&got, &want, "{:?}", level);
                prop_assert_eq!(&got_each, &want_each, "{:?}", level);
            }
        }

        /// Where none is near a tie, which the other test hardly ever has in 64 of them.
        #[test]
        fn blocks_that_are_sure_are_right(x in prop::collection::vec(-127.0_f64..127.0, 640), scale in 1e-3_f64..1e3) {
            let x: Vec<f32> = x.iter().map(|quotient| (quotient * scale) as f32).collect();
            let want: Vec<i8> = x.iter().map(|&x| away(f64::from(x) / scale)).collect();
            for level in levels() {
                let mut got = vec![55; x.len()];
                narrow_codes(level, &x, scale, &mut got);
                prop_assert_eq!(&got, &want, "{:?}", level);
            }
        }
    }
}
