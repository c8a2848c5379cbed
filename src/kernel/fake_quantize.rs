//! Quantize and dequantize in one pass: the rounding error, without the codes.
//!
//! ```text
//! real = round(clamp((x − offset) / scale, qmin − zero_point, qmax − zero_point)) · scale + offset
//! ```
//!
//! 1. The zero point cancels, so for integers of up to 16 bits there is no code at all, and one loop serves all of them.
//! 2. Halves to even are rounded by adding 1.5 · 2²³ and subtracting it, which gives +0 for what is nearly 0, as a code would.
//! 3. Where the quotient is rounded to the nearest, x can be clamped instead of it: the bounds' own quotients are off by one
//!    last place at most. In the division by multiply-adds x has to be clamped anyway.
//! 4. Other roundings and codes go by way of a tile, as in [`quantize`](super::quantize).

use super::elementwise::{Map, Positions, for_each_run, map_slice};
use super::nan::with_nan_replaced;
use super::narrow::{greater, lesser};
use super::own::Own;
use super::quantize::{Mapping, TILE, grid_of, is_far};
use super::quotient::{Method, One, divided, reciprocal};
use super::reference;
use super::rounding::BuiltIn;
use crate::num::{Code, CodeKind, Grid, Real, Rounding, Scaling};
use crate::params::{CodeRange, NanPolicy};
use core::marker::PhantomData;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16};

/// 1.5 · 2²³, as in the scalars' rounding.
const MAGIC: f32 = 12_582_912.0;

/// Writes what each element of `x` is restored as: the same bits as [`quantize`](super::quantize()) to codes of type `C`
/// followed by [`dequantize`](super::dequantize).
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn fake_quantize<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    assert_eq!(x.len(), out.len(), "reals: expected a length of {}, got {}", x.len(), out.len());
    if is_far::<C>(mapping.params) {
        return reference::fake_quantize::<T, C, R>(x, mapping, rounding, out, first_index);
    }
    if let Some(x) = T::as_f32s(x) {
        return fake_quantize_f32::<C, R>(level, x, mapping, rounding, out, first_index);
    }
    let mut tile = [0.0; TILE];
    for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
        let tile = &mut tile[..x.len()];
        super::to_f32(level, x, tile);
        fake_quantize_f32::<C, R>(level, tile, mapping, rounding, out, first_index.wrapping_add((k * TILE) as u64));
    }
}

fn fake_quantize_f32<C: Code, R: Rounding>(
    level: Level,
    x: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    if mapping.nan == NanPolicy::Native {
        return fake_quantize_native::<C, R>(level, x, mapping, rounding, out, first_index);
    }
    let native = Mapping { nan: NanPolicy::Native, ..*mapping };
    let offset = mapping.params.offset();
    with_nan_replaced(
        level,
        x,
        |_| offset,
        |x, start| {
            let out = &mut out[start..start + x.len()];
            fake_quantize_native::<C, R>(level, x, &native, rounding, out, first_index.wrapping_add(start as u64));
        },
    );
}

fn fake_quantize_native<C: Code, R: Rounding>(
    level: Level,
    x: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    let (scale, offset, grid) = (mapping.params.scale(), mapping.params.offset(), mapping.grid());
    let builtin = BuiltIn::of::<R>();
    let method = mapping.method::<C>(builtin);
    let small = is_small_integer::<C>();
    if small && offset == 0.0 && builtin == Some(BuiltIn::TiesEven) && method != Method::Divide {
        return if method == Method::Markstein {
            restore::<true>(level, x, scale, grid, out);
        } else {
            restore::<false>(level, x, scale, grid, out);
        };
    }
    let mut tile = [0.0; TILE];
    for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
        let index = first_index.wrapping_add((k * TILE) as u64);
        let tile = mapping.quotients(level, method, x, &mut tile);
        if small {
            map_slice(level, Restore { grid, rounding, scale, offset }, tile, out, index);
        } else {
            map_slice(level, Recode { grid, rounding, scale, code: PhantomData::<C> }, tile, out, index);
            add(offset, out);
        }
    }
}

/// Whether differences of two codes are exact in f32, and within what roundings by addition can do.
fn is_small_integer<C: Code>() -> bool {
    C::KIND == CodeKind::Integer && C::BITS <= 16
}

/// Returns the sum; adding an offset of 0 would make +0 of −0, which small floats have.
#[inline(always)]
pub(super) fn shifted_by(real: f32, offset: f32) -> f32 {
    if offset == 0.0 { real } else { real + offset }
}

fn add(offset: f32, out: &mut [f32]) {
    if offset != 0.0 {
        for real in out {
            *real += offset;
        }
    }
}

/// From a quotient to the real of its code, which is a small integer.
#[derive(Clone, Copy)]
struct Restore<R> {
    grid: Grid,
    rounding: R,
    scale: f32,
    offset: f32,
}

impl<R: Rounding> Map<f32, f32> for Restore<R> {
    #[inline(always)]
    fn apply(self, quotient: f32, index: u64) -> f32 {
        restored(quotient, self.grid, self.rounding, index) * self.scale + self.offset
    }
}

/// Returns `code − zero_point`; + 0.0 because an integer is never −0.
#[inline(always)]
fn restored<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> f32 {
    rounding.round(grid.clamp(quotient), index) + 0.0
}

/// From a quotient to its code to its real.
#[derive(Clone, Copy)]
struct Recode<C, R> {
    grid: Grid,
    rounding: R,
    scale: f32,
    code: PhantomData<C>,
}

impl<C: Code, R: Rounding> Map<f32, f32> for Recode<C, R> {
    #[inline(always)]
    fn apply(self, quotient: f32, index: u64) -> f32 {
        C::encode(quotient, self.grid, self.rounding, index).decode(self.grid.zero_point) * self.scale
    }
}

/// Halves to even, one scale, no offset.
fn restore<const EXACT: bool>(level: Level, x: &[f32], scale: f32, grid: Grid, out: &mut [f32]) {
    dispatch!(level, simd => restore_body::<_, EXACT>(simd, x, One::new(scale), grid, out));
}

#[inline(always)]
fn restore_body<S: Simd, const EXACT: bool>(simd: S, x: &[f32], one: One, grid: Grid, out: &mut [f32]) {
    let mut blocks = x.chunks_exact(16);
    let mut out_blocks = out.chunks_exact_mut(16);
    for (x, out) in blocks.by_ref().zip(out_blocks.by_ref()) {
        restore_vector::<S, EXACT>(simd, f32x16::from_slice(simd, x), one, grid).store_slice(out);
    }
    let (rest, out) = (blocks.remainder(), out_blocks.into_remainder());
    if !rest.is_empty() {
        let mut padded = [0.0; 16];
        padded[..rest.len()].copy_from_slice(rest);
        restore_vector::<S, EXACT>(simd, f32x16::from_slice(simd, &padded), one, grid).store_slice(&mut padded);
        out.copy_from_slice(&padded[..rest.len()]);
    }
}

#[inline(always)]
fn restore_vector<S: Simd, const EXACT: bool>(simd: S, x: f32x16<S>, one: One, grid: Grid) -> f32x16<S> {
    let (scale, inverse) = (f32x16::splat(simd, one.scale), f32x16::splat(simd, one.inverse));
    let (lo, hi) = (f32x16::splat(simd, grid.lo), f32x16::splat(simd, grid.hi));
    let quotient = if EXACT {
        divided(simd, lesser(greater(x, lo * scale), hi * scale), scale, inverse)
    } else {
        lesser(greater(x * inverse, lo), hi)
    };
    ((quotient + MAGIC) - MAGIC) * scale
}

/// Restores quotients of which each has parameters of its own.
pub(super) fn fake_each<C: Code, R: Rounding>(
    level: Level,
    quotients: &[f32],
    own: Own<'_>,
    codes: CodeRange,
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    if is_small_integer::<C>() {
        dispatch!(level, simd => restore_each(simd, quotients, own, codes, rounding, out, positions));
    } else {
        dispatch!(level, simd => recode_each::<_, C, R>(simd, quotients, own, codes, rounding, out, positions));
    }
    for (real, &offset) in out.iter_mut().zip(own.offsets) {
        *real = shifted_by(*real, offset);
    }
}

#[inline(always)]
fn restore_each<S: Simd, R: Rounding>(
    _simd: S,
    quotients: &[f32],
    own: Own<'_>,
    codes: CodeRange,
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    let n = out.len();
    let (quotients, scales, zero_points) = (&quotients[..n], &own.scales[..n], &own.zero_points[..n]);
    for i in 0..n {
        let grid = grid_of(codes, zero_points[i]);
        out[i] = restored(quotients[i], grid, rounding, positions.of(i)) * scales[i];
    }
}

#[inline(always)]
fn recode_each<S: Simd, C: Code, R: Rounding>(
    _simd: S,
    quotients: &[f32],
    own: Own<'_>,
    codes: CodeRange,
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    let n = out.len();
    let (quotients, scales, zero_points) = (&quotients[..n], &own.scales[..n], &own.zero_points[..n]);
    for i in 0..n {
        let grid = grid_of(codes, zero_points[i]);
        let code = C::encode(quotients[i], grid, rounding, positions.of(i));
        out[i] = code.decode(zero_points[i]) * scales[i];
    }
}

/// The straight-through gradient of [`fake_quantize`]: what flows back through element `x` is `gradient` where its code
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
    if rounding.is_random() && mapping.codes.is_integer() {
        return backward_by_quotients(level, x, gradient, mapping, rounding, out, first_index);
    }
    let kept = kept(mapping, rounding);
    if let Some(x) = T::as_f32s(x) {
        return dispatch!(level, simd => keep(simd, x, gradient, kept, out));
    }
    let mut tile = [0.0; TILE];
    for ((x, gradient), out) in x.chunks(TILE).zip(gradient.chunks(TILE)).zip(out.chunks_mut(TILE)) {
        let tile = &mut tile[..x.len()];
        super::to_f32(level, x, tile);
        dispatch!(level, simd => keep(simd, tile, gradient, kept, out));
    }
}

/// Returns the smallest and the largest x whose code is not clamped; the first is the larger one if there is none.
///
/// The quotient grows with x, and what it is rounded to grows with the quotient, rounding errors included. So whether a code is
/// clamped is a question of where x lies, and neither the quotient nor its rounding need be computed for each.
fn kept<R: Rounding>(mapping: &Mapping, rounding: R) -> (f32, f32) {
    let (grid, params) = (mapping.grid(), mapping.params);
    let inverse = reciprocal(params.scale());
    let rounded = |x: f32| {
        let shifted = x - params.offset();
        let quotient = match mapping.scaling {
            Scaling::Divide => shifted / params.scale(),
            Scaling::Reciprocal => shifted * inverse,
        };
        if mapping.codes.is_integer() { rounding.round(quotient, 0) } else { quotient }
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
fn backward_by_quotients<T: Real, R: Rounding>(
    level: Level,
    x: &[T],
    gradient: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    let (grid, mut tile, mut widened) = (mapping.grid(), [0.0; TILE], [0.0; TILE]);
    // Whatever the code type, one that is not small has bounds beyond those of the division by multiply-adds.
    let method = if grid.lo.abs().max(grid.hi.abs()) < super::quotient::BOUND {
        mapping.method::<i16>(BuiltIn::of::<R>())
    } else {
        mapping.method::<i32>(BuiltIn::of::<R>())
    };
    for start in (0..x.len()).step_by(TILE) {
        let range = start..x.len().min(start + TILE);
        let widened = &mut widened[..range.len()];
        let x = &x[range.clone()];
        let x = if let Some(x) = T::as_f32s(x) {
            x
        } else {
            super::to_f32(level, x, widened);
            widened
        };
        let quotients = mapping.quotients(level, method, x, &mut tile);
        let (gradient, out) = (&gradient[range.clone()], &mut out[range]);
        for_each_run(first_index.wrapping_add(start as u64), quotients.len(), |run, positions| {
            let (quotients, gradient, out) = (&quotients[run.clone()], &gradient[run.clone()], &mut out[run]);
            let bounds = (grid.lo, grid.hi);
            dispatch!(level, simd => backward_body(simd, quotients, gradient, bounds, rounding, out, positions));
        });
    }
}

/// Leaves a quotient as it is: floating codes are clamped before they are rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unrounded;

impl Rounding for Unrounded {
    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        x
    }
}

/// The gradients of quotients of which each has bounds of its own.
pub(super) fn backward<R: Rounding>(
    level: Level,
    quotients: &[f32],
    gradient: &[f32],
    bounds: (&[f32], &[f32]),
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    dispatch!(level, simd => backward_body(simd, quotients, gradient, bounds, rounding, out, positions));
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
fn backward_body<S: Simd, R: Rounding, B: Bound>(
    _simd: S,
    quotients: &[f32],
    gradient: &[f32],
    (lo, hi): (B, B),
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    let n = out.len();
    let (quotients, gradient, lo, hi) = (&quotients[..n], &gradient[..n], lo.cut(n), hi.cut(n));
    for i in 0..n {
        let rounded = rounding.round(quotients[i], positions.of(i));
        let inside = (rounded >= lo.of(i)) & (rounded <= hi.of(i));
        out[i] = gradient[i] * if inside { 1.0 } else { 0.0 };
    }
}
