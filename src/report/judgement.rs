//! What the outputs of a quantized model lose on data: plain data, as JSON, and as text.

use super::number::{decibels, real, shortened};
use super::page::is_page;
use super::table::{Alignment, Style, Table};
use crate::error::Result;
use crate::output;
use serde::{Serialize, Serializer};
use std::fmt::Write;
use std::path::Path;

/// The longest name that a table shows in full.
const NAME: usize = 52;
/// The values that a table shows: those that lose most.
const VALUES: usize = 12;

/// What the outputs of a quantized model lose on data against those of the float model, and where along the graph.
///
/// Ratios are in dB: ∞ without error, −∞ for an error on values that are all 0. JSON, which has neither, gets `null`, and
/// `lossless` tells the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// The file of the float model.
    pub float: String,
    /// The file of the quantized model.
    pub quantized: String,
    /// What they ran on: a file or folder, or noise.
    pub data: String,
    /// Whether that is noise in place of data, which tells little of what the model is for.
    pub is_noise: bool,
    /// What ran them.
    pub runtime: String,
    /// The signatures that were run; one alone, or none by name, is not named.
    pub signatures: Vec<String>,
    /// Those that were not, as there were no samples for them.
    pub without_samples: Vec<String>,
    /// The samples.
    pub samples: u64,
    /// The worst ratio of an output.
    #[serde(serialize_with = "ratio")]
    pub sqnr_db: f64,
    /// Whether all outputs are the same.
    pub lossless: bool,
    /// The share of rows, along the last axis of the first output that has rows of two and more, with the same first choice.
    pub top1_agreement: Option<f64>,
    /// How often the models are right, if there were labels.
    pub accuracy: Option<Accuracy>,
    /// The outputs, in the order of the signature.
    pub outputs: Vec<JudgedOutput>,
    /// The values that both models have, those that lose most first.
    pub values: Vec<JudgedValue>,
}

/// The shares of labels that the models choose first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Accuracy {
    /// Of the float model.
    pub float: f64,
    /// Of the quantized model.
    pub quantized: f64,
    /// The labels.
    pub labels: u64,
}

/// What an output loses.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JudgedOutput {
    /// Its name.
    pub name: String,
    /// Its signal-to-quantization-noise ratio.
    #[serde(serialize_with = "ratio")]
    pub sqnr_db: f64,
    /// Whether it is the same.
    pub lossless: bool,
    /// The cosine of the angle between both.
    pub cosine: f64,
    /// The largest error.
    pub max_abs_error: f64,
    /// The share of rows along the last axis with the same first choice, if rows have two elements or more.
    pub top1_agreement: Option<f64>,
    /// Elements that are finite in one model alone.
    pub non_finite_changed: u64,
}

/// What a value on the way to the outputs loses.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JudgedValue {
    /// Its name.
    pub name: String,
    /// The operator that makes it; "" for an input.
    pub operator: String,
    /// Its place along the graph.
    pub position: usize,
    /// Whether the quantized model has its channels multiplied with factors, as equalized models do: what it loses is without them.
    pub rescaled: bool,
    /// Its ratio in the quantized model, with all errors from before it.
    #[serde(serialize_with = "ratio")]
    pub sqnr_db: f64,
    /// Whether it is the same.
    pub lossless: bool,
    /// Its ratio where its operator is given the float model's values: what the operator itself loses. Absent if the runtime
    /// cannot tell.
    #[serde(serialize_with = "optional_ratio")]
    pub own_sqnr_db: Option<f64>,
    /// Whether it is the same then. Absent if the runtime cannot tell.
    pub own_lossless: Option<bool>,
    /// The cosine of the angle between both.
    pub cosine: f64,
    /// The largest error.
    pub max_abs_error: f64,
}

impl JudgedValue {
    /// Returns what makes it.
    pub(super) fn maker(&self) -> &str {
        if self.operator.is_empty() { "input" } else { &self.operator }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls it with")]
fn ratio<S: Serializer>(db: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    db.is_finite().then_some(*db).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "what serde calls it with")]
fn optional_ratio<S: Serializer>(db: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    db.filter(|db| db.is_finite()).serialize(serializer)
}

impl Judgement {
    /// Returns a judgement that says nothing yet of these models.
    pub fn new(float: impl Into<String>, quantized: impl Into<String>) -> Self {
        Self {
            float: float.into(),
            quantized: quantized.into(),
            sqnr_db: f64::INFINITY,
            lossless: true,
            ..Self::default()
        }
    }

    /// Adds an output.
    pub fn push_output(&mut self, output: JudgedOutput) {
        self.sqnr_db = self.sqnr_db.min(output.sqnr_db);
        self.lossless &= output.lossless;
        self.top1_agreement = self.top1_agreement.or(output.top1_agreement);
        self.outputs.push(output);
    }

    /// Adds a value, in the order of the graph.
    pub fn push_value(&mut self, value: JudgedValue) {
        // The place among equals is that along the graph.
        let place = self.values.partition_point(|other| other.sqnr_db <= value.sqnr_db);
        self.values.insert(place, value);
    }

    /// Returns the judgement as JSON, with a line break at its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .map_or_else(|e| format!("{{\"error\": {:?}}}\n", e.to_string()), |text| text + "\n")
    }

    /// Writes the judgement to a file: a page if its name says so, as that of a [`Report`](super::Report), JSON otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = if is_page(path) { self.to_html() } else { self.to_json() };
        output::write(path, text.as_bytes())
    }

    /// Returns the judgement as text, in lines of at most `width` columns, where that is given and possible: the outputs, then the values
    /// that lose most.
    pub fn to_table(&self, style: Style, width: Option<usize>) -> String {
        let mut text = self.outputs_table(style, width);
        if !self.values.is_empty() {
            let _ = write!(text, "\n{}", self.values_table(style, width));
            let more = self.values.len().saturating_sub(VALUES);
            if more > 0 {
                let _ = writeln!(text, "and {more} values that lose less");
            }
        }
        text
    }

    /// Returns the outputs as text, and what they come to.
    pub(super) fn outputs_table(&self, style: Style, width: Option<usize>) -> String {
        let (left, right) = (Alignment::Left, Alignment::Right);
        let columns =
            [("output", left), ("SQNR", right), ("cosine", right), ("max error", right), ("same choice", right)];
        let mut table = Table::new(&columns, style).within(width);
        for output in &self.outputs {
            table.push([
                shortened(&output.name, NAME),
                shown(output.sqnr_db),
                format!("{:.5}", output.cosine),
                real(output.max_abs_error),
                output.top1_agreement.map_or(String::new(), percent),
            ]);
        }
        let mut text = table.to_string();
        let samples = if self.samples == 1 { "1 sample".into() } else { format!("{} samples", self.samples) };
        let _ = write!(text, "worst output {} on {samples} of {}, by {}", shown(self.sqnr_db), self.data, self.runtime);
        if let Some(accuracy) = self.accuracy {
            let (float, quantized) = (percent(accuracy.float), percent(accuracy.quantized));
            let _ = write!(text, "; right: {float} before, {quantized} after, of {} labels", accuracy.labels);
        }
        text.push('\n');
        let changed: u64 = self.outputs.iter().map(|output| output.non_finite_changed).sum();
        if changed > 0 {
            text += &style.warning(&format!("warning: {changed} elements of outputs are finite in one model alone"));
            text.push('\n');
        }
        if !self.without_samples.is_empty() {
            let which = self.without_samples.join(", ");
            text += &style.warning(&format!("warning: without samples, and so not run: the signatures {which}"));
            text.push('\n');
        }
        if self.is_noise {
            text += &style.warning("warning: no data was given, and noise tells little of what the model is for");
            text.push('\n');
        }
        text
    }

    fn values_table(&self, style: Style, width: Option<usize>) -> Table {
        let (left, right) = (Alignment::Left, Alignment::Right);
        let columns = [
            ("value, the worst first", left),
            ("at", right),
            ("SQNR", right),
            ("own", right),
            ("max error", right),
            ("made by", left),
        ];
        let mut table = Table::new(&columns, style).within(width);
        for value in self.values.iter().take(VALUES) {
            table.push([
                shortened(&value.name, NAME),
                value.position.to_string(),
                shown(value.sqnr_db),
                value.own_sqnr_db.map_or(String::new(), shown),
                real(value.max_abs_error),
                value.maker().to_owned() + if value.rescaled { ", channels rescaled" } else { "" },
            ]);
        }
        table
    }
}

pub(super) fn shown(db: f64) -> String {
    decibels((db < f64::INFINITY).then_some(db))
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement() -> Judgement {
        let mut judgement = Judgement::new("a.tflite", "b.tflite");
        (judgement.data, judgement.samples, judgement.runtime) = ("x.npz".into(), 3, "the executor".into());
        let output = |name: &str, sqnr_db: f64| JudgedOutput { name: name.into(), sqnr_db, ..JudgedOutput::default() };
        judgement.push_output(output("first", 41.25));
        judgement.push_output(JudgedOutput { lossless: true, ..output("second", f64::INFINITY) });
        let value = |position: usize, sqnr_db: f64, own: Option<f64>| JudgedValue {
            name: format!("<v{position}>"),
            operator: "CONV_2D".into(),
            position,
            sqnr_db,
            own_sqnr_db: own,
            ..JudgedValue::default()
        };
        judgement.push_value(value(0, f64::INFINITY, Some(f64::INFINITY)));
        judgement.push_value(value(1, 30.0, Some(35.0)));
        judgement.push_value(JudgedValue { rescaled: true, ..value(2, 20.0, None) });
        judgement.push_value(value(3, f64::NEG_INFINITY, Some(15.0)));
        judgement
    }

    #[test]
    fn the_worst_stands_first_and_json_has_no_infinity() {
        let json: serde_json::Value = serde_json::from_str(&judgement().to_json()).expect("it is JSON");
        assert_eq!((json["sqnr_db"].as_f64(), json["lossless"].as_bool()), (Some(41.25), Some(false)));
        assert!(json["outputs"][1]["sqnr_db"].is_null() && json["outputs"][1]["lossless"] == true);
        let positions: Vec<u64> = (0..4).filter_map(|i| json["values"][i]["position"].as_u64()).collect();
        assert_eq!(positions, [3, 2, 1, 0]);
        assert!(json["values"][1]["own_sqnr_db"].is_null() && json["accuracy"].is_null());
    }

    #[test]
    fn the_text_says_what_it_ran_on() {
        let mut judgement = judgement();
        let text = judgement.to_table(Style::Plain, None);
        assert!(text.contains("worst output 41.2 dB on 3 samples of x.npz, by the executor\n"), "{text}");
        assert!(text.contains("<v3>") && text.contains("lossless") && !text.contains("noise"), "{text}");
        assert_eq!(text.matches("CONV_2D, channels rescaled").count(), 1, "{text}");
        judgement.is_noise = true;
        judgement.accuracy = Some(Accuracy { float: 0.97, quantized: 0.965, labels: 200 });
        let text = judgement.to_table(Style::Plain, None);
        assert!(text.contains("right: 97.00% before, 96.50% after, of 200 labels") && text.contains("noise"), "{text}");
    }

    #[test]
    fn the_page_has_a_point_for_each_value_and_escapes_names() {
        let page = judgement().to_html();
        assert!(page.contains("&lt;v3&gt;") && !page.contains("<v3>"), "{page}");
        assert_eq!(page.matches("<circle").count(), 4 + 3);
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
}
