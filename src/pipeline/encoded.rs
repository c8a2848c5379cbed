//! A tensor in the form that a plan decided on.
//!
//! Scales from the largest magnitude are those that other tools give: int8 weights that are computed with in integers are
//! the TFLite converter's, all others ai-edge-quantizer's, bit for bit.

use crate::block::{BlockScheme, BlockTensor};
use crate::convention::tflite;
use crate::error::Result;
use crate::improve::pruned;
use crate::num::{AnyRounding, CodeType};
use crate::params::{AnyCalculator, Granularity, QuantParams};
use crate::range::AnyEstimator;
use crate::recipe::{Compute, Decision, Treatment, spoken};
use crate::tensor::PackedTensor;
use crate::threads::{MOST_THREADS, on_threads, shares};
use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use std::num::NonZeroUsize;

/// Elements that are quantized at once, where the channels allow it: bounds what a convention needs besides.
const SLAB: usize = 1 << 16;

/// Slabs that a thread quantizes before their codes are put together.
const SLABS_AT_ONCE: usize = 16;

/// Quantizes whole channels.
type Quantize<'q> = dyn Fn(ArrayViewD<'_, f32>) -> Result<PackedTensor> + Sync + 'q;

/// Codes and parameters of a tensor, or its values.
#[derive(Debug)]
pub(super) enum Encoded {
    Codes(PackedTensor),
    Blocks(BlockTensor),
    F32(ArrayD<f32>),
}

/// Returns a tensor as a plan decided; `None` if it is kept.
pub(super) fn encode(values: &ArrayD<f32>, decision: &Decision, threads: NonZeroUsize) -> Result<Option<Encoded>> {
    Ok(match decision {
        Decision::Keep => None,
        Decision::Float32 => Some(Encoded::F32(values.clone())),
        Decision::Quantize(treatment) => Some(Encoded::Codes(match treatment.sparsity {
            Some(share) => codes(&pruned(values, share), treatment, threads)?,
            None => codes(values, treatment, threads)?,
        })),
        Decision::Blocks(scheme) => Some(Encoded::Blocks(blocks(values, *scheme, threads)?)),
    })
}

/// Quantizes rows, on several threads: no row knows of another.
fn blocks(values: &ArrayD<f32>, scheme: BlockScheme, threads: NonZeroUsize) -> Result<BlockTensor> {
    let (shape, threads) = (values.shape(), threads.get().min(MOST_THREADS));
    let row_len = shape.last().copied().unwrap_or(1);
    let rows = values.len().checked_div(row_len).unwrap_or(0);
    if threads > 1
        && rows > 1
        && let Some(x) = values.as_slice()
    {
        let shares: Vec<&[f32]> = x.chunks(rows.div_ceil(threads) * row_len).collect();
        let parts = on_threads(shares, &|share| scheme.block.quantize(share, row_len, None, scheme.search));
        // Where a NaN is in all of the tensor is told below.
        if let Ok(parts) = parts.into_iter().collect::<Result<Vec<_>>>() {
            return BlockTensor::from_bytes(scheme.block, shape, parts.concat());
        }
    }
    BlockTensor::quantize(values.view(), scheme, None)
}

fn codes(values: &ArrayD<f32>, treatment: &Treatment, threads: NonZeroUsize) -> Result<PackedTensor> {
    let scheme = &treatment.scheme;
    let is_converters = treatment.compute == Compute::DynamicRange
        && scheme.code == CodeType::I8
        && scheme.estimator == AnyEstimator::default()
        && scheme.rounding == AnyRounding::default()
        && matches!(scheme.calculator, AnyCalculator::MaxAbs(_));
    // What is rounded by chance depends on where it is in the tensor.
    if matches!(scheme.rounding, AnyRounding::Stochastic(_)) {
        return scheme.quantize(values.view());
    }
    in_slabs(values, scheme.granularity, threads, &|slab| {
        if is_converters {
            return tflite::dynamic_range_weights(slab, scheme.granularity).map(PackedTensor::from);
        }
        scheme.quantize(slab)
    })
}

/// Quantizes runs of channels, a few at a time and on several threads: no channel knows of another, so the result is that
/// of one call. Only where groups lie in slabs along the first axis, whose codes are whole bytes; otherwise it is one call, as it is of
/// blocks on one thread, whose parameters are not held in a convention besides.
fn in_slabs(
    values: &ArrayD<f32>,
    granularity: Granularity,
    threads: NonZeroUsize,
    quantize: &Quantize<'_>,
) -> Result<PackedTensor> {
    let threads = threads.get().min(MOST_THREADS);
    let channels = values.shape().first().copied().unwrap_or(0);
    let of_channel = values.len().checked_div(channels).unwrap_or(0).max(1);
    let together = match granularity {
        Granularity::Axis(0) => 1,
        Granularity::Block { axis: 0, size } if threads > 1 => size.clamp(1, channels.max(1)),
        Granularity::Block { .. } if threads > 1 => 1,
        _ => return quantize(values.view()),
    };
    let rows = (SLAB / of_channel).min(channels.div_ceil(threads)).max(1).next_multiple_of(together);
    if rows >= channels || !of_channel.is_multiple_of(8) {
        return quantize(values.view());
    }
    let (mut bytes, mut scales, mut zero_points) = (Vec::new(), Vec::new(), Vec::new());
    let mut first: Option<(CodeType, QuantParams)> = None;
    let slabs: Vec<Slice> = (0..channels).step_by(rows).map(|at| Slice::from(at..(at + rows).min(channels))).collect();
    let on_one_thread = |slabs: &[Slice]| -> Vec<Result<PackedTensor>> {
        slabs.iter().map(|&slab| quantize(values.slice_axis(Axis(0), slab))).collect()
    };
    // A few slabs a thread at a time: more would be held beside the codes that they become.
    for slabs in slabs.chunks(SLABS_AT_ONCE * threads) {
        for result in on_threads(shares(slabs, threads), &on_one_thread).into_iter().flatten() {
            let slab = result?;
            bytes.extend_from_slice(&slab.bytes());
            scales.extend_from_slice(slab.params().scales());
            zero_points.extend_from_slice(slab.params().zero_points());
            first.get_or_insert_with(|| (slab.code_type(), slab.params().clone()));
        }
    }
    let Some((code, params)) = first else { return quantize(values.view()) };
    if !params.offsets().is_empty() {
        return quantize(values.view());
    }
    let params = QuantParams::new(granularity, params.codes(), scales, zero_points)?;
    PackedTensor::from_bytes(code, values.shape(), &bytes, params)
}

impl Encoded {
    /// Returns the elements as they are stored.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Encoded::Codes(q) => q.bytes().into_owned(),
            Encoded::Blocks(q) => q.bytes().to_vec(),
            Encoded::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Returns the scales and zero points; none of a cast.
    pub(super) fn params(&self) -> Option<&QuantParams> {
        match self {
            Encoded::Codes(q) if q.params().codes().is_integer() => Some(q.params()),
            _ => None,
        }
    }
}

impl Decision {
    /// Returns what a tensor becomes, in a few words.
    pub(super) fn describe(&self, before: &str) -> String {
        match self {
            Decision::Keep => before.into(),
            Decision::Float32 => "f32".into(),
            Decision::Blocks(blocks) => blocks.to_string(),
            Decision::Quantize(treatment) => {
                let code = treatment.scheme.code;
                match (&treatment.scheme.calculator, treatment.compute) {
                    (AnyCalculator::Cast(_), _) => code.name().into(),
                    (_, Compute::WeightOnly) => format!("{} weight-only", spoken(code)),
                    (_, Compute::DynamicRange) => format!("{} dynamic", spoken(code)),
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::tensor::AnyScheme;

    fn values(shape: &[usize]) -> ArrayD<f32> {
        let count: usize = shape.iter().product();
        ArrayD::from_shape_vec(shape, (0..count).map(|i| (i as f32 * 0.37).sin() * (i % 11) as f32).collect()).unwrap()
    }

    fn encoded(values: &ArrayD<f32>, scheme: &AnyScheme, threads: usize) -> PackedTensor {
        let treatment = Treatment {
            scheme: scheme.clone(),
            compute: Compute::WeightOnly,
            improve: None,
            rate: None,
            sparsity: None,
        };
        codes(values, &treatment, NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    #[test]
    fn any_number_of_threads_gives_what_one_call_gives() {
        let values = values(&[90, 6, 160]);
        for text in [
            "i8 per axis 0, stochastic 5",
            "i4 per axis 0, mse",
            "i4 per block of 32 along axis 2, mse",
            "u4 affine per block of 7 along axis 0",
            "u8 affine per axis 1",
        ] {
            let scheme: AnyScheme = text.parse().unwrap();
            let want = scheme.quantize(&values).unwrap();
            for threads in [1, 2, 3, 200] {
                assert_eq!(encoded(&values, &scheme, threads), want, "{text} on {threads} threads");
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_blocks_and_errors() {
        let mut values = values(&[3, 7, 64]);
        for text in ["q4_0", "q8_0", "iq4_nl best"] {
            let scheme: BlockScheme = text.parse().unwrap();
            let want = BlockTensor::quantize(values.view(), scheme, None).unwrap();
            for threads in [1, 2, 5, 40] {
                assert_eq!(blocks(&values, scheme, NonZeroUsize::new(threads).unwrap()).unwrap(), want, "{text}");
            }
        }
        values[[2, 3, 9]] = f32::NAN;
        let error = blocks(&values, "q4_0".parse().unwrap(), NonZeroUsize::new(4).unwrap()).unwrap_err();
        assert!(matches!(error, Error::NotANumber { index } if index == [17, 9]));
    }
}
