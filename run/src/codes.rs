//! Codes of integers with a scale, and the reals that they stand for.

use crate::tensor::{Data, Reason, Tensor};
use fearless_simd::{Level, Simd, dispatch};
use tensor_quant::graph::{ElementType, Quantization, Value};

/// Where numbers half-way between two codes go. The interpreter's `QUANTIZE` of reals takes the even one; its arithmetic of
/// integers goes away from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Halves {
    Even,
    Away,
}

/// The codes of a type, and one scale and zero point for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) scale: f32,
    pub(crate) zero_point: i64,
    min: i64,
    max: i64,
}

/// Returns the parameters of a value whose elements are integer codes with scales.
pub(crate) fn parameters(value: &Value) -> Option<&Quantization> {
    let quantization = value.quantization.as_ref()?;
    let is_whole = !quantization.has_details
        && !quantization.scales.is_empty()
        && quantization.scales.len() == quantization.zero_points.len();
    (is_whole && range(value.element_type).is_some()).then_some(quantization)
}

/// Returns the grid of an activation: with a scale for each channel there is none.
pub(crate) fn grid(value: &Value) -> Option<Grid> {
    let quantization = parameters(value)?;
    let (&[scale], &[zero_point]) = (&quantization.scales[..], &quantization.zero_points[..]) else { return None };
    let (min, max) = range(value.element_type)?;
    (scale > 0.0 && scale.is_finite()).then_some(Grid { scale, zero_point, min, max })
}

fn range(element_type: ElementType) -> Option<(i64, i64)> {
    Some(match element_type {
        ElementType::I2 => (-2, 1),
        ElementType::I4 => (-8, 7),
        ElementType::I8 => (-128, 127),
        ElementType::U8 => (0, 255),
        ElementType::I16 => (-32768, 32767),
        ElementType::I32 => (i32::MIN.into(), i32::MAX.into()),
        ElementType::I64 => (i64::MIN, i64::MAX),
        _ => return None,
    })
}

impl Grid {
    /// Puts reals on the grid: real = scale · (code − zero point). NaN becomes the lowest code.
    pub(crate) fn snap(self, x: &mut [f32], halves: Halves) {
        let low = self.min.saturating_sub(self.zero_point) as f32;
        let high = self.max.saturating_sub(self.zero_point) as f32;
        let level = Level::new();
        match halves {
            Halves::Even => dispatch!(level, simd => snap::<_, true>(simd, x, self.scale, low, high)),
            Halves::Away => dispatch!(level, simd => snap::<_, false>(simd, x, self.scale, low, high)),
        }
    }

    /// Returns the mean of codes, given the sum of so many reals on this grid: codes are summed with their zero points, and
    /// halves go away from code 0.
    pub(crate) fn mean(self, sum: f32, count: f32) -> f32 {
        let zero_point = self.zero_point as f32;
        let codes = (sum / self.scale).round() + count * zero_point;
        ((codes / count).round() - zero_point) * self.scale
    }

    /// Returns the codes of reals that lie on the grid.
    pub(crate) fn codes(self, x: &[f32]) -> impl Iterator<Item = i64> {
        x.iter().map(move |x| {
            let steps = (x / self.scale).round_ties_even() as i64;
            steps.saturating_add(self.zero_point).clamp(self.min, self.max)
        })
    }

    /// Returns the reals of codes.
    pub(crate) fn reals(self, codes: impl Iterator<Item = i64>) -> Vec<f32> {
        codes.map(|code| code.saturating_sub(self.zero_point) as f32 * self.scale).collect()
    }
}

#[inline(always)]
fn snap<S: Simd, const EVEN: bool>(_: S, x: &mut [f32], scale: f32, low: f32, high: f32) {
    for x in x {
        let steps = *x / scale;
        let steps = if steps > low { steps } else { low };
        let steps = if steps < high { steps } else { high };
        let steps = if EVEN {
            steps.round_ties_even()
        } else {
            // The largest number below a half: with a half, the number before it would go up as well.
            (steps + 0.499_999_97_f32.copysign(steps)).trunc()
        };
        *x = steps * scale;
    }
}

/// Returns a tensor of codes out of the reals that a value of codes is held as; other tensors as they are.
pub(crate) fn to_codes(tensor: &Tensor, value: &Value) -> Result<Tensor, Reason> {
    let (Some(grid), Data::F32(x)) = (grid(value), tensor.data()) else { return Ok(tensor.clone()) };
    let codes = grid.codes(x);
    let data = match value.element_type {
        ElementType::U8 => Data::U8(codes.map(|code| code as u8).collect()),
        ElementType::I16 => Data::I16(codes.map(|code| code as i16).collect()),
        ElementType::I32 => Data::I32(codes.map(|code| code as i32).collect()),
        ElementType::I64 => Data::I64(codes.collect()),
        _ => Data::I8(codes.map(|code| code as i8).collect()),
    };
    Tensor::new(tensor.shape().to_vec(), data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reals_go_back_and_forth() {
        let mut value = Value::new("", ElementType::I8);
        value.quantization = Some(Quantization::per_tensor(0.1, -5));
        let grid = grid(&value);
        assert!(grid.is_some());
        let Some(grid) = grid else { return };
        let codes: Vec<i64> = (-128..=127).collect();
        let mut reals = grid.reals(codes.iter().copied());
        let before = reals.clone();
        grid.snap(&mut reals, Halves::Away);
        assert_eq!((reals, grid.codes(&before).collect::<Vec<_>>()), (before, codes));
        let mut odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30];
        grid.snap(&mut odd, Halves::Even);
        assert!(odd.iter().all(|x| x.is_finite()));
        let halves = [0.05, 0.15, -0.05, -0.15, 0.049_999_995];
        let snapped = |how| {
            let mut x = halves;
            Grid { scale: 0.1, zero_point: 0, min: -128, max: 127 }.snap(&mut x, how);
            x.map(|x| (x * 10.0).round())
        };
        assert_eq!(snapped(Halves::Away), [1.0, 2.0, -1.0, -2.0, 0.0]);
        assert_eq!(snapped(Halves::Even), [0.0, 2.0, 0.0, -2.0, 0.0]);
    }
}
