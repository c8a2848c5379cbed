//! One loop for every elementwise kernel.
//!
//! An operation is a [`Map`]; what is constant over a run is in the map itself. The loop is written once, compiled for
//! each SIMD level, and vectorised with the map inlined into it.
//!
//! The position of an element has 64 bits, vectors of positions 32: a loop runs over elements whose positions agree in the
//! upper half, and what a random rounding makes of that half is computed once.

use super::level::dispatch;
use core::ops::Range;
use fearless_simd::{Level, Simd};

/// Elements in a tile, of what lies between two steps: 4 KiB of quotients.
pub(super) const TILE: usize = 1024;

/// What happens to one element.
pub(super) trait Map<I, O>: Copy {
    /// Returns the result for `x`; `index` is the element's position in its tensor.
    fn apply(self, x: I, index: u64) -> O;
}

/// The positions of neighbouring elements that agree in their upper 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions {
    high: u64,
    low: u32,
}

impl Positions {
    /// Returns the position of the `i`-th of them.
    #[inline(always)]
    pub(super) fn of(self, i: usize) -> u64 {
        self.high | u64::from(self.low.wrapping_add(i as u32))
    }
}

/// Cuts `len` elements from position `first` on where the upper half of the position changes: hardly ever.
pub(super) fn for_each_run(first: u64, len: usize, mut visit: impl FnMut(Range<usize>, Positions)) {
    let mut start = 0;
    while start < len {
        let first = first.wrapping_add(start as u64);
        let (high, low) = (first & !0xffff_ffff, first as u32);
        let until_change = (1_u64 << 32) - u64::from(low);
        let end = usize::try_from(until_change).map_or(len, |run| len.min(start.saturating_add(run)));
        visit(start..end, Positions { high, low });
        start = end;
    }
}

/// Applies `map` to each element of `x`. `x` and `out` are equally long.
#[inline]
pub(super) fn map_slice<I: Copy, O, M: Map<I, O>>(level: Level, map: M, x: &[I], out: &mut [O], first_index: u64) {
    debug_assert_eq!(x.len(), out.len());
    for_each_run(first_index, x.len(), |range, positions| {
        let (x, out) = (&x[range.clone()], &mut out[range]);
        dispatch!(level, simd => body(simd, map, x, out, positions));
    });
}

#[inline(always)]
fn body<S: Simd, I: Copy, O, M: Map<I, O>>(_simd: S, map: M, x: &[I], out: &mut [O], positions: Positions) {
    let n = x.len().min(out.len());
    let (x, out) = (&x[..n], &mut out[..n]);
    for i in 0..n {
        out[i] = map.apply(x[i], positions.of(i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn positions_are_counted_across_the_change_of_the_upper_half() {
        for first in [0, 7, (1 << 32) - 3, (5 << 32) - 1, u64::MAX - 1] {
            let mut seen = Vec::new();
            for_each_run(first, 6, |range, positions| seen.extend((0..range.len()).map(|i| positions.of(i))));
            assert_eq!(seen, (0..6).map(|i| first.wrapping_add(i)).collect::<Vec<u64>>());
        }
    }
}
