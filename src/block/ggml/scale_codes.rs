//! Positive scales as small codes under one scale of their own (the K formats with importance).

use super::scalar::nearest;

/// Writes codes 0..=limit for numbers ≥ 0, each counted by its weight, and returns the scale that restores them.
///
/// Eight scales around the one that makes the largest number the largest code are tried; from the best, up to five times, a code
/// moves to the best one under the scale of the others, if (Σ w x q)² / Σ w q² grows by it.
pub(super) fn scale_codes(x: &[f32], limit: i32, weights: &[f32], codes: &mut [u8]) -> f32 {
    let max = x.iter().fold(0.0_f32, |max, &x| if x > max { x } else { max });
    if max < 1e-15 {
        codes.fill(0);
        return 0.0;
    }
    let mut inverse = limit as f32 / max;
    let scale = 1.0 / inverse;
    let mut best = 0.0;
    for ((code, x), w) in codes.iter_mut().zip(x).zip(weights) {
        *code = nearest(inverse * x) as u8;
        let difference = x - scale * f32::from(*code);
        best += w * difference * difference;
    }
    for t in (-4..=4).filter(|&t| t != 0) {
        let own = (0.1_f32 * t as f32 + limit as f32) / max;
        let scale = 1.0 / own;
        let mut error = 0.0;
        for (x, w) in x.iter().zip(weights) {
            let difference = x - scale * nearest(own * x).min(limit) as f32;
            error += w * difference * difference;
        }
        if error < best {
            (best, inverse) = (error, own);
        }
    }
    let (mut sum_xq, mut sum_qq) = (0.0_f32, 0.0_f32);
    for ((code, x), w) in codes.iter_mut().zip(x).zip(weights) {
        let q = nearest(inverse * x).min(limit);
        *code = q as u8;
        sum_xq += w * x * q as f32;
        sum_qq += w * q as f32 * q as f32;
    }
    for _ in 0..5 {
        let mut changed = false;
        for ((code, x), w) in codes.iter_mut().zip(x).zip(weights) {
            let q = f32::from(*code);
            let (without_xq, without_qq) = (sum_xq - w * x * q, sum_qq - w * q * q);
            if without_xq > 0.0 && without_qq > 0.0 {
                let own = nearest(x * without_qq / without_xq).min(limit);
                if own != i32::from(*code) {
                    let own_xq = without_xq + w * x * own as f32;
                    let own_qq = without_qq + w * own as f32 * own as f32;
                    if own_xq * own_xq * sum_qq > sum_xq * sum_xq * own_qq {
                        (*code, sum_xq, sum_qq, changed) = (own as u8, own_xq, own_qq, true);
                    }
                }
            }
        }
        if !changed {
            break;
        }
    }
    if sum_qq > 0.0 { sum_xq / sum_qq } else { 0.0 }
}
