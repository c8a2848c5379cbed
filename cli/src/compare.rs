//! `compare`: how far one model's weights are from another's.

use crate::argument::{file, finite, json as json_switch};
use crate::failure::Failure;
use crate::job::refuse_a_pipe;
use crate::output::{Answer, json, style, width};
use clap::{Arg, ArgMatches, Command};
use std::path::PathBuf;
use tensor_quant::pipeline::{Compared, Comparison, Sameness, compare_files};
use tensor_quant::report::{Alignment, Measured, OfChannels, Table, decibels, shape, shortened};

/// The longest name that is shown in full.
const NAME: usize = 52;
/// The exit code of files that differ by more than was allowed.
const TOO_DIFFERENT: u8 = 5;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    let threshold = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("DB").value_parser(finite).allow_negative_numbers(true).help(help)
    };
    Command::new("compare")
        .about("Shows how far the restored weights of B are from those of A, the worst first")
        .arg(file("A", "The original"))
        .arg(file("B", "What was made of it; may be of another format"))
        .arg(threshold("min-sqnr", "Exit with 5 if a tensor's SQNR is below, or it cannot be compared"))
        .arg(threshold("min-channel-sqnr", "Exit with 5 if a channel's SQNR is below, or it cannot be compared"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<Answer, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    for name in ["A", "B"] {
        refuse_a_pipe(&path(name))?;
    }
    let comparison = compare_files(path("A"), path("B"))?;
    let limits = Limits {
        whole: arguments.get_one("min-sqnr").copied(),
        channel: arguments.get_one("min-channel-sqnr").copied(),
    };
    let below: Vec<&Compared> =
        comparison.worst_first().into_iter().filter(|tensor| limits.are_broken_by(tensor)).collect();
    let text = if arguments.get_flag("json") {
        as_json(&comparison, &below)
    } else {
        as_table(&comparison) + &totals(&comparison) + &limits.verdict(&below, comparison.tensors.len())
    };
    Ok(Answer { text, code: if below.is_empty() { 0 } else { TOO_DIFFERENT } })
}

/// What is allowed.
struct Limits {
    whole: Option<f64>,
    channel: Option<f64>,
}

impl Limits {
    fn are_broken_by(&self, tensor: &Compared) -> bool {
        if self.whole.is_none() && self.channel.is_none() {
            return false;
        }
        match (&tensor.error, tensor.sameness()) {
            (_, Sameness::Same) => false,
            (Ok(error), _) => {
                let worst = tensor.channels.as_ref().map_or(error.sqnr_db(), |channels| channels.worst_db);
                error.non_finite_changed() > 0
                    || self.whole.is_some_and(|least| error.sqnr_db() < least)
                    || self.channel.is_some_and(|least| worst.min(error.sqnr_db()) < least)
            }
            (Err(_), _) => true,
        }
    }

    /// Returns what one reads last: whether all is as it has to be.
    fn verdict(&self, below: &[&Compared], of: usize) -> String {
        let limit = |least: Option<f64>, what: &str| least.map(|least| format!("{least} dB {what}"));
        let limits = [limit(self.whole, "a tensor"), limit(self.channel, "a channel")];
        let limits = limits.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        match (limits.is_empty(), below) {
            (true, _) => String::new(),
            (_, []) => format!("all {of} tensors reach {limits}\n"),
            (_, [worst, ..]) => {
                let (name, count) = (shortened(&worst.name, NAME), below.len());
                format!("{count} of {of} tensors do not reach {limits}, {name} first\n")
            }
        }
    }
}

fn as_table(comparison: &Comparison) -> String {
    let (left, right) = (Alignment::Left, Alignment::Right);
    let columns = [
        ("tensor", left),
        ("shape", right),
        ("A", left),
        ("B", left),
        ("SQNR", right),
        ("worst channel", right),
        ("max error", right),
    ];
    let mut table = Table::new(&columns, style()).within(width());
    for tensor in comparison.worst_first() {
        let (sqnr, largest) = match (&tensor.error, tensor.same_bytes) {
            (Ok(error), _) => of_reals(&Measured::new(error)),
            (Err(_), Some(true)) => ("the same".into(), String::new()),
            (Err(_), Some(false)) => ("differs".into(), "other bytes".into()),
            (Err(reason), None) => (String::new(), reason.clone()),
        };
        let differs = tensor.sameness() == Sameness::Different;
        let channels = tensor.channels.as_ref().filter(|_| differs).map(OfChannels::new);
        let worst = channels.map_or(String::new(), |channels| decibels(channels.worst_db));
        let (a, b) = &tensor.element_types;
        let (name, shape) = (shortened(&tensor.name, NAME), shape(&tensor.shape));
        table.push([name, shape, a.clone(), b.clone().unwrap_or_default(), sqnr, worst, largest]);
    }
    let only_in_second = comparison.only_in_second.iter().map(|name| format!("only in B: {}\n", shortened(name, NAME)));
    table.to_string() + &only_in_second.collect::<Vec<_>>().concat()
}

/// Returns how many tensors differ, and by how much.
fn totals(comparison: &Comparison) -> String {
    let totals = comparison.totals();
    let missing = match totals.not_compared {
        0 => String::new(),
        count => format!(", {count} not compared"),
    };
    let only = match comparison.only_in_second.len() {
        0 => String::new(),
        count => format!(", {count} only in B"),
    };
    let of = comparison.tensors.len();
    let differ = totals.different;
    let counts = format!("\n{of} tensors: {} the same, {differ} differ{missing}{only}\n", totals.same);
    let Some((worst, median)) = totals.worst_db.zip(totals.median_db) else { return counts };
    let ratio = |db: f64| decibels(Some(db).filter(|&db| db < f64::INFINITY));
    let lost = match (totals.channels, totals.lost_channels) {
        (0, _) => String::new(),
        (channels, 0) => format!("; none of their {channels} channels lost"),
        (channels, lost) => format!("; {lost} of their {channels} channels lost"),
    };
    format!("{counts}SQNR of those that differ: worst {}, median {}{lost}\n", ratio(worst), ratio(median))
}

/// Returns the ratio and the largest error of values that were compared.
fn of_reals(error: &Measured) -> (String, String) {
    let largest = format!("{:.2e}", error.max_abs_error);
    match (error.sqnr_db, error.non_finite_changed) {
        _ if error.lossless => ("the same".into(), String::new()),
        (sqnr_db, 0) => (decibels(sqnr_db), largest),
        // What is finite in both files may well be the same.
        (sqnr_db, changed) => {
            let ratio = sqnr_db.map_or("differs".into(), |db| decibels(Some(db)));
            let values = if changed == 1 { "value differs" } else { "values differ" };
            (ratio, format!("{largest}, {changed} {values} in being finite"))
        }
    }
}

fn as_json(comparison: &Comparison, below: &[&Compared]) -> String {
    let tensor = |tensor: &&Compared| {
        let (a, b) = &tensor.element_types;
        serde_json::json!({
            "name": tensor.name,
            "shape": tensor.shape,
            "a": a,
            "b": b,
            "error": tensor.error.as_ref().ok().map(Measured::new),
            "channels": tensor.channels.as_ref().map(OfChannels::new),
            "same_bytes": tensor.same_bytes,
            "not_compared": tensor.error.as_ref().err(),
        })
    };
    let totals = comparison.totals();
    json(&serde_json::json!({
        "same": totals.same,
        "different": totals.different,
        "uncompared": totals.not_compared,
        "below_the_limits": below.iter().map(|tensor| &tensor.name).collect::<Vec<_>>(),
        "tensors": comparison.worst_first().iter().map(tensor).collect::<Vec<_>>(),
        "only_in_b": comparison.only_in_second,
    }))
}
