//! Tables for the terminal.

use super::number::{bytes, decibels, shape, shortened};
use super::report::{Report, Row};
use std::fmt::{self, Write};

/// The longest name that a table shows in full.
const NAME: usize = 44;
/// What a name is shortened to before anything else gives way.
const READABLE_NAME: usize = 24;
/// What a name is shortened to at most.
const LEAST_NAME: usize = 14;
/// What stands between columns.
const GAP: &str = "  ";

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
///
/// Within a width, the last cell of a row stands in a line of its own, and the first is shortened in its middle.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(&'static str, Alignment)>,
    rows: Vec<Vec<String>>,
    style: Style,
    width: Option<usize>,
}

impl Table {
    /// Returns a table with these columns.
    pub fn new(columns: &[(&'static str, Alignment)], style: Style) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), style, width: None }
    }

    /// Returns the table with lines of at most so many characters, where that is possible: `None` for any number.
    #[must_use]
    pub fn within(self, width: Option<usize>) -> Self {
        Self { width, ..self }
    }

    /// Adds a row, with a cell for each column.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |(i, (name, _)): (usize, &(&str, Alignment))| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(name.chars().count())
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(widest).collect();
        let all =
            |widths: &[usize]| widths.iter().map(|width| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len());
        let excess = |widths: &[usize]| all(widths).saturating_sub(self.width.unwrap_or(usize::MAX));
        // Names first: as long as they stay readable, a row stays a line.
        let spare = widths.first().map_or(0, |first| first.saturating_sub(READABLE_NAME));
        let has_own_line = excess(&widths) > spare && widths.len() > 2;
        if has_own_line {
            widths.pop();
        }
        let too_much = excess(&widths);
        if let Some(first) = widths.first_mut() {
            *first = first.saturating_sub(too_much).max(LEAST_NAME.min(*first));
        }
        let mut line = |cells: &mut dyn Iterator<Item = &str>, (before, after): (&str, &str)| {
            let mut text = String::new();
            for ((cell, (_, alignment)), &width) in cells.zip(&self.columns).zip(&widths) {
                let cell = shortened(cell, width);
                match alignment {
                    Alignment::Left => write!(text, "{cell:<width$}{GAP}")?,
                    Alignment::Right => write!(text, "{cell:>width$}{GAP}")?,
                }
            }
            writeln!(f, "{before}{}{after}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|(name, _)| *name), self.style.bold())?;
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str), ("", ""))?;
            if let Some(last) = row.last().filter(|last| has_own_line && !last.is_empty()) {
                line(&mut std::iter::once(""), ("", &format!("{GAP}{last}")))?;
            }
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
    /// Returns the report as text: warnings, the tensors that were changed, those that were kept, and the sizes; in lines
    /// of at most `width` characters, where that is given and possible.
    pub fn to_table(&self, style: Style, width: Option<usize>) -> String {
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
            ("max error", right),
            ("because", left),
        ];
        let mut changed = Table::new(&columns, style).within(width);
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
        let mut kept = Table::new(&columns, style).within(width);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> String {
        let columns = [("name", Alignment::Left), ("size", Alignment::Right), ("because", Alignment::Left)];
        let mut table = Table::new(&columns, Style::Plain).within(width);
        table.push(["model/layer_0/kernel", "1.5 kB", "weights of CONV_2D"].map(String::from));
        table.push(["bias", "64 B", ""].map(String::from));
        table.to_string()
    }

    #[test]
    fn a_narrow_table_gives_its_last_column_lines_of_its_own_and_shortens_names() {
        let wide = "name                    size  because\n\
                    model/layer_0/kernel  1.5 kB  weights of CONV_2D\n\
                    bias                    64 B\n";
        assert_eq!((table(None), table(Some(48))), (wide.into(), wide.into()));
        let narrow = "name               size\n\
                      model/l…/kernel  1.5 kB\n  weights of CONV_2D\n\
                      bias               64 B\n";
        assert_eq!(table(Some(23)), narrow);
    }
}
