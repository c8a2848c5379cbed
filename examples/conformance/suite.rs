//! Groups of cases, run and counted.

use crate::case::{Case, load};
use crate::compare::{Outcome, Outputs, compare, inputs_at};
use crate::groups;
use std::error::Error;
use std::fmt;
use std::path::Path;

/// How many cases passed, failed, and could not be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) uncovered: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.uncovered += other.uncovered;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passed {} failed {} uncovered {}", self.passed, self.failed, self.uncovered)
    }
}

/// Returns the names of the groups in a folder.
pub(crate) fn groups_of(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))? {
        let entry = entry?;
        if entry.path().join("index.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    if names.is_empty() { Err(format!("{} holds no group", folder.display()).into()) } else { Ok(names) }
}

/// Runs a group; `details` gets a text for each case that failed or is uncovered.
pub(crate) fn run_group(folder: &Path, group: &str, mut details: impl FnMut(&str)) -> Result<Counts, Box<dyn Error>> {
    let cases = load(&folder.join(group)).map_err(|e| format!("group {group}: {e}"))?;
    let mut counts = Counts::default();
    for case in &cases {
        match compare(case, compute(group, case)) {
            Outcome::Passed => counts.passed += 1,
            Outcome::Failed(differences) => {
                counts.failed += 1;
                details(&format!("  {group}/{} failed:\n{differences}{}", case.name, inputs_at(case, &differences)));
            }
            Outcome::Uncovered(what) => {
                counts.uncovered += 1;
                details(&format!("  {group}/{} is uncovered: {what}\n", case.name));
            }
        }
    }
    Ok(counts)
}

/// Computes what a case asks for, or `None` if nothing here can.
fn compute(group: &str, case: &Case) -> Option<Outputs> {
    match group {
        #[cfg(feature = "blocks")]
        "codebook_kmeans" => groups::codebook_kmeans::compute(case),
        #[cfg(feature = "blocks")]
        "ggml_blocks" => groups::ggml_blocks::compute(case),
        "affine_blocks" => groups::affine_blocks::compute(case),
        #[cfg(feature = "blocks")]
        "mx_formats" => groups::mx_formats::compute(case),
        "onnx_qdq" => groups::onnx_qdq::compute(case),
        "tf_fake_quant" => groups::tf_fake_quant::compute(case),
        "tflite_kernels" => groups::tflite_kernels::compute(case),
        "tflite_params" => groups::tflite_params::compute(case),
        "torch_observers" => groups::torch_observers::compute(case),
        "torch_quant" => groups::torch_quant::compute(case),
        "weight_conversion" => groups::weight_conversion::compute(case),
        "calibration" => groups::calibration::compute(case),
        "dtypes" => groups::dtypes::compute(case),
        "error_metrics" => groups::error_metrics::compute(case),
        "integer_requant" => groups::integer_requant::compute(case),
        "range_mapping" => groups::range_mapping::compute(case),
        _ => None,
    }
}
