//! From the names of types in cases to types of this crate, and back to arrays.

use crate::case::{Array, Case, Values};
use crate::compare::Outputs;
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use tensor_quant::QuantizedTensor;
use tensor_quant::num::{Code, CodeKind};
use tensor_quant::params::{CodeRange, Granularity, QuantParams};

/// Runs `$body`, an `Option`, with the alias `$C` for the code type of that name; `None` for an unknown name.
macro_rules! with_code {
    ($name:expr, $C:ident => $body:expr) => {{
        use tensor_quant::num;
        macro_rules! run {
            ($type:ty) => {{
                type $C = $type;
                $body
            }};
        }
        match $name.trim_start_matches('q').replace("_", "").as_str() {
            "int8" | "i8" => run!(i8),
            "uint8" | "u8" => run!(u8),
            "int16" | "i16" => run!(i16),
            "uint16" | "u16" => run!(u16),
            "int32" | "i32" => run!(i32),
            "int4" => run!(num::I4),
            "uint4" => run!(num::U4),
            "int2" => run!(num::I2),
            "uint2" => run!(num::U2),
            "float8e4m3fn" => run!(num::F8E4M3Fn),
            "float8e4m3fnuz" => run!(num::F8E4M3Fnuz),
            "float8e5m2" => run!(num::F8E5M2),
            "float8e5m2fnuz" => run!(num::F8E5M2Fnuz),
            "float4e2m1" | "float4e2m1fn" => run!(num::F4E2M1Fn),
            _ => None,
        }
    }};
}
pub(crate) use with_code;

/// Returns the bits of a code of at most 16 bits.
pub(crate) fn bits_of<C: Code>(code: C) -> u64 {
    let mut bytes = Vec::new();
    C::write_packed(&[code], &mut bytes);
    bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}

/// Returns the code with these bits, or, of an integer type, with this value.
pub(crate) fn code_of<C: Code>(value: i64) -> C {
    match C::KIND {
        CodeKind::Integer => C::nearest(value as f64),
        CodeKind::Float => {
            let mut codes = [C::default()];
            let bytes = value.to_le_bytes();
            let read = C::read_packed(&bytes[..C::packed_len(1)], &mut codes);
            read.map(|()| codes[0]).unwrap_or_default()
        }
    }
}

/// Adds codes under a name, in the type that the case expects, all NaN codes being equal.
pub(crate) fn with_codes<C: Code>(outputs: Outputs, case: &Case, name: &str, codes: &[C]) -> Option<Outputs> {
    let number = |code: &C| match C::KIND {
        CodeKind::Integer => code.to_f64() as i64,
        CodeKind::Float => bits_of(*code) as i64,
    };
    let numbers = codes.iter().map(number);
    let values = match case.expected.get(name)?.type_name() {
        "i8" => Values::I8(numbers.map(|v| v as i8).collect()),
        "u8" => Values::U8(numbers.map(|v| v as u8).collect()),
        "i16" => Values::I16(numbers.map(|v| v as i16).collect()),
        "u16" => Values::U16(numbers.map(|v| v as u16).collect()),
        "i32" => Values::I32(numbers.map(|v| v as i32).collect()),
        _ => return None,
    };
    Some(match C::KIND {
        CodeKind::Integer => outputs.with(name, values),
        CodeKind::Float => outputs.with_codes(name, values, |bits| code_of::<C>(bits as i64).to_f64().is_nan()),
    })
}

/// Adds zero points, in the type that the case expects.
pub(crate) fn with_integers(outputs: Outputs, case: &Case, name: &str, numbers: &[i32]) -> Option<Outputs> {
    Some(match case.expected.get(name)?.type_name() {
        "u8" => outputs.with(name, Values::U8(numbers.iter().map(|&v| v as u8).collect())),
        "i32" => outputs.with(name, Values::I32(numbers.to_vec())),
        _ => return None,
    })
}

/// Returns an f32 input as a tensor.
pub(crate) fn tensor(case: &Case, name: &str) -> Option<ArrayD<f32>> {
    ArrayD::from_shape_vec(IxDyn(case.shape(name)?), case.f32s(name)?.to_vec()).ok()
}

pub(crate) fn view<'a>(case: &'a Case, name: &str) -> Option<ArrayViewD<'a, f32>> {
    ArrayViewD::from_shape(IxDyn(case.shape(name)?), case.f32s(name)?).ok()
}

/// Returns an input as codes.
pub(crate) fn codes<C: Code>(array: &Array) -> Option<ArrayD<C>> {
    let codes = array.integers().into_iter().map(code_of::<C>).collect();
    ArrayD::from_shape_vec(IxDyn(&array.shape), codes).ok()
}

/// Returns the axis that a case names, counted from the end if it is negative.
pub(crate) fn axis(case: &Case, ndim: usize) -> Option<usize> {
    let axis = case.integer("axis")?;
    usize::try_from(if axis < 0 { axis + ndim as i64 } else { axis }).ok()
}

/// Returns parameters, with a zero point of 0 where a case has none.
pub(crate) fn params(
    granularity: Granularity,
    codes: CodeRange,
    scales: Vec<f32>,
    zero_points: Option<Vec<i64>>,
) -> Option<QuantParams> {
    let zero_points = match zero_points {
        Some(zero_points) if codes.is_integer() => zero_points.into_iter().map(|z| z as i32).collect(),
        _ => vec![0; scales.len()],
    };
    QuantParams::new(granularity, codes, scales, zero_points).ok()
}

/// Returns the restored values of codes.
pub(crate) fn restored<C: Code>(codes: ArrayD<C>, params: QuantParams) -> Option<Vec<f32>> {
    Some(QuantizedTensor::new(codes, params).ok()?.dequantize().into_raw_vec_and_offset().0)
}

/// Returns the codes from `qmin` to `qmax` of a type.
pub(crate) fn code_range<C: Code>(case: &Case) -> Option<CodeRange> {
    let bound = |name| Some(C::nearest(case.integer(name)? as f64));
    CodeRange::new(bound("qmin")?, bound("qmax")?).ok()
}
