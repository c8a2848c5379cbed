//! What a model takes and gives: numbers of one of several types.

use crate::graph::ElementType;
use ndarray::ArrayD;

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Array {
    /// Reals.
    F32(ArrayD<f32>),
    /// 64-bit integers.
    I64(ArrayD<i64>),
    /// 32-bit integers.
    I32(ArrayD<i32>),
    /// 16-bit integers.
    I16(ArrayD<i16>),
    /// 8-bit integers.
    I8(ArrayD<i8>),
    /// Unsigned bytes.
    U8(ArrayD<u8>),
    /// Truths.
    Bool(ArrayD<bool>),
}

impl Array {
    /// Returns the lengths of the dimensions.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(a) => a.shape(),
            Self::I64(a) => a.shape(),
            Self::I32(a) => a.shape(),
            Self::I16(a) => a.shape(),
            Self::I8(a) => a.shape(),
            Self::U8(a) => a.shape(),
            Self::Bool(a) => a.shape(),
        }
    }

    /// Returns the type of the elements.
    pub fn element_type(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::I64(_) => ElementType::I64,
            Self::I32(_) => ElementType::I32,
            Self::I16(_) => ElementType::I16,
            Self::I8(_) => ElementType::I8,
            Self::U8(_) => ElementType::U8,
            Self::Bool(_) => ElementType::Bool,
        }
    }

    /// Returns the elements as reals; truths are 0 and 1, and large integers are rounded.
    pub fn to_f32(&self) -> ArrayD<f32> {
        match self {
            Self::F32(a) => a.clone(),
            Self::I64(a) => reals_of(a, |x| x as f32),
            Self::I32(a) => reals_of(a, |x| x as f32),
            Self::I16(a) => reals_of(a, f32::from),
            Self::I8(a) => reals_of(a, f32::from),
            Self::U8(a) => reals_of(a, f32::from),
            Self::Bool(a) => reals_of(a, |x| f32::from(u8::from(x))),
        }
    }
}

/// Returns the reals of elements, row-major.
fn reals_of<T: Copy>(array: &ArrayD<T>, real: fn(T) -> f32) -> ArrayD<f32> {
    let mut reals = ArrayD::zeros(array.raw_dim());
    for (to, &from) in reals.iter_mut().zip(array) {
        *to = real(from);
    }
    reals
}

impl From<ArrayD<f32>> for Array {
    fn from(array: ArrayD<f32>) -> Self {
        Self::F32(array)
    }
}
