//! How long a call takes that quantizes what an inference, or an audio callback, has at hand: not the mean, but every one of them.
//!
//! Each call is timed by itself, on a machine as it is and then beside a busy neighbour on each core. What is printed is a histogram
//! by powers of two, the median, what 99.9 % stay below, and the worst case.
//!
//! `cargo bench --bench realtime` at the usual priority; `-- --alone` without the neighbours, as under `chrt --fifo 50`, which they
//! would have, too.

use ndarray::{ArrayView1, ArrayViewMut1};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};
use tensor_quant::tensor::{DynamicQuantizer, Settings};
use tensor_quant::{QuantParams, Quantizer, Scheme};

/// Samples of 10 and 32 ms at 16 kHz, and of 21 ms at 48 kHz.
const FRAMES: [usize; 3] = [160, 512, 1024];
const CALLS: usize = 200_000;
/// Calls in a quick test of this program itself.
const FEW: usize = 100;
/// Upper ends of a histogram's columns, in nanoseconds.
const ENDS: [u64; 10] = [64, 128, 256, 512, 1 << 10, 1 << 12, 1 << 14, 1 << 17, 1 << 20, u64::MAX];

fn main() {
    let has = |flag| env::args().any(|arg| arg == flag);
    let calls = if has("--bench") { CALLS } else { FEW };
    let ends = ["64 ns", "128 ns", "256 ns", "512 ns", "1 µs", "4 µs", "16 µs", "131 µs", "1 ms"]
        .map(|end| format!("≤ {end}"));
    println!("| calls of each kind: {calls} | median | 99.9 % | worst | {} | more |", ends.join(" | "));
    println!("|{}", " --- |".repeat(4 + ENDS.len()));
    measure("as it is", calls);
    if has("--alone") {
        return;
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    _ = black_box(busy());
                }
            });
        }
        measure("busy neighbours", calls);
        stop.store(true, Ordering::Relaxed);
    });
}

/// What leaves neither the core nor its second-level cache to others.
fn busy() -> f32 {
    let mut values = vec![1.0_f32; 1 << 18];
    for _ in 0..20 {
        for value in &mut values {
            *value = value.mul_add(0.999, 0.1);
        }
    }
    values.iter().sum()
}

fn measure(machine: &str, calls: usize) {
    report(&format!("{machine}: the clock alone"), calls, || ());
    for len in FRAMES {
        let frame: Vec<f32> = (0..len).map(|i| (i as f32 * 0.037).sin() * 0.8).collect();
        let (mut codes, mut restored) = (vec![0_i8; len], vec![0.0_f32; len]);
        let params = QuantParams::per_tensor::<i8>(0.8 / 127.0, 0).expect("a positive scale");
        let quantizer = Quantizer::new(params, Settings::<i8>::default()).expect("they fit");
        report(&format!("{machine}: {len} samples to int8"), calls, || {
            quantizer.quantize_slice_into(black_box(&frame), &mut codes).expect("a frame");
        });
        report(&format!("{machine}: {len} samples to int8 and back"), calls, || {
            quantizer.quantize_slice_into(black_box(&frame), &mut codes).expect("a frame");
            let out = ArrayViewMut1::from(&mut restored);
            quantizer.dequantize_into(ArrayView1::from(&codes), out).expect("its codes");
        });
        let mut dynamic = DynamicQuantizer::new(Scheme::<i8>::symmetric());
        report(&format!("{machine}: {len} samples to int8, with their range"), calls, || {
            let out = ArrayViewMut1::from(&mut codes);
            dynamic.quantize_into(ArrayView1::from(black_box(&frame)), out).expect("a frame");
        });
        black_box((&codes, &restored));
    }
}

fn report(name: &str, calls: usize, mut call: impl FnMut()) {
    let mut times: Vec<Duration> = Vec::with_capacity(calls);
    for i in 0..calls + calls / 10 {
        let start = Instant::now();
        call();
        let time = start.elapsed();
        // Not the first ones, which meet cold caches.
        if i >= calls / 10 {
            times.push(time);
        }
    }
    times.sort_unstable();
    let at = |share: f64| short(times[((times.len() - 1) as f64 * share) as usize]);
    print!("| {name} | {} | {} | {} |", at(0.5), at(0.999), at(1.0));
    let mut below = 0;
    for end in ENDS {
        let until = times.partition_point(|time| time.as_nanos() <= u128::from(end));
        print!(" {} |", until - below);
        below = until;
    }
    println!();
}

fn short(time: Duration) -> String {
    let ns = time.as_nanos();
    if ns < 10_000 { format!("{ns} ns") } else { format!("{} µs", ns / 1000) }
}
