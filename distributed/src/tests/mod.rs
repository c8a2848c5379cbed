//! What the functions promise, against the library on one thread.

mod arguments;
mod merged_states;
mod odd_groups;
mod same_bits;
mod whole_job;

use crate::register;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers that look random: a linear congruential generator of 64 bits (Knuth's).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    /// Returns a number from a bell, or now and then one of any bits: NaN, infinities and subnormal ones among them.
    pub(crate) fn real(&mut self, odd: usize) -> f32 {
        if self.below(100) < odd {
            return f32::from_bits(((self.below(1 << 16) << 16) | self.below(1 << 16)) as u32);
        }
        (0..6).map(|_| self.below(1 << 20) as f32 / (1 << 20) as f32 - 0.5).sum()
    }
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Returns a table of these partitions, in a session of so many threads.
pub(crate) fn session_of(partitions: Vec<Vec<RecordBatch>>, threads: usize) -> SessionContext {
    let session =
        SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads).with_batch_size(64));
    register(&session);
    let schema = partitions.iter().flatten().next().expect("a batch").schema();
    let table = MemTable::try_new(schema, partitions).expect("batches of one schema");
    session.register_table("t", Arc::new(table)).expect("the first table");
    session
}

/// Returns the batch of a column of names and one of values.
pub(crate) fn batch_of(names: &[&str], values: ArrayRef) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("values", values.data_type().clone(), true),
    ]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(StringArray::from(names.to_vec())), values])
        .expect("columns of one length")
}

/// Returns what a call gives for each name.
pub(crate) fn by_name(session: &SessionContext, call: &str) -> Result<BTreeMap<String, ScalarValue>> {
    wait(async {
        let batches = session.sql(&format!("SELECT name, {call} FROM t GROUP BY name")).await?.collect().await?;
        let mut answers = BTreeMap::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                let name = batch.column(0).as_string::<i32>().value(row).to_owned();
                answers.insert(name, ScalarValue::try_from_array(batch.column(1), row)?);
            }
        }
        Ok(answers)
    })
}

/// Returns what a call gives without groups.
pub(crate) fn of_all(session: &SessionContext, call: &str) -> Result<ScalarValue> {
    wait(async {
        let batches = session.sql(&format!("SELECT {call} FROM t")).await?.collect().await?;
        ScalarValue::try_from_array(batches[0].column(0), 0)
    })
}
