//! The best of a handful of variants of a whole model.

use super::base::{Base, Built, Setting};
use super::encoding::WeightRanges;
use super::headroom::Headroom;
use super::judge::{Data, Judge};
use super::judged::Judged;
use super::mixed::{Mixed, leave_in_float};
use super::split::{Split, fitting};
use super::statistics::Statistics;
use super::variant::{BiasKind, Choice, RangeKind, Settings, Variant};
use crate::calibration::CalibrationError;
use crate::error::{Error, Result};
use crate::graph::ValueId;
use crate::recipe::integer::{Choices, IntegerPlan, Ranges, Width};
use crate::threads::on_threads;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// How often all choices are gone through: what was decided first may be another with what was decided since.
const ROUNDS: usize = 2;

/// After so many that were no better, ranges are widened no further.
const ENOUGH: usize = 2;

/// Finds the best variant.
pub(crate) struct Search<'a> {
    pub(crate) data: Data<'a>,
    pub(crate) choices: &'a Choices,
    /// The ways in which samples are split: each variant is fitted and judged in each of them.
    pub(crate) folds: &'a [Vec<Split>],
    pub(crate) is_searched: bool,
    pub(crate) mixed: Mixed,
    /// How many threads do what can be done side by side: folds, and samples that judge.
    pub(crate) threads: usize,
    pub(crate) progress: &'a mut dyn FnMut(&str),
}

/// A way in which samples are split, and what was made with it: the model itself, and it with channels equalized.
struct Fold<'a> {
    splits: &'a [Split],
    judge: Judge<'a>,
    bases: [Option<Base>; 2],
    /// What the fitting samples told of each before it had the ranges of all samples, and the ranges of least error by that.
    own: [Option<(Statistics, Arc<OnceLock<Ranges>>)>; 2],
    /// Whether these are what counts.
    has_own_ranges: bool,
}

/// A variant that was judged.
#[derive(Debug)]
struct Tried {
    settings: Settings,
    judged: Judged,
    bytes: u64,
    plan: IntegerPlan,
    /// Whether it was judged on samples that its ranges were not found with either.
    has_own_ranges: bool,
}

impl Tried {
    fn name(&self) -> String {
        let ranges = if self.has_own_ranges { ", ranges held out" } else { "" };
        format!("{}{ranges}", self.settings)
    }
}

/// What a search came to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) built: Built,
    pub(crate) variants: Vec<Variant>,
    /// The SQNR of the best variant on samples that it was not fitted to, in dB; with fewer than three samples, on those that it was.
    pub(crate) sqnr_db: f64,
    /// Values of which some were NaN or infinite, and how many.
    pub(crate) not_finite: Vec<(ValueId, u64)>,
}

impl<'a> Search<'a> {
    /// Returns the best variant of a model of which nothing has been observed.
    ///
    /// One choice after the other is made, with the others as they are, and kept if outputs lose less by it. What is written is then
    /// fitted to all samples.
    pub(crate) fn run(&mut self, base: &Base) -> Result<Found> {
        let mut folds = self.folds(base)?;
        let of_first = folds.first().and_then(|fold| fold.bases[0].as_ref());
        let not_finite = of_first.map(|base| base.statistics.not_finite().collect()).unwrap_or_default();
        let is_int8 = self.choices.width == Width::Int8;
        let plain = Settings {
            is_equalized: false,
            ranges: if self.is_searched && !is_int8 { RangeKind::Wide } else { RangeKind::Asked },
            headroom: Headroom::default(),
            is_narrowed: false,
            add_rule: self.choices.add_rule,
            tie_rule: self.choices.tie_rule,
            biases: BiasKind::AsTheyAre,
            weights: WeightRanges::MinMax,
        };
        let samples = |fold: &Fold<'_>| fold.splits.iter().map(|split| split.fitting.len()).sum::<usize>();
        let known = folds.iter().map(samples).min().unwrap_or(0);
        let mut tried: Vec<Tried> = Vec::new();
        let mut best = 0;
        self.attempt(&mut folds, plain, best, &mut tried)?;
        for _ in 0..if self.is_searched { ROUNDS } else { 0 } {
            let before = best;
            for choice in Choice::ALL.into_iter().filter(|choice| choice.takes() <= known) {
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
        if self.is_searched {
            best = self.headroom(&mut folds, best, &mut tried)?;
        }
        let (settings, judged) = (tried[best].settings, tried[best].judged.clone());
        (self.progress)("the best variant on all samples");
        let whole: Vec<Split> =
            folds.first().map(|fold| fold.splits).unwrap_or_default().iter().map(Split::whole).collect();
        let base = self.on_all_samples(&mut folds, &whole, settings)?;
        let judges: Vec<Judge<'_>> = folds.into_iter().map(|fold| fold.judge).collect();
        let setting = Setting { data: self.data, splits: &whole, choices: self.choices, threads: self.threads };
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
            name: variant.name(),
            bytes: variant.bytes,
            sqnr_db: variant.judged.measured_db(),
            expected_db: variant.judged.expected_db(),
            is_chosen: number == best && mixed.is_empty(),
        };
        let mut variants: Vec<Variant> = tried.iter().enumerate().map(of_tried).collect();
        variants.extend(mixed);
        Ok(Found { built, variants, sqnr_db, not_finite })
    }

    /// Returns what variants are fitted and judged with.
    fn folds(&mut self, base: &Base) -> Result<Vec<Fold<'a>>> {
        (self.progress)("calibration");
        let (data, threads) = (self.data, self.of_fold());
        let fold = |splits: &'a Vec<Split>| -> Result<Fold<'a>> {
            let mut own = base.fresh();
            own.observe(data, &fitting(splits))?;
            let judge = Judge::new(data, splits, (&own.graph, &own.bytes), threads)?;
            Ok(Fold { splits, judge, bases: [Some(own), None], own: [None, None], has_own_ranges: false })
        };
        let mut folds = self.in_folds(self.folds.iter().collect(), &fold).collect::<Result<Vec<_>>>()?;
        unite_ranges(&mut folds, 0);
        Ok(folds)
    }

    /// Returns how many threads there are for each fold.
    fn of_fold(&self) -> usize {
        self.threads.div_ceil(self.folds.len().max(1))
    }

    /// Returns what each fold gives, in order: at once where there are threads for it, else one when the one before has been looked at.
    fn in_folds<'f, S: Send + 'f, A: Send + 'f>(
        &self,
        folds: Vec<S>,
        run: &'f (dyn Fn(S) -> A + Sync),
    ) -> Box<dyn Iterator<Item = A> + 'f> {
        if self.threads > 1 {
            Box::new(on_threads(folds, run).into_iter())
        } else {
            Box::new(folds.into_iter().map(run))
        }
    }

    /// Equalizes the model, by what all folds tell of its channels, and calibrates it in each.
    fn equalize(&mut self, folds: &mut [Fold<'a>]) -> Result<()> {
        let Some(all) = all_seen(folds, 0) else { return Ok(()) };
        let (data, width) = (self.data, self.choices.width);
        let equalize = |fold: &Fold<'_>| -> Result<Option<Base>> {
            let base = fold.bases[0].as_ref().map(|plain| plain.equalized(&all, width)).transpose()?.flatten();
            let observed = |mut base: Base| base.observe(data, &fitting(fold.splits)).map(|()| base);
            base.map(observed).transpose()
        };
        let bases = self.in_folds(folds.iter().collect(), &equalize).collect::<Result<Vec<_>>>()?;
        for (fold, base) in folds.iter_mut().zip(bases) {
            fold.bases[1] = base;
        }
        unite_ranges(folds, 1);
        Ok(())
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
        let place = usize::from(settings.is_equalized);
        if folds.iter().any(|fold| fold.bases[place].is_none()) {
            self.equalize(folds)?;
        }
        let Some(base) = folds.first().and_then(|fold| fold.bases[place].as_ref()) else { return Ok(false) };
        let plan = base.plan(self.choices, settings, &BTreeSet::new())?.0;
        let is_same = |other: &Tried| {
            let of = |s: Settings| (s.is_equalized, s.biases, s.weights);
            of(other.settings) == of(settings) && other.plan == plan
        };
        if tried.iter().any(is_same) {
            return Ok(false);
        }
        let variant = self.judged(folds, settings, tried.get(best))?;
        let is_there = variant.is_some();
        tried.extend(variant);
        Ok(is_there)
    }

    /// Builds a variant in each fold, and judges it there; of one that is hopeless beside the best in the first fold, no further.
    fn judged(&self, folds: &[Fold<'a>], settings: Settings, best: Option<&Tried>) -> Result<Option<Tried>> {
        let place = usize::from(settings.is_equalized);
        if folds.iter().any(|fold| fold.bases[place].is_none()) {
            return Ok(None);
        }
        let (data, choices, threads) = (self.data, self.choices, self.of_fold());
        let of_best = best.map(|best| best.judged.losses()).unwrap_or_default();
        let in_fold = |(number, fold): (usize, &Fold<'_>)| -> Result<(Tried, bool)> {
            let base = fold.bases[place].as_ref().ok_or_else(missing)?;
            let setting = Setting { data, splits: fold.splits, choices, threads };
            let built = base.build(setting, settings, &BTreeSet::new())?;
            let judged = fold.judge.judge((&built.bytes, &built.plan), if number == 0 { of_best } else { &[] })?;
            let is_whole = judged.samples() == fold.splits.iter().map(|split| split.judging.len()).sum::<usize>();
            let (bytes, plan, has_own_ranges) = (built.bytes.len() as u64, built.plan, fold.has_own_ranges);
            Ok((Tried { settings, judged, bytes, plan, has_own_ranges }, is_whole))
        };
        let mut all: Option<Tried> = None;
        for result in self.in_folds(folds.iter().enumerate().collect(), &in_fold) {
            let (tried, is_whole): (Tried, bool) = result?;
            match &mut all {
                Some(all) => all.judged.add(&tried.judged),
                None => all = Some(tried),
            }
            if !is_whole {
                if let (Some(all), Some(best)) = (&mut all, best) {
                    all.judged.extrapolate(&best.judged);
                }
                break;
            }
        }
        Ok(all)
    }

    /// Judges a variant on samples that its ranges were not found with, tries wider ones there, and returns which is best.
    fn headroom(&mut self, folds: &mut [Fold<'a>], mut best: usize, tried: &mut Vec<Tried>) -> Result<usize> {
        let plain = tried[best].settings;
        let place = usize::from(plain.is_equalized);
        let is_held_out = |fold: &Fold<'_>| {
            fold.bases[place].is_some() && fold.splits.iter().all(|split| split.fitting != split.judging)
        };
        if !folds.iter().all(is_held_out) {
            return Ok(best);
        }
        for fold in folds.iter_mut() {
            fold.swap_ranges(place);
        }
        if let Some(variant) = self.judged(folds, plain, None)? {
            best = tried.len();
            tried.push(variant);
        }
        let mut worse = 0;
        for headroom in Headroom::ALL.into_iter().filter(|_| self.choices.width == Width::Int8) {
            let settings = Settings { headroom, ..plain };
            (self.progress)(&settings.to_string());
            let Some(variant) = self.judged(folds, settings, tried.get(best))? else { break };
            if variant.judged.is_better_by(Headroom::WORTH, &tried[best].judged) {
                (best, worse) = (tried.len(), 0);
            } else {
                worse += 1;
            }
            tried.push(variant);
            if worse == ENOUGH {
                break;
            }
        }
        for fold in folds.iter_mut() {
            fold.swap_ranges(place);
        }
        Ok(best)
    }

    /// Returns the base of a variant, fitted to all samples.
    fn on_all_samples(&mut self, folds: &mut [Fold<'a>], whole: &[Split], settings: Settings) -> Result<Base> {
        let place = usize::from(settings.is_equalized);
        let several = folds.len() > 1;
        let all = all_seen(folds, place).filter(|_| several);
        let Some(Fold { splits, bases, .. }) = folds.first_mut() else { return Err(missing()) };
        if let Some(mut all) = all {
            let Some(base) = bases[place].take() else { return Err(missing()) };
            // Ranges are those of all samples already.
            all.take_ranges(&base.statistics);
            return Ok(Base {
                bytes: base.bytes.clone(),
                constants: base.constants.clone(),
                statistics: all,
                least_squares: base.least_squares.clone(),
                ..base.fresh()
            });
        }
        let Some(mut plain) = bases[0].take() else { return Err(missing()) };
        let judging = splits.iter().filter(|split| split.fitting != split.judging);
        let judging: Vec<_> = judging.map(|split| (split.signature.as_deref(), split.judging.clone())).collect();
        plain.observe(self.data, &judging)?;
        if settings.is_equalized
            && let Some(mut base) = plain.equalized(&plain.statistics, self.choices.width)?
        {
            base.observe(self.data, &fitting(whole))?;
            return Ok(base);
        }
        Ok(plain)
    }
}

impl Fold<'_> {
    /// Gives the model the ranges that the fitting samples have by themselves, or those of all samples again.
    fn swap_ranges(&mut self, place: usize) {
        if let (Some(base), Some(own)) = (&mut self.bases[place], &mut self.own[place]) {
            core::mem::swap(&mut base.statistics, &mut own.0);
            core::mem::swap(&mut base.least_squares, &mut own.1);
        }
        self.has_own_ranges = !self.has_own_ranges;
    }
}

/// The error of a search without samples, or whose variants have lost their model.
fn missing() -> Error {
    CalibrationError::NotRun { reason: "there is nothing that was calibrated to choose from".into() }.into()
}

/// Returns what all folds have seen of the model itself, or of it with channels equalized.
fn all_seen(folds: &[Fold<'_>], place: usize) -> Option<Statistics> {
    let mut seen = folds.iter().filter_map(|fold| fold.bases[place].as_ref());
    let mut all = seen.next()?.statistics.clone();
    seen.for_each(|base| all.merge(&base.statistics));
    Some(all)
}

/// Gives all folds the ranges of all samples. Those of half of them would not do: extremes are the wider, the more samples there are, and a
/// variant that is written with wider ones is not what was judged.
fn unite_ranges(folds: &mut [Fold<'_>], place: usize) {
    if folds.len() > 1
        && let Some(all) = all_seen(folds, place)
    {
        let least_squares = Arc::default();
        for Fold { bases, own, .. } in folds {
            let Some(base) = bases[place].as_mut() else { continue };
            own[place] = Some((base.statistics.clone(), Arc::default()));
            base.take_ranges(&all, &least_squares);
        }
    }
}
