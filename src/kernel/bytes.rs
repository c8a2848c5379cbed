//! Reals to codes of one byte, in one loop: the kernel behind `i8` and `u8`, and, through a tile, behind smaller integers.
//!
//! ```text
//! code = clamp(round(min(x·y, bound)) + zero_point, qmin, qmax)
//! ```
//!
//! 1. Only one bound is needed as a float: whatever lies far below, and NaN, becomes an integer far below ([`nearest`](super::narrow::nearest)).
//!    In the division by multiply-adds the same min keeps +∞ from becoming NaN; −∞ may become it.
//! 2. Integers are packed to 16 bits before the zero point is added, and to 8 before they are clamped, so that each of these
//!    instructions does the work of two, or four, and packing saturates anyway.
//! 3. `u8` is `i8` with all numbers less 128, and the top bit flipped at the end: one loop, which for `i8` flips nothing.
//! 4. The roundings that the hardware has are instructions here; any other goes by way of a tile (see
//!    [`quantize`](super::quantize)).
//! 5. A last part that is shorter than a block of 64 is done with the elements before it, once more.

use super::elementwise::TILE;
use super::level::dispatch;
use super::narrow::{lesser, pack_i8, pack_i16};
use super::quotient::{BOUND, Each, Method, One, Scales, Shared, divided, quotients};
use super::rounding::{BuiltIn, VectorRounding};
use crate::num::{Ceil, Floor, HalfAway, TiesEven, TowardZero};
use crate::params::CodeRange;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i8x64, i16x32, i32x16};
use zerocopy::{FromBytes, IntoBytes};

/// Elements in a block: one vector of bytes.
pub(super) const BLOCK: usize = 64;
/// Zero points beyond it might saturate in 16 bits where they should not: where halves are counted, these are 15.
const LARGEST_ZERO_POINT: i32 = 1 << 13;

/// What codes of one byte are less when they are made, and what is flipped in them at the end: of `i8` nothing, of `u8` 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Byte {
    Signed,
    Unsigned,
}

impl Byte {
    /// Returns what is subtracted from codes to make them `i8`s.
    const fn shift(self) -> i32 {
        match self {
            Byte::Signed => 0,
            Byte::Unsigned => 128,
        }
    }

    /// Returns the bits of a shifted code that are flipped: those of 128, or none.
    const fn flipped(self) -> i8 {
        match self {
            Byte::Signed => 0,
            Byte::Unsigned => i8::MIN,
        }
    }
}

/// Returns bytes as `i8`s, in which the kernels write `u8`s too.
pub(super) fn signed(bytes: &mut [u8]) -> &mut [i8] {
    match <[i8]>::mut_from_bytes(bytes) {
        Ok(bytes) => bytes,
        Err(_) => unreachable!("any bytes are as many i8s"),
    }
}

/// Returns signed bytes as bytes.
pub(super) fn unsigned(bytes: &mut [i8]) -> &mut [u8] {
    bytes.as_mut_bytes()
}

/// The zero points of a run of elements, less [`Byte::shift`].
trait ZeroPoints: Copy {
    /// Returns those of the 32 elements from `i` on, in the order that integers are packed in.
    fn load<S: Simd>(self, simd: S, shift: i32, i: usize) -> i16x32<S>;
}

impl ZeroPoints for i32 {
    #[inline(always)]
    fn load<S: Simd>(self, simd: S, shift: i32, _i: usize) -> i16x32<S> {
        i16x32::splat(simd, (self - shift) as i16)
    }
}

impl ZeroPoints for &[i32] {
    #[inline(always)]
    fn load<S: Simd>(self, simd: S, shift: i32, i: usize) -> i16x32<S> {
        let (a, b) = (&self[i..i + 16], &self[i + 16..i + 32]);
        pack_i16(simd, i32x16::from_slice(simd, a), i32x16::from_slice(simd, b)) - shift as i16
    }
}

/// Runs of elements share a zero point, as they do a scale.
#[derive(Clone, Copy)]
struct SharedZeroPoints<'a> {
    zero_points: &'a [i32],
    scales: Shared<'a>,
}

impl ZeroPoints for SharedZeroPoints<'_> {
    #[inline(always)]
    fn load<S: Simd>(self, simd: S, shift: i32, i: usize) -> i16x32<S> {
        let Shared { shift: places, first, .. } = self.scales;
        let (a, b) = (self.zero_points[(first + i) >> places], self.zero_points[(first + i + 16) >> places]);
        pack_i16(simd, i32x16::splat(simd, a), i32x16::splat(simd, b)) - shift as i16
    }
}

/// What the codes of a run of elements are made with.
#[derive(Clone, Copy)]
struct Run<Q, Z> {
    scales: Q,
    zero_points: Z,
    byte: Byte,
    ends: (i8, i8),
}

/// Returns the ends of a code range as shifted codes.
fn ends(byte: Byte, codes: CodeRange) -> (i8, i8) {
    let end = |code: f64| (code as i32).saturating_sub(byte.shift()).clamp(i8::MIN.into(), i8::MAX.into()) as i8;
    (end(codes.min()), end(codes.max()))
}

/// The zero point and the ends of a code range, less [`Byte::shift`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Shifted {
    pub(super) zero_point: i16,
    pub(super) min: i8,
    pub(super) max: i8,
    /// The bits that are flipped at the end.
    pub(super) flipped: i8,
}

impl Shifted {
    /// Returns those of codes of a byte; the zero point is one that can be added.
    pub(super) fn of(byte: Byte, codes: CodeRange, zero_point: i32) -> Self {
        let (min, max) = ends(byte, codes);
        Self { zero_point: (zero_point - byte.shift()) as i16, min, max, flipped: byte.flipped() }
    }
}

/// Returns whether the kernels here can do with zero points between the two.
pub(super) fn can_add((lowest, highest): (i32, i32)) -> bool {
    -LARGEST_ZERO_POINT <= lowest && highest <= LARGEST_ZERO_POINT
}

/// One scale and zero point for all elements.
#[derive(Clone, Copy)]
pub(super) struct Single {
    pub(super) scale: f32,
    pub(super) zero_point: i32,
    pub(super) codes: CodeRange,
    /// Whether quotients are those of a division; the scale must be in the range for that.
    pub(super) exact: bool,
}

/// Writes the codes of `x`.
pub(super) fn quantize_one(level: Level, x: &[f32], single: Single, rounding: BuiltIn, byte: Byte, out: &mut [i8]) {
    let Single { scale, zero_point, codes, exact } = single;
    let run = Run { scales: One::new(scale), zero_points: zero_point, byte, ends: ends(byte, codes) };
    match (exact, rounding) {
        (false, BuiltIn::TiesEven) => quantize_run::<TiesEven, false>(level, x, run, out),
        (false, BuiltIn::HalfAway) => quantize_run::<HalfAway, false>(level, x, run, out),
        (false, BuiltIn::Ceil) => quantize_run::<Ceil, false>(level, x, run, out),
        (false, BuiltIn::Floor) => quantize_run::<Floor, false>(level, x, run, out),
        (false, BuiltIn::TowardZero) => quantize_run::<TowardZero, false>(level, x, run, out),
        (true, BuiltIn::TiesEven) => quantize_run::<TiesEven, true>(level, x, run, out),
        (true, BuiltIn::HalfAway) => quantize_run::<HalfAway, true>(level, x, run, out),
        (true, BuiltIn::Ceil) => quantize_run::<Ceil, true>(level, x, run, out),
        // Rarely asked for: divided in a pass of its own, not in two more loops for each level.
        (true, BuiltIn::Floor | BuiltIn::TowardZero) => {
            quantize_divided(level, x, single, Method::Markstein, rounding, byte, out);
        }
    }
}

/// The same, divided a tile at a time before the codes are made.
pub(super) fn quantize_divided(
    level: Level,
    x: &[f32],
    single: Single,
    method: Method,
    rounding: BuiltIn,
    byte: Byte,
    out: &mut [i8],
) {
    let (scale, mut tile) = (One::new(single.scale), [0.0; TILE]);
    // 1 as the scale changes nothing.
    let single = Single { scale: 1.0, exact: false, ..single };
    for (x, out) in x.chunks(TILE).zip(out.chunks_mut(TILE)) {
        let tile = &mut tile[..x.len()];
        quotients(level, method, x, scale, tile);
        quantize_one(level, tile, single, rounding, byte, out);
    }
}

/// The zero points of elements of which each has a scale of its own.
#[derive(Clone, Copy)]
pub(super) enum OwnZeroPoints<'a> {
    /// All the same: weights have none, as a rule, and then there is one array less to read.
    All(i32),
    /// Each its own.
    Each(&'a [i32]),
}

/// What the codes of many groups are made with, halves to even.
#[derive(Clone, Copy)]
pub(super) struct Many {
    pub(super) byte: Byte,
    pub(super) codes: CodeRange,
    /// Whether quotients are those of a division; all scales must be in the range for that.
    pub(super) exact: bool,
}

/// Writes the codes of `x`, which is runs as long as `scales`, or a shorter last one: each element of a run has parameters of its
/// own. A run is at least a block.
pub(super) fn quantize_each(
    level: Level,
    x: &[f32],
    scales: Each<'_>,
    zero_points: OwnZeroPoints<'_>,
    many: Many,
    out: &mut [i8],
) {
    // A row alone is a run.
    let len = scales.scales.len();
    let (rows, rest) = x.split_at(if x.len() < 2 * len { 0 } else { x.len() / len * len });
    let (out, rest_out) = out.split_at_mut(rows.len());
    match zero_points {
        OwnZeroPoints::All(zero_point) => {
            to_even_in_rows(level, rows, scales, zero_point, many, out);
            to_even(level, rest, len, Alike(scales, zero_point), many, rest_out);
        }
        OwnZeroPoints::Each(zero_points) => {
            to_even_in_rows(level, rows, scales, zero_points, many, out);
            to_even(level, rest, len, Alike(scales, zero_points), many, rest_out);
        }
    }
}

fn to_even_in_rows<Z: ZeroPoints>(
    level: Level,
    x: &[f32],
    scales: Each<'_>,
    zero_points: Z,
    many: Many,
    out: &mut [i8],
) {
    let how = (many.byte, ends(many.byte, many.codes));
    if many.exact {
        dispatch!(level, simd => rows::<_, Z, true>(simd, x, scales, zero_points, how, out));
    } else {
        dispatch!(level, simd => rows::<_, Z, false>(simd, x, scales, zero_points, how, out));
    }
}

/// Rows that are done together, so that what belongs to a column is loaded once for all of them.
const ROWS: usize = 4;

/// Writes the codes of whole rows, of each of whose elements the scale and zero point is that of its column.
#[inline(always)]
fn rows<S: Simd, Z: ZeroPoints, const EXACT: bool>(
    simd: S,
    x: &[f32],
    Each { scales, inverses }: Each<'_>,
    zero_points: Z,
    (byte, (min, max)): (Byte, (i8, i8)),
    out: &mut [i8],
) {
    let (min, max, flipped) = (i8x64::splat(simd, min), i8x64::splat(simd, max), i8x64::splat(simd, byte.flipped()));
    let (len, shift) = (scales.len(), byte.shift());
    let last = len.saturating_sub(BLOCK);
    for (x, out) in x.chunks(ROWS * len).zip(out.chunks_mut(ROWS * len)) {
        let mut i = 0;
        loop {
            let columns: (&[f32; BLOCK], &[f32; BLOCK]) = (block_of(&scales[i..]), block_of(&inverses[i..]));
            let (scale, inverse) = (columns.0.as_chunks::<16>().0, columns.1.as_chunks::<16>().0);
            let zero_points = [zero_points.load(simd, shift, i), zero_points.load(simd, shift, i + 32)];
            for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
                let (x, out) = (block_of(&x[i..]).as_chunks::<16>().0, &mut out[i..i + BLOCK]);
                let mut codes = [i32x16::splat(simd, 0); 4];
                for k in 0..4 {
                    let x = f32x16::from_slice(simd, &x[k]);
                    let (scale, inverse) = (f32x16::from_slice(simd, &scale[k]), f32x16::from_slice(simd, &inverse[k]));
                    codes[k] = integers::<S, TiesEven, EXACT>(simd, x, scale, inverse);
                }
                let ab = pack_i16(simd, codes[0], codes[1]).saturating_add(zero_points[0]);
                let cd = pack_i16(simd, codes[2], codes[3]).saturating_add(zero_points[1]);
                (pack_i8(simd, ab, cd).max(min).min(max) ^ flipped).store_slice(out);
            }
            if i == last {
                break;
            }
            i = (i + BLOCK).min(last);
        }
    }
}

/// Returns the first block; there is one.
#[inline(always)]
fn block_of(x: &[f32]) -> &[f32; BLOCK] {
    match x.first_chunk() {
        Some(block) => block,
        None => unreachable!("a row is at least a block"),
    }
}

/// Writes the codes of `x`, which is runs of `len` elements, of which neighbours share parameters. A run is whole vectors of 16,
/// and at least a block.
pub(super) fn quantize_shared(
    level: Level,
    x: &[f32],
    len: usize,
    scales: Shared<'_>,
    zero_points: &[i32],
    many: Many,
    out: &mut [i8],
) {
    to_even(level, x, len, Alike(scales, SharedZeroPoints { zero_points, scales }), many, out);
}

/// Writes the codes of blocks of 32 or 16 elements, two or four of them to 64 elements, each with a scale of its own: `PER` says how
/// many. They share a zero point. `x` is whole times 64 elements.
pub(super) fn quantize_blocks<const PER: usize>(
    level: Level,
    x: &[f32],
    scales: Each<'_>,
    zero_point: i32,
    many: Many,
    out: &mut [i8],
) {
    let single = (zero_point, many.byte, ends(many.byte, many.codes));
    if many.exact {
        dispatch!(level, simd => blocks::<_, PER, true>(simd, x, scales, single, out));
    } else {
        dispatch!(level, simd => blocks::<_, PER, false>(simd, x, scales, single, out));
    }
}

/// Writes the codes of `x`, which is runs of `len` elements, each with one scale and zero point. A run is at least a block.
pub(super) fn quantize_groups(
    level: Level,
    x: &[f32],
    len: usize,
    scales: Each<'_>,
    zero_points: &[i32],
    many: Many,
    out: &mut [i8],
) {
    to_even(level, x, len, OneEach(scales, zero_points), many, out);
}

/// The parameters of each of several runs.
trait Runs: Copy {
    type Scales: Scales;
    type ZeroPoints: ZeroPoints;

    /// Returns those of the run with this number.
    fn run(self, number: usize) -> (Self::Scales, Self::ZeroPoints);
}

/// All runs have the same.
#[derive(Clone, Copy)]
struct Alike<Q, Z>(Q, Z);

impl<Q: Scales, Z: ZeroPoints> Runs for Alike<Q, Z> {
    type Scales = Q;
    type ZeroPoints = Z;

    #[inline(always)]
    fn run(self, _number: usize) -> (Q, Z) {
        (self.0, self.1)
    }
}

/// Each run has one scale and zero point.
#[derive(Clone, Copy)]
struct OneEach<'a>(Each<'a>, &'a [i32]);

impl Runs for OneEach<'_> {
    type Scales = One;
    type ZeroPoints = i32;

    #[inline(always)]
    fn run(self, number: usize) -> (One, i32) {
        (One { scale: self.0.scales[number], inverse: self.0.inverses[number] }, self.1[number])
    }
}

fn to_even<P: Runs>(level: Level, x: &[f32], len: usize, params: P, many: Many, out: &mut [i8]) {
    let how = (many.byte, ends(many.byte, many.codes));
    if many.exact {
        dispatch!(level, simd => runs::<_, P, true>(simd, x, len, params, how, out));
    } else {
        dispatch!(level, simd => runs::<_, P, false>(simd, x, len, params, how, out));
    }
}

/// The loop over runs is inside, so that it costs no call each.
#[inline(always)]
fn runs<S: Simd, P: Runs, const EXACT: bool>(
    simd: S,
    x: &[f32],
    len: usize,
    params: P,
    (byte, ends): (Byte, (i8, i8)),
    out: &mut [i8],
) {
    for (number, (x, out)) in x.chunks(len).zip(out.chunks_mut(len)).enumerate() {
        let (scales, zero_points) = params.run(number);
        body::<S, P::Scales, P::ZeroPoints, TiesEven, EXACT>(simd, x, Run { scales, zero_points, byte, ends }, out);
    }
}

/// Writes the codes of `x`, halves to even, and returns whether all elements are finite: what else there is to know of activations, in
/// the same pass. Where they are not the codes are of no use.
pub(super) fn quantize_finite(level: Level, x: &[f32], single: Single, byte: Byte, out: &mut [i8]) -> bool {
    let Single { scale, zero_point, codes, exact } = single;
    let run = Run { scales: One::new(scale), zero_points: zero_point, byte, ends: ends(byte, codes) };
    if exact { finite_run::<true>(level, x, run, out) } else { finite_run::<false>(level, x, run, out) }
}

/// As [`quantize_run`].
fn finite_run<const EXACT: bool>(level: Level, x: &[f32], run: Run<One, i32>, out: &mut [i8]) -> bool {
    if x.len() >= BLOCK {
        return dispatch!(level, simd => finite_body::<_, EXACT>(simd, x, run, out));
    }
    let (mut block, mut codes) = ([0.0; BLOCK], [0; BLOCK]);
    for (to, &x) in block.iter_mut().zip(x) {
        *to = x;
    }
    let finite = dispatch!(level, simd => finite_body::<_, EXACT>(simd, &block, run, &mut codes));
    for (to, &code) in out.iter_mut().zip(&codes) {
        *to = code;
    }
    finite
}

/// What does not change from one block to the next.
#[derive(Clone, Copy)]
struct OneScale<S: Simd> {
    scales: One,
    zero_point: i16x32<S>,
    min: i8x64<S>,
    max: i8x64<S>,
    flipped: i8x64<S>,
}

impl<S: Simd> OneScale<S> {
    #[inline(always)]
    fn new(simd: S, scales: One, zero_point: i32, byte: Byte, (min, max): (i8, i8)) -> Self {
        Self {
            scales,
            zero_point: i16x32::splat(simd, (zero_point - byte.shift()) as i16),
            min: i8x64::splat(simd, min),
            max: i8x64::splat(simd, max),
            flipped: i8x64::splat(simd, byte.flipped()),
        }
    }

    /// Writes the codes of a block of which each quarter has a scale.
    #[inline(always)]
    fn write<const EXACT: bool>(self, simd: S, x: &[f32; BLOCK], scales: [One; 4], out: &mut [i8; BLOCK]) {
        let a = steps::<S, One, TiesEven, EXACT>(simd, &x[..16], scales[0], 0);
        let b = steps::<S, One, TiesEven, EXACT>(simd, &x[16..32], scales[1], 0);
        let c = steps::<S, One, TiesEven, EXACT>(simd, &x[32..48], scales[2], 0);
        let d = steps::<S, One, TiesEven, EXACT>(simd, &x[48..], scales[3], 0);
        let ab = pack_i16(simd, a, b).saturating_add(self.zero_point);
        let cd = pack_i16(simd, c, d).saturating_add(self.zero_point);
        (pack_i8(simd, ab, cd).max(self.min).min(self.max) ^ self.flipped).store_slice(out);
    }
}

/// `x` and `out` are equally long, and at least a block. A sum of x·0 is 0 if and only if all x are finite. Blocks are arrays: nothing
/// here is checked, or can fail.
#[inline(always)]
fn finite_body<S: Simd, const EXACT: bool>(simd: S, x: &[f32], run: Run<One, i32>, out: &mut [i8]) -> bool {
    let one = OneScale::new(simd, run.scales, run.zero_points, run.byte, run.ends);
    let mut poison = [f32x16::splat(simd, 0.0); 2];
    let whole = x.as_chunks::<BLOCK>().0.iter().zip(out.as_chunks_mut::<BLOCK>().0);
    for (x, out) in whole {
        poison = add_poison(simd, x, poison);
        one.write::<EXACT>(simd, x, [one.scales; 4], out);
    }
    if !x.len().is_multiple_of(BLOCK)
        && let (Some(x), Some(out)) = (x.last_chunk(), out.last_chunk_mut())
    {
        poison = add_poison(simd, x, poison);
        one.write::<EXACT>(simd, x, [one.scales; 4], out);
    }
    (poison[0] + poison[1]).simd_eq(0.0).all_true()
}

/// Adds x·0 of a block.
#[inline(always)]
fn add_poison<S: Simd>(simd: S, x: &[f32; BLOCK], [a, b]: [f32x16<S>; 2]) -> [f32x16<S>; 2] {
    let a = f32x16::from_slice(simd, &x[..16]).mul_add(0.0, a);
    let b = f32x16::from_slice(simd, &x[16..32]).mul_add(0.0, b);
    [f32x16::from_slice(simd, &x[32..48]).mul_add(0.0, a), f32x16::from_slice(simd, &x[48..]).mul_add(0.0, b)]
}

/// Each 64 elements with their scales: no index is computed, and none checked.
#[inline(always)]
fn blocks<S: Simd, const PER: usize, const EXACT: bool>(
    simd: S,
    x: &[f32],
    scales: Each<'_>,
    (zero_point, byte, ends): (i32, Byte, (i8, i8)),
    out: &mut [i8],
) {
    let one = OneScale::new(simd, One { scale: 1.0, inverse: 1.0 }, zero_point, byte, ends);
    let (x, out) = (x.as_chunks::<BLOCK>().0, out.as_chunks_mut::<BLOCK>().0);
    let scales = scales.scales.as_chunks::<PER>().0.iter().zip(scales.inverses.as_chunks::<PER>().0);
    for ((x, out), (scale, inverse)) in x.iter().zip(out).zip(scales) {
        let mut quarters = [one.scales; 4];
        for (i, quarter) in quarters.iter_mut().enumerate() {
            let k = i * PER / 4;
            *quarter = One { scale: scale[k], inverse: inverse[k] };
        }
        one.write::<EXACT>(simd, x, quarters, out);
    }
}

/// Runs the loop; a slice shorter than a block is done in one that is filled up.
fn quantize_run<R: VectorRounding, const EXACT: bool>(level: Level, x: &[f32], run: Run<One, i32>, out: &mut [i8]) {
    let n = x.len().min(out.len());
    if n >= BLOCK {
        return dispatch!(level, simd => body::<_, One, i32, R, EXACT>(simd, x, run, out));
    }
    let (mut block, mut codes) = ([0.0; BLOCK], [0; BLOCK]);
    block[..n].copy_from_slice(&x[..n]);
    dispatch!(level, simd => body::<_, One, i32, R, EXACT>(simd, &block, run, &mut codes));
    out[..n].copy_from_slice(&codes[..n]);
}

/// `x` and `out` are equally long, and at least a block.
#[inline(always)]
fn body<S: Simd, Q: Scales, Z: ZeroPoints, R: VectorRounding, const EXACT: bool>(
    simd: S,
    x: &[f32],
    run: Run<Q, Z>,
    out: &mut [i8],
) {
    let Run { scales, zero_points, byte, ends: (min, max) } = run;
    let (min, max, flipped) = (i8x64::splat(simd, min), i8x64::splat(simd, max), i8x64::splat(simd, byte.flipped()));
    let shift = byte.shift();
    let last = x.len().min(out.len()).saturating_sub(BLOCK);
    let mut i = 0;
    loop {
        let (x, out) = (&x[i..i + BLOCK], &mut out[i..i + BLOCK]);
        let a = steps::<S, Q, R, EXACT>(simd, &x[..16], scales, i);
        let b = steps::<S, Q, R, EXACT>(simd, &x[16..32], scales, i + 16);
        let c = steps::<S, Q, R, EXACT>(simd, &x[32..48], scales, i + 32);
        let d = steps::<S, Q, R, EXACT>(simd, &x[48..], scales, i + 48);
        let ab = R::finish(simd, pack_i16(simd, a, b)).saturating_add(zero_points.load(simd, shift, i));
        let cd = R::finish(simd, pack_i16(simd, c, d)).saturating_add(zero_points.load(simd, shift, i + 32));
        (pack_i8(simd, ab, cd).max(min).min(max) ^ flipped).store_slice(out);
        if i == last {
            break;
        }
        i = (i + BLOCK).min(last);
    }
}

/// Returns the rounded quotients of 16 elements.
#[inline(always)]
fn steps<S: Simd, Q: Scales, R: VectorRounding, const EXACT: bool>(
    simd: S,
    x: &[f32],
    scales: Q,
    i: usize,
) -> i32x16<S> {
    let x = f32x16::from_slice(simd, x);
    let (scale, inverse) = (scales.scale(simd, i), scales.inverse(simd, i));
    integers::<S, R, EXACT>(simd, x, scale, inverse)
}

/// Returns the rounded quotients of elements by their scales.
#[inline(always)]
fn integers<S: Simd, R: VectorRounding, const EXACT: bool>(
    simd: S,
    x: f32x16<S>,
    scale: f32x16<S>,
    inverse: f32x16<S>,
) -> i32x16<S> {
    // Powers of two, so that nothing is rounded otherwise; 1 costs nothing.
    let inverse = inverse * R::FACTOR;
    let quotient = if EXACT {
        let scale = scale * (1.0 / R::FACTOR);
        // As written, NaN stays: `lesser` gives its second argument where it is not less.
        divided(lesser(scale * BOUND, x), scale, inverse)
    } else {
        lesser(f32x16::splat(simd, BOUND), x * inverse)
    };
    R::to_integers(simd, quotient)
}
