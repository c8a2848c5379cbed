//! Errors as Model Explorer shows them on the graph: its node data, by the names of tensors.

use super::report::Report;
use serde::Serialize;
use std::collections::BTreeMap;

/// What stands for a tensor that lost nothing.
const LOSSLESS_DB: f64 = 200.0;

/// The node data of a graph: a value for each node, found by the name of a tensor that it gives.
#[derive(Serialize)]
struct NodeData {
    results: BTreeMap<String, Value>,
    thresholds: [Threshold; 4],
}

#[derive(Serialize)]
struct Value {
    value: f64,
}

/// The colour of values up to this one, and beyond the threshold before.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Threshold {
    value: f64,
    bg_color: &'static str,
    text_color: &'static str,
}

impl Report {
    /// Returns the errors as node data for Model Explorer: the lowest SQNR, in dB, of the weights of each operator and of their
    /// channels, by the names of the tensors that the operator gives and of the weights; those with the most error in red. 200 stands
    /// for none.
    ///
    /// Model Explorer shows it on the graph of either file, by `--node_data_paths`, or from its menu.
    pub fn to_node_data(&self) -> String {
        let mut results: BTreeMap<String, Value> = BTreeMap::new();
        for row in self.tensors.iter().filter(|row| row.error.is_some()) {
            let value = row.worst_db().unwrap_or(LOSSLESS_DB).clamp(-LOSSLESS_DB, LOSSLESS_DB);
            for name in row.used_for.iter().chain([&row.name]).filter(|name| !name.is_empty()) {
                let of_name = results.entry(name.clone()).or_insert(Value { value });
                of_name.value = of_name.value.min(value);
            }
        }
        let threshold = |value, bg_color, text_color| Threshold { value, bg_color, text_color };
        let data = NodeData {
            results,
            thresholds: [
                threshold(6.0, "#b3261e", "#ffffff"),
                threshold(15.0, "#d4463b", "#ffffff"),
                threshold(30.0, "#f1c777", "#14181f"),
                threshold(LOSSLESS_DB, "#9bd8bd", "#14181f"),
            ],
        };
        serde_json::to_string_pretty(&data)
            .map_or_else(|e| format!("{{\"error\": {:?}}}\n", e.to_string()), |s| s + "\n")
    }
}
