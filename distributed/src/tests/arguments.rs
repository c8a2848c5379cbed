//! Settings and arguments that are wrong: found while a query is planned, and named.

use super::{batch_of, session_of, wait};
use datafusion::arrow::array::{Float32Array, Int32Array};
use std::sync::Arc;

/// Returns why a query cannot be planned; it is not run.
fn refused(call: &str, values: datafusion::arrow::array::ArrayRef) -> String {
    let session = session_of(vec![vec![batch_of(&["a"], values)]], 1);
    let planned = wait(async {
        let frame = session.sql(&format!("SELECT name, {call} FROM t GROUP BY name")).await?;
        frame.into_optimized_plan()
    });
    planned.expect_err("a call that is wrong").strip_backtrace()
}

#[test]
fn wrong_settings_are_found_before_anything_runs() {
    let values = || Arc::new(Float32Array::from(vec![1.0]));
    for (call, said) in [
        ("tq_params(values, 'u9 affine')", "u9"),
        ("tq_params(values, 'u8 affine, centile 99')", "centile"),
        ("tq_params(values, 'u8 per axis 0')", "per axis 0"),
        ("tq_params(values, 'u8, moving-average 0.1')", "order of rows"),
        ("tq_params(values, name)", "literal"),
        ("tq_params(values, 8)", "8"),
        ("tq_params(values)", "tq_params(values, 'u8 affine, percentile 99.9')"),
        ("tq_mse_range(values, '')", "tq_mse_range"),
        ("tq_entropy_range(values, 'f99')", "f99"),
        ("tq_percentile(values, 101)", "share"),
        ("tq_percentile(values, 0.9, 0.1)", "quantile"),
        ("tq_percentile(values, 'all')", "number"),
        ("tq_percentile(values, 1, 2, 3)", "4 arguments"),
        ("tq_statistics(name, values, 'mean')", "mean"),
        ("tq_statistics(values, values, 'mse')", "names of type"),
        ("tq_min_max(values, 3)", "tq_min_max(values)"),
        ("tq_channel_means(values, 'three')", "integers"),
    ] {
        let error = refused(call, values());
        assert!(error.contains(said) && error.contains("tq_"), "{call}: {error}");
    }
}

#[test]
fn columns_that_are_no_reals_are_named_by_type() {
    for call in ["tq_min_max(values)", "tq_params(values, 'u8')", "tq_channel_means(values)"] {
        let error = refused(call, Arc::new(Int32Array::from(vec![1])));
        assert!(error.contains("Int32") && error.contains("Float32"), "{call}: {error}");
    }
}

#[test]
fn distinct_is_refused() {
    let session = session_of(vec![vec![batch_of(&["a"], Arc::new(Float32Array::from(vec![1.0])))]], 1);
    let error = super::by_name(&session, "tq_min_max(DISTINCT values)").expect_err("DISTINCT").to_string();
    assert!(error.contains("DISTINCT"), "{error}");
}

#[test]
fn a_state_of_something_else_is_refused() {
    let fresh = |text: &str| {
        let scheme = datafusion::scalar::ScalarValue::Utf8(Some(text.to_owned()));
        crate::function::Function::Params.fresh(&[scheme]).expect("a scheme")
    };
    let (mut ours, theirs) = (fresh("u8, mse"), fresh("u8, percentile 99"));
    let error = ours.merge(&theirs.text().expect("JSON")).expect_err("another estimator").to_string();
    assert!(error.contains("mse") && error.contains("percentile 99") && error.contains("same version"), "{error}");
    assert!(ours.merge("{").is_err());
}
