//! What a fit is asked for.

use crate::num::CodeType;
use crate::recipe::{Compute, Glob};

/// What a file has to meet.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// The smallest file whose worst output has at least this signal-to-noise ratio, in dB.
    MinSqnr(f64),
    /// The best file of at most this share of the input's bytes.
    MaxSize(f64),
    /// The best file of at most so many bytes when it is deflated, as in an APK or a `.zip`.
    MaxDownload(u64),
    /// The smallest file whose accuracy is at most so many percentage points below the float model's.
    MaxAccuracyDrop(f64),
}

/// Which bytes of a file count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Those of the file.
    #[default]
    File,
    /// Those of the file when it is deflated, as in an APK or a `.zip`.
    Download,
}

/// How the operators of a fitted file compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arithmetic {
    /// In floating point: weights are restored first.
    #[default]
    WeightOnly,
    /// With integer weights, and activations that are quantized as the model runs.
    Dynamic,
    /// In integers from end to end. A few recipes are tried as a whole, with activations of 8 and of 16 bits, and with operators
    /// left in floating point; [`Request::types`] and [`Request::exclude`] have no say.
    /// The samples that judge tell ranges of activations, too.
    Integer,
}

impl Arithmetic {
    /// Returns how weights of a type of their own are computed with.
    pub(super) fn of_weights(self) -> Compute {
        match self {
            Self::Dynamic => Compute::DynamicRange,
            Self::WeightOnly | Self::Integer => Compute::WeightOnly,
        }
    }
}

/// What a fit is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the file has to meet.
    pub goal: Goal,
    /// Which bytes are to be few; always those of the download for [`Goal::MaxDownload`].
    pub count: Count,
    /// How operators compute with codes.
    pub arithmetic: Arithmetic,
    /// What tensors may become, besides staying as they are.
    pub types: Vec<CodeType>,
    /// Names of tensors that stay as they are.
    pub exclude: Vec<Glob>,
    /// Tensors of fewer elements stay as they are.
    pub min_elements: usize,
    /// How many candidates are run, beside one for each tensor and type.
    pub evaluations: usize,
    /// What the bound is drawn with.
    pub seed: u64,
}

impl Request {
    /// Returns a request for weights of 8 and 4 bits, computed with in floating point.
    pub fn new(goal: Goal) -> Self {
        Self {
            goal,
            count: if let Goal::MaxDownload(_) = goal { Count::Download } else { Count::File },
            arithmetic: Arithmetic::WeightOnly,
            types: vec![CodeType::I8, CodeType::I4],
            exclude: Vec::new(),
            min_elements: 64,
            evaluations: 24,
            seed: 1,
        }
    }
}
