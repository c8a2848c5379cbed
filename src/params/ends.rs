//! The smallest and the largest parameters of many groups.

/// The smallest and the largest scale and zero point of some groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ends {
    pub(crate) scales: (f32, f32),
    pub(crate) zero_points: (i32, i32),
}

impl Ends {
    /// Returns those of groups. Positive numbers are ordered as their bits are, which are compared faster; of a scale that is none the
    /// bits lie beyond those, and so one of the ends is none. In a kernel this is vectorised.
    #[inline(always)]
    pub(crate) fn of(scales: &[f32], zero_points: &[i32]) -> Self {
        let (mut least, mut most) = (f32::MAX.to_bits() as i32, 0);
        for scale in scales {
            let bits = scale.to_bits() as i32;
            (least, most) = (least.min(bits), most.max(bits));
        }
        let (mut lowest, mut highest) = (i32::MAX, i32::MIN);
        for &zero_point in zero_points {
            (lowest, highest) = (lowest.min(zero_point), highest.max(zero_point));
        }
        let scales = (f32::from_bits(least as u32), f32::from_bits(most as u32));
        Self { scales, zero_points: (lowest, highest) }
    }
}
