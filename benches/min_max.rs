//! Measures the search for the smallest and largest finite value.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use std::hint::black_box;
use tensor_quant::kernel::{detect, min_max};

struct Buffers {
    x: Vec<f32>,
    copy: Vec<f32>,
}

fn main() {
    let allocate = |len| Buffers { x: reals(len), copy: vec![0.0; len] };
    let mut comparison = Comparison::new("min_max", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n]));

    let level = detect();
    comparison.add("min_max", move |b, n| _ = black_box(min_max(level, &b.x[..n])));

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit("limit", &["min_max"], move |b, n| _ = black_box(limit.min_max(&b.x[..n])));
    }

    comparison.add("naive", |b, n| {
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for &x in b.x[..n].iter().filter(|x| x.is_finite()) {
            min = min.min(x);
            max = max.max(x);
        }
        black_box((min, max));
    });
    comparison.run();
}
