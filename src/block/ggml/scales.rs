//! Scales that are the largest magnitude divided by a number, and codes rounded to the nearest, halves away from zero: what Q8_0, Q8_1,
//! Q2_0 and the trits have in common.

use crate::kernel::{Ints, LANES, Reals, Simd, Sixteen};

/// The scales of up to sixteen blocks.
pub(super) struct Scales<S: Simd> {
    /// The scales.
    pub(super) d: Reals<S>,
    /// The bits of the nearest f16.
    pub(super) halves: [u16; LANES],
    inverses: [f32; LANES],
}

impl<S: Simd> Scales<S> {
    /// Returns the largest magnitudes divided by a number; `None` if some block has something other than usual finite numbers.
    #[inline(always)]
    pub(super) fn of_largest<const N: usize>(v: Sixteen<S>, x: &[[f32; N]], divisor: f32) -> Option<Self> {
        let bits = v.magnitudes(x);
        if !v.are_usual(bits) {
            return None;
        }
        let d = v.of_bits(bits) / v.all(divisor);
        Some(Self { d, halves: v.halves(d), inverses: v.reciprocals(d).into() })
    }

    /// Returns those of codes from −127 to 127.
    #[inline(always)]
    pub(super) fn of_bytes<const N: usize>(v: Sixteen<S>, x: &[[f32; N]]) -> Option<Self> {
        Self::of_largest(v, x, 127.0)
    }

    /// Returns the codes of sixteen elements of a block.
    #[inline(always)]
    pub(super) fn code(&self, v: Sixteen<S>, block: usize, x: &[f32; LANES]) -> Ints<S> {
        v.half_away(v.load(x) * v.all(self.inverses[block]))
    }

    /// Writes the codes of a block, one a byte, and returns their sum.
    #[inline(always)]
    pub(super) fn codes(&self, v: Sixteen<S>, block: usize, x: &[f32], out: &mut [u8]) -> i32 {
        let mut sum = v.whole(0);
        for (x, out) in x.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
            let q = self.code(v, block, x);
            *out = v.bytes(q);
            sum += q;
        }
        v.sum(sum)
    }
}
