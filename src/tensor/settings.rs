//! What a mapping depends on when its parameters are known.

use crate::kernel::{self, Rounder};
use crate::num::{Code, Rounding, Scaling, TiesEven};
use crate::params::NanPolicy;
use core::marker::PhantomData;

/// The type of the codes, and how quotients become codes: what is left of a [`Scheme`](crate::Scheme) where the parameters are
/// known already.
///
/// [`Scheme::settings`](crate::Scheme::settings) gives those of a scheme; the default divides, rounds halves to even and refuses
/// NaN.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{HalfAway, QuantParams, quantize_with_params, tensor::Settings};
///
/// let params = QuantParams::per_tensor::<u8>(0.5, 128)?;
/// let x = array![0.25_f32, -0.25];
/// assert_eq!(quantize_with_params(&x, &params, Settings::<u8>::default())?.codes(), &array![128_u8, 128]);
/// let away = Settings::<u8>::default().with_rounding(HalfAway);
/// assert_eq!(quantize_with_params(&x, &params, away)?.codes(), &array![129_u8, 127]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings<C, R = TiesEven> {
    /// Maps quotients to whole numbers.
    pub rounding: R,
    /// Division, or multiplication by the reciprocal.
    pub scaling: Scaling,
    /// What a NaN gives.
    pub nan_policy: NanPolicy,
    pub(super) code: PhantomData<C>,
}

impl<C: Code> Default for Settings<C> {
    fn default() -> Self {
        let (scaling, nan_policy) = (Scaling::default(), NanPolicy::default());
        Self { rounding: TiesEven, scaling, nan_policy, code: PhantomData }
    }
}

impl<C: Code, R: Rounding> Settings<C, R> {
    /// Returns the settings with another rounding.
    #[must_use]
    pub fn with_rounding<R2: Rounding>(self, rounding: R2) -> Settings<C, R2> {
        let Self { scaling, nan_policy, code, .. } = self;
        Settings { rounding, scaling, nan_policy, code }
    }

    /// Returns the settings with another scaling.
    #[must_use]
    pub fn with_scaling(self, scaling: Scaling) -> Self {
        Self { scaling, ..self }
    }

    /// Returns the settings with another answer to NaN.
    #[must_use]
    pub fn with_nan_policy(self, nan_policy: NanPolicy) -> Self {
        Self { nan_policy, ..self }
    }

    /// Returns the same by value.
    #[inline(always)]
    pub(super) fn by_value(&self) -> kernel::Settings<'_> {
        kernel::Settings {
            code: C::TYPE,
            rounder: Rounder::of(&self.rounding),
            scaling: self.scaling,
            nan: self.nan_policy,
        }
    }
}
