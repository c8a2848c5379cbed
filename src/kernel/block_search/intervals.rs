//! How small the error of a block can be, if its scale lies between two numbers.
//!
//! ```text
//! E(d) = Σ w (x − d v)²,   v the nearest of the levels;      0 < d₀ ≤ d ≤ d₁
//! ```
//!
//! While d runs over the interval, `d v` runs from `d₀ v` to `d₁ v`. Let a be the last level that stays at or below x all the way: it
//! comes nearest at the upper of its ends, A. Of the levels behind it, none comes nearer from above than the next one, b, at the lower of
//! its ends, B; and if that is below x, b passes x on its way. So the element costs at least `w max(0, min(x − A, B − x))²`, and of an
//! interval of one number that is what it costs.
//!
//! Sums are in f32: what is compared with them needs a margin.

use crate::kernel::level::{dispatch, has_fma};
use crate::kernel::sixteen::{LANES, Sixteen};
use crate::num::MAGIC;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// The levels of codes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScaleLevels<'a> {
    /// The whole numbers from one to another.
    Whole(f32, f32),
    /// Sixteen others, ascending; the last may be repeated.
    List(&'a [f32; LANES]),
}

/// Writes the least that scales of each interval, from one to another, can cost. `x` and `w` are whole vectors.
pub(crate) fn least_errors(
    level: Level,
    x: &[f32],
    w: &[f32],
    levels: ScaleLevels<'_>,
    (first, last): (&[f32], &[f32]),
    out: &mut [f32],
) {
    dispatch!(level, simd => match levels {
        ScaleLevels::Whole(lowest, highest) => whole(Sixteen(simd), x, w, (lowest, highest), (first, last), out),
        ScaleLevels::List(list) => of_list(Sixteen(simd), x, w, list, (first, last), out),
    });
}

/// Writes what scales cost. `x` and `w` are whole vectors.
pub(crate) fn scale_errors(
    level: Level,
    x: &[f32],
    w: &[f32],
    levels: ScaleLevels<'_>,
    scales: &[f32],
    out: &mut [f32],
) {
    dispatch!(level, simd => match levels {
        ScaleLevels::Whole(lowest, highest) => whole_alone(Sixteen(simd), x, w, (lowest, highest), scales, out),
        ScaleLevels::List(list) => of_list(Sixteen(simd), x, w, list, (scales, scales), out),
    });
}

/// Returns a scale below which one of the elements alone, beyond the last level, costs more than a limit; 0 if there is none. The levels are
/// from one to another, `x` and `w` whole vectors.
pub(crate) fn lowest_scale(level: Level, x: &[f32], w: &[f32], ends: (f32, f32), limit: f32) -> f32 {
    dispatch!(level, simd => lowest(Sixteen(simd), x, w, ends, limit))
}

#[inline(always)]
fn lowest<S: Simd>(v: Sixteen<S>, x: &[f32], w: &[f32], (first, last): (f32, f32), limit: f32) -> f32 {
    let (zero, mut lowest) = (v.all(0.0), v.all(0.0));
    for (x, w) in x.as_chunks().0.iter().zip(w.as_chunks().0) {
        let x = v.load(x);
        let end = x.simd_lt(zero).select(v.all(-first), v.all(last));
        // Less than it is by far more than roundings are.
        let within = (v.all(limit) / v.load(w)).sqrt() * 1.000_002;
        let scale = (x.abs() * 0.999_998 - within) / end;
        // What is no number is not larger, either.
        lowest = (end.simd_gt(zero) & scale.simd_gt(lowest)).select(scale, lowest);
    }
    <[f32; LANES]>::from(lowest).into_iter().fold(0.0, f32::max)
}

/// Returns `max(0, min(below, above))`.
#[inline(always)]
fn nearer<S: Simd>(v: Sixteen<S>, below: f32x16<S>, above: f32x16<S>) -> f32x16<S> {
    let nearer = below.simd_lt(above).select(below, above);
    nearer.simd_gt(v.all(0.0)).select(nearer, v.all(0.0))
}

/// Returns `a · b + c`, rounded once where that is one instruction: it is for bounds alone.
#[inline(always)]
fn multiply_add<S: Simd>(a: f32x16<S>, b: f32x16<S>, c: f32x16<S>) -> f32x16<S> {
    if const { has_fma::<S>() } { a.mul_add(b, c) } else { a * b + c }
}

/// Returns magnitudes, and the magnitudes of the last levels on their sides.
#[inline(always)]
fn sides<S: Simd>(v: Sixteen<S>, x: &[f32; LANES], (lowest, highest): (f32, f32)) -> ([f32; LANES], [f32; LANES]) {
    let x = v.load(x);
    let limits = x.simd_lt(v.all(0.0)).select(v.all(-lowest), v.all(highest));
    (x.abs().into(), limits.into())
}

/// Returns sixteen numbers, as many of them as there are, and 1.
#[inline(always)]
fn padded<S: Simd>(v: Sixteen<S>, x: &[f32]) -> f32x16<S> {
    let mut all = [1.0; LANES];
    all[..x.len()].copy_from_slice(x);
    v.load(&all)
}

/// Sixteen intervals at a time, one a lane: no sum across lanes.
#[inline(always)]
fn whole<S: Simd>(
    v: Sixteen<S>,
    x: &[f32],
    w: &[f32],
    ends: (f32, f32),
    (first, last): (&[f32], &[f32]),
    out: &mut [f32],
) {
    let one = v.all(1.0);
    for (out, (first, last)) in out.chunks_mut(LANES).zip(first.chunks(LANES).zip(last.chunks(LANES))) {
        let (first, last) = (padded(v, first), padded(v, last));
        let (inverse, mut sum) = (one / last, v.all(0.0));
        for (x, w) in x.as_chunks().0.iter().zip(w.as_chunks::<LANES>().0) {
            let (magnitudes, limits) = sides(v, x, ends);
            for ((x, limit), w) in magnitudes.iter().zip(&limits).zip(w) {
                let (x, limit) = (v.all(*x), v.all(*limit));
                // A rounded quotient too large by one gives a negative distance, and so 0.
                let a = v.reals((x * inverse).to_int());
                let is_last = a.simd_ge(limit);
                let a = is_last.select(limit, a);
                let above = is_last.select(v.all(f32::INFINITY), multiply_add(first, a + one, -x));
                let distance = nearer(v, multiply_add(-last, a, x), above);
                sum = multiply_add(v.all(*w), distance * distance, sum);
            }
        }
        out.copy_from_slice(&<[f32; LANES]>::from(sum)[..out.len()]);
    }
}

/// As [`whole`], of single scales: the nearest level.
#[inline(always)]
fn whole_alone<S: Simd>(v: Sixteen<S>, x: &[f32], w: &[f32], ends: (f32, f32), scales: &[f32], out: &mut [f32]) {
    for (out, scales) in out.chunks_mut(LANES).zip(scales.chunks(LANES)) {
        let scales = padded(v, scales);
        let (inverse, mut sum) = (v.all(1.0) / scales, v.all(0.0));
        for (x, w) in x.as_chunks().0.iter().zip(w.as_chunks::<LANES>().0) {
            let (magnitudes, limits) = sides(v, x, ends);
            for ((x, limit), w) in magnitudes.iter().zip(&limits).zip(w) {
                let (x, limit) = (v.all(*x), v.all(*limit));
                let quotient = x * inverse;
                let quotient = quotient.simd_lt(limit).select(quotient, limit);
                let distance = multiply_add(-scales, (quotient + MAGIC) - MAGIC, x);
                sum = multiply_add(v.all(*w), distance * distance, sum);
            }
        }
        out.copy_from_slice(&<[f32; LANES]>::from(sum)[..out.len()]);
    }
}

#[inline(always)]
fn of_list<S: Simd>(
    v: Sixteen<S>,
    x: &[f32],
    w: &[f32],
    list: &[f32; LANES],
    (first, last): (&[f32], &[f32]),
    out: &mut [f32],
) {
    let list = v.load(list);
    let is_negative = list.simd_lt(v.all(0.0));
    for (out, (first, last)) in out.iter_mut().zip(first.iter().zip(last)) {
        let (at_first, at_last) = (list * v.all(*first), list * v.all(*last));
        let (upper, lower) = (is_negative.select(at_first, at_last), is_negative.select(at_last, at_first));
        let ends = <[f32; LANES]>::from(upper);
        let mut sum = v.all(0.0);
        for (x, w) in x.as_chunks().0.iter().zip(w.as_chunks().0) {
            let x = v.load(x);
            let mut count = v.whole(0);
            for end in ends {
                count = x.simd_ge(v.all(end)).select(count + v.whole(1), count);
            }
            let below = x - v.lookup(upper, count - v.whole(1));
            let below = count.simd_eq(v.whole(0)).select(v.all(f32::INFINITY), below);
            let above = v.lookup(lower, count) - x;
            let above = count.simd_eq(v.whole(LANES as i32)).select(v.all(f32::INFINITY), above);
            let distance = nearer(v, below, above);
            sum = multiply_add(v.load(w), distance * distance, sum);
        }
        *out = sum.reduce_sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;

    fn number(i: u32) -> f32 {
        (i.wrapping_mul(0x9e37_79b9) >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn error(x: &[f32], w: &[f32], levels: &[f32], d: f32) -> f64 {
        let nearest = |x: f32| {
            levels.iter().map(|v| (f64::from(x) - f64::from(d) * f64::from(*v)).powi(2)).fold(f64::MAX, f64::min)
        };
        x.iter().zip(w).map(|(x, w)| f64::from(*w) * nearest(*x)).sum()
    }

    #[test]
    fn no_scale_of_an_interval_costs_less_and_one_alone_costs_that() {
        let uneven = [-10.0, -7.0, -4.5, -2.0, -1.0, 0.5, 1.0, 1.5, 2.5, 4.0, 6.0, 6.5, 8.0, 8.0, 8.0, 8.0];
        let steps: [f32; 8] = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
        for seed in 0..20 {
            let x: [f32; 32] = core::array::from_fn(|i| number(seed * 64 + i as u32));
            let w: [f32; 32] = core::array::from_fn(|i| number(seed * 64 + 32 + i as u32).abs());
            for (own, levels_of) in
                [(ScaleLevels::Whole(-4.0, 3.0), &steps[..]), (ScaleLevels::List(&uneven), &uneven[..])]
            {
                for level in levels() {
                    for k in 1..40 {
                        let (first, last) = (k as f32 * 0.02, k as f32 * 0.02 * (1.0 + seed as f32 * 0.01));
                        let mut out = [0.0; 2];
                        least_errors(level, &x, &w, own, (&[first, last], &[last, last]), &mut out);
                        for t in 0..=10 {
                            let d = first + (last - first) * t as f32 / 10.0;
                            assert!(f64::from(out[0]) <= error(&x, &w, levels_of, d) * 1.00001 + 1e-6);
                        }
                        let alone = error(&x, &w, levels_of, last);
                        assert!((f64::from(out[1]) - alone).abs() <= alone * 1e-5 + 1e-6, "{} {alone}", out[1]);
                        scale_errors(level, &x, &w, own, &[last], &mut out[..1]);
                        assert!((f64::from(out[0]) - alone).abs() <= alone * 1e-5 + 1e-6, "{} {alone}", out[0]);
                    }
                }
            }
        }
    }
}
