//! What is promised, and how hard it is tried.

use super::calculator;
use super::code::{self, Codec};
use super::estimator;
use super::law::{Law, Waiver};
use super::quantization_method::{QuantizationMethod, Subject};
use super::rounding;
use super::scheme;
use super::trials::{Breach, SHRINKS, Trials};
use super::verdict::{Broken, Verdict};
use crate::num::Rounding;
use crate::params::ParamsCalculator;
use crate::range::RangeEstimator;
use core::any::Any;
use core::fmt::Debug;
use proptest::test_runner::Config;

/// On what terms a subject is checked: which laws it does not promise, and how many cases each law is tried on.
///
/// Each law is tried first on corner cases, which are always the same: ties and the numbers beside them, zeros of both signs,
/// constants, the smallest and the largest numbers. The random cases behind them are the same in every run, too: their seed is made
/// of the law's name. [`with_seed`](Self::with_seed) gives others.
///
/// # Examples
///
/// ```
/// use tensor_quant::laws::{Terms, scheme};
/// use tensor_quant::{Ceil, Scheme};
///
/// let rounds_up = Scheme::<i8>::symmetric().with_rounding(Ceil);
/// let terms = Terms::default().with_cases(32).without(scheme::POWERS_OF_TWO, "is checked elsewhere");
/// let verdict = terms.check_scheme(&rounds_up)?;
/// assert!(verdict.waived().iter().any(|waiver| waiver.law == scheme::WITHIN_HALF_A_STEP));
/// # Ok::<(), tensor_quant::laws::Broken>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Terms {
    cases: u32,
    seed: u64,
    waived: Vec<Waiver>,
    only: Option<Law>,
}

/// 256 random cases a law, or as many as the environment variable `PROPTEST_CASES` says, and no law left out.
impl Default for Terms {
    fn default() -> Self {
        Self { cases: Config::default().cases, seed: 0, waived: Vec::new(), only: None }
    }
}

impl Terms {
    /// Returns the terms with a law that the subject does not promise, for a reason that people can read.
    ///
    /// A check on these terms fails if the subject's kind has no such law. Should the law hold all the same, the verdict notes it
    /// as [needless](Verdict::needless_waivers): its corner cases and a quarter of the others are tried, unless they are as large as those of
    /// [`THREADS`](scheme::THREADS) and [`SQNR_PER_BIT`](scheme::SQNR_PER_BIT), or the law is known not to be promised.
    pub fn without(mut self, law: Law, reason: impl Into<String>) -> Self {
        self.waived.push(Waiver::new(law, reason));
        self
    }

    /// Returns the terms with so many random cases for each law; laws whose cases take long are tried on fewer.
    pub fn with_cases(self, cases: u32) -> Self {
        Self { cases, ..self }
    }

    /// Returns the terms with other cases.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Returns the terms of one law only, which must then be promised: what the macros make a test of.
    pub fn only(self, law: Law) -> Self {
        Self { only: Some(law), ..self }
    }

    /// Checks the laws of [`scheme`](super::scheme).
    ///
    /// # Errors
    ///
    /// The first law that is broken, with the simplest counterexample; a law that was left out and that there is not.
    pub fn check_scheme(&self, quantizer: &dyn QuantizationMethod) -> Result<Verdict, Broken> {
        let subject = Subject::new(quantizer);
        let check = |k: usize, trials: &Trials| scheme::CHECKS[k](&subject, trials);
        self.judge(quantizer, scheme::LAWS, &check, quantizer.waivers())
    }

    /// Checks the laws of [`estimator`](super::estimator). The estimator has observed nothing.
    ///
    /// # Errors
    ///
    /// As [`check_scheme`](Self::check_scheme).
    pub fn check_estimator<E: RangeEstimator + 'static>(&self, estimator: &E) -> Result<Verdict, Broken> {
        self.judge_estimator(estimator, &estimator::erased(estimator), estimator)
    }

    fn judge_estimator(
        &self,
        shown: &dyn Debug,
        subject: &dyn estimator::Subject,
        estimator: &dyn Any,
    ) -> Result<Verdict, Broken> {
        let check = |k: usize, trials: &Trials| estimator::CHECKS[k](subject, trials);
        self.judge(shown, estimator::LAWS, &check, estimator::waivers(estimator, subject.feed()))
    }

    /// Checks the laws of [`calculator`](super::calculator).
    ///
    /// # Errors
    ///
    /// As [`check_scheme`](Self::check_scheme).
    pub fn check_calculator<P: ParamsCalculator + 'static>(&self, calculator: &P) -> Result<Verdict, Broken> {
        self.judge_calculator(calculator, calculator)
    }

    fn judge_calculator(&self, subject: &dyn ParamsCalculator, calculator: &dyn Any) -> Result<Verdict, Broken> {
        let check = |k: usize, trials: &Trials| calculator::CHECKS[k](subject, trials);
        self.judge(subject, calculator::LAWS, &check, calculator::waivers(calculator))
    }

    /// Checks the laws of [`rounding`](super::rounding).
    ///
    /// # Errors
    ///
    /// As [`check_scheme`](Self::check_scheme).
    pub fn check_rounding<R: Rounding + 'static>(&self, rounding: &R) -> Result<Verdict, Broken> {
        self.judge_rounding(rounding, rounding)
    }

    fn judge_rounding(&self, subject: &dyn rounding::Subject, rounding: &dyn Any) -> Result<Verdict, Broken> {
        let check = |k: usize, trials: &Trials| rounding::CHECKS[k](subject, trials);
        self.judge(subject, rounding::LAWS, &check, rounding::waivers(rounding, subject.is_random()))
    }

    /// Checks the laws of [`code`](super::code).
    ///
    /// # Errors
    ///
    /// As [`check_scheme`](Self::check_scheme).
    pub fn check_code(&self, codec: &dyn Codec) -> Result<Verdict, Broken> {
        let check = |k: usize, trials: &Trials| code::CHECKS[k](codec, trials);
        self.judge(codec, code::LAWS, &check, Vec::new())
    }

    /// Checks the laws of [`block_format`](super::block_format).
    ///
    /// # Errors
    ///
    /// As [`check_scheme`](Self::check_scheme).
    #[cfg(feature = "blocks")]
    pub fn check_block_format(&self, format: &dyn crate::block::BlockFormat) -> Result<Verdict, Broken> {
        let check = |k: usize, trials: &Trials| super::block_format::CHECKS[k](format, trials);
        self.judge(format, super::block_format::LAWS, &check, Vec::new())
    }

    fn trials(&self, law: Law) -> Trials {
        Trials { law, cases: self.cases, seed: self.seed, shrinks: SHRINKS }
    }

    /// `check` checks the law of a number in `laws`.
    fn judge(
        &self,
        subject: &dyn Debug,
        laws: &[Law],
        check: &dyn Fn(usize, &Trials) -> Result<(), Breach>,
        own: Vec<Waiver>,
    ) -> Result<Verdict, Broken> {
        let subject = &format!("{subject:?}");
        let named = self.waived.iter().map(|waiver| waiver.law).chain(self.only);
        if let Some(unknown) = named.into_iter().find(|law| !laws.contains(law)) {
            return Err(Broken::no_such_law(unknown, subject, laws));
        }
        let mut verdict = Verdict::new(subject, self.cases);
        for (k, &law) in laws.iter().enumerate().filter(|(_, law)| self.only.is_none_or(|only| only == **law)) {
            match self.waived.iter().chain(&own).find(|waiver| waiver.law == law) {
                Some(waiver) if self.only.is_some() => return Err(Broken::not_promised(waiver, subject)),
                Some(waiver) => {
                    let tried = !scheme::LARGE.contains(&law) && own.iter().all(|waiver| waiver.law != law);
                    let needless = tried && check(k, &self.trials(law).brief()).is_ok();
                    if needless { verdict.waive_needlessly(waiver.clone()) } else { verdict.waive(waiver.clone()) }
                }
                None => {
                    if let Err(breach) = check(k, &self.trials(law)) {
                        let broken = Broken::law(law, subject, &breach);
                        return Err(broken.with_others(&self.broken_after(k, laws, check, &own)));
                    }
                    verdict.hold(law);
                }
            }
        }
        Ok(verdict)
    }

    /// Returns the laws behind a broken one that are broken, too, of those that are promised and quickly tried.
    fn broken_after(
        &self,
        first: usize,
        laws: &[Law],
        check: &dyn Fn(usize, &Trials) -> Result<(), Breach>,
        own: &[Waiver],
    ) -> Vec<(Law, Breach)> {
        let is_promised = |law: &Law| self.waived.iter().chain(own).all(|waiver| waiver.law != *law);
        let others = laws.iter().enumerate().skip(first + 1).filter(|(_, law)| self.only.is_none() && is_promised(law));
        let quick = others.filter(|(_, law)| !scheme::LARGE.contains(law));
        quick.filter_map(|(k, &law)| Some((law, check(k, &self.trials(law).beside()).err()?))).collect()
    }
}
