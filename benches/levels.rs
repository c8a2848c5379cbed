//! Measures the main kernels at each SIMD level of this machine: what an older one has to expect.
//!
//! The best level is the limit of the others.

mod ratio;

use ratio::{Comparison, reals};
use std::hint::black_box;
use tensor_quant::kernel::{self, BINS, HighBits, Level, Mapping, Requantization, exponent_for, levels};
use tensor_quant::num::{F8E4M3Fn, PackOrder, Packing};
use tensor_quant::params::{AffineParams, CodeRange, FixedPointMultiplier, ProductRounding};
use tensor_quant::{HalfAway, Scaling, TiesEven, bf16, f16};

const SCALE: f32 = 0.03;

struct Buffers {
    x: Vec<f32>,
    out: Vec<f32>,
    codes: Vec<i8>,
    floats: Vec<F8E4M3Fn>,
    f16s: Vec<f16>,
    bf16s: Vec<bf16>,
    others: Vec<i8>,
    nibbles: Vec<u8>,
    counts: Box<[u64; BINS]>,
}

type Kernel = fn(Level, &mut Buffers, usize);

const KERNELS: [(&str, Kernel); 18] = [
    ("min and max", |level, b, n| _ = black_box(kernel::min_max(level, &b.x[..n]))),
    ("f32 → i8, reciprocal", |level, b, n| {
        let mapping = Mapping { scaling: Scaling::Reciprocal, ..mapping() };
        kernel::quantize(level, &b.x[..n], &mapping, TiesEven, &mut b.codes[..n], 0);
    }),
    ("f32 → i8, divide", |level, b, n| {
        kernel::quantize(level, &b.x[..n], &mapping(), TiesEven, &mut b.codes[..n], 0);
    }),
    ("f32 → i8, divide, half away", |level, b, n| {
        kernel::quantize(level, &b.x[..n], &mapping(), HalfAway, &mut b.codes[..n], 0);
    }),
    ("i8 → f32", |level, b, n| kernel::dequantize(level, &b.codes[..n], params(), &mut b.out[..n])),
    ("fake-quantize, divide", |level, b, n| {
        kernel::fake_quantize::<_, i8, _>(level, &b.x[..n], &mapping(), TiesEven, &mut b.out[..n], 0);
    }),
    ("f32 → e4m3, reciprocal", |level, b, n| {
        let codes = CodeRange::of::<F8E4M3Fn>();
        let mapping = Mapping { scaling: Scaling::Reciprocal, ..Mapping::new(params(), codes) };
        kernel::quantize(level, &b.x[..n], &mapping, TiesEven, &mut b.floats[..n], 0);
    }),
    ("f32 → f16", |level, b, n| kernel::f32_to_f16(level, &b.x[..n], &mut b.f16s[..n])),
    ("f16 → f32", |level, b, n| kernel::f16_to_f32(level, &b.f16s[..n], &mut b.out[..n])),
    ("f32 → bf16", |level, b, n| kernel::f32_to_bf16(level, &b.x[..n], &mut b.bf16s[..n])),
    ("bf16 → f32", |level, b, n| kernel::bf16_to_f32(level, &b.bf16s[..n], &mut b.out[..n])),
    ("the gradient of fake-quantize", |level, b, n| {
        kernel::fake_quantize_backward(level, &b.x[..n], &b.x[..n], &mapping(), TiesEven, &mut b.out[..n], 0);
    }),
    ("i8 → i8, requantized", |level, b, n| {
        let settings = Requantization {
            multiplier: FixedPointMultiplier::from_real(0.37).expect("a positive number"),
            rounding: ProductRounding::Double,
            zero_point_in: 3,
            zero_point_out: -4,
            codes: (-128, 127),
        };
        kernel::requantize(level, &b.codes[..n], settings, &mut b.others[..n]);
    }),
    ("pack, 4 bits", |level, b, n| kernel::pack(level, &b.codes[..n], nibbles(), 0, &mut b.nibbles[..n / 2])),
    ("unpack, 4 bits", |level, b, n| {
        kernel::unpack(level, &b.nibbles[..n / 2], nibbles(), HighBits::Sign, 0, &mut b.codes[..n]);
    }),
    ("histogram", |level, b, n| kernel::histogram(level, &b.x[..n], exponent_for(8.0), &mut b.counts)),
    ("counts of NaN and infinities", |level, b, n| _ = black_box(kernel::count_non_finite(level, &b.x[..n]))),
    ("error sums", |level, b, n| _ = black_box(kernel::error_sums(level, &b.x[..n], &b.out[..n]))),
];

fn main() {
    let allocate = |len| Buffers {
        x: reals(len),
        out: vec![0.0; len],
        codes: vec![0; len],
        floats: vec![F8E4M3Fn::default(); len],
        f16s: vec![f16::ZERO; len],
        bf16s: vec![bf16::ZERO; len],
        others: vec![0; len],
        nibbles: vec![0; len / 2],
        counts: vec![0; BINS].try_into().expect("so many counts"),
    };
    let mut comparison = Comparison::new("levels", allocate, |b, n| b.out[..n].copy_from_slice(&b.x[..n]));
    let levels = levels();
    let (&best, others) = levels.split_first().expect("a machine has a level");
    for (name, run) in KERNELS {
        let mut slower = Vec::new();
        for &level in others.iter().rev() {
            let variant = named(name, level);
            comparison.add(variant, move |b, n| run(level, b, n));
            slower.push(variant);
        }
        comparison.add_limit(named(name, best), &slower, move |b, n| run(best, b, n));
    }
    comparison.run();
}

fn params() -> AffineParams {
    AffineParams::new(f64::from(SCALE), 0).expect("the scale is positive")
}

fn mapping() -> Mapping {
    Mapping::new(params(), CodeRange::of::<i8>())
}

fn nibbles() -> Packing {
    Packing::new(4, PackOrder::Neighbours).expect("4 bits")
}

/// A comparison wants names that stay.
fn named(kernel: &str, level: Level) -> &'static str {
    let level = format!("{level:?}");
    format!("{kernel}: {}", level.split('(').next().unwrap_or_default()).leak()
}
