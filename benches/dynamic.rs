//! Measures dynamic quantization: range, scale and zero point, codes, as for activations at run time.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::tensor::quantize_slice_into;
use tensor_quant::{Scaling, Scheme};

struct Buffers {
    x: Vec<f32>,
    copy: Vec<f32>,
    signed: Vec<i8>,
    unsigned: Vec<u8>,
}

fn main() {
    let allocate = |len| Buffers { x: reals(len), copy: vec![0.0; len], signed: vec![0; len], unsigned: vec![0; len] };
    let mut comparison = Comparison::new("dynamic", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n]));

    for (name, scaling) in [("i8 symmetric, reciprocal", Scaling::Reciprocal), ("i8 symmetric", Scaling::Divide)] {
        let scheme = Scheme::<i8>::symmetric().with_scaling(scaling);
        comparison.add(name, move |b, n| {
            quantize_slice_into(&b.x[..n], &scheme, &mut b.signed[..n]).expect("the values are finite");
        });
    }
    for (name, scaling) in [("u8 affine, reciprocal", Scaling::Reciprocal), ("u8 affine", Scaling::Divide)] {
        let scheme = Scheme::<u8>::affine().with_scaling(scaling);
        comparison.add(name, move |b, n| {
            quantize_slice_into(&b.x[..n], &scheme, &mut b.unsigned[..n]).expect("the values are finite");
        });
    }

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit_of_all("limit: multiply", move |b, n| {
            let (min, max) = limit.min_max(&b.x[..n]);
            let scale = max.max(-min) / 127.0;
            // The second pass goes backwards: the cache holds what was read last.
            for (x, codes) in b.x[..n].chunks(1 << 16).zip(b.signed[..n].chunks_mut(1 << 16)).rev() {
                limit.quantize::<false>(x, scale, codes);
            }
        });
    }

    comparison.add("naive, multiply", |b, n| {
        let max_abs = b.x[..n].iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        let inverse = 127.0 / max_abs;
        for (x, code) in b.x[..n].iter().zip(&mut b.signed) {
            *code = (x * inverse).round_ties_even().clamp(-127.0, 127.0) as i8;
        }
    });
    comparison.run();
}
