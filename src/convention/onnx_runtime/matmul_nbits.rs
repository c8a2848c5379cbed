//! Weights as the operator `MatMulNBits` stores them: blocks along K, a scale each, codes of 2, 4 or 8 bits.

use crate::error::{Error, Result};
use crate::kernel::{self, GroupExtremes, Raised, Rows, unsigned_codes};
use crate::num::{Code, CodeKind, HalfAway, PackOrder, Packing, Rounding};
use crate::tensor::AsView;
use alloc::vec;
use alloc::vec::Vec;
use ndarray::{Array2, Array3, ArrayView2, CowArray, Ix2};
use zerocopy::IntoBytes;

/// The longest block: a short one is filled up, so that a longer one would take more memory than the weights justify. (Kernels
/// go up to 256.)
const LONGEST_BLOCK: usize = 1 << 16;

/// A K × N matrix of weights in blocks along K.
#[derive(Clone, Debug, PartialEq)]
pub struct MatMulNBits {
    /// The codes, N × blocks × bytes, the first of a byte in its low bits. Bytes of a short last block that hold no code are 0.
    pub packed: Array3<u8>,
    /// The scales, N × blocks. Negative where a symmetric block's largest magnitude is a positive number.
    pub scales: Array2<f32>,
    /// The zero points, N × bytes, packed as the codes are, the end of the last byte filled up with the middle code. None
    /// for symmetric blocks, whose zero point is the middle code.
    pub zero_points: Option<Array2<u8>>,
    k: usize,
    block_size: usize,
}

/// Whether a block has a zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// `scale = (max − min) / qmax` of the range with zero, `zero point = away(−min / scale)`.
    Affine,
    /// `scale = −m / middle`, where m is the value of largest magnitude, with its sign, and `middle = (qmax + 1) / 2` is the
    /// zero point: m itself then has the code 0.
    Symmetric,
}

/// Returns the weights quantized as ONNX Runtime's `MatMulNBitsQuantizer` does by default, to the codes of `U2`, `U4` or
/// `u8`: `clamp(away(w · (1 / scale) + zero_point))`, all in f32.
///
/// A scale of 0, as of a block of zeros, is kept, and every code is the zero point; so they are where the reciprocal of a
/// scale would be infinite. The last block may be short.
///
/// # Errors
///
/// - [`Error::NotANumber`]; [`Error::InvalidScale`] where infinite weights, or a width beyond `f32::MAX`, make a scale
///   infinite.
/// - [`Error::BlockSizeZero`]; [`Error::InvalidSetting`] for a block that does not fill whole bytes or is longer than 65536,
///   or another code type.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{U4, convention::onnx_runtime::{BlockKind, quantize_matmul_nbits}};
///
/// let weights = array![[-0.75_f32, 8.0], [0.0, -4.0]]; // K = 2, N = 2
/// let q = quantize_matmul_nbits::<U4>(weights.view(), 2, BlockKind::Affine)?;
/// assert_eq!(q.scales, array![[0.05], [0.8]]);
/// assert_eq!(q.packed.as_slice(), Some(&[0xF0, 0x0F][..]));
/// assert_eq!(q.zero_points, Some(array![[0x8F], [0x85]]));
/// assert_eq!(q.dequantize::<U4>()?, weights);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_matmul_nbits<C: Code>(
    weights: impl AsView<Element = f32, Dim = Ix2>,
    block_size: usize,
    kind: BlockKind,
) -> Result<MatMulNBits> {
    let weights = weights.as_view();
    let per_byte = codes_per_byte::<C>()?;
    if block_size == 0 {
        return Err(Error::BlockSizeZero { axis: 0 });
    }
    if !block_size.is_multiple_of(per_byte) || block_size > LONGEST_BLOCK {
        let (what, expected) = ("the block size", "a whole number of bytes, of at most 65536 codes");
        return Err(Error::InvalidSetting { what, expected, actual: block_size as f64 });
    }
    let columns = Columns::of(weights)?;
    let (k, n) = weights.dim();
    let (blocks, qmax) = (k.div_ceil(block_size), C::MAX as f32);
    let mut packed = Array3::zeros((n, blocks, block_size / per_byte));
    let mut scales = Array2::zeros((n, blocks));
    let mut zero_points = Array2::zeros((n, blocks.div_ceil(per_byte)));
    let middle = f64::midpoint(C::MAX, 1.0) as u8 as i8;
    let (mut codes, mut points) = (vec![0_i8; blocks * block_size], vec![middle; blocks.next_multiple_of(per_byte)]);
    let (mut extremes, mut of_blocks) = (GroupExtremes::new(0), Vec::new());
    let rows = packed.outer_iter_mut().zip(scales.outer_iter_mut()).zip(zero_points.outer_iter_mut());
    let mut rows = rows.enumerate();
    columns.for_each(&mut |column| {
        let Some((j, ((mut packed, mut scales), mut zero_points))) = rows.next() else { return Ok(()) };
        extremes.clear(blocks);
        let (_, infinite) = extremes.observe(kernel::detect(), 0, block_size, column);
        of_blocks.clear();
        for (b, (block, seen)) in column.chunks(block_size).zip(extremes.iter()).enumerate() {
            // Of zeros alone the sign counts.
            let ordinary = infinite == 0 && seen.min < seen.max;
            let (min, max) = if ordinary { (seen.min, seen.max) } else { ends(block) };
            let block = Block::new(min, max, qmax, kind);
            if !block.scale.is_finite() {
                return Err(Error::InvalidScale { scale: f64::from(block.scale), group: j * blocks + b });
            }
            of_blocks.push(Raised { inverse: block.inverse, zero_point: block.zero_point });
            (scales[b], points[b]) = (block.scale, block.zero_point as u8 as i8);
        }
        unsigned_codes(kernel::detect(), column, block_size, &of_blocks, qmax, &mut codes[..k]);
        fill_last_byte(&mut codes, k, per_byte, block_size);
        write(&codes, per_byte, packed.as_slice_mut())?;
        write(&points, per_byte, zero_points.as_slice_mut())
    })?;
    let zero_points = (kind == BlockKind::Affine).then_some(zero_points);
    Ok(MatMulNBits { packed, scales, zero_points, k, block_size })
}

/// Writes codes, which are the bits of a byte each, as many to a byte as it has room for.
fn write(codes: &[i8], per_byte: usize, bytes: Option<&mut [u8]>) -> Result<()> {
    let Some(bytes) = bytes else { unreachable!("a row of an array is a slice") };
    if per_byte == 1 {
        bytes.copy_from_slice(codes.as_bytes());
        return Ok(());
    }
    let packing = Packing::new(8 / per_byte as u32, PackOrder::Neighbours)?;
    kernel::pack(kernel::detect(), codes, packing, 0, bytes);
    Ok(())
}

/// Columns that are gathered together: as many elements of a row as a line of the cache holds.
const TOGETHER: usize = 16;

/// The columns of a matrix that has no NaN.
struct Columns<'a> {
    /// The matrix, or with its axes exchanged if that is how it lies in memory.
    memory: CowArray<'a, f32, Ix2>,
    exchanged: bool,
}

impl<'a> Columns<'a> {
    fn of(weights: ArrayView2<'a, f32>) -> Result<Self> {
        let exchanged = weights.t().is_standard_layout();
        let memory = CowArray::from(if exchanged { weights.reversed_axes() } else { weights });
        let memory = if memory.is_standard_layout() {
            memory
        } else {
            CowArray::from(weights.as_standard_layout().into_owned())
        };
        let has_nan = memory.as_slice().is_some_and(|x| kernel::first_nan(kernel::detect(), x).is_some());
        if has_nan && let Some((index, _)) = weights.indexed_iter().find(|(_, w)| w.is_nan()) {
            return Err(Error::NotANumber { index: vec![index.0, index.1] });
        }
        Ok(Self { memory, exchanged })
    }

    /// Calls `visit` with each column, in order.
    fn for_each(&self, visit: &mut dyn FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let Some(x) = self.memory.as_slice() else { unreachable!("its layout is the standard one") };
        let (rows, columns) = self.memory.dim();
        if self.exchanged {
            return (0..rows).try_for_each(|row| visit(&x[row * columns..(row + 1) * columns]));
        }
        // So that the columns in it do not share the sets of a cache.
        let step = rows + TOGETHER;
        let mut tile = vec![0.0; step * TOGETHER];
        for first in (0..columns).step_by(TOGETHER) {
            let width = TOGETHER.min(columns - first);
            if rows > 0 {
                let from = Rows { number: rows, len: width, step: columns };
                kernel::transpose(kernel::detect(), &x[first..], from, &mut tile, step);
            }
            (0..width).try_for_each(|column| visit(&tile[column * step..column * step + rows]))?;
        }
        Ok(())
    }
}

impl MatMulNBits {
    /// Returns the restored weights, K × N: `(code − zero_point) · scale`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] and [`Error::LengthMismatch`] for another code type than the weights were quantized to.
    pub fn dequantize<C: Code>(&self) -> Result<Array2<f32>> {
        codes_per_byte::<C>()?;
        let (n, blocks, bytes) = self.packed.dim();
        let expected = C::packed_len(self.block_size);
        if bytes != expected {
            return Err(Error::LengthMismatch { what: "bytes of a block", expected, actual: bytes });
        }
        let mut restored = Array2::zeros((self.k, n));
        let mut codes = vec![C::default(); self.block_size];
        for (j, (packed, scales)) in self.packed.outer_iter().zip(self.scales.outer_iter()).enumerate() {
            let mut points = vec![C::nearest(f64::midpoint(C::MAX, 1.0)); blocks];
            if let Some(zero_points) = &self.zero_points {
                C::read_packed(&zero_points.row(j).to_vec()[..C::packed_len(blocks)], &mut points)?;
            }
            for (block, (packed, (&scale, point))) in packed.outer_iter().zip(scales.iter().zip(points)).enumerate() {
                C::read_packed(&packed.to_vec(), &mut codes)?;
                let first = block * self.block_size;
                for (i, code) in codes.iter().enumerate().take(self.k.saturating_sub(first)) {
                    restored[(first + i, j)] = (code.to_f64() - point.to_f64()) as f32 * scale;
                }
            }
        }
        Ok(restored)
    }
}

/// Fills up a byte of which K ends in the middle. No reader looks at what is there; ONNX Runtime leaves what it packed
/// before: the codes of the previous byte, but for the first byte of as many blocks as a byte has codes, zeros.
fn fill_last_byte(codes: &mut [i8], k: usize, per_byte: usize, block_size: usize) {
    let byte = k / per_byte * per_byte;
    if k > byte && !byte.is_multiple_of(block_size * per_byte) {
        codes.copy_within(k - per_byte..byte, k);
    }
}

/// Checks that a code type is one of the operator's.
fn codes_per_byte<C: Code>() -> Result<usize> {
    if C::KIND == CodeKind::Integer && C::MIN == 0.0 && matches!(C::BITS, 2 | 4 | 8) {
        Ok((8 / C::BITS) as usize)
    } else {
        let (what, expected) = ("the bits of an unsigned code", "2, 4 or 8");
        Err(Error::InvalidSetting { what, expected, actual: f64::from(C::BITS) })
    }
}

/// Returns the smallest and the largest value.
fn ends(block: &[f32]) -> (f32, f32) {
    block.iter().fold((f32::MAX, f32::MIN), |(min, max), &w| (min.min(w), max.max(w)))
}

/// The parameters of a block.
struct Block {
    scale: f32,
    inverse: f32,
    zero_point: f32,
}

impl Block {
    /// Returns those of a block with this smallest and largest value.
    fn new(min: f32, max: f32, qmax: f32, kind: BlockKind) -> Self {
        let (scale, zero_point) = match kind {
            BlockKind::Symmetric => {
                let largest = if max.abs() > min.abs() { max } else { min };
                let middle = f32::midpoint(qmax, 1.0);
                (-largest / middle, middle)
            }
            BlockKind::Affine => {
                let (min, max) = (min.min(0.0), max.max(0.0));
                let scale = (max - min) / qmax;
                let zero_point = if scale == 0.0 { 0.0 } else { -min / scale };
                (scale, HalfAway.round(zero_point.clamp(0.0, qmax), 0))
            }
        };
        let inverse = 1.0 / scale;
        Self { scale, inverse: if inverse.is_finite() { inverse } else { 0.0 }, zero_point }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::num::{I4, U2, U4, f16};

    fn column(values: &[f32]) -> Array2<f32> {
        Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap()
    }

    #[test]
    fn the_larger_magnitude_of_a_symmetric_block_has_the_code_zero() {
        let q = quantize_matmul_nbits::<U4>(column(&[4.0, -2.0, 0.0, 0.5]).view(), 4, BlockKind::Symmetric).unwrap();
        assert_eq!((q.scales[(0, 0)], q.zero_points.as_ref()), (-0.5, None));
        assert_eq!(q.packed.as_slice().unwrap(), [0xC0, 0x78]);
        assert_eq!(q.dequantize::<U4>().unwrap(), column(&[4.0, -2.0, 0.0, 0.5]));
    }

    /// Expected bytes: ONNX Runtime 1.32.0.
    #[test]
    fn a_last_byte_that_k_does_not_fill_repeats_the_byte_before() {
        let values: Vec<f32> = (0..17).map(|i| i as f32 - 8.0).collect();
        let q = quantize_matmul_nbits::<U4>(column(&values).view(), 16, BlockKind::Affine).unwrap();
        let bytes = q.packed.as_slice().unwrap();
        assert_eq!((bytes[8] & 0x0F, bytes[8] >> 4), (15, bytes[7] >> 4));
        assert!(bytes[9..].iter().all(|&byte| byte == 0));
        let restored = q.dequantize::<U4>().unwrap();
        assert_eq!((restored.dim(), restored[(16, 0)]), ((17, 1), 8.0));
    }

    #[test]
    fn zeros_and_subnormal_blocks_are_restored_as_zeros() {
        for kind in [BlockKind::Affine, BlockKind::Symmetric] {
            for value in [0.0, f32::from_bits(1), -f32::from_bits(9)] {
                let q = quantize_matmul_nbits::<U2>(column(&[value; 5]).view(), 4, kind).unwrap();
                assert!(q.dequantize::<U2>().unwrap().iter().all(|&w| w == 0.0), "{kind:?} {value:e}: {q:?}");
            }
        }
        let nothing = quantize_matmul_nbits::<u8>(Array2::zeros((0, 3)).view(), 16, BlockKind::Affine).unwrap();
        assert_eq!((nothing.packed.dim(), nothing.dequantize::<u8>().unwrap().dim()), ((3, 0, 16), (0, 3)));
    }

    #[test]
    fn what_cannot_be_stored_is_an_error() {
        let quantize = |values: &[f32]| quantize_matmul_nbits::<U4>(column(values).view(), 2, BlockKind::Affine);
        assert!(matches!(quantize(&[0.0, 1.0, f32::NAN]), Err(Error::NotANumber { index }) if index == [2, 0]));
        assert!(matches!(quantize(&[0.0, 1.0, f32::INFINITY]), Err(Error::InvalidScale { group: 1, .. })));
        assert!(matches!(quantize(&[f32::MIN, f32::MAX]), Err(Error::InvalidScale { group: 0, .. })));
        let weights = column(&[1.0, 2.0]);
        let with = |size| quantize_matmul_nbits::<U4>(weights.view(), size, BlockKind::Affine);
        assert!(matches!(with(0), Err(Error::BlockSizeZero { axis: 0 })));
        assert!(matches!(with(3), Err(Error::InvalidSetting { .. })));
        assert!(quantize_matmul_nbits::<I4>(weights.view(), 2, BlockKind::Affine).is_err());
        assert!(quantize_matmul_nbits::<f16>(weights.view(), 2, BlockKind::Affine).is_err());
        assert!(with(2).unwrap().dequantize::<u8>().is_err());
    }
}
