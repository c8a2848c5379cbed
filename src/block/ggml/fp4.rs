//! E2M1 as ggml's MXFP4 and NVFP4 choose it: among the sixteen values, doubled, times half the scale, the nearest, and the first of
//! several that are equally near.

/// The values, doubled.
pub(super) const VALUES: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];
/// The middles between the magnitudes.
const MIDDLES: [f32; 7] = [0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 10.0];

/// Writes the codes of the values nearest to `x` under half a scale; `max` is the largest magnitude of `x`.
///
/// A middle times the scale is a float, and the distances on both sides of one are exact, so that comparing with the middles is
/// comparing distances, as long as a distance to the largest value still shows the others' differences; beyond, and without a scale,
/// distances are compared one after another. The order of the values puts 0 before −0 and the smaller magnitude before the larger.
#[inline(always)]
pub(super) fn codes(x: &[f32], half: f32, max: f32, codes: &mut [u8]) {
    if half > 0.0 && max < half * 65536.0 {
        let middles = MIDDLES.map(|middle| middle * half);
        for (code, x) in codes.iter_mut().zip(x) {
            let mut magnitude = 0;
            for middle in middles {
                magnitude += u8::from(x.abs() > middle);
            }
            let sign = u8::from(*x < 0.0 && magnitude > 0) << 3;
            *code = magnitude | sign;
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
