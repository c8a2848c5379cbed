//! Which tensors a smaller type would not merely round, but break.

use crate::error::Result;
use crate::metrics::per_tensor;
use crate::num::CodeType;
use crate::params::{Cast, NanPolicy};
use crate::tensor::AnyScheme;
use ndarray::ArrayD;

/// Rounding normal numbers to f16 leaves 73 dB and more; what is far below that was lost, not rounded.
const LEAST_SQNR_DB: f64 = 60.0;

/// Returns why a tensor must stay as it is rather than be cast to a floating-point type, if it must.
///
/// - A value beyond the largest, as 65 504 of f16, would become infinite.
/// - Whole numbers, as positions, of which some would become others: integers above 2048 in f16.
/// - An operand, as the ε that keeps a division from zero, is broken by a single value that becomes 0.
/// - Weights may lose small values: they are added up with larger ones. They are broken if the tensor as a whole is, which of f16,
///   that leaves 73 dB of normal numbers, is less than 60 dB.
///
/// # Errors
///
/// What quantizing gives.
pub(super) fn survives_cast(values: &ArrayD<f32>, code: CodeType, is_weights: bool) -> Result<Option<String>> {
    let scheme = AnyScheme::new(code).with_calculator(Cast::ieee()).with_nan_policy(NanPolicy::Native);
    let restored = scheme.fake_quantize(values)?;
    let name = code.name();
    let pairs = || values.iter().zip(&restored);
    if let Some((x, _)) = pairs().find(|(x, y)| x.is_finite() && !y.is_finite()) {
        return Ok(Some(format!("would overflow {name}: {x:e}")));
    }
    if values.iter().all(|x| x.fract() == 0.0)
        && let Some((x, y)) = pairs().find(|(x, y)| x != y)
    {
        return Ok(Some(format!("whole numbers, of which {name} would change some: {x} to {y}")));
    }
    let error = per_tensor(values.view(), restored.view())?;
    let is_poor = code == CodeType::F16 && error.sqnr_db() < LEAST_SQNR_DB;
    let lost = pairs().filter(|(x, y)| **x != 0.0 && **y == 0.0);
    let smallest = lost.fold(f32::INFINITY, |smallest, (x, _)| smallest.min(x.abs()));
    if smallest < f32::INFINITY && (!is_weights || is_poor) {
        return Ok(Some(format!("would underflow {name}: smallest {smallest:e}")));
    }
    let poor = || format!("{name} would leave {:.1} dB of it: its values are subnormal there", error.sqnr_db());
    Ok(is_poor.then(poor))
}

/// Returns why a table must stay as it is rather than become integers with a scale, if it must: it holds whole numbers, so that it
/// translates numbers to numbers.
pub(super) fn whole_numbers(values: &ArrayD<f32>) -> Option<String> {
    let are_whole = values.iter().all(|x| x.fract() == 0.0) && values.iter().any(|x| *x != 0.0);
    are_whole.then(|| "a table of whole numbers, which a scale would change".into())
}

/// What is said of NaN and ±∞ among weights, which are worth a warning.
pub(crate) const NO_CODE: &str = "for which there is no code";

/// The largest magnitude that a scale restores: the largest code times its scale, which was rounded, stays finite.
const LARGEST: f32 = f32::MAX * (1.0 - 4.0 * f32::EPSILON);

/// Below this, the scale of 127 codes would be a subnormal number, which many a runtime takes for 0.
const SMALLEST: f32 = 127.0 * f32::MIN_POSITIVE;

/// Returns why a tensor must stay as it is rather than become integers, if it must.
///
/// - NaN and ±∞ have no code; restoring a value next to `f32::MAX` may give ∞.
/// - Values all of which are next to 0, not being 0, have no scale. (A channel of such values beside others is lost as
///   small values are: to rounding.)
pub(super) fn survives_integers(values: &ArrayD<f32>) -> Option<String> {
    let is_lost = |x: &f32| x.is_nan() | (x.abs() > LARGEST);
    let magnitude = |largest: f32, x: &f32| largest.max(x.abs());
    let (position, largest) = match values.as_slice() {
        Some(values) => (values.iter().position(is_lost), values.iter().fold(0.0, magnitude)),
        None => (values.iter().position(is_lost), values.iter().fold(0.0, magnitude)),
    };
    if let Some(position) = position {
        let x = values.iter().nth(position)?;
        let why = if x.is_finite() { "too large to be restored" } else { NO_CODE };
        return Some(format!("value {position} is {x:e}, {why}"));
    }
    (0.0 < largest && largest < SMALLEST).then(|| format!("too small for a scale: no magnitude above {largest:e}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn an_epsilon_stays_and_weights_may_lose_small_values() {
        let why =
            |values: &[f32], is_weights| survives_cast(&arr1(values).into_dyn(), CodeType::F16, is_weights).unwrap();
        assert_eq!(why(&[1e-10], false).as_deref(), Some("would underflow f16: smallest 1e-10"));
        assert_eq!(why(&[1.0, 1e-10], false).as_deref(), Some("would underflow f16: smallest 1e-10"));
        assert_eq!(why(&[1.0, 1e-10], true), None);
        assert_eq!(why(&[1e-10, 2e-10], true).as_deref(), Some("would underflow f16: smallest 1e-10"));
        assert_eq!(why(&[1e6, 1.0], true).as_deref(), Some("would overflow f16: 1e6"));
        assert!(why(&[1.01e-6, 3.3e-6], true).is_some_and(|reason| reason.contains("subnormal")));
        assert_eq!(why(&[0.1, 0.2, f32::INFINITY, f32::NAN], false), None);
    }

    #[test]
    fn whole_numbers_stay_where_any_would_become_another() {
        let why = |values: &[f32]| survives_cast(&arr1(values).into_dyn(), CodeType::F16, true).unwrap();
        assert_eq!(why(&[0.0, 2048.0, -4094.0]), None);
        let changed = "whole numbers, of which f16 would change some: 2049 to 2048";
        assert_eq!(why(&[0.0, 2049.0, 2050.0]).as_deref(), Some(changed));
        assert_eq!(why(&[0.5, 2049.0]), None);
        let brain = survives_cast(&arr1(&[256.0, 257.0]).into_dyn(), CodeType::Bf16, true).unwrap();
        assert_eq!(brain.as_deref(), Some("whole numbers, of which bf16 would change some: 257 to 256"));
        assert!(whole_numbers(&arr1(&[1.0, 7.0]).into_dyn()).is_some());
        assert_eq!((whole_numbers(&arr1(&[0.0]).into_dyn()), whole_numbers(&arr1(&[0.5]).into_dyn())), (None, None));
    }

    #[test]
    fn integers_have_no_code_for_nan_and_infinity() {
        assert_eq!(survives_integers(&arr1(&[1.0, -2.0]).into_dyn()), None);
        let reason = survives_integers(&arr1(&[1.0, f32::NAN]).into_dyn()).unwrap();
        assert_eq!(reason, "value 1 is NaN, for which there is no code");
        assert!(survives_integers(&arr1(&[f32::NEG_INFINITY]).into_dyn()).is_some());
    }

    #[test]
    fn values_at_either_end_of_f32_have_no_scale() {
        let why = |values: &[f32]| survives_integers(&arr1(values).into_dyn());
        assert_eq!(why(&[0.0, -f32::MAX]).as_deref(), Some("value 1 is -3.4028235e38, too large to be restored"));
        assert_eq!(why(&[1e-40, 0.0]).as_deref(), Some("too small for a scale: no magnitude above 1e-40"));
        // What is let through is restored as a finite number, with 127 codes and with 7.
        for qmax in [127.0_f32, 7.0] {
            assert!((LARGEST / qmax * qmax).is_finite() && SMALLEST / qmax >= f32::MIN_POSITIVE);
        }
        assert_eq!(
            (why(&[LARGEST]), why(&[SMALLEST]), why(&[1e-40, 1.0]), why(&[0.0, -0.0])),
            (None, None, None, None)
        );
    }
}
