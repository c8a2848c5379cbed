//! Threads change nothing: the codes, the parameters, what was noticed and which error is reported are the same for any
//! number of them.

#![cfg(feature = "rayon")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array3, ArrayView3, s};
use rayon::ThreadPoolBuilder;
use tensor_quant::params::NanPolicy;
use tensor_quant::range::Percentile;
use tensor_quant::tensor::{fake_quantize_tensor_into, quantize_tensors};
use tensor_quant::{Scheme, Stochastic, quantize_tensor};

/// So many tasks that every thread gets some, and a last one that is not whole.
const SHAPE: [usize; 3] = [7, 300, 257];

fn values() -> Array3<f32> {
    let scramble = |i: usize| (i as u32).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b);
    Array3::from_shape_fn(SHAPE, |(i, j, k)| scramble((i * 300 + j) * 257 + k) as i32 as f32 / 3e8)
}

/// Runs `work` on one, two and five threads and checks that it gives the same.
fn the_same<O: PartialEq + std::fmt::Debug + Send>(work: impl Fn() -> O + Sync) -> O {
    let on = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(&work);
    let alone = on(1);
    assert!(on(2) == alone, "two threads give something else than one");
    assert!(on(5) == alone, "five threads give something else than one");
    alone
}

#[test]
fn codes_parameters_and_counts_of_any_granularity() {
    let mut x = values();
    x[[3, 17, 200]] = f32::INFINITY;
    let random = Scheme::<i8>::symmetric().with_rounding(Stochastic { seed: 5 });
    for scheme in [random, random.with_axis(0), random.with_axis(1), random.with_axis(2), random.with_blocks(2, 32)] {
        let q = the_same(|| quantize_tensor(x.view(), &scheme).unwrap());
        assert_eq!(q.observed().infinite, 1);
        // The same as without tasks: a view that is not contiguous is read in one go.
        let padded = ndarray::concatenate![ndarray::Axis(2), x, x];
        let slow = quantize_tensor(padded.slice(s![.., .., ..257]), &scheme).unwrap();
        assert!(q == slow, "{scheme}: tasks give something else than one go");
        assert!(the_same(|| q.dequantize().mapv(f32::to_bits)) == slow.dequantize().mapv(f32::to_bits));
    }
}

#[test]
fn estimators_that_look_at_every_value() {
    let x = values();
    let scheme = Scheme::<u8>::affine().with_estimator(Percentile::two_sided(0.99).unwrap());
    for scheme in [scheme.clone(), scheme.with_axis(0)] {
        the_same(|| quantize_tensor(x.view(), &scheme).unwrap());
    }
}

#[test]
fn fake_quantization() {
    let x = values();
    the_same(|| {
        let mut out = Array3::zeros(SHAPE);
        fake_quantize_tensor_into(x.view(), &Scheme::<i8>::affine().with_axis(2), out.view_mut()).unwrap();
        out.mapv(f32::to_bits)
    });
}

#[test]
fn the_first_nan_is_the_one_that_is_reported() {
    let mut x = values();
    for at in [[6, 299, 256], [2, 100, 9], [2, 100, 10]] {
        x[at] = f32::NAN;
    }
    let error = the_same(|| quantize_tensor(x.view(), &Scheme::<i8>::symmetric()).unwrap_err().to_string());
    assert!(error.contains("[2, 100, 9]"), "{error}");
    let lenient = Scheme::<i8>::symmetric().with_nan_policy(NanPolicy::Skip);
    assert_eq!(the_same(|| quantize_tensor(x.view(), &lenient).unwrap()).observed().nan, 3);
}

#[test]
fn many_tensors_at_once() {
    let x = values();
    let empty = Array3::<f32>::zeros([0, 3, 2]);
    let mut views: Vec<ArrayView3<'_, f32>> = x.outer_iter().map(|v| v.insert_axis(ndarray::Axis(0))).collect();
    views.insert(2, empty.view());
    let scheme = Scheme::<i8>::symmetric().with_axis(1);
    let found = the_same(|| {
        quantize_tensors(&views, &scheme).into_iter().map(|q| q.map_err(|e| e.to_string())).collect::<Vec<_>>()
    });
    for (found, view) in found.iter().zip(&views) {
        assert!(*found == quantize_tensor(view.view(), &scheme).map_err(|e| e.to_string()));
    }
    assert!(found[2].is_err() && found[3].is_ok());
    assert!(quantize_tensors(&[] as &[ndarray::ArrayView1<'_, f32>], &Scheme::<i8>::affine()).is_empty());
}
