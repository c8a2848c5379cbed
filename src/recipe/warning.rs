//! What one should know, and what can be done about it.

use core::fmt;

/// Something that one should know, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What there is to know.
    pub message: String,
    /// What can be done about it; empty if nothing.
    pub advice: String,
}

impl Warning {
    /// Returns a warning.
    pub fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { message: message.into(), advice: advice.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}
