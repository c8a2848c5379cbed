//! The same bits for any partitioning and order, and those of the library on one thread.

use super::{Random, batch_of, by_name, of_all, session_of};
use crate::answer;
use datafusion::arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, LargeListArray, ListArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type};
use datafusion::scalar::ScalarValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use tensor_quant::calibration::{Calibrator, ChannelMeans, SecondMoments, Statistics};
use tensor_quant::ndarray::{ArrayView2, Axis};
use tensor_quant::params::CodeRange;
use tensor_quant::range::{AnyEstimator, BinaryHistogram, MeanStd, MinMax, Percentile};
use tensor_quant::{AnyScheme, RangeEstimator};

pub(super) const NAMES: [&str; 3] = ["conv1", "relu", "softmax"];
/// Values in a row: two places of three channels.
const ROW: usize = 6;

/// A row of a table: a tensor's name, and values.
pub(super) type Row = (&'static str, Vec<f32>);

pub(super) fn rows(random: &mut Random, count: usize, odd: usize) -> Vec<Row> {
    let row = |_| (NAMES[random.below(3)], (0..ROW).map(|_| random.real(odd)).collect());
    (0..count).map(row).collect()
}

/// Returns lists as an array of a type.
pub(super) fn lists(rows: &[Row], kind: usize) -> ArrayRef {
    let items = || rows.iter().map(|(_, values)| Some(values.iter().map(|x| Some(*x)).collect::<Vec<_>>()));
    match kind {
        0 => Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(items())),
        1 => Arc::new(LargeListArray::from_iter_primitive::<Float32Type, _, _>(items())),
        _ => Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(items(), ROW as i32)),
    }
}

/// Returns the rows in another order, in so many partitions, in batches of any size.
fn partitions(
    random: &mut Random,
    rows: &[Row],
    count: usize,
    array: &dyn Fn(&[Row]) -> RecordBatch,
) -> Vec<Vec<RecordBatch>> {
    let mut shuffled = rows.to_vec();
    for i in (1..shuffled.len()).rev() {
        shuffled.swap(i, random.below(i + 1));
    }
    let mut partitions = vec![Vec::new(); count];
    let mut rest = &shuffled[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at((1 + random.below(rows.len() / 3)).min(rest.len()));
        partitions[random.below(count)].push(array(now));
        rest = later;
    }
    partitions
}

pub(super) fn values_of(rows: &[Row], name: &str) -> Vec<f32> {
    rows.iter().filter(|(of, _)| *of == name).flat_map(|(_, values)| values.clone()).collect()
}

/// Returns what the library finds for the values of one tensor, observed at once.
pub(super) fn expected(call: &str, values: &[f32]) -> ScalarValue {
    let range_of = |estimator: AnyEstimator, scheme: Option<&AnyScheme>| {
        let mut estimator = estimator;
        estimator.observe(values);
        let range = match scheme {
            Some(scheme) => estimator.range(scheme),
            None => estimator.range(&CodeRange::of::<i8>()),
        };
        answer::range(range.ok().map(|range| (range.min(), range.max())))
    };
    let parsed = |text: &str| text.parse::<AnyScheme>().expect("a scheme");
    let rows = ArrayView2::from_shape((values.len() / 3, 3), values).expect("rows of three");
    let all = ArrayView2::from_shape((values.len() / ROW, ROW), values).expect("rows of six");
    let answer = match call {
        "tq_min_max(values)" => {
            let mut estimator = MinMax::default();
            estimator.observe(values);
            answer::seen(estimator.seen())
        }
        "tq_histogram(values)" => {
            let mut histogram = BinaryHistogram::default();
            histogram.observe(values);
            answer::histogram(&histogram)
        }
        "tq_percentile(values, 99)" => range_of(Percentile::two_sided(0.99).expect("a share").into(), None),
        "tq_percentile(values, 0.01, 0.75)" => range_of(Percentile::new(0.01, 0.75).expect("quantiles").into(), None),
        "tq_mse_range(values, 'i4 symmetric')" => {
            range_of("mse".parse().expect("an estimator"), Some(&parsed("i4 symmetric")))
        }
        "tq_entropy_range(values, 'u8 affine')" => {
            range_of("entropy".parse().expect("an estimator"), Some(&parsed("u8 affine")))
        }
        "tq_mean_std(values)" => {
            let mut estimator = MeanStd::new(3.0).expect("a number of deviations");
            estimator.observe(values);
            answer::mean_and_std(estimator.mean_and_std())
        }
        "tq_channel_means(values, 3)" => {
            let mut means = ChannelMeans::new(1);
            means.observe(rows).expect("rows of one length");
            Ok(answer::means(&means.means()))
        }
        "tq_second_moments(values)" => {
            let mut moments = SecondMoments::new(ROW).expect("a length");
            all.axis_chunks_iter(Axis(0), 1).for_each(|row| moments.observe(row).expect("rows of one length"));
            answer::second_moments(Some(&moments))
        }
        "tq_params(values, 'u8 affine, percentile 99.9, nan skip')" => {
            let scheme = parsed("u8 affine, percentile 99.9, nan skip");
            let calibrator = Calibrator::new(scheme.estimator.clone());
            calibrator.observe("x", rows).expect("no axis");
            let params = calibrator.params("x", &scheme).expect("finite values");
            answer::params(params.scales()[0], i64::from(params.zero_points()[0]))
        }
        other => panic!("{other}"),
    };
    answer.expect("an answer")
}

const CALLS: [&str; 10] = [
    "tq_min_max(values)",
    "tq_histogram(values)",
    "tq_percentile(values, 99)",
    "tq_percentile(values, 0.01, 0.75)",
    "tq_mse_range(values, 'i4 symmetric')",
    "tq_entropy_range(values, 'u8 affine')",
    "tq_mean_std(values)",
    "tq_channel_means(values, 3)",
    "tq_second_moments(values)",
    "tq_params(values, 'u8 affine, percentile 99.9, nan skip')",
];

fn check(session: &datafusion::prelude::SessionContext, rows: &[Row], calls: &[&str], case: &str) {
    for call in calls {
        let want: BTreeMap<String, ScalarValue> =
            NAMES.iter().map(|name| ((*name).to_owned(), expected(call, &values_of(rows, name)))).collect();
        assert_eq!(by_name(session, call).expect("a query that runs"), want, "{call} of {case}");
    }
}

#[test]
fn answers_are_the_librarys_for_any_partitions_and_order() {
    let mut random = Random(1);
    // Few values are kept as they are, many counted.
    for (case, count) in [40, 300, 4000].into_iter().enumerate() {
        let rows = rows(&mut random, count, 3);
        for threads in [1, 2, 5] {
            let kind = (case + threads) % 3;
            let batch =
                |rows: &[Row]| batch_of(&rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(), lists(rows, kind));
            let parts = 1 + random.below(6);
            let session = session_of(partitions(&mut random, &rows, parts, &batch), threads);
            check(
                &session,
                &rows,
                &CALLS,
                &format!("{count} rows in {parts} partitions on {threads} threads, lists {kind}"),
            );
        }
    }
}

#[test]
fn numbers_instead_of_lists_and_other_widths_are_the_same_values() {
    let mut random = Random(2);
    let rows = rows(&mut random, 500, 0);
    // What both widths can say.
    let halves = |x: f32| half::f16::from_f32(x).to_f32();
    let rows: Vec<Row> = rows.into_iter().map(|(name, x)| (name, x.into_iter().map(halves).collect())).collect();
    for width in [DataType::Float16, DataType::Float32, DataType::Float64] {
        let numbers = |rows: &[Row]| {
            let names: Vec<&str> = rows.iter().flat_map(|(name, x)| vec![*name; x.len()]).collect();
            let values: Vec<f32> = rows.iter().flat_map(|(_, x)| x.clone()).collect();
            batch_of(&names, cast(&Float32Array::from(values), &width).expect("a cast"))
        };
        let session = session_of(partitions(&mut random, &rows, 3, &numbers), 2);
        check(&session, &rows, &CALLS[..7], &format!("numbers of {width}"));
        let in_lists = |rows: &[Row]| {
            let list = DataType::new_list(width.clone(), true);
            let values = cast(&lists(rows, 0), &list).expect("a cast");
            batch_of(&rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(), values)
        };
        let session = session_of(partitions(&mut random, &rows, 3, &in_lists), 2);
        check(&session, &rows, &CALLS, &format!("lists of {width}"));
    }
}

#[test]
fn without_groups_all_rows_are_one() {
    let mut random = Random(3);
    let rows = rows(&mut random, 700, 3);
    let batch = |rows: &[Row]| batch_of(&rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(), lists(rows, 0));
    let session = session_of(partitions(&mut random, &rows, 4, &batch), 3);
    let values: Vec<f32> = rows.iter().flat_map(|(_, values)| values.clone()).collect();
    for call in CALLS {
        assert_eq!(of_all(&session, call).expect("a query that runs"), expected(call, &values), "{call}");
    }
}

#[test]
fn statistics_are_the_file_that_the_library_writes() {
    let mut random = Random(4);
    let rows = rows(&mut random, 900, 3);
    let mut want = Statistics::new("percentile 99.9".parse::<AnyEstimator>().expect("an estimator"));
    for (name, values) in &rows {
        let row = ArrayView2::from_shape((2, 3), values).expect("rows of three").into_dyn();
        want.observe(name, &row, true).expect("three channels");
    }
    for threads in [1, 4] {
        let batch = |rows: &[Row]| batch_of(&rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(), lists(rows, 0));
        let session = session_of(partitions(&mut random, &rows, 5, &batch), threads);
        let text = of_all(&session, "tq_statistics(name, values, 'percentile 99.9', 3)").expect("a query that runs");
        assert_eq!(text, ScalarValue::LargeUtf8(Some(want.to_json().expect("JSON"))));
    }
}
