//! The card of a tensor on a page: what it became, what that cost, and its charts.

use super::number::{bytes, decibels, grouped, real, shape, shortened};
use super::row::Row;
use super::svg::{escaped, grade, histogram, profile, typeset};

/// The longest name that a card shows in full: no framework's, but a file may hold any.
const LONGEST_NAME: usize = 240;

/// Returns the card of a tensor that was quantized.
pub(super) fn card(row: &Row) -> String {
    let Some(error) = row.error else { return String::new() };
    let mut charts = String::new();
    if let (Some(values), Some(errors)) = (&row.values, &row.errors) {
        charts += &histogram(values, "values");
        charts += &histogram(errors, "errors");
    }
    if let Some(channels) = &row.channels
        && let Some(lines) = &channels.profile
    {
        charts += &profile(lines, channels.count);
    }
    let charts = if charts.is_empty() { charts } else { format!("<div class=charts>{charts}</div>") };
    let fact = |what: &str, value: String| format!("<div><dt>{what}</dt><dd>{value}</dd></div>");
    let elements = row.shape.iter().product::<usize>().max(1);
    let part = |count: u64| match count {
        0 => "0".into(),
        _ => format!("{} ({:.1}%)", grouped(count), 100.0 * count as f64 / elements as f64),
    };
    let mut facts = vec![fact("SQNR", typeset(&decibels(error.sqnr_db)))];
    if let Some(channels) = &row.channels {
        let worst = format!("{} at {}", decibels(channels.worst_db), channels.worst);
        facts.push(fact("worst channel", typeset(&worst)));
        facts.push(fact("median channel", typeset(&decibels(channels.median_db))));
        if channels.lost > 0 {
            facts.push(fact(
                "channels lost",
                format!("{} of {}", grouped(channels.lost as u64), grouped(channels.count as u64)),
            ));
        }
    }
    if let Some(channels) = row.channels.as_ref().filter(|channels| channels.emptied > 0) {
        let value = format!("{} of {}", grouped(channels.emptied as u64), grouped(channels.count as u64));
        facts.push(fact("channels with most values 0", value));
    }
    facts.extend([
        fact("largest error", typeset(&real(error.max_abs_error))),
        fact("cosine", typeset(&format!("{:.6}", error.cosine_similarity))),
        fact("saturated", part(error.saturated)),
        fact("became 0", part(error.zeroed)),
        fact("size", format!("{} → {}", bytes(row.bytes_before), bytes(row.bytes_after))),
    ]);
    format!(
        "<article class={}><h3>{}</h3><p class=what>{} · <b>{} → {}</b> · {}</p><p class=reason>{}</p>{charts}<dl>{}</dl></article>",
        grade(row.worst_db()),
        escaped(&shortened(&row.name, LONGEST_NAME)),
        shape(&row.shape),
        escaped(&row.before),
        escaped(&row.after),
        escaped(&row.scheme),
        escaped(&row.reason),
        facts.concat()
    )
}
