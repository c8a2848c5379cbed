//! What goes to the standard output.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use tensor_quant::report::Style;

/// What is printed, and the exit code.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) code: u8,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, code: 0 }
    }
}

impl Answer {
    /// Writes the text, and returns the exit code: that of writing, if it fails.
    pub(crate) fn print(&self) -> ExitCode {
        let printed = print(&self.text);
        if printed == ExitCode::SUCCESS { ExitCode::from(self.code) } else { printed }
    }
}

/// Writes a text; a reader that has seen enough is no error.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: cannot write to the standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether colour is wanted: on a terminal, unless `NO_COLOR` is set to anything.
pub(crate) fn style() -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !refused { Style::Coloured } else { Style::Plain }
}

/// Returns the width of the terminal; `None` where the output goes elsewhere.
pub(crate) fn width() -> Option<usize> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| terminal.size_checked()).flatten().map(|(_, columns)| usize::from(columns))
}

/// Returns a value as JSON, with a line break at its end.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
