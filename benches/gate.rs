//! Measures each dispatched kernel against its reference, and fails where it is not faster by the factor expected.
//!
//! A kernel that the compiler no longer vectorises still gives the right answers, only ten times later, and no test
//! notices. This does: `cargo bench --bench gate` exits with code 1.

mod ratio;

use ratio::{Mode, fastest, reals};
use std::hint::black_box;
use std::process::ExitCode;
use tensor_quant::kernel::{self, Level, Mapping, reference};
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Ceil, Rounding, Scaling, TiesEven, f16};

/// As f32, what the second-level cache of most machines holds.
const LEN: usize = 64 << 10;
const ROUNDS: usize = 60;
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
    let x = reals(LEN);
    let codes: Vec<i8> = x.iter().map(|x| (x / 0.03) as i8).collect();
    let f16s: Vec<f16> = x.iter().copied().map(f16::from_f32).collect();

    let mut races = vec![
        quantize("quantize to i8, reciprocal", 4.0, &x, reciprocal, TiesEven),
        quantize("quantize to i8, divide", 4.0, &x, divide, TiesEven),
        quantize("quantize to i8, divide, ceil", 4.0, &x, divide, Ceil),
        dequantize("dequantize i8", 2.2, &codes, params),
        fake_quantize("fake_quantize to i8, divide", 5.0, &x, divide),
        min_max("min_max", 10.0, &x),
    ];
    // Elsewhere the kernel has no instruction for it, and the reference, `half`, may have one.
    if cfg!(target_arch = "x86_64") {
        races.push(f32_to_f16("f32 to f16", 6.0, &x));
        races.push(f16_to_f32("f16 to f32", 4.0, &f16s));
    }

    let mut passed = true;
    for level in gated_levels() {
        for race in &mut races {
            passed &= race.run(level);
        }
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

fn quantize<'a, R: Rounding + 'a>(
    name: &'static str,
    factor: f64,
    x: &'a [f32],
    mapping: Mapping,
    rounding: R,
) -> Race<'a> {
    let (mut out, mut expected) = (vec![0_i8; x.len()], vec![0_i8; x.len()]);
    Race {
        name,
        factor,
        kernel: Box::new(move |level| kernel::quantize(level, x, &mapping, rounding, &mut out, 0)),
        reference: Box::new(move || reference::quantize(x, &mapping, rounding, &mut expected, 0)),
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
