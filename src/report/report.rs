//! The report itself: plain data.

use super::distribution::Distribution;
use super::integers::Integers;
use super::judgement::Judgement;
use super::number::bytes;
use super::page::is_page;
use super::row::Row;
use crate::error::Result;
use crate::output;
use crate::pipeline::{Outcome, TensorOutcome, Warning};
use serde::Serialize;
use std::path::Path;

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The file that was read.
    pub input: String,
    /// The file that was written.
    pub output: String,
    /// The format of both.
    pub format: String,
    /// The name of the recipe.
    pub recipe: String,
    /// What the recipe is good for.
    pub description: String,
    /// The length of the input.
    pub bytes_in: u64,
    /// The length of the output.
    pub bytes_out: u64,
    /// The length of the output when it is deflated, as in an APK or a `.zip`; absent of files beyond 16 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zipped: Option<u64>,
    /// The bytes of the input that are no tensor's values, scales or zero points: tables, names, what fills up.
    pub bytes_elsewhere_in: u64,
    /// Those of the output.
    pub bytes_elsewhere_out: u64,
    /// `bytes_out / bytes_in`.
    pub ratio: f64,
    /// How long it took.
    pub seconds: f64,
    /// How the errors of the weights are distributed.
    pub distribution: Distribution,
    /// What the outputs lose, if they were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// What one should know.
    pub warnings: Vec<Warned>,
    /// Every constant tensor, in the order of the file.
    pub tensors: Vec<Row>,
    /// What became of values and operators, if activations became codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integers: Option<Integers>,
}

/// Something that one should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Warned {
    /// The tensor that it is about; empty if it is about the whole.
    pub tensor: String,
    /// What there is to know.
    pub message: String,
    /// What can be done about it; empty if nothing.
    pub advice: String,
}

impl Warned {
    fn new(tensor: &str, warning: &Warning) -> Self {
        Self { tensor: tensor.into(), message: warning.message.clone(), advice: warning.advice.clone() }
    }

    /// Returns what there is to know, and about which tensor, in a line.
    pub fn line(&self) -> String {
        if self.tensor.is_empty() { self.message.clone() } else { format!("{}: {}", self.tensor, self.message) }
    }
}

impl Report {
    /// Returns the report of what happened to a file.
    pub fn new(outcome: &Outcome) -> Self {
        let (before, after) = (bytes(outcome.bytes_in), bytes(outcome.bytes_out));
        let no_smaller = (outcome.bytes_out >= outcome.bytes_in).then(|| {
            let message = format!("the file is no smaller: {before} became {after}");
            Warned::new("", &Warning::new(message, "see what was kept, and why"))
        });
        let of_tensor = |tensor: &TensorOutcome| {
            tensor.warnings.iter().map(|warning| Warned::new(&tensor.name, warning)).collect::<Vec<_>>()
        };
        let elsewhere = |all: u64, bytes: fn(&TensorOutcome) -> u64| {
            all.saturating_sub(outcome.tensors.iter().map(bytes).fold(0, u64::saturating_add))
        };
        let of_tensors = outcome.tensors.iter().flat_map(of_tensor);
        let of_recipe = outcome.warnings.iter().map(|warning| Warned::new("", warning));
        let tensors: Vec<Row> = outcome.tensors.iter().map(Row::new).collect();
        let of_values = outcome.integer.iter().flat_map(|integer| &integer.warnings);
        let of_values = of_values.map(|warning| Warned::new("", warning));
        Self {
            input: outcome.input.display().to_string(),
            output: outcome.output.display().to_string(),
            format: outcome.format.to_string(),
            recipe: outcome.recipe.name.clone(),
            description: outcome.recipe.description.clone(),
            bytes_in: outcome.bytes_in,
            bytes_out: outcome.bytes_out,
            zipped: outcome.bytes_zipped,
            bytes_elsewhere_in: elsewhere(outcome.bytes_in, |tensor| tensor.bytes_before),
            bytes_elsewhere_out: elsewhere(outcome.bytes_out, |tensor| tensor.bytes_after),
            ratio: outcome.bytes_out as f64 / outcome.bytes_in.max(1) as f64,
            seconds: outcome.seconds,
            distribution: Distribution::new(&tensors),
            judgement: None,
            warnings: of_tensors.chain(of_recipe).chain(of_values).chain(no_smaller).collect(),
            tensors,
            integers: outcome.integer.as_ref().map(Integers::new),
        }
    }

    /// Returns the tensors that were quantized, those with the worst channel first.
    pub fn worst_first(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.tensors.iter().filter(|row| row.error.is_some()).collect();
        let sqnr_db = |row: &Row| row.worst_db().unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| sqnr_db(a).total_cmp(&sqnr_db(b)));
        rows
    }

    /// Returns the report as JSON, with a line break at its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .map_or_else(|e| format!("{{\"error\": {:?}}}\n", e.to_string()), |s| s + "\n")
    }

    /// Writes the report to a file: the page if [`is_page`](Self::is_page) says so of its name, JSON otherwise.
    ///
    /// A file of that name is replaced, whole, and keeps its permissions; a symbolic link stays, and what it leads to is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), also for a target that is a folder, a device or read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = if Self::is_page(path) { self.to_html() } else { self.to_json() };
        output::write(path, text.as_bytes())
    }

    /// Returns whether a file of that name is a page: whether the name ends in `.html` or `.htm`.
    pub fn is_page(path: impl AsRef<Path>) -> bool {
        is_page(path.as_ref())
    }
}
