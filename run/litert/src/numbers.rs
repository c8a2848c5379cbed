//! Numbers as the runtime holds them, and as runners give them.

use half::f16;
use ndarray::{ArrayD, IxDyn};
use tensor_quant::calibration::Array;
use tensor_quant::graph::ElementType;

/// Returns an array's bytes for a tensor of a type; reals become codes where the tensor has them.
pub(crate) fn bytes(
    array: &Array,
    element_type: ElementType,
    quantization: Option<(f32, i64)>,
) -> Result<Vec<u8>, String> {
    if array.element_type() == element_type {
        return Ok(match array {
            Array::F32(a) => a.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Array::I64(a) => a.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Array::I32(a) => a.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Array::I16(a) => a.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Array::I8(a) => a.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Array::U8(a) => a.iter().copied().collect(),
            Array::Bool(a) => a.iter().map(|&x| u8::from(x)).collect(),
            other => return Err(format!("elements of {}", other.element_type())),
        });
    }
    let Array::F32(reals) = array else {
        return Err(format!("elements of {}, where {element_type} are due", array.element_type()));
    };
    if element_type == ElementType::F16 {
        return Ok(reals.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect());
    }
    let Some((scale, zero_point)) = quantization else {
        return Err(format!("elements of f32, where {element_type} are due"));
    };
    let code = |x: f32, min: f32, max: f32| ((x / scale).round_ties_even() + zero_point as f32).clamp(min, max);
    Ok(match element_type {
        ElementType::I8 => reals.iter().flat_map(|&x| (code(x, -128.0, 127.0) as i8).to_le_bytes()).collect(),
        ElementType::U8 => reals.iter().map(|&x| code(x, 0.0, 255.0) as u8).collect(),
        ElementType::I16 => reals.iter().flat_map(|&x| (code(x, -32768.0, 32767.0) as i16).to_le_bytes()).collect(),
        other => return Err(format!("elements of f32, where {other} are due")),
    })
}

macro_rules! numbers {
    ($bytes:expr, $t:ty) => {
        $bytes.chunks_exact(size_of::<$t>()).map(|bytes| {
            let mut own = [0; size_of::<$t>()];
            own.copy_from_slice(bytes);
            <$t>::from_le_bytes(own)
        })
    };
}

/// Returns a tensor's bytes as an array.
pub(crate) fn array(bytes: &[u8], element_type: ElementType, shape: &[usize]) -> Result<Array, String> {
    Ok(match element_type {
        ElementType::F32 => Array::F32(shaped(shape, numbers!(bytes, f32).collect())?),
        ElementType::F16 => Array::F32(shaped(shape, numbers!(bytes, f16).map(f32::from).collect())?),
        ElementType::I64 => Array::I64(shaped(shape, numbers!(bytes, i64).collect())?),
        ElementType::I32 => Array::I32(shaped(shape, numbers!(bytes, i32).collect())?),
        ElementType::I16 => Array::I16(shaped(shape, numbers!(bytes, i16).collect())?),
        ElementType::I8 => Array::I8(shaped(shape, numbers!(bytes, i8).collect())?),
        ElementType::U8 => Array::U8(shaped(shape, bytes.to_vec())?),
        ElementType::Bool => Array::Bool(shaped(shape, bytes.iter().map(|&x| x != 0).collect())?),
        other => return Err(format!("outputs of {other} are not read")),
    })
}

/// Returns an array as the reals that it stands for.
pub(crate) fn reals(array: &Array, quantization: Option<(f32, i64)>) -> ArrayD<f32> {
    match (array, quantization) {
        (Array::F32(_), _) | (_, None) => array.to_f32(),
        (_, Some((scale, zero_point))) => array.to_f32().mapv(|code| (code - zero_point as f32) * scale),
    }
}

fn shaped<T>(shape: &[usize], elements: Vec<T>) -> Result<ArrayD<T>, String> {
    let len = elements.len();
    ArrayD::from_shape_vec(IxDyn(shape), elements).map_err(|_| format!("{len} elements are not those of {shape:?}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn reals_become_codes_and_are_restored() {
        let reals_of = arr1(&[-1.0_f32, 0.05, 0.15, 100.0]).into_dyn();
        let codes = bytes(&reals_of.clone().into(), ElementType::I8, Some((0.1, 3))).unwrap();
        assert_eq!(codes, [-7_i8 as u8, 3, 5, 127]);
        let array = array(&codes, ElementType::I8, &[4]).unwrap();
        let restored = reals(&array, Some((0.1, 3)));
        assert!((restored[0] + 1.0).abs() < 1e-6 && (restored[3] - 12.4).abs() < 1e-5);
        assert!(bytes(&reals_of.into(), ElementType::I32, None).unwrap_err().contains("i32"));
    }

    #[test]
    fn bytes_of_another_number_are_refused() {
        assert!(array(&[0; 8], ElementType::F32, &[3]).unwrap_err().contains("2 elements"));
        let half = array(&[0, 0x3c], ElementType::F16, &[1]).unwrap();
        assert_eq!(half, Array::F32(arr1(&[1.0]).into_dyn()));
    }
}
