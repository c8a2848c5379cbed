//! The conversions between f32 and f16 that x86 has as instructions: F16C, and AVX-512's wider form.

use crate::num::{Real, f16};
#[cfg(target_arch = "x86")]
use core::arch::x86::{
    _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_cvtph_ps, _mm256_cvtps_ph, _mm512_cvtph_ps, _mm512_cvtps_ph,
};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{
    _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_cvtph_ps, _mm256_cvtps_ph, _mm512_cvtph_ps, _mm512_cvtps_ph,
};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x8, f32x16, kernel, u16x8, u16x16};
use half::slice::HalfFloatSliceExt;

/// Halves to even, no exceptions raised. (The 256-bit form takes three bits, and has no flag for exceptions.)
const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

/// Converts `x` if the level has an instruction for it, and returns whether it did.
pub(in crate::kernel) fn f32_to_f16(level: Level, x: &[f32], out: &mut [f16]) -> bool {
    if let Some(avx512) = level.as_avx512() {
        narrow_avx512(avx512, x, out);
    } else if let Some(avx2) = level.as_avx2() {
        narrow_avx2(avx2, x, out);
    } else {
        return false;
    }
    true
}

/// Converts `x` if the level has an instruction for it, and returns whether it did.
pub(in crate::kernel) fn f16_to_f32(level: Level, x: &[f16], out: &mut [f32]) -> bool {
    if let Some(avx512) = level.as_avx512() {
        widen_avx512(avx512, x, out);
    } else if let Some(avx2) = level.as_avx2() {
        widen_avx2(avx2, x, out);
    } else {
        return false;
    }
    true
}

kernel!(
    fn narrow_avx512(simd: Avx512, x: &[f32], out: &mut [f16]) {
        let mut x = x.chunks_exact(16);
        let mut out = out.chunks_exact_mut(16);
        for (x, out) in x.by_ref().zip(out.by_ref()) {
            let bits = _mm512_cvtps_ph::<NEAREST>(f32x16::from_slice(simd, x).into());
            let bits: u16x16<_> = bits.simd_into(simd);
            bits.store_slice(out.reinterpret_cast_mut());
        }
        for (x, out) in x.remainder().iter().zip(out.into_remainder()) {
            *out = Real::from_f32(*x);
        }
    }
);

kernel!(
    fn narrow_avx2(simd: Avx2, x: &[f32], out: &mut [f16]) {
        let mut x = x.chunks_exact(8);
        let mut out = out.chunks_exact_mut(8);
        for (x, out) in x.by_ref().zip(out.by_ref()) {
            let bits = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(f32x8::from_slice(simd, x).into());
            let bits: u16x8<_> = bits.simd_into(simd);
            bits.store_slice(out.reinterpret_cast_mut());
        }
        for (x, out) in x.remainder().iter().zip(out.into_remainder()) {
            *out = Real::from_f32(*x);
        }
    }
);

kernel!(
    fn widen_avx512(simd: Avx512, x: &[f16], out: &mut [f32]) {
        let mut x = x.chunks_exact(16);
        let mut out = out.chunks_exact_mut(16);
        for (x, out) in x.by_ref().zip(out.by_ref()) {
            let reals = _mm512_cvtph_ps(u16x16::from_slice(simd, x.reinterpret_cast()).into());
            let reals: f32x16<_> = reals.simd_into(simd);
            reals.store_slice(out);
        }
        for (x, out) in x.remainder().iter().zip(out.into_remainder()) {
            *out = x.to_f32();
        }
    }
);

kernel!(
    fn widen_avx2(simd: Avx2, x: &[f16], out: &mut [f32]) {
        let mut x = x.chunks_exact(8);
        let mut out = out.chunks_exact_mut(8);
        for (x, out) in x.by_ref().zip(out.by_ref()) {
            let reals = _mm256_cvtph_ps(u16x8::from_slice(simd, x.reinterpret_cast()).into());
            let reals: f32x8<_> = reals.simd_into(simd);
            reals.store_slice(out);
        }
        for (x, out) in x.remainder().iter().zip(out.into_remainder()) {
            *out = x.to_f32();
        }
    }
);
