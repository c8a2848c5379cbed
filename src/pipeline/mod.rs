//! A file from end to end: read, plan, quantize, write, and account for every tensor.
//!
//! ```text
//! .tflite ──────┐                                                  ┌── .tflite
//!               ├─ Candidates ─ Recipe ─ Plan ─ quantized tensors ─┤              and an Outcome
//! .safetensors ─┘                                                  └── .safetensors
//! ```
//!
//! The output never replaces its input, nor another file unless that is allowed, and appears under its name only when
//! it is complete. It is written beside its target under a name that begins with `.tensor-quant-`; a process that is killed
//! leaves such a file behind, which may be deleted, and the target is the old file or the new one, whole. A file that is
//! replaced keeps its permissions; a symbolic link stays, and what it leads to is replaced; a read-only file is refused. An
//! output that is the input by another path, `./x` for `x` or a link, is the input; one that is a hard link to it is replaced,
//! and the input keeps its content. Of a `.safetensors` file one tensor is held at a time,
//! as f32 and as codes, a byte each; of a `.tflite` file what will be written besides.
//!
//! With samples, weights are chosen for what the model makes of them, and the best file for a budget is found:
//! [`docs::better_weights`](crate::docs::better_weights).
//!
//! # Examples
//!
//! ```no_run
//! use tensor_quant::pipeline::{Options, quantize_file};
//! use tensor_quant::recipe::Recipe;
//!
//! let recipe = Recipe::named("int8-dynamic")?;
//! let outcome = quantize_file("model.tflite", "model-int8.tflite", &recipe, &Options::default(), &mut |_| ())?;
//! for tensor in &outcome.tensors {
//!     println!("{}: {}", tensor.name, tensor.reason);
//! }
//! # Ok::<(), tensor_quant::Error>(())
//! ```

mod channels;
mod comparison;
mod coupled;
mod deflated;
mod encoded;
mod equalization;
mod error;
mod fit;
mod fold;
mod format;
mod held;
mod improvement;
mod inspection;
mod integer;
mod judge;
mod mean_shift;
mod options;
mod outcome;
mod progress;
mod safetensors;
mod source;
mod tflite;
mod wide;

pub use channels::{Channels, Emptied, Profile};
pub use comparison::{Compared, Comparison, Sameness, Totals, compare_files};
pub use error::PipelineError;
pub use fit::{Arithmetic, Chosen, Count, Fitted, Goal, Request, fit_file};
pub use format::Format;
pub use inspection::{Inspected, Inspection, inspect_file};
pub use integer::{Data, Evidence, IntegerOutcome, Island, ValueOutcome, Variant};
pub use options::{Histograms, Options, Overwrite};
pub use outcome::{Fate, Outcome, TensorOutcome};
pub use progress::Progress;

use crate::calibration::{CalibrationError, Statistics};
use crate::error::{Error, Result};
pub use crate::recipe::Warning;
use crate::recipe::{Effort, Recipe, RecipeError, Rule};
use crate::sha256;
use options::check_output;
use outcome::Written;
use std::path::Path;
use std::time::Instant;

/// Quantizes a file by a recipe; `progress` is called before each tensor.
///
/// # Errors
///
/// [`PipelineError::TargetExists`], [`PipelineError::TargetIsSource`]; [`PipelineError::UnknownFormat`];
/// [`RecipeError::NothingToQuantize`] if the recipe
/// would change nothing; [`CalibrationError::Unusable`] for a recipe that
/// makes codes of activations
/// ([`quantize_file_with`] has the data for it); what reading and writing the formats gives. On any of them the output is as
/// it was.
pub fn quantize_file(
    input: impl AsRef<Path>,
    output: impl AsRef<Path>,
    recipe: &Recipe,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome> {
    quantize_file_with(input, output, recipe, options, Evidence::default(), progress)
}

/// Quantizes a file by a recipe, with samples of the model's inputs and what runs it, or statistics that were saved before: for a
/// recipe that makes codes of activations either is enough.
///
/// # Errors
///
/// As [`quantize_file`]; what running the model comes to; [`CalibrationError::Unusable`] for statistics that are of another model, lack a
/// value, have another estimator than the recipe asks for, or have no effect.
pub fn quantize_file_with<'a>(
    input: impl AsRef<Path>,
    output: impl AsRef<Path>,
    recipe: &Recipe,
    options: &Options,
    evidence: impl Into<Evidence<'a>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome> {
    let output = output.as_ref();
    Format::of(&input)?;
    check_output(input.as_ref(), output, options.overwrite)?;
    outcome(input.as_ref(), Some(output), recipe, options, evidence.into(), progress)
}

/// Returns what [`quantize_file`] would make of a file, and what that would cost, and writes nothing.
///
/// # Errors
///
/// As [`quantize_file`], but for those of writing.
pub fn dry_run(
    input: impl AsRef<Path>,
    recipe: &Recipe,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome> {
    dry_run_with(input, recipe, options, Evidence::default(), progress)
}

/// The same with samples of the model's inputs, and what runs it, or statistics, as [`quantize_file_with`].
///
/// # Errors
///
/// As [`quantize_file_with`], but for those of writing.
pub fn dry_run_with<'a>(
    input: impl AsRef<Path>,
    recipe: &Recipe,
    options: &Options,
    evidence: impl Into<Evidence<'a>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome> {
    outcome(input.as_ref(), None, recipe, options, evidence.into(), progress)
}

/// Returns what becomes of a file, which is written if there is an output.
fn outcome(
    input: &Path,
    output: Option<&Path>,
    recipe: &Recipe,
    options: &Options,
    evidence: Evidence<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome> {
    let start = Instant::now();
    let format = Format::of(input)?;
    if evidence.statistics.is_some() {
        check_statistics(input, recipe, evidence)?;
    }
    let Written { mut tensors, mut warnings, to_disk, bytes, integer } = match format {
        Format::Tflite => tflite::quantize(input, output, recipe, options, evidence, progress)?,
        Format::Safetensors if recipe.activations.is_some() => {
            let reason = "a .safetensors file has no operators: activations become codes in a .tflite file".into();
            return Err(RecipeError::NothingToQuantize { recipe: recipe.name.clone(), reason }.into());
        }
        Format::Safetensors if evidence.data.is_some() => {
            let reason = "its operators are not in it, so that no sample can be run on it".into();
            return Err(Error::Format { path: input.into(), format: "safetensors", reason });
        }
        Format::Safetensors => safetensors::quantize(input, output, recipe, options, progress)?,
    };
    tensors.iter_mut().for_each(TensorOutcome::warn);
    if evidence.data.is_none() {
        warnings.extend(without_samples(recipe));
    }
    let len = |path: &Path| {
        let metadata = std::fs::metadata(path);
        metadata.map(|m| m.len()).map_err(|source| Error::Io { action: "read", path: path.into(), source })
    };
    let seconds = start.elapsed().saturating_sub(to_disk).as_secs_f64();
    let bytes_zipped = output.map_or(Ok(None), deflated::of_file)?;
    Ok(Outcome {
        recipe: recipe.clone(),
        format,
        input: input.into(),
        output: output.unwrap_or(Path::new("")).into(),
        bytes_in: len(input)?,
        bytes_out: output.map_or(Ok(bytes), len)?,
        bytes_zipped,
        seconds,
        seconds_to_disk: to_disk.as_secs_f64(),
        warnings,
        tensors,
        integer,
    })
}

/// Returns what to say of rules that choose weights by samples, where there are none.
fn without_samples(recipe: &Recipe) -> Option<Warning> {
    let asks = |rule: &&Rule| rule.improve.is_some_and(|effort| effort != Effort::None);
    let count = recipe.rules.iter().filter(asks).count();
    let message = format!("improve has no effect in {count} of {} rules: there are no samples", recipe.rules.len());
    (count > 0).then(|| Warning::new(message, "give samples of the model's inputs, and weights are chosen by them"))
}

/// Returns an error for statistics that are of another model, or that nothing is made of.
fn check_statistics(input: &Path, recipe: &Recipe, evidence: Evidence<'_>) -> Result<()> {
    if recipe.activations.is_none() {
        let reason = format!(
            "statistics of activations have no effect: the recipe {:?} makes no codes of them, as int8 and int16x8 do",
            recipe.name
        );
        return Err(CalibrationError::Unusable { reason }.into());
    }
    let Some(expected) = evidence.statistics.and_then(Statistics::model) else { return Ok(()) };
    let actual = sha256::of_file(input)?;
    if actual != expected {
        let input = input.display();
        let reason =
            format!("the statistics are of a model with the SHA-256 {expected}, and that of {input} is {actual}");
        return Err(CalibrationError::Unusable { reason }.into());
    }
    Ok(())
}
