//! A tensor in the form that a plan decided on.
//!
//! Scales from the largest magnitude are those that other tools give: int8 weights that are computed with in integers are
//! the TFLite converter's, all others ai-edge-quantizer's, bit for bit.

use super::outcome::{Histograms, histograms};
use crate::convention::{ai_edge, tflite};
use crate::error::{Error, Result};
use crate::metrics::{ErrorMetrics, Histogram, per_tensor};
use crate::num::{Code, I4, f16};
use crate::params::{Cast, CodeRange, Granularity, NanPolicy, QuantParams, Symmetric};
use crate::range::{Mse, Octav};
use crate::recipe::{Bits, Codes, Compute, Decision, Estimator, Treatment};
use crate::tensor::{QuantizedTensor, Scheme, quantize_tensor};
use ndarray::{Array, ArrayD, ArrayViewD, Axis, Dimension, IxDyn, Slice};
use std::num::NonZeroUsize;

/// Elements that are quantized at once, where the channels allow it: bounds what a convention needs besides.
const SLAB: usize = 1 << 16;

/// Slabs that a thread quantizes before their codes are put together.
const SLABS_AT_ONCE: usize = 16;

/// More threads than any machine has cores for, and few enough to be had.
const MOST_THREADS: usize = 256;

/// Quantizes whole channels.
type Quantize<'q, C> = dyn Fn(ArrayViewD<'_, f32>) -> Result<QuantizedTensor<C, IxDyn>> + Sync + 'q;

/// Codes and parameters of a tensor.
#[derive(Debug)]
pub(super) enum Encoded {
    I8(QuantizedTensor<i8, IxDyn>),
    I4(QuantizedTensor<I4, IxDyn>),
    F16(QuantizedTensor<f16, IxDyn>),
    F32(ArrayD<f32>),
}

/// Returns a tensor as a plan decided; `None` if it is kept.
pub(super) fn encode(values: &ArrayD<f32>, decision: Decision, threads: NonZeroUsize) -> Result<Option<Encoded>> {
    Ok(match decision {
        Decision::Keep => None,
        Decision::Float32 => Some(Encoded::F32(values.clone())),
        // NaN and ±∞ are numbers of float16, too: what was in the model stays in it, and is warned of.
        Decision::Float16 => {
            let scheme = Scheme::<f16>::cast().with_calculator(Cast::ieee()).with_nan_policy(NanPolicy::Native);
            Some(Encoded::F16(quantize_tensor(values.view(), &scheme)?))
        }
        Decision::Quantize(treatment) => Some(integers(values, treatment, threads)?),
    })
}

fn integers(values: &ArrayD<f32>, treatment: Treatment, threads: NonZeroUsize) -> Result<Encoded> {
    let Treatment { bits, compute, estimator, codes, axis } = treatment;
    let is_converters = (compute, estimator, codes) == (Compute::DynamicRange, Estimator::Max, Codes::Narrow);
    Ok(match bits {
        Bits::Eight if is_converters => Encoded::I8(in_slabs(values, axis, threads, &|slab| {
            tflite::dynamic_range_weights(slab, Granularity::Axis(axis))
        })?),
        Bits::Eight => Encoded::I8(in_slabs(values, axis, threads, &|slab| channels(slab, treatment))?),
        Bits::Four => Encoded::I4(in_slabs(values, axis, threads, &|slab| channels(slab, treatment))?),
    })
}

/// Quantizes whole channels as a treatment says.
fn channels<C: Code>(values: ArrayViewD<'_, f32>, treatment: Treatment) -> Result<QuantizedTensor<C, IxDyn>> {
    let axis = treatment.axis;
    let calculator = match treatment.codes {
        Codes::Narrow => Symmetric::narrow(),
        Codes::Full => Symmetric::full(),
    };
    let scheme = Scheme::<C>::symmetric().with_calculator(calculator).with_axis(axis);
    match (treatment.estimator, treatment.codes) {
        (Estimator::Max, Codes::Narrow) => quantize_tensor(values, &ai_edge::weights::<C>().with_axis(axis)),
        (Estimator::Max, Codes::Full) => quantize_tensor(values, &scheme),
        (Estimator::Mse, _) => quantize_tensor(values, &scheme.with_estimator(Mse::default())),
        (Estimator::Octav, _) => quantize_tensor(values, &scheme.with_estimator(Octav::default())),
    }
}

/// Quantizes runs of channels, a few at a time and on several threads: no channel knows of another, so the result is that
/// of one call. Only where channels are the first axis; otherwise it is one call.
fn in_slabs<C: Code>(
    values: &ArrayD<f32>,
    axis: usize,
    threads: NonZeroUsize,
    quantize: &Quantize<'_, C>,
) -> Result<QuantizedTensor<C, IxDyn>> {
    let threads = threads.get().min(MOST_THREADS);
    let channels = values.shape().get(axis).copied().unwrap_or(0);
    let of_channel = values.len().checked_div(channels).unwrap_or(0).max(1);
    let rows = (SLAB / of_channel).min(channels.div_ceil(threads)).max(1);
    if axis != 0 || rows >= channels {
        return quantize(values.view());
    }
    let (mut codes, mut scales, mut zero_points) = (Vec::with_capacity(values.len()), Vec::new(), Vec::new());
    let mut range: Option<CodeRange> = None;
    let slabs: Vec<Slice> = (0..channels).step_by(rows).map(|at| Slice::from(at..(at + rows).min(channels))).collect();
    let on_one_thread = |slabs: &[Slice]| -> Vec<Result<QuantizedTensor<C, IxDyn>>> {
        slabs.iter().map(|&slab| quantize(values.slice_axis(Axis(0), slab))).collect()
    };
    // A few slabs a thread at a time: more would be held beside the codes that they become.
    for slabs in slabs.chunks(SLABS_AT_ONCE * threads) {
        let results = if threads == 1 {
            on_one_thread(slabs)
        } else {
            std::thread::scope(|scope| {
                let shares = slabs.chunks(slabs.len().div_ceil(threads));
                let workers: Vec<_> = shares.map(|share| scope.spawn(|| on_one_thread(share))).collect();
                let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
                joined.flat_map(|results| results.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            })
        };
        for result in results {
            let (of_slab, params) = result?.into_parts();
            codes.extend_from_slice(of_slab.as_slice().unwrap_or(&[]));
            scales.extend_from_slice(params.scales());
            zero_points.extend_from_slice(params.zero_points());
            range = Some(params.codes());
        }
    }
    let params = QuantParams::new(Granularity::Axis(0), range.unwrap_or(CodeRange::of::<C>()), scales, zero_points)?;
    QuantizedTensor::new(shaped(values.shape(), codes)?, params)
}

fn shaped<T>(shape: &[usize], elements: Vec<T>) -> Result<ArrayD<T>> {
    let actual = elements.len();
    let expected = shape.iter().product();
    Array::from_shape_vec(IxDyn(shape), elements).map_err(|_| Error::LengthMismatch { what: "codes", expected, actual })
}

impl Encoded {
    /// Returns how far the restored tensor is from the original.
    pub(super) fn error(&self, values: &ArrayD<f32>) -> Result<ErrorMetrics> {
        match self {
            Encoded::I8(q) => q.error(values.view()),
            Encoded::I4(q) => q.error(values.view()),
            Encoded::F16(q) => q.error(values.view()),
            Encoded::F32(same) => per_tensor(values.view(), same.view()),
        }
    }

    /// Returns the histograms that were asked for; `largest` is the largest error.
    pub(super) fn histograms(
        &self,
        values: &ArrayD<f32>,
        largest: f64,
        which: Histograms,
    ) -> Option<(Histogram, Histogram)> {
        match self {
            _ if which == Histograms::None => None,
            Encoded::I8(q) => histograms(values, q, largest),
            Encoded::I4(q) => histograms(values, q, largest),
            Encoded::F16(q) => histograms(values, q, largest),
            Encoded::F32(_) => None,
        }
    }

    /// Returns the elements as they are stored.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Encoded::I8(q) => packed(&q),
            Encoded::I4(q) => packed(&q),
            Encoded::F16(q) => packed(&q),
            Encoded::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Returns the scales; none of floating codes.
    pub(super) fn scales(&self) -> Option<&[f32]> {
        match self {
            Encoded::I8(q) => Some(q.params().scales()),
            Encoded::I4(q) => Some(q.params().scales()),
            Encoded::F16(_) | Encoded::F32(_) => None,
        }
    }
}

fn packed<C: Code, D: Dimension>(q: &QuantizedTensor<C, D>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(C::packed_len(q.codes().len()));
    C::write_packed(q.codes().as_slice().unwrap_or(&[]), &mut bytes);
    bytes
}

impl Decision {
    /// Returns what a tensor becomes, in a few words.
    pub(super) fn describe(self, before: &str) -> String {
        match self {
            Decision::Keep => before.into(),
            Decision::Float16 => "f16".into(),
            Decision::Float32 => "f32".into(),
            Decision::Quantize(treatment) => {
                let bits = match treatment.bits {
                    Bits::Eight => "int8",
                    Bits::Four => "int4",
                };
                let compute = match treatment.compute {
                    Compute::WeightOnly => "weight-only",
                    Compute::DynamicRange => "dynamic",
                };
                format!("{bits} {compute}")
            }
        }
    }
}
