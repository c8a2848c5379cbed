//! Outputs whose range does not depend on the data.

use super::op::Op;

/// The scale and zero point that an output must have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedOutput {
    /// The scale of its codes.
    pub scale: f32,
    /// Their zero point.
    pub zero_point: i32,
}

/// For each operator, what 8-bit and 16-bit outputs have. Source: the kernels of TensorFlow Lite, which refuse others or
/// compute with these whatever the tensor says; measured with LiteRT 2.3.
const FIXED: &[(Op, Option<FixedOutput>, Option<FixedOutput>)] = &[
    (Op::Softmax, Some(at(1.0 / 256.0, -128)), Some(at(1.0 / 32768.0, 0))),
    (Op::Logistic, Some(at(1.0 / 256.0, -128)), Some(at(1.0 / 32768.0, 0))),
    (Op::Tanh, Some(at(1.0 / 128.0, 0)), Some(at(1.0 / 32768.0, 0))),
    (Op::L2Normalization, Some(at(1.0 / 128.0, 0)), None),
    (Op::LogSoftmax, Some(at(16.0 / 256.0, 127)), None),
];

const fn at(scale: f32, zero_point: i32) -> FixedOutput {
    FixedOutput { scale, zero_point }
}

impl Op {
    /// Returns the scale and zero point that the output must have if its codes are signed integers of 8 or 16 bits;
    /// `None` if they follow from the data, and for other widths.
    pub fn fixed_output(self, bits: u32) -> Option<FixedOutput> {
        let (_, int8, int16) = FIXED.iter().find(|(op, ..)| *op == self)?;
        match bits {
            8 => *int8,
            16 => *int16,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_ranges_hold_what_the_functions_give() {
        for (op, low, high) in [(Op::Softmax, 0.0, 1.0), (Op::Logistic, 0.0, 1.0), (Op::Tanh, -1.0, 1.0)] {
            let fixed = op.fixed_output(8).expect("a fixed output");
            let real = |code: i32| fixed.scale * (code - fixed.zero_point) as f32;
            assert!(real(-128) <= low && real(127) >= high - fixed.scale, "{op}");
        }
        assert_eq!(Op::Conv.fixed_output(8), None);
        assert_eq!(Op::LogSoftmax.fixed_output(16), None);
    }
}
