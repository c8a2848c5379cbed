//! A table of its own in a report: what was found out about the model beside what became of its tensors.

use super::table::{Alignment, Style, Table};
use serde::Serialize;

/// A table of its own in a report, as of outputs that were judged on data, or of variants that were tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// What to know to read it, in a line; may be empty.
    pub note: String,
    /// The headings of its columns.
    pub columns: Vec<String>,
    /// Its rows, with a cell for each column.
    pub rows: Vec<Vec<String>>,
}

impl Section {
    /// Returns the section as text.
    pub(super) fn to_table(&self, style: Style, width: Option<usize>) -> String {
        let columns: Vec<(&str, Alignment)> =
            self.columns.iter().map(|name| (name.as_str(), Alignment::Left)).collect();
        let mut table = Table::new(&columns, style).within(width);
        self.rows.iter().for_each(|row| table.push(row.iter().cloned()));
        let (bold, off) = style.bold();
        let note = if self.note.is_empty() { String::new() } else { format!(": {}", self.note) };
        format!("\n{bold}{}{off}{note}\n{table}", self.title)
    }
}
