//! The report as text for the terminal.

use super::number::{bytes, decibels, shape, shortened};
use super::reasons::by_reason;
use super::report::Report;
use super::row::Row;
use super::table::{Alignment, Style, Table};
use std::fmt::Write;

/// The longest name that a table shows in full.
const NAME: usize = 44;
/// Names of a group of tensors that were kept.
const NAMES: usize = 3;

impl Report {
    /// Returns the report as text, in lines of at most `width` columns, where that is given and possible: the tensors that were
    /// quantized, those that were kept by their reasons, the sizes and errors, and warnings last, where one sees them.
    pub fn to_table(&self, style: Style, width: Option<usize>) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write!(text, "{}", self.quantized(style, width));
        for (title, fate) in [("restored", "restored"), ("bias shifted", "shifted"), ("kept", "kept")] {
            text += &self.groups(title, fate, style, width);
        }
        if let Some(integers) = &self.integers {
            text += &integers.to_table(style, width);
        }
        for section in &self.sections {
            text += &section.to_table(style, width);
        }
        let dry = if self.output.is_empty() { "; nothing was written" } else { "" };
        let (bold, off) = style.bold();
        let quantized = self.tensors.iter().filter(|row| row.fate == "quantized").count();
        let of = |what: &str, len: Option<u64>| len.map_or(String::new(), |len| format!(", {what} {}", bytes(len)));
        let zipped = of("zipped", self.zipped) + &of("zstd", self.zstd);
        let _ = writeln!(
            text,
            "\n{bold}{} to {} ({:.1}%{zipped}){off}, {quantized} of {} tensors by {}, in {:.1} ms{dry}",
            bytes(self.bytes_in),
            bytes(self.bytes_out),
            100.0 * self.ratio,
            self.tensors.len(),
            self.recipe.name,
            1000.0 * self.seconds
        );
        let _ = writeln!(text, "{}", self.distribution);
        if let Some(judgement) = &self.judgement {
            let _ = write!(text, "\n{}", judgement.outputs_table(style, width));
        }
        for warning in &self.warnings {
            text += &style.warning(&format!("warning: {}", shortened(&warning.line(), 160)));
            text.push('\n');
            if !warning.advice.is_empty() {
                let _ = writeln!(text, "         {}", shortened(&warning.advice, 200));
            }
        }
        text
    }

    fn quantized(&self, style: Style, width: Option<usize>) -> Table {
        let (left, right) = (Alignment::Left, Alignment::Right);
        let columns = [
            ("quantized", left),
            ("shape", right),
            ("from", left),
            ("to", left),
            ("size", right),
            ("SQNR", right),
            ("worst channel", right),
            ("median", right),
            ("max error", right),
            ("because", left),
        ];
        let mut table = Table::new(&columns, style).within(width);
        for row in self.tensors.iter().filter(|row| row.fate == "quantized") {
            let error = row.error.map_or(0.0, |error| error.max_abs_error);
            let channels = row.channels.as_ref();
            table.push([
                shortened(&row.name, NAME),
                shape(&row.shape),
                row.before.clone(),
                row.after.clone(),
                percent(row),
                decibels(row.whole_db()),
                channels.map_or(String::new(), |channels| decibels(channels.worst_db)),
                channels.map_or(String::new(), |channels| decibels(channels.median_db)),
                format!("{error:.2e}"),
                row.reason.clone(),
            ]);
        }
        table
    }

    /// Returns the tensors of a fate by their reasons, and the names of a few.
    fn groups(&self, title: &'static str, fate: &str, style: Style, width: Option<usize>) -> String {
        let (left, right) = (Alignment::Left, Alignment::Right);
        let columns = [(title, right), ("bytes", right), ("because", left), ("as", left)];
        let mut table = Table::new(&columns, style).within(width);
        for group in by_reason(self.tensors.iter().filter(|row| row.fate == fate)) {
            let names: Vec<String> = group.rows.iter().take(NAMES).map(|row| shortened(&row.name, NAME)).collect();
            let more = if group.rows.len() > names.len() { ", …" } else { "" };
            let count = group.rows.len().to_string();
            table.push([count, bytes(group.bytes()), group.reason.clone(), names.join(", ") + more]);
        }
        if table.is_empty() { String::new() } else { format!("\n{table}") }
    }
}

/// Returns what is left of a tensor's bytes; those of one that shares them count for another.
fn percent(row: &Row) -> String {
    if row.bytes_before == 0 {
        return if row.bytes_after == 0 { "shared".into() } else { bytes(row.bytes_after) };
    }
    format!("{:.1}%", 100.0 * row.bytes_after as f64 / row.bytes_before as f64)
}
