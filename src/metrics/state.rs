//! How metrics are written: the sums that all of them follow from, so that nothing is lost, and that are checked when they are
//! read.

use super::ErrorMetrics;
use crate::kernel::ErrorSums;
use alloc::format;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// [`ErrorMetrics`], with d = x − y.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorMetricsState {
    count: u64,
    non_finite: u64,
    non_finite_changed: u64,
    saturated: u64,
    zeroed: u64,
    sum_d: f64,
    sum_abs_d: f64,
    sum_d2: f64,
    sum_x2: f64,
    sum_y2: f64,
    sum_xy: f64,
    max_abs_d: f64,
    max_abs_d_index: u64,
    x_min: f32,
    x_max: f32,
    /// Of f64s: the power of two that values were divided by, and their extremes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wide: Option<Wide>,
}

/// What only the metrics of f64s have.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wide {
    exponent: i32,
    min: f64,
    max: f64,
}

impl From<ErrorMetrics> for ErrorMetricsState {
    fn from(metrics: ErrorMetrics) -> Self {
        let ErrorMetrics { sums, exponent, x_ends: (min, max), saturated, zeroed, non_finite_changed } = metrics;
        let ErrorSums { count, non_finite, d, d_abs, d2, x2, y2, xy, max_abs_d, max_abs_d_index, x_min, x_max } = sums;
        Self {
            count,
            non_finite,
            non_finite_changed,
            saturated,
            zeroed,
            sum_d: d,
            sum_abs_d: d_abs,
            sum_d2: d2,
            sum_x2: x2,
            sum_y2: y2,
            sum_xy: xy,
            max_abs_d,
            max_abs_d_index,
            x_min,
            x_max,
            wide: ((exponent, min, max) != (0, x_min.into(), x_max.into())).then_some(Wide { exponent, min, max }),
        }
    }
}

/// What the rounding of sums may add to them, as a fraction.
const SLACK: f64 = 1e-6;

impl TryFrom<ErrorMetricsState> for ErrorMetrics {
    type Error = String;

    fn try_from(state: ErrorMetricsState) -> Result<Self, String> {
        let s = state;
        let check = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(format!("metrics of {} values: {what}", s.count)) }
        };
        let all = [s.sum_d, s.sum_abs_d, s.sum_d2, s.sum_x2, s.sum_y2, s.sum_xy, s.max_abs_d];
        check(all.iter().all(|sum| sum.is_finite()), "a sum is not finite")?;
        let within = |part: u64, what| check(part <= s.count, &format!("{part} of them {what}"));
        within(s.non_finite, "are not finite")?;
        within(s.saturated, "were saturated")?;
        let finite = s.count - s.non_finite;
        check(s.non_finite_changed <= s.non_finite, "more that are not finite have changed than there are")?;
        check(s.zeroed <= s.count, "more became zero than there are")?;
        check(s.x_min.is_finite() && s.x_max.is_finite() && s.x_min <= s.x_max, "their bounds are not ordered")?;
        let sums = [s.sum_abs_d, s.sum_d2, s.sum_x2, s.sum_y2, s.max_abs_d];
        check(sums.iter().all(|&sum| sum >= 0.0), "a sum of magnitudes is negative")?;
        check(s.max_abs_d_index < s.count.max(1), "the largest error is beyond the last of them")?;
        let most = |sum: f64, limit: f64| sum <= limit * (1.0 + SLACK) + f64::MIN_POSITIVE;
        check(most(s.sum_d.abs(), s.sum_abs_d), "the sum of errors is larger than that of their magnitudes")?;
        check(most(s.sum_abs_d, s.max_abs_d * finite as f64), "the sum of errors is larger than the largest allows")?;
        check(most(s.max_abs_d * s.max_abs_d, s.sum_d2), "the largest error is larger than their squares allow")?;
        check(most(s.sum_xy * s.sum_xy, s.sum_x2 * s.sum_y2), "the products are larger than the squares allow")?;
        check(
            most(s.sum_d2, s.max_abs_d * s.max_abs_d * finite as f64),
            "the squares are larger than the largest allows",
        )?;
        let wide = s.wide.unwrap_or(Wide { exponent: 0, min: s.x_min.into(), max: s.x_max.into() });
        check(wide.exponent.abs() <= 1074, "the power of two of their sums is no f64's")?;
        check(wide.min.is_finite() && wide.max.is_finite() && wide.min <= wide.max, "their bounds are not ordered")?;
        if s.wide.is_none() {
            let largest = f64::from(f32::MAX);
            check(
                most(s.sum_y2, largest * largest * finite as f64),
                "the restored values are larger than f32 can hold",
            )?;
        }
        let peak = crate::kernel::times_power_of_two(wide.min.abs().max(wide.max.abs()), -wide.exponent);
        check(most(s.sum_x2, peak * peak * finite as f64), "the squares are larger than the bounds allow")?;
        check(most(peak * peak, s.sum_x2) || finite == 0, "the bounds are larger than the squares allow")?;
        let sums = ErrorSums {
            count: s.count,
            non_finite: s.non_finite,
            d: s.sum_d,
            d_abs: s.sum_abs_d,
            d2: s.sum_d2,
            x2: s.sum_x2,
            y2: s.sum_y2,
            xy: s.sum_xy,
            max_abs_d: s.max_abs_d,
            max_abs_d_index: s.max_abs_d_index,
            x_min: s.x_min,
            x_max: s.x_max,
        };
        let ErrorMetricsState { saturated, zeroed, non_finite_changed, .. } = state;
        let (exponent, x_ends) = (wide.exponent, (wide.min, wide.max));
        Ok(Self { sums, exponent, x_ends, saturated, zeroed, non_finite_changed })
    }
}
