//! The instructions of x86 behind [`sixteen`](super::super::sixteen), one function each.

#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use fearless_simd::prelude::*;
use fearless_simd::x86::{Avx2, Avx512};
use fearless_simd::{f32x8, f32x16, i32x8, i32x16, kernel, u8x16};

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_u8_avx512(simd: Avx512, bytes: &[u8; 16]) -> [i32; 16] {
        let wide: i32x16<_> = arch::_mm512_cvtepu8_epi32(u8x16::from_slice(simd, bytes).into()).simd_into(simd);
        wide.into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_i8_avx512(simd: Avx512, bytes: &[u8; 16]) -> [i32; 16] {
        let wide: i32x16<_> = arch::_mm512_cvtepi8_epi32(u8x16::from_slice(simd, bytes).into()).simd_into(simd);
        wide.into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn bytes_avx512(simd: Avx512, x: i32x16<Avx512>) -> [u8; 16] {
        let bytes: u8x16<_> = arch::_mm512_cvtepi32_epi8(x.into()).simd_into(simd);
        bytes.into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn lookup_avx512(simd: Avx512, list: f32x16<Avx512>, places: i32x16<Avx512>) -> [f32; 16] {
        let found: f32x16<_> = arch::_mm512_permutexvar_ps(places.into(), list.into()).simd_into(simd);
        found.into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn half_avx512(simd: Avx512, bits: u16) -> f32 {
        let _ = simd;
        arch::_mm_cvtss_f32(arch::_mm_cvtph_ps(arch::_mm_cvtsi32_si128(bits.into())))
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn all_half_avx512(simd: Avx512, bits: u16) -> [f32; 16] {
        let all: f32x16<_> = arch::_mm512_cvtph_ps(arch::_mm256_set1_epi16(bits as i16)).simd_into(simd);
        all.into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn all_half_avx2(simd: Avx2, bits: u16) -> [f32; 16] {
        let all: f32x8<_> = arch::_mm256_cvtph_ps(arch::_mm_set1_epi16(bits as i16)).simd_into(simd);
        all.combine(all).into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn half_avx2(simd: Avx2, bits: u16) -> f32 {
        let _ = simd;
        arch::_mm_cvtss_f32(arch::_mm_cvtph_ps(arch::_mm_cvtsi32_si128(bits.into())))
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_u8_avx2(simd: Avx2, bytes: &[u8; 16]) -> [i32; 16] {
        let bytes = u8x16::from_slice(simd, bytes).into();
        let low: i32x8<_> = arch::_mm256_cvtepu8_epi32(bytes).simd_into(simd);
        let high: i32x8<_> = arch::_mm256_cvtepu8_epi32(arch::_mm_srli_si128::<8>(bytes)).simd_into(simd);
        low.combine(high).into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn of_i8_avx2(simd: Avx2, bytes: &[u8; 16]) -> [i32; 16] {
        let bytes = u8x16::from_slice(simd, bytes).into();
        let low: i32x8<_> = arch::_mm256_cvtepi8_epi32(bytes).simd_into(simd);
        let high: i32x8<_> = arch::_mm256_cvtepi8_epi32(arch::_mm_srli_si128::<8>(bytes)).simd_into(simd);
        low.combine(high).into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn bytes_avx2(simd: Avx2, x: i32x16<Avx2>) -> [u8; 16] {
        let (a, b) = x.split();
        // The lowest bytes of four integers to the front of each half.
        let front = arch::_mm256_setr_epi8(
            0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1,
            -1, -1, -1, -1,
        );
        let order = arch::_mm256_setr_epi32(0, 4, 1, 1, 1, 1, 1, 1);
        let a = arch::_mm256_permutevar8x32_epi32(arch::_mm256_shuffle_epi8(a.into(), front), order);
        let b = arch::_mm256_permutevar8x32_epi32(arch::_mm256_shuffle_epi8(b.into(), front), order);
        let both = arch::_mm_unpacklo_epi64(arch::_mm256_castsi256_si128(a), arch::_mm256_castsi256_si128(b));
        let bytes: u8x16<_> = both.simd_into(simd);
        bytes.into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn lookup_avx2(simd: Avx2, list: f32x16<Avx2>, places: i32x16<Avx2>) -> [f32; 16] {
        let ((list_low, list_high), (a, b)) = (list.split(), places.split());
        let (list_low, list_high, a, b) = (list_low.into(), list_high.into(), a.into(), b.into());
        // The fourth bit of a place to the sign, which selects.
        let a_upper = arch::_mm256_castsi256_ps(arch::_mm256_slli_epi32::<28>(a));
        let b_upper = arch::_mm256_castsi256_ps(arch::_mm256_slli_epi32::<28>(b));
        let a: f32x8<_> = arch::_mm256_blendv_ps(
            arch::_mm256_permutevar8x32_ps(list_low, a),
            arch::_mm256_permutevar8x32_ps(list_high, a),
            a_upper,
        )
        .simd_into(simd);
        let b: f32x8<_> = arch::_mm256_blendv_ps(
            arch::_mm256_permutevar8x32_ps(list_low, b),
            arch::_mm256_permutevar8x32_ps(list_high, b),
            b_upper,
        )
        .simd_into(simd);
        a.combine(b).into()
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn lookup_of_eight_avx2(simd: Avx2, list: f32x16<Avx2>, places: i32x16<Avx2>) -> [f32; 16] {
        let (list, (a, b)) = (list.split().0.into(), places.split());
        let a: f32x8<_> = arch::_mm256_permutevar8x32_ps(list, a.into()).simd_into(simd);
        let b: f32x8<_> = arch::_mm256_permutevar8x32_ps(list, b.into()).simd_into(simd);
        a.combine(b).into()
    }
);
