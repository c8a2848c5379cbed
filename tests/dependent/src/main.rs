//! Checks that a crate which depends on tensor-quant gets vectorised kernels from a default release build: 16 codegen units, no
//! link-time optimisation, no target flags. Its own rounding is compiled here, not in the library.
//!
//! ```text
//! cargo run --release --manifest-path tests/dependent/Cargo.toml
//! ```

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use tensor_quant::tensor::{dequantize_slice, quantize_slice, quantize_slice_into};
use tensor_quant::{Rounding, Scaling, Scheme};

const LEN: usize = 64 << 10;
const ROUNDS: usize = 60;
const ATTEMPTS: usize = 3;

/// Halves up.
#[derive(Clone, Copy, Debug)]
struct HalfUp;

impl Rounding for HalfUp {
    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        (x + 0.5).floor()
    }
}

fn main() -> ExitCode {
    let x: Vec<f32> = (0..LEN as u32).map(|i| i.wrapping_mul(0x9e37_79b9) as i32 as f32 / 5e8).collect();
    let (mut codes, mut plain) = (vec![0_i8; LEN], vec![0_i8; LEN]);
    let scheme = Scheme::<i8>::symmetric();
    let mut naive = |x: &[f32]| {
        let scale = x.iter().fold(0.0_f32, |max, x| max.max(x.abs())) / 127.0;
        for (x, code) in x.iter().zip(&mut plain) {
            *code = (x / scale).round_ties_even().clamp(-127.0, 127.0) as i8;
        }
        black_box(&plain);
    };
    let mut passed = true;

    passed &= check("range and codes", 5.0, &mut || naive(&x), &mut || {
        quantize_slice_into(black_box(&x), &scheme, &mut codes).expect("finite values");
    });
    let reciprocal = scheme.with_scaling(Scaling::Reciprocal);
    passed &= check("the same by reciprocal", 5.0, &mut || naive(&x), &mut || {
        quantize_slice_into(black_box(&x), &reciprocal, &mut codes).expect("finite values");
    });
    let own = scheme.with_rounding(HalfUp);
    passed &= check("the same with a rounding of its own", 3.0, &mut || naive(&x), &mut || {
        quantize_slice_into(black_box(&x), &own, &mut codes).expect("finite values");
    });

    let (codes, params) = quantize_slice(&x, &scheme).expect("finite values");
    let (mut out, mut slow) = (vec![0.0; LEN], vec![0.0; LEN]);
    let mut naive = || {
        for (code, out) in codes.iter().zip(&mut slow) {
            *out = f32::from(*code) * params.scales()[0];
        }
        black_box(&slow);
    };
    passed &= check("restored", 1.1, &mut naive, &mut || {
        dequantize_slice(black_box(&codes), &params, &mut out).expect("as many values");
    });
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns whether the fast one is at least so many times as fast as the naive one.
fn check(name: &str, factor: f64, naive: &mut dyn FnMut(), fast: &mut dyn FnMut()) -> bool {
    let mut best = 0.0_f64;
    for _ in 0..ATTEMPTS {
        let (mut naive_time, mut fast_time) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            naive_time = naive_time.min(seconds(naive));
            fast_time = fast_time.min(seconds(fast));
        }
        best = best.max(naive_time / fast_time);
        if best >= factor {
            break;
        }
    }
    let passed = best >= factor;
    println!(
        "{} {name}: {best:.1} times as fast as the plain loop; at least {factor} expected",
        if passed { "ok    " } else { "FAILED" }
    );
    passed
}

fn seconds(run: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}
