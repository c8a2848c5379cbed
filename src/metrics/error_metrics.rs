//! The metrics themselves.

use crate::kernel::{ErrorSums, times_power_of_two};
use core::fmt;
use num_traits::Float;

/// How far restored values y are from the originals x, with d = x − y.
///
/// Pairs in which x or y is not finite are counted in [`non_finite`](Self::non_finite) and left out of everything else; those
/// of them in which x and y differ, in [`non_finite_changed`](Self::non_finite_changed) too.
/// No metric is ever NaN: means over nothing are 0, and the ratios say what they give for a zero signal.
///
/// Errors of f64 values are taken in f64, whatever their size: ratios hold where squares do not, means of squares end at ∞ and 0
/// where an f64 does, and an error beside which the signal has no place in an f64 is still one.
///
/// # Examples
///
/// ```
/// use tensor_quant::metrics::ErrorMetrics;
///
/// let metrics = ErrorMetrics::between(&[3.0, 4.0], &[3.0, 4.5])?;
/// assert_eq!((metrics.mse(), metrics.max_abs_error(), metrics.max_abs_error_index()), (0.125, 0.5, Some(1)));
/// assert_eq!(metrics.sqnr_db(), 20.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::ErrorMetricsState", try_from = "super::state::ErrorMetricsState")
)]
pub struct ErrorMetrics {
    /// Of values divided by 2 to the `exponent`: f64s whose squares are none.
    pub(super) sums: ErrorSums,
    pub(super) exponent: i32,
    /// The smallest finite x, and the largest; 0 if there is none.
    pub(super) x_ends: (f64, f64),
    pub(super) saturated: u64,
    pub(super) zeroed: u64,
    pub(super) non_finite_changed: u64,
}

impl ErrorMetrics {
    /// Returns the number of values.
    pub fn count(&self) -> u64 {
        self.sums.count
    }

    /// Returns how many values were NaN or infinite, before or after.
    pub fn non_finite(&self) -> u64 {
        self.sums.non_finite
    }

    /// Returns how many of these were not restored as they were: finite on one side alone, another infinity, or NaN for an
    /// infinity. Any NaN is the same as any other.
    ///
    /// Nothing was changed if this and [`max_abs_error`](Self::max_abs_error) are 0.
    pub fn non_finite_changed(&self) -> u64 {
        self.non_finite_changed
    }

    /// Returns how many values lie more than half a step beyond the smallest or largest real that has a code, infinities
    /// included; of floating codes, beyond the largest finite one.
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// Returns how many values that are not 0 were restored as 0: lost to the step, or to underflow.
    #[doc(alias = "underflow")]
    pub fn zeroed(&self) -> u64 {
        self.zeroed
    }

    /// Returns the smallest and the largest finite original; 0 and 0 if there is none.
    pub fn ends(&self) -> (f64, f64) {
        self.x_ends
    }

    /// Returns the mean of what the sum is over, in the units that it is in.
    fn mean(&self, sum: f64) -> f64 {
        if self.sums.finite() == 0 { 0.0 } else { sum / self.sums.finite() as f64 }
    }

    /// Returns a power of what values were divided by, multiplied with it: exact, or ∞ or 0 where an f64 ends.
    fn undivided(&self, x: f64, power: i32) -> f64 {
        times_power_of_two(x, self.exponent * power)
    }

    /// Returns the mean of x²: the power of the signal.
    pub fn mean_square(&self) -> f64 {
        self.undivided(self.mean(self.sums.x2), 2)
    }

    /// Returns the mean of d².
    pub fn mse(&self) -> f64 {
        self.undivided(self.mean(self.sums.d2), 2)
    }

    /// Returns the square root of the mean of d².
    pub fn rmse(&self) -> f64 {
        self.undivided(Float::sqrt(self.mean(self.sums.d2)), 1)
    }

    /// Returns the mean of |d|.
    pub fn mae(&self) -> f64 {
        self.undivided(self.mean(self.sums.d_abs), 1)
    }

    /// Returns the mean of d: positive where restored values are too small.
    pub fn bias(&self) -> f64 {
        self.undivided(self.mean(self.sums.d), 1)
    }

    /// Returns the largest |d|.
    pub fn max_abs_error(&self) -> f64 {
        self.undivided(self.sums.max_abs_d, 1)
    }

    /// Returns the position, in row-major order, of the first value with the largest |d|; `None` if there is no error.
    pub fn max_abs_error_index(&self) -> Option<u64> {
        (self.sums.max_abs_d > 0.0).then_some(self.sums.max_abs_d_index)
    }

    /// Returns |d| / |x|, as Euclidean norms: 0 without error, ∞ for an error on a zero signal.
    pub fn relative_l2(&self) -> f64 {
        if self.sums.d2 == 0.0 { 0.0 } else { Float::sqrt(self.sums.d2 / self.sums.x2) }
    }

    /// Returns the cosine of the angle between x and y: 1 if both are zero, 0 if one of them is.
    pub fn cosine_similarity(&self) -> f64 {
        match (self.sums.x2 == 0.0, self.sums.y2 == 0.0) {
            (true, true) => 1.0,
            (false, false) => {
                let norms = Float::sqrt(self.sums.x2) * Float::sqrt(self.sums.y2);
                (self.sums.xy / norms).clamp(-1.0, 1.0)
            }
            _ => 0.0,
        }
    }

    /// Returns the signal-to-quantization-noise ratio in dB, `10 · log10(Σ x² / Σ d²)`.
    ///
    /// ∞ without error, whatever the signal; −∞ for an error on a zero signal.
    #[doc(alias = "snr")]
    pub fn sqnr_db(&self) -> f64 {
        decibels(self.sums.x2, self.sums.d2)
    }

    /// Returns the peak signal-to-noise ratio in dB, `10 · log10(max|x|² / mse)`; ∞ without error, −∞ on a zero signal.
    pub fn psnr_db(&self) -> f64 {
        let [min, max] = self.divided_ends();
        let peak = min.abs().max(max.abs());
        decibels(peak * peak, self.mean(self.sums.d2))
    }

    /// Returns the same with the width of the values, max x − min x, as the peak.
    pub fn psnr_db_of_width(&self) -> f64 {
        let [min, max] = self.divided_ends();
        let peak = max - min;
        decibels(peak * peak, self.mean(self.sums.d2))
    }

    /// Returns the smallest and the largest x in the units of the sums.
    fn divided_ends(&self) -> [f64; 2] {
        [self.x_ends.0, self.x_ends.1].map(|x| times_power_of_two(x, -self.exponent))
    }
}

fn decibels(signal: f64, noise: f64) -> f64 {
    if noise == 0.0 { f64::INFINITY } else { 10.0 * (Float::log10(signal) - Float::log10(noise)) }
}

/// One line: `SQNR 42.13 dB, MSE 1.9e-5, largest error 0.0142 at 3, cosine 0.999969, 0 of 4 saturated`.
impl fmt::Display for ErrorMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sqnr_db() {
            sqnr if sqnr == f64::INFINITY => f.write_str("lossless")?,
            sqnr => write!(f, "SQNR {sqnr:.2} dB")?,
        }
        write!(f, ", MSE {:.3e}, largest error {:.4e}", self.mse(), self.max_abs_error())?;
        if let Some(index) = self.max_abs_error_index() {
            write!(f, " at {index}")?;
        }
        write!(f, ", cosine {:.6}, {} of {} saturated", self.cosine_similarity(), self.saturated, self.count())?;
        if self.non_finite() > 0 {
            write!(f, ", {} not finite", self.non_finite())?;
        }
        Ok(())
    }
}
