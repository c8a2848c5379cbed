//! Fixed-point multipliers.

use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::params::{
    FixedPointMultiplier, ProductRounding, rounding_divide_by_power_of_two, rounding_doubling_high_multiply,
};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    let multipliers = || -> Option<Vec<FixedPointMultiplier>> {
        let parts = case.integers("multiplier")?.into_iter().zip(case.integers("shift")?);
        parts.map(|(m, shift)| FixedPointMultiplier::from_parts(m as i32, shift as i32).ok()).collect()
    };
    let y = |y: Vec<i32>| Some(Outputs::default().with("y", Values::I32(y)));
    match case.op.as_str() {
        "quantize_multiplier" => {
            let reals = case.f64s("real")?.iter().map(|&real| FixedPointMultiplier::from_real(real).ok());
            let all: Vec<FixedPointMultiplier> = reals.collect::<Option<_>>()?;
            let (multiplier, shift) = all.into_iter().map(|m| (m.multiplier(), m.shift())).unzip();
            Some(Outputs::default().with("multiplier", Values::I32(multiplier)).with("shift", Values::I32(shift)))
        }
        "multiply_by_quantized_multiplier" => {
            let pairs = case.integers("x")?.into_iter().zip(multipliers()?);
            y(pairs.map(|(x, m)| m.multiply(x as i32, ProductRounding::Double)).collect())
        }
        "multiply_by_quantized_multiplier_64" => {
            y(case.integers("x")?.into_iter().zip(multipliers()?).map(|(x, m)| m.multiply_i64(x)).collect())
        }
        "saturating_rounding_doubling_high_mul" => {
            let pairs = case.integers("a")?.into_iter().zip(case.integers("b")?);
            y(pairs.map(|(a, b)| rounding_doubling_high_multiply(a as i32, b as i32)).collect())
        }
        "rounding_divide_by_pot" => {
            let pairs = case.integers("a")?.into_iter().zip(case.integers("exponent")?);
            y(pairs.map(|(a, e)| rounding_divide_by_power_of_two(a as i32, e as u32)).collect())
        }
        _ => None,
    }
}
