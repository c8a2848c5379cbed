//! Conversions between f32 and the small formats.

use super::formats::Format;
use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::kernel::{self, Mapping};
use tensor_quant::num::{Code, I1, I2, I4, TowardZero, U1, U2, U4};
use tensor_quant::params::{AffineParams, CodeRange};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    let name = case.text("format")?;
    match case.op.as_str() {
        "decode" => {
            let format = Format::named(name)?;
            let values = case.integers("code")?.into_iter().map(|code| (format.to_f32)(code as u64));
            Some(Outputs::default().with_codes("f32_bits", Values::U32(values.map(f32::to_bits).collect()), |bits| {
                f32::from_bits(bits as u32).is_nan()
            }))
        }
        "encode" => {
            let format = Format::named(name)?;
            let inputs: Vec<f32> = case.integers("f32_bits")?.into_iter().map(|b| f32::from_bits(b as u32)).collect();
            let codes = inputs.iter().map(|&x| (format.from_f32)(x)).collect();
            let nan = Values::U8(inputs.iter().map(|x| u8::from(x.is_nan())).collect());
            Some(coded("code", format, codes).with("input_is_nan", nan))
        }
        "encode_f64" => {
            let format = Format::named(name)?;
            let once = case.text("path")?.starts_with("direct");
            let code = |&x: &f64| if once { (format.from_f64)(x) } else { (format.from_f32)(x as f32) };
            Some(coded("code", format, case.f64s("x")?.iter().map(code).collect()))
        }
        "int_cast_truncate" => {
            let x = case.f32s("x")?;
            let value = match name {
                "int1" => truncated::<I1>(x),
                "int2" => truncated::<I2>(x),
                "int4" => truncated::<I4>(x),
                "uint1" => truncated::<U1>(x),
                "uint2" => truncated::<U2>(x),
                "uint4" => truncated::<U4>(x),
                _ => return None,
            };
            Some(match case.expected.get("value")?.type_name() {
                "u8" => Outputs::default().with("value", Values::U8(value.into_iter().map(|v| v as u8).collect())),
                _ => Outputs::default().with("value", Values::I8(value.into_iter().map(|v| v as i8).collect())),
            })
        }
        "int_code" => {
            let values = case.integers("value")?;
            let bits = |v: i64| match name {
                "int1" => Some(I1::new(v as i8)?.to_bits()),
                "int2" => Some(I2::new(v as i8)?.to_bits()),
                "int4" => Some(I4::new(v as i8)?.to_bits()),
                "uint1" => Some(U1::new(v as u8)?.to_bits()),
                "uint2" => Some(U2::new(v as u8)?.to_bits()),
                "uint4" => Some(U4::new(v as u8)?.to_bits()),
                _ => None,
            };
            let codes: Vec<u8> = values.iter().map(|&v| bits(v)).collect::<Option<_>>()?;
            // The reference keeps an unpacked value as the same bits, with zeros above.
            Some(
                Outputs::default()
                    .with("byte_in_memory_unpacked", Values::U8(codes.clone()))
                    .with("code", Values::U8(codes)),
            )
        }
        _ => None,
    }
}

/// Codes in the type that their format is stored in.
pub(crate) fn coded(name: &str, format: Format, codes: Vec<u64>) -> Outputs {
    let values = match format.bits {
        16 => Values::U16(codes.into_iter().map(|c| c as u16).collect()),
        _ => Values::U8(codes.into_iter().map(|c| c as u8).collect()),
    };
    Outputs::default().with_codes(name, values, format.is_nan)
}

/// A cast: rounded towards zero, saturating.
fn truncated<C: Code>(x: &[f32]) -> Vec<f64> {
    let mapping = AffineParams::new(1.0, 0).map(|params| Mapping::new(params, CodeRange::of::<C>()));
    let mut codes = vec![C::default(); x.len()];
    if let Ok(mapping) = mapping {
        kernel::quantize(kernel::detect(), x, &mapping, TowardZero, &mut codes, 0);
    }
    codes.into_iter().map(Code::to_f64).collect()
}
