//! Functions of one value, element by element.

use super::arithmetic::zip;
use crate::call::Call;
use crate::tensor::{Data, Reason, Tensor};
use tensor_quant::graph::{Attributes, Op};

pub(super) fn unary(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let data = match x.data() {
        Data::F32(x) => Data::F32(reals(call, x)?),
        Data::I32(x) => {
            Data::I32(x.iter().map(|&x| integer(call, x.into()).map(|y| y as i32)).collect::<Result<_, _>>()?)
        }
        Data::I64(x) => Data::I64(x.iter().map(|&x| integer(call, x)).collect::<Result<_, _>>()?),
        other => return Err(format!("{} of {}", call.operator.op, other.kind())),
    };
    Ok(vec![Tensor::new(x.shape().to_vec(), data)?])
}

fn integer(call: &Call<'_>, x: i64) -> Result<i64, Reason> {
    Ok(match call.operator.op {
        Op::Abs => x.wrapping_abs(),
        Op::Neg => x.wrapping_neg(),
        Op::Square => x.wrapping_mul(x),
        Op::Sign => x.signum(),
        Op::Relu => x.max(0),
        Op::Relu6 => x.clamp(0, 6),
        Op::ReluN1To1 => x.clamp(-1, 1),
        Op::Relu0To1 => x.clamp(0, 1),
        op => return Err(format!("{op} of integers")),
    })
}

fn reals(call: &Call<'_>, x: &[f32]) -> Result<Vec<f32>, Reason> {
    let attributes = call.attributes();
    Ok(match call.operator.op {
        Op::Relu => each(x, |x| if x < 0.0 { 0.0 } else { x }),
        Op::Relu6 => each(x, |x| x.clamp(0.0, 6.0)),
        Op::ReluN1To1 => each(x, |x| x.clamp(-1.0, 1.0)),
        Op::Relu0To1 => each(x, |x| x.clamp(0.0, 1.0)),
        Op::LeakyRelu => {
            let &Attributes::Slope(slope) = attributes else { return Err(call.unlike()) };
            each(x, |x| if x < 0.0 { x * slope } else { x })
        }
        Op::Elu => each(x, |x| if x < 0.0 { x.exp_m1() } else { x }),
        Op::Gelu => match attributes {
            Attributes::Gelu { approximate: true } => each(x, gelu_by_tanh),
            _ => each(x, |x| 0.5 * x * (1.0 + libm::erff(x * core::f32::consts::FRAC_1_SQRT_2))),
        },
        Op::HardSwish => each(x, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
        Op::Logistic => each(x, |x| 1.0 / (1.0 + (-x).exp())),
        Op::Tanh => each(x, f32::tanh),
        Op::Abs => each(x, f32::abs),
        Op::Neg => each(x, |x| -x),
        Op::Exp => each(x, f32::exp),
        Op::Log => each(x, f32::ln),
        Op::Sqrt => each(x, f32::sqrt),
        Op::Rsqrt => each(x, |x| 1.0 / x.sqrt()),
        Op::Square => each(x, |x| x * x),
        Op::Sin => each(x, f32::sin),
        Op::Cos => each(x, f32::cos),
        Op::Floor => each(x, f32::floor),
        Op::Ceil => each(x, f32::ceil),
        Op::Round => each(x, f32::round_ties_even),
        Op::Sign => each(x, |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        }),
        op => return Err(format!("{op} is no function of one value")),
    })
}

fn each(x: &[f32], f: impl Fn(f32) -> f32) -> Vec<f32> {
    x.iter().map(|&x| f(x)).collect()
}

/// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), of Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
fn gelu_by_tanh(x: f32) -> f32 {
    let inner = (2.0 / core::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}

/// A slope for each element of the negative side, repeated to the shape of the values.
pub(super) fn prelu(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (shape, out) = zip(call, call.input(0)?, call.input(1)?, |x: f32, slope| if x < 0.0 { x * slope } else { x })?;
    Ok(vec![Tensor::of(shape, out)?])
}
