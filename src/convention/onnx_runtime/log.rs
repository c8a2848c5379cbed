//! The natural logarithm of f32 as numpy computes it.
//!
//! With x = 2ᵏ · m, m in (1/√2, √2], and y = m − 1: `ln x = k · ln 2 + P(y) / Q(y)`, P and Q of degree 5. On CPUs with fused
//! multiply-add, as nearly all that calibration runs on, numpy fuses every step; 4.6 % of the results are one unit in the
//! last place off the correctly rounded ones, enough to decide between ranges of nearly equal divergence.
//!
//! A fused step is a product and a sum in f64, the product exact, and one rounding to f32. (In one of about 2²⁹ cases that
//! rounds twice.)

/// Coefficients of P from the highest.
const P: [f32; 6] = [0.025_899_792, 0.380_883_78, 1.480_000_6, 2.112_677_6, 1.0, 0.0];
/// Coefficients of Q from the highest.
const Q: [f32; 6] = [0.005_875_095_3, 0.154_647_63, 0.986_494_3, 2.453_006, 2.612_677_6, 1.0];

/// Returns ln x of a positive normal number.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let mantissa = f32::from_bits(bits & 0x007F_FFFF | 0x3F80_0000);
    let above = mantissa > core::f32::consts::SQRT_2;
    let (half, one) = if above { (0.5, 1) } else { (1.0, 0) };
    let y = mantissa * half - 1.0;
    let ratio = polynomial(P, y) / polynomial(Q, y);
    fused((exponent + one) as f32, core::f32::consts::LN_2, ratio)
}

#[inline(always)]
fn polynomial(coefficients: [f32; 6], y: f32) -> f32 {
    let [a, b, c, d, e, f] = coefficients;
    fused(fused(fused(fused(fused(a, y, b), y, c), y, d), y, e), y, f)
}

/// `a · b + c`, rounded once.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    (f64::from(a) * f64::from(b) + f64::from(c)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected bits: `numpy.log` 2.4.6 on a CPU with AVX-512.
    #[test]
    fn logarithms_have_the_bits_of_numpy() {
        for (x, expected) in EXPECTED {
            assert_eq!(ln(f32::from_bits(x)).to_bits(), expected, "ln {}", f32::from_bits(x));
        }
    }

    #[test]
    fn logarithms_are_right_to_a_few_units() {
        for bits in (0x0080_0000_u32..0x7F80_0000).step_by(99_991) {
            let x = f32::from_bits(bits);
            let right = num_traits::Float::ln(f64::from(x));
            assert!((f64::from(ln(x)) - right).abs() <= 3e-7 * right.abs().max(0.1), "ln {x}");
        }
    }

    const EXPECTED: [(u32, u32); 32] = [
        (0x3F80_0000, 0x0000_0000),
        (0x4000_0000, 0x3F31_7218),
        (0x3F00_0000, 0xBF31_7218),
        (0x3FB5_04F3, 0x3EB1_7218),
        (0x3FB5_04F4, 0x3EB1_721B),
        (0x3F35_04F3, 0xBEB1_7218),
        (0x0DA2_4260, 0xC28A_27B5),
        (0x7F61_B1E6, 0x42B1_3196),
        (0x3F7F_FFFE, 0xB400_0001),
        (0x3388_1E75, 0xC184_979F),
        (0x37E0_B575, 0xC128_70F7),
        (0x4827_40BB, 0x4140_D0CF),
        (0x41D5_FD18, 0x4052_55B6),
        (0x33BF_1544, 0xC181_E0FB),
        (0x3D8D_21D4, 0xC02B_31EE),
        (0x3EDD_7D64, 0xBF56_83C4),
        (0x35A4_C446, 0xC159_C460),
        (0x4639_B68D, 0x4116_211F),
        (0x3450_C87D, 0xC177_3FFA),
        (0x3C53_47E4, 0xC08B_3A59),
        (0x3FFA_0B4F, 0x3F2B_6B63),
        (0x3D7F_6A10, 0xC031_979F),
        (0x4200_CC06, 0x405E_3450),
        (0x4653_95D9, 0x4118_3758),
        (0x4CA0_EAF6, 0x4192_016A),
        (0x393A_FA54, 0xC10A_1C7B),
        (0x43BE_5397, 0x40BE_23F3),
        (0x4520_23F4, 0x40FB_280F),
        (0x3983_7332, 0xC104_A8A2),
        (0x3116_5722, 0xC19F_85EF),
        (0x4D20_0C07, 0x4197_81DE),
        (0x39A4_FBC5, 0xC101_05F2),
    ];
}
