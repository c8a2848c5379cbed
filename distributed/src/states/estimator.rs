//! The state of one estimator of ranges, and what is made of it.

use super::{Piece, State, failed, unreadable};
use crate::answer;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use tensor_quant::kernel::Extremes;
use tensor_quant::params::CodeRange;
use tensor_quant::range::{AnyEstimator, MinMax, RangeEstimator};
use tensor_quant::{AnyScheme, Error, NanPolicy};

/// What is asked of the estimator in the end.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The extremes and counts.
    Seen,
    /// The mean and the standard deviation.
    MeanAndStd,
    /// The range, for the codes of no scheme: of an estimator that does not ask for them.
    Range,
    /// The range for a scheme.
    RangeFor(Box<AnyScheme>),
    /// The scale and the zero point.
    ParamsFor(Box<AnyScheme>),
}

/// An estimator's state. The extremes and the numbers of NaN and infinities stand beside it, if they are part of the answer.
#[derive(Clone, Debug)]
pub(crate) struct OfEstimator {
    function: &'static str,
    estimator: AnyEstimator,
    seen: Option<MinMax>,
    answer: Answer,
}

impl OfEstimator {
    /// Returns the state of an estimator that has observed nothing.
    pub(crate) fn new(function: &'static str, estimator: AnyEstimator, answer: Answer) -> Self {
        // What min-max remembers is this already.
        let counts = matches!(answer, Answer::ParamsFor(_)) && !matches!(estimator, AnyEstimator::MinMax(_));
        Self { function, estimator, seen: counts.then(MinMax::default), answer }
    }

    fn seen(&self) -> Extremes {
        match (&self.estimator, &self.seen) {
            (AnyEstimator::MinMax(it), _) | (_, Some(it)) => *it.seen(),
            _ => Extremes::default(),
        }
    }

    /// Returns the scale and zero point of a group.
    fn params(&self, scheme: &AnyScheme) -> Result<ScalarValue> {
        let seen = self.seen();
        if seen.nan > 0 && scheme.nan_policy == NanPolicy::Error {
            return Err(failed(
                self.function,
                format!(
                    "{} of {} values are NaN; a scheme with \"nan skip\" leaves them out, as in '{}'",
                    seen.nan,
                    seen.count,
                    scheme.clone().with_nan_policy(NanPolicy::Skip)
                ),
            ));
        }
        let params = self.estimator.range(scheme).and_then(|range| {
            let params = tensor_quant::range::Target::params(scheme, range)?;
            Ok((params, range))
        });
        match params {
            Ok((params, _)) => answer::params(params.scale(), i64::from(params.zero_point())),
            Err(Error::NoData { .. }) => answer::no_params(),
            Err(error) => Err(failed(self.function, error)),
        }
    }
}

impl State for OfEstimator {
    fn observe(&mut self, piece: &Piece<'_>) -> Result<()> {
        self.estimator.observe(piece.values);
        if let Some(seen) = &mut self.seen {
            seen.observe(piece.values);
        }
        Ok(())
    }

    fn merge(&mut self, text: &str) -> Result<()> {
        let unreadable = |error: serde_json::Error| unreadable(self.function, error);
        let (estimator, seen): (AnyEstimator, Option<MinMax>) = serde_json::from_str(text).map_err(unreadable)?;
        if estimator.to_string() != self.estimator.to_string() || seen.is_some() != self.seen.is_some() {
            let reason = format!("it is of \"{estimator}\", not of \"{}\"", self.estimator);
            return Err(super::unreadable(self.function, reason));
        }
        self.estimator.merge(&estimator);
        if let (Some(ours), Some(theirs)) = (&mut self.seen, seen) {
            ours.merge(&theirs);
        }
        Ok(())
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string(&(&self.estimator, &self.seen)).map_err(|error| failed(self.function, error))
    }

    fn answer(&self) -> Result<ScalarValue> {
        let range = match &self.answer {
            Answer::Seen => return answer::seen(&self.seen()),
            Answer::ParamsFor(scheme) => return self.params(scheme),
            Answer::MeanAndStd => {
                let AnyEstimator::MeanStd(it) = &self.estimator else { return answer::mean_and_std(None) };
                return answer::mean_and_std(it.mean_and_std());
            }
            Answer::Range => self.estimator.range(&CodeRange::of::<i8>()),
            Answer::RangeFor(scheme) => self.estimator.range(&**scheme),
        };
        match range {
            Ok(range) => answer::range(Some((range.min(), range.max()))),
            Err(Error::NoData { .. }) => answer::range(None),
            Err(error) => Err(failed(self.function, error)),
        }
    }

    fn size(&self) -> usize {
        match self.estimator {
            AnyEstimator::MinMax(_) | AnyEstimator::Fixed(_) | AnyEstimator::MeanStd(_) => 0,
            // A histogram of a bell.
            _ => 110 << 10,
        }
    }
}
