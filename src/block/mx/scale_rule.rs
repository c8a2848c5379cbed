//! The rules of the scale of microscaling blocks.

use crate::error::Error;
use core::fmt;
use core::str::FromStr;

/// How the scale of a microscaling block follows from its largest magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScaleRule {
    /// The exponent of the largest magnitude, less that of the largest element: the specification's own. What is largest may be clipped.
    #[default]
    Floor,
    /// As `Floor`, the largest magnitude rounded up to a power of two first.
    Ceil,
    /// As `Floor`, the largest magnitude rounded to the element's fraction first, halves up.
    Even,
    /// The smallest power of two that clips nothing.
    RCeil,
    /// The one of least squared error, weighted by the importance; exact.
    Best,
}

impl ScaleRule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Floor, Self::Ceil, Self::Even, Self::RCeil, Self::Best];

    /// Returns the name: `floor`, `ceil`, `even`, `rceil`, `best`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Even => "even",
            Self::RCeil => "rceil",
            Self::Best => "best",
        }
    }
}

impl fmt::Display for ScaleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ScaleRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|rule| rule.name() == text.trim()).ok_or_else(|| Error::UnknownName {
            what: "rule of the scale",
            name: text.into(),
            expected: Self::ALL.iter().map(|rule| rule.name()).collect(),
        })
    }
}
