//! How well one scale and one minimum fit a sub-block, and the codes under them.

use super::table::{Steps, nearest_code, nearest_value};
use super::tile::LANES;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16, i32x16};

/// The levels of the codes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Levels {
    /// Whole numbers next to each other, from the first to the last.
    Steps(i8, i8),
    /// Sixteen others, ascending.
    Table(&'static [i8; 16]),
}

/// What codes nearest under a scale and a minimum come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    /// The weighted squared error.
    pub(crate) error: f32,
    /// Σ w.
    pub(crate) weight: f32,
    /// Σ w (scale · v − x): divided by Σ w, where the minimum would be best.
    pub(crate) below: f32,
}

/// Returns how well `scale · v − min` fits whole vectors of 16 elements, each at its nearest level.
pub(crate) fn fit(level: Level, x: &[f32], w: &[f32], levels: Levels, scale: f32, min: f32) -> Fit {
    dispatch!(level, simd => match levels {
        Levels::Steps(first, last) => body::<_, false>(simd, x, w, (first, last), &Steps::of(&[0; 16]), scale, min),
        Levels::Table(values) => body::<_, true>(simd, x, w, (0, 0), &Steps::of(values), scale, min),
    })
}

#[inline(always)]
fn inverse_of(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// Returns the nearest of the whole numbers between two.
#[inline(always)]
fn nearest_step<S: Simd>(simd: S, x: f32x16<S>, (first, last): (i8, i8)) -> f32x16<S> {
    let (first, last) = (f32x16::splat(simd, first.into()), f32x16::splat(simd, last.into()));
    let x = x.simd_lt(first).select(first, x);
    let x = x.simd_gt(last).select(last, x);
    (x + 12_582_912.0) - 12_582_912.0
}

#[inline(always)]
fn body<S: Simd, const TABLE: bool>(
    simd: S,
    x: &[f32],
    w: &[f32],
    ends: (i8, i8),
    steps: &Steps,
    scale: f32,
    min: f32,
) -> Fit {
    let float = |x: f32| f32x16::splat(simd, x);
    let (inverse, scale, min) = (float(inverse_of(scale)), float(scale), float(min));
    let (mut error, mut weight, mut below) = (float(0.0), float(0.0), float(0.0));
    for (x, w) in x.as_chunks::<LANES>().0.iter().zip(w.as_chunks::<LANES>().0) {
        let (x, w) = (f32x16::from_slice(simd, x), f32x16::from_slice(simd, w));
        let quotient = (x + min) * inverse;
        let value = if TABLE { nearest_value(simd, quotient, steps) } else { nearest_step(simd, quotient, ends) };
        let above = scale * value - x;
        let difference = above - min;
        error += w * difference * difference;
        weight += w;
        below += w * above;
    }
    Fit { error: total(error), weight: total(weight), below: total(below) }
}

#[inline(always)]
fn total<S: Simd>(lanes: f32x16<S>) -> f32 {
    let (a, b) = lanes.split();
    let lanes = <[f32; LANES / 2]>::from(a + b);
    let mut sum = 0.0;
    for lane in lanes {
        sum += lane;
    }
    sum
}

/// Writes the places of the levels that [`fit`] found nearest.
pub(crate) fn fit_codes(level: Level, x: &[f32], levels: Levels, scale: f32, min: f32, codes: &mut [u8]) {
    dispatch!(level, simd => places(simd, x, levels, scale, min, codes));
}

#[inline(always)]
fn places<S: Simd>(simd: S, x: &[f32], levels: Levels, scale: f32, min: f32, codes: &mut [u8]) {
    let (inverse, min) = (f32x16::splat(simd, inverse_of(scale)), f32x16::splat(simd, min));
    for (x, codes) in x.as_chunks::<LANES>().0.iter().zip(codes.as_chunks_mut::<LANES>().0) {
        let quotient = (f32x16::from_slice(simd, x) + min) * inverse;
        let place = match levels {
            Levels::Steps(first, last) => nearest_step(simd, quotient, (first, last)) - f32::from(first),
            Levels::Table(values) => nearest_code(simd, quotient, &Steps::of(values)),
        };
        let place: i32x16<S> = place.to_int();
        for (code, place) in codes.iter_mut().zip(<[i32; LANES]>::from(place)) {
            *code = place as u8;
        }
    }
}
