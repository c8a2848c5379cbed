//! The block formats by value: the one list of them.

use super::bitsandbytes::{FP4, NF4};
use super::format::BlockFormat;
use super::ggml;
use super::layout::Layout;
use super::mx;
use crate::error::Error;
use core::fmt;
use core::str::FromStr;

macro_rules! block_types {
    ($($(#[$doc:meta])* $variant:ident = $layout:expr;)*) => {
        /// A block format of this crate, by value.
        ///
        /// The text form is the name in lower case, as in `q4_k`, `iq4_nl`, `mxfp4`, `nf4`; upper case is read, too. The formats of ggml
        /// are, bit for bit, what `ggml_quantize_chunk` of a build without fused multiply-add writes into a GGUF file.
        ///
        /// # Examples
        ///
        /// ```
        /// use tensor_quant::block::{BlockFormat, BlockType};
        ///
        /// let format: BlockType = "Q4_K".parse()?;
        /// assert_eq!((format.to_string().as_str(), format.block_len(), format.block_bytes()), ("q4_k", 256, 144));
        /// assert_eq!((format.bits_per_weight(), format.ggml_type()), (4.5, Some(12)));
        /// # Ok::<(), tensor_quant::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum BlockType {
            $($(#[$doc])* $variant,)*
        }

        impl BlockType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub(super) const fn layout(self) -> &'static Layout {
                match self {
                    $(Self::$variant => &$layout,)*
                }
            }
        }
    };
}

#[expect(non_camel_case_types, reason = "the names of the formats, as everybody writes them")]
mod names {
    use super::{FP4, Layout, NF4, ggml, mx};
    block_types! {
        /// 4 bits and a scale for 32 weights.
        Q4_0 = ggml::Q4_0;
        /// 4 bits, a scale and a smallest value for 32 weights.
        Q4_1 = ggml::Q4_1;
        /// 5 bits and a scale for 32 weights.
        Q5_0 = ggml::Q5_0;
        /// 5 bits, a scale and a smallest value for 32 weights.
        Q5_1 = ggml::Q5_1;
        /// 8 bits and a scale for 32 weights.
        Q8_0 = ggml::Q8_0;
        /// As `Q8_0`, with the sum of the block: of activations.
        Q8_1 = ggml::Q8_1;
        /// 2 bits; scales and smallest values of 4 bits for 16 weights.
        Q2_K = ggml::Q2_K;
        /// 3 bits; scales of 6 bits for 16 weights.
        Q3_K = ggml::Q3_K;
        /// 4 bits; scales and smallest values of 6 bits for 32 weights.
        Q4_K = ggml::Q4_K;
        /// 5 bits; scales and smallest values of 6 bits for 32 weights.
        Q5_K = ggml::Q5_K;
        /// 6 bits; scales of 8 bits for 16 weights.
        Q6_K = ggml::Q6_K;
        /// 8 bits and an f32 scale for 256 weights: of activations.
        Q8_K = ggml::Q8_K;
        /// Lattice points of about 2 bits; read only.
        IQ2_XXS = ggml::IQ2_XXS;
        /// Lattice points of about 2 bits; read only.
        IQ2_XS = ggml::IQ2_XS;
        /// Lattice points of about 2½ bits; read only.
        IQ2_S = ggml::IQ2_S;
        /// Lattice points of about 3 bits; read only.
        IQ3_XXS = ggml::IQ3_XXS;
        /// Lattice points of about 3½ bits; read only.
        IQ3_S = ggml::IQ3_S;
        /// Lattice points of about 1½ bits; read only.
        IQ1_S = ggml::IQ1_S;
        /// Lattice points of about 1¾ bits; read only.
        IQ1_M = ggml::IQ1_M;
        /// Sixteen uneven values and a scale for 32 weights.
        IQ4_NL = ggml::IQ4_NL;
        /// Sixteen uneven values; scales of 6 bits for 32 weights.
        IQ4_XS = ggml::IQ4_XS;
        /// Trits, five a byte, and a scale for 256 weights.
        TQ1_0 = ggml::TQ1_0;
        /// Trits, four a byte, and a scale for 256 weights.
        TQ2_0 = ggml::TQ2_0;
        /// Signs and a scale for 128 weights.
        Q1_0 = ggml::Q1_0;
        /// 2 bits and a scale for 64 weights.
        Q2_0 = ggml::Q2_0;
        /// E2M1 and an E8M0 scale for 32 weights, as in GGUF files.
        MXFP4 = ggml::MXFP4;
        /// E2M1 and E4M3 scales for 16 weights, as in GGUF files.
        NVFP4 = ggml::NVFP4;
        /// OCP MXFP8, E4M3: 8 bits and an E8M0 scale for 32 weights.
        MXFP8_E4M3 = mx::MXFP8_E4M3;
        /// OCP MXFP8, E5M2.
        MXFP8_E5M2 = mx::MXFP8_E5M2;
        /// OCP MXFP6, E2M3: 6 bits, densely packed, and an E8M0 scale for 32 weights.
        MXFP6_E2M3 = mx::MXFP6_E2M3;
        /// OCP MXFP6, E3M2.
        MXFP6_E3M2 = mx::MXFP6_E3M2;
        /// OCP MXFP4 with neighbours in a byte, the first in the low nibble: as PyTorch has it.
        MXFP4_E2M1 = mx::MXFP4_E2M1;
        /// OCP MXINT8: 8 bits and an E8M0 scale for 32 weights.
        MXINT8 = mx::MXINT8;
        /// The sixteen values of NF4 and an f32 scale for 64 weights, as in bitsandbytes.
        NF4 = NF4;
        /// The sixteen values of bitsandbytes' FP4 and an f32 scale for 64 weights.
        FP4 = FP4;
    }
}
pub use names::BlockType;

impl BlockType {
    /// Returns the name, in lower case.
    pub const fn name(self) -> &'static str {
        self.layout().name
    }

    /// Returns the bits that a weight takes, scales included.
    pub fn bits_per_weight(self) -> f64 {
        8.0 * self.block_bytes() as f64 / self.block_len() as f64
    }

    /// Returns the number of the type in GGUF files; `None` if they do not have it.
    pub const fn ggml_type(self) -> Option<u32> {
        self.layout().id
    }

    /// Returns the type with a number in GGUF files.
    pub fn of_ggml_type(id: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|block| block.ggml_type() == Some(id))
    }

    /// Returns whether blocks of the type can be written here: not the lattice formats IQ1, IQ2 and IQ3.
    pub const fn can_quantize(self) -> bool {
        self.layout().quantize.is_some()
    }
}

/// Of a type that is only read, [`quantize_row`](BlockFormat::quantize_row) writes zeros; [`quantize_blocks`](super::quantize_blocks)
/// refuses it.
impl BlockFormat for BlockType {
    fn block_len(&self) -> usize {
        self.layout().len
    }

    fn block_bytes(&self) -> usize {
        self.layout().bytes
    }

    fn quantize_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        match self.layout().quantize {
            Some(quantize) => quantize(x, importance, out),
            None => out.fill(0),
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        (self.layout().dequantize)(bytes, out);
    }

    fn best_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        match self.layout().best {
            Some(best) => best(x, importance, out),
            None => self.quantize_row(x, importance, out),
        }
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for BlockType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|block| block.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Error::UnknownName {
            what: "block format",
            name: text.into(),
            expected: Self::ALL.iter().map(|block| block.name()).collect(),
        })
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(BlockType);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn names_and_numbers_are_read_back_and_stand_for_one_type() {
        for &block in BlockType::ALL {
            assert_eq!(block.to_string().to_uppercase().parse::<BlockType>().unwrap(), block);
            assert!(block.ggml_type().is_none_or(|id| BlockType::of_ggml_type(id) == Some(block)));
        }
        assert!("q4_2".parse::<BlockType>().unwrap_err().to_string().contains("iq4_nl"));
    }

    /// No input panics, and every byte is written.
    #[test]
    fn odd_rows_give_blocks_that_restore_to_something() {
        let odd = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-45, 1e-39, -3.0, f32::MAX, 1e30];
        for &block in BlockType::ALL {
            for k in 0..odd.len() {
                let x: vec::Vec<f32> = (0..2 * block.block_len())
                    .map(|i| if i % 3 == 0 { odd[k] } else { odd[(i * k) % odd.len()] })
                    .collect();
                let (mut a, mut b) = (vec![0x55; 2 * block.block_bytes()], vec![0xaa; 2 * block.block_bytes()]);
                let mut restored = vec![0.0; x.len()];
                for importance in [None, Some(&x[..])] {
                    block.quantize_row(&x, importance, &mut a);
                    block.quantize_row(&x, importance, &mut b);
                    assert_eq!(a, b, "{block} {k}");
                    block.dequantize_row(&a, &mut restored);
                }
            }
            let mut restored = vec![0.0; 2 * block.block_len()];
            for byte in [0, 0x55, 0x7f, 0x80, 0xff] {
                block.dequantize_row(&vec![byte; 2 * block.block_bytes()], &mut restored);
            }
        }
    }
}
