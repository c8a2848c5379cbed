//! The operations in AVX2: 8 lanes.

#![expect(clippy::wildcard_imports, reason = "nearly all of the file is names of intrinsics")]

use core::arch::x86_64::*;

kernels!("avx2,fma,f16c");

const N: usize = 8;
type V = __m256;
type I = __m256i;
type D = __m256d;

/// Wraps intrinsics in functions that are inlined into the kernels.
macro_rules! operations {
    ($($name:ident$(::<$places:ident>)?($($arg:ident: $type:ty),*) $(-> $result:ty)? $body:block)*) => {$(
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        fn $name$(<const $places: i32>)?($($arg: $type),*) $(-> $result)? $body
    )*};
}

operations! {
    splat(x: f32) -> V { _mm256_set1_ps(x) }
    add(a: V, b: V) -> V { _mm256_add_ps(a, b) }
    mul(a: V, b: V) -> V { _mm256_mul_ps(a, b) }
    div(a: V, b: V) -> V { _mm256_div_ps(a, b) }
    min(a: V, b: V) -> V { _mm256_min_ps(a, b) }
    max(a: V, b: V) -> V { _mm256_max_ps(a, b) }
    round(a: V) -> V { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    where_within(v: V, x: V, lo: V, hi: V) -> V {
        let within = _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(x, lo), _mm256_cmp_ps::<_CMP_LE_OQ>(x, hi));
        _mm256_and_ps(within, v)
    }
    splat_bits(x: i32) -> I { _mm256_set1_epi32(x) }
    bits(x: V) -> I { _mm256_castps_si256(x) }
    from_bits(x: I) -> V { _mm256_castsi256_ps(x) }
    and(a: I, b: I) -> I { _mm256_and_si256(a, b) }
    or(a: I, b: I) -> I { _mm256_or_si256(a, b) }
    add_bits(a: I, b: I) -> I { _mm256_add_epi32(a, b) }
    sub_bits(a: I, b: I) -> I { _mm256_sub_epi32(a, b) }
    shift_right::<PLACES>(x: I) -> I { _mm256_srli_epi32::<PLACES>(x) }
    shift_left::<PLACES>(x: I) -> I { _mm256_slli_epi32::<PLACES>(x) }
    splat64(x: f64) -> D { _mm256_set1_pd(x) }
    add64(a: D, b: D) -> D { _mm256_add_pd(a, b) }
    sub64(a: D, b: D) -> D { _mm256_sub_pd(a, b) }
    max64(a: D, b: D) -> D { _mm256_max_pd(a, b) }
    abs64(a: D) -> D { _mm256_andnot_pd(_mm256_set1_pd(-0.0), a) }
    fma64(a: D, b: D, c: D) -> D { _mm256_fmadd_pd(a, b, c) }
    widen(x: V) -> [D; 2] {
        [_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x))]
    }
    load(x: &[f32]) -> V {
        let x: &[f32; N] = x.first_chunk().expect("a vector of them");
        // SAFETY: `x` has the elements that are read; no alignment is asked for.
        unsafe { _mm256_loadu_ps(x.as_ptr()) }
    }
    store(out: &mut [f32], v: V) {
        let out: &mut [f32; N] = out.first_chunk_mut().expect("a vector of them");
        // SAFETY: `out` has the elements that are written; no alignment is asked for.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), v) };
    }
    lanes(v: V) -> [f32; N] {
        let mut out = [0.0; N];
        store(&mut out, v);
        out
    }
    lanes64(v: D) -> [f64; 4] {
        let mut out = [0.0; 4];
        // SAFETY: `out` has the elements that are written; no alignment is asked for.
        unsafe { _mm256_storeu_pd(out.as_mut_ptr(), v) };
        out
    }
    load_codes(codes: &[i8]) -> V {
        let codes: &[i8; N] = codes.first_chunk().expect("a vector of them");
        // SAFETY: `codes` has the eight bytes that are read; no alignment is asked for.
        let bytes = unsafe { _mm_loadl_epi64(codes.as_ptr().cast()) };
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))
    }
    store_codes(out: &mut [i8], v: [V; 4]) {
        let out: &mut [i8; 4 * N] = out.first_chunk_mut().expect("four vectors of them");
        // Packing works within 128 bits and so interleaves its arguments: this puts the fours of codes back in order.
        let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let ab = _mm256_packs_epi32(_mm256_cvtps_epi32(v[0]), _mm256_cvtps_epi32(v[1]));
        let cd = _mm256_packs_epi32(_mm256_cvtps_epi32(v[2]), _mm256_cvtps_epi32(v[3]));
        let packed = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd), order);
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), packed) };
    }
    store_bytes(out: &mut [u8], v: [I; 4]) {
        let out: &mut [u8; 4 * N] = out.first_chunk_mut().expect("four vectors of them");
        let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let (ab, cd) = (_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
        let packed = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order);
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), packed) };
    }
    load_halves(x: &[u16]) -> I {
        let x: &[u16; N] = x.first_chunk().expect("a vector of them");
        // SAFETY: `x` has the bytes that are read; no alignment is asked for.
        _mm256_cvtepu16_epi32(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
    }
    store_halves(out: &mut [u16], v: [I; 2]) {
        let out: &mut [u16; 2 * N] = out.first_chunk_mut().expect("two vectors of them");
        let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(v[0], v[1]));
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), packed) };
    }
    load_f16(x: &[u16]) -> V {
        let x: &[u16; N] = x.first_chunk().expect("a vector of them");
        // SAFETY: `x` has the bytes that are read; no alignment is asked for.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
    }
    store_f16(out: &mut [u16], v: V) {
        let out: &mut [u16; N] = out.first_chunk_mut().expect("a vector of them");
        let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v);
        // SAFETY: `out` has the bytes that are written; no alignment is asked for.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), halves) };
    }
}
