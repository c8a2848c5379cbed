//! What is attainable: the least work that does each operation, written by hand with AVX-512's intrinsics.
//!
//! These are yardsticks, not kernels: no NaN policy, no zero point, no rounding but halves to even, and whole blocks of
//! 64 elements only.

#![allow(dead_code, reason = "a benchmark uses the limits of its own operation")]

use core::arch::x86_64::{
    __m256i, __m512, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm256_loadu_si256,
    _mm256_storeu_si256, _mm512_add_epi32, _mm512_and_epi32, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_cvtepi8_epi32, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps, _mm512_cvtepu16_epi32, _mm512_cvtph_ps,
    _mm512_cvtps_epi32, _mm512_cvtps_ph, _mm512_div_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_packs_epi16, _mm512_packs_epi32, _mm512_permutexvar_epi32, _mm512_reduce_max_ps, _mm512_reduce_min_ps,
    _mm512_roundscale_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_slli_epi32, _mm512_srli_epi32,
    _mm512_storeu_ps, _mm512_storeu_si512,
};
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};

/// Elements that a turn of the longest loop handles: four vectors of f32s, one of codes.
const BLOCK: usize = 64;

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

/// Proof that this CPU has AVX-512 F and BW: only [`Avx512::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Returns the proof, if the CPU has what the kernels need.
    pub(crate) fn detect() -> Option<Self> {
        let has_both = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        has_both.then_some(Self(()))
    }
}

/// Wraps each kernel below in a safe method.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident$(::<$flag:ident>)?($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        impl Avx512 {
            $($(#[$doc])*
            pub(crate) fn $name$(<const $flag: bool>)?(self, $($arg: $type),*) $(-> $result)? {
                // SAFETY: the kernel needs AVX-512 F and BW and nothing else; `self` proves that the CPU has both.
                unsafe { $name$(::<$flag>)?($($arg),*) }
            })*
        }
    };
}

methods! {
    /// Reals to codes, by division or by multiplication with the reciprocal.
    quantize::<DIVIDE>(x: &[f32], scale: f32, codes: &mut [i8]);
    /// Codes to reals.
    dequantize(codes: &[i8], scale: f32, out: &mut [f32]);
    /// Reals to codes and back.
    fake_quantize::<DIVIDE>(x: &[f32], scale: f32, out: &mut [f32]);
    /// The smallest and the largest.
    min_max(x: &[f32]) -> (f32, f32);
    f32_to_f16(x: &[f32], out: &mut [f16]);
    f16_to_f32(x: &[f16], out: &mut [f32]);
    f32_to_bf16(x: &[f32], out: &mut [bf16]);
    bf16_to_f32(x: &[bf16], out: &mut [f32]);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn quantize<const DIVIDE: bool>(x: &[f32], scale: f32, codes: &mut [i8]) {
    assert_blocks(x.len(), codes.len());
    // Packing works within 128 bits and so interleaves its arguments: this puts the fours of codes back in order.
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let factor = _mm512_set1_ps(if DIVIDE { scale } else { 1.0 / scale });
    for (x, codes) in vectors::<_, BLOCK>(x).zip(vectors_mut::<_, BLOCK>(codes)) {
        let mut quotients = load4(x);
        for v in &mut quotients {
            *v = clamped_quotient::<DIVIDE>(*v, factor);
        }
        let [a, b, c, d] = quotients;
        let ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
        let cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
        let packed = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
        // SAFETY: `codes` has the 64 bytes that are written; no alignment is asked for.
        unsafe { _mm512_storeu_si512(codes.as_mut_ptr().cast(), packed) };
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn dequantize(codes: &[i8], scale: f32, out: &mut [f32]) {
    assert_blocks(codes.len(), out.len());
    let scale = _mm512_set1_ps(scale);
    for (codes, out) in vectors::<_, 16>(codes).zip(vectors_mut(out)) {
        // SAFETY: `codes` has the 16 bytes that are read; no alignment is asked for.
        let bytes = unsafe { _mm_loadu_si128(codes.as_ptr().cast()) };
        store(out, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), scale));
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn fake_quantize<const DIVIDE: bool>(x: &[f32], scale: f32, out: &mut [f32]) {
    assert_blocks(x.len(), out.len());
    let factor = _mm512_set1_ps(if DIVIDE { scale } else { 1.0 / scale });
    let scale = _mm512_set1_ps(scale);
    for (x, out) in vectors(x).zip(vectors_mut(out)) {
        let code = _mm512_roundscale_ps::<NEAREST>(clamped_quotient::<DIVIDE>(load(x), factor));
        store(out, _mm512_mul_ps(code, scale));
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn min_max(x: &[f32]) -> (f32, f32) {
    assert_blocks(x.len(), x.len());
    // Four of each, so that one instruction need not wait for the one before.
    let mut min = [_mm512_set1_ps(f32::INFINITY); 4];
    let mut max = [_mm512_set1_ps(f32::NEG_INFINITY); 4];
    for x in vectors(x) {
        for (k, v) in load4(x).into_iter().enumerate() {
            min[k] = _mm512_min_ps(min[k], v);
            max[k] = _mm512_max_ps(max[k], v);
        }
    }
    let min = _mm512_min_ps(_mm512_min_ps(min[0], min[1]), _mm512_min_ps(min[2], min[3]));
    let max = _mm512_max_ps(_mm512_max_ps(max[0], max[1]), _mm512_max_ps(max[2], max[3]));
    (_mm512_reduce_min_ps(min), _mm512_reduce_max_ps(max))
}

#[target_feature(enable = "avx512f,avx512bw")]
fn f32_to_f16(x: &[f32], out: &mut [f16]) {
    assert_blocks(x.len(), out.len());
    for (x, out) in vectors(x).zip(vectors_mut(out.reinterpret_cast_mut())) {
        store_halves(out, _mm512_cvtps_ph::<NEAREST>(load(x)));
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn f16_to_f32(x: &[f16], out: &mut [f32]) {
    assert_blocks(x.len(), out.len());
    for (x, out) in vectors(x.reinterpret_cast()).zip(vectors_mut(out)) {
        store(out, _mm512_cvtph_ps(load_halves(x)));
    }
}

/// In integers: `vcvtneps2bf16` takes subnormal numbers for zero, and so computes something else.
#[target_feature(enable = "avx512f,avx512bw")]
fn f32_to_bf16(x: &[f32], out: &mut [bf16]) {
    assert_blocks(x.len(), out.len());
    let (one, below_half) = (_mm512_set1_epi32(1), _mm512_set1_epi32(0x7fff));
    for (x, out) in vectors(x).zip(vectors_mut(out.reinterpret_cast_mut())) {
        let bits = _mm512_castps_si512(load(x));
        let odd = _mm512_and_epi32(_mm512_srli_epi32::<16>(bits), one);
        let rounded = _mm512_add_epi32(_mm512_add_epi32(bits, below_half), odd);
        store_halves(out, _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded)));
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn bf16_to_f32(x: &[bf16], out: &mut [f32]) {
    assert_blocks(x.len(), out.len());
    for (x, out) in vectors(x.reinterpret_cast()).zip(vectors_mut(out)) {
        let bits = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(load_halves(x)));
        store(out, _mm512_castsi512_ps(bits));
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn clamped_quotient<const DIVIDE: bool>(x: __m512, factor: __m512) -> __m512 {
    let quotient = if DIVIDE { _mm512_div_ps(x, factor) } else { _mm512_mul_ps(x, factor) };
    _mm512_min_ps(_mm512_max_ps(quotient, _mm512_set1_ps(-128.0)), _mm512_set1_ps(127.0))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(x: &[f32; 16]) -> __m512 {
    // SAFETY: `x` has the 16 elements that are read; no alignment is asked for.
    unsafe { _mm512_loadu_ps(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load4(x: &[f32; BLOCK]) -> [__m512; 4] {
    let x = x.as_chunks().0;
    [load(&x[0]), load(&x[1]), load(&x[2]), load(&x[3])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_halves(x: &[u16; 16]) -> __m256i {
    // SAFETY: `x` has the 32 bytes that are read; no alignment is asked for.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(out: &mut [f32; 16], v: __m512) {
    // SAFETY: `out` has the 16 elements that are written; no alignment is asked for.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), v) };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_halves(out: &mut [u16; 16], v: __m256i) {
    // SAFETY: `out` has the 32 bytes that are written; no alignment is asked for.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), v) };
}

fn vectors<T, const N: usize>(x: &[T]) -> impl Iterator<Item = &[T; N]> {
    x.as_chunks().0.iter()
}

fn vectors_mut<T, const N: usize>(x: &mut [T]) -> impl Iterator<Item = &mut [T; N]> {
    x.as_chunks_mut().0.iter_mut()
}

fn assert_blocks(x: usize, out: usize) {
    assert!(x == out && x.is_multiple_of(BLOCK), "{x} and {out} elements: not the same number of whole blocks");
}
