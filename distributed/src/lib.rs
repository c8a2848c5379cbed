//! Calibration of [`tensor_quant`] as aggregate functions of SQL, for [`datafusion`]; on many machines with Ballista (feature `cluster`).
//!
//! ```sql
//! SELECT name, tq_params(values, 'u8 affine, percentile 99.9') FROM 'activations/*.parquet' GROUP BY name
//! ```
//!
//! | function | gives |
//! | --- | --- |
//! | `tq_min_max(values)` | `{min, max, count, nan, infinite}` |
//! | `tq_histogram(values)` | `{width, bins: [{bin, count}]}`: bin k ≥ 0 begins at k · width, bin k < 0 ends at (k + 1) · width |
//! | `tq_percentile(values, 99.9)`, `tq_percentile(values, 0.001, 0.999)` | `{min, max}`: the middle share in percent, or two quantiles |
//! | `tq_mse_range(values, 'i8 symmetric')` | `{min, max}` of the smallest squared error with the scheme |
//! | `tq_entropy_range(values, 'u8 affine')` | `{min, max}` of the smallest loss of information with the scheme |
//! | `tq_mean_std(values)` | `{mean, std}` of the population |
//! | `tq_channel_means(lists)`, `tq_channel_means(lists, channels)` | `[mean, …]` of each place in a list, or of every so many |
//! | `tq_second_moments(lists)`, `tq_second_moments(lists, channels)` | `{rows, mean}`: the matrix of mean products, row by row; a row with NaN or ±∞ counts as zeros |
//! | `tq_params(values, 'u8 affine, mse')` | `{scale, zero_point}` by a scheme in its [text form](tensor_quant::AnyScheme) |
//! | `tq_statistics(name, values, 'percentile 99.9')` | the text of a statistics file, as `tensor-quant calibrate` writes it |
//!
//! Values are columns of `Float16`, `Float32` or `Float64`, or of `List`, `LargeList` or `FixedSizeList` of them; arithmetic is that of the
//! library, in f32.
//!
//! **The same bits for any partitioning, order, and number of machines.** States are those of the library's estimators, whose
//! merging is exact; they are sent as the JSON that the library saves. An estimator that depends on the order of rows, a moving average, is
//! refused.
//!
//! | what a group has | what comes of it |
//! | --- | --- |
//! | NULL instead of a row, or in it | is not there; in a list whose places are channels it keeps its place, and counts as NaN |
//! | NaN, ±∞ | counted by `tq_min_max`, and left out of ranges; `tq_params` refuses NaN unless the scheme says `nan skip` |
//! | no finite value | NULL; `tq_min_max` still has the counts |
//! | lists of different lengths | an error with the lengths, of functions of channels; no matter to the others |
//! | settings that are wrong, or no literals | an error when the query is planned |

// docs.rs says which feature an item stands behind.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod aggregate;
mod answer;
#[cfg(feature = "cluster")]
pub mod cluster;
mod column;
mod function;
mod groups;
mod literal;
mod one_group;
mod pack;
mod rows;
mod session;
mod states;
mod summary;

pub use pack::{Packed, pack, properties};
pub use session::{session, settings};
pub use summary::{Summary, summarize};

use aggregate::Aggregate;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::AggregateUDF;
use function::Function;
use std::sync::Arc;

/// Returns the functions, to be registered where queries are planned and where they are run.
pub fn functions() -> Vec<Arc<AggregateUDF>> {
    Function::ALL.iter().map(|function| Arc::new(AggregateUDF::new_from_impl(Aggregate::new(*function)))).collect()
}

/// Makes the functions known to a session.
///
/// # Examples
///
/// ```
/// use datafusion::prelude::SessionContext;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let session = SessionContext::new();
/// tensor_quant_distributed::register(&session);
/// let rows = session.sql("SELECT get_field(tq_min_max(x), 'max') FROM (VALUES (1.5), (-2.0)) AS t(x)").await?;
/// assert_eq!(rows.count().await?, 1);
/// # Ok::<(), datafusion::error::DataFusionError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn register(session: &SessionContext) {
    for function in functions() {
        session.register_udaf(AggregateUDF::clone(&function));
    }
}

#[cfg(test)]
mod tests;
