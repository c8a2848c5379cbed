//! Which SIMD levels there are, and which of them kernels are compiled for.
//!
//! Every level costs everyone who compiles this crate, and those who have a rounding of their own once more. On x86 there are
//! three: AVX-512, AVX2, and SSE2, which is what every x86-64 has. A machine whose best is SSE4.2 runs what is compiled for
//! SSE2: what that lacks, as a rounding to the next integer below, has a short form of its own where it matters.

use alloc::vec::Vec;
use fearless_simd::{Level, Simd};

/// Returns the best SIMD level of this machine.
///
/// Without the `std` feature the CPU cannot be asked: this is then the level that the target guarantees.
pub fn detect() -> Level {
    Level::try_detect().unwrap_or(Level::baseline())
}

/// Returns every SIMD level that kernels are compiled for and this machine can run, the best first: what a test of a kernel loops
/// over.
pub fn levels() -> Vec<Level> {
    let best = detect();
    let mut levels = Vec::new();
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        levels.extend(best.as_avx512().map(Level::Avx512));
        levels.extend(best.as_avx2().map(Level::Avx2));
        levels.extend(best.as_sse2().map(Level::Sse2));
    }
    if levels.is_empty() {
        levels.push(best);
    }
    levels.push(Level::baseline());
    levels.dedup_by_key(|level| core::mem::discriminant(level));
    levels
}

/// Whether vectors of a kernel are as wide as those of AVX-512. Known when it is compiled, so that what stands behind it is not
/// compiled for the other levels, not even to be thrown away.
pub(super) const fn is_avx512<S: Simd>() -> bool {
    cfg!(any(target_arch = "x86", target_arch = "x86_64")) && size_of::<S::f32s>() == 64
}

/// Whether vectors of a kernel are as wide as those of AVX2.
pub(super) const fn is_avx2<S: Simd>() -> bool {
    cfg!(any(target_arch = "x86", target_arch = "x86_64")) && size_of::<S::f32s>() == 32
}

/// Whether a kernel's level rounds once when it multiplies and adds.
pub(super) const fn has_fma<S: Simd>() -> bool {
    is_avx512::<S>() || is_avx2::<S>() || cfg!(all(target_arch = "aarch64", target_feature = "neon"))
}

/// Runs a kernel, compiled for each level, at the best of these that `$level` allows: `dispatch!(level, simd => body(simd, …))`.
#[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse2"))]
macro_rules! dispatch {
    ($level:expr, $simd:ident => $op:expr) => {{
        use $crate::kernel::level::Compiled;
        // A target that guarantees more needs nothing below that.
        match Compiled::of($level) {
            Compiled::Avx512(simd) => dispatch!(@at simd, $simd => $op),
            Compiled::Avx2(simd) => {
                if const { Compiled::GUARANTEED < 3 } {
                    dispatch!(@at simd, $simd => $op)
                } else {
                    unreachable!("the target guarantees AVX-512")
                }
            }
            Compiled::Sse2(simd) => {
                if const { Compiled::GUARANTEED < 2 } {
                    dispatch!(@at simd, $simd => $op)
                } else {
                    unreachable!("the target guarantees AVX2")
                }
            }
        }
    }};
    (@at $token:ident, $simd:ident => $op:expr) => {
        ::fearless_simd::Simd::vectorize($token, #[inline(always)] || {
            let $simd = $token;
            $op
        })
    };
}
#[cfg(not(all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse2")))]
macro_rules! dispatch {
    ($level:expr, $simd:ident => $op:expr) => {
        ::fearless_simd::dispatch!($level, $simd => $op)
    };
}
pub(super) use dispatch;

/// A level that kernels are compiled for.
#[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse2"))]
#[derive(Clone, Copy, Debug)]
pub(super) enum Compiled {
    Sse2(fearless_simd::x86::Sse2),
    Avx2(fearless_simd::x86::Avx2),
    Avx512(fearless_simd::x86::Avx512),
}

#[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse2"))]
impl Compiled {
    /// How high the level is that the target guarantees: 3 for AVX-512, 2 for AVX2.
    pub(super) const GUARANTEED: u8 = match Level::baseline() {
        Level::Avx512(_) => 3,
        Level::Avx2(_) => 2,
        _ => 1,
    };

    /// Returns the best that a level allows, or that the target guarantees.
    #[inline]
    pub(super) fn of(level: Level) -> Self {
        let guaranteed = Level::baseline();
        if let Some(avx512) = level.as_avx512().or(guaranteed.as_avx512()) {
            return Compiled::Avx512(avx512);
        }
        if let Some(avx2) = level.as_avx2().or(guaranteed.as_avx2()) {
            return Compiled::Avx2(avx2);
        }
        match level.as_sse2().or(guaranteed.as_sse2()) {
            Some(sse2) => Compiled::Sse2(sse2),
            None => unreachable!("the target has SSE2"),
        }
    }
}
