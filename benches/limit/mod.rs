//! What is attainable: the least work that does each operation, written by hand with the intrinsics of this CPU.
//!
//! These are yardsticks, not kernels: no NaN policy, no zero point, no rounding but halves to even, and whole blocks of
//! 64 elements only. Each is written once, in [`kernels`], from the few operations that [`avx512`] and [`avx2`] give.

#![allow(dead_code, reason = "a benchmark uses the limits of its own operation")]

#[macro_use]
mod kernels;
mod avx2;
mod avx512;

use half::{bf16, f16};

/// Elements that a turn of the longest loop handles.
pub(crate) const BLOCK: usize = 64;

/// Proof of the best instructions that this CPU has: only [`Limit::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Limit(Instructions);

#[derive(Clone, Copy)]
enum Instructions {
    /// AVX-512 F, BW and DQ.
    Avx512,
    /// AVX2, FMA and F16C.
    Avx2,
}

impl Limit {
    /// Returns the proof, if the CPU has what the kernels need.
    pub(crate) fn detect() -> Option<Self> {
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq");
        let avx2 =
            is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
        if avx512 { Some(Self(Instructions::Avx512)) } else { avx2.then_some(Self(Instructions::Avx2)) }
    }

    /// Returns what the limits were written for.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Instructions::Avx512 => "AVX-512",
            Instructions::Avx2 => "AVX2",
        }
    }
}

/// Wraps each kernel in a safe method.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident$(::<$flag:ident>)?($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        impl Limit {
            $($(#[$doc])*
            pub(crate) fn $name$(<const $flag: bool>)?(self, $($arg: $type),*) $(-> $result)? {
                match self.0 {
                    // SAFETY: `self` proves that the CPU has what these kernels need.
                    Instructions::Avx512 => unsafe { avx512::$name$(::<$flag>)?($($arg),*) },
                    // SAFETY: the same.
                    Instructions::Avx2 => unsafe { avx2::$name$(::<$flag>)?($($arg),*) },
                }
            })*
        }
    };
}

methods! {
    /// Reals to codes, by division or by multiplication with the reciprocal.
    quantize::<DIVIDE>(x: &[f32], scale: f32, codes: &mut [i8]);
    /// Reals to codes, each with a reciprocal of its own.
    quantize_each(x: &[f32], inverses: &[f32], codes: &mut [i8]);
    /// Codes to reals.
    dequantize(codes: &[i8], scale: f32, out: &mut [f32]);
    /// Reals to codes and back.
    fake_quantize::<DIVIDE>(x: &[f32], scale: f32, out: &mut [f32]);
    /// The gradient where the code is not clamped, else 0.
    backward(x: &[f32], gradient: &[f32], scale: f32, out: &mut [f32]);
    /// The smallest and the largest.
    min_max(x: &[f32]) -> (f32, f32);
    /// The smallest and the largest of each column, updated by a row.
    column_min_max(x: &[f32], min: &mut [f32], max: &mut [f32]);
    f32_to_f16(x: &[f32], out: &mut [f16]);
    f16_to_f32(x: &[f16], out: &mut [f32]);
    f32_to_bf16(x: &[f32], out: &mut [bf16]);
    bf16_to_f32(x: &[bf16], out: &mut [f32]);
    /// Quotients to FP8 E4M3, saturated.
    f32_to_e4m3(x: &[f32], scale: f32, out: &mut [u8]);
    /// Six sums in f64, the largest difference, the extremes.
    error_sums(x: &[f32], y: &[f32]) -> [f64; 9];
}
