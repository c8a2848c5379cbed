//! The report as a page that needs nothing else: no script, no network.

use super::judgement::Judgement;
use super::number::{bytes, decibels, grouped, real, shape, shortened};
use super::page::page;
use super::reasons::by_reason;
use super::report::{Report, Warned};
use super::row::Row;
use super::svg::{escaped, grade, histogram, ratio_axis, ratio_bar, size_bars, typeset};

/// The longest name that a chart shows in full.
const NAME: usize = 40;
/// The longest name that a page shows in full anywhere: no framework's, but a file may hold any.
const LONGEST_NAME: usize = 240;
/// Warnings that stand open; the rest can be unfolded.
const WARNINGS: usize = 10;

impl Report {
    /// Returns the report as an HTML page: the whole of it, warnings first, charts inline.
    pub fn to_html(&self) -> String {
        let title = format!("{} by {}", file_name(&self.input), self.recipe);
        let body = [
            self.heading(),
            self.tiles(),
            self.judged(),
            self.warned(),
            self.ratios(),
            self.sizes(),
            self.details(),
            self.kept(),
        ];
        page(&escaped(&title), &body.concat())
    }

    fn heading(&self) -> String {
        format!(
            "<header><p class=eyebrow>{} · {}</p><h1>{}</h1><p class=lead>{}</p></header>",
            escaped(&self.format),
            escaped(&self.recipe),
            escaped(file_name(&self.input)),
            escaped(&self.description)
        )
    }

    fn tiles(&self) -> String {
        let changed = self.worst_first();
        let worst = changed.first().and_then(|row| row.worst_db());
        let tile = |class: &str, number: &str, what: &str| {
            format!("<div class='tile {class}'><b>{number}</b><span>{what}</span></div>")
        };
        let saved = format!("{} → {}", bytes(self.bytes_in), bytes(self.bytes_out));
        let tensors = format!("of {} tensors changed", self.tensors.len());
        let of = &self.distribution;
        let all = match of.channels {
            0 => format!("SQNR of the worst tensor; the median is {}", decibels(of.median_db)),
            _ => format!(
                "SQNR of the worst of {} channels; {} lost; the median tensor {}",
                of.channels,
                of.lost_channels,
                decibels(of.median_db)
            ),
        };
        let speed = format!("{:.0} MB/s, end to end", self.bytes_in as f64 / self.seconds.max(1e-9) / 1e6);
        [
            "<section class=tiles>".into(),
            tile("size", &format!("{:.1}%", 100.0 * self.ratio), &saved),
            tile("", &changed.len().to_string(), &tensors),
            tile(grade(worst), &decibels(worst), &all),
            tile("", &milliseconds(self.seconds), &speed),
            "</section>".into(),
        ]
        .concat()
    }

    fn judged(&self) -> String {
        self.judgement.as_ref().map(Judgement::sections).unwrap_or_default()
    }

    fn warned(&self) -> String {
        if self.warnings.is_empty() {
            return String::new();
        }
        let item = |warning: &Warned| {
            let (line, advice) = (shortened(&warning.line(), LONGEST_NAME), shortened(&warning.advice, LONGEST_NAME));
            format!("<li>{}<em>{}</em></li>", escaped(&line), escaped(&advice))
        };
        let list = |warnings: &[Warned]| format!("<ul>{}</ul>", warnings.iter().map(item).collect::<Vec<_>>().concat());
        let (open, rest) = self.warnings.split_at(self.warnings.len().min(WARNINGS));
        let more = match rest.len() {
            0 => String::new(),
            count => format!("<details><summary>and {count} more</summary>{}</details>", list(rest)),
        };
        format!("<section class=warnings role=alert><h2>Look at these first</h2>{}{more}</section>", list(open))
    }

    fn ratios(&self) -> String {
        let rows = self.worst_first();
        let ratio = |row: &&Row| row.worst_db();
        let most = rows.iter().filter_map(ratio).fold(60.0, f64::max);
        let items = rows.iter().map(|row| {
            let cell = decibels(ratio(row));
            format!("<tr>{}<td class=wide>{}</td><td class=number>{cell}</td></tr>", name(row), ratio_bar(row, most))
        });
        let axis =
            format!("<tr class=scale><th></th><td class=wide>{}</td><td class=number>dB</td></tr>", ratio_axis(most));
        section(
            "Signal to quantization noise",
            "The worst first. 6 dB are one bit.",
            "<table class=chart>",
            items,
            &format!("{axis}</table>"),
        )
    }

    fn sizes(&self) -> String {
        let mut rows: Vec<&Row> = self.tensors.iter().filter(|row| row.fate == "quantized").collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes_before));
        let most = rows.first().map_or(0, |row| row.bytes_before);
        let items = rows.iter().map(|row| {
            format!(
                "<tr>{}<td class=wide>{}</td><td class=number>{} → {}</td></tr>",
                name(row),
                size_bars(row, most),
                bytes(row.bytes_before),
                bytes(row.bytes_after)
            )
        });
        let subtitle = "The largest first, scales and zero points included: \
                        <i class=before></i> before, <i class=after></i> after.";
        section("Sizes before and after", subtitle, "<table class=chart>", items, "</table>")
    }

    fn details(&self) -> String {
        let rows = self.worst_first();
        let subtitle =
            "Values, and the errors of the restored ones. Heights are square roots of counts, so that tails show.";
        section("Tensor by tensor", subtitle, "<div class=cards>", rows.into_iter().map(card), "</div>")
    }

    fn kept(&self) -> String {
        let groups = by_reason(self.tensors.iter().filter(|row| row.fate != "quantized"));
        let groups = groups.iter().map(|group| {
            let row = |row: &&Row| {
                let (name, shape) = (name(row), shape(&row.shape));
                let (kind, size) = (escaped(&row.before), bytes(row.bytes_after));
                format!("<tr>{name}<td>{kind}</td><td>{shape}</td><td class=number>{size}</td></tr>")
            };
            let items: String = group.rows.iter().map(row).collect();
            let (count, size) = (group.rows.len(), bytes(group.bytes()));
            let plural = if count == 1 { "" } else { "s" };
            format!(
                "<details><summary><span>{}</span><em>{count} tensor{plural}, {size}</em></summary>\
                 <table>{items}</table></details>",
                escaped(&group.reason)
            )
        });
        section("Left as they were", "Every tensor that was kept, by its reason.", "<div class=kept>", groups, "</div>")
    }
}

fn card(row: &Row) -> String {
    let Some(error) = row.error else { return String::new() };
    let charts = match (&row.values, &row.errors) {
        (Some(values), Some(errors)) => {
            let charts = histogram(values, "values") + &histogram(errors, "errors");
            format!("<div class=charts>{charts}</div>")
        }
        _ => String::new(),
    };
    let fact = |what: &str, value: String| format!("<div><dt>{what}</dt><dd>{value}</dd></div>");
    let elements = row.shape.iter().product::<usize>().max(1);
    let part = |count: u64| match count {
        0 => "0".into(),
        _ => format!("{} ({:.1}%)", grouped(count), 100.0 * count as f64 / elements as f64),
    };
    let facts = [
        fact("SQNR", typeset(&decibels(error.sqnr_db))),
        fact("worst channel", typeset(&row.channels.as_ref().map_or("none".into(), |of| decibels(of.worst_db)))),
        fact("median channel", typeset(&row.channels.as_ref().map_or("none".into(), |of| decibels(of.median_db)))),
        fact("largest error", typeset(&real(error.max_abs_error))),
        fact("cosine", typeset(&format!("{:.6}", error.cosine_similarity))),
        fact("saturated", part(error.saturated)),
        fact("became 0", part(error.zeroed)),
        fact("size", format!("{} → {}", bytes(row.bytes_before), bytes(row.bytes_after))),
    ];
    format!(
        "<article class={}><h3>{}</h3><p class=what>{} · <b>{} → {}</b></p><p class=reason>{}</p>{charts}<dl>{}</dl></article>",
        grade(row.worst_db()),
        escaped(&shortened(&row.name, LONGEST_NAME)),
        shape(&row.shape),
        escaped(&row.before),
        escaped(&row.after),
        escaped(&row.reason),
        facts.concat()
    )
}

/// Returns the cell with a tensor's name, which is longer when one points at it.
fn name(row: &Row) -> String {
    let (whole, part) = (shortened(&row.name, LONGEST_NAME), shortened(&row.name, NAME));
    format!("<th title='{}'>{}</th>", escaped(&whole), escaped(&part))
}

/// Returns a section, or nothing if it would be empty.
fn section(title: &str, subtitle: &str, open: &str, items: impl Iterator<Item = String>, close: &str) -> String {
    let items: String = items.collect();
    if items.is_empty() {
        return String::new();
    }
    format!("<section><h2>{title}</h2><p class=subtitle>{subtitle}</p>{open}{items}{close}</section>")
}

fn milliseconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", 1000.0 * seconds) } else { format!("{seconds:.2} s") }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
