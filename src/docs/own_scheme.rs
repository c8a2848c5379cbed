//! Write and prove your own scheme: from an idea to a proof, with the bugs on the way.
//!
//! A scheme has three parts that you may write yourself: an estimator ([`RangeEstimator`](crate::RangeEstimator)) finds the range
//! of the values, a calculator ([`ParamsCalculator`](crate::ParamsCalculator)) turns it into a scale and a zero point, and a
//! rounding ([`Rounding`](crate::Rounding)) makes whole numbers of quotients. Each plugs into a [`Scheme`](crate::Scheme) and
//! runs in the same vectorised kernels as the built-in ones. [`laws`](crate::laws) say whether it is right.
//!
//! ```toml
//! [dev-dependencies]
//! tensor-quant = { version = "0.1", features = ["proptest"] }
//! ```
//!
//! # The idea
//!
//! Hardware without a multiplier: the scale is a power of two, so that multiplying by it is a shift, and halves are rounded
//! up, which is an addition and a shift.
//!
//! # The first attempt
//!
//! The smallest power of two that covers the range:
//!
//! ```
//! use tensor_quant::laws::{self, calculator};
//! use tensor_quant::params::{AffineParams, CodeRange, ValueRange};
//! use tensor_quant::{ParamsCalculator, Result};
//!
//! #[derive(Clone, Copy, Debug)]
//! struct Shift;
//!
//! impl ParamsCalculator for Shift {
//!     fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
//!         let steps = f64::from(range.max_abs()) / codes.max();
//!         AffineParams::new(steps.log2().ceil().exp2(), 0)
//!     }
//! }
//!
//! let broken = laws::check_calculator(&Shift).unwrap_err();
//! assert_eq!(broken.broken_law(), calculator::ANSWERS);
//! println!("{broken}");
//! ```
//!
//! It looks right, and works on any weights that one tries. One call later:
//!
//! ```text
//! the law calculator::answers is broken: 2⁻¹²⁶ ≤ scale < ∞, for every range
//! A constant channel, a dead one, one with an outlier of 1e38: each of them is in some model, and a scale of zero, infinity or below the smallest normal number, whose reciprocal is infinite, ruins it.
//!
//! Shift
//!
//! range [0.0 (0x0), 0.0 (0x0)], codes -128..=127: the error: scale 0 of group 0 is not a positive finite number
//! ```
//!
//! A channel of zeros, as pruning leaves them, has no logarithm. Any scale will do for it:
//!
//! ```
//! # use tensor_quant::laws::{self, calculator};
//! # use tensor_quant::params::{AffineParams, CodeRange, ValueRange};
//! # use tensor_quant::{ParamsCalculator, Result};
//! # #[derive(Clone, Copy, Debug)]
//! # struct Shift;
//! # impl ParamsCalculator for Shift {
//! #     fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
//! let steps = f64::from(range.max_abs()) / codes.max();
//! let scale = if steps > 0.0 { steps.log2().ceil().exp2() } else { 1.0 };
//! AffineParams::new(scale, 0)
//! #     }
//! # }
//! # assert_eq!(laws::check_calculator(&Shift).unwrap_err().broken_law(), calculator::ENDS);
//! ```
//!
//! and the next law speaks up:
//!
//! ```text
//! the law calculator::ends is broken: |x − x̂| ≤ scale for x = min and x = max, and x̂ is finite in f32
//! The range is what the estimator wants represented: an end that saturates by more than a step was left out, and was the zero point's rounding or a narrow range forgotten.
//!
//! Shift
//!
//! range [-1.0 (0xbf800000), 0.0 (0x0)], codes 0..=255: -1.0 is restored as 0e0: 1e0 > 7.812976837158203e-3 = scale
//! AffineParams { scale: 0.0078125, zero_point: 0, offset: 0.0 }
//! ```
//!
//! The calculator was written with `i8` in mind; of `u8` it loses every negative value. Zero belongs in the middle of whatever
//! the codes are, and as many of them on either side:
//!
//! ```
//! # use tensor_quant::laws::{self, calculator};
//! # use tensor_quant::params::{AffineParams, CodeRange, ValueRange};
//! # use tensor_quant::{ParamsCalculator, Result};
//! # #[derive(Clone, Copy, Debug)]
//! # struct Shift;
//! impl ParamsCalculator for Shift {
//!     fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
//!         let steps = f64::from(range.max_abs()) / codes.half_width();
//!         let scale = if steps > 0.0 { steps.log2().ceil().exp2() } else { 1.0 };
//!         AffineParams::new(scale, codes.middle())
//!     }
//!
//!     fn codes(&self, full: CodeRange) -> CodeRange {
//!         full.narrow()
//!     }
//! }
//! # assert_eq!(laws::check_calculator(&Shift).unwrap_err().broken_law(), calculator::ENDS);
//! ```
//!
//! The same law, at the other end of the numbers:
//!
//! ```text
//! the law calculator::ends is broken: |x − x̂| ≤ scale for x = min and x = max, and x̂ is finite in f32
//! …
//! range [0.0 (0x0), 3.1901472e38 (0x7f700000)], codes -7..=7: 3.1901472e38 is restored as 3.402823669209385e38, which is ∞ in f32
//! AffineParams { scale: 8.507059e37, zero_point: 0, offset: 0.0 }
//! ```
//!
//! The power of two above `f32::MAX / 7` is one too many: 4 · 2¹²⁶ is an infinity. Half of it is within a step.
//!
//! # What is not promised
//!
//! What is left is a matter of design, not a bug:
//!
//! ```text
//! the law calculator::constants is broken: min = max = c  ⇒  |c − ĉ| ≤ 2⁻²⁰ · |c|, where a normal scale can be so small
//! A constant has no width to divide by: the place where scales become zero, and signs are lost.
//!
//! Shift
//!
//! 1.5 (0x3fc00000) is restored as 2 with codes -1..=1: 0.5 > 0.000001430511474609375
//! AffineParams { scale: 2.0, zero_point: 0, offset: 0.0 }
//! ```
//!
//! A power of two is coarse. Say so, by name and with the reason, and the verdict will list it:
//!
//! ```
//! # use tensor_quant::laws::{Terms, calculator};
//! # use tensor_quant::params::{AffineParams, CodeRange, ValueRange};
//! # use tensor_quant::{ParamsCalculator, Result};
//! #[derive(Clone, Copy, Debug)]
//! struct Shift;
//!
//! impl ParamsCalculator for Shift {
//!     fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
//!         let steps = f64::from(range.max_abs()) / codes.half_width();
//!         let scale = if steps > 0.0 { steps.log2().ceil().exp2() } else { 1.0 };
//!         let infinite = scale * codes.half_width() > f64::from(f32::MAX);
//!         AffineParams::new(if infinite { scale / 2.0 } else { scale }, codes.middle())
//!     }
//!
//!     fn codes(&self, full: CodeRange) -> CodeRange {
//!         full.narrow()
//!     }
//! }
//!
//! let coarse = "a power of two is up to twice as large as need be";
//! let verdict = Terms::default().without(calculator::CONSTANTS, coarse).check_calculator(&Shift)?;
//! assert_eq!((verdict.held().len(), verdict.waived().len()), (11, 1));
//! # Ok::<(), tensor_quant::laws::Broken>(())
//! ```
//!
//! # The rounding
//!
//! Half up is one line, and everyone writes this one:
//!
//! ```
//! use tensor_quant::Rounding;
//! use tensor_quant::laws::{self, rounding};
//!
//! #[derive(Clone, Copy, Debug)]
//! struct HalfUp;
//!
//! impl Rounding for HalfUp {
//!     #[inline(always)]
//!     fn round(self, x: f32, _index: u64) -> f32 {
//!         (x + 0.5).floor()
//!     }
//! }
//!
//! assert_eq!(laws::check_rounding(&HalfUp).unwrap_err().broken_law(), rounding::IDENTITY);
//! ```
//!
//! ```text
//! the law rounding::identity is broken: round(k) = k for whole k
//! The kernels clamp before they round: a whole bound that is rounded to another number leaves the codes.
//!
//! HalfUp
//!
//! round(8388609.0 (0x4b000001)) = 8388610.0 (0x4b000002) at index 0
//! ```
//!
//! From 2²³ on the sum with a half is itself rounded. (At 0.49999997 it is, too, and gives 1.) Comparing the fraction with a
//! half instead is exact, and then the laws have one objection left, `sign_symmetry`: halves go up on both sides of zero, on
//! purpose.
//!
//! # The whole scheme, as tests
//!
//! In `tests/`, [`scheme_laws!`](crate::scheme_laws) makes one test of each law, so that a failure has the law's name, and the report
//! of the tests lists what is not promised:
//!
//! ```
//! # use tensor_quant::params::PowerOfTwo as Shift;
//! use tensor_quant::range::MinMax;
//! use tensor_quant::{Scheme, TiesEven, scheme_laws};
//!
//! scheme_laws! {
//!     shifted_weights: Scheme::<i8, _, _, _>::new(MinMax::default(), Shift, TiesEven).with_axis(0);
//!     without {
//!         constants: "a power of two is up to twice as large as need be",
//!         sqnr_per_bit: "a power of two is up to twice as large as need be",
//!     }
//! }
//! ```
//!
//! ```text
//! test shifted_weights::answers ... ok
//! test shifted_weights::codes_in_range ... ok
//! test shifted_weights::constants ... ignored, a power of two is up to twice as large as need be
//! …
//! ```
//!
//! `examples/custom_scheme.rs` is the whole of it. If you have kernels of your own, or come from another library, implement
//! [`QuantizationMethod`](crate::laws::QuantizationMethod) in three methods and be held to the same laws. And where these are
//! not enough, the [`strategies`](crate::laws::strategies) that find their cases are yours to use in `proptest!`.
