//! Calculators as plain arithmetic, which a kernel does for many groups at once.

use super::{Ends, GroupsMut, reciprocal};

/// How the parameters of a group follow from its smallest and largest value, where these are not the same.
///
/// Divisions are made in f64, and a scale is rounded to f32 once; none is smaller than `f32::MIN_POSITIVE`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `scale = min(max|x| / divisor, limit)`, and one zero point for all groups.
    MaxAbs {
        /// What the magnitude is divided by.
        divisor: f64,
        /// The largest scale that there is: no more than `f32::MAX`.
        limit: f32,
        /// The zero point of all groups.
        zero_point: i32,
    },
    /// `scale = width / (highest − lowest)` of the range with zero, and the zero point
    /// `round(clamp(lowest − min / scale, lowest, highest))`, halves to even.
    Width {
        /// The smallest code.
        lowest: f64,
        /// The largest code.
        highest: f64,
        /// Of a larger scale this does not say what becomes of it.
        limit: f32,
    },
}

impl Rule {
    /// Writes the parameters of groups with these extremes, and returns their ends; `None` if the rule does not say what one of them gets.
    /// In a kernel this is vectorised.
    #[inline(always)]
    pub(crate) fn apply(self, (min, max): (&[f32], &[f32]), out: GroupsMut<'_>) -> Option<Ends> {
        let GroupsMut { scales, inverses, zero_points } = out;
        let n = min.len().min(max.len()).min(scales.len()).min(inverses.len()).min(zero_points.len());
        let (min, max, scales, zero_points) = (&min[..n], &max[..n], &mut scales[..n], &mut zero_points[..n]);
        let mut all = true;
        match self {
            Rule::MaxAbs { divisor, limit, zero_point } => {
                for i in 0..n {
                    all &= min[i] < max[i];
                    scales[i] = scale_of_max_abs(min[i].abs().max(max[i].abs()), divisor, limit);
                }
                zero_points.fill(zero_point);
            }
            Rule::Width { lowest, highest, limit } => {
                for i in 0..n {
                    let (low, high) = (f64::from(min[i].min(0.0)), f64::from(max[i].max(0.0)));
                    let scale = ((high - low) / (highest - lowest)) as f32;
                    let scale = scale.clamp(f32::MIN_POSITIVE, f32::MAX);
                    all &= (min[i] < max[i]) & (scale <= limit);
                    let zero_point = (lowest - low / f64::from(scale)).max(lowest).min(highest);
                    (scales[i], zero_points[i]) = (scale, to_even(zero_point));
                }
            }
        }
        let inverses = &mut inverses[..n];
        for i in 0..n {
            inverses[i] = reciprocal(scales[i]);
        }
        all.then(|| Ends::of(scales, zero_points))
    }
}

/// Returns the scale by [`Rule::MaxAbs`].
#[inline(always)]
pub(super) fn scale_of_max_abs(max_abs: f32, divisor: f64, limit: f32) -> f32 {
    let scale = (f64::from(max_abs) / divisor) as f32;
    scale.clamp(f32::MIN_POSITIVE, f32::MAX).min(limit)
}

/// Returns the nearest whole number, halves to even, of one that an i32 can hold: the sum has no place for a fraction, and ends in the
/// integer.
#[inline(always)]
fn to_even(x: f64) -> i32 {
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    (x + MAGIC).to_bits() as i32
}
