//! Runs `.tflite` models in LiteRT or TensorFlow Lite, and shows every value on the way.
//!
//! Nothing is linked: a shared library is opened when it is needed, from a path that is given or that the environment variable
//! `LITERT_LIBRARY` holds. It has the C API of LiteRT 2.3, as `libLiteRt.so` of the wheel `ai-edge-litert` of PyPI, or the classic
//! one of TensorFlow Lite, as `libtensorflowlite_c.so` of the wheel `pyopen-wakeword`.
//!
//! The runtime shows outputs alone, so that it is given a copy of the model in which every value is one (see
//! [`Model::expose`](tensor_quant::model::tflite::Model::expose)). Values inside loops and branches are not shown, nor what is
//! computed of constants alone; by LiteRT 2.3 itself neither what has a shape that the model computes (a RESHAPE to the length of its input).
//!
//! # Safety
//!
//! The functions of a library are called as its headers declare them, in `classic` and `compiled`; `library` opens it, and no other file
//! has `unsafe` code. What the library does with a model is its own affair: a hostile one may crash it, and the process with it. The executor of
//! `tensor-quant-run` is for those.
//!
//! # Examples
//!
//! ```no_run
//! use ndarray::ArrayD;
//! use tensor_quant::calibration::Runner;
//! use tensor_quant_litert::Library;
//!
//! let library = Library::open(None)?;
//! let mut runner = library.load("model.tflite")?;
//! let input = runner.inputs(None)?.remove(0);
//! let outputs = runner.run(None, &[(&input.name, ArrayD::zeros(vec![1, 28, 28, 1]).into())], &mut |value| {
//!     println!("{} {:?}", value.name, value.values.shape());
//!     Ok(())
//! })?;
//! # Ok::<(), tensor_quant::calibration::RunError>(())
//! ```

// docs.rs says which feature an item stands behind.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod classic;
mod compiled;
mod functions;
mod interpreter;
mod library;
mod numbers;
mod runner;

pub use library::Library;
pub use runner::LiteRt;

use tensor_quant::calibration::{Engine, RunError, Runner};

impl Engine for Library {
    fn open(&self, model: &[u8]) -> Result<Box<dyn Runner>, RunError> {
        Ok(Box::new(self.load_bytes(model.to_vec())?))
    }
}
