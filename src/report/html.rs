//! The report as a page that needs nothing else: no script, no network.
//!
//! What a page of many tensors shows at once is little: the worst, with charts; the rest stands in lists that open on demand.

use super::card::card;
use super::integers::Integers;
use super::judgement::Judgement;
use super::number::{bytes, decibels, shape, shortened};
use super::page::page;
use super::reasons::{Group, by_reason};
use super::report::{Report, Warned};
use super::row::Row;
use super::section::Section;
use super::svg::{escaped, grade, ratio_axis, ratio_bar, stacked_bar, typeset};
use std::collections::BTreeMap;

/// The longest name that a row shows in full.
const NAME: usize = 56;
/// The longest line of a warning.
const LONGEST_LINE: usize = 240;
/// Warnings that stand open; the rest can be unfolded.
const WARNINGS: usize = 10;
/// Warnings that a page holds.
const MOST_WARNINGS: usize = 500;
/// Tensors that have a card.
const CARDS: usize = 36;
/// Tensors that stand open in a list.
const OPEN: usize = 40;
/// Tensors in a list that unfolds.
const AT_ONCE: usize = 500;
/// Reasons for which tensors were kept that have a part of the bar of bytes.
const REASONS: usize = 5;

impl Report {
    /// Returns the report as an HTML page: where the bytes are and what to look at first, then the tensors, the worst of them with
    /// charts and the rest on demand.
    pub fn to_html(&self) -> String {
        let title = format!("{} by {}", file_name(&self.input), self.recipe.name);
        let of_integers = self.integers.iter().flat_map(Integers::sections);
        let sections = self.sections.iter().cloned().chain(of_integers).map(|section| of_section(&section));
        let sections = sections.collect::<Vec<_>>().concat();
        let body = [
            self.heading(),
            self.tiles(),
            self.judged(),
            self.bytes(),
            self.warned(),
            sections,
            self.ranking(),
            self.details(),
            self.kept(),
            self.made(),
        ];
        page(&escaped(&title), &body.concat())
    }

    fn heading(&self) -> String {
        let nothing = if self.output.is_empty() { " · nothing was written" } else { "" };
        format!(
            "<header><p class=eyebrow>{} · {}{nothing}</p><h1>{}</h1><p class=lead>{}</p></header>",
            escaped(&self.format),
            escaped(&self.recipe.name),
            escaped(file_name(&self.input)),
            escaped(&self.recipe.description)
        )
    }

    fn tiles(&self) -> String {
        let changed = self.worst_first();
        let worst = changed.first().and_then(|row| row.worst_db());
        let tile = |class: &str, number: &str, what: &str| {
            format!("<div class='tile {class}'><b>{number}</b><span>{what}</span></div>")
        };
        let of = |len: Option<u64>, by: &str| len.map_or(String::new(), |len| format!("; {}{by}", bytes(len)));
        let (deflated, by_zstd) = (of(self.zipped, " zipped"), of(self.zstd, " by zstd"));
        let saved = format!("{} → {}{deflated}{by_zstd}", bytes(self.bytes_in), bytes(self.bytes_out));
        let tensors = format!("of {} tensors quantized", self.tensors.len());
        let of = &self.distribution;
        let median = decibels(of.median_db);
        let what = match of.channels {
            0 => format!("SQNR of the worst tensor; the median one has {median}"),
            count => format!(
                "SQNR of the worst of {count} channels, {} lost; the median tensor has {median}",
                of.lost_channels
            ),
        };
        let speed = format!("{:.0} MB/s, without the disk", self.bytes_in as f64 / self.seconds.max(1e-9) / 1e6);
        [
            "<section class=tiles>".into(),
            tile("size", &format!("{:.1}%", 100.0 * self.ratio), &saved),
            tile("", &changed.len().to_string(), &tensors),
            tile(grade(worst), &typeset(&decibels(worst)), &what),
            tile("", &milliseconds(self.seconds), &speed),
            "</section>".into(),
        ]
        .concat()
    }

    fn judged(&self) -> String {
        self.judgement.as_ref().map(Judgement::sections).unwrap_or_default()
    }

    /// Returns where the bytes of the output are, beside those that are gone.
    fn bytes(&self) -> String {
        let mut quantized: BTreeMap<&str, u64> = BTreeMap::new();
        for row in self.tensors.iter().filter(|row| row.fate == "quantized") {
            *quantized.entry(&row.after).or_default() += row.bytes_after;
        }
        let mut parts: Vec<(String, u64, &str)> = Vec::new();
        let classes = ["q0", "q1", "q2", "q3"];
        for ((what, count), class) in quantized.into_iter().zip(classes.into_iter().cycle()) {
            parts.push((format!("became {what}"), count, class));
        }
        let groups = by_reason(self.tensors.iter().filter(|row| row.fate != "quantized"));
        let classes = ["k0", "k1", "k2", "k3", "k4"];
        for (group, class) in groups.iter().take(REASONS).zip(classes.into_iter().cycle()) {
            parts.push((format!("kept: {}", shortened(&group.reason, LONGEST_LINE / 2)), group.bytes(), class));
        }
        let rest: u64 = groups.iter().skip(REASONS).map(Group::bytes).sum();
        let others = groups.len().saturating_sub(REASONS);
        parts.push((format!("kept for {others} other reasons"), rest, "k5"));
        parts.push(("tables, operators, names".into(), self.bytes_elsewhere_out, "elsewhere"));
        parts.push(("saved".into(), self.bytes_in.saturating_sub(self.bytes_out), "saved"));
        parts.retain(|(_, count, _)| *count > 0);
        let subtitle = format!("{} of {}, and why they are still there.", bytes(self.bytes_out), bytes(self.bytes_in));
        let all = self.bytes_in.max(self.bytes_out);
        let legend = parts.iter().map(|(what, count, class)| {
            let part = 100.0 * *count as f64 / all.max(1) as f64;
            let (what, count) = (escaped(what), bytes(*count));
            format!("<tr><th><i class={class}></i>{what}<td class=number>{count}<td class=number>{part:.1}%")
        });
        let open = format!("{}<table class=legend>", stacked_bar(&parts, all));
        section("Where the bytes are", &subtitle, &open, legend, "</table>")
    }

    fn warned(&self) -> String {
        if self.warnings.is_empty() {
            return String::new();
        }
        let item = |warning: &Warned| {
            let (line, advice) = (shortened(&warning.line(), LONGEST_LINE), shortened(&warning.advice, LONGEST_LINE));
            let advice = if advice.is_empty() { advice } else { format!("<em>{}</em>", escaped(&advice)) };
            format!("<li>{}{advice}</li>", escaped(&line))
        };
        let list = |warnings: &[Warned]| format!("<ul>{}</ul>", warnings.iter().map(item).collect::<Vec<_>>().concat());
        let shown = &self.warnings[..self.warnings.len().min(MOST_WARNINGS)];
        let (open, rest) = shown.split_at(shown.len().min(WARNINGS));
        let more = match self.warnings.len() - open.len() {
            0 => String::new(),
            count => format!("<details><summary>and {count} more</summary>{}</details>", list(rest)),
        };
        format!("<section class=warnings role=alert><h2>Look at these first</h2>{}{more}</section>", list(open))
    }

    /// Returns all tensors that were quantized, the worst first.
    fn ranking(&self) -> String {
        let rows = self.worst_first();
        let most = rows.iter().filter_map(|row| row.worst_db()).fold(60.0, f64::max);
        let (open, rest) = rows.split_at(rows.len().min(OPEN));
        let items = open.iter().map(|row| {
            let (worst, size) = (typeset(&decibels(row.worst_db())), size(row));
            let (name, bar) = (name(row), ratio_bar(row, most));
            format!("<tr>{name}<td class=wide>{bar}<td class=number>{worst}<td class=number>{size}")
        });
        let axis = format!("<tr class=scale><th><td class=wide>{}<td class=number>dB<td>", ratio_axis(most));
        let folded = rest.chunks(AT_ONCE).map(|rows| {
            let ends = [rows.first(), rows.last()].map(|row| row.map_or(String::new(), |row| decibels(row.worst_db())));
            let line = |row: &&Row| {
                let (worst, whole) = (decibels(row.worst_db()), decibels(row.whole_db()));
                format!("<tr><th>{}<td>{}<td>{worst}<td>{whole}<td>{}", short(row), escaped(&row.after), size(row))
            };
            let lines: String = rows.iter().map(line).collect();
            format!(
                "<details><summary><span>{} more, {} to {}</span></summary><table class=all>\
                 <tr><th>tensor<td>became<td>worst channel<td>SQNR<td>size{lines}</table></details>",
                rows.len(),
                ends[0],
                ends[1],
            )
        });
        let close = format!("{axis}</table>{}", folded.collect::<Vec<_>>().concat());
        let subtitle =
            "The worst first: the full bar is the worst channel, the mark the whole tensor. 6 dB are one bit.";
        section("Signal to quantization noise", subtitle, "<table class=chart>", items, &close)
    }

    fn details(&self) -> String {
        let rows = self.worst_first();
        let cards = rows.iter().take(CARDS).map(|row| card(row));
        let most = match rows.len() {
            0..=CARDS => String::new(),
            count => format!("The worst {CARDS} of {count}; the JSON report has all. "),
        };
        let subtitle = format!(
            "{most}Values, and the errors of the restored ones: heights are square roots of counts, so that tails show. \
             Ranges and scales channel by channel."
        );
        section("Tensor by tensor", &subtitle, "<div class=cards>", cards, "</div>")
    }

    fn kept(&self) -> String {
        let groups = by_reason(self.tensors.iter().filter(|row| row.fate != "quantized"));
        let groups = groups.iter().map(|group| {
            let row = |row: &&Row| {
                let (kind, shape, size) = (escaped(&row.before), shape(&row.shape), bytes(row.bytes_after));
                format!("<tr><th>{}<td>{kind}<td>{shape}<td class=number>{size}", short(row))
            };
            let items: String = group.rows.iter().map(row).collect();
            let (count, size) = (group.rows.len(), bytes(group.bytes()));
            let plural = if count == 1 { "" } else { "s" };
            format!(
                "<details><summary><span>{}</span><em>{count} tensor{plural}, {size}</em></summary>\
                 <table>{items}</table></details>",
                escaped(&shortened(&group.reason, LONGEST_LINE))
            )
        });
        section("Left as they were", "Every tensor that was kept, by its reason.", "<div class=kept>", groups, "</div>")
    }

    /// Returns what it takes to make the same again.
    fn made(&self) -> String {
        let fact = |what: &str, value: &str| {
            let value = escaped(&shortened(value, 2 * LONGEST_LINE));
            if value.is_empty() { String::new() } else { format!("<div><dt>{what}</dt><dd>{value}</dd></div>") }
        };
        let facts = [
            fact("by", &self.tool),
            fact("on", &self.created),
            fact("read", &self.input),
            fact("its SHA-256", &self.input_sha256),
            fact("written", &self.output),
            fact("its SHA-256", &self.output_sha256),
            fact("changed in the recipe", &self.overrides.join(" ")),
        ];
        let recipe = escaped(&self.recipe.to_json());
        let items = facts.into_iter().filter(|fact| !fact.is_empty());
        let close = format!("</dl><details><summary><span>the recipe</span></summary><pre>{recipe}</pre></details>");
        section("How it was made", "What it takes to make the same again.", "<dl class=made>", items, &close)
    }
}

/// Returns a table that stands by itself.
fn of_section(of: &Section) -> String {
    let cells =
        |cells: &[String]| cells.iter().map(|cell| format!("<td>{}", escaped(cell))).collect::<Vec<_>>().concat();
    let open = format!("<table class=all><tr>{}", cells(&of.columns));
    let rows = of.rows.iter().map(|row| format!("<tr>{}", cells(row)));
    section(&escaped(&of.title), &escaped(&of.note), &open, rows, "</table>")
}

/// Returns the cell with a tensor's name, which is longer when one points at it.
fn name(row: &Row) -> String {
    format!("<th title='{}'>{}", escaped(&shortened(&row.name, LONGEST_LINE)), short(row))
}

fn short(row: &Row) -> String {
    escaped(&shortened(&row.name, NAME))
}

/// Returns a tensor's bytes before and after.
fn size(row: &Row) -> String {
    format!("{} → {}", bytes(row.bytes_before), bytes(row.bytes_after))
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
