//! The best block where one scale decides: exact, over every scale that the format can store.
//!
//! Of formats of many levels, or of scales of a byte, the scales are counted, and searched by intervals
//! ([`grid_search`](super::grid_search)); of others all points at which a level changes are swept over ([`sweep`](super::sweep)). The best
//! block is kept if it restores with a smaller error than the format's own.

use super::grid_search::{GridLevels, Intervals, best_on_grid, nearest_place};
use super::layout::Layout;
use super::own_units::OwnUnits;
use super::scale_grid::{ScaleGrid, nearest_f16};
use super::sweep::{Sweep, nearest_f32};
use crate::kernel::ScaleLevels;
use alloc::vec;
use alloc::vec::Vec;

/// What a search of one scale needs to know.
pub(crate) struct OneScale<'a> {
    /// The levels, ascending.
    pub(crate) levels: &'a [f32],
    /// The scales that there are; `None` if it is all of f32.
    pub(crate) grid: Option<ScaleGrid>,
    /// Whether scales may be negative.
    pub(crate) signed: bool,
}

/// A format in which one scale decides a block.
pub(crate) trait OfOneScale {
    /// The format.
    const LAYOUT: Layout;
    /// What a search of its scale needs to know.
    const ONE: OneScale<'static>;

    /// Writes a block from its scale and the places of its elements in the list of levels.
    fn write(scale: f32, places: &[u8], out: &mut [u8]);
}

/// Returns so many whole numbers, from the smallest on.
pub(crate) const fn steps<const N: usize>(lowest: i32) -> [f32; N] {
    let mut levels = [0.0; N];
    let mut i = 0;
    while i < N {
        levels[i] = (lowest + i as i32) as f32;
        i += 1;
    }
    levels
}

/// Writes the best blocks of a row.
pub(crate) fn best_row<F: OfOneScale>(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    best_of(&F::LAYOUT, &F::ONE, F::write, x, importance, out);
}

fn best_of(
    layout: &Layout,
    one: &OneScale<'_>,
    write: fn(f32, &[u8], &mut [u8]),
    x: &[f32],
    importance: Option<&[f32]>,
    out: &mut [u8],
) {
    let Some(quantize) = layout.quantize else { return };
    quantize(x, importance, out);
    let mut search = Search::new(layout.len);
    let (mut restored, mut candidate) = (vec![0.0; layout.len], vec![0; layout.bytes]);
    for (i, (x, out)) in x.chunks_exact(layout.len).zip(out.chunks_exact_mut(layout.bytes)).enumerate() {
        if !search.set(x, importance.map(|w| &w[i * layout.len..(i + 1) * layout.len])) {
            continue;
        }
        (layout.dequantize)(out, &mut restored);
        let known = search.error(&restored);
        if let Some(scale) = search.best_scale(one, known) {
            write(scale, &search.codes, &mut candidate);
            (layout.dequantize)(&candidate, &mut restored);
            if search.error(&restored) < known {
                out.copy_from_slice(&candidate);
            }
        }
    }
}

/// A block and its weights.
pub(crate) struct Search {
    x: Vec<f32>,
    w: Vec<f32>,
    own: OwnUnits,
    intervals: Intervals,
    sweep: Sweep,
    /// After [`best_scale`](Self::best_scale), the places of the levels.
    pub(crate) codes: Vec<u8>,
}

impl Search {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            x: vec![0.0; len],
            w: vec![1.0; len],
            own: OwnUnits::new(),
            intervals: Intervals::default(),
            sweep: Sweep::default(),
            codes: vec![0; len],
        }
    }

    /// Takes a block; returns whether it can be searched: finite elements, and finite weights ≥ 0, not all of them 0. Weights that
    /// are none of that count as 1.
    pub(crate) fn set(&mut self, x: &[f32], importance: Option<&[f32]>) -> bool {
        self.x.copy_from_slice(x);
        self.w.fill(1.0);
        if let Some(w) = importance
            && w.iter().all(|w| w.is_finite() && *w >= 0.0)
            && w.iter().any(|w| *w > 0.0)
        {
            self.w.copy_from_slice(w);
        }
        x.iter().all(|x| x.is_finite()) && x.iter().any(|x| *x != 0.0)
    }

    /// Returns the weights.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.w
    }

    /// Returns the weighted squared error.
    pub(crate) fn error(&self, restored: &[f32]) -> f64 {
        let terms = self.x.iter().zip(&self.w).zip(restored);
        terms.fold(0.0, |sum, ((x, w), y)| {
            let difference = f64::from(*x) - f64::from(*y);
            sum + f64::from(*w) * difference * difference
        })
    }

    /// Returns the best scale, if its error is below that of a block that is known, and writes its codes.
    pub(crate) fn best_scale(&mut self, one: &OneScale<'_>, known: f64) -> Option<f32> {
        let levels = one.levels;
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let is_step = last - first == (levels.len() - 1) as f32;
        let mut list = [last; 16];
        let bounds = if is_step {
            ScaleLevels::Whole(first, last)
        } else {
            list.iter_mut().zip(levels).for_each(|(to, level)| *to = *level);
            ScaleLevels::List(&list)
        };
        let magnitudes = list.iter().filter(|v| **v != 0.0).map(|v| v.abs());
        let smallest = if is_step { 1.0 } else { magnitudes.fold(f32::MAX, f32::min) };
        self.own.set(&self.x, &self.w);
        let scale = match one.grid {
            Some(grid) if grid != ScaleGrid::F16 || (levels.len() >= 16 && is_step) => {
                let of = GridLevels { levels, bounds, smallest, grid, signed: one.signed };
                best_on_grid((&self.x, &self.w), &mut self.own, &mut self.intervals, of, known)?
            }
            // There are few points at which a level changes, and many scales.
            grid => {
                let nearest = if grid.is_some() { nearest_f16 } else { nearest_f32 };
                let mut lowest = |sign: f32, error: f64| {
                    if sign < 0.0 {
                        self.own.negate();
                    }
                    self.own.lowest((first, last), self.own.limit(error))
                };
                self.sweep.best_scale((&self.x, &self.w), (levels, one.signed), nearest, known, &mut lowest)?
            }
        };
        for (code, &x) in self.codes.iter_mut().zip(&self.x) {
            *code = nearest_place(levels, x, scale) as u8;
        }
        Some(scale)
    }
}
