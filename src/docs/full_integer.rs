//! Full integer: a model whose weights and activations are codes, from a float one and samples of its inputs.
//!
//! # The flow
//!
//! ```text
//! range ─ scale and zero point ─ weights ─ activations ─ model ─ less error ─ deployment
//! ```
//!
//! **Range.** The float model runs on samples, a few dozen to a few hundred, and what each value was is noted: the extremes, and a
//! histogram for the range of the smallest squared error. A [`Runner`](crate::calibration::Runner) does so; the package
//! `tensor-quant-run` has one in safe Rust.
//!
//! **Scale and zero point.** An 8-bit value gets scale = (max − min) / 255 with 0 included, and zero point = rint(−128 − min / scale);
//! a 16-bit one scale = max|x| / 32767. Some are prescribed: a softmax gives 1/256 and −128 whatever it is fed. Operators that copy codes tie
//! their inputs and outputs to one scale, through the whole graph; where two wishes differ, a `QUANTIZE` stands before the
//! use.
//!
//! **Weights** are 8 bits, −127 to 127, with a scale for each output channel and no zero point. A **bias** is in the scale of the
//! accumulator, `s_in · s_w`, with 32 bits (64 where activations have 16). Where it does not fit, that channel's weight scale is raised, and the report
//! says so.
//!
//! **Activations.** Every operator for which the interpreter has a right kernel computes in codes. The others are islands of floating
//! point, each listed with its reason, with one `DEQUANTIZE` a value and one `QUANTIZE` a result. Loops and branches are such
//! islands; weights within them are codes in dynamic range.
//!
//! **Model.** What comes out is checked before it is written ([`Model::check`](crate::model::tflite::Model::check)): interpreters run a
//! model whose copied values have two scales, and say nothing.
//!
//! **Less error.** No method is best everywhere. The recipe tries a handful of variants of the whole model: ranges by extremes or by the
//! smallest squared error; the converter's rules for sums and joins, or none; biases corrected by means
//! ([`correct_bias`](crate::calibration::correct_bias)) or layer by layer against the float model; equalized channels; weights of the
//! smallest squared error. A third of the samples is held out, and the variant is kept whose outputs lose least on them. A softmax makes this a
//! matter of luck, as a few samples near a boundary have most of the error: the errors of its arguments, of all samples together, are
//! carried through its derivative at each sample instead, E|J δ|² = tr(J E\[δ δᵀ\] Jᵀ).
//!
//! **Deployment.** The file runs in LiteRT as it is. Inputs and outputs are f32, or integers if the recipe says so.
//!
//! # By hand
//!
//! ```toml
//! name = "mine"
//!
//! [activations]
//! to = "int8"                  # or "int16"
//! inputs = "uint8"             # or "integer", "float"
//! keep-float = ["SOFTMAX"]     # kinds of operators, or names of what they make
//! float-operators = 2          # so many more, those by which outputs gain most
//!
//! [[activations.values]]
//! names = ["*/attention/*"]
//! estimator = "percentile 99.99"
//! ```
//!
//! `improve = "none"` gives the codes and scales of TensorFlow Lite's converter: weights and biases byte for byte, scales of activations to
//! the last bits, in which one runtime's float values differ from the next's.
//!
//! # Figures
//!
//! A classifier of handwritten digits, calibrated on 200 images and judged on 1000 others; made by
//!
//! ```text
//! cargo run --release --package tensor-quant-run --example full_integer
//! ```
//!
//! | | bytes | recognised | outputs, executor | LiteRT 2.3.0, XNNPACK | built-in kernels | µs an image, XNNPACK |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | float | 904 052 | 983 of 1000 | | | | 60 |
//! | `int8-dynamic`, with the samples | 234 672 | 982 | 57.0 dB | 57.0 dB | 57.0 dB | 23 |
//! | `int8` | 234 112 | 982 | 44.8 dB | 44.8 dB | 44.3 dB | 24 |
//! | `int16x8` | 234 848 | 983 | 59.2 dB | 58.3 dB | 58.3 dB | 1498 |
//!
//! Activations of 16 bits run on reference kernels in LiteRT, which take more than twenty times as long as float.
