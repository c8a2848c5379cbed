//! The built-in estimators by value.

use super::text_form::{self, TextForm};
use super::{
    Entropy, Feed, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile, RangeEstimator, Target,
};
use crate::error::{Error, Result};
use crate::kernel::Extremes;
use crate::params::ValueRange;
use core::fmt;
use core::str::FromStr;

macro_rules! any_of {
    ($($estimator:ident)*) => {
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
            $($estimator($estimator),)*
        }

        /// The names that text forms begin with.
        const NAMES: &[&str] = &[$($estimator::NAME),*];

        impl AnyEstimator {
            /// Returns one of all estimators that serve such codes, by numbers between 0 and 1: which it is, and its settings.
            #[cfg(feature = "proptest")]
            pub(crate) fn drawn(which: f64, settings: [f64; 2], integer_codes: bool) -> Self {
                let kinds: &[(bool, fn([f64; 2]) -> Option<Self>)] = &[
                    $(($estimator::INTEGER_CODES_ONLY, |numbers| $estimator::drawn(numbers).map(Self::$estimator)),)*
                ];
                let (integers_only, drawn) = kinds[((which * kinds.len() as f64) as usize).min(kinds.len() - 1)];
                if integers_only && !integer_codes { Self::default() } else { drawn(settings).unwrap_or_default() }
            }

            /// Returns the estimator itself.
            #[cfg(feature = "proptest")]
            pub(crate) fn itself(&self) -> &dyn core::any::Any {
                match self {
                    $(Self::$estimator(it) => it,)*
                }
            }
        }

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

        impl fmt::Display for AnyEstimator {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$estimator(it) => text_form::write(it, f),)*
                }
            }
        }

        impl FromStr for AnyEstimator {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let text = text.trim();
                let (name, settings) =
                    text.split_once(char::is_whitespace).map_or((text, ""), |(name, rest)| (name, rest.trim()));
                let unknown =
                    || Error::UnknownName { what: "range estimator", name: text.into(), expected: NAMES.into() };
                $(
                    if let Some(read) = text_form::read::<$estimator>(name, settings, &unknown) {
                        return read.map(Self::$estimator);
                    }
                )*
                Err(unknown())
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

// All of them: the one list of estimators in this crate.
any_of! { MinMax Percentile Mse Octav LpNorm Entropy MeanStd MovingAverage Fixed }

impl AnyEstimator {
    /// Returns the names that text forms begin with.
    pub fn names() -> &'static [&'static str] {
        NAMES
    }
}

impl Default for AnyEstimator {
    fn default() -> Self {
        Self::MinMax(MinMax::default())
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
