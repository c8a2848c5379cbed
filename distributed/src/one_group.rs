//! A query without groups: one state.

use crate::function::{Argument, Function};
use crate::rows::Batch;
use crate::states::State;
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::scalar::ScalarValue;

/// The state of all rows.
#[derive(Debug)]
pub(crate) struct OneGroup {
    function: Function,
    arguments: &'static [Argument],
    state: Box<dyn State>,
}

impl OneGroup {
    /// Returns the state of no rows.
    ///
    /// # Errors
    ///
    /// An error about a setting.
    pub(crate) fn new(function: Function, arguments: &'static [Argument], settings: &[ScalarValue]) -> Result<Self> {
        Ok(Self { function, arguments, state: function.fresh(settings)? })
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let state = &mut self.state;
        Batch::of(self.function, self.arguments, values)?
            .for_each_piece(|_| Some(0), &mut |_, piece| state.observe(piece))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.state.answer()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.state) + self.state.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::LargeUtf8(Some(self.state.text()?))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let texts = states.first().and_then(|texts| texts.as_string_opt::<i64>());
        texts.into_iter().flat_map(|texts| texts.iter().flatten()).try_for_each(|text| self.state.merge(text))
    }
}
