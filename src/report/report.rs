//! The report itself: plain data.

use super::number::bytes;
use crate::error::Result;
use crate::metrics::{ErrorMetrics, Histogram};
use crate::output;
use crate::pipeline::{Outcome, TensorOutcome};
use serde::{Serialize, Serializer};
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
    /// `bytes_out / bytes_in`.
    pub ratio: f64,
    /// How long it took.
    pub seconds: f64,
    /// SQNR of all changed tensors together, in dB; absent if there is no error, −∞ for an error on values that are all 0.
    #[serde(serialize_with = "ratio")]
    pub sqnr_db: Option<f64>,
    /// What one should know first: a line each.
    pub warnings: Vec<String>,
    /// Every constant tensor, in the order of the file.
    pub tensors: Vec<Row>,
}

/// What happened to a tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its elements before.
    pub before: String,
    /// The type of its elements after.
    pub after: String,
    /// Why.
    pub reason: String,
    /// The bytes that it took.
    pub bytes_before: u64,
    /// The bytes that it takes, parameters included.
    pub bytes_after: u64,
    /// What that cost; absent if it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Measured>,
    /// How often which values occur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Bars>,
    /// How often which errors occur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Bars>,
}

/// What quantization cost a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// Signal-to-quantization-noise ratio of the finite values, in dB: absent where these have no error, −∞ where they have
    /// one and are all 0. JSON, which has no infinities, gets `null` and `"-Infinity"`.
    #[serde(serialize_with = "ratio")]
    pub sqnr_db: Option<f64>,
    /// Mean squared error.
    pub mse: f64,
    /// The largest error.
    pub max_abs_error: f64,
    /// The cosine of the angle between the values before and after.
    pub cosine_similarity: f64,
    /// Values beyond the codes.
    pub saturated: u64,
    /// Values that became 0.
    pub zeroed: u64,
    /// Values that are not finite, before or after.
    pub non_finite: u64,
    /// Those of them that are not the same before and after: they are part of no error.
    pub non_finite_changed: u64,
}

/// A histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bars {
    /// The lower end of the first bin.
    pub min: f64,
    /// The upper end of the last.
    pub max: f64,
    /// How many values each bin holds.
    pub counts: Vec<u64>,
}

/// Writes a ratio in dB; JSON has no infinities, and `null` is for no error.
#[expect(clippy::ref_option, reason = "what serde calls it with")]
fn ratio<S: Serializer>(sqnr_db: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match sqnr_db {
        Some(db) if db.is_infinite() => serializer.serialize_str("-Infinity"),
        sqnr_db => sqnr_db.serialize(serializer),
    }
}

impl Measured {
    /// Returns what a report says of metrics.
    pub fn new(error: &ErrorMetrics) -> Self {
        Self {
            sqnr_db: Some(error.sqnr_db()).filter(|&db| db < f64::INFINITY),
            mse: error.mse(),
            max_abs_error: error.max_abs_error(),
            cosine_similarity: error.cosine_similarity(),
            saturated: error.saturated(),
            zeroed: error.zeroed(),
            non_finite: error.non_finite(),
            non_finite_changed: error.non_finite_changed(),
        }
    }

    /// Returns whether every value is the same before and after.
    pub fn is_unchanged(&self) -> bool {
        self.max_abs_error == 0.0 && self.non_finite_changed == 0
    }
}

impl Bars {
    fn new(histogram: &Histogram) -> Self {
        let (min, max) = (f64::from(histogram.range().min()), f64::from(histogram.range().max()));
        Self { min, max, counts: histogram.counts().to_vec() }
    }
}

impl Row {
    fn new(tensor: &TensorOutcome) -> Self {
        let histograms = tensor.histograms.as_ref();
        Self {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            before: tensor.before.clone(),
            after: tensor.after.clone(),
            reason: tensor.reason.clone(),
            bytes_before: tensor.bytes_before,
            bytes_after: tensor.bytes_after,
            error: tensor.error.as_ref().map(Measured::new),
            values: histograms.map(|(values, _)| Bars::new(values)),
            errors: histograms.map(|(_, errors)| Bars::new(errors)),
        }
    }
}

impl Report {
    /// Returns the report of what happened to a file.
    pub fn new(outcome: &Outcome) -> Self {
        let (mut signal, mut noise) = (0.0, 0.0);
        for error in outcome.tensors.iter().filter_map(|tensor| tensor.error.as_ref()) {
            let finite = (error.count() - error.non_finite()) as f64;
            signal += error.mean_square() * finite;
            noise += error.mse() * finite;
        }
        let (before, after) = (bytes(outcome.bytes_in), bytes(outcome.bytes_out));
        let no_smaller = (outcome.bytes_out >= outcome.bytes_in)
            .then(|| format!("the file is no smaller: {before} became {after}, and what was kept tells why"));
        let of_tensor = |tensor: &TensorOutcome| {
            let name = tensor.name.clone();
            tensor.warnings.iter().map(move |warning| format!("{name}: {warning}")).collect::<Vec<_>>()
        };
        Self {
            input: outcome.input.display().to_string(),
            output: outcome.output.display().to_string(),
            format: outcome.format.to_string(),
            recipe: outcome.recipe.name.clone(),
            description: outcome.recipe.description.clone(),
            bytes_in: outcome.bytes_in,
            bytes_out: outcome.bytes_out,
            ratio: outcome.bytes_out as f64 / outcome.bytes_in.max(1) as f64,
            seconds: outcome.seconds,
            sqnr_db: (noise > 0.0).then(|| 10.0 * (signal.log10() - noise.log10())),
            warnings: no_smaller.into_iter().chain(outcome.tensors.iter().flat_map(of_tensor)).collect(),
            tensors: outcome.tensors.iter().map(Row::new).collect(),
        }
    }

    /// Returns the tensors that were changed, those with the most error first.
    pub fn worst_first(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.tensors.iter().filter(|row| row.error.is_some()).collect();
        let sqnr_db = |row: &Row| row.error.and_then(|error| error.sqnr_db).unwrap_or(f64::INFINITY);
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
        let extension = path.as_ref().extension();
        extension.is_some_and(|e| e.eq_ignore_ascii_case("html") || e.eq_ignore_ascii_case("htm"))
    }
}
