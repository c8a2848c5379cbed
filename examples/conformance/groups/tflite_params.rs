//! TFLite's choice of parameters, and its row quantizers.

use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::convention::tensorflow::Nudged;
use tensor_quant::convention::tflite::{asymmetric_row, choose_params, symmetric_row};
use tensor_quant::params::{CodeRange, ValueRange};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "choose_quantization_params" => {
            let codes = match case.text("dtype")? {
                "int8" => CodeRange::of::<i8>(),
                "uint8" => CodeRange::of::<u8>(),
                "int16" => CodeRange::of::<i16>(),
                _ => return None,
            };
            let codes = if case.flag("narrow_range")? { codes.narrow() } else { codes };
            let ranges = case.f64s("rmin")?.iter().zip(case.f64s("rmax")?);
            let (scales, zero_points) = ranges.map(|(&min, &max)| choose_params(min, max, codes)).unzip();
            Some(Outputs::default().with("scale", Values::F64(scales)).with("zero_point", Values::I32(zero_points)))
        }
        "nudge_quantization_range" => {
            let (qmin, qmax) = (case.integer("qmin")? as f32, case.integer("qmax")? as f32);
            let nudged = case
                .f32s("min")?
                .iter()
                .zip(case.f32s("max")?)
                .map(|(&min, &max)| Nudged::new(ValueRange::new(min, max).ok()?, qmin, qmax).ok());
            let nudged: Vec<Nudged> = nudged.collect::<Option<_>>()?;
            let part = |f: fn(&Nudged) -> f32| Values::F32(nudged.iter().map(f).collect());
            Some(
                Outputs::default()
                    .with("nudged_min", part(|n| n.min))
                    .with("nudged_max", part(|n| n.max))
                    .with("scale", part(|n| n.scale)),
            )
        }
        "asymmetric_quantize_row" => {
            let row = asymmetric_row(case.f32s("x")?).ok()?;
            Some(
                Outputs::default()
                    .with("code", Values::I8(row.codes))
                    .with("scale", Values::F32(vec![row.scale]))
                    .with("zero_point", Values::I32(vec![row.zero_point])),
            )
        }
        "symmetric_quantize_row" => {
            let x = case.f32s("x")?;
            let row = symmetric_row(x).ok()?;
            let (min, max) = x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
            Some(
                Outputs::default()
                    .with("code", Values::I8(row.codes))
                    .with("min", Values::F32(vec![min]))
                    .with("max", Values::F32(vec![max]))
                    .with("scale", Values::F32(vec![row.scale])),
            )
        }
        _ => None,
    }
}
