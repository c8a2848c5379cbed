//! What runs a model on a sample and shows its values.

use super::array::Array;
use super::error::CalibrationError;
use crate::error::Error;
use crate::graph::{ElementType, Graph, ValueId};
use ndarray::{ArrayD, ArrayViewD};

/// Runs a model, one sample at a time.
///
/// Any runtime can be one: what it needs is the outputs, and every value on the way to them. A runtime that shows outputs
/// alone is given a copy of the model in which every value is one.
///
/// A model with variables keeps them from one run to the next, until [`reset`](Self::reset).
pub trait Runner {
    /// Returns the names of the signatures by which the model is called; none if it has none, and is called without.
    fn signatures(&self) -> Vec<String>;

    /// Returns what a signature takes; with `None` the first one, or the model's own inputs.
    ///
    /// # Errors
    ///
    /// [`RunError::NoSignature`].
    fn inputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError>;

    /// Returns what a signature gives; with `None` the first one, or the model's own outputs.
    ///
    /// # Errors
    ///
    /// [`RunError::NoSignature`].
    fn outputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError>;

    /// Runs the model on one sample and returns the outputs by name.
    ///
    /// `observe` is called once for every value of floating-point numbers that an operator makes, and for every input, as
    /// soon as it is there; values of a loop's body as often as it runs. Values that are codes with a scale are shown as the
    /// reals that they stand for. A value is only held for as long as operators still need it.
    ///
    /// An input of codes is given as codes, or as the reals that become codes; an output of codes is given as codes.
    ///
    /// # Errors
    ///
    /// [`RunError::Missing`], before anything runs, with everything that cannot be run; errors about the inputs; what
    /// `observe` returns.
    fn run(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        observe: &mut Observe<'_>,
    ) -> Result<Vec<(String, Array)>, RunError>;

    /// Runs the model on one sample with other values in place of those that it comes to: `replace` is called where
    /// [`run`](Self::run) would show a value, and what it returns goes on in its stead.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); [`RunError::Model`] from a runtime that cannot do so, which is what the provided body gives.
    fn run_replacing(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        replace: &mut Replace<'_>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        let _ = (signature, inputs, replace);
        Err(RunError::Model { reason: "this runner cannot put other values in place of those it comes to".into() })
    }

    /// Runs the model on one sample, and gradients back through it, as often as there are [seeds](Backwards::seeds).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), [`RunError::Missing`] for operators that cannot be gone through backwards; [`RunError::Model`] from a
    /// runtime that cannot do so at all, which is what the provided body gives.
    fn run_backwards(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        backwards: &mut dyn Backwards,
    ) -> Result<(), RunError> {
        let _ = (signature, inputs, backwards);
        Err(RunError::Model { reason: "this runner cannot run backwards".into() })
    }

    /// Gives variables the content that they had before the first run.
    fn reset(&mut self) {}

    /// Returns what the model computes, if this runner knows.
    fn graph(&self) -> Option<&Graph> {
        None
    }
}

/// What is called with values as they arise.
pub type Observe<'a> = dyn FnMut(&ValueView<'_>) -> Result<(), Error> + 'a;

/// What gradients are asked of, and who is shown them: by how much a weighed sum of some values changes with each of the others.
pub trait Backwards {
    /// Takes note of a value, as it arises.
    fn value(&mut self, value: &ValueView<'_>);

    /// Returns the weights of a sum, by value, for each round from 0 on; `None` ends the rounds.
    fn seeds(&mut self, round: usize) -> Option<Vec<(ValueId, ArrayD<f32>)>>;

    /// Takes note of the gradient of the sum by what an operator makes, before the operator's own activation; the last operator's
    /// first. Values that do not depend on weights have none.
    fn gradient(&mut self, gradient: &ValueView<'_>);

    /// Returns whether what it was shown in this round is all it wants of it, so that nothing is gone through that stands in front of
    /// that. Asked after each gradient; the provided body wants all.
    fn has_enough(&self) -> bool {
        false
    }
}

/// Returns what a value is replaced by, or `None` to leave it.
pub type Replace<'a> = dyn FnMut(&ValueView<'_>) -> Option<ArrayD<f32>> + 'a;

/// A value that a run came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ValueView<'a> {
    /// Which one it is.
    pub id: ValueId,
    /// Its name; need not be unique.
    pub name: &'a str,
    /// Its elements.
    pub values: ArrayViewD<'a, f32>,
}

impl<'a> ValueView<'a> {
    /// Returns the view of a value.
    pub fn new(id: ValueId, name: &'a str, values: ArrayViewD<'a, f32>) -> Self {
        Self { id, name, values }
    }
}

/// What a model takes or gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The name by which callers know it.
    pub name: String,
    /// The type of its elements.
    pub element_type: ElementType,
    /// Its lengths, `None` where any will do; `None` as a whole if the number of dimensions is not known.
    pub shape: Option<Vec<Option<usize>>>,
    /// The scale and zero point of its codes, if they are codes.
    pub quantization: Option<(f32, i64)>,
}

impl Endpoint {
    /// Returns an endpoint.
    pub fn new(name: impl Into<String>, element_type: ElementType, shape: Option<Vec<Option<usize>>>) -> Self {
        Self { name: name.into(), element_type, shape, quantization: None }
    }
}

/// Why a model did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Operators that this runner does not have, each once, with how often the model has them.
    #[error("this runner lacks {}", missing.join(", "))]
    Missing {
        /// The operators, and why, as in `CONV_2D (2 times)`.
        missing: Vec<String>,
    },
    /// A signature that the model does not have.
    #[error("there is no signature {name:?}; there are {known:?}")]
    NoSignature {
        /// The name asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An input that is not as the model wants it.
    #[error("input {name:?}: {reason}")]
    Input {
        /// The input.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An operator that cannot compute its outputs: shapes that do not fit, sizes beyond the limit.
    #[error("operator {operator} ({name}) of subgraph {subgraph}: {reason}")]
    Operator {
        /// The subgraph.
        subgraph: usize,
        /// The operator's number in it.
        operator: usize,
        /// What its file calls it.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A model that is inconsistent, or longer than the limits.
    #[error("{reason}")]
    Model {
        /// What is wrong.
        reason: String,
    },
    /// What reading the model's constants, or observing a value, came to.
    #[error(transparent)]
    Other(Error),
}

impl From<Error> for RunError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl RunError {
    /// Returns the same as an error of this crate: what was wrapped, or [`CalibrationError::NotRun`].
    pub fn into_error(self) -> Error {
        match self {
            RunError::Other(error) => error,
            other => CalibrationError::NotRun { reason: other.to_string() }.into(),
        }
    }
}
