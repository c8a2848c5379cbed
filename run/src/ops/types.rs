//! Elements of another type.

use crate::call::Call;
use crate::tensor::{Data, Reason, Tensor};
use tensor_quant::graph::{Attributes, ElementType};

/// Codes are held as reals: what only changes between the two gives its input, and the executor puts the result on the
/// grid of the output's codes.
pub(super) fn same(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    Ok(vec![call.input(0)?.clone()])
}

/// Reals lose their fraction, and go to the nearest end of an integer type that they are beyond.
pub(super) fn cast(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let to = call.output_type(0)?;
    let data = if let Data::F32(x) = x.data() { of_reals(x, to)? } else { of_integers(x.integers()?, to)? };
    Ok(vec![Tensor::new(x.shape().to_vec(), data)?])
}

fn of_reals(x: &[f32], to: ElementType) -> Result<Data, Reason> {
    Ok(match to {
        ElementType::I64 => Data::I64(x.iter().map(|&x| x as i64).collect()),
        ElementType::I32 | ElementType::U32 => Data::I32(x.iter().map(|&x| x as i32).collect()),
        ElementType::I16 => Data::I16(x.iter().map(|&x| x as i16).collect()),
        ElementType::I8 => Data::I8(x.iter().map(|&x| x as i8).collect()),
        ElementType::U8 => Data::U8(x.iter().map(|&x| x as u8).collect()),
        ElementType::Bool => Data::Bool(x.iter().map(|&x| x != 0.0).collect()),
        ElementType::F16 => Data::F32(x.iter().map(|&x| half::f16::from_f32(x).to_f32()).collect()),
        to if to.is_float() => Data::F32(x.to_vec()),
        to => return Err(format!("f32 to {to}")),
    })
}

fn of_integers(x: Vec<i64>, to: ElementType) -> Result<Data, Reason> {
    Ok(match to {
        ElementType::I64 => Data::I64(x),
        ElementType::I32 | ElementType::U32 => Data::I32(x.iter().map(|&x| x as i32).collect()),
        ElementType::I16 => Data::I16(x.iter().map(|&x| x as i16).collect()),
        ElementType::I8 => Data::I8(x.iter().map(|&x| x as i8).collect()),
        ElementType::U8 => Data::U8(x.iter().map(|&x| x as u8).collect()),
        ElementType::Bool => Data::Bool(x.iter().map(|&x| x != 0).collect()),
        to if to.is_float() => Data::F32(x.iter().map(|&x| x as f32).collect()),
        to => return Err(format!("integers to {to}")),
    })
}

/// The range is moved so that 0 is a code, as in training.
pub(super) fn fake_quant(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::FakeQuant { min, max, bits, narrow } = call.attributes() else { return Err(call.unlike()) };
    if !(2..=16).contains(&bits) || !min.is_finite() || !max.is_finite() || min >= max {
        return Err(format!("{bits} bits from {min} to {max}"));
    }
    let (low, high) = (f32::from(u8::from(narrow)), ((1_u32 << bits) - 1) as f32);
    let scale = (max - min) / (high - low);
    let zero_point = (low - min / scale).round().clamp(low, high);
    let (nudged_min, nudged_max) = ((low - zero_point) * scale, (high - zero_point) * scale);
    let x = call.input(0)?;
    let grid = |&x: &f32| ((x.clamp(nudged_min, nudged_max) - nudged_min) / scale).round() * scale + nudged_min;
    Ok(vec![Tensor::of(x.shape().to_vec(), x.elements::<f32>()?.iter().map(grid).collect())?])
}
