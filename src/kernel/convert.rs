//! f32 to and from the 16-bit floating-point types, halves to even, as IEEE 754 and the hardware convert.
//!
//! 1. Every loop here has a portable body, built from the conversions of `num`, which the compiler vectorises.
//! 2. f16 has instructions on x86 from AVX2 (F16C) on: eight and sixteen values each. They round, treat subnormals and
//!    keep NaN payloads exactly as the portable body does, so the two differ in nothing but speed.

use super::brain_floats;
use super::elementwise::{Map, TILE, map_slice};
use super::level::dispatch;
use crate::num::{Grid, Real, Reals, RealsMut, bf16, f16};
use core::ops::Range;
use fearless_simd::{Level, Simd};

#[derive(Clone, Copy)]
struct Widen;

impl<T: Real> Map<T, f32> for Widen {
    #[inline(always)]
    fn apply(self, x: T, _index: u64) -> f32 {
        x.to_f32()
    }
}

#[derive(Clone, Copy)]
struct Narrow;

impl<T: Real> Map<f32, T> for Narrow {
    #[inline(always)]
    fn apply(self, x: f32, _index: u64) -> T {
        T::from_f32(x)
    }
}

/// Writes each element of `x`, as f32, to `out`.
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn to_f32<T: Real>(level: Level, x: &[T], out: &mut [f32]) {
    check(x.len(), out.len());
    widen(level, T::reals(x), out);
}

/// The same of elements of any type; `out` is as long.
pub(crate) fn widen(level: Level, x: Reals<'_>, out: &mut [f32]) {
    match x {
        Reals::F32(x) => out.copy_from_slice(x),
        Reals::F64(x) => doubles_to_f32(level, x, out),
        Reals::F16(x) => f16_to_f32(level, x, out),
        Reals::Bf16(x) => map_slice(level, Widen, x, out, 0),
    }
}

/// Writes f32s as elements of another type, halves to even; `out` is as long.
pub(crate) fn narrow_reals(level: Level, x: &[f32], out: RealsMut<'_>) {
    match out {
        RealsMut::F32(out) => out.copy_from_slice(x),
        RealsMut::F64(out) => out.iter_mut().zip(x).for_each(|(out, &x)| *out = x.into()),
        RealsMut::F16(out) => f32_to_f16(level, x, out),
        RealsMut::Bf16(out) => f32_to_bf16(level, x, out),
    }
}

fn doubles_to_f32(level: Level, x: &[f64], out: &mut [f32]) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if super::x86::doubles::to_f32(level, x, out) {
        return;
    }
    map_slice(level, Widen, x, out, 0);
}

/// Hands over elements of any type in f32, with their range: as they lie, or a tile at a time.
pub(super) fn for_each_f32_tile(level: Level, x: Reals<'_>, visit: &mut dyn FnMut(&[f32], Range<usize>)) {
    if let Reals::F32(x) = x {
        return visit(x, 0..x.len());
    }
    let mut tile = [0.0; TILE];
    for start in (0..x.len()).step_by(TILE) {
        let range = start..x.len().min(start + TILE);
        let tile = &mut tile[..range.len()];
        widen(level, x.part(range.clone()), tile);
        visit(tile, range);
    }
}

/// Writes the f16 nearest to each element of `x` to `out`: ±∞ from ±65 520 on, NaN stays NaN.
///
/// # Panics
///
/// If `x` and `out` differ in length.
///
/// # Examples
///
/// ```
/// use tensor_quant::{f16, kernel};
/// let mut out = [f16::ZERO; 2];
/// kernel::f32_to_f16(kernel::detect(), &[1.0, 1e6], &mut out);
/// assert_eq!(out, [f16::ONE, f16::INFINITY]);
/// ```
pub fn f32_to_f16(level: Level, x: &[f32], out: &mut [f16]) {
    check(x.len(), out.len());
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if super::x86::f16c::f32_to_f16(level, x, out) {
        return;
    }
    map_slice(level, Narrow, x, out, 0);
}

/// Clamps quotients, where they are; NaN stays.
pub(super) fn clamp(level: Level, quotients: &mut [f32], grid: Grid) {
    if grid.lo > f32::NEG_INFINITY || grid.hi < f32::INFINITY {
        dispatch!(level, simd => clamp_body(simd, quotients, grid));
    }
}

#[inline(always)]
fn clamp_body<S: Simd>(_simd: S, quotients: &mut [f32], grid: Grid) {
    for quotient in quotients {
        *quotient = grid.clamp_keeping_nan(*quotient);
    }
}

/// Writes each element of `x`, as f32, to `out`: exact; a signalling NaN becomes quiet.
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn f16_to_f32(level: Level, x: &[f16], out: &mut [f32]) {
    check(x.len(), out.len());
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if super::x86::f16c::f16_to_f32(level, x, out) {
        return;
    }
    map_slice(level, Widen, x, out, 0);
}

/// Writes the bfloat16 nearest to each element of `x` to `out`: ±∞ beyond the largest, NaN stays NaN.
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn f32_to_bf16(level: Level, x: &[f32], out: &mut [bf16]) {
    check(x.len(), out.len());
    brain_floats::from_f32(level, x, out);
}

/// Writes each element of `x`, as f32, to `out`: exact, the bits as they are, those of NaN too.
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn bf16_to_f32(level: Level, x: &[bf16], out: &mut [f32]) {
    check(x.len(), out.len());
    map_slice(level, Widen, x, out, 0);
}

fn check(x: usize, out: usize) {
    assert_eq!(x, out, "converted values: expected a length of {x}, got {out}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn agree<T: Real>(x: &[T]) {
        let want: Vec<u32> = x.iter().map(|x| x.to_f32().to_bits()).collect();
        for level in levels() {
            let mut got = vec![0.0; x.len()];
            to_f32(level, x, &mut got);
            assert!(got.iter().map(|x| x.to_bits()).eq(want.iter().copied()), "{} at {level:?}: {x:?}", T::NAME);
        }
    }

    proptest! {
        #[test]
        fn every_level_widens_and_narrows_as_one_value_is(
            doubles in prop::collection::vec(
                prop_oneof![
                    any::<u64>().prop_map(f64::from_bits),
                    (any::<u32>(), -2..=2_i64).prop_map(|(bits, ulps)| {
                        f64::from_bits((f64::from(f32::from_bits(bits)).to_bits() | 1 << 28).wrapping_add_signed(ulps))
                    }),
                ],
                0..=40,
            ),
            halves in prop::collection::vec(any::<u16>().prop_map(f16::from_bits), 0..=40),
            brains in prop::collection::vec(any::<u16>().prop_map(bf16::from_bits), 0..=40),
        ) {
            agree(&doubles);
            agree(&halves);
            agree(&brains);
        }
    }
}
