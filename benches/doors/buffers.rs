//! What the doors are given, and where they write.

use crate::SIZES;
use crate::ratio::reals;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Ix2};
use tensor_quant::num::PackOrder;
use tensor_quant::{AnyScheme, I4, PackedTensor, QuantizedTensor, Scheme, bf16, f16, num, quantize_tensor};

/// Columns of a matrix.
pub(crate) const COLUMNS: usize = 1024;

/// Memory for the largest size; a smaller one uses the beginning.
pub(crate) struct Buffers {
    /// Spread evenly.
    pub(crate) x: Vec<f32>,
    /// As weights are: most of them near zero.
    pub(crate) weights: Vec<f32>,
    pub(crate) out: Vec<f32>,
    pub(crate) halves: Vec<f16>,
    pub(crate) brains: Vec<bf16>,
    pub(crate) doubles: Vec<f64>,
    pub(crate) signed: Vec<i8>,
    pub(crate) unsigned: Vec<u8>,
    /// Room for codes of 4 bits in bytes.
    pub(crate) nibbles: Vec<u8>,
    quantized: Vec<Quantized>,
}

/// What was quantized beforehand, of one size.
pub(crate) struct Quantized {
    pub(crate) bytes: QuantizedTensor<i8, Ix2>,
    pub(crate) restored: Array2<f32>,
    pub(crate) nibbles: PackedTensor,
    pub(crate) codes: Vec<I4>,
    /// The same, two in a byte.
    pub(crate) packed: Vec<u8>,
}

impl Buffers {
    pub(crate) fn allocate(len: usize) -> Self {
        let x = reals(len + 1);
        let weights: Vec<f32> = x.windows(2).map(|pair| ((pair[0] + pair[1]) / 4.0).powi(3)).collect();
        let sizes = SIZES.into_iter().map(|(size, _)| size).filter(|size| *size <= len);
        let quantized = sizes.map(|size| Quantized::of(matrix(&x, size))).collect();
        Self {
            halves: x.iter().map(|&x| f16::from_f32(x)).collect(),
            brains: x.iter().map(|&x| bf16::from_f32(x)).collect(),
            doubles: x.iter().map(|&x| f64::from(x) * 1.1).collect(),
            out: vec![0.0; len],
            signed: vec![0; len],
            unsigned: vec![0; len],
            nibbles: vec![0; len / 2],
            quantized,
            weights,
            x,
        }
    }

    pub(crate) fn quantized(&self, n: usize) -> &Quantized {
        let found = self.quantized.iter().find(|quantized| quantized.codes.len() == n);
        found.expect("every size was quantized")
    }
}

impl Quantized {
    fn of(x: ArrayView2<'_, f32>) -> Self {
        let bytes = quantize_tensor(x, &Scheme::<i8>::symmetric()).expect("finite values");
        let scheme: AnyScheme = "int4 per axis 0".parse().expect("a scheme");
        let nibbles = scheme.quantize(x).expect("finite values");
        let codes: Vec<I4> = nibbles.codes::<I4>().expect("of this type").into_iter().collect();
        let packed = num::pack(&codes, PackOrder::Neighbours).expect("any number of codes");
        Self { restored: bytes.dequantize(), bytes, nibbles, codes, packed }
    }
}

pub(crate) fn matrix<T>(x: &[T], n: usize) -> ArrayView2<'_, T> {
    ArrayView2::from_shape((n / COLUMNS, COLUMNS), &x[..n]).expect("whole rows")
}

pub(crate) fn matrix_mut<T>(x: &mut [T], n: usize) -> ArrayViewMut2<'_, T> {
    ArrayViewMut2::from_shape((n / COLUMNS, COLUMNS), &mut x[..n]).expect("whole rows")
}

/// Returns a square matrix as its transpose, which is not in the order of memory. All sizes are squares.
pub(crate) fn transposed<T>(x: &[T], n: usize) -> ArrayView2<'_, T> {
    let side = n.isqrt();
    ArrayView2::from_shape((side, side), &x[..n]).expect("a square").reversed_axes()
}
