//! All groups of a query's partition, a state each.

use crate::function::{Argument, Function};
use crate::rows::Batch;
use crate::states::State;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeStringBuilder, new_empty_array};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// States by the number of their group.
///
/// Rows of a group that follow each other are observed at once, as they lie in memory.
#[derive(Debug)]
pub(crate) struct Groups {
    function: Function,
    arguments: &'static [Argument],
    settings: Vec<ScalarValue>,
    states: Vec<Box<dyn State>>,
}

impl Groups {
    /// Returns no groups.
    ///
    /// # Errors
    ///
    /// An error about a setting.
    pub(crate) fn new(function: Function, arguments: &'static [Argument], settings: Vec<ScalarValue>) -> Result<Self> {
        function.fresh(&settings)?;
        Ok(Self { function, arguments, settings, states: Vec::new() })
    }

    fn make_room(&mut self, groups: usize) -> Result<()> {
        while self.states.len() < groups {
            self.states.push(self.function.fresh(&self.settings)?);
        }
        Ok(())
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.make_room(total_num_groups)?;
        let batch = Batch::of(self.function, self.arguments, values)?;
        let states = &mut self.states;
        let group = |row: usize| {
            let is_in = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            is_in.then(|| group_indices.get(row).copied()).flatten()
        };
        batch.for_each_piece(group, &mut |group, piece| match states.get_mut(group) {
            Some(state) => state.observe(piece),
            None => Ok(()),
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        if states.is_empty() {
            return Ok(new_empty_array(&self.function.answer_type()));
        }
        let answers = states.iter().map(|state| state.answer()).collect::<Result<Vec<_>>>()?;
        ScalarValue::iter_to_array(answers)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let states = emit_to.take_needed(&mut self.states);
        let mut texts = LargeStringBuilder::new();
        for state in states {
            texts.append_value(state.text()?);
        }
        Ok(vec![Arc::new(texts.finish())])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.make_room(total_num_groups)?;
        let Some(texts) = values.first().and_then(|texts| texts.as_string_opt::<i64>()) else { return Ok(()) };
        for (text, &group) in texts.iter().zip(group_indices) {
            if let (Some(text), Some(state)) = (text, self.states.get_mut(group)) {
                state.merge(text)?;
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, Array::len);
        let mut each = Self::new(self.function, self.arguments, self.settings.clone())?;
        let numbers: Vec<usize> = (0..rows).collect();
        each.update_batch(values, &numbers, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.states.iter().map(|state| size_of_val(&**state) + size_of::<Box<dyn State>>() + state.size()).sum()
    }
}
