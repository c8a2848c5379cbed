//! Points of a lattice and signs: what IQ1, IQ2 and IQ3 are made of. Two points of eight numbers each are restored at a time.

use crate::kernel::{Ints, LANES, Reals, Simd, Sixteen};

/// Returns the magnitudes that the numbers of IQ2's lattices stand for.
#[inline(always)]
pub(super) fn of_two_bits<S: Simd>(v: Sixteen<S>) -> Reals<S> {
    v.load(&[8.0, 25.0, 43.0, 0.0, 8.0, 25.0, 43.0, 0.0, 8.0, 25.0, 43.0, 0.0, 8.0, 25.0, 43.0, 0.0])
}

/// Returns the magnitudes that the numbers of IQ3's lattices stand for, of a list of eight.
#[inline(always)]
pub(super) fn of_three_bits<S: Simd>(v: Sixteen<S>, list: &[f32; 8]) -> Reals<S> {
    let mut twice = [0.0; LANES];
    twice[..8].copy_from_slice(list);
    twice[8..].copy_from_slice(list);
    v.load(&twice)
}

/// Returns the numbers of two points of eight numbers of two bits, with something above them.
#[inline(always)]
pub(super) fn two_bits<S: Simd>(v: Sixteen<S>, first: u16, second: u16) -> Ints<S> {
    let word = u32::from(first) | u32::from(second) << 16;
    v.shifted_each([word; LANES], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
}

/// Returns the numbers of two times eight numbers of three bits, with something above them.
#[inline(always)]
pub(super) fn three_bits<S: Simd>(v: Sixteen<S>, first: u32, second: u32) -> Ints<S> {
    v.fields([first, second], 3)
}

/// Returns the eight signs that seven bits stand for: the number of negative ones is even.
#[inline(always)]
pub(super) fn even_signs(bits: u32) -> u16 {
    let bits = (bits & 127) as u16;
    bits | (bits.count_ones() as u16 & 1) << 7
}

/// Writes `scale · (list[number] or its negative, where a bit is set)`; the list is of two or three bits.
#[inline(always)]
pub(super) fn write_signed<S: Simd>(
    v: Sixteen<S>,
    out: &mut [f32; LANES],
    scale: f32,
    list: Reals<S>,
    numbers: Ints<S>,
    signs: u16,
) {
    let values = v.all(scale) * v.lookup(list, numbers);
    let bits = v.bits(values);
    v.store(v.of_bits(v.choose(signs, bits ^ v.whole(i32::MIN), bits)), out);
}

/// Writes `scale · (number + move)` of numbers of two bits; the move is −1 ± ⅛.
#[inline(always)]
pub(super) fn write_moved<S: Simd>(
    v: Sixteen<S>,
    out: &mut [f32; LANES],
    scale: f32,
    numbers: Ints<S>,
    moved: Reals<S>,
) {
    v.store(v.all(scale) * (v.reals(numbers & v.whole(3)) + moved), out);
}
