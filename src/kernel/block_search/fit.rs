//! How well scales and minima fit sub-blocks, one a lane, and the sums from which better ones follow.
//!
//! ```text
//! x ≈ d · s · v[q] − dmin · m        s, m whole numbers of a sub-block; v the levels, q the nearest of them
//! ```
//!
//! 1. Sixteen sub-blocks stand side by side, so that no sum runs across lanes; those of several super-blocks, or of one with several d.
//! 2. Two scales are tried together: elements and weights are loaded once, and two chains of sums fill the time.

use super::halving::Halving;
use super::table::reals;
use super::tile::{LANES, LONGEST, load, small_code, store};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// The levels of the codes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Levels {
    /// Whole numbers next to each other, from the first to the last.
    Steps(i8, i8),
    /// Sixteen others, ascending.
    Table(&'static [i8; 16]),
}

/// A number of each sub-block.
pub(crate) type Each = [f32; LANES];

/// Sixteen sub-blocks and their weights, element by element.
pub(crate) struct Columns {
    n: usize,
    x: [Each; LONGEST],
    w: [Each; LONGEST],
    /// Σ w.
    weight: Each,
}

/// Where the scales of sixteen sub-blocks stand, whole numbers as reals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scales {
    pub(crate) d: Each,
    pub(crate) dmin: Each,
    pub(crate) s: Each,
    pub(crate) m: Each,
}

/// What scales can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) levels: Levels,
    /// The smallest and the largest s.
    pub(crate) s: (f32, f32),
    /// The largest m; 0 without minima.
    pub(crate) m: f32,
}

/// The sums of sub-blocks over their codes: Σ w v², Σ w v, Σ w x v and Σ w x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelSums {
    pub(crate) vv: Each,
    pub(crate) v: Each,
    pub(crate) xv: Each,
    pub(crate) x: Each,
}

impl Columns {
    /// Returns sub-blocks of `n` elements; where there are fewer than sixteen the others are zeros.
    pub(crate) fn of(level: Level, x: &[f32], w: &[f32], n: usize) -> Self {
        let mut columns = Self { n, x: [[0.0; LANES]; LONGEST], w: [[0.0; LANES]; LONGEST], weight: [0.0; LANES] };
        dispatch!(level, simd => set(simd, x, w, &mut columns));
        columns
    }

    /// Returns Σ w.
    pub(crate) const fn weight(&self) -> &Each {
        &self.weight
    }
}

#[inline(always)]
fn set<S: Simd>(simd: S, x: &[f32], w: &[f32], columns: &mut Columns) {
    let (x, w) = (load(simd, x, columns.n), load(simd, w, columns.n));
    let mut weight = f32x16::splat(simd, 0.0);
    for i in 0..columns.n {
        x[i].store_slice(&mut columns.x[i]);
        w[i].store_slice(&mut columns.w[i]);
        weight += w[i];
    }
    weight.store_slice(&mut columns.weight);
}

/// How a candidate's errors come out.
#[derive(Clone, Copy)]
struct Fit<S: Simd> {
    /// The weighted squared error.
    error: f32x16<S>,
    /// Σ w (scale · v − x): divided by Σ w, where the minimum would be best.
    below: f32x16<S>,
}

/// The levels at one SIMD level.
#[derive(Clone, Copy)]
struct Nearest<S: Simd> {
    steps: (i32, i32),
    halving: Halving<S>,
}

impl<S: Simd> Nearest<S> {
    #[inline(always)]
    fn of(simd: S, levels: Levels) -> Self {
        match levels {
            Levels::Steps(first, last) => {
                Self { steps: (first.into(), last.into()), halving: Halving::of(simd, &[0.0; LANES]) }
            }
            Levels::Table(values) => Self { steps: (0, 0), halving: Halving::of(simd, &reals(values)) },
        }
    }

    #[inline(always)]
    fn level<const TABLE: bool>(&self, simd: S, x: f32x16<S>) -> f32x16<S> {
        if TABLE { self.halving.value(simd, x) } else { small_code(simd, x, self.steps.0, self.steps.1) }
    }
}

#[inline(always)]
fn inverse_of<S: Simd>(simd: S, scale: f32x16<S>) -> f32x16<S> {
    let zero = f32x16::splat(simd, 0.0);
    scale.simd_eq(zero).select(zero, f32x16::splat(simd, 1.0) / scale)
}

/// Returns how well `scale · v − min` fits, for each of some scales and minima.
#[inline(always)]
fn fits<S: Simd, const TABLE: bool, const K: usize>(
    simd: S,
    columns: &Columns,
    nearest: &Nearest<S>,
    scales: [f32x16<S>; K],
    mins: [f32x16<S>; K],
) -> [Fit<S>; K] {
    let zero = f32x16::splat(simd, 0.0);
    let (mut fits, mut inverses) = ([Fit { error: zero, below: zero }; K], [zero; K]);
    for (inverse, scale) in inverses.iter_mut().zip(scales) {
        *inverse = inverse_of(simd, scale);
    }
    for (x, w) in columns.x[..columns.n].iter().zip(&columns.w) {
        let (x, w) = (f32x16::from_slice(simd, x), f32x16::from_slice(simd, w));
        for (k, fit) in fits.iter_mut().enumerate() {
            let value = nearest.level::<TABLE>(simd, (x + mins[k]) * inverses[k]);
            let above = scales[k] * value - x;
            let difference = above - mins[k];
            fit.error += w * difference * difference;
            fit.below += w * above;
        }
    }
    fits
}

/// Looks for a better s, up to `reach` steps away, and with it a better m, and returns the errors; `turn` says that s of the other sign is
/// looked at, too.
pub(crate) fn improve(
    level: Level,
    columns: &Columns,
    bounds: Bounds,
    scales: &mut Scales,
    reach: i32,
    turn: bool,
) -> Each {
    dispatch!(level, simd => match bounds.levels {
        Levels::Steps(..) => nearby::<_, false>(simd, columns, bounds, scales, reach, turn),
        Levels::Table(_) => nearby::<_, true>(simd, columns, bounds, scales, reach, turn),
    })
}

/// The best of the scales that were tried.
struct Best<S: Simd> {
    error: f32x16<S>,
    s: f32x16<S>,
    m: f32x16<S>,
}

impl<S: Simd> Best<S> {
    #[inline(always)]
    fn compare(&mut self, error: f32x16<S>, s: f32x16<S>, m: f32x16<S>) {
        let better = error.simd_lt(self.error);
        self.error = better.select(error, self.error);
        self.s = better.select(s, self.s);
        self.m = better.select(m, self.m);
    }
}

#[inline(always)]
fn nearby<S: Simd, const TABLE: bool>(
    simd: S,
    columns: &Columns,
    bounds: Bounds,
    scales: &mut Scales,
    reach: i32,
    turn: bool,
) -> Each {
    let nearest = Nearest::of(simd, bounds.levels);
    let float = |x: f32| f32x16::splat(simd, x);
    let (d, dmin) = (f32x16::from_slice(simd, &scales.d), f32x16::from_slice(simd, &scales.dmin));
    let (s, m) = (f32x16::from_slice(simd, &scales.s), f32x16::from_slice(simd, &scales.m));
    let (lowest, highest) = (float(bounds.s.0), float(bounds.s.1));
    let mut best = Best { error: float(f32::INFINITY), s, m };
    // What the least squares divide by.
    let weight = f32x16::from_slice(simd, &columns.weight) * dmin;
    for side in 0..=i32::from(turn) {
        let around = if side == 0 { s } else { -s };
        for step in 0..=reach {
            let mut tried = [around - step as f32, around + step as f32];
            for tried in &mut tried {
                *tried = tried.simd_lt(lowest).select(lowest, *tried);
                *tried = tried.simd_gt(highest).select(highest, *tried);
            }
            let products = [tried[0] * d, tried[1] * d];
            let found = fits::<S, TABLE, 2>(simd, columns, &nearest, products, [m * dmin; 2]);
            best.compare(found[0].error, tried[0], m);
            best.compare(found[1].error, tried[1], m);
            if bounds.m > 0.0 {
                let mut own = [m; 2];
                for (own, found) in own.iter_mut().zip(found) {
                    let wanted = small_code(simd, found.below / weight, 0, bounds.m as i32);
                    // Without a dmin, or weights, there is none that is better.
                    *own = weight.simd_gt(float(0.0)).select(wanted, m);
                }
                let found = fits::<S, TABLE, 2>(simd, columns, &nearest, products, [own[0] * dmin, own[1] * dmin]);
                best.compare(found[0].error, tried[0], own[0]);
                best.compare(found[1].error, tried[1], own[1]);
            }
        }
    }
    best.s.store_slice(&mut scales.s);
    best.m.store_slice(&mut scales.m);
    best.error.into()
}

/// Returns the sums over the nearest levels.
pub(crate) fn level_sums(level: Level, columns: &Columns, levels: Levels, scales: &Scales) -> LevelSums {
    dispatch!(level, simd => match levels {
        Levels::Steps(..) => sums_of::<_, false>(simd, columns, levels, scales),
        Levels::Table(_) => sums_of::<_, true>(simd, columns, levels, scales),
    })
}

/// Returns `d · s`, its reciprocal, and `dmin · m`.
#[inline(always)]
fn products<S: Simd>(simd: S, scales: &Scales) -> (f32x16<S>, f32x16<S>) {
    let (d, dmin) = (f32x16::from_slice(simd, &scales.d), f32x16::from_slice(simd, &scales.dmin));
    let (s, m) = (f32x16::from_slice(simd, &scales.s), f32x16::from_slice(simd, &scales.m));
    (inverse_of(simd, d * s), dmin * m)
}

#[inline(always)]
fn sums_of<S: Simd, const TABLE: bool>(simd: S, columns: &Columns, levels: Levels, scales: &Scales) -> LevelSums {
    let nearest = Nearest::of(simd, levels);
    let (inverse, min) = products(simd, scales);
    let zero = f32x16::splat(simd, 0.0);
    let (mut sum_vv, mut sum_v, mut sum_xv, mut sum_x) = (zero, zero, zero, zero);
    for (x, w) in columns.x[..columns.n].iter().zip(&columns.w) {
        let (x, w) = (f32x16::from_slice(simd, x), f32x16::from_slice(simd, w));
        let value = nearest.level::<TABLE>(simd, (x + min) * inverse);
        let wv = w * value;
        sum_vv += wv * value;
        sum_v += wv;
        sum_xv += wv * x;
        sum_x += w * x;
    }
    LevelSums { vv: sum_vv.into(), v: sum_v.into(), xv: sum_xv.into(), x: sum_x.into() }
}

/// Writes the places of the nearest levels, those of each sub-block one after another.
pub(crate) fn level_codes(level: Level, columns: &Columns, levels: Levels, scales: &Scales, codes: &mut [u8]) {
    dispatch!(level, simd => codes_of(simd, columns, levels, scales, codes));
}

#[inline(always)]
fn codes_of<S: Simd>(simd: S, columns: &Columns, levels: Levels, scales: &Scales, codes: &mut [u8]) {
    let nearest = Nearest::of(simd, levels);
    let (inverse, min) = products(simd, scales);
    let mut places = [f32x16::splat(simd, 0.0); LONGEST];
    for (place, x) in places.iter_mut().zip(&columns.x[..columns.n]) {
        let quotient = (f32x16::from_slice(simd, x) + min) * inverse;
        *place = match levels {
            Levels::Steps(first, _) => nearest.level::<false>(simd, quotient) - f32::from(first),
            Levels::Table(_) => nearest.halving.code(simd, quotient),
        };
    }
    store(&places, columns.n, codes);
}
