//! Runs `.tflite` models in safe Rust, and shows every value on the way.
//!
//! [`Executor`] is a [`Runner`](tensor_quant::calibration::Runner): what calibration needs to learn ranges, and what judges a
//! quantized model by its outputs. It computes in f32, one operator after the other, and holds the values that operators still
//! need.
//!
//! # What is computed for codes
//!
//! A value of integer codes with a scale is held as the reals that the codes stand for. An operator computes in reals, and
//! its result is put on the grid of its output's codes: what the operator is by definition. Kernels of integers round
//! once more here and there, so that a code may differ by one. Weights of integers with float activations (dynamic range)
//! quantize the latter as the interpreter does: 8 bits, a scale for each row of a dense layer and each image of a
//! convolution.
//!
//! # Models from elsewhere
//!
//! Sizes come from the file. They are checked before anything is allocated, a run stops at its [`Limits`], and what does
//! not fit is an error that names the operator.
//!
//! # Examples
//!
//! ```
//! use ndarray::ArrayD;
//! use tensor_quant::calibration::{Calibrator, Runner};
//! use tensor_quant::range::MinMax;
//! use tensor_quant_run::Executor;
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/digits_cnn.tflite");
//! let mut executor = Executor::open(path)?;
//! let input = executor.inputs(None)?.remove(0);
//! let calibrator = Calibrator::new(MinMax::default());
//! let sample = ArrayD::zeros(vec![1, 8, 8, 1]);
//! let outputs = executor.run(None, &[(&input.name, sample.into())], &mut |value| {
//!     calibrator.observe(value.name, value.values.view())
//! })?;
//! assert_eq!(outputs[0].1.shape(), [1, 10]);
//! assert!(calibrator.names().len() > 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// docs.rs says which feature an item stands behind.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod calibrate;
mod call;
mod channel_factors;
mod codes;
mod constants;
pub mod data;
mod difference;
mod engine;
mod evaluation;
mod executor;
mod frame;
mod meter;
mod ops;
mod program;
mod rows;
mod tape;
mod tensor;
mod value_names;
mod view;

pub use calibrate::Calibration;
pub use call::Limits;
pub use difference::Difference;
pub use engine::PureRust;
pub use evaluation::{Evaluation, Labels, OutputLoss, ValueLoss, evaluate, evaluate_with_shares};
pub use executor::Executor;
pub use tensor_quant::calibration::{Sample, Statistics};
pub use value_names::ValueNames;
