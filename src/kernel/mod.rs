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
//!
//! # Adding one
//!
//! A kernel is one file, which opens with its equation and then numbers what makes it fast. In it stand
//!
//! 1. the body, `#[inline(always)]`, generic over [`Simd`]: explicit vectors of 16 lanes, of which a level makes
//!    one, two or four registers, or a plain loop that the compiler vectorises (`map_slice` in `elementwise.rs` has that loop);
//! 2. the function that takes a [`Level`] and hands the body to `dispatch!`, outside of the loop over elements;
//! 3. its specification, if `reference.rs` has none for it yet, and a property test against it at each of [`levels`].
//!
//! Where reals become codes, `Run` (`quantize.rs`) has the tile loop that roundings, scalings and code types share, and which fake
//! quantization goes through, too; `for_each_part` (`own.rs`) cuts what belongs to many groups. An instruction without a portable
//! name is a function of its own in `x86/`. A kernel that a user calls has a row in `benches/levels.rs`, and in `benches/doors`.

mod backward;
mod between;
mod bit_extremes;
#[cfg(feature = "blocks")]
mod block_search;
mod brain_floats;
mod bytes;
mod code_sums;
mod column_sums;
mod convert;
mod dequantize;
mod destination;
#[cfg(feature = "blocks")]
mod dot;
mod double_quotient;
#[cfg(feature = "blocks")]
mod each_block;
mod elementwise;
mod equal_bins;
mod error_lanes;
mod error_sums;
mod exact_moments;
mod fake_quantize;
#[cfg(feature = "blocks")]
mod float_codes;
mod float_grid;
mod group_extremes;
mod histogram;
mod integer_matmul;
mod integer_weights;
mod learnable;
mod level;
mod mapping;
mod min_max;
mod nan;
mod narrow;
mod outside;
mod own;
mod pack;
mod pair_sums;
mod quantize;
mod quantize_spans;
mod quotient;
pub mod reference;
mod requantize;
mod rounded;
mod rounder;
mod rounding;
mod settings;
#[cfg(feature = "blocks")]
mod sixteen;
#[cfg(feature = "blocks")]
mod small_blocks;
mod small_floats;
mod store;
mod transpose;
mod two_grids;
mod unsigned_codes;
mod wide_error_sums;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod x86;

pub use backward::fake_quantize_backward;
pub use code_sums::code_sums;
pub use convert::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16, to_f32};
pub use dequantize::dequantize;
pub use error_sums::ErrorSums;
pub use fake_quantize::fake_quantize;
pub use fearless_simd::Level;
pub use histogram::{BINS, BINS_PER_SIDE, SMALLEST_EXPONENT, exponent_for, histogram};
pub use integer_matmul::integer_matmul;
pub use integer_weights::IntegerWeights;
pub use level::{detect, levels};
pub use mapping::Mapping;
pub use min_max::{Extremes, count_non_finite, first_nan, min_max};
pub use pack::{HighBits, pack, unpack};
pub use pair_sums::error_sums;
pub use quantize::quantize;
pub use requantize::{Requantization, requantize};

pub(crate) use backward::fake_quantize_backward_span;
pub(crate) use between::collect_between;
pub(crate) use bit_extremes::bit_extremes;
#[cfg(feature = "blocks")]
pub(crate) use block_search::{
    Affine, AffineOut, Bounds, Columns, Levels, Ranges, ScaleLevels, Scales, Signed, SignedOut, Step, TableSearch,
    Weights, affine_search, descent_search, fit_ranges, improve, least_errors, level_codes, level_sums, lowest_scale,
    requantize as requantize_blocks, scale_errors, signed_search, table_codes, table_search,
};
pub(crate) use code_sums::{Magnitudes, magnitudes, sums_above};
pub(crate) use column_sums::{ColumnSums, ROWS as TILE_ROWS, TOGETHER as COLUMNS_TOGETHER};
pub(crate) use convert::{narrow_reals, widen};
pub(crate) use dequantize::{dequantize_bytes, dequantize_span, high_bits, unpack_span};
#[cfg(feature = "blocks")]
pub(crate) use dot::dot;
pub(crate) use double_quotient::{narrow_codes, narrow_codes_each};
#[cfg(feature = "blocks")]
pub(crate) use each_block::{Restore, RestoreGroup, Write, each_block, restore_blocks, restore_groups, write_blocks};
pub(crate) use equal_bins::{ABOVE, BELOW, EqualBins, NAN, OUTSIDE};
pub(crate) use exact_moments::{TILE as MOMENTS_TILE, TileSums, tile_sums, up_to};
pub(crate) use fake_quantize::fake_quantize_span;
#[cfg(feature = "blocks")]
pub(crate) use fearless_simd::Simd;
pub(crate) use group_extremes::{GroupExtremes, ends_of};
pub(crate) use histogram::no_counts;
pub(crate) use learnable::{Learnt, learnable};
pub(crate) use outside::{count_outside, count_outside_columns, count_outside_each};
pub(crate) use pair_sums::{BLOCK as ERROR_BLOCK, PairSums};
pub(crate) use quantize::quantize_finite;
pub(crate) use quantize_spans::{pack_span, quantize_span};
pub(crate) use rounder::Rounder;
pub(crate) use settings::Settings;
#[cfg(feature = "blocks")]
pub(crate) use sixteen::{Ints, LANES, Reals, Sixteen};
#[cfg(feature = "blocks")]
pub(crate) use small_blocks::block_codes;
pub(crate) use transpose::{Rows, transpose};
#[cfg(feature = "serde")]
pub(crate) use two_grids::SHARES;
pub(crate) use two_grids::{TwoGrids, count_in_two_grids, smallest_normal};
pub(crate) use unsigned_codes::{Raised, unsigned_codes};
pub(crate) use wide_error_sums::{WidePairSums, times_power_of_two};
