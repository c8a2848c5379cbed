//! What can go wrong, and with which numbers.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What went wrong. The message names the numbers, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A range was asked of an estimator that saw no finite value.
    #[error(
        "no finite value was observed{}, so there is no range (of {observed} values, {nan} were NaN and {infinite} infinite)",
        InGroup(*group)
    )]
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
    /// Scales of another granularity than an operation can work with.
    #[error("{what} must have its scales {expected}, not {actual}")]
    UnsupportedGranularity {
        /// The tensor.
        what: &'static str,
        /// What the granularity may be.
        expected: &'static str,
        /// What it was.
        actual: String,
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
    /// A code outside those that parameters name.
    #[error("code {code} is outside the codes {min}..={max}")]
    CodeOutOfRange {
        /// The code.
        code: f64,
        /// The smallest code.
        min: f64,
        /// The largest code.
        max: f64,
    },
    /// A tensor of other codes than were asked for.
    #[error("the codes are of type {actual}, not {expected}")]
    CodeTypeMismatch {
        /// The type that was asked for.
        expected: &'static str,
        /// The type that the codes have.
        actual: &'static str,
    },
    /// A text that says no scheme.
    #[error("{text:?} is no scheme: {reason}")]
    SchemeText {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
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
    /// A block format that can only be read.
    #[error("blocks of {format} can be read, not written")]
    ReadOnlyFormat {
        /// The format.
        format: &'static str,
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
    /// An output view that is not in row-major order without gaps.
    #[error("the output of shape {shape:?} has the strides {strides:?}: it must be contiguous in row-major order")]
    NotContiguous {
        /// The output's shape.
        shape: Vec<usize>,
        /// The output's strides, in elements.
        strides: Vec<isize>,
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
    /// A recipe that cannot be read.
    #[cfg(feature = "std")]
    #[error("not a usable recipe: {reason}")]
    Recipe {
        /// What is wrong, and where.
        reason: String,
    },
    /// A recipe that would leave a file as it is.
    #[cfg(feature = "std")]
    #[error("the recipe {recipe:?} changes no tensor of this file; {reason}")]
    NothingToQuantize {
        /// The recipe.
        recipe: String,
        /// Why not, for the largest tensor.
        reason: String,
    },
    /// An output that is there already.
    #[cfg(feature = "std")]
    #[error("{path:?} exists: name another output, or allow that it is replaced")]
    TargetExists {
        /// The output.
        path: std::path::PathBuf,
    },
    /// An output that is the input.
    #[cfg(feature = "std")]
    #[error("{path:?} is the input: name another output")]
    TargetIsSource {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A file of no known format, or of one that this build was made without.
    #[cfg(feature = "std")]
    #[error("{path:?} is no file that can be quantized: {reason}")]
    UnknownFormat {
        /// The file.
        path: std::path::PathBuf,
        /// What was looked for.
        reason: &'static str,
    },
    /// A tensor whose values cannot be had as reals.
    #[cfg(feature = "std")]
    #[error("{reason}")]
    Unreadable {
        /// Why not.
        reason: String,
    },
    /// A bias too large for its codes in the scale of its accumulator.
    #[error(
        "bias {bias} of channel {channel} does not fit {bits} bits at a scale of {scale:e}: \
         the weight scale must be at least {smallest_weight_scale:e}"
    )]
    BiasOverflow {
        /// The channel.
        channel: usize,
        /// The bias.
        bias: f32,
        /// Its scale: that of the input times that of the weights.
        scale: f32,
        /// The bits of a code.
        bits: u32,
        /// The smallest weight scale at which it fits.
        smallest_weight_scale: f32,
    },
    /// Two tensors of one name in a file to be written.
    #[error("two tensors would be named {name:?}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tensor that was handed to a file's writer in another form than it was announced in.
    #[error("tensor {name:?} is not as it was planned: {what} differs")]
    NotAsPlanned {
        /// The tensor's name.
        name: String,
        /// What is not the same.
        what: &'static str,
    },
    /// A tensor that was announced to a file's writer, and not handed over before the file was finished.
    #[error("tensor {name:?} was planned, but never written")]
    NotWritten {
        /// The tensor's name.
        name: String,
    },
    /// Tensors for which a calibrator was asked, and that it never saw.
    #[error("no values were observed for {}; {}", Listed(names), Others(*observed))]
    NotObserved {
        /// The names asked for.
        names: Vec<String>,
        /// How many other tensors were observed.
        observed: usize,
    },
    /// A calibrator's saved state that is not what its format prescribes.
    #[error("not a usable calibration: {reason}")]
    Calibration {
        /// What is wrong.
        reason: String,
    },
    /// Two calibrators whose ranges are of different parts of a tensor.
    #[error("a calibrator {ours} cannot take in one {theirs}")]
    NotMergeable {
        /// What a range is of in the one.
        ours: String,
        /// What it is of in the other.
        theirs: String,
    },
    /// A model that did not run on a sample.
    #[error("{reason}")]
    Run {
        /// Why not.
        reason: String,
    },
    /// A tensor that the file does not hold.
    #[error("there is no tensor named {name:?}")]
    NoSuchTensor {
        /// The name asked for.
        name: String,
    },
}

impl Error {
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

/// Names in quotation marks, with commas between them.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{name:?}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// How many other tensors there are.
struct Others(usize);

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 other tensor was observed"),
            n => write!(f, "{n} other tensors were observed"),
        }
    }
}
