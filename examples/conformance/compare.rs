//! Computed against expected.

use crate::case::{Array, Case, Values};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Differences shown of each array.
const SHOWN: usize = 5;

/// What was computed for a case.
#[derive(Default)]
pub(crate) struct Outputs {
    arrays: BTreeMap<String, Output>,
}

struct Output {
    values: Values,
    /// Which codes are NaN: any of them stands for any other.
    is_nan: Option<fn(u64) -> bool>,
}

pub(crate) enum Outcome {
    Passed,
    /// The differences.
    Failed(String),
    /// What was not compared.
    Uncovered(String),
}

impl Outputs {
    pub(crate) fn with(mut self, name: &str, values: Values) -> Self {
        self.arrays.insert(name.into(), Output { values, is_nan: None });
        self
    }

    /// Adds codes of a floating type, of which all NaNs are equal.
    pub(crate) fn with_codes(mut self, name: &str, values: Values, is_nan: fn(u64) -> bool) -> Self {
        self.arrays.insert(name.into(), Output { values, is_nan: Some(is_nan) });
        self
    }
}

/// Compares every expected array; a case of which one was not computed is not covered.
pub(crate) fn compare(case: &Case, outputs: Option<Outputs>) -> Outcome {
    let Some(outputs) = outputs else { return Outcome::Uncovered(format!("operation {:?}", case.op)) };
    let mut differences = String::new();
    for (name, want) in &case.expected {
        let Some(got) = outputs.arrays.get(name) else { return Outcome::Uncovered(format!("array {name:?}")) };
        let ignore = case.ignore.as_ref().filter(|ignore| ignore.len() == want.len());
        let tolerance = match case.tolerance.get(name) {
            Some(own) => own,
            None => &case.tolerance,
        };
        let Some(tolerance) = Tolerance::parse(tolerance) else {
            return Outcome::Uncovered(format!("tolerance {tolerance}"));
        };
        compare_array(name, got, want, tolerance, ignore.map(Vec::as_slice), &mut differences);
    }
    if differences.is_empty() { Outcome::Passed } else { Outcome::Failed(differences) }
}

#[derive(Clone, Copy)]
enum Tolerance {
    Exact,
    Within { relative: f64, absolute: f64 },
}

impl Tolerance {
    fn parse(value: &Value) -> Option<Self> {
        if value.as_str() == Some("exact") {
            return Some(Self::Exact);
        }
        let number = |key| value.get(key).map_or(Some(0.0), Value::as_f64);
        let known = value.get("rel").is_some() || value.get("abs").is_some();
        if known { Some(Self::Within { relative: number("rel")?, absolute: number("abs")? }) } else { None }
    }

    fn accepts(self, got: &Array, want: &Array, i: usize, is_nan: Option<fn(u64) -> bool>) -> bool {
        let both_nan = got.number(i).is_nan() && want.number(i).is_nan();
        let both_nan_codes = is_nan.is_some_and(|is_nan| is_nan(got.bits(i)) && is_nan(want.bits(i)));
        if both_nan || both_nan_codes {
            return true;
        }
        match self {
            Self::Exact => got.bits(i) == want.bits(i),
            Self::Within { relative, absolute } => {
                let (got, want) = (got.number(i), want.number(i));
                got == want || (got - want).abs() <= absolute + relative * want.abs()
            }
        }
    }
}

fn compare_array(
    name: &str,
    got: &Output,
    want: &Array,
    tolerance: Tolerance,
    ignore: Option<&[u8]>,
    differences: &mut String,
) {
    let is_nan = got.is_nan;
    let got = Array { shape: want.shape.clone(), values: got.values.clone() };
    if got.type_name() != want.type_name() || got.len() != want.len() {
        let (a, b) = ((got.len(), got.type_name()), (want.len(), want.type_name()));
        let _ = writeln!(differences, "    {name}: {} values of type {}, expected {} of {}", a.0, a.1, b.0, b.1);
        return;
    }
    let mut count = 0;
    for i in 0..want.len() {
        if ignore.is_some_and(|ignore| ignore[i] == 1) || tolerance.accepts(&got, want, i, is_nan) {
            continue;
        }
        count += 1;
        if count <= SHOWN {
            let (g, w) = (got.number(i), want.number(i));
            let _ = writeln!(
                differences,
                "    {name}[{i}]: got {g:?} ({:#x}), want {w:?} ({:#x})",
                got.bits(i),
                want.bits(i)
            );
        }
    }
    if count > SHOWN {
        let _ = writeln!(differences, "    {name}: {count} of {} differ", want.len());
    }
}

/// Returns the bits of the input values at the places where the first array differs, for a reader of the differences.
pub(crate) fn inputs_at(case: &Case, differences: &str) -> String {
    let mut text = String::new();
    for line in differences.lines() {
        let index = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let Some(i) = index.and_then(|(i, _)| i.parse::<usize>().ok()) else { continue };
        for (name, array) in case.inputs.iter().filter(|(_, array)| array.len() > i && array.len() > 1) {
            let _ = writeln!(text, "      {name}[{i}] = {:?} ({:#x})", array.number(i), array.bits(i));
        }
    }
    text
}
