//! Charts as inline SVG: no script, no font, colours from the page.

use super::number::{decibels, grouped, real};
use super::row::{Bars, Row};
use std::fmt::Write;

/// Width and height of a histogram, in its own units.
const HISTOGRAM: (f64, f64) = (320.0, 96.0);

/// Returns a text that is safe between tags and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            c if c.is_control() && c != '\n' => safe.push('�'),
            c => safe.push(c),
        }
    }
    safe
}

/// Returns a histogram as one filled outline, its ends labelled; what it counts gives the colour.
///
/// Heights are square roots of counts: the tails, where quantization errs, stay visible beside the peak.
pub(super) fn histogram(bars: &Bars, what: &str) -> String {
    let (width, height) = HISTOGRAM;
    let most = bars.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = width / bars.counts.len().max(1) as f64;
    let mut path = format!("M0 {height}");
    for (i, &count) in bars.counts.iter().enumerate() {
        let y = height * (1.0 - (count as f64 / most).sqrt());
        // Writing to a string does not fail.
        let _ = write!(path, "V{y:.1}H{:.1}", step * (i + 1) as f64);
    }
    let _ = write!(path, "V{height}Z");
    let zero = if bars.min < 0.0 && bars.max > 0.0 {
        let x = width * -bars.min / (bars.max - bars.min);
        format!("<line class=zero x1={x:.1} x2={x:.1} y1=0 y2={height} />")
    } else {
        String::new()
    };
    let (min, max) = (typeset(&real(bars.min)), typeset(&real(bars.max)));
    let count = grouped(bars.counts.iter().sum());
    format!(
        "<figure><svg viewBox='0 -2 {width} {}' role=img preserveAspectRatio=none>\
         <title>{count} {what} from {min} to {max}</title>\
         <path class={what} d='{path}'/>{zero}<line class=axis x1=0 x2={width} y1={height} y2={height} /></svg>\
         <figcaption><span>{min}</span><span>{what}</span><span>{max}</span></figcaption></figure>",
        height + 3.0,
    )
}

/// Returns a number with a minus sign, not a hyphen.
pub(super) fn typeset(number: &str) -> String {
    number.replace('-', "−")
}

/// Returns the scale of the bar chart of ratios, every 20 dB up to `most`.
pub(super) fn ratio_axis(most: f64) -> String {
    let ticks = (0..).step_by(20).take_while(|&db| f64::from(db) <= most);
    let tick = |db: u32| format!("<span style='left:{:.2}%'>{db}</span>", 100.0 * f64::from(db) / most);
    format!("<div class=ticks>{}</div>", ticks.map(tick).collect::<String>())
}

/// Returns the grade of a ratio, as a class: what colour it has.
pub(super) fn grade(sqnr_db: Option<f64>) -> &'static str {
    match sqnr_db {
        Some(db) if db < 15.0 => "poor",
        Some(db) if db < 30.0 => "fair",
        _ => "good",
    }
}

/// Returns a row of the bar chart of ratios: the bar of a ratio of `most` dB is full.
pub(super) fn ratio_bar(row: &Row, most: f64) -> String {
    let sqnr_db = row.worst_db();
    let (width, class) = ((100.0 * sqnr_db.unwrap_or(most) / most).clamp(0.5, 100.0), grade(sqnr_db));
    format!(
        "<svg class=bar viewBox='0 0 100 6' role=img preserveAspectRatio=none><title>{}</title>\
         <rect class=track width=100 height=6 /><rect class={class} width={width:.2} height=6 /></svg>",
        decibels(sqnr_db)
    )
}

/// Returns bars of a tensor's size before and after; that of `most` bytes is full.
pub(super) fn size_bars(row: &Row, most: u64) -> String {
    let width = |bytes: u64| (100.0 * bytes as f64 / most.max(1) as f64).clamp(0.2, 100.0);
    format!(
        "<svg class=bar viewBox='0 0 100 6' role=img preserveAspectRatio=none><title>{} of {} bytes</title>\
         <rect class=before width={:.2} height=6 /><rect class=after width={:.2} height=6 /></svg>",
        grouped(row.bytes_after),
        grouped(row.bytes_before),
        width(row.bytes_before),
        width(row.bytes_after)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place() {
        assert_eq!(escaped("<script>'\"&\u{7}"), "&lt;script&gt;&#39;&quot;&amp;�");
    }

    #[test]
    fn a_histogram_starts_and_ends_on_its_axis() {
        let bars = Bars { min: -1.0, max: 3.0, counts: vec![4, 0, 1, 1] };
        let chart = histogram(&bars, "values");
        assert!(chart.contains("d='M0 96V0.0H80.0V96.0H160.0V48.0H240.0V48.0H320.0V96Z'"), "{chart}");
        assert!(chart.contains("<line class=zero x1=80.0"));
        assert!(chart.contains("<title>6 values from −1.000 to 3.000</title>"), "{chart}");
    }

    #[test]
    fn an_axis_has_a_tick_every_20_db() {
        let axis = ratio_axis(75.0);
        assert_eq!(axis.matches("<span").count(), 4);
        assert!(axis.contains("<span style='left:80.00%'>60</span>"), "{axis}");
    }
}
