//! Conversions of single values, saturating.

use super::dtypes::coded;
use super::formats::Format;
use crate::case::Case;
use crate::compare::Outputs;

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    let format = Format::named(case.text("format")?)?;
    let convert = match (case.op.as_str(), case.text("overflow")) {
        ("encode_saturating", _) => format.from_f32_saturating,
        ("cast_f32_to_fp8_torch", Some(overflow)) if overflow.starts_with("saturates") => format.from_f32_saturating,
        ("cast_f32_to_fp8_torch", Some(_)) => format.from_f32,
        _ => return None,
    };
    Some(coded("code", format, case.f32s("x")?.iter().map(|&x| convert(x)).collect()))
}
