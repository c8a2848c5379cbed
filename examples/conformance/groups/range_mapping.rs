//! The article's two mappings, as written and in exact arithmetic.

use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::params::article::RangeMapping;

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    if case.op != "range_mapping" {
        return None;
    }
    let (wide, narrow) = (case.f64s("w_f64")?, case.f32s("w_f32")?);
    let variant = case.integer("variant")?;
    let bound = |name| case.text(name)?.parse::<f64>().ok();
    let (a, b) = (bound("a")?, bound("b")?);
    let (map, map_f32) = mapping(case.text("mapping")?)?;

    let ends = |w: &[f64]| w.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &x| (lo.min(x), hi.max(x)));
    let (min, max) = ends(wide);
    let f64s = if variant == 1 { RangeMapping::target(min, max, a, b) } else { RangeMapping::own_range(min) };
    let (min_f32, max_f32) = (min as f32, max as f32);
    let f32s = if variant == 1 {
        RangeMapping::target(min_f32, max_f32, a as f32, b as f32)
    } else {
        RangeMapping::own_range(min_f32)
    };
    let quotient: Vec<f64> = wide.iter().map(|&w| f64s.quotient(w)).collect();
    let quotient_f32: Vec<f32> = narrow.iter().map(|&w| f32s.quotient(w)).collect();
    let exact: Vec<f64> = wide.iter().map(|&w| map(f64s.exact_quotient(w))).collect();
    let error = wide.iter().zip(&exact).map(|(w, code)| w - code).collect();
    let codes = |codes: &[f64]| Values::I64(codes.iter().map(|&code| code as i64).collect());
    Some(
        Outputs::default()
            .with("code_exact", codes(&exact))
            .with("scale_exact_rounded_f64", Values::F64(vec![f64s.step()]))
            .with("offset_exact_rounded_f64", Values::F64(vec![f64s.offset()]))
            .with("error_exact_rounded_f64", Values::F64(error))
            .with("scale_f64", Values::F64(vec![f64s.step()]))
            .with("offset_f64", Values::F64(vec![f64s.offset()]))
            .with("code_f64", codes(&quotient.iter().map(|&q| map(q)).collect::<Vec<_>>()))
            .with("quotient_f64", Values::F64(quotient))
            .with("scale_f32", Values::F32(vec![f32s.step()]))
            .with("offset_f32", Values::F32(vec![f32s.offset()]))
            .with("code_f32", Values::I64(quotient_f32.iter().map(|&q| map_f32(q) as i64).collect()))
            .with("quotient_f32", Values::F32(quotient_f32)),
    )
}

type Map<F> = fn(F) -> F;

fn mapping(name: &str) -> Option<(Map<f64>, Map<f32>)> {
    use tensor_quant::num::{Ceil, Floor, HalfAway, Rounding, TiesEven};
    Some(match name {
        "ceil" => (f64::ceil, |x| Ceil.round(x, 0)),
        "floor" => (f64::floor, |x| Floor.round(x, 0)),
        "round_half_away" => (f64::round, |x| HalfAway.round(x, 0)),
        "round_half_even" => (f64::round_ties_even, |x| TiesEven.round(x, 0)),
        _ => return None,
    })
}
