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
//! Nanoseconds a weight on one core of a Xeon with AVX-512 (Sapphire Rapids), shared with other work, 65,536 weights from the second-level
//! cache; storing as many f32 takes .084, copying them .108. `cargo bench --bench blocks` prints this table and the next one;
//! `tests/ggml/check.py` prints the like beside ggml's own library.
//!
//! | format | quantize | restore | best |
//! | --- | --- | --- | --- |
//! | `q8_0` `q4_0` `q5_0` | .20 .30 .31 | .10 .09 .12 | 193 106 111 |
//! | `q4_1` `q5_1` | .31 .32 | .12 .11 | 69 72 |
//! | `q2_k` `q3_k` `q4_k` `q5_k` `q6_k` | 6.31 5.25 6.89 5.66 4.33 | .11 .11 .10 .11 .12 | 97 82 87 88 66 |
//! | `iq4_nl` `iq4_xs` | 6.41 6.55 | .10 .10 | 196 171 |
//! | `tq1_0` `tq2_0` `q1_0` `q2_0` | .23 .18 .90 .28 | .11 .10 .10 .11 | 61 61 25 92 |
//! | `mxfp4` `nvfp4` | .47 .80 | .10 .10 | 47 99 |
//! | `mxfp8_e4m3` `mxfp6_e2m3` `mxfp4_e2m1` `mxint8` | .58 .80 .58 .48 | .13 .12 .11 .10 | 13 18 26 8 |
//! | `nf4` `bnb_fp4` | .74 .74 | .10 .10 | 116 119 |
//! | `q8_1` `q8_k` | .29 1.76 | .10 .10 | |
//! | `iq2_xxs` `iq2_xs` `iq2_s` | | .16 .19 .16 | |
//! | `iq3_xxs` `iq3_s` | | .24 .24 | |
//! | `iq1_s` `iq1_m` | | .11 .16 | |
//!
//! What the K formats and IQ4 take to quantize is their search: 16 to 37 scales of each sub-block, sums in ggml's order. Of `q4_k` these are
//! 18 operations for each of 21 scales and sixteen weights, of which a core does two at a time. Points of lattices come from tables one by
//! one, those of IQ3 four for sixteen weights.
//!
//! The best blocks of `iq4_nl` are .34 dB better than ggml's on the weights of all-MiniLM-L6-v2, those of `iq4_xs` .35: were the scales of
//! its sub-blocks any numbers at all, it would be .42.
//!
//! [`matvec`] and [`matmul`] restore a few blocks at a time into the first cache. The best of seven runs beside other work, in which the same
//! core read memory at 6.6 to 9.6 GB/s:
//!
//! | `matvec` of | GB/s of blocks | of memory's | weights a ns | `matmul` with 8 vectors, products a ns |
//! | --- | --- | --- | --- | --- |
//! | `q8_0` | 4.8 | 67 % | 4.5 | 18.6 |
//! | `q4_0` | 4.0 | 62 % | 7.2 | 21.6 |
//! | `q4_k` | 3.7 | 57 % | 6.6 | 20.0 |
//! | `q6_k` | 3.9 | 55 % | 4.8 | 18.4 |
//! | `iq4_nl` | 4.0 | 57 % | 7.2 | 20.3 |
//! | `nf4` | 4.9 | 51 % | 8.6 | 21.8 |
//! | `mxfp4` | 3.9 | 60 % | 7.4 | 21.2 |
//! | `INT4 in groups of 64` | 3.9 | 59 % | 6.9 | 20.4 |
//!
//! From the second-level cache it is 7 to 11 weights a ns. What is read from memory and what is computed hardly overlap: blocks are read
//! when they are restored, and safe Rust has no instruction that asks for the next ones before.

#[cfg(test)]
mod best_tests;
mod bitsandbytes;
mod block_scheme;
mod block_tensor;
mod block_type;
mod codebook;
mod codebook_blocks;
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
mod own_units;
mod product;
mod quantize;
mod scale_grid;
mod sparsity;
mod super_block;
mod sweep;
mod ternary;
mod two_numbers;

pub use bitsandbytes::{FP4_VALUES, NF4_VALUES};
pub use block_scheme::BlockScheme;
pub use block_tensor::BlockTensor;
pub use block_type::BlockType;
pub use codebook::Codebook;
pub use codebook_blocks::CodebookBlocks;
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
