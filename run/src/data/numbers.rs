//! Numbers as files hold them, and as models take them.

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use tensor_quant::calibration::{Array, Endpoint};
use tensor_quant::graph::ElementType;

/// What is done to the numbers of a file, or to the pixels of an image, on their way to a model of reals:
/// `real = (number − mean) · scale`, with one mean and scale for all or for each channel, which is the last axis.
///
/// # Examples
///
/// ```
/// use tensor_quant_run::data::Normalization;
///
/// let bytes = Normalization::new("127.5", "1/127.5")?;
/// assert_eq!(bytes.of(255.0, 0), 1.0);
/// let channels = Normalization::new("103.9, 116.8, 123.7", "1")?;
/// assert_eq!(channels.of(104.0, 2), 104.0 - 123.7);
/// assert_eq!(Normalization::default().of(3.0, 0), 3.0);
/// assert!(Normalization::new("0", "1/0").is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    mean: Vec<f32>,
    /// Numerators and denominators: x / 255 is not x · (1 / 255).
    scale: Vec<(f32, f32)>,
}

impl Default for Normalization {
    /// Leaves numbers as they are.
    fn default() -> Self {
        Self { mean: vec![0.0], scale: vec![(1.0, 1.0)] }
    }
}

impl Normalization {
    /// Returns the normalization by these means and scales, each a number or one for each channel between commas; a scale may
    /// be a fraction, as in `1/255`.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn new(mean: &str, scale: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f32>().ok().filter(|x| x.is_finite());
        let means = mean.split(',').map(|text| number(text).ok_or_else(|| format!("the mean {text:?} is no number")));
        let scales = scale.split(',').map(|text| {
            let parts = text.split_once('/').unwrap_or((text, "1"));
            let fraction = number(parts.0).zip(number(parts.1)).filter(|(a, b)| *a != 0.0 && *b != 0.0);
            fraction.ok_or_else(|| format!("the scale {text:?} is no number or fraction as 1/255, or zero"))
        });
        let new = Self { mean: means.collect::<Result<_, _>>()?, scale: scales.collect::<Result<_, _>>()? };
        match (new.mean.len(), new.scale.len()) {
            (a, b) if a == b || a == 1 || b == 1 => Ok(new),
            (a, b) => Err(format!("{a} means and {b} scales")),
        }
    }

    /// Returns whether numbers are left as they are.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the real of a number of a channel.
    pub fn of(&self, number: f32, channel: usize) -> f32 {
        let mean = self.mean.get(channel).or(self.mean.first()).copied().unwrap_or(0.0);
        let (numerator, denominator) = self.scale.get(channel).or(self.scale.first()).copied().unwrap_or((1.0, 1.0));
        (number - mean) * numerator / denominator
    }

    /// Turns numbers, of which so many channels follow each other, into reals.
    ///
    /// # Errors
    ///
    /// That there is a mean or scale for each of another number of channels.
    pub(super) fn apply(&self, numbers: &mut [f32], channels: usize) -> Result<(), String> {
        let own = self.mean.len().max(self.scale.len());
        if own > 1 && own != channels {
            return Err(format!("there are {channels} channels, and means or scales of {own}"));
        }
        if !self.is_identity() {
            let period = if own > 1 { own } else { 1 };
            for channels in numbers.chunks_mut(period) {
                for (channel, number) in channels.iter_mut().enumerate() {
                    *number = self.of(*number, channel);
                }
            }
        }
        Ok(())
    }
}

/// Returns the bytes that a number of a file takes; `None` for a type that is not read.
pub(super) fn size(element_type: ElementType) -> Option<usize> {
    Some(match element_type {
        ElementType::F64 | ElementType::I64 | ElementType::U64 => 8,
        ElementType::F32 | ElementType::I32 | ElementType::U32 => 4,
        ElementType::F16 | ElementType::BF16 | ElementType::I16 | ElementType::U16 => 2,
        ElementType::I8 | ElementType::U8 | ElementType::Bool => 1,
        _ => return None,
    })
}

macro_rules! numbers {
    ($bytes:expr, $t:ty, $is_big_endian:expr) => {{
        let number = |bytes: &[u8]| {
            let mut own = [0; size_of::<$t>()];
            own.copy_from_slice(bytes);
            if $is_big_endian { <$t>::from_be_bytes(own) } else { <$t>::from_le_bytes(own) }
        };
        $bytes.chunks_exact(size_of::<$t>()).map(number)
    }};
}

/// Returns numbers as reals; f64 and large integers are rounded.
pub(super) fn reals(bytes: &[u8], element_type: ElementType, big: bool) -> Result<Vec<f32>, String> {
    Ok(match element_type {
        ElementType::F64 => numbers!(bytes, f64, big).map(|x| x as f32).collect(),
        ElementType::F32 => numbers!(bytes, f32, big).collect(),
        ElementType::F16 => numbers!(bytes, f16, big).map(f32::from).collect(),
        ElementType::BF16 => numbers!(bytes, bf16, big).map(f32::from).collect(),
        ElementType::U64 => numbers!(bytes, u64, big).map(|x| x as f32).collect(),
        _ => integers(bytes, element_type, big)?.into_iter().map(|x| x as f32).collect(),
    })
}

/// Returns integers, or truths as 0 and 1.
pub(super) fn integers(bytes: &[u8], element_type: ElementType, big: bool) -> Result<Vec<i64>, String> {
    Ok(match element_type {
        ElementType::I64 => numbers!(bytes, i64, big).collect(),
        ElementType::I32 => numbers!(bytes, i32, big).map(i64::from).collect(),
        ElementType::I16 => numbers!(bytes, i16, big).map(i64::from).collect(),
        ElementType::I8 => numbers!(bytes, i8, big).map(i64::from).collect(),
        ElementType::U64 => {
            let number = |x: u64| i64::try_from(x).map_err(|_| format!("{x} is beyond 64-bit integers"));
            numbers!(bytes, u64, big).map(number).collect::<Result<_, _>>()?
        }
        ElementType::U32 => numbers!(bytes, u32, big).map(i64::from).collect(),
        ElementType::U16 => numbers!(bytes, u16, big).map(i64::from).collect(),
        ElementType::U8 => bytes.iter().copied().map(i64::from).collect(),
        ElementType::Bool => bytes.iter().map(|&x| i64::from(x != 0)).collect(),
        other => return Err(format!("elements of {other}, where integers are due")),
    })
}

/// Numbers of a file, of one type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) element_type: ElementType,
    pub(super) is_big_endian: bool,
}

impl Numbers<'_> {
    /// Returns the numbers as an input takes them: reals for one of reals; codes for one of the same codes, and reals for one
    /// of others; whole numbers that fit for one of integers.
    pub(super) fn for_input(
        self,
        input: &Endpoint,
        shape: &[usize],
        normalization: &Normalization,
    ) -> Result<Array, String> {
        let takes_reals = input.element_type.is_float()
            || (input.quantization.is_some()
                && (self.element_type != input.element_type || !normalization.is_identity()));
        if takes_reals {
            let mut reals = reals(self.bytes, self.element_type, self.is_big_endian)?;
            normalization.apply(&mut reals, shape.last().copied().unwrap_or(1))?;
            return Ok(Array::F32(shaped(shape, reals)?));
        }
        let integers = integers(self.bytes, self.element_type, self.is_big_endian)?;
        of_integers(&integers, input.element_type, shape)
    }
}

/// Returns integers as an array of a type in which all of them fit.
pub(super) fn of_integers(integers: &[i64], element_type: ElementType, shape: &[usize]) -> Result<Array, String> {
    fn narrowed<T: TryFrom<i64>>(integers: &[i64], of: ElementType) -> Result<Vec<T>, String> {
        let number = |&x: &i64| T::try_from(x).map_err(|_| format!("{x} does not fit into elements of {of}"));
        integers.iter().map(number).collect()
    }
    let truth = |&x: &i64| match x {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(format!("{x} is neither true nor false")),
    };
    let of = element_type;
    Ok(match element_type {
        ElementType::I64 => Array::I64(shaped(shape, integers.to_vec())?),
        ElementType::I32 => Array::I32(shaped(shape, narrowed(integers, of)?)?),
        ElementType::I16 => Array::I16(shaped(shape, narrowed(integers, of)?)?),
        ElementType::I8 => Array::I8(shaped(shape, narrowed(integers, of)?)?),
        ElementType::U8 => Array::U8(shaped(shape, narrowed(integers, of)?)?),
        ElementType::Bool => Array::Bool(shaped(shape, integers.iter().map(truth).collect::<Result<_, _>>()?)?),
        other => return Err(format!("inputs of {other} cannot be given from a file")),
    })
}

pub(super) fn shaped<T>(shape: &[usize], elements: Vec<T>) -> Result<ArrayD<T>, String> {
    let len = elements.len();
    ArrayD::from_shape_vec(IxDyn(shape), elements).map_err(|_| format!("{len} elements are not those of {shape:?}"))
}
