//! Loops over blocks, compiled for each SIMD level.
//!
//! What is done to a block is a type, not a function value: a call through one is not part of the loop, and is compiled for the
//! lowest level alone.

use super::level::dispatch;
use super::sixteen::{LANES, Sixteen};
use fearless_simd::{Level, Simd};

/// A format whose blocks are restored one by one.
pub(crate) trait Restore<const BYTES: usize, const N: usize> {
    /// Restores a block. Marked `#[inline(always)]`, it is part of the loop's body.
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; N]);
}

/// Restores blocks.
pub(crate) fn restore_blocks<F: Restore<BYTES, N>, const BYTES: usize, const N: usize>(
    level: Level,
    bytes: &[u8],
    out: &mut [f32],
) {
    let (blocks, out) = (bytes.as_chunks().0, out.as_chunks_mut().0);
    dispatch!(level, simd => for (block, out) in blocks.iter().zip(out) {
        F::restore(Sixteen(simd), block, out);
    });
}

/// A format whose blocks are of one length, which is known at run time.
pub(crate) trait RestoreGroup {
    /// Restores a block. Marked `#[inline(always)]`, it is part of the loop's body.
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8], out: &mut [f32]);
}

/// Restores blocks of so many bytes and elements.
pub(crate) fn restore_groups<F: RestoreGroup>(
    level: Level,
    (bytes, block_bytes): (&[u8], usize),
    (out, block_len): (&mut [f32], usize),
) {
    let blocks = bytes.chunks_exact(block_bytes).zip(out.chunks_exact_mut(block_len));
    dispatch!(level, simd => for (block, out) in blocks {
        F::restore(Sixteen(simd), block, out);
    });
}

/// A format whose blocks depend on nothing but their elements.
pub(crate) trait Write<const N: usize, const BYTES: usize> {
    /// Writes up to sixteen blocks, and returns true; or returns false where some block needs [`block`](Self::block): has NaN,
    /// infinities, or nothing but numbers that are hardly there.
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; N]], out: &mut [[u8; BYTES]]) -> bool;

    /// Writes a block: the specification.
    fn block(x: &[f32; N], out: &mut [u8; BYTES]);
}

/// Writes blocks.
pub(crate) fn write_blocks<F: Write<N, BYTES>, const N: usize, const BYTES: usize>(
    level: Level,
    x: &[f32],
    out: &mut [u8],
) {
    let (x, out) = (x.as_chunks().0, out.as_chunks_mut().0);
    for (x, out) in x.chunks(4 * LANES).zip(out.chunks_mut(4 * LANES)) {
        let done = dispatch!(level, simd => {
            let mut done = true;
            for (x, out) in x.chunks(LANES).zip(out.chunks_mut(LANES)) {
                done &= F::sixteen(Sixteen(simd), x, out);
            }
            done
        });
        if !done {
            x.iter().zip(out).for_each(|(x, out)| F::block(x, out));
        }
    }
}

/// Calls a function with each block of `x` and its place in `out`.
pub(crate) fn each_block<T, U, const N: usize, const M: usize>(
    x: &[T],
    out: &mut [U],
    block: fn(&[T; N], &mut [U; M]),
) {
    x.as_chunks().0.iter().zip(out.as_chunks_mut().0).for_each(|(x, out)| block(x, out));
}
