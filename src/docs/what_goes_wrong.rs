//! What goes wrong when tensors and models are quantized, how it looks, and what this crate says or does instead.
//!
//! Each of these was met in tools that people use, or reported by those who use them. They have in common that nothing is said: the
//! file loads, the codes look like codes, and the figures are green.
//!
//! # One huge value makes a lost tensor look perfect
//!
//! SQNR of a whole tensor divides by the power of all its values. One outlier has nearly all of that power, and is restored well:
//!
//! ```
//! use ndarray::Array2;
//! use tensor_quant::{Scheme, quantize_tensor};
//!
//! let mut x = Array2::from_shape_fn((8, 64), |(i, j)| ((i * 64 + j) as f32 * 0.7).sin());
//! x[[0, 0]] = 1e6;
//! let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric())?;
//! let error = q.error(x.view())?;
//! assert!(error.sqnr_db() > 90.0);                                  // all is well?
//! assert_eq!(error.zeroed(), 511);                                  // all but one value is gone
//!
//! let channels = q.channel_errors(x.view(), 0)?;
//! assert_eq!(channels.lost().count(), 7);                           // those of less than 6 dB, or of zeros
//! assert!(channels.median().unwrap().1.sqnr_db() < 6.0);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! Reports therefore show the worst channel and the median beside the whole, name lost channels in a warning, and never give one pooled
//! figure for a file.
//!
//! # A conversion before the clamp
//!
//! On x86, converting a float beyond the range of i32 gives −2³¹, whatever its sign. A kernel that converts before it clamps codes
//! 1e10 as −128:
//!
//! ```
//! use ndarray::array;
//! use tensor_quant::{AnyScheme, QuantParams};
//!
//! let scheme: AnyScheme = "int8".parse()?;
//! let params = QuantParams::per_tensor::<i8>(0.1, 0)?;
//! let q = scheme.quantize_with_params(&array![1e10_f32, -1e10, f32::INFINITY], &params)?;
//! assert_eq!(*q.bytes(), [127_i8, -128, 127].map(|code| code as u8));
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # NaN that becomes an ordinary code
//!
//! Clamping turns NaN into the smallest code, or the largest, or 0, as the instruction has it; a range estimated over it is NaN, or not,
//! by the order of operands. Here it is refused by index, unless a policy or a convention says what it becomes:
//!
//! ```
//! use ndarray::array;
//! use tensor_quant::{NanPolicy, Scheme, quantize_tensor};
//!
//! let x = array![[0.5_f32, 1.0], [f32::NAN, -1.0]];
//! let refused = quantize_tensor(x.view(), &Scheme::<i8>::affine()).unwrap_err();
//! assert_eq!(refused.to_string(), "the value at index [1, 0] is NaN; `NanPolicy::Skip` would code it as the zero point");
//! let q = quantize_tensor(x.view(), &Scheme::<i8>::affine().with_nan_policy(NanPolicy::Skip))?;
//! assert_eq!(q.dequantize()[[1, 0]], 0.0);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # A scale of zero
//!
//! A channel of zeros, as pruning leaves it, has a range of width 0; scale 0 gives 0/0. A constant has width 0 too. Both are restored
//! exactly here:
//!
//! ```
//! use ndarray::array;
//! use tensor_quant::{Scheme, quantize_tensor};
//!
//! let x = array![[0.0_f32, 0.0, 0.0], [2.5, 2.5, 2.5]];
//! let q = quantize_tensor(x.view(), &Scheme::<u8>::affine().with_axis(0))?;
//! assert!(q.params().scales().iter().all(|scale| *scale > 0.0));
//! assert_eq!(q.dequantize(), x);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # Rounding that is nearly right
//!
//! `(x + 0.5).floor()` rounds 0.49999997 to 1, because the sum is rounded before it is floored; `(x + 0.5) as i32` is wrong below zero as
//! well. It takes one value in a hundred million to see it, or a law that tries such values first:
//!
#![cfg_attr(
    feature = "proptest",
    doc = r#"
```
use tensor_quant::{Rounding, laws};

#[derive(Clone, Copy, Debug)]
struct HalfUp;

impl Rounding for HalfUp {
    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        (x + 0.5).floor()
    }
}

let broken = laws::check_rounding(&HalfUp).unwrap_err();
println!("{broken}");                                             // the law, the input, its bits, what came out
```
"#
)]
//!
//! Rounding up is worse than it looks: its errors have one sign, and add up along a sum. `examples/quantize_model` shows a classifier
//! fall from 97 to 65 % at 4 bits by `ceil` alone.
//!
//! # Codes that differ by one from the runtime's
//!
//! x / s and x · (1/s) differ in the last bit, and halves go to even or away from zero; each runtime has its way. A model exported by the
//! other way is not the one that was trained or tested:
//!
//! ```
//! use ndarray::array;
//! use tensor_quant::{AnyScheme, QuantParams};
//!
//! let params = QuantParams::per_tensor::<i8>(1.0, 0)?;
//! let x = array![0.5_f32, 1.5, 2.5];
//! let onnx: AnyScheme = "int8, ties-even".parse()?;
//! let tflite: AnyScheme = "int8, half-away".parse()?;
//! assert_eq!(*onnx.quantize_with_params(&x, &params)?.bytes(), [0, 2, 2]);
//! assert_eq!(*tflite.quantize_with_params(&x, &params)?.bytes(), [1, 2, 3]);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! [`docs::conventions`](crate::docs::conventions) lists who computes what.
//!
//! # f64 that f32 cannot hold
//!
//! 1e60 becomes ∞ and 1e−60 becomes 0 on the way to any code, and a comparison in f32 finds both restored "without loss". Such tensors of a
//! file stay as they are, with this as the reason, and errors are those of the f64s.
//!
//! # Scales along the wrong axis
//!
//! One scale a channel is right along the axis that is *not* summed over, and which that is depends on the operator: the first of a
//! convolution, the last of a depthwise one, and of a matrix product whichever its adjoint flags make it. On the wrong axis the file loads and loses 4 dB. Here the
//! axis is a property of the operator in [`graph`](crate::graph), with its options.
//!
//! # A file that grows
//!
//! A buffer used by two tensors, as tied embeddings are, is written twice if each is decided alone; small tensors gain an operator that is longer
//! than what was saved. A buffer is decided once, `bytes_after` is counted from what is written, and a tensor that would not get smaller is
//! kept, and says so.
//!
//! # Four bits that are slower than thirty-two
//!
//! Where the interpreter has no kernel for the codes it restores them at each run. `recipes` has a column for speed; a rule with
//! `kernels = "fast"` quantizes only where integers are computed with.
//!
//! # Exact values in half precision
//!
//! Positions, hashes, thresholds and integers above 2048 are constants like all others to a tool that makes everything float16. Operands of
//! comparisons, casts, hashes, and index arithmetic are kept, each with its reason.
//!
//! # A quantized model that is quantized again
//!
//! Scales of FP8, GPTQ, AWQ or bitsandbytes checkpoints are floats, and look like weights. Known layouts are recognized and left whole, and the
//! report names them.
//!
//! # Full-integer files that interpreters run wrongly
//!
//! Kernels that copy codes trust the scales of input and output to be the same; biases are trusted to be in `s_in · s_w`. An interpreter checks neither:
//! scale ∞ of an unrolled recurrent net, a selection between two scales, a float constant under integer codes all load. `tensor-quant check FILE` finds them,
//! whoever wrote the file, as does [`Model::check`](https://docs.rs/tensor-quant/latest/tensor_quant/model/tflite/struct.Model.html#method.check);
//! no file is written here that it has a fault to find in.
//!
//! # Figures of data that were fitted to
//!
//! Ranges, biases and choices made on some samples look better on these than on others. What a report calls judged was
//! measured on samples held out, and `evaluate` takes others of your own.
