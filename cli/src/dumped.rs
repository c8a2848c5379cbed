//! Folders of a model's values: `calibrate --dump` writes them, `--values` reads them.
//!
//! `values.json` in such a folder says of which value each file is, whatever its name:
//!
//! ```json
//! {"format": "tensor-quant values", "version": 1, "model_sha256": "…", "samples": 100,
//!  "values": [{"key": "block/relu1", "file": "block/relu1.npy", "element_type": "f32", "shape": [100, 8]}]}
//! ```

use crate::failure::Failure;
use crate::output::json;
use serde_json::{Value, json as object};
use std::collections::BTreeMap;
use std::path::Path;
use tensor_quant_run::data::Dump;

const FORMAT: &str = "tensor-quant values";
const VERSION: u64 = 1;
const LIST: &str = "values.json";

/// Completes a folder with the list of its files, and gives it its name.
pub(crate) fn finish(dump: Dump, model: Option<&str>, samples: u64) -> Result<(), Failure> {
    let values: Vec<Value> = dump
        .values()
        .map(|value| {
            let shape: Vec<u64> =
                std::iter::once(value.samples).chain(value.shape.iter().map(|&len| len as u64)).collect();
            let file = value.file.display().to_string();
            object!({ "key": value.key, "file": file, "element_type": "f32", "shape": shape })
        })
        .collect();
    let list = object!({
        "format": FORMAT, "version": VERSION, "model_sha256": model, "samples": samples, "values": values,
    });
    tensor_quant::write_file(dump.folder().join(LIST), json(&list).as_bytes())?;
    Ok(dump.finish()?)
}

/// What is known of the arrays of a folder.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The keys of values, by the names of arrays.
    pub(crate) keys: BTreeMap<String, String>,
    /// The hash of the model's file.
    pub(crate) model: Option<String>,
    /// How many samples were run.
    pub(crate) samples: Option<u64>,
}

/// Returns what the list in a folder says; nothing of a folder without one.
pub(crate) fn listed(folder: &Path) -> Result<Listed, Failure> {
    let path = folder.join(LIST);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Listed::default()) };
    let broken = |reason: &str| Failure::file(format!("{} is no list of values: {reason}", path.display()));
    let list: Value = serde_json::from_str(&text).map_err(|error| broken(&error.to_string()))?;
    if (list["format"].as_str(), list["version"].as_u64()) != (Some(FORMAT), Some(VERSION)) {
        return Err(broken(&format!("its format is not {FORMAT:?}, version {VERSION}")));
    }
    let mut keys = BTreeMap::new();
    for value in list["values"].as_array().ok_or_else(|| broken("it has no values"))? {
        let (Some(key), Some(file)) = (value["key"].as_str(), value["file"].as_str()) else {
            return Err(broken("a value without key or file"));
        };
        keys.insert(file.strip_suffix(".npy").unwrap_or(file).to_owned(), key.to_owned());
    }
    Ok(Listed { keys, model: list["model_sha256"].as_str().map(str::to_owned), samples: list["samples"].as_u64() })
}
