//! A file from end to end: any bytes are an error that leaves nothing behind, or an output that can be read, compared and
//! reported on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use tensor_quant::pipeline::{Histograms, Options, Overwrite, compare_files, inspect_file, quantize_file};
use tensor_quant::range::{Mse, Octav};
use tensor_quant::recipe::{Codes, Recipe};
use tensor_quant::report::{Report, Style};
use tensor_quant_fuzz::{memory, temporary};

/// As in the target of the format; and a scale of 4 bytes, a zero point of 8, an estimator and parameters for each channel,
/// of which a byte may be one.
const OF_A_BYTE: usize = 2048;
/// A search for the smallest error holds tables of grids.
const ALWAYS: usize = 1 << 23;

fuzz_target!(|bytes: &[u8]| memory::within(ALWAYS + OF_A_BYTE * bytes.len(), || quantize(bytes)));

fn quantize(bytes: &[u8]) {
    let (input, output) = (temporary::file("in.model", bytes), temporary::path("out.model"));
    let _ = std::fs::remove_file(&output);
    let inspected = inspect_file(&input).is_ok();
    let options =
        Options { overwrite: Overwrite::Never, threads: NonZeroUsize::MIN, histograms: Histograms::OfChanged };
    // Which recipe is a matter of chance, but the same for the same bytes.
    let sum: usize = bytes.iter().map(|&byte| usize::from(byte)).sum();
    let recipe = &recipes()[sum % recipes().len()];
    match quantize_file(&input, &output, recipe, &options, &mut |_| ()) {
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            assert!(!output.exists(), "an error left a file behind: {text}");
        }
        Ok(outcome) => {
            assert!(inspected && outcome.changed().next().is_some());
            let report = Report::new(&outcome);
            let _ = (report.to_html(), report.to_json(), report.to_table(Style::Coloured, Some(80)));
            inspect_file(&output).expect("what was written can be read");
            let comparison = compare_files(&input, &output).expect("what was written can be compared");
            assert!(comparison.tensors.len() >= outcome.changed().count());
        }
    }
}

/// The ready-made recipes, and variants that search, take every tensor, and use every code.
fn recipes() -> &'static [Recipe] {
    static RECIPES: OnceLock<Vec<Recipe>> = OnceLock::new();
    RECIPES.get_or_init(|| {
        let mut recipes = Recipe::ready_made();
        let variants: Vec<Recipe> = recipes
            .iter()
            .enumerate()
            .map(|(i, recipe)| {
                let mut recipe = recipe.clone();
                for rule in &mut recipe.rules {
                    rule.min_elements = 1;
                    rule.max_elements = None;
                    rule.estimator = Some(if i % 2 == 0 { Mse::default().into() } else { Octav::default().into() });
                    rule.codes = Some(if i % 3 == 0 { Codes::Full } else { Codes::Narrow });
                }
                recipe
            })
            .collect();
        recipes.extend(variants);
        recipes
    })
}
