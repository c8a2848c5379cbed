//! Tables for the terminal.

use super::number::{bytes, decibels, shape, shortened};
use super::report::{Report, Row};
use std::fmt::{self, Write};

/// The longest name that a table shows in full.
const NAME: usize = 44;

/// Whether a table uses colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    #[default]
    Plain,
    /// Headings in bold, warnings in colour, as terminals understand it.
    Coloured,
}

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// At the left, as text.
    Left,
    /// At the right, as numbers.
    Right,
}

/// Rows of cells under headings, as wide as they have to be.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(&'static str, Alignment)>,
    rows: Vec<Vec<String>>,
    style: Style,
}

impl Table {
    /// Returns a table with these columns.
    pub fn new(columns: &[(&'static str, Alignment)], style: Style) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), style }
    }

    /// Adds a row, with a cell for each column.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: &str| text.chars().count();
        let widest = |i: usize| self.rows.iter().filter_map(|row| row.get(i)).map(|cell| width(cell)).max();
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(i, (name, _))| widest(i).unwrap_or(0).max(width(name))).collect();
        let mut line = |cells: &mut dyn Iterator<Item = &str>, (before, after): (&str, &str)| {
            let mut text = String::new();
            for ((cell, (_, alignment)), width) in cells.zip(&self.columns).zip(&widths) {
                match alignment {
                    Alignment::Left => write!(text, "{cell:<width$}  ")?,
                    Alignment::Right => write!(text, "{cell:>width$}  ")?,
                }
            }
            writeln!(f, "{before}{}{after}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|(name, _)| *name), self.style.bold())?;
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str), ("", ""))?;
        }
        Ok(())
    }
}

impl Style {
    fn bold(self) -> (&'static str, &'static str) {
        if self == Style::Coloured { ("\x1b[1m", "\x1b[0m") } else { ("", "") }
    }

    /// Returns a text, in yellow where there is colour.
    pub fn warning(self, text: &str) -> String {
        if self == Style::Coloured { format!("\x1b[33m{text}\x1b[0m") } else { text.into() }
    }
}

impl Report {
    /// Returns the report as text: warnings, the tensors that were changed, those that were kept, and the sizes.
    pub fn to_table(&self, style: Style) -> String {
        let mut text = String::new();
        for warning in &self.warnings {
            text += &style.warning(&format!("warning: {}", shortened(warning, 140)));
            text.push('\n');
        }
        let (left, right) = (Alignment::Left, Alignment::Right);
        let columns = [
            ("changed", left),
            ("shape", right),
            ("from", left),
            ("to", left),
            ("size", right),
            ("SQNR", right),
            ("largest error", right),
            ("because", left),
        ];
        let mut changed = Table::new(&columns, style);
        for row in self.tensors.iter().filter(|row| row.error.is_some()) {
            let error = row.error.map_or(0.0, |error| error.max_abs_error);
            changed.push([
                shortened(&row.name, NAME),
                shape(&row.shape),
                row.before.clone(),
                row.after.clone(),
                percent(row),
                decibels(row.error.and_then(|error| error.sqnr_db)),
                format!("{error:.2e}"),
                row.reason.clone(),
            ]);
        }
        let columns = [("kept", left), ("shape", right), ("type", left), ("bytes", right), ("because", left)];
        let mut kept = Table::new(&columns, style);
        for row in self.tensors.iter().filter(|row| row.error.is_none()) {
            kept.push([
                shortened(&row.name, NAME),
                shape(&row.shape),
                row.before.clone(),
                bytes(row.bytes_before),
                row.reason.clone(),
            ]);
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{changed}");
        if !kept.rows.is_empty() {
            let _ = write!(text, "\n{kept}");
        }
        let (bold, off) = style.bold();
        let _ = writeln!(
            text,
            "\n{bold}{} to {} ({:.1}%){off}, {} of {} tensors by {}, {} together, in {:.1} ms",
            bytes(self.bytes_in),
            bytes(self.bytes_out),
            100.0 * self.ratio,
            changed.rows.len(),
            self.tensors.len(),
            self.recipe,
            decibels(self.sqnr_db),
            1000.0 * self.seconds
        );
        text
    }
}

fn percent(row: &Row) -> String {
    format!("{:.1}%", 100.0 * row.bytes_after as f64 / row.bytes_before.max(1) as f64)
}
