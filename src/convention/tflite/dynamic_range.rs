//! The weights of dynamic-range models.

use crate::error::{Error, Result};
use crate::kernel;
use crate::num::Real;
use crate::params::{AffineParams, CodeRange, Granularity, ParamsCalculator, QuantParams, ValueRange};
use crate::tensor::{AsView, Observed, QuantizedTensor, estimate_params, for_each_f32_piece_in_any_order};
use alloc::vec;
use alloc::vec::Vec;
use core::iter::repeat_n;
use ndarray::{Array, ArrayView, Dimension};

/// Elements of a group, one after another, from which on they are a call of the kernel by themselves.
const LONG_RUN: usize = 64;

/// Returns weights as dynamic-range models store them: `away(w / (max|w| / 127))`, everything in f64; the stored scale is
/// that f64, rounded to f32. A channel of zeros has a scale of 1.
///
/// # Errors
///
/// [`Error::NotANumber`], [`Error::NoData`], and those of the granularity.
pub fn dynamic_range_weights<T: Real, D: Dimension>(
    weights: impl AsView<Element = T, Dim = D>,
    granularity: Granularity,
) -> Result<QuantizedTensor<i8, D>> {
    let weights = weights.as_view();
    let mut codes = vec![0; weights.len()];
    let one_pass = T::reals(weights.as_slice().unwrap_or_default())
        .as_f32s()
        .zip(length_of_groups(granularity, weights.shape()))
        .and_then(|(slice, len)| in_one_pass(slice, len, &mut codes));
    let scales = match one_pass {
        Some(scales) => scales,
        None => in_two_passes(&weights, granularity, &mut codes)?,
    };
    let stored = scales.iter().map(|&scale| scale as f32).collect();
    let zero_points = vec![0; scales.len()];
    let params = QuantParams::new(granularity, CodeRange::of::<i8>().narrow(), stored, zero_points)?;
    let mismatch = |_| Error::LengthMismatch { what: "codes", expected: weights.len(), actual: weights.len() };
    let codes = Array::from_shape_vec(weights.raw_dim(), codes).map_err(mismatch)?;
    // The kernels saturate at the narrow codes.
    Ok(QuantizedTensor::from_parts(codes, params, Observed::default()))
}

/// Returns the elements of each group, where groups are runs one after another: a tensor, or the first axis that is longer
/// than 1.
fn length_of_groups(granularity: Granularity, shape: &[usize]) -> Option<usize> {
    let len = match granularity {
        Granularity::Tensor => shape.iter().product(),
        Granularity::Axis(axis) if shape.iter().take(axis).all(|&n| n == 1) => shape.get(axis + 1..)?.iter().product(),
        _ => return None,
    };
    (len > 0).then_some(len)
}

/// Writes the codes of groups of `len` elements, each while it is still in the cache, and returns the scales; `None` if a group
/// has a NaN or nothing finite, or there is none.
fn in_one_pass(weights: &[f32], len: usize, codes: &mut [i8]) -> Option<Vec<f64>> {
    let level = kernel::detect();
    let mut scales = Vec::with_capacity(weights.len() / len);
    for (group, codes) in weights.chunks(len).zip(codes.chunks_mut(len)) {
        let seen = kernel::min_max(level, group);
        if seen.nan > 0 || seen.min > seen.max {
            return None;
        }
        let scale = scale_of(seen.max.max(-seen.min));
        kernel::narrow_codes(level, group, scale, codes);
        scales.push(scale);
    }
    (!scales.is_empty()).then_some(scales)
}

/// The same for any granularity and layout.
fn in_two_passes<T: Real, D: Dimension>(
    weights: &ArrayView<'_, T, D>,
    granularity: Granularity,
    codes: &mut [i8],
) -> Result<Vec<f64>> {
    let level = kernel::detect();
    let scheme = super::weights::<i8>().with_granularity(granularity);
    // The parameters are max|w|, so that an f64 scale from them loses nothing.
    let found = estimate_params(weights.view(), &scheme.with_calculator(MaxAbs))?;
    let scales: Vec<f64> = found.scales().iter().map(|&max_abs| scale_of(max_abs)).collect();
    let inverses: Vec<f32> = scales.iter().map(|scale| (1.0 / scale) as f32).collect();
    let (mut own_scales, mut own_inverses) = (Vec::new(), Vec::new());
    for_each_f32_piece_in_any_order(weights, granularity, |span, values| {
        let codes = &mut codes[span.start..span.start + values.len()];
        if span.repeat >= LONG_RUN {
            for (k, (values, codes)) in values.chunks(span.repeat).zip(codes.chunks_mut(span.repeat)).enumerate() {
                kernel::narrow_codes(level, values, scales[span.first_group + k], codes);
            }
            return Ok(());
        }
        let groups = span.first_group..span.first_group + values.len().div_ceil(span.repeat);
        let (mut scales, mut inverses) = (&scales[groups.clone()], &inverses[groups]);
        if span.repeat > 1 {
            own_scales.clear();
            own_inverses.clear();
            for (&scale, &inverse) in scales.iter().zip(inverses) {
                own_scales.extend(repeat_n(scale, span.repeat));
                own_inverses.extend(repeat_n(inverse, span.repeat));
            }
            (scales, inverses) = (&own_scales, &own_inverses);
        }
        kernel::narrow_codes_each(level, values, scales, inverses, codes);
        Ok(())
    })?;
    Ok(scales)
}

/// Returns the scale of weights up to this magnitude. One that has to be raised, so as to be a normal f32, is the one that codes
/// are chosen for.
fn scale_of(max_abs: f32) -> f64 {
    let max_abs = if max_abs == 0.0 { 127.0 } else { f64::from(max_abs.max(f32::MIN_POSITIVE)) };
    (max_abs / 127.0).max(f64::from(f32::MIN_POSITIVE))
}

/// A "scale" that is max|w| itself; 127 for zeros, so that their scale is 1.
#[derive(Clone, Copy, Debug)]
struct MaxAbs;

impl ParamsCalculator for MaxAbs {
    fn params(&self, range: ValueRange, _codes: CodeRange) -> Result<AffineParams> {
        let max_abs = match range.max_abs() {
            0.0 => 127.0,
            max_abs => max_abs.max(f32::MIN_POSITIVE),
        };
        AffineParams::new(f64::from(max_abs), 0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn codes_are_chosen_for_the_scale_that_is_stored() -> Result<()> {
        let tiny = f32::MIN_POSITIVE / 4.0;
        let weights = ndarray::array![[0.0_f32, -0.0], [tiny, -tiny], [0.5, -1.0]];
        let q = dynamic_range_weights(weights.view(), Granularity::Axis(0))?;
        assert_eq!(q.params().scales(), [1.0, f32::MIN_POSITIVE, 1.0 / 127.0]);
        assert_eq!(q.codes(), ndarray::array![[0, 0], [0, 0], [64, -127]]);
        Ok(())
    }

    /// Returns the group of the element at a position.
    type GroupOf<'a> = &'a dyn Fn(usize) -> usize;

    /// The codes as they are defined, one element at a time, by groups that are named by their elements.
    fn defined(weights: &[f32], group_of: GroupOf<'_>, groups: usize) -> Vec<i8> {
        let mut max_abs = vec![0.0_f32; groups];
        for (i, w) in weights.iter().enumerate() {
            max_abs[group_of(i)] = max_abs[group_of(i)].max(w.abs());
        }
        let code = |(i, &w): (usize, &f32)| (f64::from(w) / (f64::from(max_abs[group_of(i)]) / 127.0)).round() as i8;
        weights.iter().enumerate().map(code).collect()
    }

    #[test]
    fn every_granularity_and_layout_gives_the_codes_of_the_definition() -> Result<()> {
        let (rows, columns, depth) = (5, 7, 80);
        let noise = |i: usize| (i.wrapping_mul(0x9e37_79b9) >> 7) as u16;
        let flat: Vec<f32> = (0..rows * columns * depth).map(|i| f32::from(noise(i)) - 30_000.0).collect();
        let weights = Array::from_shape_vec((rows, columns, depth), flat.clone()).unwrap();
        let cases: [(Granularity, GroupOf<'_>, usize); 5] = [
            (Granularity::Tensor, &|_| 0, 1),
            (Granularity::Axis(0), &|i| i / (columns * depth), rows),
            (Granularity::Axis(1), &|i| i / depth % columns, columns),
            (Granularity::Axis(2), &|i| i % depth, depth),
            (Granularity::Block { axis: 2, size: 16 }, &|i| i / 16, rows * columns * depth / 16),
        ];
        for (granularity, group_of, groups) in cases {
            let want = defined(&flat, group_of, groups);
            let got = dynamic_range_weights(weights.view(), granularity)?;
            assert_eq!(got.codes().as_slice().unwrap(), want, "{granularity:?}");
            let strided = weights.clone().reversed_axes().as_standard_layout().into_owned();
            let got = dynamic_range_weights(strided.t(), granularity)?;
            assert_eq!(got.codes().as_slice().unwrap(), want, "{granularity:?}, transposed");
            let doubles = weights.mapv(f64::from);
            let got = dynamic_range_weights(doubles.view(), granularity)?;
            assert_eq!(got.codes().as_slice().unwrap(), want, "{granularity:?}, f64");
        }
        Ok(())
    }

    #[test]
    fn what_has_no_scale_is_an_error_and_infinities_saturate() -> Result<()> {
        let with = |x: f32| ndarray::array![[1.0, 2.0], [x, -1.0]];
        let error = dynamic_range_weights(with(f32::NAN).view(), Granularity::Axis(0)).unwrap_err();
        assert!(matches!(error, Error::NotANumber { index } if index == [1, 0]));
        for granularity in [Granularity::Axis(0), Granularity::Tensor] {
            let empty = ndarray::Array2::<f32>::zeros((0, 3));
            let error = dynamic_range_weights(empty.view(), Granularity::Tensor).unwrap_err();
            assert!(matches!(error, Error::NoData { .. }));
            let infinite = ndarray::array![[f32::INFINITY, f32::INFINITY]];
            let error = dynamic_range_weights(infinite.view(), granularity).unwrap_err();
            assert!(matches!(error, Error::NoData { .. }));
        }
        let q = dynamic_range_weights(with(f32::NEG_INFINITY).view(), Granularity::Axis(0))?;
        assert_eq!(q.codes(), ndarray::array![[64, 127], [-127, -127]]);
        Ok(())
    }
}
