//! Recipes: any text is an error of one line, or a recipe that can be written again and planned with.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndarray::{ArrayD, IxDyn};
use tensor_quant::Error;
use tensor_quant::recipe::{Candidate, Glob, Recipe, Storage, Usage, UsageRole};
use tensor_quant_fuzz::memory;

/// A rule, of which a few bytes may be one in JSON, is a row of vectors and settings; TOML's reader holds a tree of events.
const OF_A_BYTE: usize = 1024;
const ALWAYS: usize = 1 << 20;

fuzz_target!(|text: &str| memory::within(ALWAYS + OF_A_BYTE * text.len(), || {
    for parsed in [Recipe::from_toml(text), Recipe::from_json(text)] {
        match parsed {
            Ok(recipe) => {
                assert_eq!(Recipe::from_json(&recipe.to_json()).expect("what was written can be read"), recipe);
                plan(&recipe);
            }
            Err(error) => one_line(&error),
        }
    }
    let _ = Glob::new(text).matches("model/layers/0/kernel");
    let _ = Recipe::named(text).map(|recipe| recipe.name);
}));

/// Tensors of every part, and of shapes that are no shapes.
fn plan(recipe: &Recipe) {
    let shapes: [&[usize]; 7] =
        [&[], &[0], &[3, 4], &[64, 64], &[usize::MAX, usize::MAX], &[usize::MAX, 2, 0], &[1 << 31, 1 << 31, 4]];
    let roles = [
        UsageRole::Weights { axis: 0, dynamic_int8: true, dynamic_int4: false, fast: [true, false] },
        UsageRole::Weights { axis: usize::MAX, dynamic_int8: true, dynamic_int4: true, fast: [true; 2] },
        UsageRole::Table { axis: 0, int8: true, int4: true },
        UsageRole::Table { axis: usize::MAX, int8: true, int4: false },
        UsageRole::Operand,
        UsageRole::Passed,
        UsageRole::Unknown,
    ];
    let uses = roles.map(|role| Some(vec![Usage { operator: "CONV_2D".into(), role }]));
    let mut candidates = Vec::new();
    for shape in shapes {
        for uses in uses.iter().cloned().chain([None, Some(Vec::new())]) {
            for (element_type, width) in [("f32", 4), ("f16", 2), ("i8", 1)] {
                let elements = shape.iter().fold(1_u64, |n, &len| n.saturating_mul(len as u64));
                candidates.push(Candidate {
                    name: "model/layers/0/kernel".into(),
                    element_type: element_type.into(),
                    shape: shape.to_vec(),
                    size_in_bytes: elements.saturating_mul(width),
                    uses: uses.clone(),
                    obstacle: None,
                    exact: None,
                    cost_of_restoring: u64::from(width == 2) * u64::MAX,
                    storage: Storage::Any,
                });
            }
        }
    }
    let planned = recipe.plan(candidates, |i| Ok(ArrayD::from_elem(IxDyn(&[2, 3]), i as f32)));
    if let Err(error) = planned {
        one_line(&error);
    }
}

fn one_line(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
}
