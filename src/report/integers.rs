//! What a report says of values, operators and variants of a model in integers.

use super::number::{bytes, decibels, real, shortened};
use super::section::Section;
use super::table::{Alignment, Style, Table};
use crate::pipeline::{IntegerOutcome, Island, ValueOutcome, Variant};
use serde::Serialize;
use std::fmt::Write;

/// What became of values and operators whose activations are codes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Integers {
    /// How many samples were run.
    pub samples: usize,
    /// How many operators compute in integers.
    pub integer_operators: usize,
    /// How many there are that have to do with reals.
    pub operators: usize,
    /// How many `QUANTIZE` of reals, `DEQUANTIZE`, and `QUANTIZE` of codes there are.
    pub conversions: [usize; 3],
    /// Whether outputs were compared with those of the float model: without samples they cannot be.
    pub is_judged: bool,
    /// The SQNR of the worst output on the judging samples, in dB; absent if nothing is lost, or nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// The variants that were tried.
    pub variants: Vec<VariantRow>,
    /// The operators that compute in floating point.
    pub islands: Vec<IslandRow>,
    /// The values that are codes.
    pub values: Vec<ValueRow>,
}

/// A variant that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VariantRow {
    /// What it is.
    pub name: String,
    /// The bytes of its file.
    pub bytes: u64,
    /// The SQNR of its worst output; absent if nothing was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// What it is expected to be on other samples: by this the best is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_db: Option<f64>,
    /// Whether it was kept.
    pub is_chosen: bool,
}

/// An operator that computes in floating point.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IslandRow {
    /// Its kind.
    pub operator: String,
    /// The name of its first output.
    pub output: String,
    /// Why.
    pub reason: String,
}

/// A value that is codes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ValueRow {
    /// Its name.
    pub name: String,
    /// The type of its codes.
    pub codes: String,
    /// The scale.
    pub scale: f32,
    /// The zero point.
    pub zero_point: i32,
    /// The range that was found for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f32, f32)>,
}

impl Integers {
    /// Returns what a report says of an outcome.
    pub fn new(outcome: &IntegerOutcome) -> Self {
        let finite = |db: f64| Some(db).filter(|db| db.is_finite());
        let variant = |v: &Variant| VariantRow {
            name: v.name.clone(),
            bytes: v.bytes,
            sqnr_db: finite(v.sqnr_db),
            expected_db: finite(v.expected_db),
            is_chosen: v.is_chosen,
        };
        let island =
            |i: &Island| IslandRow { operator: i.operator.clone(), output: i.output.clone(), reason: i.reason.clone() };
        let value = |v: &ValueOutcome| ValueRow {
            name: v.name.clone(),
            codes: v.codes.clone(),
            scale: v.scale,
            zero_point: v.zero_point,
            range: v.range,
        };
        Self {
            samples: outcome.samples,
            integer_operators: outcome.integer_operators,
            operators: outcome.operators,
            conversions: outcome.conversions,
            is_judged: outcome.is_judged,
            sqnr_db: outcome.sqnr_db.and_then(finite),
            variants: outcome.variants.iter().map(variant).collect(),
            islands: outcome.islands.iter().map(island).collect(),
            values: outcome.values.iter().map(value).collect(),
        }
    }

    /// Returns the same as tables of their own.
    pub(super) fn sections(&self) -> Vec<Section> {
        let section = |title: &str, note: String, columns: &[&str], rows: Vec<Vec<String>>| Section {
            title: title.into(),
            note,
            columns: columns.iter().map(|&column| column.into()).collect(),
            rows,
        };
        let variant = |row: &VariantRow| {
            let kept = if row.is_chosen { "kept" } else { "" };
            vec![row.name.clone(), bytes(row.bytes), decibels(row.sqnr_db), decibels(row.expected_db), kept.into()]
        };
        let island = |row: &IslandRow| vec![row.operator.clone(), shortened(&row.output, NAME), row.reason.clone()];
        let value = |row: &ValueRow| {
            let range = row.range.map(|(min, max)| format!("{} … {}", real(min.into()), real(max.into())));
            let (scale, zero_point) = (format!("{:.4e}", row.scale), row.zero_point.to_string());
            vec![shortened(&row.name, NAME), row.codes.clone(), scale, zero_point, range.unwrap_or_default()]
        };
        let (worst, samples) = (decibels(self.sqnr_db), self.samples);
        let outputs = format!("The worst output keeps {worst} on {samples} samples.");
        let mut operators = format!("{} of {} operators compute in integers.", self.integer_operators, self.operators);
        if !self.is_judged {
            let _ = write!(operators, " Ranges are those of {samples} samples; outputs were not judged.");
        }
        let all = [
            section(
                "Outputs, by variant",
                outputs,
                &["variant", "bytes", "outputs", "expected", ""],
                self.variants.iter().map(variant).collect(),
            ),
            section(
                "In floating point",
                operators,
                &["operator", "makes", "because"],
                self.islands.iter().map(island).collect(),
            ),
            section(
                "Values that are codes",
                String::new(),
                &["value", "to", "scale", "zero point", "range"],
                self.values.iter().map(value).collect(),
            ),
        ];
        all.into_iter().filter(|section| !section.rows.is_empty()).collect()
    }

    fn judgement(&self) -> String {
        let samples = self.samples;
        if self.is_judged {
            let kept = decibels(self.sqnr_db);
            format!("calibrated on {samples} samples, of which outputs keep {kept} where they were held out")
        } else {
            format!(
                "ranges are those of {samples} samples that were run before, and nothing was tried: evaluate judges outputs"
            )
        }
    }

    /// Returns the tables of values, operators in floating point, and variants; and what they come to.
    pub(super) fn to_table(&self, style: Style, width: Option<usize>) -> String {
        let (left, right) = (Alignment::Left, Alignment::Right);
        let mut text = String::new();
        let columns = [("value", left), ("to", left), ("scale", right), ("zero point", right), ("range", left)];
        let mut values = Table::new(&columns, style).within(width);
        for row in &self.values {
            let range = row.range.map(|(min, max)| format!("{} … {}", real(min.into()), real(max.into())));
            values.push([
                shortened(&row.name, NAME),
                row.codes.clone(),
                format!("{:.4e}", row.scale),
                row.zero_point.to_string(),
                range.unwrap_or_default(),
            ]);
        }
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n{values}");
        if !self.islands.is_empty() {
            let mut islands =
                Table::new(&[("in floating point", left), ("makes", left), ("because", left)], style).within(width);
            for row in &self.islands {
                islands.push([row.operator.clone(), shortened(&row.output, NAME), row.reason.clone()]);
            }
            let _ = writeln!(text, "{islands}");
        }
        if self.variants.len() > 1 {
            let columns = [("variant", left), ("bytes", right), ("outputs", right), ("expected", right), ("", left)];
            let mut variants = Table::new(&columns, style).within(width);
            for row in &self.variants {
                let chosen = if row.is_chosen { "kept" } else { "" };
                variants.push([
                    row.name.clone(),
                    bytes(row.bytes),
                    decibels(row.sqnr_db),
                    decibels(row.expected_db),
                    chosen.into(),
                ]);
            }
            let _ = writeln!(text, "{variants}");
        }
        let [quantize, dequantize, rescale] = self.conversions;
        let _ = writeln!(
            text,
            "{} of {} operators in integers, {quantize} QUANTIZE, {dequantize} DEQUANTIZE and {rescale} rescalings between; {}",
            self.integer_operators,
            self.operators,
            self.judgement()
        );
        text
    }
}

/// The longest name that a table shows in full.
const NAME: usize = 44;
