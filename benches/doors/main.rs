//! Measures every public door beside memcpy, and beside the least work that does the same.
//!
//! A row is named after the door as a user types it, and then after what it is given. `tests/architecture` fails for a door
//! that has no row. `cargo bench --bench doors -- --table` prints the table alone; words after it choose rows. With `--gate` it fails
//! where a door takes far more time than the kernel below it.

mod blocks;
mod buffers;
mod conventions;
mod estimators;
mod kernels;
#[cfg(target_arch = "x86_64")]
#[path = "../limit/mod.rs"]
mod limit;
mod limits;
mod metrics;
#[path = "../ratio/mod.rs"]
mod ratio;
mod tensors;

use buffers::Buffers;
use ratio::Comparison;
use std::env;
use std::process::ExitCode;
use tensor_quant::kernel::detect;

/// As f32, what fills caches of the first, second and third level, and none.
const SIZES: [(usize, &str); 4] = [(4 << 10, "4 Ki"), (64 << 10, "64 Ki"), (1 << 20, "1 Mi"), (16 << 20, "16 Mi")];

/// The doors, and what they are compared with.
type Doors = Comparison<Buffers>;

/// Elements with which doors are held against their limits.
const GATED: usize = 64 << 10;
/// How many times its limit, or memcpy where nobody wrote one, a door takes at most. About twice what was measured on a quiet machine:
/// what a change makes of it by mistake is ten times that.
const ALLOWED: &[(&str, f64)] = &[
    ("quantize_tensor, i8 per tensor", 3.0),
    ("quantize_tensor, i8 per axis 0", 4.0),
    ("quantize_tensor, i8 per last axis", 4.0),
    ("quantize_tensor, i8 in blocks of 32", 4.0),
    ("quantize_tensor, I4 in blocks of 32", 5.0),
    ("quantize_tensor, u8 affine in blocks of 32", 5.0),
    ("quantize_tensor, i8 per tensor, transposed", 12.0),
    ("quantize_tensor, i8 per axis 0, transposed", 18.0),
    ("quantize_tensor, i8 in blocks of 32, transposed", 27.0),
    ("quantize_tensor, f16 → i8 per tensor", 5.0),
    ("quantize_tensor, f64 → i8 per tensor", 8.0),
    ("quantize_with_params_into, i8", 5.0),
    ("Quantizer::quantize_into, i8", 5.0),
    ("Quantizer::dequantize_into, i8", 3.0),
    ("fake_quantize_tensor_into, i8", 4.0),
    ("fake_quantize_backward_into, i8", 4.0),
    ("AnyScheme::quantize, int8 per tensor", 4.0),
    ("AnyScheme::quantize, int4 in blocks of 32", 5.0),
    ("PackedTensor::dequantize_into, int4", 4.0),
    ("QuantizedTensor::error, i8", 4.0),
    ("QuantizedTensor::error_per_channel, axis 0", 4.0),
    ("ErrorMetrics::between", 3.0),
    ("per_tensor, both transposed", 6.0),
    ("Histogram::add, 64 bins", 25.0),
    ("MeanStd", 20.0),
    ("Percentile, 99.9 %", 50.0),
    ("estimate_params, Mse i8, rows of 1024", 1000.0),
    ("estimate_params, Mse I4, blocks of 32", 1600.0),
    ("tflite::dynamic_range_weights, axis 0", 4.0),
    ("num::pack, I4", 6.0),
    ("num::unpack, I4", 6.0),
    ("kernel::pack, 4 bits", 1.0),
    ("kernel::unpack, 4 bits", 1.5),
    ("kernel::requantize, i8 → i8", 4.0),
    ("kernel::error_sums", 3.0),
];

fn main() -> ExitCode {
    let memcpy = |b: &mut Buffers, n: usize| b.out[..n].copy_from_slice(&b.x[..n]);
    let mut doors = Comparison::new("doors", Buffers::allocate, memcpy).of_sizes(&SIZES);
    limits::add(&mut doors);
    tensors::add(&mut doors);
    metrics::add(&mut doors);
    estimators::add(&mut doors);
    conventions::add(&mut doors);
    blocks::add(&mut doors);
    kernels::add(&mut doors);
    let level = format!("{:?}", detect());
    println!("at the level {}", level.split('(').next().unwrap_or_default());
    if env::args().any(|arg| arg == "--gate") {
        return if doors.gate(GATED, ALLOWED) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    doors.run();
    ExitCode::SUCCESS
}
