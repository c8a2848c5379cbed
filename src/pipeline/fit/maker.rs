//! Files of choices.

use super::super::improvement::{Better, Changes};
use super::super::options::Options;
use super::super::source::Source;
use super::super::tflite::{Judging, keep_operands_in_f32, write};
use super::groups::Group;
use crate::error::Result;
use crate::model::tflite::Model;
use crate::recipe::{Decision, Plan};

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
        let mut plan = self.plans[0].clone();
        for entry in &mut plan.entries {
            entry.decision = Decision::Keep;
        }
        let mut changes = Changes::default();
        for (group, number) in groups.iter().zip(choice) {
            let Some(number) = *number else { continue };
            for &at in &group.constants {
                plan.entries[at] = self.plans[number].entries[at].clone();
            }
            let of_group = self.better[number]
                .iter()
                .filter(|better| better.constants.iter().any(|at| group.constants.contains(at)));
            of_group.for_each(|better| changes.add(better));
        }
        keep_operands_in_f32(&mut plan, self.constants);
        let mut model = Model::from_bytes(self.float.to_vec())?;
        write(&mut model, &plan, self.constants, changes, None, self.options, Judging::Nothing, &mut |_| ())?;
        model.to_bytes()
    }
}
