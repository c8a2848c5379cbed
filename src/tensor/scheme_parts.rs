//! A scheme of which only some parts are said, and its text form.

use super::error::TensorError;
use crate::error::{Error, Result};
use crate::num::{AnyRounding, CodeType, Scaling};
use crate::params::{AnyCalculator, Granularity, NanPolicy};
use crate::range::AnyEstimator;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// A scheme of which the code type is said, and of the other parts those that shall not be as usual: what the text form of an
/// [`AnyScheme`](super::AnyScheme) says. Recipes fill in the rest as it is usual for weights.
///
/// # Examples
///
/// ```
/// use tensor_quant::tensor::SchemeParts;
///
/// let parts: SchemeParts = "int8, mse".parse()?;
/// assert_eq!((parts.granularity, parts.to_string().as_str()), (None, "i8, mse"));
/// assert_eq!(parts.scheme().to_string(), "i8 symmetric per tensor, mse");
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SchemeParts {
    /// The type of the codes.
    pub code: CodeType,
    /// Turns a range into a scale and zero point.
    pub calculator: Option<AnyCalculator>,
    /// Which elements share a scale.
    pub granularity: Option<Granularity>,
    /// Finds the range of each group.
    pub estimator: Option<AnyEstimator>,
    /// Maps quotients to whole numbers.
    pub rounding: Option<AnyRounding>,
    /// Division, or multiplication by the reciprocal.
    pub scaling: Option<Scaling>,
    /// What a NaN gives.
    pub nan_policy: Option<NanPolicy>,
}

impl SchemeParts {
    /// Returns a scheme of which only the code type is said.
    pub fn new(code: CodeType) -> Self {
        Self {
            code,
            calculator: None,
            granularity: None,
            estimator: None,
            rounding: None,
            scaling: None,
            nan_policy: None,
        }
    }
}

impl fmt::Display for SchemeParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(calculator) = &self.calculator {
            write!(f, " {calculator}")?;
        }
        if let Some(granularity) = &self.granularity {
            write!(f, " {granularity}")?;
        }
        if let Some(estimator) = &self.estimator {
            write!(f, ", {estimator}")?;
        }
        if let Some(rounding) = &self.rounding {
            write!(f, ", {rounding}")?;
        }
        match self.scaling {
            Some(Scaling::Divide) => f.write_str(", divide")?,
            Some(Scaling::Reciprocal) => f.write_str(", reciprocal")?,
            None => {}
        }
        match self.nan_policy {
            Some(NanPolicy::Error) => f.write_str(", nan error"),
            Some(NanPolicy::Skip) => f.write_str(", nan skip"),
            Some(NanPolicy::Native) => f.write_str(", nan native"),
            None => Ok(()),
        }
    }
}

impl FromStr for SchemeParts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason| Error::from(TensorError::SchemeText { text: text.into(), reason });
        let spaced: String = text.replace(',', " ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let Some((first, mut words)) = words.split_first() else {
            return Err(bad("it is empty: a code type comes first, as in i8".into()));
        };
        let mut parts = SchemeParts::new(first.parse()?);
        while let Some((part, used)) = part(words).map_err(bad)? {
            words = &words[used..];
            let (what, twice) = match part {
                Part::Calculator(it) => ("calculator", parts.calculator.replace(it).is_some()),
                Part::Estimator(it) => ("range estimator", parts.estimator.replace(it).is_some()),
                Part::Rounding(it) => ("rounding", parts.rounding.replace(it).is_some()),
                Part::Granularity(it) => ("granularity", parts.granularity.replace(it).is_some()),
                Part::Scaling(it) => ("scaling", parts.scaling.replace(it).is_some()),
                Part::Nan(it) => ("answer to NaN", parts.nan_policy.replace(it).is_some()),
            };
            if twice {
                return Err(bad(alloc::format!("it names the {what} twice")));
            }
        }
        Ok(parts)
    }
}

/// What a few words of a text form say.
enum Part {
    Calculator(AnyCalculator),
    Estimator(AnyEstimator),
    Rounding(AnyRounding),
    Granularity(Granularity),
    Scaling(Scaling),
    Nan(NanPolicy),
}

/// The most words that one part has, as in `per block of 32 along axis 1`.
const LONGEST: usize = 7;

/// Returns what the first words say, and how many they are: the most that mean something together. `None` if there are none.
fn part(words: &[&str]) -> Result<Option<(Part, usize)>, String> {
    let [first, ..] = words else { return Ok(None) };
    let mut reason = None;
    for used in (1..=words.len().min(LONGEST)).rev() {
        let text = words[..used].join(" ");
        match one(&text) {
            Ok(part) => return Ok(Some((part, used))),
            // A name that is known, and numbers that it cannot have.
            Err(Error::UnknownName { .. }) => {}
            Err(error) => reason = reason.or_else(|| Some(alloc::format!("{error}"))),
        }
    }
    if *first == "per" && reason.is_none() {
        let forms = "per tensor, per axis 0, per block of 32 along axis 1 or per block of 128x128, with axes from 0";
        return Err(alloc::format!("\"{}\" begins as none of {forms}", words.join(" ")));
    }
    let names = || {
        let mut names = AnyCalculator::names();
        names.extend(AnyEstimator::names());
        names.extend(AnyRounding::ALL.iter().map(|rounding| rounding.name()));
        names.extend(["divide", "reciprocal", "per …", "nan …"]);
        names.join(", ")
    };
    Err(reason.unwrap_or_else(|| alloc::format!("{first:?} is none of {}, or lacks what follows it", names())))
}

fn one(text: &str) -> Result<Part> {
    match text.to_ascii_lowercase().as_str() {
        "divide" => return Ok(Part::Scaling(Scaling::Divide)),
        "reciprocal" => return Ok(Part::Scaling(Scaling::Reciprocal)),
        "nan error" => return Ok(Part::Nan(NanPolicy::Error)),
        "nan skip" => return Ok(Part::Nan(NanPolicy::Skip)),
        "nan native" => return Ok(Part::Nan(NanPolicy::Native)),
        _ => {}
    }
    let readings: [fn(&str) -> Result<Part>; 4] = [
        |text| text.parse().map(Part::Calculator),
        |text| text.parse().map(Part::Estimator),
        |text| text.parse().map(Part::Rounding),
        |text| text.parse().map(Part::Granularity),
    ];
    let mut unknown = None;
    for reading in readings {
        match reading(text) {
            Err(error @ Error::UnknownName { .. }) => unknown = Some(error),
            known => return known,
        }
    }
    Err(unknown.unwrap_or(Error::UnknownName { what: "part of a scheme", name: text.into(), expected: Vec::new() }))
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(SchemeParts);
