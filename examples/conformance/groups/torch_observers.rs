//! PyTorch's observers: batches in, a range, a scale and a zero point out.

use super::typed::{axis, with_code};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::{ArrayViewD, Axis, IxDyn};
use tensor_quant::RangeEstimator;
use tensor_quant::convention::torch::{Dynamic, HistogramObserver, QParams};
use tensor_quant::num::Code;
use tensor_quant::params::{CodeRange, ParamsCalculator, ValueRange};
use tensor_quant::range::{MinMax, MovingAverage};

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    with_code!(case.text("dtype")?, C => run::<C>(case))
}

fn run<C: Code>(case: &Case) -> Option<Outputs> {
    match case.op.as_str() {
        "MinMaxObserver" | "PerChannelMinMaxObserver" => each_channel::<C, _>(case, MinMax::default()),
        "MovingAverageMinMaxObserver" | "MovingAveragePerChannelMinMaxObserver" => {
            let momentum = case.params.get("averaging_constant")?.as_f64()?;
            each_channel::<C, _>(case, MovingAverage::new(momentum as f32).ok()?)
        }
        "HistogramObserver" => histogram::<C>(case),
        "choose_qparams_dynamic_uint8" => dynamic(case),
        _ => None,
    }
}

/// The batches, in order.
fn batches(case: &Case) -> impl Iterator<Item = ArrayViewD<'_, f32>> {
    (0..).map_while(|i| {
        let name = format!("batch{i}");
        ArrayViewD::from_shape(IxDyn(case.shape(&name)?), case.f32s(&name)?).ok()
    })
}

/// The codes in the case are those that were used: they were named unless they are what the type has by itself.
fn qparams<C: Code>(case: &Case) -> Option<QParams> {
    let qscheme = case.text("qscheme")?;
    let params = if qscheme.ends_with("float_qparams") {
        QParams::affine_float()
    } else if qscheme.ends_with("symmetric") {
        QParams::symmetric()
    } else {
        QParams::affine()
    };
    let params = params.with_eps(case.f32("eps")?);
    let used = (case.integer("quant_min")?, case.integer("quant_max")?);
    let own = match (C::MIN < 0.0, case.flag("reduce_range")?) {
        (true, false) => (-128, 127),
        (true, true) => (-64, 63),
        (false, false) => (0, 255),
        (false, true) => (0, 127),
    };
    Some(match case.flag("reduce_range")? {
        _ if used != own => params.with_codes(used.0 as i32, used.1 as i32),
        true => params.with_reduced_range(),
        false => params,
    })
}

/// Observes the tensor, or each channel of it, and computes the parameters.
fn each_channel<C: Code, E: RangeEstimator>(case: &Case, estimator: E) -> Option<Outputs> {
    let (params, codes) = (qparams::<C>(case)?, CodeRange::of::<C>());
    let mut channels: Vec<E> = Vec::new();
    for batch in batches(case) {
        let parts: Vec<Vec<f32>> = match axis(case, batch.ndim()) {
            Some(axis) => batch.axis_iter(Axis(axis)).map(|part| part.iter().copied().collect()).collect(),
            None => vec![batch.iter().copied().collect()],
        };
        channels.resize(parts.len(), estimator.clone());
        for (channel, part) in channels.iter_mut().zip(&parts) {
            channel.observe(part);
        }
    }
    let ranges = channels.iter().map(|channel| channel.range(&codes).ok()).collect::<Option<Vec<ValueRange>>>()?;
    let bounds = |bound: fn(ValueRange) -> f32| Values::F32(ranges.iter().map(|&range| bound(range)).collect());
    let outputs = Outputs::default().with("min", bounds(ValueRange::min)).with("max", bounds(ValueRange::max));
    Some(if case.text("qscheme")?.ends_with("float_qparams") {
        let both = ranges.iter().map(|&range| params.float_zero_point(range, codes).ok());
        let (scales, zero_points) = both.collect::<Option<Vec<_>>>()?.into_iter().unzip();
        outputs.with("scale", Values::F32(scales)).with("zero_point", Values::F32(zero_points))
    } else {
        let both = ranges.iter().map(|&range| params.params(range, codes).ok());
        let both = both.collect::<Option<Vec<_>>>()?;
        outputs
            .with("scale", Values::F32(both.iter().map(|p| p.scale()).collect()))
            .with("zero_point", Values::I32(both.iter().map(|p| p.zero_point()).collect()))
    })
}

fn histogram<C: Code>(case: &Case) -> Option<Outputs> {
    let codes = CodeRange::of::<C>();
    let mut observer = HistogramObserver::new(usize::try_from(case.integer("bins")?).ok()?).ok()?;
    for batch in batches(case) {
        observer.observe(batch.as_slice()?);
    }
    let (observed, found) = (observer.observed().ok()?, observer.range(&codes).ok()?);
    let params = qparams::<C>(case)?.params(found, codes).ok()?;
    let one = |x: f32| Values::F32(vec![x]);
    Some(
        Outputs::default()
            .with("min", one(observed.min()))
            .with("max", one(observed.max()))
            .with("search_min", one(found.min()))
            .with("search_max", one(found.max()))
            .with("scale", one(params.scale()))
            .with("zero_point", Values::I32(vec![params.zero_point()]))
            .with("histogram", Values::F32(observer.histogram().to_vec())),
    )
}

fn dynamic(case: &Case) -> Option<Outputs> {
    let dynamic = if case.flag("reduce_range")? { Dynamic::default().with_reduced_range() } else { Dynamic::default() };
    let mut estimator = MinMax::default();
    estimator.observe(case.f32s("x")?);
    let codes = CodeRange::of::<u8>();
    let range = estimator.range(&codes).ok()?;
    let (scale, zero_point) = dynamic.choose(range, codes).ok()?;
    Some(
        Outputs::default()
            .with("scale_f64", Values::F64(vec![scale]))
            .with("scale", Values::F32(vec![dynamic.params(range, codes).ok()?.scale()]))
            .with("zero_point", Values::I32(vec![zero_point])),
    )
}
