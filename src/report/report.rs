//! The report itself: plain data.

use super::date;
use super::distribution::Distribution;
use super::integers::Integers;
use super::judgement::Judgement;
use super::number::bytes;
use super::page::is_page;
use super::row::Row;
use super::section::Section;
use crate::error::Result;
use crate::output;
use crate::pipeline::{Outcome, TensorOutcome, Warning};
use crate::recipe::Recipe;
use crate::sha256;
use serde::Serialize;
use std::path::Path;
use std::time::SystemTime;

/// The version of the JSON form.
const SCHEMA_VERSION: u32 = 1;

/// The JSON Schema of a report's JSON form.
pub const SCHEMA: &str = include_str!("report.schema.json");

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form: of the fields that there are, and what they mean.
    pub schema_version: u32,
    /// The program that made it, with its version.
    pub tool: String,
    /// When, in UTC.
    pub created: String,
    /// The file that was read.
    pub input: String,
    /// Its SHA-256; empty if nobody asked ([`with_hashes`](Self::with_hashes)).
    pub input_sha256: String,
    /// The file that was written; empty if nothing was.
    pub output: String,
    /// Its SHA-256; empty if nobody asked, or nothing was written.
    pub output_sha256: String,
    /// The format of both.
    pub format: String,
    /// The recipe, all of it, with what was changed in it.
    pub recipe: Recipe,
    /// What was changed in it, as it stood on the command line.
    pub overrides: Vec<String>,
    /// The length of the input.
    pub bytes_in: u64,
    /// The length of the output.
    pub bytes_out: u64,
    /// The length of the output when it is deflated, as in an APK or a `.zip`; absent of files beyond 16 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zipped: Option<u64>,
    /// The length of the output when zstd compresses it at its level 19; absent where nobody measured it: there is no encoder here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zstd: Option<u64>,
    /// The bytes of the input that are no tensor's values, scales or zero points: tables, names, what fills up.
    pub bytes_elsewhere_in: u64,
    /// Those of the output.
    pub bytes_elsewhere_out: u64,
    /// `bytes_out / bytes_in`.
    pub ratio: f64,
    /// How long it took, until everything was written.
    pub seconds: f64,
    /// How long it took from there on, until the disk had it.
    pub seconds_to_disk: f64,
    /// How the errors of the weights are distributed.
    pub distribution: Distribution,
    /// What the outputs lose, if they were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// What one should know.
    pub warnings: Vec<Warned>,
    /// Tables of their own: what was found out beside.
    pub sections: Vec<Section>,
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
            schema_version: SCHEMA_VERSION,
            tool: concat!("tensor-quant ", env!("CARGO_PKG_VERSION")).into(),
            created: date::iso(SystemTime::now()),
            input: outcome.input.display().to_string(),
            input_sha256: String::new(),
            output: outcome.output.display().to_string(),
            output_sha256: String::new(),
            format: outcome.format.to_string(),
            recipe: outcome.recipe.clone(),
            overrides: Vec::new(),
            bytes_in: outcome.bytes_in,
            bytes_out: outcome.bytes_out,
            zipped: outcome.bytes_zipped,
            zstd: None,
            bytes_elsewhere_in: elsewhere(outcome.bytes_in, |tensor| tensor.bytes_before),
            bytes_elsewhere_out: elsewhere(outcome.bytes_out, |tensor| tensor.bytes_after),
            ratio: outcome.bytes_out as f64 / outcome.bytes_in.max(1) as f64,
            seconds: outcome.seconds,
            seconds_to_disk: outcome.seconds_to_disk,
            distribution: Distribution::new(&tensors),
            judgement: None,
            warnings: of_tensors.chain(of_recipe).chain(of_values).chain(no_smaller).collect(),
            sections: Vec::new(),
            tensors,
            integers: outcome.integer.as_ref().map(Integers::new),
        }
    }

    /// Returns the report with what was changed in the recipe, as it stood on the command line.
    #[must_use]
    pub fn with_overrides(self, overrides: Vec<String>) -> Self {
        Self { overrides, ..self }
    }

    /// Returns the report with something more that one should know, of the whole.
    #[must_use]
    pub fn with_warning(mut self, warning: &Warning) -> Self {
        self.warnings.push(Warned::new("", warning));
        self
    }

    /// Returns the report with another time: that of a build, say, so that it is the same again.
    #[must_use]
    pub fn created_at(self, time: SystemTime) -> Self {
        Self { created: date::iso(time), ..self }
    }

    /// Returns the report with a table of its own at the end of what it has.
    #[must_use]
    pub fn with_section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Returns the report with the SHA-256 of the file that was read, and of the one that was written, if one was.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn with_hashes(mut self, input: &Path, output: Option<&Path>) -> Result<Self> {
        self.input_sha256 = sha256::of_file(input)?;
        self.output_sha256 = output.map_or(Ok(String::new()), sha256::of_file)?;
        Ok(self)
    }

    /// Returns the tensors that were quantized, those with the worst channel first.
    pub fn worst_first(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.tensors.iter().filter(|row| row.error.is_some()).collect();
        let sqnr_db = |row: &Row| row.worst_db().unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| sqnr_db(a).total_cmp(&sqnr_db(b)));
        rows
    }

    /// Returns the report as JSON, with a line break at its end. [`SCHEMA`] says what it holds.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .map_or_else(|e| format!("{{\"error\": {:?}}}\n", e.to_string()), |s| s + "\n")
    }

    /// Writes the report to a file: the page if [`is_page`](Self::is_page) says so of its name, node data for Model Explorer if it ends
    /// in `.node-data.json`, JSON otherwise.
    ///
    /// A file of that name is replaced, whole, and keeps its permissions; a symbolic link stays, and what it leads to is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), also for a target that is a folder, a device or read-only.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let text = match (Self::is_page(path), name.ends_with(".node-data.json")) {
            (true, _) => self.to_html(),
            (_, true) => self.to_node_data(),
            _ => self.to_json(),
        };
        output::write(path, text.as_bytes())
    }

    /// Returns whether a file of that name is a page: whether the name ends in `.html` or `.htm`.
    pub fn is_page(path: impl AsRef<Path>) -> bool {
        is_page(path.as_ref())
    }
}
