//! The searches of ggml's block formats, one sub-block a lane: the bits of one after another, at a tenth of the time.
//!
//! ggml quantizes a sub-block of 16 or 32 weights by trying a few dozen scales and keeping the one of least weighted error. Each
//! try is a chain of sums in the order of the elements, which no compiler may reorder, and so runs at the latency of an addition.
//! Here 16 sub-blocks stand side by side in the 16 lanes of a vector: every lane runs the chain of its own sub-block, in its own
//! order, and gives its bits. What is conditional is a selection by lane.
//!
//! 1. Codes stay in registers: for a scale that is not kept they are not written at all, and of the scale that is kept they
//!    are computed once more at the end. The same numbers give the same codes.
//! 2. Sums are written as ggml has them, `(w · x) · code`, product by product; nothing is contracted to a multiply-add, which
//!    would change bits from machine to machine (llama.cpp, pull request 25353).
//! 3. Sub-blocks that are missing in the last vector are zeros.
//! 4. Elements to lanes and codes to bytes are squares transposed in registers, and four codes to a word.
//! 5. What depends on nothing before it, as three tries of a scale or two tiles, is done side by side, where registers allow it.
//!
//! Source of the formulas: `ggml-quants.c` of llama.cpp; written anew, and compared with its library bit for bit.

mod affine;
mod codes;
mod descent;
mod fit;
mod halving;
mod intervals;
mod ranges;
mod signed;
mod table;
mod tile;

pub(crate) use affine::{Affine, AffineOut, affine_search};
pub(crate) use codes::{Step, requantize};
pub(crate) use descent::descent_search;
pub(crate) use fit::{Bounds, Columns, Levels, Scales, improve, level_codes, level_sums};
pub(crate) use intervals::{ScaleLevels, least_errors, lowest_scale, scale_errors};
pub(crate) use ranges::{Ranges, fit_ranges};
pub(crate) use signed::{Signed, SignedOut, signed_search};
pub(crate) use table::{TableSearch, table_codes, table_search};
pub(crate) use tile::Weights;
