//! How values are distributed.

use crate::laws::random::Random;

/// How the values of a tensor are distributed.
///
/// All but [`Bits`](Self::Bits) give finite values of any magnitude: half of the time a power of two from 2⁻⁶⁰ to 2⁶⁰ is
/// multiplied with them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Distribution {
    /// Any 32 bits, so NaN, infinities, subnormal numbers and ±`f32::MAX` among them.
    Bits,
    /// Any 32 bits that are a finite number.
    FiniteBits,
    /// A bell: weights of most layers.
    Gaussian,
    /// Two exponential flanks: weights after pruning, gradients.
    Laplace,
    /// Every value between two equally likely.
    Uniform,
    /// Student's t of two degrees of freedom: values far out are rare, but not very.
    HeavyTailed,
    /// A bell, and one value a thousand times as large: activations of transformers.
    OneOutlier,
    /// Zeros of both signs, and here and there a value: what comes out of a ReLU.
    Sparse,
    /// One value, zero included, everywhere.
    Constant,
    /// Two narrow bells, far apart.
    Bimodal,
    /// Numbers below the smallest normal one, 2⁻¹²⁶, and a few just above.
    Subnormal,
    /// Values at and one rounding error beside (k + ½) · scale, the scale being that of a range of 127, 255 or 7 steps.
    NearTie,
    /// Small whole numbers and halves.
    Whole,
    /// Up to ±`f32::MAX`: widths, squares and sums overflow.
    Huge,
    /// Values of one sign, far from zero beside their width.
    OneSided,
}

impl Distribution {
    /// All of finite values.
    pub const FINITE: &[Self] = &[
        Self::FiniteBits,
        Self::Gaussian,
        Self::Laplace,
        Self::Uniform,
        Self::HeavyTailed,
        Self::OneOutlier,
        Self::Sparse,
        Self::Constant,
        Self::Bimodal,
        Self::Subnormal,
        Self::NearTie,
        Self::Whole,
        Self::Huge,
        Self::OneSided,
    ];

    /// Those whose values are ordinary numbers: no matter by which power of two up to 2^±20 they are multiplied, nothing
    /// overflows or is subnormal, however fine the codes.
    pub const ORDINARY: &[Self] = &[
        Self::Gaussian,
        Self::Laplace,
        Self::Uniform,
        Self::HeavyTailed,
        Self::OneOutlier,
        Self::Sparse,
        Self::Constant,
        Self::Bimodal,
        Self::NearTie,
        Self::Whole,
        Self::OneSided,
    ];

    /// Fills `out` with values of this distribution.
    pub(in crate::laws) fn fill(self, random: &mut Random, out: &mut [f32]) {
        let power = 2.0_f64.powi(if random.one_in(2) { random.between(-60, 60) } else { 0 });
        let (centre, spread) = (random.normal() * 3.0, random.unit() * 0.2);
        let own_power = match self {
            Self::Bits | Self::FiniteBits | Self::Subnormal | Self::Huge => 1.0,
            _ => power,
        };
        let steps = f64::from(random.pick(&[127_u8, 255, 7]));
        for x in out.iter_mut() {
            let value = match self {
                Self::Bits => {
                    *x = f32::from_bits(random.bits() as u32);
                    continue;
                }
                Self::FiniteBits => {
                    let bits = random.bits() as u32;
                    let finite = f32::from_bits(bits);
                    f64::from(if finite.is_finite() { finite } else { f32::from_bits(bits & !(1 << 23)) })
                }
                Self::Gaussian | Self::OneOutlier => random.normal(),
                Self::Laplace => -(1.0 - random.unit()).ln() * if random.one_in(2) { 1.0 } else { -1.0 },
                Self::Uniform => random.unit() * 2.0 - 1.0,
                Self::HeavyTailed => random.normal() / (-(1.0 - random.unit()).ln()).sqrt().max(1e-3),
                Self::Sparse => match random.below(8) {
                    0 => random.normal(),
                    k if k % 2 == 0 => -0.0,
                    _ => 0.0,
                },
                Self::Constant => centre,
                Self::Bimodal => random.normal() * 0.05 + if random.one_in(2) { 1.0 } else { -2.0 },
                Self::Subnormal => f64::from(f32::from_bits(random.below(0x00a0_0000) as u32)) * sign(random),
                Self::NearTie => {
                    let half = f64::from(random.between(-255, 255)) / 2.0 / steps;
                    let tie = (half * own_power * 1.3) as f32;
                    let beside = random.between(-1, 1);
                    *x = if tie == 0.0 { tie } else { f32::from_bits(tie.to_bits().wrapping_add_signed(beside)) };
                    continue;
                }
                Self::Whole => f64::from(random.between(-20, 20)) / 2.0,
                Self::Huge => {
                    let (part, sign) = (random.unit(), sign(random));
                    f64::from(f32::MAX) * random.pick(&[1.0, 0.5, part, part]) * sign
                }
                Self::OneSided => centre + centre.signum() * spread * random.unit(),
            };
            *x = (value * own_power) as f32;
        }
        if self == Self::Constant && random.one_in(4) {
            out.fill(0.0);
        }
        let at = random.below(out.len());
        match (self, out.get_mut(at)) {
            (Self::OneOutlier, Some(outlier)) => *outlier *= 1000.0,
            // The largest, of which the scale is a whole fraction.
            (Self::NearTie, Some(largest)) => *largest = (own_power * 1.3) as f32,
            _ => {}
        }
    }
}

fn sign(random: &mut Random) -> f64 {
    if random.one_in(2) { 1.0 } else { -1.0 }
}
