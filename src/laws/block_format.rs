//! The laws of block formats: a [`BlockFormat`] of your own.

use super::random::Random;
use super::shrink::{OF_A_NUMBER, Shrink, simpler_number};
use super::trials::{Breach, Trials};
use crate::block::BlockFormat;
use core::fmt::Debug;

super::list::laws! {
    "block_format" of dyn BlockFormat:
    EVERY_BYTE = every_byte(
        "quantize_row(x) does not depend on what `out` held",
        "A byte that is not written is whatever stood there before: two files of the same weights differ."
    ) by every_byte;
    REPEATABLE = repeatable(
        "any bytes restore to the same reals every time, and without a panic",
        "A file may hold any bytes."
    ) by repeatable;
    INDEPENDENT = independent(
        "the blocks of a row are the blocks of its parts, in their order",
        "Rows are quantized by threads, files are read block by block: the order of blocks must not matter."
    ) by independent;
    ZEROS = zeros(
        "zeros restore to zeros",
        "Padding and pruned weights are zeros; a format that moves them adds a constant to every output."
    ) by zeros;
    IDEMPOTENT = idempotent(
        "‖restore(quantize(y)) − y‖ ≤ ‖y − x‖ for y = restore(quantize(x))",
        "A file that is quantized again should lose less than it lost the first time."
    ) by idempotent;
    POWERS_OF_TWO = powers_of_two(
        "restore(quantize(2 x)) = 2 restore(quantize(x))",
        "Scales are floating-point: the unit that weights are measured in must not change what they become."
    ) by powers_of_two;
    BEST = best(
        "Σ w (x − best)² ≤ Σ w (x − plain)²",
        "A search that can lose to what it searches around is no search."
    ) by best;
}

/// Numbers for three blocks, an importance for each, and bytes.
#[derive(Clone, Debug)]
struct Blocks {
    x: Vec<f32>,
    w: Vec<f32>,
    bytes: Vec<u8>,
}

/// Blocks of a case.
const COUNT: usize = 3;

impl Blocks {
    fn of(format: &dyn BlockFormat, x: impl Fn(usize) -> f32) -> Self {
        let n = COUNT * format.block_len();
        let bytes = (0..COUNT * format.block_bytes()).map(|i| (i * 37) as u8).collect();
        Self { x: (0..n).map(x).collect(), w: vec![1.0; n], bytes }
    }

    fn corners(format: &dyn BlockFormat) -> Vec<Self> {
        let mut corners = vec![
            Self::of(format, |_| 1.0),
            Self::of(format, |_| -0.75),
            Self::of(format, |i| if i % 2 == 0 { 1.0 } else { -1.0 }),
            Self::of(format, |i| (i % 17) as f32 / 8.0 - 1.0),
            Self::of(format, |i| if i % 29 == 3 { -7.5 } else { 0.125 }),
        ];
        for byte in [0, 0x7f, 0x80, 0xff] {
            corners.push(Self { bytes: vec![byte; COUNT * format.block_bytes()], ..corners[0].clone() });
        }
        corners
    }

    fn make(random: &mut Random, format: &dyn BlockFormat) -> Self {
        let n = COUNT * format.block_len();
        let kind = random.below(4);
        let mut x: Vec<f32> = (0..n).map(|_| random.normal() as f32).collect();
        for x in &mut x {
            match kind {
                0 => {}
                1 => *x = x.abs(),
                2 => *x *= if random.one_in(20) { 30.0 } else { 1.0 },
                _ => *x *= if random.one_in(3) { 1.0 } else { 0.0 },
            }
        }
        let w = (0..n).map(|_| (random.normal() * random.normal()).abs() as f32).collect();
        Self { x, w, bytes: (0..COUNT * format.block_bytes()).map(|_| random.bits() as u8).collect() }
    }
}

impl Shrink for Blocks {
    fn attempts(&self) -> usize {
        self.x.len() * OF_A_NUMBER
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let mut simpler = self.clone();
        let x = simpler.x.get_mut(k / OF_A_NUMBER)?;
        *x = simpler_number(*x, k % OF_A_NUMBER).filter(|x| x.is_finite())?;
        Some(simpler)
    }
}

/// Checks few cases: each is hundreds of elements.
fn each(
    format: &dyn BlockFormat,
    trials: &Trials,
    check: &dyn Fn(&Blocks) -> Result<(), String>,
) -> Result<(), Breach> {
    // A case of a thousand numbers is not made simpler one number at a time.
    let trials = Trials { shrinks: trials.shrinks.min(2000), ..trials.at_most(48) };
    // `run` takes what owns its numbers.
    let sizes = (format.block_len(), format.block_bytes());
    trials.run(&Blocks::corners(format), &|random| Blocks::make(random, format), &|case: &Blocks| {
        if sizes.0 == 0 || sizes.1 == 0 {
            return Err(format!("blocks of {} elements and {} bytes", sizes.0, sizes.1));
        }
        check(case)
    })
}

fn quantized(format: &dyn BlockFormat, x: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; x.len() / format.block_len() * format.block_bytes()];
    format.quantize_row(x, None, &mut bytes);
    bytes
}

fn restored(format: &dyn BlockFormat, bytes: &[u8]) -> Vec<f32> {
    let mut x = vec![0.0; bytes.len() / format.block_bytes() * format.block_len()];
    format.dequantize_row(bytes, &mut x);
    x
}

fn error(x: &[f32], y: &[f32], w: &[f32]) -> f64 {
    x.iter().zip(y).zip(w).map(|((x, y), w)| f64::from(*w) * (f64::from(*x) - f64::from(*y)).powi(2)).sum()
}

fn every_byte(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, trials, &|case| {
        let first = quantized(format, &case.x);
        for filler in [0x55, 0xff] {
            let mut bytes = vec![filler; first.len()];
            format.quantize_row(&case.x, None, &mut bytes);
            if let Some(i) = (0..bytes.len()).find(|&i| bytes[i] != first[i]) {
                return Err(format!("byte {i} is {:#x} over 0 and {:#x} over {filler:#x}", first[i], bytes[i]));
            }
        }
        Ok(())
    })
}

fn repeatable(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, trials, &|case| {
        let (first, again) = (restored(format, &case.bytes), restored(format, &case.bytes));
        let differs = |i: &usize| first[*i].to_bits() != again[*i].to_bits();
        match (0..first.len()).find(differs) {
            None => Ok(()),
            Some(i) => Err(format!("element {i} is {} and then {}", first[i], again[i])),
        }
    })
}

fn independent(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, trials, &|case| {
        let whole = quantized(format, &case.x);
        let parts: Vec<u8> = case.x.chunks(format.block_len()).flat_map(|x| quantized(format, x)).collect();
        let reals = restored(format, &whole);
        let of_parts: Vec<f32> = whole.chunks(format.block_bytes()).flat_map(|b| restored(format, b)).collect();
        if let Some(i) = (0..whole.len()).find(|&i| whole[i] != parts[i]) {
            return Err(format!("byte {i} is {:#x} in a row and {:#x} alone", whole[i], parts[i]));
        }
        match (0..reals.len()).find(|&i| reals[i].to_bits() != of_parts[i].to_bits()) {
            None => Ok(()),
            Some(i) => Err(format!("element {i} restores to {} in a row and to {} alone", reals[i], of_parts[i])),
        }
    })
}

fn zeros(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, &trials.at_most(1), &|case| {
        let y = restored(format, &quantized(format, &vec![0.0; case.x.len()]));
        match y.iter().position(|y| *y != 0.0) {
            None => Ok(()),
            Some(i) => Err(format!("the zero at {i} restores to {}", y[i])),
        }
    })
}

fn idempotent(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, trials, &|case| {
        let y = restored(format, &quantized(format, &case.x));
        let z = restored(format, &quantized(format, &y));
        let ones = vec![1.0; y.len()];
        let (first, second) = (error(&case.x, &y, &ones), error(&y, &z, &ones));
        // A few roundings of f32 and of a stored scale.
        let rounding = y.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>() * 1e-6;
        if second <= first + rounding {
            Ok(())
        } else {
            Err(format!("the squared error is {first}, and then {second}"))
        }
    })
}

fn powers_of_two(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, trials, &|case| {
        let y = restored(format, &quantized(format, &case.x));
        let twice: Vec<f32> = case.x.iter().map(|x| 2.0 * x).collect();
        let z = restored(format, &quantized(format, &twice));
        match (0..y.len()).find(|&i| z[i] != 2.0 * y[i]) {
            None => Ok(()),
            Some(i) => Err(format!("element {i} restores to {}, and twice it to {}", y[i], z[i])),
        }
    })
}

fn best(format: &dyn BlockFormat, trials: &Trials) -> Result<(), Breach> {
    each(format, &trials.at_most(12), &|case| {
        let mut bytes = quantized(format, &case.x);
        format.quantize_row(&case.x, Some(&case.w), &mut bytes);
        let plain = error(&case.x, &restored(format, &bytes), &case.w);
        format.best_row(&case.x, Some(&case.w), &mut bytes);
        let best = error(&case.x, &restored(format, &bytes), &case.w);
        if best <= plain * (1.0 + 1e-9) {
            Ok(())
        } else {
            Err(format!("the best block costs {best}, the plain one {plain}"))
        }
    })
}
