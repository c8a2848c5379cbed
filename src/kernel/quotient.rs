//! real / scale, in vectors: correctly rounded, without the divider where there is a fused multiply-add.
//!
//! A division takes the CPU as long as all the rest of quantizing takes. Where it multiplies and adds with one rounding,
//! three such steps give the same bits (P. Markstein, "Computation of elementary functions on the IBM RISC System/6000
//! processor", 1990). With RN for rounding to the nearest f32, y = RN(1/s) computed once:
//!
//! ```text
//! q = RN(x·y)      r = RN(x − q·s)      RN(q + r·y) = RN(x/s)
//! ```
//!
//! Why: let m and M be the significands of x and s, in [1, 2), and u the last place of x/s. y is off by at most half its last
//! place, so x·y is off by at most m/4 · u if m ≥ M, else by m/2 · u, and rounding adds ½u: |x/s − q| < 1.5u. r is a whole
//! multiple of u times the last place of s, and so exact while |x/s − q| ≤ u.
//!
//! - *Is the sum on the right side of q ± ½u?* x/s is never on it, but at least 2⁻²⁴/M · u away from it. There r is exact, and
//!   r·y is off by at most M · 2⁻²⁶ · u, which is less, as M² < 4.
//! - *May it reach q ± 1.5u, which x/s does not?* r is then rounded, and r·y too large by at most one part in 2²³: that
//!   takes m ≥ 2 − 2⁻²², and m < M. There is one such pair, m = 2 − 2⁻²² and M = 2 − 2⁻²³, and for it |x/s − q| is
//!   u, and next to nothing. (The tests compute it, too.)
//!
//! What may spoil it is underflow and overflow, so the quotient of an ordinary x by a scale of [`ANY_ROUNDING`] is exact:
//! - x is clamped to ±[`BOUND`] · s: no code is further away.
//! - s and y are normal numbers; r does not underflow where |x/s| ≥ 2⁻⁶⁰.
//! - Nearer to zero the quotient may be off in its last place, but its sign is that of x: for s ≤ 1, y ≥ 1 and q is at
//!   least x in magnitude, so r·y takes away less than there is. No rounding that kernels accept sees the difference.
//!
//! A rounding to the nearest gives 0 for all quotients below ¼, which is what the wider [`TO_NEAREST`] rests on. Beyond
//! these ranges, and at levels without a fused multiply-add, the kernels divide.

use super::level::{dispatch, has_fma};
use super::narrow::{greater, lesser};
use super::rounding::BuiltIn;
use crate::num::{CodeType, Scaling};
use crate::params::reciprocal;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// Scales by which the quotient is exact, or for quotients below 2⁻⁶⁰ has the sign of the exact one.
const ANY_ROUNDING: core::ops::RangeInclusive<f32> = power(-40)..=1.0;
/// Scales by which every quotient of ¼ or more is exact.
const TO_NEAREST: core::ops::RangeInclusive<f32> = power(-90)..=power(90);
/// No difference of two codes of up to 16 bits is larger than this.
pub(super) const BOUND: f32 = 131_072.0;

const fn power(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

/// How a quotient is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `x · (1 / scale)`, both steps rounded.
    Multiply,
    /// `x / scale` by Markstein's equation, where the level has what it takes: quotients are clamped to ±[`BOUND`], and
    /// of NaN too.
    Markstein,
    /// `x / scale` by division.
    Divide,
}

impl Method {
    /// Returns how to compute quotients for codes of a type: as the scaling says to the bit, and as fast as the smallest
    /// and largest scale and zero point, and the rounding that follows, allow.
    pub(super) fn of(
        code: CodeType,
        scaling: Scaling,
        (smallest, largest): (f32, f32),
        (lowest, highest): (i32, i32),
        rounding: Option<BuiltIn>,
    ) -> Self {
        let scales = if rounding.is_some_and(BuiltIn::is_to_nearest) { TO_NEAREST } else { ANY_ROUNDING };
        let bounded = code.is_integer() && code.bits() <= 16 && -65_536 < lowest && highest < 65_536;
        match scaling {
            Scaling::Reciprocal => Method::Multiply,
            // A cast: x · 1 is x / 1.
            Scaling::Divide if !bounded && smallest == 1.0 && largest == 1.0 => Method::Multiply,
            Scaling::Divide if bounded && scales.contains(&smallest) && scales.contains(&largest) => Method::Markstein,
            Scaling::Divide => Method::Divide,
        }
    }
}

/// The scales of a run of elements, and their reciprocals.
pub(super) trait Scales: Copy {
    /// Returns the scales of the elements from `i` on.
    fn scale<S: Simd>(self, simd: S, i: usize) -> f32x16<S>;
    /// Returns the reciprocals of the scales of the elements from `i` on.
    fn inverse<S: Simd>(self, simd: S, i: usize) -> f32x16<S>;
    /// Returns the scale of element `i`.
    fn scale_of(self, i: usize) -> f32;
    /// Returns the reciprocal of the scale of element `i`.
    fn inverse_of(self, i: usize) -> f32;
}

/// One scale for all.
#[derive(Clone, Copy, Debug)]
pub(super) struct One {
    pub(super) scale: f32,
    pub(super) inverse: f32,
}

impl One {
    pub(super) fn new(scale: f32) -> Self {
        Self { scale, inverse: reciprocal(scale) }
    }
}

/// Each element its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Each<'a> {
    pub(super) scales: &'a [f32],
    pub(super) inverses: &'a [f32],
}

/// Runs of 2^`shift` neighbours share a scale. Vectors are asked for where they lie in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared<'a> {
    pub(super) scales: &'a [f32],
    pub(super) inverses: &'a [f32],
    pub(super) shift: u32,
    /// The first element's position, counted from the beginning of the first run.
    pub(super) first: usize,
}

impl Scales for One {
    #[inline(always)]
    fn scale<S: Simd>(self, simd: S, _i: usize) -> f32x16<S> {
        f32x16::splat(simd, self.scale)
    }

    #[inline(always)]
    fn inverse<S: Simd>(self, simd: S, _i: usize) -> f32x16<S> {
        f32x16::splat(simd, self.inverse)
    }

    #[inline(always)]
    fn scale_of(self, _i: usize) -> f32 {
        self.scale
    }

    #[inline(always)]
    fn inverse_of(self, _i: usize) -> f32 {
        self.inverse
    }
}

impl Scales for Each<'_> {
    #[inline(always)]
    fn scale<S: Simd>(self, simd: S, i: usize) -> f32x16<S> {
        f32x16::from_slice(simd, &self.scales[i..i + 16])
    }

    #[inline(always)]
    fn inverse<S: Simd>(self, simd: S, i: usize) -> f32x16<S> {
        f32x16::from_slice(simd, &self.inverses[i..i + 16])
    }

    #[inline(always)]
    fn scale_of(self, i: usize) -> f32 {
        self.scales[i]
    }

    #[inline(always)]
    fn inverse_of(self, i: usize) -> f32 {
        self.inverses[i]
    }
}

impl Scales for Shared<'_> {
    #[inline(always)]
    fn scale<S: Simd>(self, simd: S, i: usize) -> f32x16<S> {
        f32x16::splat(simd, self.scale_of(i))
    }

    #[inline(always)]
    fn inverse<S: Simd>(self, simd: S, i: usize) -> f32x16<S> {
        f32x16::splat(simd, self.inverse_of(i))
    }

    #[inline(always)]
    fn scale_of(self, i: usize) -> f32 {
        self.scales[(self.first + i) >> self.shift]
    }

    #[inline(always)]
    fn inverse_of(self, i: usize) -> f32 {
        self.inverses[(self.first + i) >> self.shift]
    }
}

/// Returns RN(x/s) for |x| ≤ [`BOUND`] · s, or of anything else what follows from the equation: NaN from ±∞.
#[inline(always)]
pub(super) fn divided<S: Simd>(x: f32x16<S>, scale: f32x16<S>, inverse: f32x16<S>) -> f32x16<S> {
    if const { has_fma::<S>() } {
        let q = x * inverse;
        let r = (-q).mul_add_precise(scale, x);
        r.mul_add_precise(inverse, q)
    } else {
        x / scale
    }
}

/// Writes the quotient of each element of `x` to `out`. `x`, `out` and the scales of [`Each`] are equally long.
pub(super) fn quotients<Q: Scales>(level: Level, method: Method, x: &[f32], scales: Q, out: &mut [f32]) {
    match method {
        Method::Multiply => dispatch!(level, simd => body::<_, _, MULTIPLY>(simd, x, scales, out)),
        Method::Markstein => dispatch!(level, simd => body::<_, _, MARKSTEIN>(simd, x, scales, out)),
        Method::Divide => dispatch!(level, simd => body::<_, _, DIVIDE>(simd, x, scales, out)),
    }
}

const MULTIPLY: u8 = 0;
const MARKSTEIN: u8 = 1;
const DIVIDE: u8 = 2;

#[inline(always)]
fn body<S: Simd, Q: Scales, const METHOD: u8>(simd: S, x: &[f32], scales: Q, out: &mut [f32]) {
    let n = out.len();
    for (k, (x, out)) in x.chunks_exact(16).zip(out.chunks_exact_mut(16)).enumerate() {
        vector::<S, Q, METHOD>(simd, f32x16::from_slice(simd, x), scales, 16 * k).store_slice(out);
    }
    if n >= 16 && !n.is_multiple_of(16) {
        // The last whole vector once more, further on: some results are written twice, none is computed alone.
        let last = n - 16;
        vector::<S, Q, METHOD>(simd, f32x16::from_slice(simd, &x[last..]), scales, last).store_slice(&mut out[last..]);
    } else if n < 16 {
        for (i, (x, out)) in x.iter().zip(out).enumerate() {
            *out = if METHOD == MULTIPLY { x * scales.inverse_of(i) } else { x / scales.scale_of(i) };
        }
    }
}

#[inline(always)]
fn vector<S: Simd, Q: Scales, const METHOD: u8>(simd: S, x: f32x16<S>, scales: Q, i: usize) -> f32x16<S> {
    match METHOD {
        MULTIPLY => x * scales.inverse(simd, i),
        MARKSTEIN => {
            let (scale, inverse) = (scales.scale(simd, i), scales.inverse(simd, i));
            let x = lesser(greater(x, scale * -BOUND), scale * BOUND);
            divided(x, scale, inverse)
        }
        _ => x / scales.scale(simd, i),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// Checks the bits of each quotient against the division's; of those below 2⁻⁶⁰ only the sign.
    fn check(scale: f32, x: &[f32]) {
        let mut got = vec![0.0; x.len()];
        for level in levels() {
            quotients(level, Method::Markstein, x, One::new(scale), &mut got);
            for (&x, got) in x.iter().zip(&got) {
                // A slice shorter than a vector is not clamped.
                let got = got.clamp(-BOUND, BOUND);
                let want = (x / scale).clamp(-BOUND, BOUND);
                if want.abs() >= power(-60) {
                    assert_eq!(got.to_bits(), want.to_bits(), "{x:e} / {scale:e} at {level:?}");
                } else {
                    assert_eq!(
                        got.partial_cmp(&0.0),
                        want.partial_cmp(&0.0),
                        "{x:e} / {scale:e} at {level:?}: {got:e}"
                    );
                    assert!(got.abs() < 2.0 * power(-60), "{x:e} / {scale:e} at {level:?}: {got:e}");
                }
            }
        }
    }

    #[test]
    fn the_one_pair_that_the_proof_leaves_over() {
        let (x, scale) = (2.0 - f32::EPSILON * 2.0, 2.0 - f32::EPSILON);
        check(scale * 0.5, &[x * 0.5; 16]);
        check(scale * 0.25, &[x * 256.0, -x, x * 0.25, x * power(-20)].repeat(4));
    }

    /// Significands at both ends of their range and around the middle, where the errors of the steps are largest.
    #[test]
    fn significands_at_the_ends_of_their_range() {
        let ends = |from: u32| (0..40).map(move |k| f32::from_bits(from.wrapping_add(k)));
        let near = || {
            let tops = [0x3f80_0000_u32, 0x3f7f_ffd8, 0x3fff_ffd8, 0x3fb5_04e0, 0x3fc0_0000, 0x3faa_aaa0];
            tops.into_iter().flat_map(ends)
        };
        let x: Vec<f32> = near().collect();
        for scale in near() {
            check(scale * 0.5, &x);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_ordinary_scale(
            scale in (-40_i32..0, 0_u32..1 << 23).prop_map(|(e, m)| power(e) * f32::from_bits(0x3f80_0000 | m)),
            bits in prop::collection::vec(any::<u32>(), 16..60),
            halves in prop::collection::vec((-600_i32..600, -2_i32..=2), 16..60),
        ) {
            let finite: Vec<f32> = bits.into_iter().map(f32::from_bits).filter(|x| !x.is_nan()).collect();
            check(scale, &finite);
            let ties = halves.into_iter().map(|(halves, ulps)| {
                f32::from_bits((halves as f32 * 0.5 * scale).to_bits().wrapping_add_signed(ulps))
            });
            check(scale, &ties.filter(|x| !x.is_nan()).collect::<Vec<f32>>());
        }
    }
}
