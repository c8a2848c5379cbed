//! The built-in roundings by value.

use super::{Ceil, Floor, HalfAway, Rounding, Stochastic, TiesEven, TowardZero};
use crate::error::{Error, Result};
use core::fmt;
use core::str::FromStr;

/// A built-in rounding by value, for code that learns which one at run time. The kernels run it as fast as the type itself.
///
/// Its text form is `ties-even`, `half-away`, `ceil`, `floor`, `toward-zero`, `stochastic` or `stochastic SEED`.
///
/// # Examples
///
/// ```
/// use tensor_quant::num::AnyRounding;
/// use tensor_quant::{HalfAway, Rounding};
///
/// let rounding: AnyRounding = "half-away".parse()?;
/// assert_eq!(rounding, HalfAway.into());
/// assert_eq!(rounding.round(-2.5, 0), -3.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the type of its name")]
#[non_exhaustive]
pub enum AnyRounding {
    TiesEven(TiesEven),
    HalfAway(HalfAway),
    Ceil(Ceil),
    Floor(Floor),
    TowardZero(TowardZero),
    Stochastic(Stochastic),
}

impl AnyRounding {
    /// One of each kind; the stochastic one has the seed 0.
    pub const ALL: [Self; 6] = [
        Self::TiesEven(TiesEven),
        Self::HalfAway(HalfAway),
        Self::Ceil(Ceil),
        Self::Floor(Floor),
        Self::TowardZero(TowardZero),
        Self::Stochastic(Stochastic { seed: 0 }),
    ];

    /// Returns the name, without a seed.
    pub fn name(self) -> &'static str {
        match self {
            Self::TiesEven(_) => "ties-even",
            Self::HalfAway(_) => "half-away",
            Self::Ceil(_) => "ceil",
            Self::Floor(_) => "floor",
            Self::TowardZero(_) => "toward-zero",
            Self::Stochastic(_) => "stochastic",
        }
    }
}

impl Default for AnyRounding {
    fn default() -> Self {
        Self::TiesEven(TiesEven)
    }
}

macro_rules! from {
    ($($rounding:ident)*) => {$(
        impl From<$rounding> for AnyRounding {
            fn from(rounding: $rounding) -> Self {
                Self::$rounding(rounding)
            }
        }
    )*};
}

from! { TiesEven HalfAway Ceil Floor TowardZero Stochastic }

impl Rounding for AnyRounding {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(self)
    }

    #[inline]
    fn round(self, x: f32, index: u64) -> f32 {
        match self {
            Self::TiesEven(it) => it.round(x, index),
            Self::HalfAway(it) => it.round(x, index),
            Self::Ceil(it) => it.round(x, index),
            Self::Floor(it) => it.round(x, index),
            Self::TowardZero(it) => it.round(x, index),
            Self::Stochastic(it) => it.round(x, index),
        }
    }

    fn is_random(self) -> bool {
        matches!(self, Self::Stochastic(_))
    }
}

impl fmt::Display for AnyRounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stochastic(Stochastic { seed }) if *seed != 0 => write!(f, "stochastic {seed}"),
            other => f.write_str(other.name()),
        }
    }
}

impl FromStr for AnyRounding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let (name, seed) = (words.next().unwrap_or_default(), words.next());
        let unknown = || Error::UnknownName {
            what: "rounding",
            name: text.into(),
            expected: Self::ALL.iter().map(|rounding| rounding.name()).collect(),
        };
        let found = Self::ALL.into_iter().find(|rounding| rounding.name().eq_ignore_ascii_case(name));
        match (found, seed, words.next()) {
            (Some(rounding), None, None) => Ok(rounding),
            (Some(Self::Stochastic(_)), Some(seed), None) => {
                let seed = seed.parse().map_err(|_| unknown())?;
                Ok(Self::Stochastic(Stochastic { seed }))
            }
            _ => Err(unknown()),
        }
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(AnyRounding);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_and_value_are_one() {
        for rounding in AnyRounding::ALL.into_iter().chain([Stochastic { seed: 42 }.into()]) {
            assert_eq!(rounding.to_string().parse::<AnyRounding>().unwrap(), rounding);
        }
        for wrong in ["", "up", "ceil 3", "stochastic x", "stochastic 1 2"] {
            assert!(wrong.parse::<AnyRounding>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_value_rounds_as_its_type_does() {
        for x in [-2.5_f32, -0.3, 0.0, 0.5, 1.5, 7.25, 1e9, f32::INFINITY] {
            for index in 0..4 {
                assert_eq!(AnyRounding::from(HalfAway).round(x, index), HalfAway.round(x, index));
                assert_eq!(AnyRounding::from(Ceil).round(x, index), Ceil.round(x, index));
                let random = Stochastic { seed: 9 };
                assert_eq!(AnyRounding::from(random).round(x, index), random.round(x, index));
            }
        }
    }
}
