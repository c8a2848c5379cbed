//! Doors that write into memory of the caller ask for none themselves, whatever the element type, granularity and layout.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array, Array2, ArrayView1, ArrayViewMut1, Ix2};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use tensor_quant::num::{Code, Real};
use tensor_quant::params::BlockShape;
use tensor_quant::tensor::{
    DynamicQuantizer, Settings, dequantize_into, dequantize_slice, fake_quantize_backward_into,
    fake_quantize_tensor_into, fake_quantize_with_params_into, quantize_slice_into, quantize_tensor_into,
    quantize_with_params_into,
};
use tensor_quant::{
    AnyScheme, Granularity, HalfAway, I4, NanPolicy, PackedTensor, QuantParams, Quantizer, Scheme, bf16,
    estimate_params, f16,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; the counter is a plain number of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how often memory was asked for; the second call, so that what is detected once is known.
fn allocations(mut call: impl FnMut()) -> usize {
    call();
    let before = ALLOCATIONS.get();
    call();
    ALLOCATIONS.get() - before
}

/// Matrices of 64 to 70,000 elements: one piece, several, several tasks; fewer than threads would be asked for.
const SHAPES: [(usize, usize); 4] = [(4, 16), (64, 64), (33, 200), (70, 1000)];

fn granularities() -> [Granularity; 5] {
    [
        Granularity::Tensor,
        Granularity::Axis(0),
        Granularity::Axis(1),
        Granularity::Block { axis: 1, size: 32 },
        Granularity::Blocks(BlockShape::new(&[2, 16]).unwrap()),
    ]
}

fn matrix<T: Real>((rows, columns): (usize, usize)) -> Array2<T> {
    Array::from_shape_fn((rows, columns), |(i, j)| T::from_f32(((i * columns + j) as f32 * 0.7).sin()))
}

/// Every door that takes known parameters, for one element type and code type.
fn known_parameters<T: Real, C: Code>() {
    for shape in SHAPES {
        let x = matrix::<T>(shape);
        let transposed = x.t();
        for granularity in granularities() {
            let scheme = Scheme::<C>::symmetric().with_granularity(granularity);
            let params = estimate_params(&x, &scheme).unwrap();
            let of_transposed = estimate_params(transposed, &scheme).unwrap();
            let mut codes = Array::<C, Ix2>::default(x.raw_dim());
            let mut codes_t = Array::<C, Ix2>::default(transposed.raw_dim());
            let mut reals = Array2::<f32>::zeros(x.raw_dim());
            let gradient = reals.clone();
            let what = format!("{} to {} {granularity} of {shape:?}", T::NAME, C::NAME);
            for nan_policy in [NanPolicy::Error, NanPolicy::Skip, NanPolicy::Native] {
                let settings = Settings::<C>::default().with_nan_policy(nan_policy);
                let quantizer = Quantizer::new(params.clone(), settings.with_rounding(HalfAway)).unwrap();
                let count = allocations(|| {
                    quantize_with_params_into(&x, &params, settings, codes.view_mut()).unwrap();
                    quantize_with_params_into(transposed, &of_transposed, settings, codes_t.view_mut()).unwrap();
                    fake_quantize_with_params_into(&x, &params, settings, reals.view_mut()).unwrap();
                    fake_quantize_backward_into(&x, &gradient, &params, settings, reals.view_mut()).unwrap();
                    dequantize_into(&codes, &params, reals.view_mut()).unwrap();
                    quantizer.quantize_into(&x, codes.view_mut()).unwrap();
                    quantizer.fake_quantize_into(&x, reals.view_mut()).unwrap();
                    quantizer.dequantize_into(&codes, reals.view_mut()).unwrap();
                });
                assert_eq!(count, 0, "{what}, {nan_policy:?}");
            }
        }
    }
}

#[test]
fn known_parameters_take_no_memory() {
    known_parameters::<f32, i8>();
    known_parameters::<f32, u8>();
    known_parameters::<f32, I4>();
    known_parameters::<f32, i16>();
    known_parameters::<f64, i8>();
    known_parameters::<f16, i8>();
    known_parameters::<bf16, I4>();
    known_parameters::<f32, f16>();
    known_parameters::<f32, tensor_quant::num::F8E4M3Fn>();
}

#[test]
fn one_scale_that_is_found_takes_no_memory() {
    for shape in SHAPES {
        let x = matrix::<f32>(shape);
        let scheme = Scheme::<i8>::symmetric();
        let (mut codes, mut reals) = (Array2::<i8>::zeros(x.raw_dim()), Array2::<f32>::zeros(x.raw_dim()));
        let mut dynamic = DynamicQuantizer::new(AnyScheme::from(scheme));
        let count = allocations(|| {
            quantize_tensor_into(&x, &scheme, codes.view_mut()).unwrap();
            fake_quantize_tensor_into(&x, &scheme, reals.view_mut()).unwrap();
            dynamic.quantize_into(&x, codes.view_mut()).unwrap();
            dynamic.fake_quantize_into(&x, reals.view_mut()).unwrap();
        });
        assert_eq!(count, 0, "{shape:?}");
    }
}

#[test]
fn slices_and_packed_codes_take_no_memory() {
    let x = matrix::<f32>((1, 5000)).into_raw_vec_and_offset().0;
    let params = QuantParams::per_tensor::<i8>(0.01, 0).unwrap();
    let quantizer = Quantizer::new(params.clone(), Settings::<i8>::default()).unwrap();
    let (mut codes, mut reals) = (vec![0_i8; x.len()], vec![0.0; x.len()]);
    let packed: PackedTensor = "i4".parse::<AnyScheme>().unwrap().quantize(ArrayView1::from(&x)).unwrap();
    let count = allocations(|| {
        quantize_slice_into(&x, &Scheme::<i8>::symmetric(), &mut codes).unwrap();
        quantizer.quantize_slice_into(&x, &mut codes).unwrap();
        dequantize_slice(&codes, &params, &mut reals).unwrap();
        packed.dequantize_into(ArrayViewMut1::from(&mut reals)).unwrap();
    });
    assert_eq!(count, 0);
}

#[test]
fn a_nan_takes_no_memory_either() {
    let mut x = matrix::<f32>((33, 200));
    x[[20, 100]] = f32::NAN;
    let scheme = Scheme::<u8>::affine().with_nan_policy(NanPolicy::Skip);
    for granularity in granularities() {
        let params = estimate_params(&x, &scheme.with_granularity(granularity)).unwrap();
        let (mut codes, mut reals) = (Array2::<u8>::zeros(x.raw_dim()), Array2::<f32>::zeros(x.raw_dim()));
        let count = allocations(|| {
            quantize_with_params_into(&x, &params, scheme.settings(), codes.view_mut()).unwrap();
            fake_quantize_with_params_into(&x, &params, scheme.settings(), reals.view_mut()).unwrap();
        });
        assert_eq!(count, 0, "{granularity}");
        assert_eq!(reals[[20, 100]], 0.0);
    }
}
