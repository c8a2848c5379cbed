//! Points of a lattice and signs: what IQ1, IQ2 and IQ3 are made of. Two points of eight numbers each are restored at a time.

use crate::kernel::{LANES, Reals, Simd, Sixteen};

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

/// Returns the eight signs that seven bits stand for: the number of negative ones is even.
#[inline(always)]
pub(super) fn even_signs(bits: u32) -> u16 {
    let bits = (bits & 127) as u16;
    bits | (bits.count_ones() as u16 & 1) << 7
}

/// Writes `scale · (list[number] or its negative, where a bit is set)` for two times eight numbers of `width` bits.
#[inline(always)]
pub(super) fn write_signed<S: Simd>(
    v: Sixteen<S>,
    out: &mut [f32; LANES],
    scale: f32,
    list: Reals<S>,
    (points, width): ([u32; 2], u32),
    signs: u16,
) {
    let values = v.all(scale) * v.lookup(list, v.fields(points, width) & v.whole((1 << width) - 1));
    let bits = v.bits(values);
    v.store(v.of_bits(v.choose(signs, bits ^ v.whole(i32::MIN), bits)), out);
}

/// Writes `scale · (number − 1 ± ⅛)` for two times eight numbers of two bits.
#[inline(always)]
pub(super) fn write_moved<S: Simd>(
    v: Sixteen<S>,
    out: &mut [f32; LANES],
    scale: f32,
    points: [u32; 2],
    down: [bool; 2],
) {
    let down = (u16::from(down[0]) * 0x00ff) | (u16::from(down[1]) * 0xff00);
    let moved = v.of_bits(v.choose(down, v.bits(v.all(-0.125)), v.bits(v.all(0.125))));
    let numbers = v.reals(v.fields(points, 2) & v.whole(3)) - v.all(1.0);
    v.store(v.all(scale) * (numbers + moved), out);
}
