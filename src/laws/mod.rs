//! Laws, not examples: one call holds your own scheme, estimator, calculator, rounding or packing to the laws of
//! quantization.
//!
//! ```
//! use tensor_quant::{Scheme, laws};
//!
//! let verdict = laws::check_scheme(&Scheme::<i8>::symmetric().with_axis(0))?;
//! println!("{verdict}");
//! # Ok::<(), laws::Broken>(())
//! ```
//!
//! Each law is a constant with its statement as a formula and the reason why it matters: those of [`scheme`]s (or of any
//! [`QuantizationMethod`]), [`estimator`]s, [`calculator`]s, [`rounding`]s and [`code`]s. A law is tried on cases that find
//! what is broken: ties and their neighbours, one outlier, subnormal numbers, ±`f32::MAX`, constants, strided views. A case that
//! breaks it is made as simple as can be, and printed with its bits, its codes and the bound. Outcomes are judged by plain
//! arithmetic, never by the code that made them.
//!
//! # What is not promised
//!
//! A law that does not hold by design is left out by name and with a reason, which the [`Verdict`] lists:
//!
//! ```
//! use tensor_quant::laws::{Terms, rounding};
//! use tensor_quant::{Rounding, Scheme};
//!
//! /// Halves go up.
//! #[derive(Clone, Copy, Debug)]
//! struct HalfUp;
//!
//! impl Rounding for HalfUp {
//!     #[inline(always)]
//!     fn round(self, x: f32, _index: u64) -> f32 {
//!         let below = x.floor();
//!         if x - below >= 0.5 { below + 1.0 } else { below }
//!     }
//! }
//!
//! let broken = tensor_quant::laws::check_rounding(&HalfUp).unwrap_err();
//! assert_eq!(broken.broken_law(), rounding::SIGN_SYMMETRY);
//! Terms::default().without(rounding::SIGN_SYMMETRY, "halves go up on both sides of zero").check_rounding(&HalfUp)?;
//! # Ok::<(), tensor_quant::laws::Broken>(())
//! ```
//!
//! Of built-in parts it is known by their types what they do not promise (that [`Ceil`](crate::Ceil) is not to the nearest, say);
//! nothing is ever concluded from what a subject does. To leave out a law that there is not is an error.
//!
//! # A test for each law
//!
//! [`scheme_laws!`](crate::scheme_laws), [`estimator_laws!`](crate::estimator_laws),
//! [`calculator_laws!`](crate::calculator_laws), [`rounding_laws!`](crate::rounding_laws) and
//! [`code_laws!`](crate::code_laws) expand to a module with one test a law, named after it; laws that are left out are listed as
//! ignored, with the reason. `cases = 64` and `seed = 7` after the subject are the tests' terms.
//!
//! # In your `Cargo.toml`
//!
//! ```toml
//! [dev-dependencies]
//! tensor-quant = { version = "0.1", features = ["proptest"] }
//! ```
//!
//! Corner cases come first, then random ones. Both are the same in every run; `PROPTEST_CASES`, or [`Terms::with_cases`], tries
//! more of the random ones, and [`Terms::with_seed`] others.
//! Adding a law is one function and one entry in the list of its kind.

#[cfg(feature = "blocks")]
pub mod block_format;
pub mod calculator;
pub mod code;
pub mod estimator;
mod known;
mod law;
mod list;
mod macros;
mod of_parts;
mod quantization_method;
mod random;
pub mod rounding;
pub mod scheme;
mod shrink;
pub mod strategies;
mod terms;
mod trials;
mod verdict;

pub use code::{Codec, Standard};
pub use law::{Law, Waiver};
pub use quantization_method::QuantizationMethod;
pub use terms::Terms;
pub use verdict::{Broken, Cause, Verdict};

use crate::num::Rounding;
use crate::params::ParamsCalculator;
use crate::range::RangeEstimator;

/// Checks a scheme, or a quantizer of your own, against the laws of [`scheme`], and returns which held.
///
/// # Errors
///
/// The first law that is broken, with the simplest counterexample.
pub fn check_scheme(quantizer: &dyn QuantizationMethod) -> Result<Verdict, Broken> {
    Terms::default().check_scheme(quantizer)
}

/// Checks an estimator that has observed nothing against the laws of [`estimator`], and returns which held.
///
/// # Errors
///
/// As [`check_scheme`].
///
/// # Examples
///
/// ```
/// use tensor_quant::{laws, range::MinMax};
/// assert_eq!(laws::check_estimator(&MinMax::default())?.waived().len(), 0);
/// # Ok::<(), laws::Broken>(())
/// ```
pub fn check_estimator<E: RangeEstimator + 'static>(estimator: &E) -> Result<Verdict, Broken> {
    Terms::default().check_estimator(estimator)
}

/// Checks a calculator against the laws of [`calculator`], and returns which held.
///
/// # Errors
///
/// As [`check_scheme`].
///
/// # Examples
///
/// ```
/// use tensor_quant::{laws, params::Affine};
/// assert_eq!(laws::check_calculator(&Affine::default())?.waived().len(), 0);
/// # Ok::<(), laws::Broken>(())
/// ```
pub fn check_calculator<P: ParamsCalculator + 'static>(calculator: &P) -> Result<Verdict, Broken> {
    Terms::default().check_calculator(calculator)
}

/// Checks a rounding against the laws of [`rounding`], and returns which held.
///
/// # Errors
///
/// As [`check_scheme`].
///
/// # Examples
///
/// ```
/// use tensor_quant::{Stochastic, laws};
/// println!("{}", laws::check_rounding(&Stochastic { seed: 7 })?);
/// # Ok::<(), laws::Broken>(())
/// ```
pub fn check_rounding<R: Rounding + 'static>(rounding: &R) -> Result<Verdict, Broken> {
    Terms::default().check_rounding(rounding)
}

/// Checks how codes are made and stored against the laws of [`code`], and returns which held.
///
/// # Errors
///
/// As [`check_scheme`].
pub fn check_code(codec: &dyn Codec) -> Result<Verdict, Broken> {
    Terms::default().check_code(codec)
}

/// Checks a block format against the laws of [`block_format`], and returns which held.
///
/// # Errors
///
/// As [`check_scheme`].
///
/// # Examples
///
/// ```
/// use tensor_quant::{block::BlockType, laws};
/// assert_eq!(laws::check_block_format(&BlockType::Q4_0)?.waived().len(), 0);
/// # Ok::<(), laws::Broken>(())
/// ```
#[cfg(feature = "blocks")]
pub fn check_block_format(format: &dyn crate::block::BlockFormat) -> Result<Verdict, Broken> {
    Terms::default().check_block_format(format)
}
