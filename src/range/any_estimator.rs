//! The built-in estimators by value.

use super::{
    Entropy, Feed, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile, RangeEstimator, Target,
};
use crate::error::{Error, Result};
use crate::kernel::Extremes;
use crate::params::ValueRange;
use core::fmt;
use core::str::FromStr;

/// A built-in estimator by value, for code that learns which one at run time.
///
/// Its text form is that of its settings, whatever it has observed; the state is what `serde` writes.
///
/// | text form | estimator |
/// | --- | --- |
/// | `min-max` | [`MinMax`] |
/// | `percentile SHARE` | [`Percentile::two_sided`], the share in percent, as in `percentile 99.9` |
/// | `percentile LOW..HIGH` | [`Percentile::new`], as fractions of 1 |
/// | `mse`, `octav`, `entropy` | [`Mse`], [`Octav`], [`Entropy`] |
/// | `lp-norm P` | [`LpNorm::new`] |
/// | `mean-std K` | [`MeanStd::new`] |
/// | `moving-average MOMENTUM` | [`MovingAverage::new`] |
/// | `fixed MIN..MAX` | [`Fixed::new`] |
///
/// Merging one with one of another kind leaves it as it is: they have nothing in common.
///
/// # Examples
///
/// ```
/// use tensor_quant::range::{AnyEstimator, RangeEstimator};
/// use tensor_quant::params::CodeRange;
///
/// let mut estimator: AnyEstimator = "min-max".parse()?;
/// estimator.observe(&[-1.0, 3.0]);
/// assert_eq!(estimator.range(&CodeRange::of::<i8>())?.max(), 3.0);
/// assert_eq!("percentile 99.9".parse::<AnyEstimator>()?.to_string(), "percentile 99.9");
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[expect(missing_docs, reason = "each variant is the type of its name")]
#[non_exhaustive]
pub enum AnyEstimator {
    MinMax(MinMax),
    Percentile(Percentile),
    Mse(Mse),
    Octav(Octav),
    LpNorm(LpNorm),
    Entropy(Entropy),
    MeanStd(MeanStd),
    MovingAverage(MovingAverage),
    Fixed(Fixed),
}

impl Default for AnyEstimator {
    fn default() -> Self {
        Self::MinMax(MinMax::default())
    }
}

macro_rules! for_each {
    ($($estimator:ident)*) => {
        impl RangeEstimator for AnyEstimator {
            const IS_FOREIGN: bool = false;

            fn built_in(&self) -> Option<AnyEstimator> {
                Some(self.clone())
            }

            fn is_of_extremes(&self) -> bool {
                matches!(self, Self::MinMax(it) if it.is_of_extremes())
            }

            fn observe(&mut self, values: &[f32]) {
                match self {
                    $(Self::$estimator(it) => it.observe(values),)*
                }
            }

            fn observe_extremes(&mut self, seen: &Extremes) {
                match self {
                    $(Self::$estimator(it) => it.observe_extremes(seen),)*
                }
            }

            fn merge(&mut self, other: &Self) {
                match (self, other) {
                    $((Self::$estimator(ours), Self::$estimator(theirs)) => ours.merge(theirs),)*
                    _ => {}
                }
            }

            fn range(&self, target: &dyn Target) -> Result<ValueRange> {
                match self {
                    $(Self::$estimator(it) => it.range(target),)*
                }
            }

            fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
                match self {
                    $(Self::$estimator(it) => it.range_of(values, target),)*
                }
            }

            fn range_of_extremes(&self, seen: &Extremes, target: &dyn Target) -> Result<ValueRange> {
                match self {
                    $(Self::$estimator(it) => it.range_of_extremes(seen, target),)*
                }
            }

            fn feed(&self) -> Feed {
                match self {
                    $(Self::$estimator(it) => it.feed(),)*
                }
            }
        }

        $(
            impl From<$estimator> for AnyEstimator {
                fn from(estimator: $estimator) -> Self {
                    Self::$estimator(estimator)
                }
            }
        )*
    };
}

for_each! { MinMax Percentile Mse Octav LpNorm Entropy MeanStd MovingAverage Fixed }

/// The names that text forms begin with.
const NAMES: [&str; 9] =
    ["min-max", "percentile", "mse", "octav", "lp-norm", "entropy", "mean-std", "moving-average", "fixed"];

impl AnyEstimator {
    /// Returns the names that text forms begin with.
    pub(crate) fn names() -> [&'static str; 9] {
        NAMES
    }
}

impl fmt::Display for AnyEstimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax(_) => f.write_str("min-max"),
            Self::Percentile(it) => match it.share_in_percent() {
                Some(share) => write!(f, "percentile {share}"),
                None => write!(f, "percentile {}..{}", it.lower, it.upper),
            },
            Self::Mse(_) => f.write_str("mse"),
            Self::Octav(_) => f.write_str("octav"),
            Self::LpNorm(it) => write!(f, "lp-norm {}", it.p),
            Self::Entropy(_) => f.write_str("entropy"),
            Self::MeanStd(it) => write!(f, "mean-std {}", it.k),
            Self::MovingAverage(it) => write!(f, "moving-average {}", it.momentum),
            Self::Fixed(it) => write!(f, "fixed {}..{}", it.range.min(), it.range.max()),
        }
    }
}

impl Percentile {
    /// Returns the share that was asked for, in percent, if there is one from which the quantiles follow exactly.
    fn share_in_percent(&self) -> Option<f64> {
        let share = (self.upper - self.lower) * 100.0;
        // What it was written as has few digits; beside it the difference is off by a rounding error or two.
        let rounded = num_traits::Float::round(share * 1e9) / 1e9;
        let is_it =
            |share: f64| Self::in_percent(share).is_ok_and(|it| (it.lower, it.upper) == (self.lower, self.upper));
        [rounded, share].into_iter().find(|&share| is_it(share))
    }

    fn in_percent(share: f64) -> Result<Self> {
        Self::two_sided(share / 100.0)
    }
}

impl FromStr for AnyEstimator {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (name, argument) =
            text.split_once(char::is_whitespace).map_or((text, ""), |(name, rest)| (name, rest.trim()));
        let unknown = || Error::UnknownName { what: "range estimator", name: text.into(), expected: NAMES.into() };
        let number = || argument.parse::<f64>().map_err(|_| unknown());
        let pair = || argument.split_once("..").map(|(low, high)| (low.trim(), high.trim()));
        Ok(match (name.to_ascii_lowercase().as_str(), argument) {
            ("min-max" | "max", "") => MinMax::default().into(),
            ("mse", "") => Mse::default().into(),
            ("octav", "") => Octav::default().into(),
            ("entropy", "") => Entropy::default().into(),
            ("lp-norm", "") => LpNorm::default().into(),
            ("lp-norm", _) => LpNorm::new(number()?)?.into(),
            ("mean-std", _) => MeanStd::new(number()?)?.into(),
            ("moving-average", _) => MovingAverage::new(argument.parse().map_err(|_| unknown())?)?.into(),
            ("percentile", _) => match pair() {
                None => Percentile::in_percent(number()?)?.into(),
                Some((low, high)) => {
                    let bound = |bound: &str| bound.parse().map_err(|_| unknown());
                    Percentile::new(bound(low)?, bound(high)?)?.into()
                }
            },
            ("fixed", _) => {
                let (min, max) = pair().ok_or_else(unknown)?;
                let bound = |bound: &str| bound.parse().map_err(|_| unknown());
                Fixed::new(ValueRange::new(bound(min)?, bound(max)?)?).into()
            }
            _ => return Err(unknown()),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_and_settings_are_one() {
        for text in [
            "min-max",
            "percentile 99.9",
            "percentile 99.99",
            "percentile 100",
            "percentile 33.3",
            "percentile 0.01..0.98",
            "mse",
            "octav",
            "lp-norm 2.4",
            "lp-norm 3",
            "entropy",
            "mean-std 3.5",
            "moving-average 0.01",
            "fixed -1..1",
            "fixed -0.1..2.5",
        ] {
            let estimator: AnyEstimator = text.parse().unwrap();
            assert_eq!(estimator.to_string(), text);
            assert_eq!(estimator.to_string().parse::<AnyEstimator>().unwrap(), estimator);
        }
        for share in (1..1000).map(|k| f64::from(k) / 1000.0) {
            let estimator = AnyEstimator::from(Percentile::two_sided(share).unwrap());
            assert_eq!(estimator.to_string().parse::<AnyEstimator>().unwrap(), estimator, "{estimator}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_the_names_or_the_numbers() {
        for wrong in ["", "minmax", "mse 3", "percentile", "percentile x", "percentile 101", "fixed 1", "fixed 2..1"] {
            assert!(wrong.parse::<AnyEstimator>().is_err(), "{wrong:?}");
        }
        let message = "minmax".parse::<AnyEstimator>().unwrap_err().to_string();
        assert!(message.contains("\"minmax\"") && message.contains("min-max, percentile"), "{message}");
    }
}
