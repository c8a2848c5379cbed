//! The aggregate functions: their names, arguments and types.

use crate::answer;
use crate::column::{is_of_reals, not_reals};
use crate::literal::{estimator, number, scheme, wrong};
use crate::states::{Answer, MeansOfChannels, MomentsOfChannels, OfEstimator, OfHistogram, OfTensors, State};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use tensor_quant::range::{AnyEstimator, Entropy, MeanStd, MinMax, Mse, Percentile};

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    MinMax,
    Histogram,
    Percentile,
    MseRange,
    EntropyRange,
    MeanStd,
    ChannelMeans,
    SecondMoments,
    Params,
    Statistics,
}

/// What an argument is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// The tensor's name: a column of text.
    Name,
    /// The values: a column of reals, or of lists of them.
    Values,
    /// How many channels the last axis has: a column of integers, or one integer.
    Channels,
    /// A setting: a literal.
    Setting,
}

impl Function {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::MinMax,
        Self::Histogram,
        Self::Percentile,
        Self::MseRange,
        Self::EntropyRange,
        Self::MeanStd,
        Self::ChannelMeans,
        Self::SecondMoments,
        Self::Params,
        Self::Statistics,
    ];

    /// Returns what SQL calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MinMax => "tq_min_max",
            Self::Histogram => "tq_histogram",
            Self::Percentile => "tq_percentile",
            Self::MseRange => "tq_mse_range",
            Self::EntropyRange => "tq_entropy_range",
            Self::MeanStd => "tq_mean_std",
            Self::ChannelMeans => "tq_channel_means",
            Self::SecondMoments => "tq_second_moments",
            Self::Params => "tq_params",
            Self::Statistics => "tq_statistics",
        }
    }

    /// Returns how it is called, for errors.
    fn usage(self) -> &'static str {
        match self {
            Self::MinMax => "tq_min_max(values)",
            Self::Histogram => "tq_histogram(values)",
            Self::Percentile => {
                "tq_percentile(values, 99.9), the share in percent, or tq_percentile(values, 0.001, 0.999)"
            }
            Self::MseRange => "tq_mse_range(values, 'i8 symmetric')",
            Self::EntropyRange => "tq_entropy_range(values, 'u8 affine')",
            Self::MeanStd => "tq_mean_std(values)",
            Self::ChannelMeans => "tq_channel_means(lists) or tq_channel_means(lists, channels)",
            Self::SecondMoments => "tq_second_moments(lists) or tq_second_moments(lists, channels)",
            Self::Params => "tq_params(values, 'u8 affine, percentile 99.9')",
            Self::Statistics => {
                "tq_statistics(name, values, 'percentile 99.9') or tq_statistics(name, values, 'percentile 99.9', channels)"
            }
        }
    }

    /// Returns what each argument is for, if there are so many.
    pub(crate) fn arguments(self, count: usize) -> Option<&'static [Argument]> {
        use Argument::{Channels, Name, Setting, Values};
        let (least, all): (usize, &[Argument]) = match self {
            Self::MinMax | Self::Histogram | Self::MeanStd => (1, &[Values]),
            Self::Percentile => (2, &[Values, Setting, Setting]),
            Self::MseRange | Self::EntropyRange | Self::Params => (2, &[Values, Setting]),
            Self::ChannelMeans | Self::SecondMoments => (1, &[Values, Channels]),
            Self::Statistics => (3, &[Name, Values, Setting, Channels]),
        };
        if count < least { None } else { all.get(..count) }
    }

    /// Checks the types of arguments.
    ///
    /// # Errors
    ///
    /// An error that says how the function is called, or which types of values there are.
    pub(crate) fn check(self, types: &[DataType]) -> Result<&'static [Argument]> {
        let arguments = self.arguments(types.len());
        let called = |reason: &str| wrong(self.name(), &format!("{reason}; it is called as {}", self.usage()));
        let arguments = arguments.ok_or_else(|| called(&format!("{} arguments", types.len())))?;
        for (argument, data_type) in arguments.iter().zip(types) {
            let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
                || matches!(data_type, DataType::Dictionary(_, value) if **value == DataType::Utf8);
            match argument {
                Argument::Values if !is_of_reals(data_type) => return Err(not_reals(data_type)),
                Argument::Name if !is_text => return Err(called(&format!("names of type {data_type} are no text"))),
                Argument::Channels if !data_type.is_integer() => {
                    return Err(called(&format!("channels of type {data_type} are no integers")));
                }
                _ => {}
            }
        }
        Ok(arguments)
    }

    /// Checks that it is asked of all values.
    ///
    /// # Errors
    ///
    /// An error about values without those that are there already.
    pub(crate) fn refuse_distinct(self, is_distinct: bool) -> Result<()> {
        if is_distinct {
            return Err(wrong(self.name(), "DISTINCT would change what is observed, and is not supported"));
        }
        Ok(())
    }

    /// Returns the type of its answers.
    pub(crate) fn answer_type(self) -> DataType {
        match self {
            Self::MinMax => answer::seen_type(),
            Self::Histogram => answer::histogram_type(),
            Self::Percentile | Self::MseRange | Self::EntropyRange => answer::range_type(),
            Self::MeanStd => answer::mean_and_std_type(),
            Self::ChannelMeans => answer::means_type(),
            Self::SecondMoments => answer::second_moments_type(),
            Self::Params => answer::params_type(),
            Self::Statistics => DataType::LargeUtf8,
        }
    }

    /// Returns whether it is about places in rows: a value that is NULL keeps its place then.
    pub(crate) fn needs_places(self) -> bool {
        matches!(self, Self::ChannelMeans | Self::SecondMoments | Self::Statistics)
    }

    /// Returns the state of a group that has no rows yet.
    ///
    /// # Errors
    ///
    /// An error about a setting, which names the function.
    pub(crate) fn fresh(self, settings: &[ScalarValue]) -> Result<Box<dyn State>> {
        let name = self.name();
        let missing = || wrong(name, &format!("a setting is missing; it is called as {}", self.usage()));
        let setting = |number: usize| settings.get(number).ok_or_else(missing);
        let of = |estimator: AnyEstimator, answer| Box::new(OfEstimator::new(name, estimator, answer));
        let of_scheme = |estimator: AnyEstimator| -> Result<Box<dyn State>> {
            Ok(of(estimator, Answer::RangeFor(Box::new(scheme(name, setting(0)?)?))))
        };
        Ok(match self {
            Self::MinMax => of(MinMax::default().into(), Answer::Seen),
            Self::Histogram => Box::new(OfHistogram::new(name)),
            Self::Percentile => of(self.percentile(settings)?.into(), Answer::Range),
            Self::MseRange => return of_scheme(Mse::default().into()),
            Self::EntropyRange => return of_scheme(Entropy::default().into()),
            Self::MeanStd => {
                let estimator = MeanStd::new(1.0).map_err(|error| wrong(name, &error.to_string()))?;
                of(estimator.into(), Answer::MeanAndStd)
            }
            Self::ChannelMeans => Box::new(MeansOfChannels::new(name)),
            Self::SecondMoments => Box::new(MomentsOfChannels::new(name)),
            Self::Params => {
                let scheme = scheme(name, setting(0)?)?;
                of(scheme.estimator.clone(), Answer::ParamsFor(Box::new(scheme)))
            }
            Self::Statistics => Box::new(OfTensors::new(name, estimator(name, setting(0)?)?)),
        })
    }

    /// Returns the estimator of quantiles: of a share in percent, or of two quantiles.
    fn percentile(self, settings: &[ScalarValue]) -> Result<Percentile> {
        let name = self.name();
        let percentile = match settings {
            [share] => Percentile::two_sided(number(name, "the share in percent", share)? / 100.0),
            [lower, upper] => {
                let lower = number(name, "the lower quantile", lower)?;
                Percentile::new(lower, number(name, "the upper quantile", upper)?)
            }
            _ => return Err(wrong(name, self.usage())),
        };
        percentile.map_err(|error| wrong(name, &format!("{error}; it is called as {}", self.usage())))
    }
}
