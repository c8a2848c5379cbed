//! A column of reals, as the rows that it has: one number each, or a list of them.

use datafusion::arrow::array::{Array, AsArray, OffsetSizeTrait};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use datafusion::error::{DataFusionError, Result};
use half::slice::HalfFloatSliceExt;
use std::borrow::Cow;
use std::ops::Range;

/// Where rows are among the values.
#[derive(Debug)]
enum Rows<'a> {
    /// One after the other, of so many values each.
    Even(usize),
    /// From each of these to the next.
    Offsets(&'a [i32]),
    LargeOffsets(&'a [i64]),
}

/// A column of `Float16`, `Float32` or `Float64`, or of `List`, `LargeList` or `FixedSizeList` of them, as f32.
///
/// An f64 is rounded to the nearest f32 once, as everywhere in the library: 1e60 becomes ∞, and is counted as such.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    values: Cow<'a, [f32]>,
    value_nulls: Option<&'a NullBuffer>,
    rows: Rows<'a>,
    row_nulls: Option<&'a NullBuffer>,
}

/// Returns whether a column of this type is one of reals.
pub(crate) fn is_of_reals(data_type: &DataType) -> bool {
    let element = match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => field.data_type(),
        scalar => scalar,
    };
    matches!(element, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

impl<'a> Column<'a> {
    /// Returns a column's rows.
    ///
    /// # Errors
    ///
    /// An error that names the type of a column that is none of reals.
    pub(crate) fn of(array: &'a dyn Array) -> Result<Self> {
        let row_nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::lists(list.values().as_ref(), Rows::Offsets(list.offsets()), row_nulls)
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Self::lists(list.values().as_ref(), Rows::LargeOffsets(list.offsets()), row_nulls)
            }
            DataType::FixedSizeList(_, size) => {
                let size = usize::try_from(*size).unwrap_or(0);
                Self::lists(array.as_fixed_size_list().values().as_ref(), Rows::Even(size), row_nulls)
            }
            _ => Ok(Self { values: reals(array)?, value_nulls: None, rows: Rows::Even(1), row_nulls }),
        }
    }

    fn lists(elements: &'a dyn Array, rows: Rows<'a>, row_nulls: Option<&'a NullBuffer>) -> Result<Self> {
        let value_nulls = elements.nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Self { values: reals(elements)?, value_nulls, rows, row_nulls })
    }

    /// Returns where a row's values are; `None` for a row that is NULL.
    pub(crate) fn row(&self, number: usize) -> Option<Range<usize>> {
        if self.row_nulls.is_some_and(|nulls| nulls.is_null(number)) {
            return None;
        }
        Some(match self.rows {
            Rows::Even(size) => number * size..(number + 1) * size,
            Rows::Offsets(offsets) => between(offsets, number),
            Rows::LargeOffsets(offsets) => between(offsets, number),
        })
    }

    /// Returns the values of a range, without those that are NULL.
    pub(crate) fn values(&self, range: Range<usize>) -> Cow<'_, [f32]> {
        self.without_nulls(range, |values, nulls| {
            values.filter(|&(at, _)| nulls.is_valid(at)).map(|(_, &x)| x).collect()
        })
    }

    /// Returns the values of a range, with NaN for those that are NULL: each keeps its place.
    pub(crate) fn values_in_place(&self, range: Range<usize>) -> Cow<'_, [f32]> {
        self.without_nulls(range, |values, nulls| {
            values.map(|(at, &x)| if nulls.is_valid(at) { x } else { f32::NAN }).collect()
        })
    }

    fn without_nulls(
        &self,
        range: Range<usize>,
        chosen: impl FnOnce(std::iter::Zip<Range<usize>, std::slice::Iter<'_, f32>>, &NullBuffer) -> Vec<f32>,
    ) -> Cow<'_, [f32]> {
        let values = self.values.get(range.clone()).unwrap_or_default();
        match self.value_nulls {
            None => Cow::Borrowed(values),
            Some(nulls) => Cow::Owned(chosen(range.zip(values), nulls)),
        }
    }
}

fn between<O: OffsetSizeTrait>(offsets: &[O], number: usize) -> Range<usize> {
    let at = |number: usize| offsets.get(number).map_or(0, |offset| offset.as_usize());
    at(number)..at(number + 1)
}

/// Returns an array of reals in f32: itself, if it is.
fn reals(array: &dyn Array) -> Result<Cow<'_, [f32]>> {
    match array.data_type() {
        DataType::Float32 => Ok(Cow::Borrowed(array.as_primitive::<Float32Type>().values())),
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            Ok(Cow::Owned(values.iter().map(|&x| x as f32).collect()))
        }
        DataType::Float16 => {
            let values: &[half::f16] = array.as_primitive::<Float16Type>().values();
            let mut reals = vec![0.0; values.len()];
            values.convert_to_f32_slice(&mut reals);
            Ok(Cow::Owned(reals))
        }
        other => Err(not_reals(other)),
    }
}

/// Returns the error of a column that is not of reals.
pub(crate) fn not_reals(data_type: &DataType) -> DataFusionError {
    DataFusionError::Plan(format!(
        "values of type {data_type} are no reals: expected Float16, Float32, Float64, or a List, LargeList or FixedSizeList of them"
    ))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use datafusion::arrow::array::{FixedSizeListArray, Float16Array, Float64Array, Int32Array, ListArray};

    #[test]
    fn rows_of_slices_are_those_of_the_slice() {
        let lists = ListArray::from_iter_primitive::<Float32Type, _, _>([
            Some(vec![Some(1.0)]),
            None,
            Some(vec![Some(2.0), None, Some(3.0)]),
            Some(vec![]),
        ]);
        let sliced = lists.slice(1, 3);
        let column = Column::of(&sliced).unwrap();
        assert_eq!(column.row(0), None);
        let row = column.row(1).unwrap();
        assert_eq!(column.values(row.clone()), [2.0, 3.0].as_slice());
        assert!(column.values_in_place(row)[1].is_nan());
        assert!(column.values(column.row(2).unwrap()).is_empty());

        let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
            [Some(vec![Some(1.0), Some(2.0)]), Some(vec![Some(3.0), Some(4.0)])],
            2,
        );
        let sliced = fixed.slice(1, 1);
        let column = Column::of(&sliced).unwrap();
        assert_eq!(column.values(column.row(0).unwrap()), [3.0, 4.0].as_slice());
    }

    #[test]
    fn other_widths_are_rounded_once_and_other_types_are_named() {
        let doubles = Float64Array::from(vec![0.1, 1e60]);
        let column = Column::of(&doubles).unwrap();
        assert_eq!(column.values(0..2), [0.1_f32, f32::INFINITY].as_slice());
        let halves = Float16Array::from(vec![half::f16::from_f32(0.5), half::f16::NAN]);
        let column = Column::of(&halves).unwrap();
        assert_eq!(column.values(0..1), [0.5_f32].as_slice());
        assert!(column.values(1..2)[0].is_nan());
        let error = Column::of(&Int32Array::from(vec![1])).unwrap_err();
        assert!(error.to_string().contains("Int32"), "{error}");
    }
}
