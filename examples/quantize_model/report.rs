//! What happened, as tables and as JSON.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use tensor_quant::metrics::ErrorMetrics;

#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) tensors: Vec<Row>,
    /// Correctly classified images by scheme; of `images`. Empty for a file.
    pub(crate) accuracy: BTreeMap<String, f64>,
    #[serde(skip)]
    pub(crate) correct: Vec<(String, usize, usize)>,
    #[serde(skip)]
    pub(crate) integers_only: Option<usize>,
    pub(crate) images: usize,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) seconds: f64,
    pub(crate) gigabytes_per_second: f64,
    #[serde(skip)]
    pub(crate) timed: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    /// What was done; `kept: …` with the reason for a tensor that was left alone.
    pub(crate) scheme: String,
    /// Bytes after, scales included, by bytes before.
    pub(crate) ratio: f64,
    /// `null` where there is no error.
    pub(crate) sqnr_db: Option<f64>,
    pub(crate) max_abs_error: f64,
    /// Elements that are NaN or infinite, and elements beyond the range of the codes.
    pub(crate) non_finite: u64,
    pub(crate) saturated: u64,
}

impl Row {
    pub(crate) fn new(name: &str, shape: &[usize], scheme: String, ratio: f64, error: &ErrorMetrics) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            scheme,
            ratio,
            sqnr_db: Some(error.sqnr_db()).filter(|db| db.is_finite()),
            max_abs_error: error.max_abs_error(),
            non_finite: error.non_finite(),
            saturated: error.saturated(),
        }
    }

    pub(crate) fn kept(name: &str, shape: &[usize], reason: &str) -> Self {
        Self::new(name, shape, format!("kept: {reason}"), 1.0, &ErrorMetrics::default())
    }
}

impl Report {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|e| format!("{{\"error\": {:?}}}", e.to_string()), |s| s + "\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_width = self.tensors.iter().map(|row| row.name.len()).max().unwrap_or(0).max("tensor".len());
        let scheme_width = self.tensors.iter().map(|row| row.scheme.len()).max().unwrap_or(0).max("scheme".len());
        let (name, scheme) = ("tensor", "scheme");
        writeln!(
            f,
            "{name:name_width$}  {:>16}  {scheme:scheme_width$}  {:>6}  {:>9}  {:>13}",
            "shape", "size", "SQNR", "largest error"
        )?;
        for row in &self.tensors {
            let shape = format!("{:?}", row.shape);
            let sqnr = row.sqnr_db.map_or("lossless".into(), |db| format!("{db:.2} dB"));
            write!(
                f,
                "{:name_width$}  {shape:>16}  {:scheme_width$}  {:>5.1}%  {sqnr:>9}  {:>13.3e}",
                row.name,
                row.scheme,
                100.0 * row.ratio,
                row.max_abs_error
            )?;
            if row.saturated > 0 {
                write!(f, "  {} saturated", row.saturated)?;
            }
            if row.non_finite > 0 {
                write!(f, "  {} not finite", row.non_finite)?;
            }
            writeln!(f)?;
        }
        if !self.correct.is_empty() {
            writeln!(f, "\n{:24}  {:>16}  {:>16}", "accuracy", "round to nearest", "round up (ceil)")?;
            for (scheme, nearest, ceil) in &self.correct {
                let cell = |correct: usize| {
                    format!("{correct} of {} {:5.1}%", self.images, 100.0 * correct as f64 / self.images as f64)
                };
                writeln!(f, "{scheme:24}  {:>16}  {:>16}", cell(*nearest), cell(*ceil))?;
            }
            if let Some(correct) = self.integers_only {
                let percent = 100.0 * correct as f64 / self.images as f64;
                writeln!(f, "int8, integers only       {correct} of {} {percent:5.1}%", self.images)?;
            }
        }
        let ratio = self.bytes_out as f64 / (self.bytes_in.max(1)) as f64;
        writeln!(f, "\n{} bytes to {} ({:.1}%)", self.bytes_in, self.bytes_out, 100.0 * ratio)?;
        writeln!(f, "{}: {:.6} s, {:.2} GB/s", self.timed, self.seconds, self.gigabytes_per_second)
    }
}
