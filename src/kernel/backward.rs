//! The straight-through gradient of [`fake_quantize`](super::fake_quantize()).
//!
//! The quotient grows with x, and what it is rounded to grows with the quotient, rounding errors included. So whether a code is
//! clamped is a question of where x lies: two bounds of x are found once for each scale, and neither the quotient nor its rounding
//! is computed for each element. A random rounding, and scales of which each element has its own, take the quotients.

use super::elementwise::TILE;
use super::level::dispatch;
use super::mapping::{Mapping, grid_of};
use super::own::{Own, Part, for_each_part};
use super::quotient::{BOUND, Method};
use super::rounder::Rounder;
use super::settings::Settings;
use crate::num::{CodeType, Real, Rounding, Scaling};
use crate::params::{QuantParams, Span, reciprocal};
use fearless_simd::{Level, Simd};

/// The straight-through gradient of [`fake_quantize`](super::fake_quantize()): what flows back through element `x` is `gradient` where its code
/// was not clamped, else `gradient · 0`: a zero of its sign, or NaN of a gradient that is not finite. An x that is NaN passes
/// nothing.
///
/// The bound is on the rounded quotient: `qmin ≤ round((x − offset) / scale) + zero_point ≤ qmax`. Of floating codes, which
/// are not whole numbers, it is on the quotient itself.
///
/// # Panics
///
/// If the three slices differ in length.
pub fn fake_quantize_backward<T: Real, R: Rounding>(
    level: Level,
    x: &[T],
    gradient: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    assert_eq!(x.len(), gradient.len(), "gradient: expected a length of {}, got {}", x.len(), gradient.len());
    assert_eq!(x.len(), out.len(), "reals: expected a length of {}, got {}", x.len(), out.len());
    let rounder = Rounder::of(&rounding);
    super::convert::for_each_f32_tile(level, T::reals(x), &mut |x, range| {
        let index = first_index.wrapping_add(range.start as u64);
        backward_of_one(level, x, &gradient[range.clone()], mapping, rounder, &mut out[range], index);
    });
}

fn backward_of_one(
    level: Level,
    x: &[f32],
    gradient: &[f32],
    mapping: &Mapping,
    rounder: Rounder<'_>,
    out: &mut [f32],
    first_index: u64,
) {
    if rounder.loops().is_random() && mapping.codes.is_integer() {
        return backward_by_quotients(level, x, gradient, mapping, rounder, out, first_index);
    }
    let kept = kept(mapping, rounder);
    dispatch!(level, simd => keep(simd, x, gradient, kept, out));
}

/// Writes the straight-through gradient of a span: `gradient` where the code was not clamped, else `gradient · 0`.
pub(crate) fn fake_quantize_backward_span(
    level: Level,
    params: &QuantParams,
    settings: Settings<'_>,
    span: Span,
    x: &[f32],
    gradient: &[f32],
    out: &mut [f32],
) {
    let Settings { code, rounder, scaling, nan } = settings;
    let (codes, prepared) = (params.codes(), params.prepared());
    let method = Method::of(code, scaling, prepared.scales, prepared.zero_points, rounder.vector_form());
    let (mut lo, mut hi) = ([0.0; TILE], [0.0; TILE]);
    for_each_part(Own::of(params), span, x.len(), |part, range| {
        let index = span.start as u64 + range.start as u64;
        let (x, gradient, out) = (&x[range.clone()], &gradient[range.clone()], &mut out[range]);
        match part {
            Part::Group(group) => {
                if let Some(params) = params.group(group) {
                    let mapping = Mapping { params, codes, scaling, nan };
                    backward_of_one(level, x, gradient, &mapping, rounder, out, index);
                }
            }
            Part::Each(own) => own.for_each_tile(level, method, x, &mut |own, quotients, tile| {
                for ((lo, hi), &zero_point) in lo.iter_mut().zip(&mut hi).zip(own.zero_points) {
                    let grid = grid_of(codes, zero_point);
                    (*lo, *hi) = (grid.lo, grid.hi);
                }
                if codes.is_integer() {
                    let index = index.wrapping_add(tile.start as u64);
                    round_unclamped(level, quotients, rounder, index);
                }
                let bounds = (&lo[..quotients.len()], &hi[..quotients.len()]);
                let (gradient, out) = (&gradient[tile.clone()], &mut out[tile]);
                dispatch!(level, simd => keep_inside(simd, quotients, gradient, bounds, out));
            }),
        }
    });
}

/// Rounds quotients that may lie anywhere; NaN stays outside of all bounds.
fn round_unclamped(level: Level, quotients: &mut [f32], rounder: Rounder<'_>, first_index: u64) {
    rounder.loops().whole(level, quotients, (f32::NEG_INFINITY, f32::INFINITY), first_index);
}

/// Returns the smallest and the largest x whose code is not clamped; the first is the larger one if there is none.
fn kept(mapping: &Mapping, rounder: Rounder<'_>) -> (f32, f32) {
    let (grid, params) = (mapping.grid(), mapping.params);
    let inverse = reciprocal(params.scale());
    let rounded = |x: f32| {
        let shifted = x - params.offset();
        let quotient = match mapping.scaling {
            Scaling::Divide => shifted / params.scale(),
            Scaling::Reciprocal => shifted * inverse,
        };
        if mapping.codes.is_integer() { rounder.loops().one(quotient, 0) } else { quotient }
    };
    let guess = |quotient: f32| quotient * params.scale() + params.offset();
    let first_inside = first_with(guess(grid.lo - 0.5), |x| rounded(x) >= grid.lo);
    if grid.hi == f32::INFINITY {
        return (first_inside, f32::INFINITY);
    }
    (first_inside, before(first_with(guess(grid.hi + 0.5), |x| rounded(x) > grid.hi)))
}

/// The place of a float in the order of all that are not NaN.
fn place(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits }
}

fn at(place: i32) -> f32 {
    f32::from_bits(if place < 0 { i32::MIN.wrapping_sub(place) } else { place } as u32)
}

fn before(x: f32) -> f32 {
    at(place(x) - 1)
}

/// Returns the smallest float for which `holds` is true, given that it is for all above, ∞ included: found from a guess, in
/// steps that double until the answer lies between two, then by halving.
fn first_with(guess: f32, holds: impl Fn(f32) -> bool) -> f32 {
    let (least, most) = (i64::from(place(f32::NEG_INFINITY)), i64::from(place(f32::INFINITY)));
    let holds = |place: i64| place == most || holds(at(place as i32));
    let guess = if guess.is_nan() { 0 } else { i64::from(place(guess)) };
    // Does not hold at `below`, unless that is beyond all floats; holds at `above`.
    let (mut below, mut above, mut step) = (least - 1, most, 1);
    if holds(guess) {
        above = guess;
        while above - step >= least {
            if !holds(above - step) {
                below = above - step;
                break;
            }
            above -= step;
            step *= 2;
        }
    } else {
        below = guess;
        while below + step < most {
            if holds(below + step) {
                above = below + step;
                break;
            }
            below += step;
            step *= 2;
        }
    }
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if holds(middle) { above = middle } else { below = middle }
    }
    at(above as i32)
}

#[inline(always)]
fn keep<S: Simd>(_simd: S, x: &[f32], gradient: &[f32], (first, last): (f32, f32), out: &mut [f32]) {
    let n = out.len();
    let (x, gradient) = (&x[..n], &gradient[..n]);
    for i in 0..n {
        let inside = (x[i] >= first) & (x[i] <= last);
        out[i] = gradient[i] * if inside { 1.0 } else { 0.0 };
    }
}

/// The gradients where a quotient may be rounded to one of two codes.
fn backward_by_quotients(
    level: Level,
    x: &[f32],
    gradient: &[f32],
    mapping: &Mapping,
    rounder: Rounder<'_>,
    out: &mut [f32],
    first_index: u64,
) {
    let (grid, mut tile) = (mapping.grid(), [0.0; TILE]);
    // Whatever the code type, one that is not small has bounds beyond those of the division by multiply-adds.
    let is_small = grid.lo.abs().max(grid.hi.abs()) < BOUND;
    let method = mapping.method(if is_small { CodeType::I16 } else { CodeType::I32 }, rounder.vector_form());
    for start in (0..x.len()).step_by(TILE) {
        let range = start..x.len().min(start + TILE);
        let quotients = mapping.quotients(level, method, &x[range.clone()], &mut tile);
        round_unclamped(level, quotients, rounder, first_index.wrapping_add(start as u64));
        let (gradient, out) = (&gradient[range.clone()], &mut out[range]);
        dispatch!(level, simd => keep_inside(simd, quotients, gradient, (grid.lo, grid.hi), out));
    }
}

/// The smallest or largest quotient of an element that is not clamped.
trait Bound: Copy {
    /// Returns the bound itself, for `n` elements.
    fn cut(self, n: usize) -> Self;
    fn of(self, i: usize) -> f32;
}

impl Bound for f32 {
    #[inline(always)]
    fn cut(self, _n: usize) -> Self {
        self
    }

    #[inline(always)]
    fn of(self, _i: usize) -> f32 {
        self
    }
}

impl Bound for &[f32] {
    #[inline(always)]
    fn cut(self, n: usize) -> Self {
        &self[..n]
    }

    #[inline(always)]
    fn of(self, i: usize) -> f32 {
        self[i]
    }
}

#[inline(always)]
fn keep_inside<S: Simd, B: Bound>(_simd: S, rounded: &[f32], gradient: &[f32], (lo, hi): (B, B), out: &mut [f32]) {
    let n = out.len();
    let (rounded, gradient, lo, hi) = (&rounded[..n], &gradient[..n], lo.cut(n), hi.cut(n));
    for i in 0..n {
        let inside = (rounded[i] >= lo.of(i)) & (rounded[i] <= hi.of(i));
        out[i] = gradient[i] * if inside { 1.0 } else { 0.0 };
    }
}
