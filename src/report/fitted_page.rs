//! What a fit came to, as a page: the front, the files that were run, and why each tensor became what it did.

use super::number::{bytes, shape, shortened};
use super::page::page;
use super::svg::{escaped, typeset};
use crate::pipeline::Fitted;
use std::fmt::Write;

/// Width and height of the front, in its own units.
const FRONT: (f64, f64) = (1000.0, 300.0);
/// The longest name that is shown in full.
const NAME: usize = 60;

impl Fitted {
    /// Returns what the fit came to as an HTML page.
    pub fn to_html(&self) -> String {
        let name = self.input.file_name().unwrap_or_default().to_string_lossy();
        let state =
            if self.is_reached() { "the goal is met" } else { "the goal cannot be met: this is the best there is" };
        let kind = self.kind_of_samples();
        let heading = format!(
            "<header><p class=eyebrow>fitted to a budget</p><h1>{}</h1><p class=lead>{state}; measured on {} {kind}, after {} \
             runs</p></header>",
            escaped(&name),
            self.judged_on,
            self.evaluations,
        );
        let warnings = match &self.warnings()[..] {
            [] => String::new(),
            all => {
                let items: Vec<String> = all.iter().map(|text| format!("<li>{}</li>", escaped(text))).collect();
                let items = items.concat();
                format!("<section class=warnings role=alert><h2>Look at this first</h2><ul>{items}</ul></section>")
            }
        };
        let body = [heading, self.tiles(), warnings, self.drawn_front(), self.choices()].concat();
        page(&escaped(&format!("{name}, fitted to a budget")), &body)
    }

    fn tiles(&self) -> String {
        let tile = |class: &str, number: &str, what: &str| {
            format!("<div class='tile {class}'><b>{number}</b><span>{what}</span></div>")
        };
        let by_zstd = self.zstd.map_or(String::new(), |len| format!(", {} by zstd", bytes(len)));
        let (before, deflated) = (bytes(self.bytes_in), bytes(self.download));
        let what = format!("{:.3} of the {before} before; {deflated} deflated{by_zstd}", self.ratio());
        let mut tiles = tile("size", &bytes(self.bytes), &what);
        let what = format!("SQNR of the worst output; above {} in 95 of 100 draws", decibels(self.bound_db));
        tiles += &tile("", &decibels(self.sqnr_db), &what);
        if let Some([float, now]) = self.accuracy {
            tiles += &tile("", &format!("{:.2} %", now * 100.0), &format!("right, and {:.2} % before", float * 100.0));
        }
        format!("<section class=tiles>{tiles}</section>")
    }

    /// Returns the predicted front as a line, the files that were run as points, and the one that was chosen as a larger one.
    fn drawn_front(&self) -> String {
        let points = self.front.iter().chain(&self.walked).copied().chain([(self.bytes_counted(), self.sqnr_db)]);
        let points: Vec<(f64, f64)> = points.filter(|(_, db)| db.is_finite()).map(|(b, db)| (b as f64, db)).collect();
        let ends = |of: fn(&(f64, f64)) -> f64| {
            points.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let ((least, most), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
        if !(most > least && high > low) {
            return String::new();
        }
        let (width, height) = FRONT;
        let x = |count: u64| width * (count as f64 - least) / (most - least);
        let y = |db: f64| height * (high - db.clamp(low, high)) / (high - low);
        let mut line = String::new();
        for &(count, db) in self.front.iter().filter(|(_, db)| db.is_finite()) {
            // Writing to a string does not fail.
            let _ = write!(line, "{}{:.1} {:.1}", if line.is_empty() { 'M' } else { 'L' }, x(count), y(db));
        }
        let dot = |count: u64, db: f64, radius: u32, colour: &str| {
            let title = format!("{}, {}", bytes(count), decibels(db));
            format!(
                "<circle cx={:.1} cy={:.1} r={radius} fill='var(--{colour})'><title>{title}</title></circle>",
                x(count),
                y(db)
            )
        };
        let run: String = self.walked.iter().map(|&(count, db)| dot(count, db, 5, "fair")).collect();
        let chosen = dot(self.bytes_counted(), self.sqnr_db, 8, "accent");
        format!(
            "<section><h2>The front</h2><p class=subtitle>Bytes to the right, SQNR upwards: predicted as a line, files that were run as \
             points, the one that was chosen as the large one.</p><figure><svg style='height:auto' viewBox='-12 -12 {:.0} {:.0}' role=img>\
             <title>{} points from {} to {}</title><path d='{line}' fill=none stroke='var(--soft)' stroke-width=2 />{run}{chosen}</svg>\
             <figcaption><span>{}, {}</span><span>{}, {}</span></figcaption></figure></section>",
            width + 24.0,
            height + 24.0,
            self.front.len(),
            decibels(low),
            decibels(high),
            bytes(least as u64),
            decibels(low),
            bytes(most as u64),
            decibels(high),
        )
    }

    fn choices(&self) -> String {
        if self.tensors.is_empty() {
            return format!("<section><h2>The recipe</h2><pre>{}</pre></section>", escaped(&self.recipe()));
        }
        let row = |tensor: &crate::pipeline::Chosen| {
            format!(
                "<tr><th title='{}'>{}</th><td class=number>{}</td><td class=number>{}</td></tr><tr><td colspan=3 class=reason>{}</td></tr>",
                escaped(&tensor.name),
                escaped(&shortened(&tensor.name, NAME)),
                shape(&tensor.shape),
                bytes(tensor.bytes),
                typeset(&escaped(&tensor.reason())),
            )
        };
        let rows: String = self.tensors.iter().map(row).collect();
        format!(
            "<section><h2>Choices</h2><p class=subtitle>What each tensor became, and what else it could have: the ratio is that of the \
             outputs if it alone were so.</p><table>{rows}</table></section>"
        )
    }
}

fn decibels(db: f64) -> String {
    if db.is_finite() { typeset(&format!("{db:.1} dB")) } else { "–".into() }
}
