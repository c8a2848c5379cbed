//! Tables for the terminal.

use super::number::{columns, shortened};
use std::fmt::{self, Write};

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
    columns: Vec<(String, Alignment)>,
    rows: Vec<Vec<String>>,
    style: Style,
    width: Option<usize>,
}

impl Table {
    /// Returns a table with these columns.
    pub fn new(columns: &[(&str, Alignment)], style: Style) -> Self {
        let columns = columns.iter().map(|&(name, alignment)| (name.into(), alignment)).collect();
        Self { columns, rows: Vec::new(), style, width: None }
    }

    /// Returns the table with lines of at most so many columns, where that is possible: `None` for any number.
    #[must_use]
    pub fn within(self, width: Option<usize>) -> Self {
        Self { width, ..self }
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row, with a cell for each column.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |(i, (name, _)): (usize, &(String, Alignment))| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| columns(cell));
            cells.max().unwrap_or(0).max(columns(name))
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
                let rest = " ".repeat(width.saturating_sub(columns(&cell)));
                match alignment {
                    Alignment::Left => write!(text, "{cell}{rest}{GAP}")?,
                    Alignment::Right => write!(text, "{rest}{cell}{GAP}")?,
                }
            }
            writeln!(f, "{before}{}{after}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|(name, _)| name.as_str()), self.style.bold())?;
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
    pub(super) fn bold(self) -> (&'static str, &'static str) {
        if self == Style::Coloured { ("\x1b[1m", "\x1b[0m") } else { ("", "") }
    }

    /// Returns a text, in yellow where there is colour.
    pub fn warning(self, text: &str) -> String {
        if self == Style::Coloured { format!("\x1b[33m{text}\x1b[0m") } else { text.into() }
    }
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

    #[test]
    fn columns_are_those_of_a_terminal() {
        let columns = [("名前", Alignment::Left), ("size", Alignment::Right)];
        let mut table = Table::new(&columns, Style::Plain);
        for name in ["重み/畳み込み", "emoji 🦀", "e\u{301}tat", "plain"] {
            table.push([name, "1 B"].map(String::from));
        }
        let text = table.to_string();
        assert!(text.lines().all(|line| super::columns(line) == 13 + 2 + 4), "{text}");
        table.push(["深い/層/の/重み/畳み込み/名前", "1 B"].map(String::from));
        let narrow = table.within(Some(22)).to_string();
        assert!(narrow.lines().all(|line| super::columns(line) <= 22) && narrow.contains('…'), "{narrow}");
    }
}
