//! Files of choices.

use super::super::coupled::{Make, coupled};
use super::super::improvement::{Better, Changes};
use super::super::integer::Data;
use super::super::judge::Judge;
use super::super::options::Options;
use super::super::source::Source;
use super::super::tflite::{Judging, keep_operands_in_f32, write};
use super::groups::Group;
use crate::error::Result;
use crate::model::tflite::Model;
use crate::recipe::{Decision, Effort, Plan};

/// What makes files of choices.
pub(super) struct Maker<'a> {
    pub(super) float: &'a [u8],
    pub(super) constants: &'a [Source],
    pub(super) plans: &'a [Plan],
    pub(super) better: &'a [Vec<Better>],
    pub(super) options: &'a Options,
}

impl Maker<'_> {
    /// Returns the file in which each group is what a plan makes of it.
    pub(super) fn file(&self, groups: &[Group], choice: &[Option<usize>]) -> Result<Vec<u8>> {
        let (plan, better) = self.plan(groups, choice);
        let mut changes = Changes::default();
        for better in &better {
            changes.add(better);
        }
        self.model(&changes, &plan)?.to_bytes()
    }

    /// Returns the same file with layers chosen with regard to each other; `None` where nothing can be told.
    pub(super) fn coupled_file(
        &self,
        model: &Model,
        (groups, choice): (&[Group], &[Option<usize>]),
        (data, judge): (Data<'_>, &Judge<'_>),
    ) -> Result<Option<Vec<u8>>> {
        let (mut plan, better) = self.plan(groups, choice);
        for entry in &mut plan.entries {
            if let Decision::Quantize(treatment) = &mut entry.decision {
                treatment.improve = treatment.improve.map(|_| Effort::Model);
            }
        }
        let make = |changes: &Changes, plan: &Plan| self.model(changes, plan);
        let (of_float, judged) = ((self.float, &make as &Make<'_>), (data, judge));
        let changes = coupled(model, of_float, &plan, self.constants, &better, judged, self.options)?;
        changes.map(|[fitted, _]| self.model(&fitted, &plan)?.to_bytes()).transpose()
    }

    /// Returns what each constant becomes, and what samples make of those that become codes.
    fn plan(&self, groups: &[Group], choice: &[Option<usize>]) -> (Plan, Vec<Better>) {
        let mut plan = self.plans[0].clone();
        for entry in &mut plan.entries {
            entry.decision = Decision::Keep;
        }
        let mut of_choice = Vec::new();
        for (group, number) in groups.iter().zip(choice) {
            let Some(number) = *number else { continue };
            for &at in &group.constants {
                plan.entries[at] = self.plans[number].entries[at].clone();
            }
            let of_group = self.better[number]
                .iter()
                .filter(|better| better.constants.iter().any(|at| group.constants.contains(at)));
            of_choice.extend(of_group.cloned());
        }
        keep_operands_in_f32(&mut plan, self.constants);
        (plan, of_choice)
    }

    fn model(&self, changes: &Changes, plan: &Plan) -> Result<Model> {
        let mut model = Model::from_bytes(self.float.to_vec())?;
        write(&mut model, plan, self.constants, changes.clone(), None, self.options, Judging::Nothing, &mut |_| ())?;
        Ok(model)
    }
}
