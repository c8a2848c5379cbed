//! How different two distributions are.

use crate::error::{Error, Result};
use num_traits::Float;

/// Returns the Kullback–Leibler divergence of p from q, `Σ p · ln(p / q)`, in nats.
///
/// Both are divided by their sums first, so counts will do. A term with p = 0 is 0; one with q = 0 and p > 0 is ∞.
/// Two empty (or all-zero) distributions have a divergence of 0, one empty one is ∞ away. Source: Kullback and Leibler
/// 1951; the conventions are those of `scipy.stats.entropy`.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; [`Error::InvalidSetting`] for a weight that is negative or not finite.
///
/// # Examples
///
/// ```
/// use tensor_quant::metrics::kl_divergence;
///
/// assert_eq!(kl_divergence(&[1.0, 3.0], &[2.0, 6.0])?, 0.0);
/// assert_eq!(kl_divergence(&[1.0, 0.0], &[1.0, 1.0])?, 2.0_f64.ln());
/// assert_eq!(kl_divergence(&[1.0, 1.0], &[1.0, 0.0])?, f64::INFINITY);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn kl_divergence(p: &[f64], q: &[f64]) -> Result<f64> {
    let (p_sum, q_sum) = sums(p, q)?;
    Ok(match (p_sum == 0.0, q_sum == 0.0) {
        (true, true) => 0.0,
        (false, false) => divergence(p.iter().map(|p| p / p_sum), q.iter().map(|q| q / q_sum)),
        _ => f64::INFINITY,
    })
}

/// Returns the Jensen–Shannon divergence: the mean divergence of p and q from their average, in nats.
///
/// Symmetric, finite, and at most ln 2, which it also is where one is zero and the other is not. Its square root is a
/// distance (`scipy.spatial.distance.jensenshannon`). Conventions as in [`kl_divergence`].
///
/// # Errors
///
/// As [`kl_divergence`].
pub fn jensen_shannon_divergence(p: &[f64], q: &[f64]) -> Result<f64> {
    let (p_sum, q_sum) = sums(p, q)?;
    match (p_sum == 0.0, q_sum == 0.0) {
        (true, true) => return Ok(0.0),
        (false, false) => {}
        _ => return Ok(core::f64::consts::LN_2),
    }
    let (p, q) = (p.iter().map(|p| p / p_sum), q.iter().map(|q| q / q_sum));
    let middle = p.clone().zip(q.clone()).map(|(p, q)| f64::midpoint(p, q));
    let mean = f64::midpoint(divergence(p, middle.clone()), divergence(q, middle));
    Ok(mean.max(0.0))
}

fn divergence(p: impl Iterator<Item = f64>, q: impl Iterator<Item = f64>) -> f64 {
    let terms = p.zip(q).map(|(p, q)| match (p == 0.0, q == 0.0) {
        (true, _) => 0.0,
        (false, true) => f64::INFINITY,
        (false, false) => p * Float::ln(p / q),
    });
    terms.sum()
}

fn sums(p: &[f64], q: &[f64]) -> Result<(f64, f64)> {
    if p.len() != q.len() {
        return Err(Error::LengthMismatch { what: "the second distribution", expected: p.len(), actual: q.len() });
    }
    for &weight in p.iter().chain(q) {
        if !(weight >= 0.0 && weight.is_finite()) {
            let (what, expected) = ("a weight of a distribution", "finite and not negative");
            return Err(Error::InvalidSetting { what, expected, actual: weight });
        }
    }
    Ok((p.iter().sum(), q.iter().sum()))
}
