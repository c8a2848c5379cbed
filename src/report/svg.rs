//! Charts as inline SVG: no script, no font, colours from the page.

use super::number::{decibels, grouped, real};
use super::row::{Bars, Lines, Row};
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

/// Returns a row of the bar chart of ratios: the bar of a worst channel of `most` dB is full, and a mark stands where that of the
/// whole tensor would end.
pub(super) fn ratio_bar(row: &Row, most: f64) -> String {
    let (worst, whole) = (row.worst_db(), row.whole_db());
    let part = |db: Option<f64>| (100.0 * db.unwrap_or(most) / most).clamp(0.5, 100.0);
    format!(
        "<svg class=bar viewBox='0 0 100 6' role=img preserveAspectRatio=none><title>{}, the whole {}</title>\
         <rect class=track width=100 height=6 /><rect class={} width={:.2} height=6 />\
         <rect class=mark x={:.2} width=.6 height=6 /></svg>",
        decibels(worst),
        decibels(whole),
        grade(worst),
        part(worst),
        part(whole) - 0.6
    )
}

/// Returns a bar of parts beside each other: what they are, how many bytes, and their class; `all` bytes fill it.
pub(super) fn stacked_bar(parts: &[(String, u64, &str)], all: u64) -> String {
    let mut at = 0.0;
    let part = |(what, count, class): &(String, u64, &str)| {
        let width = 100.0 * *count as f64 / all.max(1) as f64;
        let x = at;
        at += width;
        format!(
            "<rect class={class} x={x:.3} width={width:.3} height=6><title>{}: {} bytes</title></rect>",
            escaped(what),
            grouped(*count)
        )
    };
    let parts: String = parts.iter().map(part).collect();
    format!("<svg class='bar stacked' viewBox='0 0 100 6' role=img preserveAspectRatio=none>{parts}</svg>")
}

/// Returns the ranges of so many channels as a band, and below it their scales, which are drawn by their logarithm.
pub(super) fn profile(lines: &Lines, channels: usize) -> String {
    let ranges = band(&lines.min, &lines.max, "ranges");
    let logarithms =
        |scales: &[f64]| scales.iter().map(|scale| scale.max(f64::MIN_POSITIVE).log10()).collect::<Vec<_>>();
    let (smallest, largest) = (logarithms(&lines.smallest_scale), logarithms(&lines.largest_scale));
    let last = channels.saturating_sub(1);
    let caption = |what: &str, ends: (f64, f64)| {
        let (min, max) = (typeset(&real(ends.0)), typeset(&real(ends.1)));
        format!("<figcaption><span>0</span><span>{what}, {min} to {max}</span><span>{last}</span></figcaption>")
    };
    let ends = |low: &[f64], high: &[f64]| {
        (low.iter().copied().fold(f64::INFINITY, f64::min), high.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let of_ranges = caption("ranges", ends(&lines.min, &lines.max));
    let mut charts = format!("<figure>{ranges}{of_ranges}</figure>");
    if !smallest.is_empty() {
        let of_scales = caption("scales", ends(&lines.smallest_scale, &lines.largest_scale));
        let _ = write!(charts, "<figure>{}{of_scales}</figure>", band(&smallest, &largest, "scales"));
    }
    charts
}

/// Returns a filled band between lower and upper ends, column by column.
fn band(low: &[f64], high: &[f64], what: &str) -> String {
    let (width, height) = (HISTOGRAM.0, HISTOGRAM.1 / 2.0);
    let bottom = low.iter().copied().fold(f64::INFINITY, f64::min);
    let top = high.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Scales that are the same are a line in the middle.
    let (bottom, top) = if top > bottom { (bottom, top) } else { (bottom - 1.0, top + 1.0) };
    let y = |x: f64| (height - 1.0) * (top - x) / (top - bottom);
    let step = width / low.len().max(1) as f64;
    let mut path = String::new();
    for (i, &x) in high.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(path, "{}{:.1}H{:.1}", if i == 0 { "M0 " } else { "V" }, y(x), step * (i + 1) as f64);
    }
    for (i, &x) in low.iter().enumerate().rev() {
        let _ = write!(path, "V{:.1}H{:.1}", y(x) + 1.0, step * i as f64);
    }
    let zero = if bottom < 0.0 && top > 0.0 && what == "ranges" {
        format!("<line class=zero x1=0 x2={width} y1={0:.1} y2={0:.1} />", y(0.0))
    } else {
        String::new()
    };
    format!(
        "<svg viewBox='0 -1 {width} {}' role=img preserveAspectRatio=none class=band><title>{what} by channel</title>\
         <path class={what} d='{path}Z'/>{zero}</svg>",
        height + 2.0
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

    #[test]
    fn a_band_goes_there_and_back() {
        let chart = band(&[-1.0, -3.0], &[1.0, 1.0], "ranges");
        // 47 units for 4 of value: 1 is at 0, −1 at 23.5, −3 at 47; a unit is the least thickness.
        assert!(chart.contains("d='M0 0.0H160.0V0.0H320.0V48.0H160.0V24.5H0.0Z'"), "{chart}");
        assert!(chart.contains("y1=11.8"), "{chart}");
    }

    #[test]
    fn parts_of_a_bar_stand_beside_each_other() {
        let bar = stacked_bar(&[("a".into(), 25, "q0"), ("<b>".into(), 75, "saved")], 100);
        assert!(bar.contains("class=q0 x=0.000 width=25.000") && bar.contains("class=saved x=25.000 width=75.000"));
        assert!(bar.contains("&lt;b&gt;: 75 bytes"), "{bar}");
    }
}
