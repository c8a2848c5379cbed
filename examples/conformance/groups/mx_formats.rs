//! Microscaling blocks, NVFP4, and conversions of single values that saturate.

use super::dtypes::coded;
use super::formats::Format;
use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::block::{Mx, MxElement, Nvfp4};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "mx_quantize" => return mx(case),
        "nvfp4_quantize" => return nvfp4(case),
        _ => {}
    }
    let format = Format::named(case.text("format")?)?;
    let convert = match (case.op.as_str(), case.text("overflow")) {
        ("encode_saturating", _) => format.from_f32_saturating,
        ("cast_f32_to_fp8_torch", Some(overflow)) if overflow.starts_with("saturates") => format.from_f32_saturating,
        ("cast_f32_to_fp8_torch", Some(_)) => format.from_f32,
        _ => return None,
    };
    Some(coded("code", format, case.f32s("x")?.iter().map(|&x| convert(x)).collect()))
}

/// Returns codes of four bits two a byte, the first in the low nibble.
fn paired(codes: &[u8]) -> Vec<u8> {
    codes.chunks(2).map(|pair| pair[0] | pair.get(1).map_or(0, |code| code << 4)).collect()
}

fn mx(case: &Case) -> Option<Outputs> {
    let element = match case.text("element")? {
        "float8_e4m3fn" => MxElement::E4M3,
        "float8_e5m2" => MxElement::E5M2,
        "float6_e2m3fn" => MxElement::E2M3,
        "float6_e3m2fn" => MxElement::E3M2,
        "float4_e2m1fn" => MxElement::E2M1,
        "int8" => MxElement::Int8,
        _ => return None,
    };
    let format = Mx { element, rule: case.text("scale_rule")?.parse().ok()? };
    let (mut scales, mut codes, mut reals) = (Vec::new(), Vec::new(), Vec::new());
    let (blocks, []) = case.f32s("x")?.as_chunks() else { return None };
    for x in blocks {
        let (scale, own) = format.scale_and_codes(x, None);
        scales.push(scale);
        codes.extend(own);
        reals.extend(format.restore(scale, &own));
    }
    let codes = if element.bits() == 4 { paired(&codes) } else { codes };
    let outputs = Outputs::default().with("scale_e8m0", Values::U8(scales)).with("codes", Values::U8(codes));
    Some(outputs.with("dequantized", Values::F32(reals)))
}

fn nvfp4(case: &Case) -> Option<Outputs> {
    let format = Nvfp4 { tensor_scale: case.f32s("tensor_scale").and_then(|t| t.first().copied()) };
    let (scales, codes) = format.scales_and_codes(case.f32s("x")?);
    Some(Outputs::default().with("scale_e4m3", Values::U8(scales)).with("codes", Values::U8(paired(&codes))))
}
