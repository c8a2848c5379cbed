//! A fault of a model.

use core::fmt;

/// What becomes of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Results are right all the same.
    Note,
    /// The interpreter refuses the model, with some of its kernels at least.
    Refused,
    /// It runs, and its results are wrong.
    Wrong,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Refused => "refused",
            Self::Wrong => "wrong",
        })
    }
}

/// A fault of a model, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What becomes of it.
    pub severity: Severity,
    /// The subgraph.
    pub subgraph: usize,
    /// The operator's number in it; `None` if it is a tensor's fault.
    pub operator: Option<usize>,
    /// The operator's kind, or the tensor's name.
    pub name: String,
    /// What is wrong, with the numbers.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, subgraph, operator, name, reason } = self;
        match operator {
            Some(operator) => write!(f, "{severity}: operator {operator} of subgraph {subgraph}, {name}: {reason}"),
            None => write!(f, "{severity}: tensor {name:?} of subgraph {subgraph}: {reason}"),
        }
    }
}
