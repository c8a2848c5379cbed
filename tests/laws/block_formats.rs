//! Every block format that can be written keeps the laws, or says which it does not.

use tensor_quant::block::{BlockFormat, BlockType, Codebook, CodebookBlocks, Mx, MxElement, ScaleRule};
use tensor_quant::laws::{Terms, block_format, check_block_format};

#[test]
fn built_in_formats() {
    for format in BlockType::ALL.iter().filter(|format| format.can_quantize()) {
        let terms = Terms::default().with_cases(12);
        let name = format.name();
        let terms = match format {
            BlockType::NVFP4 => terms.without(block_format::POWERS_OF_TWO, "its scales are subnormal below 2⁻⁶"),
            _ if name.ends_with("_k") || name.starts_with("iq4") => {
                terms.without(block_format::IDEMPOTENT, "ggml's search tries other scales the second time")
            }
            _ => terms,
        };
        if let Err(broken) = terms.check_block_format(format) {
            panic!("{broken}");
        }
    }
}

#[test]
fn rules_of_the_scale_and_own_codebooks() {
    for rule in ScaleRule::ALL {
        let format = Mx { element: MxElement::E2M3, rule };
        if let Err(broken) = Terms::default().with_cases(12).check_block_format(&format) {
            panic!("{broken}");
        }
    }
    let codebook = Codebook::new(&[-1.0, -0.4, 0.0, 0.3, 1.0]).unwrap();
    if let Err(broken) = check_block_format(&CodebookBlocks { codebook, len: 24 }) {
        panic!("{broken}");
    }
}

/// Forgets its last byte, and loses the sign.
#[derive(Debug)]
struct Careless;

impl BlockFormat for Careless {
    fn block_len(&self) -> usize {
        32
    }

    fn block_bytes(&self) -> usize {
        35
    }

    fn quantize_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        for (x, out) in x.chunks(32).zip(out.chunks_mut(35)) {
            BlockType::Q8_0.quantize_row(x, importance, &mut out[..34]);
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        for (bytes, out) in bytes.chunks(35).zip(out.chunks_mut(32)) {
            BlockType::Q8_0.dequantize_row(&bytes[..34], out);
            out[0] += 1.0;
        }
    }
}

#[test]
fn a_careless_format_is_found_out() {
    for law in [block_format::EVERY_BYTE, block_format::ZEROS, block_format::POWERS_OF_TWO] {
        let broken = Terms::default().with_cases(8).only(law).check_block_format(&Careless).unwrap_err();
        assert!(broken.to_string().contains(law.name), "{broken}");
    }
}
