//! What went wrong, in a line, and the exit code that says so.

use crate::output;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tensor_quant::Error;
use tensor_quant::calibration::RunError;
use tensor_quant::pipeline::PipelineError;
use tensor_quant::recipe::RecipeError;
use tensor_quant::tensor::TensorError;

/// A message, and an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
    /// What goes to the standard output all the same.
    text: String,
}

impl Failure {
    /// A mistake on the command line.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        // What clap says before the first empty line is the mistake; of the rest, what it guesses was meant is of use.
        let lines = text.lines().map(str::trim);
        let mistake = lines.clone().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let tips = lines.filter_map(|line| line.strip_prefix("tip: ")).flat_map(|tip| ["; ", tip]).collect::<String>();
        let mistake = mistake.strip_prefix("error: ").unwrap_or(&mistake);
        Self::usage_text(&format!("{mistake}{tips}; see --help"))
    }

    pub(crate) fn usage_text(message: &str) -> Self {
        Self { message: message.into(), code: 2, text: String::new() }
    }

    /// A file that cannot be written.
    pub(crate) fn file(message: String) -> Self {
        Self { message, code: 1, text: String::new() }
    }

    /// Something that was looked for, and found: the text has it all.
    pub(crate) fn found(text: String, message: String) -> Self {
        Self { message, code: 5, text }
    }

    /// A goal that cannot be reached: the text tells of the best there is.
    pub(crate) fn unreached(text: String, message: String) -> Self {
        Self { message, code: 6, text }
    }

    /// Returns the failure with something more in its message.
    pub(crate) fn and(self, more: &str) -> Self {
        Self { message: self.message + more, ..self }
    }

    /// Returns the same, said of a file.
    pub(crate) fn of(self, file: &Path) -> Self {
        let name = file.display().to_string();
        let message = if self.message.contains(&name) { self.message } else { format!("{name}: {}", self.message) };
        Self { message, ..self }
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Writes the message.
    pub(crate) fn say(&self) {
        // Where nobody listens, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "error: {}", self.message.replace('\n', " "));
    }

    /// Writes the message, and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.text.is_empty() {
            output::print(&self.text);
        }
        self.say();
        ExitCode::from(self.code)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::NoSignature { .. } => Self::usage_text(&error.to_string()),
            RunError::Other(error) => error.into(),
            error => Self::file(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // What was typed, or a recipe says, cannot be.
        let wrong =
            matches!(error, Error::UnknownName { .. } | Error::InvalidSetting { .. } | Error::BlockSizeZero { .. })
                || matches!(error.floor(), Some(RecipeError::Unusable { .. }))
                || matches!(error.floor(), Some(TensorError::SchemeText { .. }));
        let (code, advice) = match (error.floor(), error.floor()) {
            (Some(RecipeError::NothingToQuantize { .. }), _) => {
                (3, "; inspect shows what the file holds, recipes what there is")
            }
            (_, Some(PipelineError::TargetExists { .. })) => (4, " with --force"),
            (_, Some(PipelineError::TargetIsSource { .. })) => (4, ""),
            _ if wrong => (2, ""),
            _ => (1, ""),
        };
        Self { message: format!("{error}{advice}"), code, text: String::new() }
    }
}
