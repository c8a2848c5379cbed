//! The codes that weights may become, and rounding to them in f64.

/// 1.5 · 2⁵²: added and taken away again, it rounds a number of magnitude below 2⁵¹ to the nearest integer, ties to even, without a call
/// that keeps loops scalar.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// A range of integer codes around 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Codes {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Codes {
    /// Returns the code next to `t`, which is in units of the scale. NaN gives the smallest code.
    #[inline(always)]
    pub(crate) fn nearest(self, t: f64) -> f64 {
        let t = if t > self.min { t } else { self.min };
        let t = if t < self.max { t } else { self.max };
        (t + ROUNDER) - ROUNDER
    }

    /// Returns the largest magnitude on the side that has fewer codes.
    pub(crate) fn reach(self) -> f64 {
        self.max.min(-self.min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even_and_clamped() {
        let codes = Codes { min: -7.0, max: 7.0 };
        let rounded: Vec<f64> = [0.5, 1.5, -0.5, -2.5, 6.7, 9e9, -9e99].map(|t| codes.nearest(t)).to_vec();
        assert_eq!(rounded, [0.0, 2.0, 0.0, -2.0, 7.0, 7.0, -7.0]);
        assert_eq!(codes.nearest(f64::NAN), -7.0);
    }
}
