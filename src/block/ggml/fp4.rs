//! E2M1 as ggml's MXFP4 and NVFP4 choose it: among the sixteen values, doubled, times half the scale, the nearest, and the first of
//! several that are equally near.

use crate::kernel::{Ints, Reals, Simd, Sixteen};

/// The values, doubled.
const VALUES: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];
/// The middles between the magnitudes.
pub(super) const MIDDLES: [f32; 7] = [0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 10.0];

/// Returns the values under half a scale, in the order of their codes.
#[inline(always)]
pub(super) fn table<S: Simd>(v: Sixteen<S>, half: f32) -> Reals<S> {
    v.load(&VALUES.map(f32::from)) * v.all(half)
}

/// Returns the codes of the doubled values nearest to usual finite numbers.
#[inline(always)]
pub(super) fn nearest<S: Simd>(v: Sixteen<S>, x: Reals<S>) -> Ints<S> {
    nearest_of(v, x, &MIDDLES)
}

/// Returns the codes of the values nearest to usual finite numbers, under a scale that the middles are multiplied with.
#[inline(always)]
pub(super) fn nearest_of<S: Simd>(v: Sixteen<S>, x: Reals<S>, middles: &[f32; 7]) -> Ints<S> {
    signed(v, x, v.above(v.magnitude(x), middles))
}

/// Returns codes with the signs of the numbers: of a code of zero there is none.
#[inline(always)]
fn signed<S: Simd>(v: Sixteen<S>, x: Reals<S>, code: Ints<S>) -> Ints<S> {
    code | (v.bits(x) >> 28) & v.whole(8) & (v.whole(0) - code) >> 28
}

/// The numbers, ascending.
pub(super) const LEVELS: [f32; 15] = [-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// Returns the code of a place among the levels.
pub(super) fn code_of_place(place: u8) -> u8 {
    if place < 7 { 8 | (7 - place) } else { place - 7 }
}

/// Writes the codes of the values nearest to `x` under half a scale; `max` is the largest magnitude of `x`.
///
/// A middle times the scale is a float, and the distances on both sides of one are exact, so that comparing with the middles is
/// comparing distances, as long as a distance to the largest value still shows the others' differences; beyond, and without a scale,
/// distances are compared one after another. The order of the values puts 0 before −0 and the smaller magnitude before the larger.
pub(super) fn codes(x: &[f32], half: f32, max: f32, codes: &mut [u8]) {
    if half > 0.0 && max < half * 65536.0 {
        let middles = MIDDLES.map(|middle| middle * half);
        for (code, x) in codes.iter_mut().zip(x) {
            let mut magnitude = 0_u32;
            for middle in middles {
                magnitude += u32::from(x.abs() > middle);
            }
            let sign = (x.to_bits() >> 31) & u32::from(magnitude > 0);
            *code = (magnitude | sign << 3) as u8;
        }
    } else {
        for (code, x) in codes.iter_mut().zip(x) {
            let mut best = (0, (f32::from(VALUES[0]) * half - x).abs());
            for (i, value) in VALUES.iter().enumerate().skip(1) {
                let distance = (f32::from(*value) * half - x).abs();
                if distance < best.1 {
                    best = (i as u8, distance);
                }
            }
            *code = best.0;
        }
    }
}
