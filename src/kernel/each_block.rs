//! A loop over blocks, compiled for each SIMD level.

use fearless_simd::{Level, dispatch};

/// Calls a function with each block of `x` and its place in `out`; what it does to a block is part of the loop's body at every SIMD
/// level, if it is marked `#[inline(always)]`.
pub(crate) fn each_block<T, U, const N: usize, const M: usize>(
    level: Level,
    x: &[T],
    out: &mut [U],
    block: impl Fn(&[T; N], &mut [U; M]),
) {
    let (x, out) = (x.as_chunks().0, out.as_chunks_mut().0);
    dispatch!(level, _simd => run(x, out, &block));
}

#[inline(always)]
fn run<T, U, const N: usize, const M: usize>(x: &[[T; N]], out: &mut [[U; M]], block: &impl Fn(&[T; N], &mut [U; M])) {
    for (x, out) in x.iter().zip(out) {
        block(x, out);
    }
}
