//! Roundings: from a quotient to a whole number.
//!
//! `f32::round_ties_even`, `floor` and their kin become library calls, or keep a loop scalar, on the lower SIMD
//! levels. Everything here is built from additions and comparisons, which vectorise everywhere:
//!
//! 1. Adding 1.5 · 2²³ to |x| ≤ 2²² leaves no bit for the fraction, so the addition itself rounds halves to even,
//!    and the whole number stands in the low bits of the sum.
//! 2. The other roundings correct that number by one where a comparison says so; the differences compared are exact.

use super::AnyRounding;
use core::fmt::Debug;

/// 1.5 · 2²³: the sum with any |x| ≤ 2²² lies in [2²³, 2²⁴], where neighbouring floats are 1 apart.
pub(crate) const MAGIC: f32 = 12_582_912.0;
/// 2²³, from where on every f32 is a whole number.
const WHOLE: f32 = 8_388_608.0;

/// Returns a whole number next to `x`: the mapping function of a quantizer.
///
/// The trait is open. An implementation is a small `Copy` value whose `round` is marked `#[inline(always)]`; it then
/// runs inside the same vectorised kernels as the built-in ones. What the kernels rely on:
///
/// - **identity on whole numbers:** `round(k) = k`, so that a quotient that was clamped to the code range stays in it;
/// - **monotone** for a fixed `index`: `x ≤ y` gives `round(x) ≤ round(y)`;
/// - **at most one away:** `|round(x) − x| < 1`;
/// - NaN stays NaN, ±∞ stays ±∞;
/// - a rounding that looks at `index` says so, with [`is_random`](Self::is_random).
///
/// # Examples
///
/// ```
/// use tensor_quant::{Rounding, Scheme, quantize_tensor};
/// use ndarray::array;
///
/// /// Rounds to the nearest whole number, halves up (towards +∞).
/// #[derive(Clone, Copy, Debug)]
/// struct HalfUp;
///
/// impl Rounding for HalfUp {
///     #[inline(always)]
///     fn round(self, x: f32, _index: u64) -> f32 {
///         let below = tensor_quant::num::Floor.round(x, 0);
///         below + f32::from(u8::from(x - below >= 0.5))
///     }
/// }
///
/// let scheme = Scheme::<i8>::symmetric().with_rounding(HalfUp);
/// let q = quantize_tensor(array![127.0_f32, 2.5, -2.5].view(), &scheme)?;
/// assert_eq!(q.codes(), &array![127_i8, 3, -2]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub trait Rounding: Copy + Debug + Send + Sync {
    /// Returns the whole number that `x` is mapped to.
    ///
    /// `index` is the element's position in the tensor, in row-major order; roundings that are not random ignore it.
    fn round(self, x: f32, index: u64) -> f32;

    /// Returns whether `round` depends on `index`: whether two equal values may be rounded to different ones.
    fn is_random(self) -> bool {
        false
    }

    /// Whether the kernels have to be compiled with this rounding, because this crate does not know it.
    #[doc(hidden)]
    const IS_FOREIGN: bool = true;

    /// Returns the built-in rounding that this is, if it is one.
    #[doc(hidden)]
    fn built_in(self) -> Option<AnyRounding> {
        None
    }
}

/// Rounds to the nearest whole number, halves to the even one: the default, and what ONNX and PyTorch do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TiesEven;

/// Rounds to the nearest whole number, halves away from zero: what TFLite and ggml do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfAway;

/// Rounds up, towards +∞.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceil;

/// Rounds down, towards −∞.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floor;

/// Drops the fraction: rounds towards zero, as a cast does.
#[doc(alias = "truncate")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TowardZero;

/// Rounds up with a probability equal to the fraction, so that the expected value of the result is `x`.
///
/// The random number of an element is a hash of the seed and of the element's index: the result does not depend on
/// the number of threads, the memory layout or the SIMD level, and the same seed gives the same codes again.
/// The hash is the 32-bit finaliser "lowbias32" of Chris Wellons' hash prospector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stochastic {
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Rounding for TiesEven {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(AnyRounding::TiesEven(self))
    }

    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        ties_even(x)
    }
}

impl Rounding for HalfAway {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(AnyRounding::HalfAway(self))
    }

    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        let magnitude = x.abs();
        let whole = floor(magnitude);
        let up = if magnitude - whole >= 0.5 { 1.0 } else { 0.0 };
        (whole + up).copysign(x)
    }
}

impl Rounding for Ceil {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(AnyRounding::Ceil(self))
    }

    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        let whole = ties_even(x);
        if whole < x { whole + 1.0 } else { whole }
    }
}

impl Rounding for Floor {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(AnyRounding::Floor(self))
    }

    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        floor(x)
    }
}

impl Rounding for TowardZero {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(AnyRounding::TowardZero(self))
    }

    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        floor(x.abs()).copysign(x)
    }
}

impl Rounding for Stochastic {
    const IS_FOREIGN: bool = false;

    fn built_in(self) -> Option<AnyRounding> {
        Some(AnyRounding::Stochastic(self))
    }

    #[inline(always)]
    fn round(self, x: f32, index: u64) -> f32 {
        let whole = floor(x);
        // Exact: a float below 2²³ minus its floor; from there on x is whole and the fraction 0 (∞ − ∞ compares false).
        let fraction = x - whole;
        if uniform(self.seed, index) < fraction { whole + 1.0 } else { whole }
    }

    fn is_random(self) -> bool {
        true
    }
}

/// Returns the nearest whole number, halves to even, for any `x`; NaN and ±∞ are returned as they are.
#[inline(always)]
pub(crate) fn ties_even(x: f32) -> f32 {
    let magnitude = x.abs();
    let rounded = (magnitude + WHOLE) - WHOLE;
    if magnitude < WHOLE { rounded.copysign(x) } else { x }
}

#[inline(always)]
fn floor(x: f32) -> f32 {
    let whole = ties_even(x);
    if whole > x { whole - 1.0 } else { whole }
}

/// Returns the nearest integer, halves to even, for |x| ≤ 2²².
#[inline(always)]
pub(crate) fn nearest_i32(x: f32) -> i32 {
    ((x + MAGIC).to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32)
}

/// Returns the nearest whole number, halves to even; NaN stays NaN.
#[inline(always)]
pub(crate) fn nearest_whole(x: f64) -> f64 {
    /// 2⁵²: the sum with a smaller number is rounded to a whole one, and from here on every f64 is one.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    let magic = WHOLE.copysign(x);
    if x.abs() < WHOLE { (x + magic) - magic } else { x }
}

/// Returns the multiple of 2^(e − `mantissa`) nearest to `x` ≥ 0, halves to even, where e is the exponent of `x`, or
/// `min_exponent` if that is larger: the number of a floating-point format, were it not for its largest. NaN stays NaN.
pub(crate) fn round_to_grid(x: f64, mantissa: u32, min_exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
    // Beyond 2²⁰⁰ no format here has a number; NaN passes.
    let x = if x > power(200) { power(200) } else { x };
    let exponent = ((x.to_bits() >> 52) as i32 & 0x7ff) - 1023;
    let step = exponent.clamp(min_exponent, 200) - mantissa as i32;
    nearest_whole(x * power(-step)) * power(step)
}

/// Returns a number in [0, 1) with 24 random bits.
#[inline(always)]
fn uniform(seed: u64, index: u64) -> f32 {
    let key = mix((seed as u32) ^ mix((seed >> 32) as u32 ^ 0x9e37_79b9));
    let high = mix((index >> 32) as u32 ^ key);
    let hash = mix((index as u32) ^ high);
    (hash >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
}

#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(got: f32, want: f32) -> bool {
        got == want || (got.is_nan() && want.is_nan())
    }

    fn near_whole_or_half() -> impl Strategy<Value = f32> {
        (-9_000_000_i32..9_000_000, -2_i32..=2).prop_map(|(halves, ulps)| {
            let x = halves as f32 * 0.5;
            f32::from_bits(x.to_bits().wrapping_add_signed(ulps))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn roundings_equal_the_standard_library(x in prop_oneof![any::<u32>().prop_map(f32::from_bits), near_whole_or_half(), -300.0_f32..300.0]) {
            prop_assert!(same(TiesEven.round(x, 0), x.round_ties_even()));
            prop_assert!(same(HalfAway.round(x, 0), x.round()));
            prop_assert!(same(Ceil.round(x, 0), x.ceil()));
            prop_assert!(same(Floor.round(x, 0), x.floor()));
            prop_assert!(same(TowardZero.round(x, 0), x.trunc()));
        }

        #[test]
        fn stochastic_picks_a_neighbour_and_keeps_whole_numbers(x in -1e6_f32..1e6, seed: u64, index: u64) {
            let rounded = Stochastic { seed }.round(x, index);
            prop_assert!(rounded == x.floor() || rounded == x.ceil());
        }
    }

    #[test]
    fn stochastic_rounding_is_unbiased() {
        for fraction in [0.0_f32, 0.001, 0.25, 0.5, 0.9, 0.999] {
            let n = 200_000_u64;
            let ups: f64 = (0..n).map(|i| f64::from(Stochastic { seed: 42 }.round(3.0 + fraction, i)) - 3.0).sum();
            let expected = f64::from(3.0 + fraction) - 3.0;
            let sigma = (expected * (1.0 - expected) / n as f64).sqrt();
            let mean = ups / n as f64;
            assert!((mean - expected).abs() <= 5.0 * sigma + 1e-9, "fraction {fraction}: mean {mean}");
        }
    }

    #[test]
    fn stochastic_rounding_differs_between_seeds_and_between_indices_far_apart() {
        let bits = |seed, base: u64| -> u64 {
            (0..64).fold(0, |acc, i| acc << 1 | Stochastic { seed }.round(0.5, base + i) as u64)
        };
        assert_ne!(bits(1, 0), bits(2, 0));
        assert_ne!(bits(1, 0), bits(1 << 32, 0));
        assert_ne!(bits(1, 0), bits(1, 1 << 32));
        assert_eq!(bits(7, 5), bits(7, 5));
    }
}
