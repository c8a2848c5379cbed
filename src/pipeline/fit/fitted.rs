//! What a fit came to.

use super::request::{Arithmetic, Count, Goal, Request};
use super::smaller::DRAWN;
use crate::error::Result;
use crate::num::CodeType;
use crate::recipe::{Compute, Recipe};
use core::fmt::Write;
use std::path::PathBuf;

/// What a fit came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fitted {
    /// What was asked for.
    pub request: Request,
    /// The file that was read.
    pub input: PathBuf,
    /// The file that was written; `None` if the goal cannot be reached.
    pub output: Option<PathBuf>,
    /// The length of the input.
    pub bytes_in: u64,
    /// The length of the best file.
    pub bytes: u64,
    /// The length of the best file when it is deflated.
    pub download: u64,
    /// The same when zstd compresses it at its level 19; `None` where nobody measured it: there is no encoder here.
    pub zstd: Option<u64>,
    /// The ratio of its worst output on the samples that judge, in dB, or of what stands before a softmax or sigmoid if that is
    /// worse.
    pub sqnr_db: f64,
    /// What that ratio is above in 95 of 100 draws of as many samples.
    pub bound_db: f64,
    /// The accuracy of the float model and of this one, if there are labels.
    pub accuracy: Option<[f64; 2]>,
    /// The ratio that errors of single tensors predicted.
    pub predicted_db: f64,
    /// How many samples there were to judge.
    pub judged_on: usize,
    /// How many candidates were run.
    pub evaluations: usize,
    /// A number that samples of another content do not have.
    pub data_hash: u64,
    /// What each tensor became.
    pub tensors: Vec<Chosen>,
    /// Whether layers were chosen with regard to each other.
    pub(super) is_coupled: bool,
    /// Points of the front, from the smallest to the best: bytes, and the predicted ratio in dB.
    pub front: Vec<(u64, f64)>,
    /// Candidates that were run: bytes, and the ratio in dB.
    pub walked: Vec<(u64, f64)>,
    /// How long it took.
    pub seconds: f64,
    /// The recipe's rules, where they are not one for each tensor.
    pub(super) rules: Option<String>,
}

/// What a tensor became.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its codes; `None` if it was kept.
    pub code: Option<CodeType>,
    /// What it became, as a recipe says it.
    pub to: String,
    /// What a bit was worth, if codes were chosen for their bits.
    pub rate: Option<f64>,
    /// The bytes that it takes.
    pub bytes: u64,
    /// The ratio of the outputs if it alone were quantized so, in dB.
    pub alone_db: f64,
    /// Every choice that there was: what it is called, its bytes, and the ratio alone.
    pub choices: Vec<(String, u64, f64)>,
}

impl Chosen {
    /// Returns why the tensor became what it did, in a line.
    pub fn reason(&self) -> String {
        let mut text = match self.code {
            Some(_) => format!("{}: {} alone", self.to, decibels(self.alone_db)),
            None => "kept".to_owned(),
        };
        let larger = self.choices.iter().filter(|(_, bytes, db)| *bytes > self.bytes && *db > self.alone_db);
        if let Some((other, bytes, db)) = larger.min_by_key(|(_, bytes, _)| *bytes) {
            let more = (bytes - self.bytes) as f64 / 1000.0;
            let gain = db - self.alone_db;
            let less = if gain.is_finite() { format!("{gain:.0} dB less error") } else { "no error".into() };
            let _ = write!(text, "; {other} costs {more:.1} kB more for {less}");
        }
        let smaller = self.choices.iter().filter(|(_, bytes, _)| *bytes < self.bytes);
        if let Some((other, bytes, db)) = smaller.max_by_key(|(_, bytes, _)| *bytes) {
            let saved = (self.bytes - bytes) as f64 / 1000.0;
            let _ = write!(text, "; {other} would save {saved:.1} kB, at {} alone", decibels(*db));
        }
        text
    }
}

fn decibels(db: f64) -> String {
    if db.is_finite() { format!("{db:.1} dB") } else { "no error".into() }
}

impl Fitted {
    /// Returns whether the goal was reached.
    pub fn is_reached(&self) -> bool {
        self.output.is_some()
    }

    /// Returns what the samples that judge are, in words.
    pub fn kind_of_samples(&self) -> &'static str {
        match self.request.arithmetic {
            Arithmetic::Integer => "samples, that ranges of activations were found on, too",
            _ => "samples that were not fitted to",
        }
    }

    /// Returns the length of the best file, as the bound counts bytes.
    pub(crate) fn bytes_counted(&self) -> u64 {
        match self.request.count {
            Count::File => self.bytes,
            Count::Download => self.download,
        }
    }

    /// Returns the length of the file as a share of the input's.
    pub fn ratio(&self) -> f64 {
        self.bytes as f64 / self.bytes_in.max(1) as f64
    }

    /// Returns what a user should know, each in a line: that the file is no smaller than the input; that its ratio is by so much another
    /// in draws of the samples that judge that others may well lose more than was asked for.
    pub fn warnings(&self) -> Vec<String> {
        let no_smaller = (self.bytes >= self.bytes_in).then(|| {
            let (before, after) = (self.bytes_in, self.bytes);
            format!("the file is no smaller: {before} bytes became {after}; of what is small, parameters take more than codes save")
        });
        let is_unsure = |least: &f64| self.is_reached() && self.bound_db < least - DRAWN;
        let least = Some(self.request.goal).and_then(|goal| if let Goal::MinSqnr(db) = goal { Some(db) } else { None });
        let unsure = least.filter(is_unsure).map(|least| {
            let (bound, judges) = (self.bound_db, self.judged_on);
            format!(
                "other samples may lose more than was asked for: in 5 of 100 draws of the {judges} that judge the ratio is below {bound:.1} dB, \
                 and not {least} dB; more samples tell more, and a goal that is higher by {:.1} dB leaves room",
                least - bound
            )
        });
        no_smaller.into_iter().chain(unsure).collect()
    }

    /// Returns the tensor that stands in the way: of those that could be larger or better, the one whose error alone is largest.
    pub fn in_the_way(&self) -> Option<&Chosen> {
        let is_changed = |tensor: &&Chosen| tensor.code.is_some();
        self.tensors.iter().filter(is_changed).min_by(|a, b| a.alone_db.total_cmp(&b.alone_db))
    }

    /// Returns the recipe that makes this file of the same input with the same samples, as TOML.
    ///
    /// It names every tensor, and says in comments what was predicted and measured.
    pub fn recipe(&self) -> String {
        let quoted = |text: &str| {
            let mut quoted = String::from("\"");
            for c in text.chars() {
                match c {
                    '"' | '\\' => quoted.extend(['\\', c]),
                    c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                        let _ = write!(quoted, "\\u{:04X}", u32::from(c));
                    }
                    c => quoted.push(c),
                }
            }
            quoted + "\""
        };
        let compute = match self.request.arithmetic.of_weights() {
            Compute::WeightOnly => "weight-only",
            Compute::DynamicRange => "dynamic-range",
        };
        let goal = match self.request.goal {
            Goal::MinSqnr(db) => format!("at least {db} dB"),
            Goal::MaxSize(ratio) => format!("at most {ratio} of the bytes"),
            Goal::MaxDownload(bytes) => format!("at most {bytes} bytes deflated"),
            Goal::MaxAccuracyDrop(points) => format!("at most {points} points of accuracy less"),
        };
        let mut text = format!(
            "# Goal: {goal}. Measured: {:.2} dB (above {:.2} dB in 95 of 100 draws), {} of {} bytes; predicted {}.\n\
             # Samples: hash {:016x}, {} of them to judge; seed {}. It takes them (--data) to make the same file again.\n\
             name = {}\n\
             description = \"found by fit for {goal}\"\n",
            self.sqnr_db,
            self.bound_db,
            self.bytes,
            self.bytes_in,
            if self.predicted_db.is_nan() { "nothing".into() } else { format!("{:.2} dB", self.predicted_db) },
            self.data_hash,
            self.judged_on,
            self.request.seed,
            quoted(&format!("fit of {}", self.input.file_name().unwrap_or_default().to_string_lossy())),
        );
        if let Some(rules) = &self.rules {
            return text + "\n" + rules;
        }
        for tensor in &self.tensors {
            let (name, to) = (quoted(&tensor.name), quoted(&tensor.to));
            let _ = write!(text, "\n# {}\n[[rule]]\nnames = [{name}]\ninputs = \"any\"\nto = {to}\n", tensor.reason());
            if tensor.code.is_some_and(CodeType::is_integer) {
                let effort = if self.is_coupled { "model" } else { "full" };
                let _ = write!(text, "compute = \"{compute}\"\nimprove = \"{effort}\"\n");
            }
            if let Some(rate) = tensor.rate {
                let _ = writeln!(text, "rate = {rate}");
            }
        }
        text
    }

    /// Writes the recipe to a file, which is replaced, whole, if it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn save_recipe(&self, path: impl AsRef<std::path::Path>) -> Result<()> {
        crate::output::write(path.as_ref(), self.recipe().as_bytes())
    }

    /// Returns the recipe as a value.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Unusable`](crate::recipe::RecipeError::Unusable) if no tensor is in it.
    pub fn to_recipe(&self) -> Result<Recipe> {
        Recipe::from_toml(&self.recipe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_smaller_is_told_of() {
        let of = |bytes_in, bytes| Fitted {
            request: Request::new(Goal::MinSqnr(30.0)),
            input: PathBuf::new(),
            output: Some(PathBuf::new()),
            bytes_in,
            bytes,
            download: bytes,
            zstd: None,
            sqnr_db: 40.0,
            bound_db: 39.0,
            accuracy: None,
            predicted_db: f64::NAN,
            judged_on: 3,
            evaluations: 1,
            data_hash: 0,
            tensors: Vec::new(),
            is_coupled: false,
            front: Vec::new(),
            walked: Vec::new(),
            seconds: 0.0,
            rules: None,
        };
        assert_eq!(of(1000, 999).warnings(), Vec::<String>::new());
        for bytes in [1000, 1200] {
            let warnings = of(1000, bytes).warnings();
            assert!(warnings.len() == 1 && warnings[0].contains(&format!("1000 bytes became {bytes}")), "{warnings:?}");
        }
        // 30 dB were asked for: draws that are a decibel below that are told of, and those that are not are not.
        for (bound_db, count) in [(29.0, 0), (28.9, 1)] {
            let warnings = Fitted { bound_db, ..of(1000, 999) }.warnings();
            assert_eq!(warnings.len(), count, "{warnings:?}");
            let unreached = Fitted { bound_db, output: None, ..of(1000, 999) };
            assert_eq!(unreached.warnings(), Vec::<String>::new());
            let by_size = Fitted { bound_db, request: Request::new(Goal::MaxSize(0.5)), ..of(1000, 999) };
            assert_eq!(by_size.warnings(), Vec::<String>::new());
        }
    }
}
