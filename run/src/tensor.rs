//! A value while the model runs.

use crate::meter::{Meter, Share};
use std::sync::{Arc, OnceLock};

/// The most dimensions that a value may have.
pub(crate) const MAX_DIMENSIONS: usize = 8;
/// The most elements that a value may have, and the most that any of its dimensions may count.
pub(crate) const MAX_ELEMENTS: usize = 1 << 30;

/// Why an operator could not compute its outputs.
pub(crate) type Reason = String;

/// The elements of a tensor in row-major order.
///
/// Codes with a scale are held as the reals that they stand for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    I16(Vec<i16>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    Bool(Vec<bool>),
    /// The name of a variable.
    Variable(String),
}

/// Does the same to the elements of whatever type, and wraps the result in the same type.
macro_rules! map_elements {
    ($data:expr, $x:ident => $e:expr) => {
        match $data {
            $crate::tensor::Data::F32($x) => $crate::tensor::Data::F32($e),
            $crate::tensor::Data::I64($x) => $crate::tensor::Data::I64($e),
            $crate::tensor::Data::I32($x) => $crate::tensor::Data::I32($e),
            $crate::tensor::Data::I16($x) => $crate::tensor::Data::I16($e),
            $crate::tensor::Data::I8($x) => $crate::tensor::Data::I8($e),
            $crate::tensor::Data::U8($x) => $crate::tensor::Data::U8($e),
            $crate::tensor::Data::Bool($x) => $crate::tensor::Data::Bool($e),
            $crate::tensor::Data::Variable(_) => return Err("the handle of a variable has no elements".into()),
        }
    };
}
pub(crate) use map_elements;

/// A type of elements.
pub(crate) trait Element: Copy + Default + PartialEq + PartialOrd + 'static {
    fn wrap(elements: Vec<Self>) -> Data;
    fn of(data: &Data) -> Option<&[Self]>;
    fn take(data: Data) -> Option<Vec<Self>>;
}

macro_rules! element {
    ($($t:ty => $variant:ident),*) => {$(
        impl Element for $t {
            fn wrap(elements: Vec<Self>) -> Data {
                Data::$variant(elements)
            }
            fn of(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(elements) => Some(elements),
                    _ => None,
                }
            }
            fn take(data: Data) -> Option<Vec<Self>> {
                match data {
                    Data::$variant(elements) => Some(elements),
                    _ => None,
                }
            }
        }
    )*};
}
element!(f32 => F32, i64 => I64, i32 => I32, i16 => I16, i8 => I8, u8 => U8, bool => Bool);

/// A value: its shape, and elements that copies share.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    shape: Vec<usize>,
    data: Arc<Elements>,
}

#[derive(Debug)]
struct Elements {
    data: Data,
    share: OnceLock<Share>,
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data() == other.data()
    }
}

impl Tensor {
    /// Returns a tensor, whose number of elements is that of its shape.
    pub(crate) fn new(shape: Vec<usize>, data: Data) -> Result<Self, Reason> {
        Self::shared(shape, Arc::new(Elements { data, share: OnceLock::new() }))
    }

    pub(crate) fn of<E: Element>(shape: Vec<usize>, elements: Vec<E>) -> Result<Self, Reason> {
        Self::new(shape, E::wrap(elements))
    }

    pub(crate) fn variable(name: String) -> Self {
        Self { shape: Vec::new(), data: Arc::new(Elements { data: Data::Variable(name), share: OnceLock::new() }) }
    }

    fn shared(shape: Vec<usize>, data: Arc<Elements>) -> Result<Self, Reason> {
        let (elements, given) = (elements_of(&shape)?, data.data.len());
        if elements == given {
            Ok(Self { shape, data })
        } else {
            Err(format!("{given} elements are not those of the shape {shape:?}"))
        }
    }

    /// Counts the elements with what is held, until the last copy of them goes.
    pub(crate) fn hold(&self, meter: &Meter) {
        self.data.share.get_or_init(|| meter.share(self.len()));
    }

    /// Returns the same elements in another shape.
    pub(crate) fn reshaped(&self, shape: Vec<usize>) -> Result<Self, Reason> {
        Self::shared(shape, self.data.clone())
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn data(&self) -> &Data {
        &self.data.data
    }

    pub(crate) fn len(&self) -> usize {
        self.data().len()
    }

    pub(crate) fn elements<E: Element>(&self) -> Result<&[E], Reason> {
        E::of(self.data())
            .ok_or_else(|| format!("elements are {}, which this operator does not take", self.data().kind()))
    }

    /// Returns the elements to own, copied only if others hold them.
    pub(crate) fn into_elements<E: Element>(self) -> Result<Vec<E>, Reason> {
        self.elements::<E>()?;
        let elements = match Arc::try_unwrap(self.data) {
            Ok(Elements { data, .. }) => E::take(data),
            Err(shared) => E::of(&shared.data).map(<[E]>::to_vec),
        };
        Ok(elements.unwrap_or_default())
    }

    /// Returns integers of whatever width, or truths, as i64.
    pub(crate) fn integers(&self) -> Result<Vec<i64>, Reason> {
        Ok(match self.data() {
            Data::I64(x) => x.clone(),
            Data::I32(x) => x.iter().map(|&x| x.into()).collect(),
            Data::I16(x) => x.iter().map(|&x| x.into()).collect(),
            Data::I8(x) => x.iter().map(|&x| x.into()).collect(),
            Data::U8(x) => x.iter().map(|&x| x.into()).collect(),
            Data::Bool(x) => x.iter().map(|&x| x.into()).collect(),
            Data::F32(_) | Data::Variable(_) => return Err(format!("{} where integers are due", self.data().kind())),
        })
    }
}

impl Data {
    pub(crate) fn len(&self) -> usize {
        match self {
            Data::F32(x) => x.len(),
            Data::I64(x) => x.len(),
            Data::I32(x) => x.len(),
            Data::I16(x) => x.len(),
            Data::I8(x) => x.len(),
            Data::U8(x) => x.len(),
            Data::Bool(x) => x.len(),
            Data::Variable(_) => 1,
        }
    }

    /// Returns the name of the elements' type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Data::F32(_) => "f32",
            Data::I64(_) => "i64",
            Data::I32(_) => "i32",
            Data::I16(_) => "i16",
            Data::I8(_) => "i8",
            Data::U8(_) => "u8",
            Data::Bool(_) => "bool",
            Data::Variable(_) => "a variable",
        }
    }
}

/// Returns the number of elements of a shape. Lengths are small enough for any product of some of them not to overflow.
pub(crate) fn elements_of(shape: &[usize]) -> Result<usize, Reason> {
    if shape.len() > MAX_DIMENSIONS {
        return Err(format!("{} dimensions are more than {MAX_DIMENSIONS}", shape.len()));
    }
    let bound = shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len.max(1)).filter(|&n| n <= MAX_ELEMENTS));
    match bound {
        Some(bound) => Ok(if shape.contains(&0) { 0 } else { bound }),
        None => Err(format!("a tensor of shape {shape:?} has more than {MAX_ELEMENTS} elements")),
    }
}

/// Returns an axis that may count from the end.
pub(crate) fn axis_of(axis: i64, ndim: usize) -> Result<usize, Reason> {
    let from_start = if axis < 0 { axis.checked_add(ndim as i64) } else { Some(axis) };
    from_start
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|&axis| axis < ndim)
        .ok_or_else(|| format!("axis {axis} of {ndim} dimensions"))
}

/// Returns a length, a count or a position, which may not be negative.
pub(crate) fn count_of(value: i64) -> Result<usize, Reason> {
    usize::try_from(value).ok().filter(|&n| n <= MAX_ELEMENTS).ok_or_else(|| format!("{value} is no length"))
}

/// Returns the shape that two are broadcast to.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Reason> {
    let ndim = a.len().max(b.len());
    let len = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(ndim).map_or(1, |i| shape[i]);
    let lengths = (0..ndim).map(|axis| match (len(a, axis), len(b, axis)) {
        (1, n) | (n, 1) => Ok(n),
        (n, m) if n == m => Ok(n),
        _ => Err(format!("shapes {a:?} and {b:?} do not fit each other")),
    });
    lengths.collect()
}
