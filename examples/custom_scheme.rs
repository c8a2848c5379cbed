//! Your own calculator and rounding, in the same vectorised kernels as the built-in ones, and held to the same laws.

use tensor_quant::laws::{self, Terms};
use tensor_quant::params::{AffineParams, CodeRange, ValueRange};
use tensor_quant::range::MinMax;
use tensor_quant::{ParamsCalculator, Rounding, Scheme, quantize_tensor};

/// The smallest power of two that covers the range: multiplying by the scale is a shift.
#[derive(Clone, Copy, Debug)]
struct Shift;

impl ParamsCalculator for Shift {
    fn params(&self, range: ValueRange, codes: CodeRange) -> tensor_quant::Result<AffineParams> {
        let steps = f64::from(range.max_abs()) / codes.half_width();
        let scale = if steps > 0.0 { steps.log2().ceil().exp2() } else { 1.0 };
        // Of a range that reaches `f32::MAX` the largest code would be an infinity.
        let infinite = scale * codes.half_width() > f64::from(f32::MAX);
        AffineParams::new(if infinite { scale / 2.0 } else { scale }, codes.middle())
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}

/// To the nearest whole number, halves up: an addition and a shift in hardware.
#[derive(Clone, Copy, Debug)]
struct HalfUp;

impl Rounding for HalfUp {
    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        let below = x.floor();
        if x - below >= 0.5 { below + 1.0 } else { below }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let half_up = "halves go up on both sides of zero";
    Terms::default().without(laws::rounding::SIGN_SYMMETRY, half_up).check_rounding(&HalfUp)?;

    let coarse = "a power of two is up to twice as large as need be";
    Terms::default().without(laws::calculator::CONSTANTS, coarse).check_calculator(&Shift)?;

    let scheme = Scheme::<i8, _, _, _>::new(MinMax::default(), Shift, HalfUp).with_axis(0);
    let verdict = Terms::default()
        .without(laws::scheme::SIGN_SYMMETRY, half_up)
        .without(laws::scheme::CONSTANTS, coarse)
        .without(laws::scheme::SQNR_PER_BIT, coarse)
        .check_scheme(&scheme)?;
    println!("{verdict}\n");

    let x = ndarray::Array2::from_shape_fn((4, 1024), |(i, j)| (j as f32 * 0.37).sin() * (i as f32 + 0.7));
    let q = quantize_tensor(x.view(), &scheme)?;
    println!("scales {:?}: {}", q.params().scales(), q.error(x.view())?);
    Ok(())
}
