//! Which tensors a smaller type would not merely round, but break.

use crate::num::{Real, f16};
use ndarray::ArrayD;

/// Rounding normal numbers to f16 leaves 73 dB or more; what falls far below that is lost, not rounded.
const LEAST_SQNR_DB: f64 = 60.0;

/// Returns why a tensor must stay as it is rather than become f16, if it must.
///
/// - A value beyond 65 504 would become infinite.
/// - An operand, as the ε that keeps a division from zero, is broken by a single value that becomes 0.
/// - Weights may lose small values: they are added up with larger ones. They are broken if the tensor as a whole is.
pub(super) fn survives_f16(values: &ArrayD<f32>, is_weights: bool) -> Result<(), String> {
    let (mut signal, mut noise, mut smallest_lost) = (0.0, 0.0, f32::INFINITY);
    for &x in values.iter().filter(|x| x.is_finite()) {
        let y = Real::to_f32(f16::from_f32(x));
        if y.is_infinite() {
            return Err(format!("would overflow f16: {x:e}"));
        }
        if y == 0.0 && x != 0.0 {
            smallest_lost = smallest_lost.min(x.abs());
        }
        let d = f64::from(x) - f64::from(y);
        signal += f64::from(x) * f64::from(x);
        noise += d * d;
    }
    let sqnr_db: f64 = if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() };
    if smallest_lost.is_finite() && (!is_weights || sqnr_db < LEAST_SQNR_DB) {
        return Err(format!("would underflow f16: smallest {smallest_lost:e}"));
    }
    if sqnr_db < LEAST_SQNR_DB {
        return Err(format!("f16 would leave {sqnr_db:.1} dB of it: its values are subnormal there"));
    }
    Ok(())
}

/// Returns why a tensor must stay as it is rather than become integers, if it must.
pub(super) fn survives_integers(values: &ArrayD<f32>) -> Result<(), String> {
    match values.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        Some((at, x)) => Err(format!("value {at} is {x}, for which there is no code")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn an_epsilon_stays_and_weights_may_lose_small_values() {
        let why = |values: &[f32], is_weights| survives_f16(&arr1(values).into_dyn(), is_weights).err();
        assert_eq!(why(&[1e-10], false).as_deref(), Some("would underflow f16: smallest 1e-10"));
        assert_eq!(why(&[1.0, 1e-10], false).as_deref(), Some("would underflow f16: smallest 1e-10"));
        assert_eq!(why(&[1.0, 1e-10], true), None);
        assert_eq!(why(&[1e-10, 2e-10], true).as_deref(), Some("would underflow f16: smallest 1e-10"));
        assert_eq!(why(&[1e6, 1.0], true).as_deref(), Some("would overflow f16: 1e6"));
        assert!(why(&[1.01e-6, 3.3e-6], true).is_some_and(|reason| reason.contains("subnormal")));
        assert_eq!(why(&[0.1, 0.2, f32::INFINITY, f32::NAN], false), None);
    }

    #[test]
    fn integers_have_no_code_for_nan_and_infinity() {
        assert!(survives_integers(&arr1(&[1.0, -2.0]).into_dyn()).is_ok());
        assert!(
            survives_integers(&arr1(&[1.0, f32::NAN]).into_dyn())
                .is_err_and(|reason| reason.contains("value 1 is NaN"))
        );
        assert!(survives_integers(&arr1(&[f32::NEG_INFINITY]).into_dyn()).is_err());
    }
}
