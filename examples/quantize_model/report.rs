//! What happened, as tables.

use std::fmt;
use std::time::Duration;
use tensor_quant::metrics::ErrorMetrics;

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) tensors: Vec<Row>,
    /// Correctly classified images by scheme, rounded to the nearest and rounded up; of `images`.
    pub(crate) accuracies: Vec<(&'static str, usize, usize)>,
    pub(crate) integers_only: usize,
    pub(crate) images: usize,
    pub(crate) bytes_in: usize,
    /// Quantized in so much time.
    pub(crate) elements: usize,
    pub(crate) time: Duration,
}

pub(crate) struct Row {
    name: String,
    shape: Vec<usize>,
    scheme: String,
    bytes: usize,
    /// `None` where a tensor was kept.
    error: Option<ErrorMetrics>,
}

impl Row {
    pub(crate) fn new(name: &str, shape: &[usize], scheme: String, bytes: usize, error: &ErrorMetrics) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), scheme, bytes, error: Some(*error) }
    }

    pub(crate) fn kept(name: &str, shape: &[usize], bytes: usize) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), scheme: "kept".into(), bytes, error: None }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, shape, scheme) = ("tensor", "shape", "scheme");
        writeln!(f, "{name:14}  {shape:>10}  {scheme:23}  {:>6}  {:>9}  {:>13}", "bytes", "SQNR", "largest error")?;
        for Row { name, shape, scheme, bytes, error } in &self.tensors {
            write!(f, "{name:14}  {:>10}  {scheme:23}  {bytes:>6}", format!("{shape:?}"))?;
            match error {
                Some(error) => writeln!(f, "  {:>6.2} dB  {:>13.3e}", error.sqnr_db(), error.max_abs_error())?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "\n{:24}  {:>16}  {:>16}", "accuracy", "round to nearest", "round up (ceil)")?;
        let percent = |correct: usize| 100.0 * correct as f64 / self.images as f64;
        let cell = |correct: usize| format!("{correct} of {} {:5.1}%", self.images, percent(correct));
        for (scheme, nearest, ceil) in &self.accuracies {
            writeln!(f, "{scheme:24}  {:>16}  {:>16}", cell(*nearest), cell(*ceil))?;
        }
        writeln!(f, "int8, integers only       {}", cell(self.integers_only))?;
        let bytes_out: usize = self.tensors.iter().map(|row| row.bytes).sum();
        let ratio = 100.0 * bytes_out as f64 / self.bytes_in.max(1) as f64;
        writeln!(f, "\n{} bytes to {bytes_out} ({ratio:.1}%)", self.bytes_in)?;
        let seconds = self.time.as_secs_f64();
        let speed = 4e-9 * self.elements as f64 / seconds;
        writeln!(f, "quantizing the weights, best of many: {seconds:.6} s, {speed:.2} GB/s")
    }
}
