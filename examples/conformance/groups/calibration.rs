//! ONNX Runtime's calibrators, and its rules for scales and zero points.

use super::typed::{view, with_code};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::Ix2;
use tensor_quant::convention::onnx_runtime::{
    self, BlockKind, CollectedHistogram, DistributionCalibrater, EntropyCalibrater, Params, PercentileCalibrater,
    Power, entropy_threshold, quantize_matmul_nbits,
};
use tensor_quant::num::{Code, U2, U4};
use tensor_quant::params::{CodeRange, ParamsCalculator, ValueRange};
use tensor_quant::{RangeEstimator, quantize_tensor};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "calibrate_entropy" => {
            let mut calibrator =
                EntropyCalibrater::new(count(case, "num_bins")?, count(case, "num_quantized_bins")?).ok()?;
            calibrate(case, &mut calibrator, EntropyCalibrater::histogram)
        }
        "calibrate_percentile" => {
            let (bins, percentile) = (count(case, "num_bins")?, case.params.get("percentile")?.as_f64()?);
            let new =
                if case.flag("symmetric")? { PercentileCalibrater::symmetric } else { PercentileCalibrater::affine };
            let calibrator = new(bins, percentile);
            calibrate(case, &mut calibrator.ok()?, PercentileCalibrater::histogram)
        }
        "calibrate_distribution" => distribution(case),
        "entropy_threshold" => threshold(case),
        "compute_scale_zp" => with_code!(case.text("dtype")?, C => scale_and_zero_point::<C>(case)),
        "quantize_data" => with_code!(case.text("dtype")?, C => quantize_data::<C>(case)),
        "quantize_matmul_nbits" => match case.integer("bits")? {
            2 => matmul_nbits::<U2>(case),
            4 => matmul_nbits::<U4>(case),
            8 => matmul_nbits::<u8>(case),
            _ => None,
        },
        _ => None,
    }
}

fn count(case: &Case, name: &str) -> Option<usize> {
    usize::try_from(case.integer(name)?).ok()
}

fn calibrate<E: RangeEstimator>(
    case: &Case,
    calibrator: &mut E,
    histogram: fn(&E) -> &CollectedHistogram,
) -> Option<Outputs> {
    for i in 0.. {
        let Some(batch) = case.f32s(&format!("batch{i}")) else { break };
        calibrator.observe(batch);
    }
    let range = calibrator.range(&CodeRange::of::<i8>()).ok()?;
    let histogram = histogram(calibrator);
    let one = |x: f32| Values::F64(vec![f64::from(x)]);
    Some(
        Outputs::default()
            .with("histogram", Values::I64(histogram.counts().iter().map(|&count| count as i64).collect()))
            .with("edges", Values::F64(histogram.edges().iter().map(|&edge| f64::from(edge)).collect()))
            .with("low", one(range.min()))
            .with("high", one(range.max())),
    )
}

fn distribution(case: &Case) -> Option<Outputs> {
    let power = match case.text("scenario")? {
        "same" => Power::Same,
        "p3" => Power::CubeRoot,
        _ => return None,
    };
    let mut calibrator = DistributionCalibrater::new(count(case, "num_bins")?, power).ok()?;
    let outputs = calibrate(case, &mut calibrator, DistributionCalibrater::histogram)?;
    let (mean, deviation) = calibrator.mean_and_deviation().ok()?;
    let one = |x: f32| Values::F64(vec![f64::from(x)]);
    Some(outputs.with("avg", one(mean)).with("std", one(deviation)))
}

/// The reference then cuts the range to that of the data, whose extremes are no input of the case. All that is known of
/// them is that they lie in the outermost bins that are not empty; where an expected bound lies there, it is taken for the
/// extreme. So what such a case checks is that the range found reaches beyond the data.
fn threshold(case: &Case) -> Option<Outputs> {
    let counts: Vec<u64> = case.integers("histogram")?.into_iter().map(|count| count as u64).collect();
    let edges = case.f64s("edges")?;
    let (low, high) = entropy_threshold(&counts, edges, count(case, "num_quantized_bins")?).ok()?;
    let extreme = |name: &str, bin: usize, otherwise: usize| {
        let expected = case.expected.get(name)?.number(0);
        Some(if (edges[bin]..=edges[bin + 1]).contains(&expected) { expected } else { edges[otherwise] })
    };
    let first = counts.iter().position(|&count| count > 0)?;
    let last = counts.iter().rposition(|&count| count > 0)?;
    let (min, max) = (extreme("low", first, first)?, extreme("high", last, last + 1)?);
    Some(Outputs::default().with("low", Values::F64(vec![low.max(min)])).with("high", Values::F64(vec![high.min(max)])))
}

fn params(case: &Case) -> Option<Params> {
    Some(if case.flag("symmetric")? { Params::symmetric() } else { Params::affine() })
}

fn scale_and_zero_point<C: Code>(case: &Case) -> Option<Outputs> {
    let params = params(case)?;
    let params = if case.flag("reduce_range")? { params.with_reduced_range() } else { params };
    let params = match case.params.get("min_real_range")?.as_f64() {
        Some(width) => params.with_min_real_range(width as f32),
        None => params,
    };
    let ranges = case.f32s("rmin")?.iter().zip(case.f32s("rmax")?);
    let found = ranges.map(|(&min, &max)| params.params(ValueRange::new(min, max).ok()?, CodeRange::of::<C>()).ok());
    let found = found.collect::<Option<Vec<_>>>()?;
    Some(
        Outputs::default()
            .with("scale", Values::F32(found.iter().map(|p| p.scale()).collect()))
            .with("zero_point", Values::I32(found.iter().map(|p| p.zero_point()).collect())),
    )
}

fn quantize_data<C: Code>(case: &Case) -> Option<Outputs> {
    let scheme = onnx_runtime::scheme::<C>().with_calculator(params(case)?);
    let q = quantize_tensor(view(case, "x")?, &scheme).ok()?;
    Some(
        Outputs::default()
            .with("scale", Values::F32(q.params().scales().to_vec()))
            .with("zero_point", Values::I32(q.params().zero_points().to_vec()))
            .with("code", Values::I32(q.codes().iter().map(|code| code.to_f64() as i32).collect())),
    )
}

fn matmul_nbits<C: Code>(case: &Case) -> Option<Outputs> {
    let kind = if case.flag("symmetric")? { BlockKind::Symmetric } else { BlockKind::Affine };
    let weights = view(case, "w")?.into_dimensionality::<Ix2>().ok()?;
    let q = quantize_matmul_nbits::<C>(weights, count(case, "block_size")?, kind).ok()?;
    let outputs = Outputs::default()
        .with("packed", Values::U8(q.packed.into_raw_vec_and_offset().0))
        .with("scale", Values::F32(q.scales.into_raw_vec_and_offset().0));
    Some(match q.zero_points {
        Some(zero_points) => outputs.with("zero_point_packed", Values::U8(zero_points.into_raw_vec_and_offset().0)),
        None => outputs,
    })
}
