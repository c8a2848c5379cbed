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

use crate::kernel::level::dispatch;
use crate::kernel::sixteen::{LANES, Sixteen};
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

/// Writes the least that scales of each interval can cost. `x` and `w` are whole vectors.
pub(crate) fn least_errors(
    level: Level,
    x: &[f32],
    w: &[f32],
    levels: ScaleLevels<'_>,
    intervals: &[(f32, f32)],
    out: &mut [f32],
) {
    dispatch!(level, simd => match levels {
        ScaleLevels::Whole(lowest, highest) => whole(Sixteen(simd), x, w, (lowest, highest), intervals, out),
        ScaleLevels::List(list) => of_list(Sixteen(simd), x, w, list, intervals, out),
    });
}

/// Returns `w max(0, min(below, above))²`.
#[inline(always)]
fn cost<S: Simd>(v: Sixteen<S>, w: f32x16<S>, below: f32x16<S>, above: f32x16<S>) -> f32x16<S> {
    let nearer = below.simd_lt(above).select(below, above);
    let nearer = nearer.simd_gt(v.all(0.0)).select(nearer, v.all(0.0));
    w * (nearer * nearer)
}

#[inline(always)]
fn whole<S: Simd>(
    v: Sixteen<S>,
    x: &[f32],
    w: &[f32],
    (lowest, highest): (f32, f32),
    intervals: &[(f32, f32)],
    out: &mut [f32],
) {
    for (out, &(first, last)) in out.iter_mut().zip(intervals) {
        let (inverse, first, last) = (v.all(1.0 / last), v.all(first), v.all(last));
        let mut sum = v.all(0.0);
        for (x, w) in x.as_chunks().0.iter().zip(w.as_chunks().0) {
            // On the side of x; a rounded quotient too large by one gives a negative distance, and so 0.
            let x = v.load(x);
            let limit = x.simd_lt(v.all(0.0)).select(v.all(-lowest), v.all(highest));
            let x = x.abs();
            let a = v.reals((x * inverse).to_int());
            let is_last = a.simd_ge(limit);
            let a = is_last.select(limit, a);
            let above = is_last.select(v.all(f32::INFINITY), first * (a + v.all(1.0)) - x);
            sum += cost(v, v.load(w), x - last * a, above);
        }
        *out = sum.reduce_sum();
    }
}

#[inline(always)]
fn of_list<S: Simd>(
    v: Sixteen<S>,
    x: &[f32],
    w: &[f32],
    list: &[f32; LANES],
    intervals: &[(f32, f32)],
    out: &mut [f32],
) {
    let list = v.load(list);
    let is_negative = list.simd_lt(v.all(0.0));
    for (out, &(first, last)) in out.iter_mut().zip(intervals) {
        let (at_first, at_last) = (list * v.all(first), list * v.all(last));
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
            sum += cost(v, v.load(w), below, above);
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
                        least_errors(level, &x, &w, own, &[(first, last), (last, last)], &mut out);
                        for t in 0..=10 {
                            let d = first + (last - first) * t as f32 / 10.0;
                            assert!(f64::from(out[0]) <= error(&x, &w, levels_of, d) * 1.00001 + 1e-6);
                        }
                        let alone = error(&x, &w, levels_of, last);
                        assert!((f64::from(out[1]) - alone).abs() <= alone * 1e-5 + 1e-6, "{} {alone}", out[1]);
                    }
                }
            }
        }
    }
}
