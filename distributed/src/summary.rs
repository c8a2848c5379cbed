//! The whole job: activations in Parquet, to the statistics that a model is quantized by.

use crate::aggregate::Aggregate;
use crate::function::Function;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionContext;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::AggregateUDF;
use datafusion::prelude::{ParquetReadOptions, col, lit};
use futures::StreamExt;
use tensor_quant::calibration::Statistics;
use tensor_quant::range::AnyEstimator;

/// What is asked of activations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// Finds the ranges.
    pub estimator: AnyEstimator,
    /// Whether the means of channels and of their squares are taken, too, of tensors whose rows say how many channels they have.
    pub has_channels: bool,
}

impl Summary {
    /// Returns a summary of ranges alone.
    pub fn new(estimator: impl Into<AnyEstimator>) -> Self {
        Self { estimator: estimator.into(), has_channels: false }
    }

    /// Returns it with the means of channels.
    #[must_use]
    pub fn with_channels(self) -> Self {
        Self { has_channels: true, ..self }
    }
}

/// Returns the statistics of all tensors in Parquet files that [`pack`](crate::pack) wrote, or anyone else with these columns: `name`, the
/// tensor's name; `values`, reals or lists of them; and, if there are, `part`, which is 0 in the first row of a sample, and `channels`, the
/// length of the last axis.
///
/// The statistics are the same, bit for bit, for any number of threads and files, and those that the library finds on one thread.
///
/// # Errors
///
/// Those of reading the files, one about a column that is not there, and those of the function `tq_statistics`.
pub async fn summarize(
    session: &SessionContext,
    paths: &[String],
    summary: &Summary,
) -> Result<Statistics<AnyEstimator>> {
    let frame = session.read_parquet(paths.to_vec(), ParquetReadOptions::default()).await?;
    let columns: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let has = |column: &str| columns.iter().any(|known| known == column);
    for wanted in ["name", "values"] {
        if !has(wanted) {
            return Err(DataFusionError::Plan(format!(
                "the files {paths:?} have no column {wanted:?}: activations have the columns name and values, there are {columns:?}"
            )));
        }
    }
    if summary.has_channels && !has("channels") {
        return Err(DataFusionError::Plan(format!(
            "the files {paths:?} have no column \"channels\"; there are {columns:?}"
        )));
    }
    let mut arguments = vec![col("name"), col("values"), lit(summary.estimator.to_string())];
    if summary.has_channels {
        arguments.push(col("channels"));
    }
    let statistics = AggregateUDF::new_from_impl(Aggregate::new(Function::Statistics)).call(arguments);
    let of_tensors = frame.clone().aggregate(vec![col("name")], vec![statistics.alias("statistics")])?;
    let mut all = Statistics::new(summary.estimator.clone());
    let mut batches = of_tensors.execute_stream().await?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let texts = batch.column(1).as_string_opt::<i64>();
        let texts = texts.ok_or_else(|| DataFusionError::Execution("the statistics are no text".into()))?;
        for text in texts.iter().flatten() {
            let one = Statistics::from_json(text).map_err(|error| DataFusionError::External(error.into()))?;
            all.merge(&one).map_err(|error| DataFusionError::External(error.into()))?;
        }
    }
    let first_rows = if has("part") { frame.filter(col("part").eq(lit(0)))? } else { frame };
    let counted = first_rows.aggregate(vec![col("name")], vec![count(lit(1)).alias("samples")])?;
    let most = |batch: &RecordBatch| {
        let counts = batch.column(1).as_primitive_opt::<Int64Type>()?;
        counts.values().iter().copied().max()
    };
    let samples = counted.collect().await?.iter().filter_map(most).max().unwrap_or(0);
    all.count_samples(samples.unsigned_abs());
    Ok(all)
}
