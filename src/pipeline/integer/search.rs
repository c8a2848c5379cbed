//! The best of a handful of variants of a whole model.

use super::base::{Base, Built, Setting};
use super::encoding::WeightRanges;
use super::judge::{Data, Judge, Judged};
use super::mixed::{Mixed, leave_in_float};
use super::split::{Split, fitting};
use super::variant::{BiasKind, Choice, RangeKind, Settings, Variant};
use crate::calibration::RunError;
use crate::error::Result;
use crate::recipe::integer::{Choices, IntegerPlan, Width};
use std::collections::BTreeSet;

/// How often all choices are gone through: what was decided first may be another with what was decided since.
const ROUNDS: usize = 2;

/// Finds the best variant.
pub(crate) struct Search<'a> {
    pub(crate) data: Data<'a>,
    pub(crate) choices: &'a Choices,
    /// The ways in which samples are split: each variant is fitted and judged in each of them.
    pub(crate) folds: &'a [Vec<Split>],
    pub(crate) is_searched: bool,
    pub(crate) mixed: Mixed,
    pub(crate) progress: &'a mut dyn FnMut(&str),
}

/// A way in which samples are split, and what was made with it: the model itself, and it with channels equalized.
struct Fold<'a> {
    splits: &'a [Split],
    judge: Judge<'a>,
    bases: [Option<Base>; 2],
}

/// A variant that was judged.
#[derive(Debug)]
struct Tried {
    settings: Settings,
    judged: Judged,
    bytes: u64,
    plan: IntegerPlan,
}

/// What a search came to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) built: Built,
    pub(crate) variants: Vec<Variant>,
    /// The SQNR of the best variant on samples that it was not fitted to, in dB; with fewer than three samples, on those that it was.
    pub(crate) sqnr_db: f64,
}

impl<'a> Search<'a> {
    /// Returns the best variant of a model that has been calibrated with the fitting samples of the first fold.
    ///
    /// One choice after the other is made, with the others as they are, and kept if outputs lose less by it. What is written is then
    /// fitted to all samples.
    pub(crate) fn run(&mut self, base: Base) -> Result<Found> {
        let mut folds = self.folds(base)?;
        let is_int8 = self.choices.width == Width::Int8;
        let plain = Settings {
            is_equalized: false,
            ranges: if self.is_searched && !is_int8 { RangeKind::Wide } else { RangeKind::Asked },
            is_narrowed: false,
            add_rule: self.choices.add_rule,
            tie_rule: self.choices.tie_rule,
            biases: BiasKind::AsTheyAre,
            weights: WeightRanges::MinMax,
        };
        let mut tried: Vec<Tried> = Vec::new();
        let mut best = 0;
        self.attempt(&mut folds, plain, best, &mut tried)?;
        for _ in 0..if self.is_searched { ROUNDS } else { 0 } {
            let before = best;
            for choice in Choice::ALL {
                for settings in choice.alternatives(tried[best].settings) {
                    if self.attempt(&mut folds, settings, best, &mut tried)?
                        && tried.last().is_some_and(|last| last.judged.is_better_than(&tried[best].judged))
                    {
                        best = tried.len() - 1;
                    }
                }
            }
            if best == before {
                break;
            }
        }
        let (settings, judged) = (tried[best].settings, tried[best].judged.clone());
        let mut judges = Vec::with_capacity(folds.len());
        let mut first = None;
        for fold in folds {
            let [base, ..] = fold.bases;
            first = first.or(base.map(|base| (base, fold.splits)));
            judges.push(fold.judge);
        }
        let Some((base, splits)) = first else { unreachable!("there is a fold") };
        let whole: Vec<Split> = splits.iter().map(Split::whole).collect();
        let base = self.on_all_samples(base, splits, &whole, settings)?;
        let setting = Setting { data: self.data, splits: &whole, choices: self.choices };
        let mut built = base.build(setting, settings, &BTreeSet::new())?;
        let mut sqnr_db = judged.measured_db();
        let mut mixed = Vec::new();
        if self.mixed.operators > 0 {
            let of = (&base, settings, &built);
            let floats = leave_in_float(self.mixed, setting, &judges, of, &mut mixed, self.progress)?;
            built = base.build(setting, settings, &floats)?;
            sqnr_db = mixed.last().map_or(sqnr_db, |variant| variant.sqnr_db);
        }
        let of_tried = |(number, variant): (usize, &Tried)| Variant {
            name: variant.settings.to_string(),
            bytes: variant.bytes,
            sqnr_db: variant.judged.measured_db(),
            expected_db: variant.judged.expected_db(),
            is_chosen: number == best && mixed.is_empty(),
        };
        let mut variants: Vec<Variant> = tried.iter().enumerate().map(of_tried).collect();
        variants.extend(mixed);
        Ok(Found { built, variants, sqnr_db })
    }

    /// Returns what variants are fitted and judged with.
    fn folds(&mut self, base: Base) -> Result<Vec<Fold<'a>>> {
        let mut folds = Vec::with_capacity(self.folds.len());
        let mut base = Some(base);
        for (number, splits) in self.folds.iter().enumerate() {
            let mut next = match &base {
                Some(base) if number + 1 < self.folds.len() => Some(base.fresh()),
                _ => None,
            };
            if let Some(next) = &mut next {
                (self.progress)("calibration");
                let splits = self.folds.get(number + 1).map(Vec::as_slice).unwrap_or_default();
                next.observe(self.data, &fitting(splits))?;
            }
            let Some(own) = base.take() else { break };
            (self.progress)("the float model's outputs");
            let mut float = self.data.engine.open(&own.bytes).map_err(RunError::into_error)?;
            let judge = Judge::new(self.data, splits, &own.graph, &mut *float)?;
            folds.push(Fold { splits, judge, bases: [Some(own), None] });
            base = next;
        }
        Ok(folds)
    }

    /// Builds a variant and judges it, unless it has been tried, or is the same as one that has; returns whether it was.
    fn attempt(
        &mut self,
        folds: &mut [Fold<'a>],
        settings: Settings,
        best: usize,
        tried: &mut Vec<Tried>,
    ) -> Result<bool> {
        if tried.iter().any(|other| other.settings == settings) {
            return Ok(false);
        }
        (self.progress)(&settings.to_string());
        let mut all: Option<Tried> = None;
        for fold in folds {
            let place = usize::from(settings.is_equalized);
            if fold.bases[place].is_none()
                && let Some(base) = &fold.bases[0]
            {
                fold.bases[place] = base.equalized(self.data, &fitting(fold.splits), self.choices.width)?;
            }
            let Some(base) = &fold.bases[place] else { return Ok(false) };
            let plan = base.plan(self.choices, settings, &BTreeSet::new())?.0;
            let is_same = |other: &Tried| {
                let of = |s: Settings| (s.is_equalized, s.biases, s.weights);
                of(other.settings) == of(settings) && other.plan == plan
            };
            if all.is_none() && tried.iter().any(is_same) {
                return Ok(false);
            }
            let setting = Setting { data: self.data, splits: fold.splits, choices: self.choices };
            let built = base.build(setting, settings, &BTreeSet::new())?;
            // What is not hopeless in the first fold is judged by all samples.
            let of_best =
                tried.get(best).filter(|_| all.is_none()).map(|best| best.judged.losses()).unwrap_or_default();
            let judged = fold.judge.judge((&built.bytes, &built.plan), of_best)?;
            let is_whole = judged.samples() == fold.splits.iter().map(|split| split.judging.len()).sum::<usize>();
            match &mut all {
                Some(all) => all.judged.add(&judged),
                None => all = Some(Tried { settings, judged, bytes: built.bytes.len() as u64, plan }),
            }
            if !is_whole {
                if let (Some(all), Some(best)) = (&mut all, tried.get(best)) {
                    all.judged.extrapolate(&best.judged);
                }
                break;
            }
        }
        tried.extend(all);
        Ok(true)
    }

    /// Returns the base of a variant, fitted to all samples.
    fn on_all_samples(
        &mut self,
        mut base: Base,
        splits: &[Split],
        whole: &[Split],
        settings: Settings,
    ) -> Result<Base> {
        (self.progress)("the best variant on all samples");
        let judging = splits.iter().filter(|split| split.fitting != split.judging);
        let judging: Vec<_> = judging.map(|split| (split.signature.as_deref(), split.judging.clone())).collect();
        base.observe(self.data, &judging)?;
        let equalized =
            if settings.is_equalized { base.equalized(self.data, &fitting(whole), self.choices.width)? } else { None };
        Ok(equalized.unwrap_or(base))
    }
}
