//! A quantized tensor by value: codes as wide as their type.

use super::error::TensorError;
use super::estimate::Request;
use super::input::{Input, PIECE};
use super::observed::Observed;
use super::one_pass::{Runs, in_one_pass};
use super::output::{Output, check_shape, contiguous};
use super::quantize::{check_values, codes_in_one_pass, looks};
use super::quantized::{QuantizedTensor, check_codes, restore};
use super::tasks::{Tasks, map_pieces, map_tasks};
use crate::error::{Error, Result};
use crate::kernel::{self, dequantize_span, high_bits, pack_span, quantize_span, unpack_span};
use crate::num::{Code, CodeType, CodeVisitor, Codes, CodesMut, Packing, Real, for_each_code_type};
use crate::params::{QuantParams, Span, for_each_piece_of};
use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use ndarray::{ArrayD, ArrayViewMut, Dimension, IxDyn};

/// The codes of a tensor, of a type that is known at run time, with the scale and zero point of each group.
///
/// Codes of fewer than 8 bits share bytes, the first in the low bits: two of `i4` a byte. An [`AnyScheme`](crate::AnyScheme) gives
/// such tensors; [`QuantizedTensor`] is the form whose code type is a type.
///
/// Two are equal if their code types, shapes, codes, bit by bit, and parameters are; what was observed in the original does not
/// count.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{AnyScheme, PackedTensor, num::CodeType};
///
/// let q = "i4".parse::<AnyScheme>()?.quantize(&array![7.0_f32, -3.25, 1.0])?;
/// assert_eq!((q.code_type(), q.shape(), q.bytes().as_ref()), (CodeType::I4, &[3][..], &[0xd7, 0x01][..]));
/// assert_eq!(q.dequantize(), array![7.0, -3.0, 1.0].into_dyn());
///
/// let same = PackedTensor::from_bytes(CodeType::I4, &[3], &q.bytes(), q.params().clone())?;
/// assert_eq!(same, q);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PackedTensor {
    code: CodeType,
    shape: Vec<usize>,
    codes: Storage,
    params: QuantParams,
    observed: Observed,
}

/// Whether codes of a type share bytes.
const fn shares_bytes(code: CodeType) -> bool {
    code.bits() <= 4
}

macro_rules! storage {
    ($($variant:ident($code:ty) $layout:ident $aliases:tt;)*) => {
        /// Codes as they are kept.
        #[derive(Clone, Debug)]
        enum Storage {
            /// Of fewer than 8 bits, that share bytes.
            Packed(Vec<u8>),
            $($variant(Vec<$code>),)*
        }

        impl Storage {
            /// Returns as many codes, all of them 0.
            ///
            /// # Errors
            ///
            /// [`Error::OutOfMemory`].
            fn zeros(code: CodeType, count: usize) -> Result<Self> {
                if shares_bytes(code) {
                    return Ok(Storage::Packed(zeroed(code.packed_len(count))?));
                }
                Ok(match code {
                    $(CodeType::$variant => Storage::$variant(zeroed(count)?),)*
                })
            }

            /// Returns codes as they are stored in files; they are as many, and have bytes of their own.
            fn read(code: CodeType, bytes: &[u8], count: usize) -> Result<Self> {
                Ok(match code {
                    $(CodeType::$variant => {
                        let mut codes = zeroed::<$code>(count)?;
                        Code::read_packed(bytes, &mut codes)?;
                        Storage::$variant(codes)
                    })*
                })
            }

            /// Returns codes that have bytes of their own.
            fn of(codes: Codes<'_>) -> Self {
                match codes {
                    $(Codes::$variant(codes) => Storage::$variant(codes.to_vec()),)*
                }
            }

            /// Returns the codes as they are stored in files.
            fn written(&self) -> Vec<u8> {
                let mut bytes = Vec::new();
                match self {
                    Storage::Packed(packed) => bytes.extend_from_slice(packed),
                    $(Storage::$variant(codes) => Code::write_packed(codes, &mut bytes),)*
                }
                bytes
            }

            /// Returns the codes, if each has bytes of its own.
            fn plain(&self) -> Option<Codes<'_>> {
                match self {
                    Storage::Packed(_) => None,
                    $(Storage::$variant(codes) => Some(Codes::$variant(codes)),)*
                }
            }

            /// Returns the place of the codes.
            fn place(&mut self, code: CodeType) -> Place<'_> {
                match self {
                    Storage::Packed(bytes) => Place::Packed(PackedMut { code, bytes }),
                    $(Storage::$variant(codes) => Place::Plain(CodesMut::$variant(codes)),)*
                }
            }
        }
    };
}

for_each_code_type! { storage }

#[inline(never)]
fn zeroed<T: Clone + Default>(count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| Error::OutOfMemory { what: "codes", count })?;
    values.resize(count, T::default());
    Ok(values)
}

/// Where codes of a type that is known at run time are written.
enum Place<'a> {
    Plain(CodesMut<'a>),
    Packed(PackedMut<'a>),
}

/// Where codes that share bytes are written.
struct PackedMut<'a> {
    code: CodeType,
    bytes: &'a mut [u8],
}

impl Output for PackedMut<'_> {
    #[cfg(feature = "rayon")]
    fn split_at(self, at: usize) -> (Self, Self) {
        let (before, after) = self.bytes.split_at_mut(self.code.packed_len(at).min(self.bytes.len()));
        (PackedMut { bytes: before, code: self.code }, PackedMut { bytes: after, code: self.code })
    }

    fn granule(&self) -> usize {
        8 / self.code.bits() as usize
    }
}

/// Returns a tensor whose groups are short, or `None`.
pub(super) fn packed_in_one_pass(
    request: Request<'_>,
    settings: kernel::Settings<'_>,
    input: &Input<'_>,
) -> Result<Option<PackedTensor>> {
    let (level, settings) = (kernel::detect(), settings.given(0));
    if Runs::of(request.granularity, input, if shares_bytes(settings.code) { 2 } else { 1 }).is_none() {
        return Ok(None);
    }
    let mut codes = Storage::zeros(settings.code, input.len())?;
    let found = match codes.place(settings.code) {
        Place::Plain(mut out) => codes_in_one_pass(request, settings, input, &mut out),
        Place::Packed(out) => in_one_pass(request, input, out, &|params, span, x, out, range| {
            pack_span(level, params, settings, span, x, range.start, out.bytes);
        }),
    };
    let shape = input.shape.to_vec();
    Ok(found.map(|(params, observed)| PackedTensor { code: settings.code, shape, codes, params, observed }))
}

/// Returns the codes of a tensor whose values were looked at when its parameters were found, or are looked at here.
pub(super) fn quantize_packed(
    input: &Input<'_>,
    params: QuantParams,
    settings: kernel::Settings<'_>,
    observed: Observed,
) -> Result<PackedTensor> {
    let mut codes = Storage::zeros(settings.code, input.len())?;
    map(input, &params, settings, codes.place(settings.code), false)?;
    Ok(PackedTensor { code: settings.code, shape: input.shape.to_vec(), codes, params, observed })
}

/// The same of a tensor of which nothing is known but its parameters, which fit.
pub(super) fn check_and_quantize_packed(
    input: &Input<'_>,
    params: &QuantParams,
    settings: kernel::Settings<'_>,
) -> Result<PackedTensor> {
    params.check_type(settings.code, input.shape)?;
    let mut codes = Storage::zeros(settings.code, input.len())?;
    let observed = map(input, params, settings, codes.place(settings.code), true)?;
    Ok(PackedTensor { code: settings.code, shape: input.shape.to_vec(), codes, params: params.clone(), observed })
}

fn map(
    input: &Input<'_>,
    params: &QuantParams,
    settings: kernel::Settings<'_>,
    place: Place<'_>,
    check: bool,
) -> Result<Observed> {
    let (level, looks) = (kernel::detect(), looks(settings.nan));
    let settings_for = |span, x: &[f32]| {
        if !check {
            return Ok::<_, Error>((settings, Observed::default()));
        }
        let observed = check_values(span, x, settings.nan, input.shape)?;
        Ok((settings.given(observed.nan), observed))
    };
    match place {
        Place::Plain(out) => map_pieces(input, params.granularity(), looks, out, &|span, x, out, range| {
            let (settings, observed) = settings_for(span, x)?;
            quantize_span(level, params, settings, span, x, out.part(range));
            Ok(observed)
        }),
        Place::Packed(out) => map_pieces(input, params.granularity(), looks, out, &|span, x, out, range| {
            let (settings, observed) = settings_for(span, x)?;
            pack_span(level, params, settings, span, x, range.start, out.bytes);
            Ok(observed)
        }),
    }
}

impl PackedTensor {
    /// Returns a tensor of codes from elsewhere, as from a file: as [`bytes`](Self::bytes) gives them.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless there are exactly the bytes of the shape's codes; [`Error::OutOfMemory`] for a shape
    /// of more
    /// elements than an array can have; [`TensorError::CodeOutOfRange`] for a code outside those that the parameters name; and
    /// those of
    /// parameters that do not fit.
    pub fn from_bytes(code: CodeType, shape: &[usize], bytes: &[u8], params: QuantParams) -> Result<Self> {
        params.check_type(code, shape)?;
        let count = count_of(shape)?;
        let expected = code.packed_len(count);
        if bytes.len() != expected {
            return Err(Error::LengthMismatch { what: "bytes of codes", expected, actual: bytes.len() });
        }
        let codes = if shares_bytes(code) {
            let mut codes = bytes.to_vec();
            clear_rest(code, count, &mut codes);
            Storage::Packed(codes)
        } else {
            Storage::read(code, bytes, count)?
        };
        let tensor = Self { code, shape: shape.to_vec(), codes, params, observed: Observed::default() };
        tensor.check_codes()?;
        Ok(tensor)
    }

    /// Returns the type of the codes.
    pub fn code_type(&self) -> CodeType {
        self.code
    }

    /// Returns the shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the number of codes.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether there are no codes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the scales and zero points.
    pub fn params(&self) -> &QuantParams {
        &self.params
    }

    /// Returns what was noticed in the original: NaN, infinities, constant groups. All 0 for codes from elsewhere.
    pub fn observed(&self) -> Observed {
        self.observed
    }

    /// Returns the codes as they are stored in files: row-major, little-endian, those of fewer than 8 bits packed, the first in the
    /// low bits; bits of the last byte that no code has are 0.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.codes {
            Storage::Packed(bytes) => Cow::Borrowed(bytes),
            Storage::U8(codes) => Cow::Borrowed(codes),
            Storage::I8(codes) => Cow::Borrowed(zerocopy::IntoBytes::as_bytes(codes.as_slice())),
            codes => Cow::Owned(codes.written()),
        }
    }

    /// Returns the bytes that codes, packed, and parameters take.
    pub fn size_in_bytes(&self) -> usize {
        self.code.packed_len(self.len()) + self.params.size_in_bytes()
    }

    /// Returns the codes as an array of `C`; `None` if they are of another type. Those that share bytes get one each.
    pub fn codes<C: Code>(&self) -> Option<ArrayD<C>> {
        if self.code != C::TYPE {
            return None;
        }
        let mut codes = vec![C::default(); self.len()];
        C::read_packed(&self.bytes(), &mut codes).ok()?;
        ArrayD::from_shape_vec(IxDyn(&self.shape), codes).ok()
    }

    /// Returns the tensor by its code type and dimension type.
    ///
    /// # Errors
    ///
    /// [`TensorError::CodeTypeMismatch`] if its codes are of another type; [`Error::ShapeMismatch`] if it has another number of
    /// dimensions.
    pub fn to_typed<C: Code, D: Dimension>(&self) -> Result<QuantizedTensor<C, D>> {
        let codes =
            self.codes::<C>().ok_or(TensorError::CodeTypeMismatch { expected: C::NAME, actual: self.code.name() })?;
        let codes = codes.into_dimensionality::<D>().map_err(|_| Error::ShapeMismatch {
            what: "a tensor of another number of dimensions",
            expected: vec![0; D::NDIM.unwrap_or(0)],
            actual: self.shape.clone(),
        })?;
        Ok(QuantizedTensor::from_parts(codes, self.params.clone(), self.observed))
    }

    /// Returns the restored tensor, `(code − zero_point) · scale`, in f32.
    pub fn dequantize(&self) -> ArrayD<f32> {
        let mut reals = ArrayD::zeros(IxDyn(&self.shape));
        if let Some(reals) = reals.as_slice_mut() {
            self.restore_into(reals);
        }
        reals
    }

    /// Returns the restored tensor, computed in f32 and rounded to `T` once, halves to even.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{AnyScheme, f16};
    ///
    /// let q = "u8".parse::<AnyScheme>()?.quantize(&array![0.0_f32, 255.0])?;
    /// assert_eq!(q.dequantize_as::<f16>(), array![f16::ZERO, f16::from_f32(255.0)].into_dyn());
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn dequantize_as<T: Real>(&self) -> ArrayD<T> {
        let (level, mut reals) = (kernel::detect(), vec![T::default(); self.len()]);
        self.for_each_piece(&mut |range, restored| {
            kernel::narrow_reals(level, restored, T::reals_mut(&mut reals[range]));
        });
        match ArrayD::from_shape_vec(IxDyn(&self.shape), reals) {
            Ok(reals) => reals,
            Err(_) => unreachable!("the shape has as many elements as there are codes"),
        }
    }

    /// Writes the restored tensor to memory of the caller.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`TensorError::NotContiguous`].
    pub fn dequantize_into<D: Dimension>(&self, out: ArrayViewMut<'_, f32, D>) -> Result<()> {
        check_shape("the output", &self.shape, out.shape())?;
        let mut out = out;
        self.restore_into(contiguous(&mut out)?);
        Ok(())
    }

    fn restore_into(&self, out: &mut [f32]) {
        if let Some(codes) = self.codes.plain() {
            return restore(codes, &self.shape, &self.params, out);
        }
        let Storage::Packed(bytes) = &self.codes else { return };
        let level = kernel::detect();
        // What is not of this shape was refused before.
        let Ok(tasks) = Tasks::new(self.params.granularity(), &self.shape) else { return };
        let all = map_tasks(&tasks, out, &|task, out, first| {
            task.for_each_stretch(usize::MAX, &mut |span, len| {
                let range = span.start - first..span.start + len - first;
                unpack_span(level, &self.params, self.code, span, bytes, &mut out[range]);
                Ok(())
            })?;
            Ok(Observed::default())
        });
        debug_assert!(all.is_ok(), "nothing here can fail");
    }

    /// Calls `visit` with the restored elements, a piece at a time, in order.
    pub(crate) fn for_each_piece(&self, visit: &mut dyn FnMut(Range<usize>, &[f32])) {
        let Ok(mut spans) = self.params.granularity().all_spans(&self.shape) else { return };
        let (level, mut tile) = (kernel::detect(), [0.0; PIECE]);
        let all = for_each_piece_of(&mut spans, PIECE, &mut |piece| {
            let tile = &mut tile[..piece.len];
            self.restore_span(level, piece, tile);
            visit(piece.start..piece.start + piece.len, tile);
            Ok(())
        });
        debug_assert!(all.is_ok(), "nothing here can fail");
    }

    /// Writes the restored values of a span, or of several spans of the same groups, one after another.
    pub(crate) fn restore_span(&self, level: kernel::Level, span: Span, out: &mut [f32]) {
        match (&self.codes, self.codes.plain()) {
            (_, Some(codes)) => {
                let codes = codes.part(span.start..span.start + out.len());
                dequantize_span(level, &self.params, span, codes, out);
            }
            (Storage::Packed(bytes), None) => unpack_span(level, &self.params, self.code, span, bytes, out),
            _ => {}
        }
    }

    /// Checks that every code is one of those that the parameters name.
    fn check_codes(&self) -> Result<()> {
        struct Check<'a>(&'a PackedTensor);

        impl CodeVisitor for Check<'_> {
            type Output = Result<()>;

            fn visit<C: Code>(self) -> Result<()> {
                // Where any code of the type may stand, none is looked at.
                if self.0.params.codes().is_all_of(C::TYPE) {
                    return Ok(());
                }
                let mut codes = zeroed::<C>(self.0.len())?;
                C::read_packed(&self.0.bytes(), &mut codes)?;
                check_codes(&codes, &self.0.params)
            }
        }

        if let Storage::Packed(bytes) = &self.codes
            && self.code.is_integer()
            && !self.params.codes().is_all_of(self.code)
        {
            return self.check_packed(bytes);
        }
        self.code.visit(Check(self))
    }

    /// Checks integers that share bytes, a tile of them at a time.
    fn check_packed(&self, bytes: &[u8]) -> Result<()> {
        let (level, range) = (kernel::detect(), self.params.codes());
        let (packing, high) = (Packing::of(self.code), high_bits(self.code));
        let (least, most, mut tile) = (range.min() as i8, range.max() as i8, [0_i8; PIECE]);
        let count = self.len();
        for first in (0..count).step_by(PIECE) {
            let tile = &mut tile[..PIECE.min(count - first)];
            kernel::unpack(level, bytes, packing, high, first, tile);
            let outside = |code: i8| code < least || code > most;
            // All of them, so that the loop has no exit and is vectorised.
            if tile.iter().fold(false, |any, &code| any | outside(code))
                && let Some(&code) = tile.iter().find(|&&code| outside(code))
            {
                return Err(
                    TensorError::CodeOutOfRange { code: f64::from(code), min: range.min(), max: range.max() }.into()
                );
            }
        }
        Ok(())
    }
}

/// Returns the number of elements of a shape.
///
/// # Errors
///
/// [`Error::OutOfMemory`] for a shape that no array has, not even an empty one: its lengths other than 0 multiply to more than
/// `isize::MAX`.
fn count_of(shape: &[usize]) -> Result<usize> {
    let product = shape.iter().filter(|&&len| len > 0).try_fold(1_usize, |product, &len| product.checked_mul(len));
    match product.filter(|&product| isize::try_from(product).is_ok()) {
        Some(product) => Ok(if shape.contains(&0) { 0 } else { product }),
        None => Err(Error::OutOfMemory { what: "elements", count: usize::MAX }),
    }
}

/// Clears the bits of the last byte that no code has.
fn clear_rest(code: CodeType, count: usize, bytes: &mut [u8]) {
    let used = count % (8 / code.bits() as usize) * code.bits() as usize;
    if let (Some(last), 1..) = (bytes.last_mut(), used) {
        *last &= (1 << used) - 1;
    }
}

/// As the bits of the codes are, so that there is one rule for ±0 and for NaN.
impl PartialEq for PackedTensor {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.shape == other.shape
            && self.params == other.params
            && self.bytes() == other.bytes()
    }
}

impl<C: Code, D: Dimension> From<QuantizedTensor<C, D>> for PackedTensor {
    fn from(tensor: QuantizedTensor<C, D>) -> Self {
        let (shape, observed) = (tensor.codes().shape().to_vec(), tensor.observed());
        let (codes, params) = tensor.into_parts();
        let codes = codes.into_raw_vec_and_offset().0;
        let codes = if shares_bytes(C::TYPE) {
            let mut bytes = Vec::with_capacity(C::packed_len(codes.len()));
            C::write_packed(&codes, &mut bytes);
            Storage::Packed(bytes)
        } else {
            Storage::of(C::codes(&codes))
        };
        Self { code: C::TYPE, shape, codes, params, observed }
    }
}
