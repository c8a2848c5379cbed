//! Candidates that are run.

use super::super::deflated::deflated_len;
use super::super::integer::Data;
use super::super::judge::{Judge, Judged};
use super::super::progress::Progress;
use super::goal::quality_of;
use super::groups::Group;
use super::maker::Maker;
use super::request::{Count, Request};
use crate::error::Result;
use crate::model::tflite::Model;
use crate::search::Measured;
use std::collections::HashMap;

/// Layers of a model that are chosen together take about as long as so many runs of candidates.
const TOGETHER: u64 = 30;

/// What a candidate came to.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) bytes: u64,
    pub(super) download: u64,
    pub(super) judged: Judged,
    pub(super) measured: Measured,
}

/// A candidate whose layers were chosen together, if they lose less by that.
pub(super) struct Together {
    pub(super) file: Vec<u8>,
    pub(super) run: Run,
    pub(super) is_coupled: bool,
}

/// Candidates of choices for each group, run and judged; none is run twice.
pub(super) struct Runs<'a> {
    pub(super) request: &'a Request,
    pub(super) groups: &'a [Group],
    pub(super) maker: Maker<'a>,
    pub(super) judge: &'a Judge<'a>,
    /// Their bytes as they count, and the ratio in dB.
    pub(super) walked: Vec<(u64, f64)>,
    pub(super) evaluations: usize,
    seen: HashMap<Vec<usize>, Run>,
    progress: &'a mut dyn FnMut(Progress<'_>),
    steps: [u64; 2],
}

impl<'a> Runs<'a> {
    /// Returns no runs yet; `steps` are those that were taken before, and all, and how often layers may be chosen together.
    pub(super) fn new(
        (request, groups): (&'a Request, &'a [Group]),
        (maker, judge): (Maker<'a>, &'a Judge<'a>),
        [done, total, together]: [usize; 3],
        progress: &'a mut dyn FnMut(Progress<'_>),
    ) -> Self {
        let steps = [done as u64, total as u64 + TOGETHER * together as u64];
        Self {
            request,
            groups,
            maker,
            judge,
            walked: Vec::new(),
            evaluations: 0,
            seen: HashMap::new(),
            progress,
            steps,
        }
    }

    /// Returns what the candidate of such choices comes to.
    pub(super) fn of(&mut self, choices: &[usize]) -> Result<Run> {
        if let Some(run) = self.seen.get(choices) {
            return Ok(run.clone());
        }
        let file = self.file(choices)?;
        let run = self.judged(file)?;
        self.seen.insert(choices.to_vec(), run.clone());
        Ok(run)
    }

    /// Returns the file of such choices.
    pub(super) fn file(&self, choices: &[usize]) -> Result<Vec<u8>> {
        self.maker.file(self.groups, &self.plans(choices))
    }

    /// Returns the candidate of such choices with layers chosen with regard to each other, or as it is if it loses no less by that.
    pub(super) fn together(&mut self, choices: &[usize], model: &Model, data: Data<'_>) -> Result<Together> {
        let alone = self.of(choices)?;
        self.show("the whole model, its layers chosen together");
        let file = self.maker.coupled_file(model, (self.groups, &self.plans(choices)), (data, self.judge))?;
        self.steps[0] += TOGETHER;
        if let Some(file) = file {
            let run = self.judged(file.clone())?;
            if run.judged.error() < alone.judged.error() {
                return Ok(Together { file, run, is_coupled: true });
            }
        }
        Ok(Together { file: self.file(choices)?, run: alone, is_coupled: false })
    }

    fn judged(&mut self, file: Vec<u8>) -> Result<Run> {
        self.show("the whole model");
        let (bytes, download) = (file.len() as u64, deflated_len(&file));
        let judged = self.judge.judge(file, usize::MAX)?;
        let counted = if self.request.count == Count::Download { download } else { bytes };
        let measured = Measured { bytes: counted, quality: quality_of(self.request.goal, &judged) };
        self.walked.push((counted, judged.sqnr_db()));
        self.evaluations += 1;
        self.steps[0] += 1;
        Ok(Run { bytes, download, judged, measured })
    }

    fn show(&mut self, what: &str) {
        let [done, total] = self.steps;
        (self.progress)(Progress { done, total: total.max(done), tensor: what });
    }

    /// Returns the number of each group's plan.
    fn plans(&self, choices: &[usize]) -> Vec<Option<usize>> {
        choices.iter().zip(self.groups).map(|(&choice, group)| group.options[choice].plan).collect()
    }
}
