//! The values of a constant tensor, as reals.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::constant::Constant;
use super::element_type::ElementType;
use super::model::Model;
use super::tree::Data;
use crate::error::{Error, Result};
use crate::graph::Quantization;
use crate::model::error::ModelError;
use crate::num::{Code, I2, I4, Real, bf16, f16};
use crate::params::{CodeRange, Granularity, QuantParams};
use crate::tensor::QuantizedTensor;
use ndarray::{ArrayD, IxDyn};

/// Bytes that are converted at once: a multiple of every element's size.
const CHUNK: usize = 1 << 18;

impl Model {
    /// Returns the values of a constant: those of floating-point numbers as they are, in f32, those of codes restored with
    /// the tensor's scales and zero points.
    ///
    /// f64 is rounded once.
    ///
    /// # Errors
    ///
    /// [`Error::Tensor`] with the name around [`ModelError::Unreadable`] if the type is another, the tensor is sparse,
    /// quantized in blocks or in another file, or its data do not fit its shape; [`Error::Io`].
    pub fn values(&self, constant: &Constant) -> Result<ArrayD<f32>> {
        let unreadable = |reason: String| Error::from(ModelError::Unreadable { reason }).of_tensor(&constant.name);
        if constant.is_sparse {
            return Err(unreadable("its values are stored in a sparse format".into()));
        }
        if constant.is_elsewhere {
            return Err(unreadable("its values stand in another file".into()));
        }
        if !constant.is_whole() {
            let (bytes, shape, element_type) = (constant.size_in_bytes, &constant.shape, constant.element_type);
            return Err(unreadable(format!("its {bytes} bytes are not those of a tensor {shape:?} of {element_type}")));
        }
        let count = constant.shape.iter().product();
        let values = match (constant.element_type, &constant.quantization) {
            (ElementType::F32, _) => self.floats(constant.buffer, count, f32::from_le_bytes)?,
            (ElementType::F16, _) => {
                self.floats(constant.buffer, count, |bytes| Real::to_f32(f16::from_le_bytes(bytes)))?
            }
            (ElementType::Other(10), _) => self.floats(constant.buffer, count, |b| f64::from_le_bytes(b).to_f32())?,
            (ElementType::Other(18), _) => {
                self.floats(constant.buffer, count, |bytes| Real::to_f32(bf16::from_le_bytes(bytes)))?
            }
            (element_type, Some(quantization)) if !quantization.has_details => {
                let bytes = self.bytes(constant.buffer)?;
                let shape = &constant.shape;
                let restored = match element_type {
                    ElementType::I8 => restore::<i8>(&bytes, shape, quantization),
                    ElementType::U8 => restore::<u8>(&bytes, shape, quantization),
                    ElementType::I16 => restore::<i16>(&bytes, shape, quantization),
                    ElementType::I32 => restore::<i32>(&bytes, shape, quantization),
                    ElementType::I4 => restore::<I4>(&bytes, shape, quantization),
                    ElementType::I2 => restore::<I2>(&bytes, shape, quantization),
                    other => return Err(unreadable(format!("elements of type {other} cannot be restored"))),
                };
                return restored.map_err(|e| e.of_tensor(&constant.name));
            }
            (other, Some(_)) => return Err(unreadable(format!("its {other} codes have scales of their own kind"))),
            (other, None) => return Err(unreadable(format!("{other} is not a floating-point type"))),
        };
        ArrayD::from_shape_vec(IxDyn(&constant.shape), values).map_err(|e| unreadable(e.to_string()))
    }

    /// Returns the values of a constant in f64: those of f64 as they are, all others as [`values`](Self::values).
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn wide_values(&self, constant: &Constant) -> Result<ArrayD<f64>> {
        let rounded = self.values(constant)?;
        if constant.element_type != ElementType::Other(10) {
            return Ok(rounded.mapv(f64::from));
        }
        let values = self.floats(constant.buffer, rounded.len(), f64::from_le_bytes)?;
        let array = ArrayD::from_shape_vec(rounded.raw_dim(), values);
        array.map_err(|e| Error::from(ModelError::Unreadable { reason: e.to_string() }).of_tensor(&constant.name))
    }

    fn floats<T, const N: usize>(&self, buffer: usize, count: usize, convert: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(count);
        let mut convert = |bytes: &[u8]| values.extend(bytes.as_chunks().0.iter().map(|&bytes| convert(bytes)));
        match self.data_of(buffer) {
            Some(Data::Held(bytes)) => convert(bytes),
            Some(&Data::File { start, len }) => {
                let mut chunk = vec![0; CHUNK.min(len as usize)];
                for at in (0..len).step_by(CHUNK) {
                    chunk.truncate(len.saturating_sub(at).min(CHUNK as u64) as usize);
                    self.source.read_into(start.saturating_add(at), &mut chunk)?;
                    convert(&chunk);
                }
            }
            None => {}
        }
        Ok(values)
    }
}

fn restore<C: Code>(bytes: &[u8], shape: &[usize], quantization: &Quantization) -> Result<ArrayD<f32>> {
    let mut codes = vec![C::default(); shape.iter().product()];
    C::read_packed(bytes, &mut codes)?;
    let granularity =
        if quantization.scales.len() == 1 { Granularity::Tensor } else { Granularity::Axis(quantization.axis) };
    let zero_points = quantization.zero_points.iter().map(|&z| i32::try_from(z).unwrap_or(i32::MAX)).collect();
    let params = QuantParams::new(granularity, CodeRange::of::<C>(), quantization.scales.clone(), zero_points)?;
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes);
    let codes = codes.map_err(|e| ModelError::Unreadable { reason: e.to_string() })?;
    Ok(QuantizedTensor::new(codes, params)?.dequantize())
}
