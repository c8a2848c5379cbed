//! Slices to slices, at the speed of memory: the only place with SIMD.
//!
//! Every function takes the [`Level`] to run at, and gives the same bits at each of them; [`level`](detect) finds the best
//! one of this machine and [`levels`] lists them all. Beside each fast path stands its specification, in [`mod@reference`].
//!
//! # How it is fast
//!
//! 1. A kernel is a plain, branch-free scalar body, marked `#[inline(always)]` down to the last call, that the compiler
//!    vectorises once for each SIMD level; `fearless_simd` picks the version at run time. A user's own rounding is part
//!    of that body.
//! 2. Values are clamped as floats, then rounded, then converted: the conversion is an addition and a subtraction of
//!    bits (see [`Rounding`](crate::Rounding)), where `as i8` would keep the loop scalar.
//! 3. Reductions use explicit vectors with several accumulators in a fixed order of lanes, so that sums have the same
//!    bits on every machine.
//! 4. No closure is passed to `map` or `from_fn` inside a body: whether such a call is inlined depends on the build, and
//!    where it is not the loop is scalar.

mod brain_floats;
mod bytes;
mod column_sums;
mod convert;
mod dequantize;
mod each;
mod elementwise;
mod equal_bins;
mod error_lanes;
mod error_sums;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod error_sums_x86;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod f16c;
mod fake_quantize;
mod group_extremes;
mod histogram;
mod integer_matmul;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod integer_matmul_x86;
mod level;
mod min_max;
mod nan;
mod narrow;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod narrow_x86;
mod outside;
mod own;
mod quantize;
mod quotient;
pub mod reference;
mod requantize;
mod rounded;
mod rounding;
mod small_floats;
mod transpose;
mod wide_error_sums;

pub use convert::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16, to_f32};
pub use dequantize::dequantize;
pub use error_sums::{ErrorSums, error_sums};
pub use fake_quantize::{fake_quantize, fake_quantize_backward};
pub use fearless_simd::Level;
pub use histogram::{BINS, BINS_PER_SIDE, SMALLEST_EXPONENT, exponent_for, histogram, no_counts};
pub use integer_matmul::{IntegerWeights, integer_matmul};
pub use level::{detect, levels};
pub use min_max::{Extremes, count_non_finite, first_nan, min_max};
pub use quantize::{Mapping, quantize};
pub use requantize::{Requantization, requantize};

pub(crate) use column_sums::{ColumnSums, ROWS as TILE_ROWS, TOGETHER as COLUMNS_TOGETHER};
pub(crate) use each::{
    Groups, Settings, dequantize_span, fake_quantize_backward_span, fake_quantize_span, quantize_span,
};
pub(crate) use equal_bins::{ABOVE, BELOW, EqualBins, NAN, OUTSIDE};
pub(crate) use error_sums::{BLOCK as ERROR_BLOCK, PairSums};
pub(crate) use group_extremes::GroupExtremes;
pub(crate) use outside::{count_outside, count_outside_columns, count_outside_each};
pub(crate) use transpose::{Rows, transpose};
pub(crate) use wide_error_sums::{WidePairSums, times_power_of_two};
