//! Which zero points a calculator chooses from.

/// The zero points that a calculator chooses from, whatever the range.
///
/// It tells an estimator that searches for the best range which grids of reals there are: all multiples of some scale,
/// from `scale · (qmin − zero_point)` to `scale · (qmax − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroPoints {
    /// Always this one; the scale is proportional to the largest magnitude of the range.
    One(i32),
    /// The code nearest to where zero falls; the scale is the width of the range with zero, divided by that of the codes.
    Any,
    /// The calculator does not say, or its grids are others: estimators then try ranges and look at what comes out.
    Unknown,
}
