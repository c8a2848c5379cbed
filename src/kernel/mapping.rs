//! What the mapping of one group depends on.

use crate::num::{CodeType, Grid, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy};

/// All that the mapping of one group needs: its parameters, and the settings of the scheme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    /// Scale, zero point and offset.
    pub params: AffineParams,
    /// The codes in use.
    pub codes: CodeRange,
    /// Division, or multiplication by the reciprocal.
    pub scaling: Scaling,
    /// What a NaN is coded as. (`Error` does not check here: it codes as `Skip` does.)
    pub nan: NanPolicy,
}

impl Mapping {
    /// Returns the bare mapping: division, and NaN coded as the smallest code.
    pub fn new(params: AffineParams, codes: CodeRange) -> Self {
        Self { params, codes, scaling: Scaling::Divide, nan: NanPolicy::Native }
    }

    #[inline(always)]
    pub(super) fn grid(&self) -> Grid {
        grid_of(self.codes, self.params.zero_point())
    }
}

/// Returns whether the zero point is further away than whole numbers are exact in the loops, which no tensor's is: it is one of its
/// codes.
pub(super) fn is_far(code: CodeType, params: AffineParams) -> bool {
    code.bits() <= 16 && params.zero_point().unsigned_abs() > 1 << 21
}

#[inline(always)]
pub(super) fn grid_of(codes: CodeRange, zero_point: i32) -> Grid {
    let (min, max) = (codes.min(), codes.max());
    // In f32 this is exact for codes of up to 16 bits; the type for which it is not, i32, clamps by `min` and `max`.
    Grid { lo: min as f32 - zero_point as f32, hi: max as f32 - zero_point as f32, zero_point, min, max }
}
