//! Constants of a file as tensors: floats as f32, codes with scales as the reals that they stand for.

use crate::codes::parameters;
use crate::tensor::{Data, Reason, Tensor, elements_of};
use half::{bf16, f16};
use tensor_quant::graph::{ElementType, Quantization, Value};

/// Returns a constant as a tensor.
pub(crate) fn constant(value: &Value, bytes: &[u8]) -> Result<Tensor, Reason> {
    let shape = value.known_shape().ok_or("a constant of unknown shape")?;
    let count = elements_of(&shape)?;
    let mut data = match value.element_type {
        ElementType::F32 => Data::F32(words(bytes, f32::from_le_bytes)),
        ElementType::F16 => Data::F32(words(bytes, |word| f16::from_le_bytes(word).to_f32())),
        ElementType::BF16 => Data::F32(words(bytes, |word| bf16::from_le_bytes(word).to_f32())),
        ElementType::F64 => Data::F32(words(bytes, |word| f64::from_le_bytes(word) as f32)),
        ElementType::I64 => Data::I64(words(bytes, i64::from_le_bytes)),
        ElementType::I32 | ElementType::U32 => Data::I32(words(bytes, i32::from_le_bytes)),
        ElementType::I16 => Data::I16(words(bytes, i16::from_le_bytes)),
        ElementType::I8 => Data::I8(words(bytes, i8::from_le_bytes)),
        ElementType::U8 => Data::U8(bytes.to_vec()),
        ElementType::Bool => Data::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
        ElementType::I4 => Data::I8(packed::<4>(bytes, count)),
        ElementType::I2 => Data::I8(packed::<2>(bytes, count)),
        other => return Err(format!("constants of type {other} are not read")),
    };
    if let Some(quantization) = parameters(value) {
        let codes = Tensor::new(shape.clone(), data)?;
        data = Data::F32(reals(&codes.integers()?, &shape, quantization)?);
    }
    Tensor::new(shape, data)
}

fn words<const N: usize, T>(bytes: &[u8], word: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|&bytes| word(bytes)).collect()
}

/// Signed integers of so many bits, the first in the lowest.
fn packed<const BITS: usize>(bytes: &[u8], count: usize) -> Vec<i8> {
    let of_byte = |&byte: &u8| (0..8 / BITS).map(move |i| ((byte << (8 - BITS * (i + 1))) as i8) >> (8 - BITS));
    bytes.iter().flat_map(of_byte).take(count).collect()
}

fn reals(codes: &[i64], shape: &[usize], quantization: &Quantization) -> Result<Vec<f32>, Reason> {
    let Quantization { scales, zero_points, axis, .. } = quantization;
    let real = |code: i64, group: usize| code.saturating_sub(zero_points[group]) as f32 * scales[group];
    if scales.len() == 1 {
        return Ok(codes.iter().map(|&code| real(code, 0)).collect());
    }
    if shape.get(*axis) != Some(&scales.len()) {
        return Err(format!("{} scales along axis {axis} of {shape:?}", scales.len()));
    }
    let inner: usize = shape[axis + 1..].iter().product::<usize>().max(1);
    Ok(codes.iter().enumerate().map(|(i, &code)| real(code, i / inner % scales.len())).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn four_bit_codes_lie_low_half_first() {
        let mut value = Value::new("", ElementType::I4);
        value.shape = Some(vec![Some(3)]);
        assert_eq!(constant(&value, &[0xf7, 0x08]).unwrap().integers().unwrap(), [7, -1, -8]);
        value.quantization =
            Some(Quantization { scales: vec![1.0, 2.0, 4.0], zero_points: vec![0; 3], axis: 0, has_details: false });
        assert_eq!(constant(&value, &[0xf7, 0x08]).unwrap().elements::<f32>().unwrap(), [7.0, -2.0, -32.0]);
    }

    #[test]
    fn data_that_do_not_fit_their_shape_are_refused() {
        let mut value = Value::new("", ElementType::F32);
        value.shape = Some(vec![Some(2)]);
        assert!(constant(&value, &[0; 4]).is_err() && constant(&value, &[0; 12]).is_err());
        value.shape = Some(vec![Some(usize::MAX), Some(2)]);
        assert!(constant(&value, &[0; 8]).is_err());
        value.shape = Some(vec![None]);
        assert!(constant(&value, &[0; 4]).is_err());
    }
}
