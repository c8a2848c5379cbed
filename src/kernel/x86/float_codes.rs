//! The instructions of x86 behind [`float_codes`](super::super::float_codes), one function each.

#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use fearless_simd::prelude::*;
use fearless_simd::x86::Avx512;
use fearless_simd::{f32x8, f32x16, i32x8, i32x16, kernel, u8x16, u8x32};

/// The magnitude of the NaN of E4M3 in the places of an f16, these places and the sign's, and a NaN of f16.
const E4M3: [i16; 3] = [0x3f80, 0xbf80_u16 as i16, 0x7e00];
/// What E4M3 is times an f16 in its places.
const E4M3_FACTOR: f32 = 256.0;

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_e4m3_avx512(simd: Avx512, codes: &[u8; 32]) -> [[f32; 16]; 2] {
        let [nan, places, half_nan] = [E4M3[0], E4M3[1], E4M3[2]];
        let wide = arch::_mm512_slli_epi16::<8>(arch::_mm512_cvtepu8_epi16(u8x32::from_slice(simd, codes).into()));
        let halves = arch::_mm512_and_si512(arch::_mm512_srai_epi16::<1>(wide), arch::_mm512_set1_epi16(places));
        let nan = arch::_mm512_set1_epi16(nan);
        let is_nan = arch::_mm512_cmpeq_epi16_mask(arch::_mm512_and_si512(halves, nan), nan);
        let halves = arch::_mm512_mask_mov_epi16(halves, is_nan, arch::_mm512_set1_epi16(half_nan));
        let low: f32x16<_> = arch::_mm512_cvtph_ps(arch::_mm512_castsi512_si256(halves)).simd_into(simd);
        let high: f32x16<_> = arch::_mm512_cvtph_ps(arch::_mm512_extracti64x4_epi64::<1>(halves)).simd_into(simd);
        [(low * E4M3_FACTOR).into(), (high * E4M3_FACTOR).into()]
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_e4m3_avx2(simd: Avx2, codes: &[u8; 32]) -> [[f32; 16]; 2] {
        let [nan, places, half_nan] = [E4M3[0], E4M3[1], E4M3[2]];
        let mut out = [[0.0; 16]; 2];
        for (out, codes) in out.iter_mut().zip(codes.as_chunks::<16>().0) {
            let wide = arch::_mm256_slli_epi16::<8>(arch::_mm256_cvtepu8_epi16(u8x16::from_slice(simd, codes).into()));
            let halves = arch::_mm256_and_si256(arch::_mm256_srai_epi16::<1>(wide), arch::_mm256_set1_epi16(places));
            let nan = arch::_mm256_set1_epi16(nan);
            let is_nan = arch::_mm256_cmpeq_epi16(arch::_mm256_and_si256(halves, nan), nan);
            let halves = arch::_mm256_blendv_epi8(halves, arch::_mm256_set1_epi16(half_nan), is_nan);
            let low: f32x8<_> = arch::_mm256_cvtph_ps(arch::_mm256_castsi256_si128(halves)).simd_into(simd);
            let high: f32x8<_> = arch::_mm256_cvtph_ps(arch::_mm256_extracti128_si256::<1>(halves)).simd_into(simd);
            *out = (low * E4M3_FACTOR).combine(high * E4M3_FACTOR).into();
        }
        out
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_e5m2_avx512(simd: Avx512, codes: &[u8; 32]) -> [[f32; 16]; 2] {
        let halves = arch::_mm512_slli_epi16::<8>(arch::_mm512_cvtepu8_epi16(u8x32::from_slice(simd, codes).into()));
        let low: f32x16<_> = arch::_mm512_cvtph_ps(arch::_mm512_castsi512_si256(halves)).simd_into(simd);
        let high: f32x16<_> = arch::_mm512_cvtph_ps(arch::_mm512_extracti64x4_epi64::<1>(halves)).simd_into(simd);
        [low.into(), high.into()]
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_e5m2_avx2(simd: Avx2, codes: &[u8; 32]) -> [[f32; 16]; 2] {
        let mut out = [[0.0; 16]; 2];
        for (out, codes) in out.iter_mut().zip(codes.as_chunks::<16>().0) {
            let halves =
                arch::_mm256_slli_epi16::<8>(arch::_mm256_cvtepu8_epi16(u8x16::from_slice(simd, codes).into()));
            let low: f32x8<_> = arch::_mm256_cvtph_ps(arch::_mm256_castsi256_si128(halves)).simd_into(simd);
            let high: f32x8<_> = arch::_mm256_cvtph_ps(arch::_mm256_extracti128_si256::<1>(halves)).simd_into(simd);
            *out = low.combine(high).into();
        }
        out
    }
);

/// Which bytes of the first sixteen of 24, and of the last, make the words of sixteen codes of 6 bits; −1 is zero.
const FIRST: [i8; 16] = [0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1];
const LAST: [i8; 16] = [4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1];

/// Returns the bytes of words, each of which becomes four.
const fn four_times(words: [i8; 16]) -> [u8; 64] {
    let mut out = [0; 64];
    let mut i = 0;
    while i < 64 {
        out[i] = words[i / 16 * 4 + i % 4] as u8;
        i += 1;
    }
    out
}

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn six_bits_avx512(simd: Avx512, bytes: &[u8; 24]) -> [[i32; 16]; 2] {
        let mut out = [[0; 16]; 2];
        let order = const { [four_times(FIRST), four_times(LAST)] };
        for (i, out) in out.iter_mut().enumerate() {
            let window = arch::_mm512_broadcast_i32x4(u8x16::from_slice(simd, &bytes[8 * i..8 * i + 16]).into());
            let order = fearless_simd::u8x64::from_slice(simd, &order[i]).into();
            let shifts = arch::_mm512_setr4_epi32(0, 6, 12, 18);
            let words = arch::_mm512_srlv_epi32(arch::_mm512_shuffle_epi8(window, order), shifts);
            let codes: i32x16<_> = words.simd_into(simd);
            *out = codes.into();
        }
        out
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn six_bits_avx2(simd: Avx2, bytes: &[u8; 24]) -> [[i32; 16]; 2] {
        let mut out = [[0; 16]; 2];
        let order = const { [four_times(FIRST), four_times(LAST)] };
        for (i, out) in out.iter_mut().enumerate() {
            let window = arch::_mm256_broadcastsi128_si256(u8x16::from_slice(simd, &bytes[8 * i..8 * i + 16]).into());
            let shifts = arch::_mm256_setr_epi32(0, 6, 12, 18, 0, 6, 12, 18);
            let low = arch::_mm256_shuffle_epi8(window, u8x32::from_slice(simd, &order[i][..32]).into());
            let high = arch::_mm256_shuffle_epi8(window, u8x32::from_slice(simd, &order[i][32..]).into());
            let low: i32x8<_> = arch::_mm256_srlv_epi32(low, shifts).simd_into(simd);
            let high: i32x8<_> = arch::_mm256_srlv_epi32(high, shifts).simd_into(simd);
            *out = low.combine(high).into();
        }
        out
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn lookup_of_32_avx512(simd: Avx512, list: &[f32; 32], places: i32x16<Avx512>) -> [f32; 16] {
        let (low, high) = (f32x16::from_slice(simd, &list[..16]), f32x16::from_slice(simd, &list[16..]));
        let found: f32x16<_> = arch::_mm512_permutex2var_ps(low.into(), places.into(), high.into()).simd_into(simd);
        found.into()
    }
);
