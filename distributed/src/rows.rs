//! A batch of rows, cut in pieces of one group each.

use crate::column::Column;
use crate::function::{Argument, Function};
use crate::literal::wrong;
use crate::states::Piece;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use std::ops::Range;

/// The arguments of a function for a batch of rows.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    function: Function,
    rows: usize,
    values: Column<'a>,
    names: Option<StringArray>,
    channels: Option<Int64Array>,
}

/// What the rows of a piece have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind<'a> {
    group: usize,
    name: &'a str,
    row: usize,
    channels: Option<usize>,
}

impl<'a> Batch<'a> {
    /// Returns a batch of a call's arguments.
    ///
    /// # Errors
    ///
    /// An error about an argument's type.
    pub(crate) fn of(function: Function, arguments: &[Argument], columns: &'a [ArrayRef]) -> Result<Self> {
        let column = |wanted: Argument| {
            arguments.iter().zip(columns).find(|(argument, _)| **argument == wanted).map(|(_, column)| column)
        };
        let values = column(Argument::Values).ok_or_else(|| wrong(function.name(), "there are no values"))?;
        let names = column(Argument::Name).map(|names| cast(names, &DataType::Utf8)).transpose()?;
        let channels = column(Argument::Channels).map(|channels| cast(channels, &DataType::Int64)).transpose()?;
        Ok(Self {
            function,
            rows: values.len(),
            values: Column::of(values.as_ref())?,
            names: names.map(|names| names.as_string::<i32>().clone()),
            channels: channels.map(|channels| channels.as_primitive::<Int64Type>().clone()),
        })
    }

    /// Calls `observe` with pieces: rows of one group and kind whose values are neighbours. `group` says which group a row is in, if
    /// it counts. A row that is NULL, or whose name is, does not count.
    pub(crate) fn for_each_piece(
        &self,
        group: impl Fn(usize) -> Option<usize>,
        observe: &mut dyn FnMut(usize, &Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut current: Option<(Kind<'_>, Range<usize>)> = None;
        for number in 0..self.rows {
            let Some((kind, range)) = self.row(number, &group)? else { continue };
            match &mut current {
                Some((same, so_far)) if *same == kind && so_far.end == range.start => so_far.end = range.end,
                _ => {
                    if let Some((kind, range)) = current.replace((kind, range)) {
                        self.show(kind, range, observe)?;
                    }
                }
            }
        }
        current.map_or(Ok(()), |(kind, range)| self.show(kind, range, observe))
    }

    fn row(&self, number: usize, group: &impl Fn(usize) -> Option<usize>) -> Result<Option<(Kind<'_>, Range<usize>)>> {
        let Some(group) = group(number) else { return Ok(None) };
        let Some(range) = self.values.row(number) else { return Ok(None) };
        let name = match &self.names {
            None => "",
            Some(names) if names.is_null(number) => return Ok(None),
            Some(names) => names.value(number),
        };
        let channels = self.channels.as_ref().filter(|channels| channels.is_valid(number));
        let channels = channels.map(|channels| channels.value(number));
        let channels = channels.map(usize::try_from).transpose();
        let channels = channels.map_err(|_| wrong(self.function.name(), "a negative number of channels"))?;
        // Where rows end is of no account where places in them are not.
        let row = if self.function.needs_places() { range.len() } else { 0 };
        Ok(Some((Kind { group, name, row, channels }, range)))
    }

    fn show(
        &self,
        kind: Kind<'_>,
        range: Range<usize>,
        observe: &mut dyn FnMut(usize, &Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let Kind { group, name, row, channels } = kind;
        let in_place = self.function.needs_places() && (self.function != Function::Statistics || channels.is_some());
        let values = if in_place { self.values.values_in_place(range) } else { self.values.values(range) };
        observe(group, &Piece { name, values: &values, row, channels })
    }
}
