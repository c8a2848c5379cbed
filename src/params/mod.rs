//! From a range of values to a scale and a zero point.
//!
//! A [`ParamsCalculator`] turns a [`ValueRange`] into [`AffineParams`] for a [`CodeRange`]; the parameters of all
//! groups of a tensor are its [`QuantParams`]. Adding a calculator is one file here, with its text
//! form, the lines below that name the file, and its name in the list in `any_calculator.rs`.

mod affine;
mod affine_params;
mod any_calculator;
pub mod article;
mod block_shape;
mod cast;
mod code_range;
mod ends;
mod fixed_point;
mod granularity;
mod groups;
mod max_abs;
mod nan_policy;
mod one_or_many;
mod power_of_two;
mod quant_params;
mod reciprocal;
mod rule;
mod scale_arrays;
#[cfg(feature = "serde")]
mod state;
mod symmetric;
mod text_form;
mod value_range;
mod zero_points;

pub use affine::Affine;
pub use affine_params::AffineParams;
pub use any_calculator::AnyCalculator;
pub use article::Article;
pub use block_shape::BlockShape;
pub use cast::Cast;
pub use code_range::CodeRange;
pub(crate) use ends::Ends;
pub use fixed_point::{
    FixedPointMultiplier, ProductRounding, rounding_divide_by_power_of_two, rounding_doubling_high_multiply,
};
pub use granularity::{Granularity, Span};
pub(crate) use granularity::{Spans, for_each_piece_of};
pub(crate) use groups::{Groups, GroupsMut};
pub use max_abs::MaxAbs;
pub use nan_policy::NanPolicy;
pub(crate) use one_or_many::OneOrMany;
pub use power_of_two::PowerOfTwo;
pub(crate) use quant_params::Prepared;
pub use quant_params::QuantParams;
pub(crate) use reciprocal::reciprocal;
pub(crate) use rule::Rule;
pub use symmetric::Symmetric;
pub use value_range::ValueRange;
pub use zero_points::ZeroPoints;

use crate::error::Result;
use alloc::vec::Vec;
use core::fmt::Debug;

/// Computes the scale and zero point of one group of values.
///
/// The trait is open: an implementation is plain data, and plugs into a [`Scheme`](crate::Scheme) with
/// [`with_calculator`](crate::Scheme::with_calculator).
///
/// # Examples
///
/// ```
/// use tensor_quant::{Error, params::{AffineParams, CodeRange, ParamsCalculator, ValueRange}};
///
/// /// A step of 1/64 whatever the data.
/// #[derive(Clone, Copy, Debug)]
/// struct SixtyFourths;
///
/// impl ParamsCalculator for SixtyFourths {
///     fn params(&self, _range: ValueRange, _codes: CodeRange) -> Result<AffineParams, Error> {
///         AffineParams::new(1.0 / 64.0, 0)
///     }
/// }
/// ```
#[doc(alias = "qparams")]
pub trait ParamsCalculator: Debug + Send + Sync {
    /// Returns the scale and zero point that map `range` to `codes`.
    ///
    /// Any valid range is answered, a constant and an all-zero one included: the scale is always positive.
    ///
    /// # Errors
    ///
    /// Where the calculator's settings or the kind of code rule an answer out; never because of the range.
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams>;

    /// Appends the scale and zero point of each of many ranges: what [`params`](Self::params) gives, one after the other. A calculator
    /// behind a pointer is asked once for all of them.
    ///
    /// # Errors
    ///
    /// That of the first range that has one; those before it are appended.
    fn params_of_each(&self, ranges: &[ValueRange], codes: CodeRange, params: &mut Vec<AffineParams>) -> Result<()> {
        params.reserve(ranges.len());
        ranges.iter().try_for_each(|&range| {
            params.push(self.params(range, codes)?);
            Ok(())
        })
    }

    /// Returns which zero points this chooses from, for the estimators that search for the best range: with a precise
    /// answer they search all grids there are, by a faster method.
    fn zero_points(&self, _codes: CodeRange) -> ZeroPoints {
        ZeroPoints::Unknown
    }

    /// Returns the codes that are used, given all codes of the type: fewer in a narrow range.
    fn codes(&self, full: CodeRange) -> CodeRange {
        full
    }

    /// Returns the rule by which a range that is more than one value gets its parameters, if there is one.
    #[doc(hidden)]
    fn rule(&self, _codes: CodeRange) -> Option<Rule> {
        None
    }
}

macro_rules! by_pointer {
    ($($pointer:ty)*) => {$(
        impl<P: ParamsCalculator + ?Sized> ParamsCalculator for $pointer {
            fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
                (**self).params(range, codes)
            }

            fn params_of_each(&self, ranges: &[ValueRange], codes: CodeRange, params: &mut Vec<AffineParams>) -> Result<()> {
                (**self).params_of_each(ranges, codes, params)
            }

            fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
                (**self).zero_points(codes)
            }

            fn codes(&self, full: CodeRange) -> CodeRange {
                (**self).codes(full)
            }

            fn rule(&self, codes: CodeRange) -> Option<Rule> {
                (**self).rule(codes)
            }
        }
    )*};
}

by_pointer! { &P alloc::boxed::Box<P> alloc::sync::Arc<P> }
