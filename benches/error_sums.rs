//! Measures the sums behind the error metrics: one pass over the original and the restored values.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use std::hint::black_box;
use tensor_quant::kernel::{detect, error_sums, levels};

/// The step of the codes that the restored values come from.
const SCALE: f32 = 0.03;

struct Buffers {
    x: Vec<f32>,
    /// The same, with a NaN in each block.
    with_nans: Vec<f32>,
    restored: Vec<f32>,
    copy: Vec<f32>,
}

fn main() {
    let allocate = |len| {
        let x = reals(len);
        let mut with_nans = x.clone();
        with_nans.iter_mut().step_by(4096).for_each(|x| *x = f32::NAN);
        Buffers {
            with_nans,
            restored: x.iter().map(|x| (x / SCALE).trunc() * SCALE).collect(),
            x,
            copy: vec![0.0; len],
        }
    };
    let mut comparison = Comparison::new("error_sums", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n]));

    let level = detect();
    comparison.add("error_sums", move |b, n| _ = black_box(error_sums(level, &b.x[..n], &b.restored[..n])));
    // The next best level, which is the best one of many machines.
    if let Some(&next) = levels().get(1) {
        comparison.add("error_sums, one level less", move |b, n| {
            _ = black_box(error_sums(next, &b.x[..n], &b.restored[..n]));
        });
    }
    comparison.add("error_sums, a NaN in each block", move |b, n| {
        _ = black_box(error_sums(level, &b.with_nans[..n], &b.restored[..n]));
    });
    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit("limit", &["error_sums"], move |b, n| {
            _ = black_box(limit.error_sums(&b.x[..n], &b.restored[..n]));
        });
    }

    comparison.add("naive, squares only", |b, n| {
        let (mut signal, mut noise) = (0.0, 0.0);
        for (&x, &y) in b.x[..n].iter().zip(&b.restored) {
            let (x, y) = (f64::from(x), f64::from(y));
            signal += x * x;
            noise += (x - y) * (x - y);
        }
        black_box((signal, noise));
    });
    comparison.add("naive, all sums", |b, n| {
        let (mut sums, mut largest) = ([0.0; 6], (0.0, 0));
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for (i, (&x, &y)) in b.x[..n].iter().zip(&b.restored).enumerate() {
            (min, max) = (min.min(x), max.max(x));
            let (x, y) = (f64::from(x), f64::from(y));
            let d = x - y;
            for (sum, term) in sums.iter_mut().zip([d, d.abs(), d * d, x * x, y * y, x * y]) {
                *sum += term;
            }
            if d.abs() > largest.0 {
                largest = (d.abs(), i);
            }
        }
        black_box((sums, largest, min, max));
    });
    comparison.run();
}
