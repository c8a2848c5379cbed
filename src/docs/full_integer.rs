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
//! `tensor-quant-run` has one in safe Rust. Or the ranges are those of [`Statistics`](crate::calibration::Statistics) that were saved
//! before, perhaps on many machines (`quantize --calibration`): then one variant is built, with biases corrected by means, as there
//! is nothing to judge others by.
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
//! **Less error.** No method is best everywhere. The recipe makes one choice after the other, with the others as they are, and keeps it
//! if the model's outputs lose less: ranges by extremes, by the smallest squared error or between; those of what a softmax, a
//! logistic function or a tanh is given cut off where these change little; the converter's rules for sums and joins, or none; biases
//! corrected by means or layer by layer against the float model; weights of the smallest squared error, or those of which
//! their layers' outputs lose least on samples; channels brought to one range.
//! The last is free: what one layer's channel is divided by, the next layers' weights are multiplied with, through rectifiers, pools, sums,
//! joins and splits, as far as channels flow. (Nagel et al., "Data-Free Quantization through Weight Equalization and Bias
//! Correction", 2019.)
//!
//! A choice is judged on samples that it was not fitted to: half of them, and if there are no more than 128, the other half as well,
//! with a second calibration. Losses are compared sample by sample, as one sample may lose many times what another does. A
//! softmax makes a loss a matter of luck, as a few samples near a boundary have most of it: the errors of its arguments are
//! carried through its mean derivative instead, E|J δ|² = δᵀ E\[Jᵀ J\] δ. Ranges are those of all samples while variants are compared, as
//! they are the wider the more there are, and what is judged is to be what is written. That cannot show what other samples
//! lose that pass these ranges, which may be most of the error where a value has few elements: so the best variant is then judged with
//! the ranges of its fitting samples alone, as it is and with 10 to 100 % of headroom, inputs and what an activation bounds
//! excepted. What is written is fitted to all samples; the figure in the report is that of samples that neither weights nor ranges
//! were fitted to.
//!
//! In the table of `evaluate`, value by value, factors of channels are undone, and said to be. What stands in front of a softmax
//! may look lost there, 8 dB in mlp: it is cut off where the softmax no longer shows it.
//!
//! **Mixed.** `--keep-float 2` leaves the two operators in floating point by which outputs gain most, tried together with those chosen
//! before, as gains do not add up; `--budget 0.01` says how much longer the file may get.
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
//! the last bits, in which one runtime's float values differ from the next's: of the 338 values of six small nets, 325 have the
//! converter's scale to the last place, and the others are 2 to 3 units of it away. LiteRT's own float kernels, run on the same samples, come as far
//! away: the sums of a convolution depend on the order in which a CPU adds.
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
//! | float | 904 052 | 983 of 1000 | | | | 58 |
//! | `int8-dynamic`, with the samples | 234 672 | 982 | 55.3 dB | 55.3 dB | 55.3 dB | 22 |
//! | `int8` | 234 112 | 982 | 46.5 dB | 46.5 dB | 46.7 dB | 24 |
//! | `int16x8` | 234 848 | 983 | 60.8 dB | 59.5 dB | 59.5 dB | 1388 |
//!
//! Activations of 16 bits run on reference kernels in LiteRT, which take more than twenty times as long as float.
