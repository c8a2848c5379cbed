//! What runs models: the executor of this program, or a library of another.

use crate::failure::Failure;
use clap::{Arg, ArgMatches, ValueHint, value_parser};
use std::path::{Path, PathBuf};
use tensor_quant::calibration::{RunError, Runner};
use tensor_quant::graph::ElementType;
use tensor_quant_run::Executor;

/// What runs models.
#[derive(Clone, Debug)]
pub(crate) enum Runtime {
    /// The executor in safe Rust.
    PureRust,
    /// LiteRT or TensorFlow Lite, from a shared library.
    #[cfg(feature = "litert")]
    LiteRt(tensor_quant_litert::Library),
}

impl Runtime {
    /// Returns the arguments that choose one.
    pub(crate) fn arguments() -> Vec<Arg> {
        vec![
            Arg::new("runtime")
                .long("runtime")
                .value_name("WHICH")
                .value_parser(["rust", "litert"])
                .default_value("rust")
                .help("What runs the models: the executor of this program, or the library of LiteRT"),
            Arg::new("library")
                .long("library")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("The library of LiteRT, libLiteRt.so or libtensorflowlite_c.so [default: that of the variable LITERT_LIBRARY]"),
        ]
    }

    /// Returns the runtime that was asked for.
    pub(crate) fn asked(arguments: &ArgMatches) -> Result<Self, Failure> {
        let library = arguments.get_one::<PathBuf>("library");
        match arguments.get_one::<String>("runtime").map(String::as_str) {
            Some("litert") => Self::litert(library.map(PathBuf::as_path)),
            _ if library.is_some() => Err(Failure::usage_text("--library is for --runtime litert")),
            _ => Ok(Self::PureRust),
        }
    }

    #[cfg(feature = "litert")]
    fn litert(library: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self::LiteRt(tensor_quant_litert::Library::open(library)?))
    }

    #[cfg(not(feature = "litert"))]
    fn litert(_: Option<&Path>) -> Result<Self, Failure> {
        Err(Failure::usage_text("this program was built without LiteRT: cargo install with --features litert"))
    }

    /// Returns what runs a model, all of whose operators it has.
    pub(crate) fn open(&self, path: &Path, signature: Option<&str>) -> Result<Box<dyn Runner>, Failure> {
        let named = |error: RunError| match error {
            RunError::Missing { .. } | RunError::Model { .. } => Failure::file(format!("{}: {error}", path.display())),
            error => error.into(),
        };
        match self {
            Self::PureRust => {
                let executor = Executor::open(path).map_err(named)?;
                let missing = executor.missing(signature)?;
                if missing.is_empty() { Ok(Box::new(executor)) } else { Err(named(RunError::Missing { missing })) }
            }
            #[cfg(feature = "litert")]
            Self::LiteRt(library) => Ok(Box::new(library.load(path).map_err(named)?)),
        }
    }

    /// Returns what tells the share of each operator where what runs the model cannot: a library shows values, but takes no others
    /// in their place, and a model with variables would be one step ahead after a second run.
    pub(crate) fn apart(&self, path: &Path, signature: Option<&str>, judged: &dyn Runner) -> Option<Executor> {
        let keeps_variables = || {
            let parts = judged.graph().into_iter().flat_map(|graph| &graph.subgraphs);
            let mut values = parts.flat_map(|part| &part.values);
            values.any(|value| value.is_variable || value.element_type == ElementType::Resource)
        };
        if matches!(self, Self::PureRust) && !keeps_variables() {
            return None;
        }
        let executor = Executor::open(path).ok()?;
        executor.missing(signature).is_ok_and(|missing| missing.is_empty()).then_some(executor)
    }

    /// Returns its name, for reports.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::PureRust => "the executor of tensor-quant".into(),
            #[cfg(feature = "litert")]
            Self::LiteRt(library) => library.name(),
        }
    }
}
