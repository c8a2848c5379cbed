//! Reports as files: what is checked before any work is done.

use crate::failure::Failure;
use clap::ArgMatches;
use std::path::{Path, PathBuf};
use tensor_quant::Error;
use tensor_quant::pipeline::PipelineError;
use tensor_quant::report::Report;

/// Returns the reports that were asked for, after a look whether they can be written.
pub(crate) fn checked<'a>(arguments: &'a ArgMatches, models: &[&Path]) -> Result<Vec<&'a PathBuf>, Failure> {
    let reports: Vec<&PathBuf> = arguments.get_many("report").into_iter().flatten().collect();
    for (i, report) in reports.iter().enumerate() {
        let others: Vec<&Path> = reports[..i].iter().map(|other| other.as_path()).collect();
        check(report, models, &others, arguments.get_flag("force"))?;
    }
    Ok(reports)
}

/// Returns where a path leads, whether there is such a file or not; `None` if there is not even its folder.
pub(crate) fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(place) = path.canonicalize() {
        return Some(place);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}

/// Returns an error for a report that cannot be written, or would replace a model or one of the other reports, before any
/// work is done.
pub(crate) fn check(report: &Path, models: &[&Path], reports: &[&Path], force: bool) -> Result<(), Failure> {
    let name = report.display();
    let is_json = report.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    if !Report::is_page(report) && !is_json {
        return Err(Failure::usage_text(&format!(
            "the name of the report {name} must end in .html, .json or .node-data.json"
        )));
    }
    let Some(place) = place(report).filter(|_| !report.is_dir()) else {
        return Err(Failure::file(format!("cannot write {name}: it is a folder, or in one that is not there")));
    };
    if let Some(other) = models.iter().chain(reports).find(|other| self::place(other).as_ref() == Some(&place)) {
        let mistake = if report.as_os_str() == other.as_os_str() && reports.contains(other) {
            format!("the report {name} is given twice")
        } else {
            format!("the report {name} would replace {}", other.display())
        };
        return Err(Failure::usage_text(&mistake));
    }
    if !force && report.symlink_metadata().is_ok() {
        return Err(Error::from(PipelineError::TargetExists { path: report.into() }).into());
    }
    Ok(())
}
