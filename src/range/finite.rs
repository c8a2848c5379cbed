//! Values without NaN and infinities.

use crate::kernel::Extremes;
use alloc::borrow::Cow;

/// Returns the finite ones of some values, of which the extremes are known.
pub(super) fn finite<'a>(values: &'a [f32], seen: &Extremes) -> Cow<'a, [f32]> {
    if seen.nan + seen.infinite == 0 {
        Cow::Borrowed(values)
    } else {
        Cow::Owned(values.iter().copied().filter(|x| x.is_finite()).collect())
    }
}
