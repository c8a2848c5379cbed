//! The instructions of x86 behind [`narrow`](super::super::narrow), one function each.

#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use fearless_simd::prelude::*;
use fearless_simd::x86::{Avx2, Avx512, Sse2};
use fearless_simd::{f32x8, f32x16, i8x32, i8x64, i16x16, i16x32, i32x4, i32x8, i32x16, kernel, u16x32};

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn nearest_avx512(simd: Avx512, x: f32x16<Avx512>) -> i32x16<Avx512> {
        arch::_mm512_cvtps_epi32(x.into()).simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn upward_avx512(simd: Avx512, x: f32x16<Avx512>) -> i32x16<Avx512> {
        arch::_mm512_cvt_roundps_epi32::<{ arch::_MM_FROUND_TO_POS_INF | arch::_MM_FROUND_NO_EXC }>(x.into())
            .simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn downward_avx512(simd: Avx512, x: f32x16<Avx512>) -> i32x16<Avx512> {
        arch::_mm512_cvt_roundps_epi32::<{ arch::_MM_FROUND_TO_NEG_INF | arch::_MM_FROUND_NO_EXC }>(x.into())
            .simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn nearest_avx2(simd: Avx2, x: f32x16<Avx2>) -> i32x16<Avx2> {
        let (a, b) = x.split();
        let a: i32x8<_> = arch::_mm256_cvtps_epi32(a.into()).simd_into(simd);
        let b: i32x8<_> = arch::_mm256_cvtps_epi32(b.into()).simd_into(simd);
        a.combine(b)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn nearest_sse2(simd: Sse2, x: f32x16<Sse2>) -> i32x16<Sse2> {
        let (ab, cd) = x.split();
        let ((a, b), (c, d)) = (ab.split(), cd.split());
        let a: i32x4<_> = arch::_mm_cvtps_epi32(a.into()).simd_into(simd);
        let b: i32x4<_> = arch::_mm_cvtps_epi32(b.into()).simd_into(simd);
        let c: i32x4<_> = arch::_mm_cvtps_epi32(c.into()).simd_into(simd);
        let d: i32x4<_> = arch::_mm_cvtps_epi32(d.into()).simd_into(simd);
        a.combine(b).combine(c.combine(d))
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn pack_i16_avx512(simd: Avx512, a: i32x16<Avx512>, b: i32x16<Avx512>) -> i16x32<Avx512> {
        arch::_mm512_packs_epi32(a.into(), b.into()).simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn pack_i8_avx512(simd: Avx512, ab: i16x32<Avx512>, cd: i16x32<Avx512>) -> i8x64<Avx512> {
        arch::_mm512_packs_epi16(ab.into(), cd.into()).simd_into(simd)
    }
);

kernel!(
    /// Returns in order what `pack_i16_avx512` and `pack_i8_avx512` packed.
    #[inline(always)]
    pub(in crate::kernel) fn bytes_in_order_avx512(simd: Avx512, packed: i8x64<Avx512>) -> i8x64<Avx512> {
        let order = arch::_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        arch::_mm512_permutexvar_epi32(order, packed.into()).simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn pack_i16_avx2(simd: Avx2, a: i32x16<Avx2>, b: i32x16<Avx2>) -> i16x32<Avx2> {
        let ((a0, a1), (b0, b1)) = (a.split(), b.split());
        let a: i16x16<_> = arch::_mm256_packs_epi32(a0.into(), a1.into()).simd_into(simd);
        let b: i16x16<_> = arch::_mm256_packs_epi32(b0.into(), b1.into()).simd_into(simd);
        a.combine(b)
    }
);

kernel!(
    /// Returns what `pack_i16_avx512` packed, in order.
    #[inline(always)]
    pub(in crate::kernel) fn in_order_avx512(simd: Avx512, packed: i16x32<Avx512>) -> i16x32<Avx512> {
        let order = arch::_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
        arch::_mm512_permutexvar_epi64(order, packed.into()).simd_into(simd)
    }
);

kernel!(
    /// Returns what `pack_i16_avx2` packed, in order.
    #[inline(always)]
    pub(in crate::kernel) fn in_order_avx2(simd: Avx2, packed: i16x32<Avx2>) -> i16x32<Avx2> {
        let (a, b) = packed.split();
        let a: i16x16<_> = arch::_mm256_permute4x64_epi64::<0b11_01_10_00>(a.into()).simd_into(simd);
        let b: i16x16<_> = arch::_mm256_permute4x64_epi64::<0b11_01_10_00>(b.into()).simd_into(simd);
        a.combine(b)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn pack_i8_avx2(simd: Avx2, ab: i16x32<Avx2>, cd: i16x32<Avx2>) -> i8x64<Avx2> {
        let ((a, b), (c, d)) = (ab.split(), cd.split());
        let ab: i8x32<_> = arch::_mm256_packs_epi16(a.into(), b.into()).simd_into(simd);
        let cd: i8x32<_> = arch::_mm256_packs_epi16(c.into(), d.into()).simd_into(simd);
        ab.combine(cd)
    }
);

kernel!(
    /// Returns in order what `pack_i16_avx2` and `pack_i8_avx2` packed.
    #[inline(always)]
    pub(in crate::kernel) fn bytes_in_order_avx2(simd: Avx2, packed: i8x64<Avx2>) -> i8x64<Avx2> {
        let order = arch::_mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let (ab, cd) = packed.split();
        let ab: i8x32<_> = arch::_mm256_permutevar8x32_epi32(ab.into(), order).simd_into(simd);
        let cd: i8x32<_> = arch::_mm256_permutevar8x32_epi32(cd.into(), order).simd_into(simd);
        ab.combine(cd)
    }
);

kernel!(
    /// Returns the upper halves of 32 values, each rounded by its lower half, halves to even: NaN may become anything.
    #[inline(always)]
    pub(in crate::kernel) fn upper_halves_avx512(simd: Avx512, a: i32x16<Avx512>, b: i32x16<Avx512>) -> u16x32<Avx512> {
        let (a, b) = (a.into(), b.into());
        let (last_place, below_half) = (arch::_mm512_set1_epi32(1 << 16), arch::_mm512_set1_epi32(0x7fff));
        let (a_odd, b_odd) = (arch::_mm512_test_epi32_mask(a, last_place), arch::_mm512_test_epi32_mask(b, last_place));
        let (a, b) = (arch::_mm512_add_epi32(a, below_half), arch::_mm512_add_epi32(b, below_half));
        let one = arch::_mm512_set1_epi32(1);
        let a = arch::_mm512_mask_add_epi32(a, a_odd, a, one);
        let b = arch::_mm512_mask_add_epi32(b, b_odd, b, one);
        let upper = arch::_mm512_set_epi16(
            63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11,
            9, 7, 5, 3, 1,
        );
        arch::_mm512_permutex2var_epi16(a, upper, b).simd_into(simd)
    }
);

kernel!(
    /// Returns `mask` without the lanes in which `a` or `b` is NaN.
    #[inline(always)]
    pub(in crate::kernel) fn ordered_avx512(simd: Avx512, mask: u16, a: f32x16<Avx512>, b: f32x16<Avx512>) -> u16 {
        let _ = simd;
        arch::_mm512_mask_cmp_ps_mask::<{ arch::_CMP_ORD_Q }>(mask, a.into(), b.into())
    }
);

kernel!(
    /// Returns `bits` with all bits set in the lanes in which `a` or `b` is NaN.
    #[inline(always)]
    pub(in crate::kernel) fn unordered_avx2(
        simd: Avx2,
        bits: f32x8<Avx2>,
        a: f32x8<Avx2>,
        b: f32x8<Avx2>,
    ) -> f32x8<Avx2> {
        let unordered = arch::_mm256_cmp_ps::<{ arch::_CMP_UNORD_Q }>(a.into(), b.into());
        arch::_mm256_or_ps(bits.into(), unordered).simd_into(simd)
    }
);
