//! Codes of small floats of 8, 6 and 4 bits to reals, a block of 32 at a time.
//!
//! 1. FP8 by way of f16, which has its exponents and more: the code is moved to the upper places of 16 bits, and the CPU's conversion
//!    takes care of what is subnormal. E5M2 is the upper byte of an f16; E4M3 one of an exponent too large by 8, and its NaN is a number.
//! 2. FP6 and FP4 from a list of the magnitudes. Four codes of 6 bits are three bytes: these are put in each of four lanes by one
//!    permutation of bytes, and shifted.
//! 3. Where there is no such instruction, in the arithmetic of f32 ([`of_small_float`](Sixteen::of_small_float)).

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::level::{is_avx2, is_avx512};
use super::sixteen::{LANES, Sixteen};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::float_codes as x86;
use crate::num::{F8E4M3Fn, F8E5M2, SmallFloat, Stored};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::Level;
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, i32x16};

/// Elements of a block.
const LEN: usize = 2 * LANES;

/// Calls a function for AVX-512 or AVX2, if that is the level, and returns what it gives.
macro_rules! pair_on_x86 {
    ($simd:expr, $avx512:ident, $avx2:ident, $codes:expr) => {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if const { is_avx512::<S>() }
                && let Level::Avx512(own) = $simd.level()
            {
                let [low, high] = x86::$avx512(own, $codes);
                return [low.simd_into($simd), high.simd_into($simd)];
            }
            if const { is_avx2::<S>() }
                && let Level::Avx2(own) = $simd.level()
            {
                let [low, high] = x86::$avx2(own, $codes);
                return [low.simd_into($simd), high.simd_into($simd)];
            }
        }
    };
}

/// Returns the magnitudes of a small float without infinities and NaN, of up to 6 bits, in the order of their codes.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
const fn magnitudes(float: SmallFloat) -> [f32; LEN] {
    let mut list = [0.0; LEN];
    let subnormal = 1 << (23 - float.dropped);
    let mut code = 0;
    while code < LEN {
        list[code] = if code < subnormal {
            code as f32 * f32::from_bits(float.smallest_normal as u32) / subnormal as f32
        } else {
            f32::from_bits(((code as i32) << float.dropped).wrapping_add(float.rebias) as u32)
        };
        code += 1;
    }
    list
}

impl<S: Simd> Sixteen<S> {
    /// Returns the numbers that 32 codes of E4M3 stand for.
    #[inline(always)]
    pub(crate) fn of_e4m3(self, codes: &[u8; LEN]) -> [f32x16<S>; 2] {
        pair_on_x86!(self.0, of_e4m3_avx512, of_e4m3_avx2, codes);
        self.of_bytes(codes, F8E4M3Fn::SMALL_FLOAT)
    }

    /// Returns the numbers that 32 codes of E5M2 stand for.
    #[inline(always)]
    pub(crate) fn of_e5m2(self, codes: &[u8; LEN]) -> [f32x16<S>; 2] {
        pair_on_x86!(self.0, of_e5m2_avx512, of_e5m2_avx2, codes);
        self.of_bytes(codes, F8E5M2::SMALL_FLOAT)
    }

    #[inline(always)]
    fn of_bytes(self, codes: &[u8; LEN], float: Option<SmallFloat>) -> [f32x16<S>; 2] {
        let [low, high] = self.pair_of_u8(codes);
        match float {
            Some(float) => [self.of_small_float(low, float), self.of_small_float(high, float)],
            None => [self.all(0.0); 2],
        }
    }

    /// Returns the numbers that 32 codes of 6 bits of a small float stand for, the first in the lowest bits.
    #[inline(always)]
    pub(crate) fn of_six_bits(self, bytes: &[u8; LEN * 6 / 8], float: Option<SmallFloat>) -> [f32x16<S>; 2] {
        let [low, high] = self.six_bits(bytes);
        match float {
            Some(float) => [self.of_thirty_two(low, float), self.of_thirty_two(high, float)],
            None => [self.all(0.0); 2],
        }
    }

    /// Returns 32 codes of 6 bits, maybe with something above them.
    #[inline(always)]
    fn six_bits(self, bytes: &[u8; LEN * 6 / 8]) -> [i32x16<S>; 2] {
        pair_on_x86!(self.0, six_bits_avx512, six_bits_avx2, bytes);
        let mut words = [[0; LANES]; 2];
        for (words, bytes) in words.iter_mut().zip(bytes.as_chunks::<12>().0) {
            for (words, [a, b, c]) in words.as_chunks_mut::<4>().0.iter_mut().zip(bytes.as_chunks::<3>().0) {
                words.fill(u32::from_le_bytes([*a, *b, *c, 0]));
            }
        }
        words.map(|words| self.shifted_each(words, SIX_BITS))
    }

    /// Returns the numbers that codes of 6 bits of a small float stand for.
    #[inline(always)]
    fn of_thirty_two(self, codes: i32x16<S>, float: SmallFloat) -> f32x16<S> {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if const { is_avx512::<S>() }
            && let Level::Avx512(own) = self.0.level()
        {
            let lanes = <[i32; LANES]>::from(codes);
            let magnitudes = x86::lookup_of_32_avx512(own, &magnitudes(float), lanes.simd_into(own)).simd_into(self.0);
            return self.of_bits(self.bits(magnitudes) | ((codes << 26) & self.whole(i32::MIN)));
        }
        self.of_small_float(codes & self.whole(63), float)
    }
}

/// Where codes of 6 bits begin in a word of three bytes.
const SIX_BITS: [u32; LANES] = [0, 6, 12, 18, 0, 6, 12, 18, 0, 6, 12, 18, 0, 6, 12, 18];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::kernel::level::dispatch;
    use crate::kernel::levels;
    use crate::num::{F6E2M3Fn, F6E3M2Fn};

    #[inline(always)]
    fn pair<S: Simd>(pair: [f32x16<S>; 2]) -> [f32; LEN] {
        let mut out = [0.0; LEN];
        let [low, high] = pair;
        low.store_slice(&mut out[..LANES]);
        high.store_slice(&mut out[LANES..]);
        out
    }

    fn same(got: &[f32; LEN], codes: impl Iterator<Item = u8>, float: SmallFloat) {
        for (got, code) in got.iter().zip(codes) {
            let want = float.decode(code);
            assert!(got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()), "{code:#x} {got} {want}");
        }
    }

    #[test]
    fn every_code_of_a_byte_is_what_a_single_one_is() {
        let codes: [u8; 256] = core::array::from_fn(|i| i as u8);
        for level in levels() {
            for codes in codes.as_chunks().0 {
                let got = dispatch!(level, simd => pair(Sixteen(simd).of_e4m3(codes)));
                same(&got, codes.iter().copied(), F8E4M3Fn::SMALL_FLOAT.unwrap());
                let got = dispatch!(level, simd => pair(Sixteen(simd).of_e5m2(codes)));
                same(&got, codes.iter().copied(), F8E5M2::SMALL_FLOAT.unwrap());
            }
        }
    }

    #[test]
    fn every_code_of_six_bits_is_found_where_it_is() {
        for (round, step) in [(0, 1), (32, 1), (7, 37), (11, 61)] {
            let code = |i: usize| ((round + i * step) % 64) as u8;
            let mut bytes = [0; 24];
            for bit in 0..6 * LEN {
                bytes[bit / 8] |= (code(bit / 6) >> (bit % 6) & 1) << (bit % 8);
            }
            for float in [F6E2M3Fn::SMALL_FLOAT.unwrap(), F6E3M2Fn::SMALL_FLOAT.unwrap()] {
                for level in levels() {
                    let got = dispatch!(level, simd => pair(Sixteen(simd).of_six_bits(&bytes, Some(float))));
                    same(&got, (0..LEN).map(code), float);
                }
            }
        }
    }
}
