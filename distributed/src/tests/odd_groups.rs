//! NULL, NaN, and groups with nothing in them.

use super::{batch_of, by_name, of_all, session_of};
use crate::answer;
use datafusion::arrow::array::{Array, Float32Array, Float64Array, ListArray};
use datafusion::arrow::datatypes::{DataType, Float32Type};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;
use tensor_quant::RangeEstimator;
use tensor_quant::range::MinMax;

fn seen(values: &[f32]) -> ScalarValue {
    let mut estimator = MinMax::default();
    estimator.observe(values);
    answer::seen(estimator.seen()).expect("an answer")
}

#[test]
fn null_is_not_there() {
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(1.0), None, Some(-2.0)]),
        None,
        Some(vec![]),
        Some(vec![None, None, None]),
    ]);
    let session = session_of(vec![vec![batch_of(&["a", "a", "b", "c"], Arc::new(lists))]], 2);
    let answers = by_name(&session, "tq_min_max(values)").expect("a query that runs");
    assert_eq!(answers["a"], seen(&[1.0, -2.0]));
    assert_eq!(answers["b"], seen(&[]));
    assert_eq!(answers["c"], seen(&[]));
    let means = by_name(&session, "tq_channel_means(values)").expect("a query that runs");
    assert_eq!(means["a"], answer::means(&[1.0, 0.0, -2.0]));
    assert!(means["b"].is_null());
}

#[test]
fn without_finite_values_there_are_counts_and_no_ranges() {
    let values = Float32Array::from(vec![Some(f32::NAN), Some(f32::INFINITY), None]);
    let session = session_of(vec![vec![batch_of(&["a", "a", "b"], Arc::new(values))]], 2);
    let answers = by_name(&session, "tq_min_max(values)").expect("a query that runs");
    assert_eq!(answers["a"], seen(&[f32::NAN, f32::INFINITY]));
    for call in [
        "tq_percentile(values, 99.9)",
        "tq_mse_range(values, 'i8')",
        "tq_entropy_range(values, 'i8')",
        "tq_mean_std(values)",
        "tq_histogram(values)",
        "tq_params(values, 'i8, nan skip')",
    ] {
        for (name, answer) in by_name(&session, call).expect("a query that runs") {
            assert!(answer.is_null(), "{call} of {name}: {answer}");
        }
    }
}

#[test]
fn no_rows_give_one_answer_of_nothing() {
    let session = session_of(vec![vec![batch_of(&["a"], Arc::new(Float32Array::from(vec![1.0])))]], 2);
    let nothing =
        |call: &str| of_all(&session, &format!("{call} FILTER (WHERE name = 'z')")).expect("a query that runs");
    assert_eq!(nothing("tq_min_max(values)"), seen(&[]));
    assert!(nothing("tq_params(values, 'i8')").is_null());
}

#[test]
fn nan_is_refused_where_the_scheme_says_so() {
    let values = Float32Array::from(vec![1.0, f32::NAN, 3.0, 4.0]);
    let session = session_of(vec![vec![batch_of(&["a"; 4], Arc::new(values))]], 2);
    let error = by_name(&session, "tq_params(values, 'u8 affine')").expect_err("NaN").to_string();
    assert!(error.contains("1 of 4 values are NaN") && error.contains("nan skip"), "{error}");
    let params = by_name(&session, "tq_params(values, 'u8 affine, nan skip')").expect("a query that runs");
    assert_eq!(params["a"], answer::params(4.0 / 255.0, 0).expect("an answer"));
    let ranges = by_name(&session, "tq_percentile(values, 100)").expect("a query that runs");
    assert_eq!(ranges["a"], answer::range(Some((1.0, 4.0))).expect("an answer"));
}

#[test]
fn doubles_beyond_f32_are_counted_as_infinite() {
    let values = Float64Array::from(vec![1e60, -2.0, 0.1]);
    let session = session_of(vec![vec![batch_of(&["a"; 3], Arc::new(values))]], 1);
    let answers = by_name(&session, "tq_min_max(values)").expect("a query that runs");
    assert_eq!(answers["a"], seen(&[f32::INFINITY, -2.0, 0.1]));
}

#[test]
fn channels_that_do_not_fit_are_errors_with_the_numbers() {
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(1.0), Some(2.0), Some(3.0)]),
        Some(vec![Some(1.0), Some(2.0)]),
    ]);
    let session = session_of(vec![vec![batch_of(&["a", "a"], Arc::new(lists))]], 1);
    let error = by_name(&session, "tq_channel_means(values)").expect_err("two lengths").to_string();
    assert!(error.contains('3') && error.contains('2'), "{error}");
    let error = by_name(&session, "tq_second_moments(values, 2)").expect_err("three by two").to_string();
    assert!(error.contains("a row of 3 values is not of 2 channels"), "{error}");
    assert!(by_name(&session, "tq_min_max(values)").is_ok());
}

#[test]
fn rows_that_are_null_in_a_fixed_list_do_not_count() {
    let lists = datafusion::arrow::array::FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
        [Some(vec![Some(1.0), Some(2.0)]), None, Some(vec![Some(5.0), Some(0.0)])],
        2,
    );
    assert_eq!(lists.data_type(), &DataType::new_fixed_size_list(DataType::Float32, 2, true));
    let session = session_of(vec![vec![batch_of(&["a"; 3], Arc::new(lists))]], 1);
    assert_eq!(
        by_name(&session, "tq_channel_means(values)").expect("a query that runs")["a"],
        answer::means(&[3.0, 1.0])
    );
    assert_eq!(by_name(&session, "tq_min_max(values)").expect("a query that runs")["a"], seen(&[1.0, 2.0, 5.0, 0.0]));
}
