//! Weights of three and of two values: −s, 0, s and −s, s.
//!
//! ```text
//! ternary   x ≈ s · q,  q ∈ {−1, 0, 1}        binary   x ≈ s · q,  q ∈ {−1, 1}
//! ```
//!
//! For given codes the least squared error has s = Σ w q x / Σ w q². Of two codes that is the mean magnitude, which is the scale of
//! XNOR-Net (Rastegari et al., 2016). Of three it is the mean magnitude of what does not become 0. Which that is follows from s: the
//! code next to x / s is not 0 from |x| = s / 2 on, so it is always a number of the largest magnitudes, and trying each number is exact.
//! Ternary Weight Networks (Li, Zhang and Liu, 2016) take what is above .7 of the mean magnitude, which is about right for a normal
//! distribution.
//!
//! These are for networks that are trained with such weights. After training, ternary weights that are chosen for the outputs are usable
//! in large dense layers (`improve = "full"` of a recipe's rule to `int2`, with samples); binary ones are not: what is left of the
//! outputs is 3 dB or so above the error.

use alloc::vec;
use alloc::vec::Vec;

/// A scale, and codes that it is multiplied with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FewCodes {
    /// The scale; 0 where all values are 0 or NaN.
    pub scale: f32,
    /// −1, 0 or 1 for each value.
    pub codes: Vec<i8>,
}

impl FewCodes {
    /// Returns what is restored: the scale times each code.
    pub fn dequantize(&self) -> Vec<f32> {
        self.codes.iter().map(|&code| self.scale * f32::from(code)).collect()
    }
}

/// Returns the ternary codes and the scale with the least sum of squared errors that there is, each weighed by its importance if that
/// is given.
///
/// NaN becomes 0, infinities −1 or 1; neither counts for the scale. Importance that is not positive counts as 0.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::optimal_ternary;
///
/// let weights = optimal_ternary(&[0.9, -1.1, 0.1, -0.2], None);
/// assert_eq!((weights.scale, &weights.codes[..]), (1.0, &[1, -1, 0, 0][..]));
/// ```
pub fn optimal_ternary(x: &[f32], importance: Option<&[f32]>) -> FewCodes {
    let weight = |i: usize| importance.map_or(1.0, |w| w.get(i).map_or(0.0, |&w| f64::from(w.max(0.0))));
    let mut order: Vec<usize> = (0..x.len()).filter(|&i| x[i].is_finite() && x[i] != 0.0).collect();
    order.sort_by(|&a, &b| x[b].abs().total_cmp(&x[a].abs()));
    let (mut sum, mut weights) = (0.0_f64, 0.0_f64);
    // What the error falls by, and the scale that does it.
    let mut best = (0.0, 0.0);
    for &i in &order {
        sum += weight(i) * f64::from(x[i].abs());
        weights += weight(i);
        if weights > 0.0 && sum * sum / weights > best.0 {
            best = (sum * sum / weights, sum / weights);
        }
    }
    let scale = best.1 as f32;
    coded(x, scale, scale / 2.0)
}

/// Returns the ternary codes of Ternary Weight Networks: what is above .7 of the mean magnitude, under its own mean magnitude.
///
/// NaN becomes 0, infinities −1 or 1; neither counts for the scale.
pub fn twn(x: &[f32]) -> FewCodes {
    let magnitudes = || x.iter().filter(|x| x.is_finite()).map(|x| f64::from(x.abs()));
    let threshold = 0.7 * mean(magnitudes());
    coded(x, mean(magnitudes().filter(|&x| x > threshold)) as f32, threshold as f32)
}

/// Returns the binary codes of XNOR-Net: signs, under the mean magnitude. No other codes and scale have a smaller squared error.
///
/// 0 and NaN become 1. What is not finite does not count for the scale.
pub fn xnor(x: &[f32]) -> FewCodes {
    let scale = mean(x.iter().filter(|x| x.is_finite()).map(|x| f64::from(x.abs()))) as f32;
    FewCodes { scale, codes: x.iter().map(|&x| if x < 0.0 { -1 } else { 1 }).collect() }
}

/// Returns the codes of what is above a threshold.
fn coded(x: &[f32], scale: f32, threshold: f32) -> FewCodes {
    if scale == 0.0 {
        return FewCodes { scale, codes: vec![0; x.len()] };
    }
    let code = |&x: &f32| match x {
        x if x > threshold => 1,
        x if x < -threshold => -1,
        _ => 0,
    };
    FewCodes { scale, codes: x.iter().map(code).collect() }
}

fn mean(x: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = x.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(len: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f32 / (1_u64 << 30) as f32 - 1.0
        };
        (0..len).map(|_| next() * next() + 0.1 * next()).collect()
    }

    fn error(x: &[f32], restored: &[f32], w: Option<&[f32]>) -> f64 {
        let weight = |i: usize| w.map_or(1.0, |w| f64::from(w[i]));
        x.iter().zip(restored).enumerate().map(|(i, (x, y))| weight(i) * f64::from(x - y).powi(2)).sum()
    }

    /// The least error of any codes, each with its best scale.
    fn brute_force(x: &[f32], values: &[i32], w: Option<&[f32]>) -> f64 {
        let weight = |i: usize| w.map_or(1.0, |w| f64::from(w[i]));
        let mut least = f64::INFINITY;
        for number in 0..values.len().pow(x.len() as u32) {
            let codes: Vec<f64> =
                (0..x.len() as u32).map(|i| f64::from(values[number / values.len().pow(i) % values.len()])).collect();
            let sums = codes.iter().zip(x).enumerate().fold([0.0; 3], |[xx, qx, qq], (i, (q, &x))| {
                let (x, w) = (f64::from(x), weight(i));
                [xx + w * x * x, qx + w * q * x, qq + w * q * q]
            });
            least = least.min(if sums[2] > 0.0 { sums[0] - sums[1] * sums[1] / sums[2] } else { sums[0] });
        }
        least
    }

    #[test]
    fn no_codes_and_no_scale_do_better() {
        for len in 1..8 {
            for seed in 0..20 {
                let x = random(len, seed * 8 + len as u64);
                let w: Vec<f32> = random(len, seed + 900).iter().map(|w| w.abs() + 0.01).collect();
                for w in [None, Some(&w[..])] {
                    let best = error(&x, &optimal_ternary(&x, w).dequantize(), w);
                    assert!((best - brute_force(&x, &[-1, 0, 1], w)).abs() < 1e-6, "{x:?} {w:?}");
                }
                let best = error(&x, &xnor(&x).dequantize(), None);
                assert!((best - brute_force(&x, &[-1, 1], None)).abs() < 1e-6, "{x:?}");
            }
        }
    }

    #[test]
    fn scales_are_means_and_grow_with_the_values() {
        for seed in 0..50 {
            let x = random(97, seed);
            let (ternary, twn, binary) = (optimal_ternary(&x, None), twn(&x), xnor(&x));
            for few in [&ternary, &twn, &binary] {
                let magnitudes = x.iter().zip(&few.codes).filter(|(_, q)| **q != 0).map(|(x, _)| f64::from(x.abs()));
                assert!((mean(magnitudes) - f64::from(few.scale)).abs() < 1e-6 * f64::from(few.scale));
            }
            // The code next to x / s, as any kernel would have it.
            for (x, q) in x.iter().zip(&ternary.codes) {
                assert_eq!((x / ternary.scale).clamp(-1.0, 1.0).round(), f32::from(*q));
            }
            let errors = [&ternary, &twn, &binary].map(|few| error(&x, &few.dequantize(), None));
            assert!(errors[0] <= errors[1] && errors[0] <= errors[2], "{errors:?}");
            let twice: Vec<f32> = x.iter().map(|x| -2.0 * x).collect();
            for (once, twice) in [(&ternary, optimal_ternary(&twice, None)), (&twn, super::twn(&twice))] {
                assert_eq!(twice.scale, 2.0 * once.scale);
                assert!(twice.codes.iter().zip(&once.codes).all(|(a, b)| *a == -b));
            }
        }
    }

    #[test]
    fn what_is_no_number_counts_for_nothing() {
        let x = [f32::NAN, 1.0, f32::INFINITY, -1.0, f32::NEG_INFINITY, 0.0];
        for few in [optimal_ternary(&x, None), twn(&x)] {
            assert_eq!((few.scale, few.codes), (1.0, vec![0, 1, 1, -1, -1, 0]));
        }
        assert_eq!(optimal_ternary(&[0.0, f32::NAN], None), FewCodes { scale: 0.0, codes: vec![0; 2] });
        assert_eq!((twn(&[]).scale, xnor(&[]).codes.len(), optimal_ternary(&[], None).scale), (0.0, 0, 0.0));
        assert_eq!(optimal_ternary(&[3.0, 1.0], Some(&[0.0, 1.0])).scale, 1.0);
    }
}
