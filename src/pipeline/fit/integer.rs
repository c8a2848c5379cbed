//! Files all in integers for a goal: few recipes, each of which is tried as a whole.

use super::super::deflated::deflated_len;
use super::super::integer::Data;
use super::super::judge::{Judge, Judged};
use super::super::options::{Options, Overwrite};
use super::super::progress::Progress;
use super::super::quantize_file_with;
use super::fitted::Fitted;
use super::goal::{bound_of, check, hash, quality_of};
use super::request::{Count, Request};
use crate::error::{Error, Result};
use crate::model::tflite::Model;
use crate::recipe::{Recipe, RecipeError};
use crate::search::Measured;
use std::path::Path;
use std::time::Instant;

/// What is tried: the width of activations, operators that are left in floating point, and how much longer the file may get by that.
const TRIED: &[(&str, usize, f64)] = &[("int8", 0, 0.01), ("int8", 2, 0.05), ("int8", 6, 0.2), ("int16", 0, 0.01)];

/// Returns the text of a recipe.
fn recipe((to, operators, growth): (&str, usize, f64)) -> String {
    format!(
        "[activations]\nto = \"{to}\"\nfloat-operators = {operators}\ngrowth = {growth}\n\n# What is left of weights.\n[[rule]]\n\
         min-elements = 1024\nto = \"int8\"\ncompute = \"dynamic-range\"\n"
    )
}

/// Finds the best of the files all in integers for a goal, and writes it if it meets the goal.
pub(super) fn fit(
    input: &Path,
    output: &Path,
    request: &Request,
    options: &Options,
    data: Data<'_>,
    labels: Option<&[usize]>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fitted> {
    let start = Instant::now();
    check(request, labels)?;
    let model = Model::open(input)?;
    let judge =
        Judge::new(data, &model.to_bytes()?, labels, request.seed, usize::MAX)?.on_threads(options.threads.get());
    let bytes_in = model.size_in_bytes();
    drop(model);
    let folder = tempfile::tempdir().map_err(|source| Error::Io {
        action: "make a folder in",
        path: std::env::temp_dir(),
        source,
    })?;
    let bound = bound_of(request.goal, bytes_in);
    let tried = &TRIED[..TRIED.len().min(request.evaluations.max(1))];
    let options = Options { overwrite: Overwrite::Existing, ..*options };
    let mut best: Option<(Measured, Vec<u8>, String, Judged, u64)> = None;
    let mut walked = Vec::new();
    for (number, &choice) in tried.iter().enumerate() {
        progress(Progress { done: number as u64, total: tried.len() as u64, tensor: choice.0 });
        let text = recipe(choice);
        let made = folder.path().join("candidate.tflite");
        let of_recipe = Recipe::from_toml(&format!("name = \"fit\"\n{text}"))?;
        quantize_file_with(input, &made, &of_recipe, &options, Some(data), &mut |_| ())?;
        let file = std::fs::read(&made).map_err(|source| Error::Io { action: "read", path: made, source })?;
        let (bytes, download) = (file.len() as u64, deflated_len(&file));
        let judged = judge.judge(file.clone(), usize::MAX)?;
        let counted = if request.count == Count::Download { download } else { bytes };
        let measured = Measured { bytes: counted, quality: quality_of(request.goal, &judged) };
        walked.push((counted, judged.sqnr_db()));
        if best.as_ref().is_none_or(|(other, ..)| bound.prefers(measured, *other)) {
            best = Some((measured, file, text, judged, download));
        }
    }
    let Some((measured, file, text, judged, download)) = best else {
        return Err(
            RecipeError::NothingToQuantize { recipe: "fit".into(), reason: "no candidate was run".into() }.into()
        );
    };
    let is_reached = bound.holds(measured);
    if is_reached {
        crate::output::write(output, &file)?;
    }
    Ok(Fitted {
        request: request.clone(),
        input: input.into(),
        output: is_reached.then(|| output.into()),
        bytes_in,
        bytes: file.len() as u64,
        download,
        zstd: None,
        sqnr_db: judged.sqnr_db(),
        bound_db: judged.bound_db(),
        accuracy: judged.accuracy(),
        predicted_db: f64::NAN,
        judged_on: judge.samples(),
        evaluations: walked.len(),
        data_hash: hash(data)?,
        tensors: Vec::new(),
        is_coupled: false,
        front: Vec::new(),
        walked,
        seconds: start.elapsed().as_secs_f64(),
        rules: Some(text),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_is_recipes() {
        for &choice in TRIED {
            let recipe = Recipe::from_toml(&format!("name = \"fit\"\n{}", recipe(choice))).unwrap();
            assert_eq!(recipe.activations.unwrap().float_operators, choice.1);
        }
    }
}
