//! The operations in AVX-512: 16 lanes.

#![expect(clippy::wildcard_imports, reason = "nearly all of the file is names of intrinsics")]

use core::arch::x86_64::*;

kernels!("avx512f,avx512bw,avx512dq");

const N: usize = 16;
type V = __m512;
type I = __m512i;
type D = __m512d;

/// Wraps intrinsics in functions that are inlined into the kernels.
macro_rules! operations {
    ($($name:ident$(::<$places:ident>)?($($arg:ident: $type:ty),*) $(-> $result:ty)? $body:block)*) => {$(
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq")]
        fn $name$(<const $places: u32>)?($($arg: $type),*) $(-> $result)? $body
    )*};
}

operations! {
    splat(x: f32) -> V { _mm512_set1_ps(x) }
    add(a: V, b: V) -> V { _mm512_add_ps(a, b) }
    mul(a: V, b: V) -> V { _mm512_mul_ps(a, b) }
    div(a: V, b: V) -> V { _mm512_div_ps(a, b) }
    min(a: V, b: V) -> V { _mm512_min_ps(a, b) }
    max(a: V, b: V) -> V { _mm512_max_ps(a, b) }
    round(a: V) -> V { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    where_within(v: V, x: V, lo: V, hi: V) -> V {
        let within = _mm512_mask_cmp_ps_mask::<_CMP_LE_OQ>(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, lo), x, hi);
        _mm512_maskz_mov_ps(within, v)
    }
    splat_bits(x: i32) -> I { _mm512_set1_epi32(x) }
    bits(x: V) -> I { _mm512_castps_si512(x) }
    from_bits(x: I) -> V { _mm512_castsi512_ps(x) }
    and(a: I, b: I) -> I { _mm512_and_si512(a, b) }
    or(a: I, b: I) -> I { _mm512_or_si512(a, b) }
    add_bits(a: I, b: I) -> I { _mm512_add_epi32(a, b) }
    sub_bits(a: I, b: I) -> I { _mm512_sub_epi32(a, b) }
    shift_right::<PLACES>(x: I) -> I { _mm512_srli_epi32::<PLACES>(x) }
    shift_left::<PLACES>(x: I) -> I { _mm512_slli_epi32::<PLACES>(x) }
    splat64(x: f64) -> D { _mm512_set1_pd(x) }
    add64(a: D, b: D) -> D { _mm512_add_pd(a, b) }
    sub64(a: D, b: D) -> D { _mm512_sub_pd(a, b) }
    max64(a: D, b: D) -> D { _mm512_max_pd(a, b) }
    abs64(a: D) -> D { _mm512_abs_pd(a) }
    fma64(a: D, b: D, c: D) -> D { _mm512_fmadd_pd(a, b, c) }
    widen(x: V) -> [D; 2] {
        [_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(x))]
    }
    load(x: &[f32]) -> V {
        let x: &[f32; N] = x.first_chunk().expect("a vector of them");
        // SAFETY: `x` has the elements that are read; no alignment is asked for.
        unsafe { _mm512_loadu_ps(x.as_ptr()) }
    }
    store(out: &mut [f32], v: V) {
        let out: &mut [f32; N] = out.first_chunk_mut().expect("a vector of them");
        // SAFETY: `out` has the elements that are written; no alignment is asked for.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) };
    }
    lanes(v: V) -> [f32; N] {
        let mut out = [0.0; N];
        store(&mut out, v);
        out
    }
    lanes64(v: D) -> [f64; 8] {
        let mut out = [0.0; 8];
        // SAFETY: `out` has the elements that are written; no alignment is asked for.
        unsafe { _mm512_storeu_pd(out.as_mut_ptr(), v) };
        out
    }
    load_codes(codes: &[i8]) -> V {
        let codes: &[i8; N] = codes.first_chunk().expect("a vector of them");
        // SAFETY: `codes` has the bytes that are read; no alignment is asked for.
        let bytes = unsafe { _mm_loadu_si128(codes.as_ptr().cast()) };
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))
    }
    store_codes(out: &mut [i8], v: [V; 4]) {
        let out: &mut [i8; 4 * N] = out.first_chunk_mut().expect("four vectors of them");
        // Packing works within 128 bits and so interleaves its arguments: this puts the fours of codes back in order.
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        let ab = _mm512_packs_epi32(_mm512_cvtps_epi32(v[0]), _mm512_cvtps_epi32(v[1]));
        let cd = _mm512_packs_epi32(_mm512_cvtps_epi32(v[2]), _mm512_cvtps_epi32(v[3]));
        let packed = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), packed) };
    }
    store_bytes(out: &mut [u8], v: [I; 4]) {
        let out: &mut [u8; 4 * N] = out.first_chunk_mut().expect("four vectors of them");
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        let (ab, cd) = (_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
        let packed = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(ab, cd));
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), packed) };
    }
    load_halves(x: &[u16]) -> I {
        let x: &[u16; N] = x.first_chunk().expect("a vector of them");
        // SAFETY: `x` has the bytes that are read; no alignment is asked for.
        _mm512_cvtepu16_epi32(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
    }
    store_halves(out: &mut [u16], v: [I; 2]) {
        let out: &mut [u16; 2 * N] = out.first_chunk_mut().expect("two vectors of them");
        for (out, v) in out.as_chunks_mut::<N>().0.iter_mut().zip(v) {
            // SAFETY: `out` has the bytes that are written; no alignment is asked for.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(v)) };
        }
    }
    load_f16(x: &[u16]) -> V {
        let x: &[u16; N] = x.first_chunk().expect("a vector of them");
        // SAFETY: `x` has the bytes that are read; no alignment is asked for.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
    }
    store_f16(out: &mut [u16], v: V) {
        let out: &mut [u16; N] = out.first_chunk_mut().expect("a vector of them");
        let halves = _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v);
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), halves) };
    }
}
