//! The sums of [`error_sums`](super::error_sums) of each column of a matrix, without gathering the columns.
//!
//! 1. Sixteen neighbouring columns are the lanes of vectors. A column's own sixteen lanes, of the rows i, i + 16 …, are
//!    vectors of sums in memory, which are loaded once for all rows of a tile that add to them.
//! 2. The order of additions is that of the definition, and the result that of the gathered column, bit for bit.
//! 3. The row of the largest difference is kept beside it: to look for it afterwards would read a column, a line of the cache
//!    for each element.
//! 4. What is not finite is not handled here: such columns are found by their sums of squares, and the caller gathers them.

use super::error_lanes::{Sums, widened};
use super::level::dispatch;
use super::pair_sums::BLOCK;
use super::{ErrorSums, PairSums};
use alloc::vec;
use alloc::vec::Vec;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, f64x8, i32x16};

/// Columns that are summed at once.
pub(crate) const TOGETHER: usize = 16;
/// Rows whose sums go to the same lane are so far apart.
const LANES: usize = 16;
/// Rows in a tile, so that each lane is loaded for four of them.
pub(crate) const ROWS: usize = 64;

/// The sums of sixteen columns over the rows of a block so far.
#[derive(Clone, Copy)]
struct Block {
    /// By lane, and half of the columns: d, |d|, d², x², y², xy, the largest |d|, and its row.
    lanes: [[[[f64; 8]; 8]; 2]; LANES],
    min: [f32; TOGETHER],
    max: [f32; TOGETHER],
    zeroed: [i32; TOGETHER],
}

impl Block {
    const EMPTY: Self = Self {
        lanes: [[[[0.0; 8]; 8]; 2]; LANES],
        min: [f32::INFINITY; TOGETHER],
        max: [f32::NEG_INFINITY; TOGETHER],
        zeroed: [0; TOGETHER],
    };

    /// Returns the sums of each column over so many rows, or `None` for one with a value that was not finite.
    fn columns(&self, rows: usize) -> [Option<PairSums>; TOGETHER] {
        let mut all = [None; TOGETHER];
        for (half, all) in all.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let [d, d_abs, d2, x2, y2, xy] = [0, 1, 2, 3, 4, 5].map(|k| self.pairwise(half, k));
            let (mut largest, mut first) = ([0.0; 8], [0.0; 8]);
            for lane in &self.lanes {
                let [.., of_lane, row] = &lane[half];
                for i in 0..8 {
                    let is_first = of_lane[i] > largest[i] || of_lane[i] == largest[i] && row[i] < first[i];
                    first[i] = if is_first { row[i] } else { first[i] };
                    largest[i] = if is_first { of_lane[i] } else { largest[i] };
                }
            }
            for (i, found) in all.iter_mut().enumerate() {
                let column = 8 * half + i;
                let sums = ErrorSums {
                    count: rows as u64,
                    non_finite: 0,
                    d: d[i],
                    d_abs: d_abs[i],
                    d2: d2[i],
                    x2: x2[i],
                    y2: y2[i],
                    xy: xy[i],
                    max_abs_d: largest[i],
                    max_abs_d_index: if largest[i] > 0.0 { first[i] as u64 } else { 0 },
                    x_min: self.min[column] + 0.0,
                    x_max: self.max[column] + 0.0,
                };
                let zeroed = self.zeroed[column] as u64;
                let finite = (x2[i] + y2[i]).is_finite();
                *found = finite.then_some(PairSums { sums, zeroed, non_finite_changed: 0 });
            }
        }
        all
    }

    /// Adds the lanes of one of the sums pairwise: those 8 apart, then 4, 2 and 1.
    fn pairwise(&self, half: usize, k: usize) -> [f64; 8] {
        let mut lanes = [[0.0; 8]; LANES];
        for (to, from) in lanes.iter_mut().zip(&self.lanes) {
            *to = from[half][k];
        }
        let mut apart = LANES / 2;
        while apart > 0 {
            let (low, high) = lanes.split_at_mut(apart);
            for (to, from) in low.iter_mut().zip(high) {
                for i in 0..8 {
                    to[i] += from[i];
                }
            }
            apart /= 2;
        }
        lanes[0]
    }
}

/// Adds up the columns of a matrix whose rows come in tiles.
pub(crate) struct ColumnSums {
    level: Level,
    sums: Vec<PairSums>,
    blocks: Vec<Block>,
    /// Rows of the block so far.
    rows: usize,
    finite: bool,
}

impl ColumnSums {
    /// `columns` is a multiple of [`TOGETHER`].
    pub(crate) fn new(level: Level, columns: usize) -> Self {
        let blocks = vec![Block::EMPTY; columns / TOGETHER];
        Self { level, sums: vec![PairSums::default(); columns], blocks, rows: 0, finite: true }
    }

    /// Adds up to [`ROWS`] rows, which are so many elements apart; all calls but the last add as many.
    pub(crate) fn add(&mut self, rows: usize, (x, x_step): (&[f32], usize), (y, y_step): (&[f32], usize)) {
        for (k, block) in self.blocks.iter_mut().enumerate() {
            let (x, y) = ((&x[k * TOGETHER..], x_step), (&y[k * TOGETHER..], y_step));
            dispatch!(self.level, simd => tile(simd, rows, x, y, self.rows, block));
        }
        self.rows += rows;
        if self.rows == BLOCK {
            self.end_block();
        }
    }

    /// Returns the sums of each column; `None` if a value was not finite.
    pub(crate) fn end(mut self) -> Option<Vec<PairSums>> {
        self.end_block();
        self.finite.then_some(self.sums)
    }

    fn end_block(&mut self) {
        if self.rows == 0 {
            return;
        }
        for (block, sums) in self.blocks.iter_mut().zip(self.sums.chunks_mut(TOGETHER)) {
            for (sums, next) in sums.iter_mut().zip(block.columns(self.rows)) {
                match next {
                    Some(next) => {
                        sums.sums = sums.sums.followed_by(next.sums);
                        sums.zeroed += next.zeroed;
                    }
                    None => self.finite = false,
                }
            }
            *block = Block::EMPTY;
        }
        self.rows = 0;
    }
}

/// Adds rows of sixteen columns; `first` is the number of the first of them in the block.
#[inline(always)]
fn tile<S: Simd>(
    simd: S,
    rows: usize,
    (x, x_step): (&[f32], usize),
    (y, y_step): (&[f32], usize),
    first: usize,
    block: &mut Block,
) {
    let (mut min, mut max) = (f32x16::from_slice(simd, &block.min), f32x16::from_slice(simd, &block.max));
    let mut zeroed = i32x16::from_slice(simd, &block.zeroed);
    for (lane, halves) in block.lanes.iter_mut().enumerate().take(rows) {
        for (h, sums) in halves.iter_mut().enumerate() {
            let mut half = Sums { sums: [f64x8::splat(simd, 0.0); 6], largest: f64x8::from_slice(simd, &sums[6]) };
            for (to, from) in half.sums.iter_mut().zip(&*sums) {
                *to = f64x8::from_slice(simd, from);
            }
            let mut row_of_largest = f64x8::from_slice(simd, &sums[7]);
            for row in (lane..rows).step_by(LANES) {
                let (at_x, at_y) = (row * x_step + 8 * h, row * y_step + 8 * h);
                let (x, y) = (widened(simd, &x[at_x..at_x + 8]), widened(simd, &y[at_y..at_y + 8]));
                let before = half.largest;
                half.add(x, y);
                let larger = half.largest.simd_gt(before);
                row_of_largest = larger.select(f64x8::splat(simd, (first + row) as f64), row_of_largest);
            }
            for (to, from) in sums.iter_mut().zip(&half.sums) {
                to.copy_from_slice(from.as_slice());
            }
            sums[6].copy_from_slice(half.largest.as_slice());
            sums[7].copy_from_slice(row_of_largest.as_slice());
        }
        for row in (lane..rows).step_by(LANES) {
            let x = f32x16::from_slice(simd, &x[row * x_step..row * x_step + TOGETHER]);
            let y = f32x16::from_slice(simd, &y[row * y_step..row * y_step + TOGETHER]);
            min = min.min(x);
            max = max.max(x);
            let lost = y.simd_eq(0.0) & !x.simd_eq(0.0);
            zeroed += lost.select(i32x16::splat(simd, 1), i32x16::splat(simd, 0));
        }
    }
    block.min.copy_from_slice(min.as_slice());
    block.max.copy_from_slice(max.as_slice());
    block.zeroed.copy_from_slice(zeroed.as_slice());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use proptest::prelude::*;

    /// The same of the gathered columns.
    fn gathered(x: &[f32], y: &[f32], columns: usize) -> Vec<PairSums> {
        let column = |x: &[f32], k: usize| x.iter().copied().skip(k).step_by(columns).collect::<Vec<_>>();
        let sums = |k| {
            let mut sums = PairSums::default();
            sums.follow::<true>(Level::baseline(), &column(x, k), &column(y, k));
            sums
        };
        (0..columns).map(sums).collect()
    }

    fn agrees(x: &[f32], y: &[f32], columns: usize) -> Result<(), TestCaseError> {
        let want = gathered(x, y, columns);
        let finite = x.iter().chain(y).all(|x| x.is_finite());
        for level in levels() {
            let mut sums = ColumnSums::new(level, columns);
            for (x, y) in x.chunks(ROWS * columns).zip(y.chunks(ROWS * columns)) {
                sums.add(x.len() / columns, (x, columns), (y, columns));
            }
            let got = sums.end();
            prop_assert_eq!(got.is_some(), finite);
            if let Some(got) = got {
                prop_assert_eq!(alloc::format!("{got:?}"), alloc::format!("{want:?}"), "{:?}", level);
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn every_level_has_the_sums_of_the_gathered_columns(
            rows in 0_usize..200, groups in 1_usize..4, seed in prop::collection::vec((-9.0_f32..9.0, 0..5), 300), odd in any::<u32>(),
        ) {
            let columns = groups * TOGETHER;
            let value = |i: usize| seed[(i * 7919) % 300].0 * (1.0 + (i % 13) as f32);
            let x: Vec<f32> = (0..rows * columns).map(|i| if i % 11 == 0 { 0.0 } else { value(i) }).collect();
            let mut y: Vec<f32> = x.iter().enumerate().map(|(i, x)| match seed[i % 300].1 {
                0 => 0.0,
                1 => -0.0,
                _ => (x * 4.0).trunc() / 4.0,
            }).collect();
            agrees(&x, &y, columns)?;
            if let Some(y) = y.get_mut(odd as usize % (rows * columns).max(1)) {
                *y = f32::from_bits(odd);
            }
            agrees(&x, &y, columns)?;
        }
    }

    #[test]
    fn blocks_follow_each_other() {
        let x: Vec<f32> = (0..(2 * BLOCK + 77) * TOGETHER).map(|i| ((i % 7919) as f32 - 3000.0) * 0.37).collect();
        let y: Vec<f32> = x.iter().map(|x| x.round()).collect();
        agrees(&x, &y, TOGETHER).expect("they agree");
    }
}
