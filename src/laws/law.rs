//! What a law is.

use core::fmt;

/// One property that every subject of a kind has, unless it says that it has not.
///
/// The laws are constants: [`scheme`](super::scheme), [`estimator`](super::estimator), [`calculator`](super::calculator),
/// [`rounding`](super::rounding), [`code`](super::code) and `block_format` hold those of each kind, and a list of them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Law {
    /// What it is a law of, as in `scheme`.
    pub kind: &'static str,
    /// Its name, which is also the name of the test that the macros make of it.
    pub name: &'static str,
    /// What must hold, as a formula.
    pub statement: &'static str,
    /// What goes wrong where it does not.
    pub why: &'static str,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.kind, self.name)
    }
}

/// A law that a subject does not promise, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The law.
    pub law: Law,
    /// Why it does not hold.
    pub reason: String,
}

impl Waiver {
    /// Returns the waiver of a law for this reason.
    pub fn new(law: Law, reason: impl Into<String>) -> Self {
        Self { law, reason: reason.into() }
    }
}
