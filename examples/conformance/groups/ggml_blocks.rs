//! The block formats of GGUF files.

use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::block::{BlockFormat, BlockType, iq4_nl_without_search};
use tensor_quant::num::Real;
use tensor_quant::{bf16, f16};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "quantize_block" | "quantize_block_weighted" => quantize(case),
        "dequantize_block" => {
            let bytes: Vec<u8> = case.integers("bytes")?.iter().map(|&byte| byte as u8).collect();
            Some(restored(Outputs::default(), format(case)?, &bytes))
        }
        "row_to_fp16" => row(case, |x| f16::from_f32(x).to_bits(), |bits| Real::to_f32(f16::from_bits(bits))),
        "row_to_bf16" => {
            row(case, |x| <bf16 as Real>::from_f32(x).to_bits(), |bits| Real::to_f32(bf16::from_bits(bits)))
        }
        _ => None,
    }
}

fn format(case: &Case) -> Option<BlockType> {
    let format: BlockType = case.text("format")?.parse().ok()?;
    let sizes = (case.integer("block_size")?, case.integer("block_bytes")?);
    (sizes == (format.block_len() as i64, format.block_bytes() as i64)).then_some(format)
}

fn quantize(case: &Case) -> Option<Outputs> {
    let (format, x) = (format(case)?, case.f32s("x")?);
    let importance = case.f32s("importance");
    let &row_len = case.shape("x")?.last()?;
    let row_bytes = row_len / format.block_len() * format.block_bytes();
    let mut bytes = vec![0; x.len() / row_len * row_bytes];
    for (x, out) in x.chunks(row_len).zip(bytes.chunks_mut(row_bytes)) {
        // The vectors without importance are those of ggml's `_ref` function, not of what files hold.
        if format == BlockType::IQ4_NL && importance.is_none() {
            iq4_nl_without_search(x, out);
        } else {
            format.quantize_row(x, importance, out);
        }
    }
    Some(restored(Outputs::default().with("bytes", Values::U8(bytes.clone())), format, &bytes))
}

fn restored(outputs: Outputs, format: BlockType, bytes: &[u8]) -> Outputs {
    let mut reals = vec![0.0; bytes.len() / format.block_bytes() * format.block_len()];
    format.dequantize_row(bytes, &mut reals);
    outputs.with("dequantized", Values::F32(reals))
}

fn row(case: &Case, code: fn(f32) -> u16, value: fn(u16) -> f32) -> Option<Outputs> {
    let codes: Vec<u16> = case.integers("f32_bits")?.iter().map(|&bits| code(f32::from_bits(bits as u32))).collect();
    let back: Vec<u64> = codes.iter().map(|&code| u64::from(value(code).to_bits())).collect();
    let is_nan = |bits: u64| f32::from_bits(bits as u32).is_nan();
    let is_nan_code: fn(u64) -> bool = match case.op.as_str() {
        "row_to_fp16" => |bits| f16::from_bits(bits as u16).is_nan(),
        _ => |bits| bf16::from_bits(bits as u16).is_nan(),
    };
    Some(Outputs::default().with_codes("code", Values::U16(codes), is_nan_code).with_codes(
        "back_f32_bits",
        Values::U32(back.iter().map(|&bits| bits as u32).collect()),
        is_nan,
    ))
}
