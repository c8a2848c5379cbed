//! Measures each dispatched kernel against its reference, and fails where it is not faster by the factor expected.
//!
//! A kernel that the compiler no longer vectorises still gives the right answers, only ten times later, and no test
//! notices. This does: `cargo bench --bench gate` exits with code 1.

mod ratio;

use ndarray::{ArrayView2, ArrayViewMut2};
use ratio::{Mode, fastest, reals};
use std::hint::black_box;
use std::process::ExitCode;
use tensor_quant::kernel::{self, IntegerWeights, Level, Mapping, reference};
use tensor_quant::num::{Code, F8E4M3Fn};
use tensor_quant::params::{AffineParams, CodeRange, Granularity, NanPolicy, QuantParams};
use tensor_quant::tensor::quantize_with_params_into;
use tensor_quant::{Ceil, HalfAway, Rounding, Scaling, Scheme, TiesEven, bf16, f16};

/// As f32, what the second-level cache of most machines holds.
const LEN: usize = 64 << 10;
const ROUNDS: usize = 60;
/// Of the matrices with many scales.
const COLUMNS: usize = 1024;
/// Of an integer layer.
const DEPTH: usize = 256;
const CHANNELS: usize = 64;
/// How often a kernel may try: another process can slow it down for all of its rounds.
const ATTEMPTS: usize = 3;

/// A kernel, its reference, and how many times as fast as that it has to be.
///
/// The factors lie well between what a vectorised kernel reaches at each level that is gated, and what the same kernel
/// reaches if the compiler gives up and handles one element at a time.
struct Race<'a> {
    name: &'static str,
    factor: f64,
    kernel: Box<dyn FnMut(Level) + 'a>,
    reference: Box<dyn FnMut() + 'a>,
}

fn main() -> ExitCode {
    let params = AffineParams::new(0.03, 0).expect("the scale is positive");
    let divide = Mapping::new(params, CodeRange::of::<i8>());
    let reciprocal = Mapping { scaling: Scaling::Reciprocal, ..divide };
    let e4m3 = Mapping { scaling: Scaling::Reciprocal, ..Mapping::new(params, CodeRange::of::<F8E4M3Fn>()) };
    let x = reals(LEN);
    let codes: Vec<i8> = x.iter().map(|x| (x / 0.03) as i8).collect();
    let restored: Vec<f32> = codes.iter().map(|&code| f32::from(code) * 0.03).collect();
    let f16s: Vec<f16> = x.iter().copied().map(f16::from_f32).collect();
    let weights = IntegerWeights::new(&codes[..DEPTH * CHANNELS], CHANNELS, DEPTH);

    let mut races = vec![
        quantize::<i8, _>("quantize to i8, reciprocal", 12.0, &x, reciprocal, TiesEven),
        quantize::<i8, _>("quantize to i8, divide", 12.0, &x, divide, TiesEven),
        quantize::<i8, _>("quantize to i8, divide, ceil", 8.0, &x, divide, Ceil),
        quantize::<i8, _>("quantize to i8, divide, half away", 8.0, &x, divide, HalfAway),
        quantize::<i8, _>("quantize to i8, divide, a user's rounding", 4.0, &x, divide, HalfDown),
        quantize::<F8E4M3Fn, _>("quantize to e4m3", 3.0, &x, e4m3, TiesEven),
        dequantize("dequantize i8", 2.2, &codes, params),
        fake_quantize("fake_quantize to i8, divide", 12.0, &x, divide),
        min_max("min_max", 10.0, &x),
        error_sums("error_sums", 3.0, &x, &restored),
        integer_matmul("integer_matmul", 5.0, &codes, &weights),
    ];
    // Elsewhere the kernel has no instruction for it, and the reference, `half`, may have one.
    if cfg!(target_arch = "x86_64") {
        races.push(f32_to_f16("f32 to f16", 6.0, &x));
        races.push(f16_to_f32("f16 to f32", 8.0, &f16s));
        races.push(f32_to_bf16("f32 to bf16", 1.8, &x));
    }

    let mut passed = true;
    for level in gated_levels() {
        for race in &mut races {
            passed &= race.run(level);
        }
    }
    // The tensors' functions choose the level themselves.
    for mut race in [
        granularity("last axis", 12.0, &x, Granularity::Axis(1)),
        granularity("blocks of 32", 12.0, &x, Granularity::Block { axis: 1, size: 32 }),
    ] {
        passed &= race.run(kernel::detect());
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Halves down: a rounding that no kernel knows.
#[derive(Clone, Copy, Debug)]
struct HalfDown;

impl Rounding for HalfDown {
    #[inline(always)]
    fn round(self, x: f32, index: u64) -> f32 {
        Ceil.round(x - 0.5, index)
    }
}

/// The levels that are worth a gate: the best one of this machine, and AVX2, which is the best one of most.
fn gated_levels() -> Vec<Level> {
    let levels = kernel::levels();
    #[cfg(target_arch = "x86_64")]
    let levels = levels.into_iter().filter(|level| level.as_avx2().is_some()).collect();
    levels
}

impl Race<'_> {
    /// Returns whether the kernel is fast enough, having printed by how much it is or is not.
    fn run(&mut self, level: Level) -> bool {
        let Self { name, factor, kernel, reference } = self;
        if Mode::from_args() == Mode::Test {
            kernel(level);
            reference();
            return true;
        }
        let mut best = 0.0_f64;
        for _ in 0..ATTEMPTS {
            let times = fastest(2, ROUNDS, |i| if i == 0 { kernel(level) } else { reference() });
            best = best.max(times[1] / times[0]);
            if best >= *factor {
                break;
            }
        }
        let passed = best >= *factor;
        let level = format!("{level:?}");
        let level = level.split('(').next().unwrap_or_default();
        let verdict = if passed { "ok    " } else { "FAILED" };
        println!("{verdict} {name} ({level}): {best:.1} times as fast as its reference; at least {factor} expected");
        passed
    }
}

fn quantize<'a, C: Code, R: Rounding + 'a>(
    name: &'static str,
    factor: f64,
    x: &'a [f32],
    mapping: Mapping,
    rounding: R,
) -> Race<'a> {
    let (mut out, mut expected) = (vec![C::default(); x.len()], vec![C::default(); x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::quantize(level, x, &mapping, rounding, &mut out, 0)),
        reference: Box::new(move || reference::quantize(x, &mapping, rounding, &mut expected, 0)),
    }
}

/// A matrix with many scales, against each of its elements by its own.
fn granularity<'a>(name: &'static str, factor: f64, x: &'a [f32], granularity: Granularity) -> Race<'a> {
    let (shape, scheme) = ([x.len() / COLUMNS, COLUMNS], Scheme::<i8>::symmetric().with_nan_policy(NanPolicy::Native));
    let groups = granularity.groups(&shape).expect("the axis is there");
    let scales = (0..groups).map(|group| 0.02 + group as f32 * 1e-5).collect();
    let params = QuantParams::new(granularity, scheme.codes(), scales, vec![0; groups]).expect("valid");
    let mapping = Mapping::new(AffineParams::new(0.03, 0).expect("positive"), scheme.codes());
    let (mut out, mut expected) = (vec![0_i8; x.len()], vec![0_i8; x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |_| {
            let x = ArrayView2::from_shape(shape, x).expect("as many elements");
            let out = ArrayViewMut2::from_shape(shape, &mut out).expect("as many elements");
            quantize_with_params_into(x, &params, scheme.settings(), out).expect("everything fits");
        }),
        // Which scale it is makes no difference to its time.
        reference: Box::new(move || reference::quantize(x, &mapping, TiesEven, &mut expected, 0)),
    }
}

fn error_sums<'a>(name: &'static str, factor: f64, x: &'a [f32], y: &'a [f32]) -> Race<'a> {
    Race {
        name,
        factor,
        kernel: Box::new(move |level| _ = black_box(kernel::error_sums(level, x, y))),
        reference: Box::new(move || _ = black_box(reference::error_sums(x, y))),
    }
}

fn integer_matmul<'a>(name: &'static str, factor: f64, codes: &'a [i8], weights: &'a IntegerWeights) -> Race<'a> {
    let (x, rows) = (&codes[..16 * DEPTH], &codes[..DEPTH * CHANNELS]);
    let (mut out, mut expected) = (vec![0; 16 * CHANNELS], vec![0; 16 * CHANNELS]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::integer_matmul(level, x, weights, 3, &mut out)),
        reference: Box::new(move || reference::integer_matmul(x, rows, CHANNELS, DEPTH, 3, &mut expected)),
    }
}

fn dequantize<'a>(name: &'static str, factor: f64, codes: &'a [i8], params: AffineParams) -> Race<'a> {
    let (mut out, mut expected) = (vec![0.0; codes.len()], vec![0.0; codes.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::dequantize(level, codes, params, &mut out)),
        reference: Box::new(move || reference::dequantize(codes, params, &mut expected)),
    }
}

fn fake_quantize<'a>(name: &'static str, factor: f64, x: &'a [f32], mapping: Mapping) -> Race<'a> {
    let (mut out, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::fake_quantize::<_, i8, _>(level, x, &mapping, TiesEven, &mut out, 0)),
        reference: Box::new(move || reference::fake_quantize::<_, i8, _>(x, &mapping, TiesEven, &mut expected, 0)),
    }
}

fn min_max<'a>(name: &'static str, factor: f64, x: &'a [f32]) -> Race<'a> {
    Race {
        name,
        factor,
        kernel: Box::new(move |level| _ = black_box(kernel::min_max(level, x))),
        reference: Box::new(move || _ = black_box(reference::min_max(x))),
    }
}

fn f32_to_f16<'a>(name: &'static str, factor: f64, x: &'a [f32]) -> Race<'a> {
    let (mut out, mut expected) = (vec![f16::ZERO; x.len()], vec![f16::ZERO; x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::f32_to_f16(level, x, &mut out)),
        reference: Box::new(move || x.iter().zip(&mut expected).for_each(|(x, out)| *out = f16::from_f32(*x))),
    }
}

fn f16_to_f32<'a>(name: &'static str, factor: f64, x: &'a [f16]) -> Race<'a> {
    let (mut out, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::f16_to_f32(level, x, &mut out)),
        reference: Box::new(move || x.iter().zip(&mut expected).for_each(|(x, out)| *out = x.to_f32())),
    }
}

fn f32_to_bf16<'a>(name: &'static str, factor: f64, x: &'a [f32]) -> Race<'a> {
    let (mut out, mut expected) = (vec![bf16::ZERO; x.len()], vec![bf16::ZERO; x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::f32_to_bf16(level, x, &mut out)),
        reference: Box::new(move || x.iter().zip(&mut expected).for_each(|(x, out)| *out = bf16::from_f32(*x))),
    }
}
