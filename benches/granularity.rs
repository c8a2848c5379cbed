//! Measures f32 → i8 with many scales, 1024 × 1024 elements: along the first, the last and a middle axis, and in blocks.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ndarray::{ArrayView3, ArrayViewMut3};
use ratio::{Comparison, reals};
use tensor_quant::params::{Granularity, NanPolicy, QuantParams};
use tensor_quant::tensor::quantize_with_params_into;
use tensor_quant::{Scaling, Scheme};

/// The middle axis has 64 channels of 16 neighbours.
const SHAPE: [usize; 3] = [1024, 64, 16];
const ELEMENTS: usize = 1024 * 1024;
const ROW: usize = 1024;

struct Buffers {
    x: Vec<f32>,
    copy: Vec<f32>,
    codes: Vec<i8>,
}

fn main() {
    let allocate = |len| Buffers { x: reals(len), copy: vec![0.0; len], codes: vec![0; len] };
    let mut comparison =
        Comparison::new("granularity", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n])).only(ELEMENTS);

    for scaling in [Scaling::Reciprocal, Scaling::Divide] {
        let name = |reciprocal, divide| if scaling == Scaling::Reciprocal { reciprocal } else { divide };
        let rows = [ROW, 1, ROW];
        add(&mut comparison, name("axis 0, reciprocal", "axis 0, divide"), Granularity::Axis(0), rows, scaling);
        add(&mut comparison, name("last axis, reciprocal", "last axis, divide"), Granularity::Axis(2), rows, scaling);
        let middle = Granularity::Axis(1);
        add(&mut comparison, name("middle axis, reciprocal", "middle axis, divide"), middle, SHAPE, scaling);
        let blocks = Granularity::Block { axis: 2, size: 32 };
        add(&mut comparison, name("blocks of 32, reciprocal", "blocks of 32, divide"), blocks, rows, scaling);
    }

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        let scales = scales(ROW);
        let inverses: Vec<f32> = scales.iter().map(|scale| 1.0 / scale).collect();
        let by_row = ["axis 0, reciprocal", "axis 0, divide", "blocks of 32, reciprocal", "blocks of 32, divide"];
        comparison.add_limit("limit: axis 0", &by_row, move |b, _| {
            for ((x, codes), scale) in b.x.chunks(ROW).zip(b.codes.chunks_mut(ROW)).zip(scales.iter().cycle()) {
                limit.quantize::<false>(x, *scale, codes);
            }
        });
        let by_column =
            ["last axis, reciprocal", "last axis, divide", "middle axis, reciprocal", "middle axis, divide"];
        comparison.add_limit("limit: last axis", &by_column, move |b, _| {
            for (x, codes) in b.x.chunks(ROW).zip(b.codes.chunks_mut(ROW)) {
                limit.quantize_each(x, &inverses, codes);
            }
        });
    }

    comparison.add("naive: last axis", |b, _| {
        let scales = scales(ROW);
        for (x, codes) in b.x.chunks(ROW).zip(b.codes.chunks_mut(ROW)) {
            for ((x, code), scale) in x.iter().zip(codes).zip(&scales) {
                *code = (x / scale).round_ties_even().clamp(-128.0, 127.0) as i8;
            }
        }
    });
    comparison.run();
}

fn scales(channels: usize) -> Vec<f32> {
    (0..channels).map(|channel| 0.02 + channel as f32 * 1e-5).collect()
}

fn add(
    comparison: &mut Comparison<Buffers>,
    name: &'static str,
    granularity: Granularity,
    shape: [usize; 3],
    scaling: Scaling,
) {
    // What is measured is the mapping: nobody looks for NaN.
    let scheme = Scheme::<i8>::symmetric().with_scaling(scaling).with_nan_policy(NanPolicy::Native);
    let groups = granularity.groups(&shape).expect("the axis is there");
    let params = QuantParams::new(granularity, scheme.codes(), scales(groups), vec![0; groups]).expect("valid");
    comparison.add(name, move |b, n| {
        let x = ArrayView3::from_shape(shape, &b.x[..n]).expect("as many elements");
        let codes = ArrayViewMut3::from_shape(shape, &mut b.codes[..n]).expect("as many elements");
        quantize_with_params_into(x, &params, scheme.settings(), codes).expect("everything fits");
    });
}
