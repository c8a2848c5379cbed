//! f64 to f32 in the instructions of x86, from AVX2 on.
//!
//! Two results are put into one vector before they are stored. That is more than a wider store: a loop that converts
//! straight from memory, and stores half vectors, names no whole vector, so that the compiler does not mark the upper halves
//! as unused at its end; the first older instruction after it then took 150 ns on a Xeon of 2023.

#[cfg(target_arch = "x86")]
use core::arch::x86::{_mm256_cvtpd_ps, _mm512_cvtpd_ps};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{_mm256_cvtpd_ps, _mm512_cvtpd_ps};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x4, f32x8, f64x4, f64x8, kernel};

/// Converts `x` if the level has a vector for it, and returns whether it did.
pub(in crate::kernel) fn to_f32(level: Level, x: &[f64], out: &mut [f32]) -> bool {
    if let Some(avx512) = level.as_avx512() {
        to_f32_avx512(avx512, x, out);
    } else if let Some(avx2) = level.as_avx2() {
        to_f32_avx2(avx2, x, out);
    } else {
        return false;
    }
    true
}

kernel!(
    fn to_f32_avx512(simd: Avx512, x: &[f64], out: &mut [f32]) {
        let mut x = x.chunks_exact(16);
        let mut out = out.chunks_exact_mut(16);
        for (x, out) in x.by_ref().zip(out.by_ref()) {
            let a: f32x8<_> = _mm512_cvtpd_ps(f64x8::from_slice(simd, &x[..8]).into()).simd_into(simd);
            let b: f32x8<_> = _mm512_cvtpd_ps(f64x8::from_slice(simd, &x[8..]).into()).simd_into(simd);
            a.combine(b).store_slice(out);
        }
        for (x, out) in x.remainder().iter().zip(out.into_remainder()) {
            *out = *x as f32;
        }
    }
);

kernel!(
    fn to_f32_avx2(simd: Avx2, x: &[f64], out: &mut [f32]) {
        let mut x = x.chunks_exact(8);
        let mut out = out.chunks_exact_mut(8);
        for (x, out) in x.by_ref().zip(out.by_ref()) {
            let a: f32x4<_> = _mm256_cvtpd_ps(f64x4::from_slice(simd, &x[..4]).into()).simd_into(simd);
            let b: f32x4<_> = _mm256_cvtpd_ps(f64x4::from_slice(simd, &x[4..]).into()).simd_into(simd);
            a.combine(b).store_slice(out);
        }
        for (x, out) in x.remainder().iter().zip(out.into_remainder()) {
            *out = *x as f32;
        }
    }
);
