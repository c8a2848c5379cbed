//! Numbers and names in a form that people read.

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

/// Returns a ratio in decibels; `lossless` where there is no error.
pub fn decibels(ratio: Option<f64>) -> String {
    ratio.map_or("lossless".into(), |db| format!("{db:.1} dB"))
}

/// Returns a shape, as in `64 × 3136`; `scalar` for no dimension.
pub fn shape(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "scalar".into();
    }
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}

/// Returns a name in at most `most` characters, the middle left out if need be: both ends tell tensors apart.
///
/// ```
/// use tensor_quant::report::shortened;
/// assert_eq!(shortened("model/layers/0/kernel", 11), "model…ernel");
/// ```
pub fn shortened(name: &str, most: usize) -> String {
    let count = name.chars().count();
    if count <= most {
        return name.chars().map(|c| if c.is_control() { '�' } else { c }).collect();
    }
    let (head, tail) = (most / 2, most.saturating_sub(most / 2 + 1));
    let kept = name.chars().enumerate().filter_map(|(i, c)| match i {
        i if i < head => Some(c),
        i if i == head => Some('…'),
        i if i >= count - tail => Some(c),
        _ => None,
    });
    kept.map(|c| if c.is_control() { '�' } else { c }).collect()
}
