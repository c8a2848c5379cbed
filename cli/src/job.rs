//! Where results go: outputs and reports, and what stands there already.

use crate::failure::Failure;
use crate::report_file;
use clap::ArgMatches;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tensor_quant::pipeline::Format;

/// Extensions by which models are known, and the format that each stands for, if it is one that is written.
const EXTENSIONS: &[(&str, Option<Format>)] = &[
    ("tflite", Some(Format::Tflite)),
    ("safetensors", Some(Format::Safetensors)),
    ("onnx", None),
    ("gguf", None),
    ("pt", None),
    ("pth", None),
    ("h5", None),
    ("keras", None),
    ("npz", None),
    ("pb", None),
];

/// A model, and where what becomes of it goes.
#[derive(Debug)]
pub(crate) struct Job {
    /// The model.
    pub(crate) input: PathBuf,
    /// What is written; `None` if nothing is.
    pub(crate) output: Option<PathBuf>,
    /// Reports.
    pub(crate) reports: Vec<PathBuf>,
}

/// Returns the models of a command line, each with its output and reports.
pub(crate) fn jobs(arguments: &ArgMatches) -> Result<Vec<Job>, Failure> {
    let mut inputs: Vec<PathBuf> = arguments.get_many("PATHS").into_iter().flatten().cloned().collect();
    let reports: Vec<PathBuf> = arguments.get_many("report").into_iter().flatten().cloned().collect();
    for path in inputs.iter().chain(&reports) {
        refuse_a_pipe(path)?;
    }
    let output = if inputs.len() > 1 { inputs.pop() } else { None };
    if output.is_none() && !arguments.get_flag("dry-run") {
        return Err(Failure::usage_text("where to write is missing: quantize IN OUT, or --dry-run to write nothing"));
    }
    let ends_in_slash = |path: &Path| path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let folder = output.as_ref().filter(|output| output.is_dir() || ends_in_slash(output));
    if let (Some(output), None, 2..) = (&output, folder, inputs.len()) {
        let message = format!("{} models are to go to {}, which is no folder", inputs.len(), output.display());
        return Err(Failure::usage_text(&message));
    }
    let alone = inputs.len() == 1;
    let job = |input: &PathBuf| Job {
        output: match folder {
            Some(folder) => Some(folder.join(input.file_name().unwrap_or(OsStr::new("model")))),
            None => output.clone(),
        },
        reports: reports.iter().map(|report| if alone { report.clone() } else { named_after(report, input) }).collect(),
        input: input.clone(),
    };
    let jobs: Vec<Job> = inputs.iter().map(job).collect();
    for (i, job) in jobs.iter().enumerate() {
        let other = jobs[..i].iter().find(|other| job.output.is_some() && other.output == job.output);
        if let (Some(other), Some(output)) = (other, &job.output) {
            let (a, b, output) = (other.input.display(), job.input.display(), output.display());
            return Err(Failure::usage_text(&format!("{a} and {b} would both become {output}")));
        }
        let shared = |other: &&Job| other.reports.iter().any(|report| job.reports.contains(report));
        if let Some(other) = jobs[..i].iter().find(shared) {
            let (a, b) = (other.input.display(), job.input.display());
            return Err(Failure::usage_text(&format!(
                "{a} and {b} have one name, so one report would replace the other"
            )));
        }
    }
    Ok(jobs)
}

/// Returns an error for `-`: what is read here and there, or renamed when it is complete, is no pipe.
pub(crate) fn refuse_a_pipe(path: &Path) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        let message = "models are read here and there, and renamed when they are complete, so - cannot be a pipe; \
                       name a file (./- for one that is called so)";
        return Err(Failure::usage_text(message));
    }
    Ok(())
}

/// Returns a report's path with the model's name in it: `report.html` of `cnn.tflite` is `report-cnn.html`.
fn named_after(report: &Path, input: &Path) -> PathBuf {
    let name = report.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = name.split_once('.').map_or((name.as_str(), ""), |(stem, extension)| (stem, extension));
    let of = input.file_stem().unwrap_or_default().to_string_lossy();
    report.with_file_name(format!("{stem}-{of}.{extension}"))
}

impl Job {
    /// Returns an error if something that is to be written cannot be, or would replace what must stay, before any work is done.
    pub(crate) fn check(&self, force: bool) -> Result<(), Failure> {
        for (i, report) in self.reports.iter().enumerate() {
            self.check_report(report, &self.reports[..i], force)?;
        }
        if let Some(output) = &self.output {
            check_extension(&self.input, output)?;
        }
        Ok(())
    }

    /// Returns an error for a report that cannot be written, or would replace a model or one of the other reports.
    pub(crate) fn check_report(&self, report: &Path, others: &[PathBuf], force: bool) -> Result<(), Failure> {
        let models: Vec<&Path> =
            [Some(&self.input), self.output.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect();
        let others: Vec<&Path> = others.iter().map(PathBuf::as_path).collect();
        report_file::check(report, &models, &others, force)
    }
}

/// Returns an error for an output whose name says that it is of another format than it would be.
fn check_extension(input: &Path, output: &Path) -> Result<(), Failure> {
    let Some(extension) = output.extension().and_then(OsStr::to_str).map(str::to_lowercase) else { return Ok(()) };
    let Some((_, stands_for)) = EXTENSIONS.iter().find(|(known, _)| *known == extension) else { return Ok(()) };
    let format = Format::of(input)?;
    if *stands_for == Some(format) {
        return Ok(());
    }
    let (input, output) = (input.display(), output.display());
    let message = format!("{input} is a .{format} file, and stays one: {output} says otherwise; name it .{format}");
    Err(Failure::usage_text(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_after_its_model() {
        let named = |report: &str| named_after(Path::new(report), Path::new("models/cnn.v2.tflite"));
        assert_eq!(named("out/report.html"), Path::new("out/report-cnn.v2.html"));
        assert_eq!(named("r.node-data.json"), Path::new("r-cnn.v2.node-data.json"));
    }
}
