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
//!
//! # What it costs
//!
//! Nanoseconds a weight on one core of a Xeon with AVX-512, shared with other work, 65,536 weights from the second-level cache; storing as
//! many f32 takes .084, copying them .095. `tests/ggml/check.py` prints the like beside ggml's own library.
//!
//! | format | quantize | restore | best |
//! | --- | --- | --- | --- |
//! | `q8_0` `q4_0` `q5_0` | .23 .28 .30 | .17 .11 .12 | 430 183 191 |
//! | `q4_1` `q5_1` | .31 .34 | .12 .13 | 450 460 |
//! | `q2_k` `q3_k` `q4_k` `q5_k` `q6_k` | 8.7 5.4 8.9 7.4 5.8 | .13 .12 .14 .12 .13 | 310 300 170 140 150 |
//! | `iq4_nl` `iq4_xs` | 15 16 | .10 .10 | 285 270 |
//! | `tq1_0` `tq2_0` `q1_0` `q2_0` | .19 .16 .99 .27 | .17 .14 .10 .11 | 128 128 76 185 |
//! | `mxfp4` `nvfp4` | .49 .75 | .09 .11 | 57 111 |
//! | `mxfp8_e4m3` `mxfp6_e2m3` `mxint8` | .54 1.3 .44 | .31 1.1 .13 | 16 26 8 |
//! | `nf4` `bnb_fp4` | .73 .73 | .10 .10 | 160 177 |
//! | `iq2_xxs` `iq2_s` `iq3_s` `iq1_s` | | .19 .21 .26 .35 | |
//!
//! What the K formats and IQ4 take to quantize is their search: 16 to 37 scales of each sub-block, sums in ggml's order. Lattices and the
//! six-bit floats are restored by way of single numbers, and so at two to twelve times a store.

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
