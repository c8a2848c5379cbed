//! States of parts, merged in any order, as machines do it: without an engine between.

use super::same_bits::{NAMES, Row, expected, lists, rows, values_of};
use super::{Random, batch_of};
use crate::function::Function;
use crate::groups::Groups;
use datafusion::arrow::array::{Array, ArrayRef, Int64Array};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// Calls with their functions and settings.
fn calls() -> Vec<(&'static str, Function, Vec<ScalarValue>)> {
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
    vec![
        ("tq_min_max(values)", Function::MinMax, vec![]),
        ("tq_histogram(values)", Function::Histogram, vec![]),
        ("tq_percentile(values, 99)", Function::Percentile, vec![ScalarValue::Int64(Some(99))]),
        (
            "tq_percentile(values, 0.01, 0.75)",
            Function::Percentile,
            vec![ScalarValue::Float64(Some(0.01)), ScalarValue::Float64(Some(0.75))],
        ),
        ("tq_mse_range(values, 'i4 symmetric')", Function::MseRange, vec![text("i4 symmetric")]),
        ("tq_entropy_range(values, 'u8 affine')", Function::EntropyRange, vec![text("u8 affine")]),
        ("tq_mean_std(values)", Function::MeanStd, vec![]),
        ("tq_channel_means(values, 3)", Function::ChannelMeans, vec![]),
        ("tq_second_moments(values)", Function::SecondMoments, vec![]),
        (
            "tq_params(values, 'u8 affine, percentile 99.9, nan skip')",
            Function::Params,
            vec![text("u8 affine, percentile 99.9, nan skip")],
        ),
    ]
}

/// Returns the groups of a call that have seen these rows.
fn observed(call: &str, function: Function, settings: &[ScalarValue], rows: &[Row]) -> Groups {
    let channels = call.ends_with(", 3)");
    let arguments = function.arguments(1 + settings.len() + usize::from(channels)).expect("a number of arguments");
    let mut groups = Groups::new(function, arguments, settings.to_vec()).expect("settings");
    let values = batch_of(&rows.iter().map(|(name, _)| *name).collect::<Vec<_>>(), lists(rows, 0)).column(1).clone();
    let mut columns: Vec<ArrayRef> = vec![values];
    for setting in settings {
        columns.push(setting.to_array_of_size(rows.len()).expect("an array"));
    }
    if channels {
        columns.push(Arc::new(Int64Array::from(vec![3; rows.len()])));
    }
    let numbers: Vec<usize> =
        rows.iter().map(|(name, _)| NAMES.iter().position(|known| known == name).expect("a name")).collect();
    groups.update_batch(&columns, &numbers, None, NAMES.len()).expect("rows");
    groups
}

#[test]
fn states_of_parts_are_the_whole_in_any_order() {
    let mut random = Random(11);
    for count in [30, 400, 4000] {
        let rows = rows(&mut random, count, 3);
        for (call, function, settings) in calls() {
            // Each part as another machine has it, shown as text.
            let mut parts: Vec<Vec<Row>> = vec![Vec::new(); 1 + random.below(5)];
            for row in &rows {
                let part = random.below(parts.len());
                parts[part].push(row.clone());
            }
            let mut all = observed(call, function, &settings, &[]);
            while !parts.is_empty() {
                let part = parts.swap_remove(random.below(parts.len()));
                let mut part = observed(call, function, &settings, &part);
                let states = part.state(EmitTo::All).expect("states");
                all.merge_batch(&states, &[0, 1, 2], NAMES.len()).expect("states that are read");
            }
            assert!(all.size() > 0);
            let answers = all.evaluate(EmitTo::All).expect("answers");
            for (number, name) in NAMES.iter().enumerate() {
                let answer = ScalarValue::try_from_array(&answers, number).expect("an answer");
                assert_eq!(answer, expected(call, &values_of(&rows, name)), "{call} of {name}, {count} rows");
            }
        }
    }
}

#[test]
fn a_state_a_row_is_the_same_again() {
    let mut random = Random(12);
    let rows = rows(&mut random, 50, 3);
    let values = lists(&rows, 2);
    let arguments = Function::MinMax.arguments(1).expect("one argument");
    let groups = Groups::new(Function::MinMax, arguments, Vec::new()).expect("no settings");
    let states = groups.convert_to_state(&[values], None).expect("a state a row");
    assert_eq!(states[0].len(), rows.len());
    let numbers: Vec<usize> =
        rows.iter().map(|(name, _)| NAMES.iter().position(|known| known == name).expect("a name")).collect();
    let mut all = Groups::new(Function::MinMax, arguments, Vec::new()).expect("no settings");
    all.merge_batch(&states, &numbers, NAMES.len()).expect("states that are read");
    // The first groups leave, the others go on.
    let first = all.evaluate(EmitTo::First(1)).expect("an answer");
    let rest = all.evaluate(EmitTo::All).expect("answers");
    for (answers, names) in [(first, &NAMES[..1]), (rest, &NAMES[1..])] {
        for (number, name) in names.iter().enumerate() {
            let answer = ScalarValue::try_from_array(&answers, number).expect("an answer");
            assert_eq!(answer, expected("tq_min_max(values)", &values_of(&rows, name)));
        }
    }
}
