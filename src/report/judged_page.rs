//! What outputs lose, as a page: tiles, a chart along the graph, tables.

use super::judgement::{JudgedValue, Judgement, percent, shown};
use super::number::{real, shortened};
use super::page::page;
use super::svg::{escaped, grade, typeset};
use std::fmt::Write;

/// Width and height of the chart, in its own units.
const CHART: (f64, f64) = (1000.0, 240.0);
/// The longest name that a page shows in full.
const NAME: usize = 60;
/// The values that a page lists openly; the rest can be unfolded.
const VALUES: usize = 20;

impl Judgement {
    /// Returns the judgement as an HTML page.
    pub fn to_html(&self) -> String {
        let name = self.quantized.rsplit(['/', '\\']).next().unwrap_or(&self.quantized);
        let heading = format!(
            "<header><p class=eyebrow>judged by its outputs</p><h1>{}</h1><p class=lead>against {}, on {} samples of {}, by {}</p></header>",
            escaped(name),
            escaped(&self.float),
            self.samples,
            escaped(&self.data),
            escaped(&self.runtime),
        );
        page(&escaped(&format!("{name}, judged by its outputs")), &(heading + &self.sections()))
    }

    /// Returns what a page says of the outputs, without its heading.
    pub(super) fn sections(&self) -> String {
        [self.noise(), self.tiles(), self.outputs(), self.chart(), self.losses()].concat()
    }

    fn noise(&self) -> String {
        if self.is_noise {
            "<section class=warnings role=alert><h2>No data was given</h2><p>Outputs were judged on noise of the inputs' shapes, \
             which tells little of what the model is for.</p></section>"
                .into()
        } else {
            String::new()
        }
    }

    fn tiles(&self) -> String {
        let tile = |class: &str, number: &str, what: &str| {
            format!("<div class='tile {class}'><b>{number}</b><span>{what}</span></div>")
        };
        let mut tiles = tile(of_ratio(self.sqnr_db), &typeset(&shown(self.sqnr_db)), "SQNR of the worst output");
        if let Some(share) = self.top1_agreement {
            tiles += &tile("", &percent(share), "of first choices are the same");
        }
        if let Some(accuracy) = self.accuracy {
            let what = format!("right, and {} before, of {} labels", percent(accuracy.float), accuracy.labels);
            tiles += &tile("", &percent(accuracy.quantized), &what);
        }
        format!("<section class=tiles>{tiles}</section>")
    }

    fn outputs(&self) -> String {
        let row = |output: &super::judgement::JudgedOutput| {
            format!(
                "<tr><th title='{}'>{}</th><td class=number>{}</td><td class=number>{:.5}</td><td class=number>{}</td><td class=number>{}</td></tr>",
                escaped(&output.name),
                escaped(&shortened(&output.name, NAME)),
                typeset(&shown(output.sqnr_db)),
                output.cosine,
                typeset(&real(output.max_abs_error)),
                output.top1_agreement.map_or("–".into(), percent),
            )
        };
        let rows: String = self.outputs.iter().map(row).collect();
        format!(
            "<section><h2>Outputs</h2><p class=subtitle>On {} samples of {}, by {}.</p><table><tr><th></th><td class=number>SQNR</td>\
             <td class=number>cosine</td><td class=number>largest error</td><td class=number>same choice</td></tr>{rows}</table></section>",
            self.samples,
            escaped(&self.data),
            escaped(&self.runtime)
        )
    }

    /// Returns the ratios of all values in the order of the graph: the error so far as a line, and each operator's own share.
    fn chart(&self) -> String {
        let mut values: Vec<&JudgedValue> = self.values.iter().collect();
        values.sort_by_key(|value| value.position);
        if values.len() < 2 {
            return String::new();
        }
        let finite = values.iter().flat_map(|value| [Some(value.sqnr_db), value.own_sqnr_db]).flatten();
        let most = finite.filter(|db| db.is_finite()).fold(60.0, f64::max).min(160.0);
        let (width, height) = CHART;
        let x = |place: usize| width * (place as f64 + 0.5) / values.len() as f64;
        let y = |db: f64| height * (1.0 - db.clamp(0.0, most) / most);
        let mut line = String::new();
        let (mut points, mut own) = (String::new(), String::new());
        for (place, value) in values.iter().enumerate() {
            let (x, y_all) = (x(place), y(value.sqnr_db));
            // Writing to a string does not fail.
            let _ = write!(line, "{}{x:.1} {y_all:.1}", if place == 0 { 'M' } else { 'L' });
            let name = escaped(&shortened(&value.name, NAME));
            let operator = if value.operator.is_empty() { "input".into() } else { escaped(&value.operator) };
            let title =
                |db: f64, what: &str| format!("<title>{name} ({operator}): {} {what}</title>", typeset(&shown(db)));
            let _ = write!(
                points,
                "<circle class={} cx={x:.1} cy={y_all:.1} r=4>{}</circle>",
                of_ratio(value.sqnr_db),
                title(value.sqnr_db, "with all errors before it")
            );
            if let Some(db) = value.own_sqnr_db {
                let _ =
                    write!(own, "<circle class=own cx={x:.1} cy={:.1} r=3>{}</circle>", y(db), title(db, "by itself"));
            }
        }
        let ticks = (0..).step_by(20).take_while(|&db| f64::from(db) <= most);
        let mut rules = String::new();
        for db in ticks {
            let y = y(f64::from(db));
            let _ = write!(rules, "<line class=axis x1=0 x2={width} y1={y:.1} y2={y:.1} />");
            let _ = write!(rules, "<text class=tick x=2 y={:.1}>{db} dB</text>", y - 3.0);
        }
        format!(
            "<section><h2>Along the graph</h2><p class=subtitle>From the inputs at the left to the outputs at the right: the line is \
             the SQNR of each value with all errors from before it, a hollow point what its operator loses by itself when it is given \
             the float model's values.</p><svg class=graph viewBox='-4 -14 {} {}' role=img><title>SQNR of {} values</title>{rules}\
             <path class=graph d='{line}'/>{own}{points}</svg></section>",
            width + 8.0,
            height + 22.0,
            values.len()
        )
    }

    fn losses(&self) -> String {
        if self.values.is_empty() {
            return String::new();
        }
        let row = |value: &JudgedValue| {
            format!(
                "<tr><th title='{}'>{}</th><td>{}</td><td class=number>{}</td><td class=number>{}</td><td class=number>{}</td></tr>",
                escaped(&value.name),
                escaped(&shortened(&value.name, NAME)),
                escaped(value.maker()) + if value.rescaled { ", channels rescaled" } else { "" },
                typeset(&shown(value.sqnr_db)),
                value.own_sqnr_db.map_or("–".into(), |db| typeset(&shown(db))),
                typeset(&real(value.max_abs_error)),
            )
        };
        let rows = |values: &[JudgedValue]| values.iter().map(row).collect::<String>();
        let (open, rest) = self.values.split_at(self.values.len().min(VALUES));
        let head = "<tr><th></th><td></td><td class=number>SQNR</td><td class=number>by itself</td><td class=number>largest error</td></tr>";
        let more = match rest.len() {
            0 => String::new(),
            count => format!("<details><summary>and {count} more</summary><table>{}</table></details>", rows(rest)),
        };
        format!(
            "<section><h2>Value by value</h2><p class=subtitle>The worst first.</p><table>{head}{}</table>{more}</section>",
            rows(open)
        )
    }
}

fn of_ratio(db: f64) -> &'static str {
    grade((db < f64::INFINITY).then_some(db))
}
