//! Which SIMD levels there are.

use alloc::vec::Vec;
use fearless_simd::Level;

/// Returns the best SIMD level of this machine.
///
/// Without the `std` feature the CPU cannot be asked: this is then the level that the target guarantees.
pub fn detect() -> Level {
    Level::try_detect().unwrap_or(Level::baseline())
}

/// Returns every SIMD level that this machine can run, the best first: what a test of a kernel loops over.
pub fn levels() -> Vec<Level> {
    let best = detect();
    let mut levels = Vec::from([best]);
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        levels.extend(best.as_avx2().map(Level::Avx2));
        levels.extend(best.as_sse4_2().map(Level::Sse4_2));
        levels.extend(best.as_sse2().map(Level::Sse2));
    }
    levels.push(Level::baseline());
    levels.dedup_by_key(|level| core::mem::discriminant(level));
    levels
}
