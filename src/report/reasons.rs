//! Rows grouped by reason: reasons that differ in numbers alone are one.

use super::row::Row;
use std::collections::BTreeMap;

/// Rows of one reason.
#[derive(Debug)]
pub(super) struct Group<'r> {
    /// The reason; where numbers differ, from the smallest to the largest: `10–640 elements, below the 1024 of …`.
    pub(super) reason: String,
    /// The rows, in their order.
    pub(super) rows: Vec<&'r Row>,
}

impl Group<'_> {
    /// Returns the bytes that the rows take.
    pub(super) fn bytes(&self) -> u64 {
        self.rows.iter().map(|row| row.bytes_after).sum()
    }
}

/// Returns rows by reason, those that take the most bytes first.
pub(super) fn by_reason<'r>(rows: impl Iterator<Item = &'r Row>) -> Vec<Group<'r>> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let words = parts(&row.reason).map(|part| if number(part).is_some() { "0" } else { part });
        groups.entry(words.collect()).or_default().push(row);
    }
    let mut groups: Vec<Group<'_>> = groups.into_values().map(|rows| Group { reason: together(&rows), rows }).collect();
    groups.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.reason.cmp(&b.reason)));
    groups
}

/// Returns what reasons that differ in numbers alone have in common.
fn together(rows: &[&Row]) -> String {
    let Some((first, rest)) = rows.split_first() else { return String::new() };
    let mut ends: Vec<(&str, &str)> = parts(&first.reason).map(|part| (part, part)).collect();
    for row in rest {
        for ((least, most), part) in ends.iter_mut().zip(parts(&row.reason)) {
            let value = number(part);
            if value < number(least) {
                *least = part;
            }
            if value > number(most) {
                *most = part;
            }
        }
    }
    ends.iter().map(|(least, most)| if least == most { (*least).into() } else { format!("{least}–{most}") }).collect()
}

/// Returns the words of a text and what is between them: numbers stand by themselves.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| is_of_word(c) != is_of_word(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

/// Returns the number that a word is, if it is one: not `int8`, nor `CONV_2D`.
fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|_| word.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(reason: &str, bytes: u64) -> Row {
        Row {
            name: String::new(),
            fate: "kept",
            used_for: Vec::new(),
            shape: Vec::new(),
            before: String::new(),
            after: String::new(),
            scheme: String::new(),
            reason: reason.into(),
            bytes_before: bytes,
            bytes_after: bytes,
            error: None,
            channels: None,
            values: None,
            errors: None,
        }
    }

    #[test]
    fn reasons_that_differ_in_numbers_are_one() {
        let rows = [
            row("640 elements, below the 1024 of the dynamic-range rule", 2560),
            row("i32 is not a floating-point type", 8),
            row("10 elements, below the 1024 of the dynamic-range rule", 40),
            row("would underflow f16: smallest 1e-10", 4),
            row("i64 is not a floating-point type", 4096),
            row("would underflow f16: smallest 2.5e-9", 4),
        ];
        let groups = by_reason(rows.iter());
        let found: Vec<_> =
            groups.iter().map(|group| (group.reason.as_str(), group.rows.len(), group.bytes())).collect();
        assert_eq!(
            found,
            [
                ("i64 is not a floating-point type", 1, 4096),
                ("10–640 elements, below the 1024 of the dynamic-range rule", 2, 2600),
                ("i32 is not a floating-point type", 1, 8),
                ("would underflow f16: smallest 1e-10–2.5e-9", 2, 8),
            ]
        );
    }
}
