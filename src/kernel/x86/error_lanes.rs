//! The instructions of x86 behind [`error_lanes`](super::super::error_lanes), one function each.

#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use fearless_simd::prelude::*;
use fearless_simd::x86::{Avx2, Avx512};
use fearless_simd::{f32x4, f32x8, f32x16, f64x4, f64x8, kernel};

kernel!(
    /// Returns the values in f64. From memory this is one instruction.
    #[inline(always)]
    pub(in crate::kernel) fn widen_avx512(simd: Avx512, x: f32x8<Avx512>) -> f64x8<Avx512> {
        arch::_mm512_cvtps_pd(x.into()).simd_into(simd)
    }
);

kernel!(
    /// Returns the values in f64.
    #[inline(always)]
    pub(in crate::kernel) fn widen_avx2(simd: Avx2, x: f32x4<Avx2>) -> f64x4<Avx2> {
        arch::_mm256_cvtps_pd(x.into()).simd_into(simd)
    }
);

kernel!(
    /// Returns the lanes in which y is 0, and x neither 0 nor NaN.
    #[inline(always)]
    pub(in crate::kernel) fn zeroed_avx512(simd: Avx512, x: f32x16<Avx512>, y: f32x16<Avx512>) -> u16 {
        let _ = simd;
        let zero = arch::_mm512_setzero_ps();
        let lost = arch::_mm512_cmp_ps_mask::<{ arch::_CMP_EQ_OQ }>(y.into(), zero);
        arch::_mm512_mask_cmp_ps_mask::<{ arch::_CMP_NEQ_OQ }>(lost, x.into(), zero)
    }
);
