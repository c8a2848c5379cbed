//! Numbers and names in a form that people read.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns a number of bytes, as in `904 kB`.
///
/// ```
/// use tensor_quant::report::bytes;
/// assert_eq!((bytes(999), bytes(904_052), bytes(1_500_000_000)), ("999 B".into(), "904 kB".into(), "1.50 GB".into()));
/// ```
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let (mut value, mut unit) = (count as f64 / 1000.0, UNITS[0]);
    for larger in &UNITS[1..] {
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}

/// Returns a number in four digits, with an exponent where it would be long.
///
/// ```
/// use tensor_quant::report::real;
/// assert_eq!([real(-3.519_54), real(0.018_76), real(0.0), real(1e-7), real(65_504.0)], ["-3.520", "0.01876", "0", "1.00e-7", "6.55e4"]);
/// ```
pub fn real(x: f64) -> String {
    let exponent = x.abs().log10().floor();
    match exponent {
        _ if x == 0.0 => "0".into(),
        e if (-3.0..4.0).contains(&e) => format!("{x:.*}", (3.0 - e) as usize),
        _ => format!("{x:.2e}"),
    }
}

/// Returns a count with its digits in groups of three.
///
/// ```
/// use tensor_quant::report::grouped;
/// assert_eq!([grouped(999), grouped(200_704), grouped(1_000_000)], ["999", "200\u{202f}704", "1\u{202f}000\u{202f}000"]);
/// ```
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(2 * digits.len());
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a ratio in decibels; `lossless` where there is no error.
///
/// ```
/// use tensor_quant::report::decibels;
/// assert_eq!([decibels(Some(42.07)), decibels(Some(f64::NEG_INFINITY)), decibels(None)], ["42.1 dB", "-∞ dB", "lossless"]);
/// ```
pub fn decibels(ratio: Option<f64>) -> String {
    match ratio {
        None => "lossless".into(),
        Some(f64::NEG_INFINITY) => "-∞ dB".into(),
        Some(db) => format!("{db:.1} dB"),
    }
}

/// Returns a shape, as in `64×3136`; `scalar` for no dimension.
pub fn shape(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "scalar".into();
    }
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}

/// Returns how many columns of a terminal a text takes: two for a CJK ideograph or an emoji, none for a combining mark.
///
/// ```
/// use tensor_quant::report::columns;
/// assert_eq!([columns("kernel"), columns("重み"), columns("🦀"), columns("e\u{301}")], [6, 4, 2, 1]);
/// ```
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Returns a name in at most `most` columns of a terminal, the middle left out if need be: both ends tell tensors apart.
///
/// ```
/// use tensor_quant::report::shortened;
/// assert_eq!(shortened("model/layers/0/kernel", 11), "model…ernel");
/// assert_eq!(shortened("モデル/層/重み", 9), "モデ…重み");
/// ```
pub fn shortened(name: &str, most: usize) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { '�' } else { c }).collect();
    if columns(&name) <= most {
        return name;
    }
    let (head, tail) = (most / 2, most.saturating_sub(most / 2 + 1));
    let width = |c: char| c.width().unwrap_or(0);
    let fitting = |chars: &mut dyn Iterator<Item = char>, room: usize| -> Vec<char> {
        let mut taken = 0;
        let fits = |c: &char| {
            taken += width(*c);
            taken <= room
        };
        chars.take_while(fits).collect()
    };
    let first = fitting(&mut name.chars(), head);
    let last = fitting(&mut name.chars().rev(), tail);
    // A mark belongs to the letter before it.
    let last = last.into_iter().rev().skip_while(|&c| width(c) == 0);
    first.into_iter().chain(['…']).chain(last).collect()
}
