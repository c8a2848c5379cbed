//! Activations quantized in a loop, as an inference engine or an audio callback does, and how long each call takes.
//!
//! ```sh
//! cargo run --release --example realtime
//! ```

use ndarray::{ArrayView1, ArrayViewMut1};
use std::time::{Duration, Instant};
use tensor_quant::metrics::per_tensor;
use tensor_quant::tensor::{DynamicQuantizer, Settings};
use tensor_quant::{AnyScheme, QuantParams, Quantizer};

/// Calls that are timed, after some that are not.
const CALLS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:<44}{:>10}{:>10}{:>10}", "call", "median", "99.9 %", "worst");
    // Frames of 160, 512 and 1024 samples are what audio comes in; 64 and 4096 values are small and large layers.
    for len in [64, 160, 512, 1024, 4096] {
        let frame: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin() * 0.8).collect();
        let (mut codes, mut restored) = (vec![0_i8; len], vec![0.0_f32; len]);
        let quantizer = Quantizer::new(QuantParams::per_tensor::<i8>(0.8 / 127.0, 0)?, Settings::<i8>::default())?;
        report(&format!("{len} values to int8"), || {
            quantizer.quantize_slice_into(&frame, &mut codes)?;
            Ok(())
        })?;
        report(&format!("{len} values to int8 and back"), || {
            quantizer.quantize_slice_into(&frame, &mut codes)?;
            let view = ArrayView1::from(&codes);
            quantizer.dequantize_into(view, ArrayViewMut1::from(&mut restored))
        })?;
        let mut dynamic = DynamicQuantizer::new("u8 affine".parse::<AnyScheme>()?);
        let mut bytes = vec![0_u8; len];
        report(&format!("{len} values to uint8, range included"), || {
            let view = ArrayView1::from(&frame);
            dynamic.quantize_into(view, ArrayViewMut1::from(&mut bytes))?;
            Ok(())
        })?;
        let largest = frame.iter().zip(&restored).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        println!("{:<44}{largest:>10.2e}", "    largest error of the round trip");
        let sqnr = per_tensor(ArrayView1::from(&frame), ArrayView1::from(&restored))?.sqnr_db();
        println!("{:<44}{sqnr:>7.1} dB", "    signal to quantization noise");
    }
    Ok(())
}

/// Times each of many calls, and prints the median, what 99.9 % stay below, and the worst.
fn report(name: &str, mut call: impl FnMut() -> tensor_quant::Result<()>) -> tensor_quant::Result<()> {
    let mut times = Vec::with_capacity(CALLS);
    for i in 0..CALLS + CALLS / 10 {
        let start = Instant::now();
        call()?;
        let time = start.elapsed();
        if i >= CALLS / 10 {
            times.push(time);
        }
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{name:<44}{:>10}{:>10}{:>10}", short(at(0.5)), short(at(0.999)), short(at(1.0)));
    Ok(())
}

fn short(time: Duration) -> String {
    let ns = time.as_nanos();
    if ns < 10_000 { format!("{ns} ns") } else { format!("{} µs", ns / 1000) }
}
