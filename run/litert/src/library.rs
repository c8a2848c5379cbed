//! The library: opened, and asked which C API it has.

#![expect(unsafe_code, reason = "a shared library is opened")]

use crate::classic::Classic;
use crate::compiled::Compiled;
use crate::interpreter::{Interpreter, Place};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tensor_quant::calibration::RunError;

/// The environment variable with the path of the library.
const VARIABLE: &str = "LITERT_LIBRARY";
/// Where there are libraries.
const ADVICE: &str =
    "libLiteRt.so of the wheel ai-edge-litert 2.3 of PyPI is one, libtensorflowlite_c.so of pyopen-wakeword another";

/// A library of LiteRT or TensorFlow Lite that has been opened. Clones are the same one.
#[derive(Clone)]
pub struct Library {
    api: Api,
    path: PathBuf,
}

/// Which functions it has.
#[derive(Clone)]
enum Api {
    Classic(Classic),
    Compiled(Compiled),
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("path", &self.path).field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Library {
    /// Opens a library, that of the environment variable `LITERT_LIBRARY` if no path is given.
    ///
    /// # Errors
    ///
    /// [`RunError::Model`], which says what to set: there is no path, no library at it, or not one with either C API.
    pub fn open(path: Option<&Path>) -> Result<Self, RunError> {
        let failed = |reason: String| RunError::Model { reason };
        let path = match path {
            Some(path) => path.to_path_buf(),
            None => std::env::var_os(VARIABLE).map(PathBuf::from).ok_or_else(|| {
                failed(format!("no library of LiteRT is given: set {VARIABLE} or --library to its path; {ADVICE}"))
            })?,
        };
        let shown = path.display();
        // SAFETY: what a library does when it is opened is up to whoever names it; both register types, and do no more.
        let library = unsafe { libloading::Library::new(&path) };
        let library = library.map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            failed(format!("{shown} cannot be opened as a library: {}; {ADVICE}", cause.replace('\n', " ")))
        })?;
        let library = Arc::new(library);
        let api = match (Classic::find(&library), Compiled::find(&library)) {
            (Ok(classic), _) => Api::Classic(classic),
            (_, Ok(compiled)) => Api::Compiled(compiled),
            (Err(classic), Err(compiled)) => {
                let reason = format!(
                    "{shown} has no {classic} of TensorFlow Lite's C API, and no {compiled} of LiteRT's; {ADVICE}"
                );
                return Err(failed(reason));
            }
        };
        Ok(Self { api, path })
    }

    /// Returns what it is, with its version where it tells it.
    pub fn name(&self) -> String {
        match &self.api {
            Api::Classic(classic) => format!("TensorFlow Lite {}", classic.version()),
            Api::Compiled(_) => "LiteRT".into(),
        }
    }

    /// Whether it takes no output whose shape is computed as the model runs.
    pub(crate) fn has_fixed_shapes(&self) -> bool {
        matches!(self.api, Api::Compiled(_))
    }

    /// Returns an interpreter of a signature of a model.
    pub(crate) fn interpreter(&self, place: &Place<'_>) -> Result<Box<dyn Interpreter>, String> {
        match &self.api {
            Api::Classic(classic) => classic.interpreter(place),
            Api::Compiled(compiled) => compiled.interpreter(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_library_there_is_a_way_to_go_on() {
        let refused = |path: &str| Library::open(Some(Path::new(path))).map(|_| ()).map_err(|error| error.to_string());
        let error = refused("/none/libtensorflowlite_c.so");
        assert!(error.is_err_and(|error| error.contains("/none/") && error.contains("pyopen-wakeword")));
        // No library at all.
        assert!(refused(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).is_err());
    }
}
