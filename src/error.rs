//! What can go wrong, and with which numbers.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What went wrong. The message names the numbers, in one line.
///
/// Here is what the floors share. What one of them alone can say is an enum of its own, in [`Floor`](Self::Floor), and
/// [`floor`](Self::floor) has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A range was asked of an estimator that saw no finite value.
    #[error("no finite value was observed{}, so there is no range (of {observed} values, {nan} were NaN and {infinite} infinite)",
        InGroup(*group))]
    NoData {
        /// The index of the group, in the order of [`Granularity::groups`](crate::Granularity::groups): with one scale an axis, the
        /// index along it. `None` where there is one group for all, or the group is not known, as to an estimator.
        group: Option<usize>,
        /// Values observed.
        observed: u64,
        /// NaNs among them.
        nan: u64,
        /// Infinities among them.
        infinite: u64,
    },
    /// A NaN where the policy is to refuse it.
    #[error("the value at index {index:?} is NaN; `NanPolicy::Skip` would code it as the zero point")]
    NotANumber {
        /// Where the first NaN stands, in row-major order; one number an axis.
        index: Vec<usize>,
    },
    /// Bounds of a range that are not finite or not ordered.
    #[error("a range of values needs finite bounds with min <= max, got min = {min} and max = {max}")]
    InvalidRange {
        /// The lower bound.
        min: f32,
        /// The upper bound.
        max: f32,
    },
    /// A range of codes that is empty or that the type cannot hold.
    #[error("codes {min}..={max} are not a range of at least two codes within the {full_min}..={full_max} of {code}")]
    InvalidCodes {
        /// The smallest code asked for.
        min: f64,
        /// The largest code asked for.
        max: f64,
        /// The smallest code of the type.
        full_min: f64,
        /// The largest code of the type.
        full_max: f64,
        /// The code type.
        code: &'static str,
    },
    /// A scale that is not a positive finite number.
    #[error("scale {scale} of group {group} is not a positive finite number")]
    InvalidScale {
        /// The scale.
        scale: f64,
        /// The index of the group (0 where there is one).
        group: usize,
    },
    /// A zero point outside the code range.
    #[error("zero point {zero_point} of group {group} is outside the codes {min}..={max}")]
    InvalidZeroPoint {
        /// The zero point.
        zero_point: i32,
        /// The index of the group (0 where there is one).
        group: usize,
        /// The smallest code.
        min: f64,
        /// The largest code.
        max: f64,
    },
    /// A setting of an estimator or calculator that makes no sense.
    #[error("{what} must be {expected}, got {actual}")]
    InvalidSetting {
        /// The setting.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        actual: f64,
    },
    /// Floating codes where only integers will do.
    #[error("{what} needs integer codes: floating ones have no zero point")]
    IntegerCodesOnly {
        /// What needs them.
        what: &'static str,
    },
    /// A name, as of a code type, that stands for nothing.
    #[error("{name:?} is no {what}: there are {}", Names(expected))]
    UnknownName {
        /// What was named.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        expected: Vec<&'static str>,
    },
    /// An axis that the tensor does not have.
    #[error("axis {axis} is out of bounds for a tensor of {ndim} dimensions")]
    AxisOutOfBounds {
        /// The axis asked for.
        axis: usize,
        /// The tensor's number of dimensions.
        ndim: usize,
    },
    /// Blocks of no elements.
    #[error("a block size of 0 along axis {axis} is not possible")]
    BlockSizeZero {
        /// The axis that is cut in blocks.
        axis: usize,
    },
    /// Blocks of another number of dimensions than the tensor's.
    #[error("blocks of {axes} dimensions do not fit a tensor of {ndim}")]
    BlockAxes {
        /// The dimensions of the blocks.
        axes: usize,
        /// The tensor's number of dimensions.
        ndim: usize,
    },
    /// More of something than there is memory for: an empty tensor may have any number of channels.
    #[error("{count} {what} do not fit in memory")]
    OutOfMemory {
        /// What there would be.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// A slice whose length does not fit.
    #[error("{what}: expected a length of {expected}, got {actual}")]
    LengthMismatch {
        /// Which slice.
        what: &'static str,
        /// The length that it must have.
        expected: usize,
        /// The length that it has.
        actual: usize,
    },
    /// Two tensors whose shapes must be equal.
    #[error("{what}: expected the shape {expected:?}, got {actual:?}")]
    ShapeMismatch {
        /// Which tensor.
        what: &'static str,
        /// The shape that it must have.
        expected: Vec<usize>,
        /// The shape that it has.
        actual: Vec<usize>,
    },
    /// An error while a named tensor was handled.
    #[error("tensor {name:?}: {source}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What went wrong with it.
        source: Box<Error>,
    },
    /// A file that cannot be read, written or renamed.
    #[cfg(feature = "std")]
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// What was tried, as in `read`.
        action: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file that is not what its format prescribes.
    #[cfg(feature = "std")]
    #[error("{path:?} is not a usable {format} file: {reason}")]
    Format {
        /// The file.
        path: std::path::PathBuf,
        /// The format's name.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// What one floor alone can say, as a [`TensorError`](crate::tensor::TensorError) or a
    /// [`ConventionError`](crate::convention::ConventionError).
    #[error(transparent)]
    Floor(Box<dyn core::error::Error + Send + Sync>),
}

impl Error {
    /// Returns the error of one floor.
    pub(crate) fn of_floor(error: impl core::error::Error + Send + Sync + 'static) -> Self {
        Self::Floor(Box::new(error))
    }

    /// Returns what a floor alone can say, if that is what went wrong, with a tensor's name around it or without.
    ///
    /// ```
    /// use tensor_quant::{AnyScheme, tensor::TensorError};
    ///
    /// let error = "int8 per apple".parse::<AnyScheme>().unwrap_err();
    /// assert!(matches!(error.floor(), Some(TensorError::SchemeText { text, .. }) if text == "int8 per apple"));
    /// ```
    pub fn floor<E: core::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Floor(error) => error.downcast_ref(),
            Self::Tensor { source, .. } => source.floor(),
            _ => None,
        }
    }

    /// Says which tensor an error is about.
    #[must_use]
    pub fn of_tensor(self, name: &str) -> Self {
        Error::Tensor { name: name.into(), source: Box::new(self) }
    }

    /// Says which of several groups an error is about that was found without knowing.
    #[must_use]
    pub(crate) fn of_group(self, index: usize) -> Self {
        match self {
            Error::NoData { observed, nan, infinite, .. } => {
                Error::NoData { group: Some(index), observed, nan, infinite }
            }
            Error::InvalidScale { scale, .. } => Error::InvalidScale { scale, group: index },
            Error::InvalidZeroPoint { zero_point, min, max, .. } => {
                Error::InvalidZeroPoint { zero_point, group: index, min, max }
            }
            other => other,
        }
    }
}

/// Returns a message from elsewhere in one line: what it quotes may hold line breaks, and what a terminal obeys.
#[cfg(any(feature = "serde", feature = "safetensors"))]
pub(crate) fn one_line(message: &impl fmt::Display) -> String {
    let printed = |c: char| if c.is_control() { ' ' } else { c };
    alloc::format!("{message}").chars().map(printed).collect()
}

/// Which group, if there are several.
struct InGroup(Option<usize>);

impl fmt::Display for InGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |group| write!(f, " in group {group}"))
    }
}

/// Names with commas between them.
struct Names<'a>(&'a [&'static str]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
