//! One loop for every elementwise kernel.
//!
//! An operation is a [`Map`]; what is constant over a run is in the map itself. The loop is written once, compiled for
//! each SIMD level, and vectorised with the map inlined into it.

use fearless_simd::{Level, Simd, dispatch};

/// What happens to one element.
pub(super) trait Map<I, O>: Copy {
    /// Returns the result for `x`; `index` is the element's position in its tensor.
    fn apply(self, x: I, index: u64) -> O;
}

/// Applies `map` to each element of `x`. `x` and `out` are equally long.
#[inline]
pub(super) fn map_slice<I: Copy, O, M: Map<I, O>>(level: Level, map: M, x: &[I], out: &mut [O], first_index: u64) {
    debug_assert_eq!(x.len(), out.len());
    dispatch!(level, simd => body(simd, map, x, out, first_index));
}

#[inline(always)]
fn body<S: Simd, I: Copy, O, M: Map<I, O>>(_simd: S, map: M, x: &[I], out: &mut [O], first_index: u64) {
    let n = x.len().min(out.len());
    let (x, out) = (&x[..n], &mut out[..n]);
    for i in 0..n {
        out[i] = map.apply(x[i], first_index.wrapping_add(i as u64));
    }
}
