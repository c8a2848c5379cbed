//! What functions give: their types, and values of them.
//!
//! What needs a finite value and found none is NULL, as SQL's own `min` is of nothing; counts are always there.

use datafusion::arrow::array::{Array, ArrayRef, Float64Array, Int32Array, ListArray, StructArray, UInt64Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;
use tensor_quant::calibration::SecondMoments;
use tensor_quant::kernel::Extremes;
use tensor_quant::range::BinaryHistogram;

fn fields(fields: &[(&str, DataType)]) -> Fields {
    fields.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect()
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

fn seen_fields() -> Fields {
    let count = DataType::UInt64;
    fields(&[
        ("min", DataType::Float32),
        ("max", DataType::Float32),
        ("count", count.clone()),
        ("nan", count.clone()),
        ("infinite", count),
    ])
}

fn range_fields() -> Fields {
    fields(&[("min", DataType::Float32), ("max", DataType::Float32)])
}

fn mean_and_std_fields() -> Fields {
    fields(&[("mean", DataType::Float64), ("std", DataType::Float64)])
}

fn params_fields() -> Fields {
    fields(&[("scale", DataType::Float32), ("zero_point", DataType::Int64)])
}

fn bin_fields() -> Fields {
    fields(&[("bin", DataType::Int32), ("count", DataType::UInt64)])
}

fn histogram_fields() -> Fields {
    fields(&[("width", DataType::Float64), ("bins", list_of(DataType::Struct(bin_fields())))])
}

fn second_moments_fields() -> Fields {
    fields(&[("rows", DataType::UInt64), ("mean", list_of(DataType::Float64))])
}

/// The type of [`seen`].
pub(crate) fn seen_type() -> DataType {
    DataType::Struct(seen_fields())
}

/// The type of [`range`].
pub(crate) fn range_type() -> DataType {
    DataType::Struct(range_fields())
}

/// The type of [`mean_and_std`].
pub(crate) fn mean_and_std_type() -> DataType {
    DataType::Struct(mean_and_std_fields())
}

/// The type of [`params`].
pub(crate) fn params_type() -> DataType {
    DataType::Struct(params_fields())
}

/// The type of [`histogram`].
pub(crate) fn histogram_type() -> DataType {
    DataType::Struct(histogram_fields())
}

/// The type of [`means`].
pub(crate) fn means_type() -> DataType {
    list_of(DataType::Float32)
}

/// The type of [`second_moments`].
pub(crate) fn second_moments_type() -> DataType {
    DataType::Struct(second_moments_fields())
}

fn structure(fields: Fields, values: &[ScalarValue]) -> Result<ScalarValue> {
    let arrays = values.iter().map(ScalarValue::to_array).collect::<Result<Vec<ArrayRef>>>()?;
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields, arrays, None)?)))
}

fn null(data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::try_from(data_type)
}

/// Returns extremes and counts; there are no extremes if no value was finite.
pub(crate) fn seen(seen: &Extremes) -> Result<ScalarValue> {
    let finite = |x: f32| ScalarValue::Float32((seen.min <= seen.max).then_some(x));
    let count = |count: u64| ScalarValue::UInt64(Some(count));
    let values = [finite(seen.min), finite(seen.max), count(seen.count), count(seen.nan), count(seen.infinite)];
    structure(seen_fields(), &values)
}

/// Returns a range.
pub(crate) fn range(range: Option<(f32, f32)>) -> Result<ScalarValue> {
    match range {
        None => null(&range_type()),
        Some((min, max)) => {
            structure(range_fields(), &[ScalarValue::Float32(Some(min)), ScalarValue::Float32(Some(max))])
        }
    }
}

/// Returns a mean and a standard deviation.
pub(crate) fn mean_and_std(mean_and_std: Option<(f64, f64)>) -> Result<ScalarValue> {
    match mean_and_std {
        None => null(&mean_and_std_type()),
        Some((mean, std)) => {
            structure(mean_and_std_fields(), &[ScalarValue::Float64(Some(mean)), ScalarValue::Float64(Some(std))])
        }
    }
}

/// Returns a scale and a zero point.
pub(crate) fn params(scale: f32, zero_point: i64) -> Result<ScalarValue> {
    structure(params_fields(), &[ScalarValue::Float32(Some(scale)), ScalarValue::Int64(Some(zero_point))])
}

/// Returns that there are no parameters.
pub(crate) fn no_params() -> Result<ScalarValue> {
    null(&params_type())
}

/// Returns the width of bins, and those that hold values: bin k ≥ 0 begins at k · width, bin k < 0 ends at (k + 1) · width.
pub(crate) fn histogram(histogram: &BinaryHistogram) -> Result<ScalarValue> {
    if histogram.total() == 0 {
        return null(&histogram_type());
    }
    let (bins, counts): (Vec<i32>, Vec<u64>) = histogram.bins().unzip();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(bins)), Arc::new(UInt64Array::from(counts))];
    let bins = StructArray::try_new(bin_fields(), columns, None)?;
    let values = [ScalarValue::Float64(Some(histogram.bin_width())), one_list(Arc::new(bins))];
    structure(histogram_fields(), &values)
}

/// Returns means; NULL if nothing was observed.
pub(crate) fn means(means: &[f32]) -> ScalarValue {
    if means.is_empty() {
        let field = Arc::new(Field::new_list_field(DataType::Float32, true));
        return ScalarValue::List(Arc::new(ListArray::new_null(field, 1)));
    }
    one_list(Arc::new(datafusion::arrow::array::Float32Array::from(means.to_vec())))
}

/// Returns the number of rows, and the matrix row by row.
pub(crate) fn second_moments(moments: Option<&SecondMoments>) -> Result<ScalarValue> {
    let Some(moments) = moments else { return null(&second_moments_type()) };
    let mean = Float64Array::from_iter_values(moments.mean());
    structure(second_moments_fields(), &[ScalarValue::UInt64(Some(moments.rows())), one_list(Arc::new(mean))])
}

fn one_list(elements: ArrayRef) -> ScalarValue {
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([elements.len()]);
    ScalarValue::List(Arc::new(ListArray::new(field, offsets, elements, None)))
}
