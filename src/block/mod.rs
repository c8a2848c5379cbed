//! Block formats: so many reals to so many bytes, and back.
//!
//! A block shares a scale, or a few, and is a whole number of bytes, so that a row of a matrix is a row of blocks in a file:
//!
//! | family | formats | a weight is |
//! | --- | --- | --- |
//! | ggml, one scale | `q4_0` `q5_0` `q8_0` `iq4_nl` `tq1_0` `tq2_0` `q1_0` `q2_0` | `d · q` or `d · v[q]` |
//! | ggml, scale and smallest value | `q4_1` `q5_1` | `d · q + m` |
//! | ggml, scales of sub-blocks | `q2_k` `q4_k` `q5_k`; `q3_k` `q6_k` `iq4_xs` | `d · s · q − dmin · m`; `d · s · q` |
//! | ggml, lattices; read only | `iq1_s` `iq1_m` `iq2_xxs` `iq2_xs` `iq2_s` `iq3_xxs` `iq3_s` | `d · s · point · sign` |
//! | ggml, of activations | `q8_1` `q8_k` | `d · q` |
//! | microscaling | `mxfp4` `nvfp4` as in GGUF; `mxfp8_e4m3` `mxfp8_e5m2` `mxfp6_e2m3` `mxfp6_e3m2` `mxfp4_e2m1` `mxint8` | `2^e · element` |
//! | codebooks | `nf4` `bnb_fp4` and those of your own ([`Codebook`]) | `s · v[code]` |
//! | groups | [`Int4Groups`] | `s · q` |
//!
//! [`BlockType`] names them all by value; [`quantize_blocks`] and [`dequantize_blocks`] turn rows into bytes and back, of these and of
//! any other [`BlockFormat`]. ggml's bytes are those of its own library built without fused multiply-add, on every machine: nothing
//! here is contracted, and sums run in its order.

#[cfg(test)]
mod best_tests;
mod block_scheme;
mod block_tensor;
mod block_type;
mod codebook;
mod error;
mod format;
#[expect(clippy::doc_markdown, reason = "Q4_0 and its like are the names of formats, as everybody writes them")]
mod ggml;
mod grid_search;
mod int4_groups;
mod kmeans;
mod layout;
mod mx;
mod nested_scales;
mod nvfp4;
mod one_scale;
mod product;
mod quantize;
mod scale_grid;
mod sparsity;
mod super_block;
mod sweep;
mod ternary;
mod two_numbers;

pub use block_scheme::BlockScheme;
pub use block_tensor::BlockTensor;
pub use block_type::BlockType;
pub use codebook::{Codebook, CodebookBlocks, FP4_VALUES, NF4_VALUES};
pub use error::BlockError;
pub use format::BlockFormat;
pub use ggml::iq4_nl_without_search;
pub use int4_groups::Int4Groups;
pub use kmeans::optimal_codebook;
pub use mx::{Mx, MxElement, ScaleRule};
pub use nested_scales::{NestedScales, dynamic_map};
pub use nvfp4::Nvfp4;
pub use product::{matmul, matvec};
pub use quantize::{BlockSearch, dequantize_blocks, quantize_blocks};
pub use sparsity::two_of_four;
pub use ternary::{FewCodes, optimal_ternary, twn, xnor};
