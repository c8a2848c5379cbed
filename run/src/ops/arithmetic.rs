//! Two values, element by element, the smaller one repeated.

use super::window::activate;
use crate::call::Call;
use crate::tensor::{Data, Element, Reason, Tensor, broadcast};
use crate::view::View;
use tensor_quant::graph::Op;

/// Sums, differences, products and their like, with an activation behind them.
pub(super) fn binary(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let op = call.operator.op;
    let out = match (a.data(), b.data()) {
        (Data::F32(_), Data::F32(_)) => {
            let mut out = match op {
                Op::Add => zip(call, a, b, |a: f32, b| a + b)?,
                Op::Sub => zip(call, a, b, |a: f32, b| a - b)?,
                Op::Mul => zip(call, a, b, |a: f32, b| a * b)?,
                Op::Div => zip(call, a, b, |a: f32, b| a / b)?,
                Op::Maximum => zip(call, a, b, |a: f32, b| if a < b { b } else { a })?,
                Op::Minimum => zip(call, a, b, |a: f32, b| if b < a { b } else { a })?,
                Op::SquaredDifference => zip(call, a, b, |a: f32, b| (a - b) * (a - b))?,
                Op::Pow => zip(call, a, b, f32::powf)?,
                Op::FloorDiv => zip(call, a, b, |a: f32, b| (a / b).floor())?,
                Op::FloorMod => zip(call, a, b, |a: f32, b| floor_mod(a, b))?,
                Op::Atan2 => zip(call, a, b, f32::atan2)?,
                _ => return Err(call.unlike()),
            };
            activate(&mut out.1, call.attributes().activation());
            Tensor::of(out.0, out.1)?
        }
        (Data::I32(_), Data::I32(_)) => integers::<i32>(call, a, b)?,
        (Data::I64(_), Data::I64(_)) => integers::<i64>(call, a, b)?,
        (Data::I16(_), Data::I16(_)) => integers::<i16>(call, a, b)?,
        (Data::I8(_), Data::I8(_)) => integers::<i8>(call, a, b)?,
        (Data::U8(_), Data::U8(_)) => integers::<u8>(call, a, b)?,
        (a, b) => return Err(format!("{} and {}", a.kind(), b.kind())),
    };
    Ok(vec![out])
}

/// The sum of all inputs.
pub(super) fn add_n(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let mut sum = call.input(0)?.clone();
    for number in 1..call.inputs.len() {
        let next = call.input(number)?;
        if next.shape() != sum.shape() {
            return Err(format!("{:?} and {:?}", sum.shape(), next.shape()));
        }
        sum = match sum.data() {
            Data::F32(_) => tensor(zip(call, &sum, next, |a: f32, b| a + b)?)?,
            Data::I32(_) => tensor(zip(call, &sum, next, i32::wrapping_add)?)?,
            other => return Err(other.kind().into()),
        };
    }
    Ok(vec![sum])
}

fn tensor<E: Element>((shape, elements): (Vec<usize>, Vec<E>)) -> Result<Tensor, Reason> {
    Tensor::of(shape, elements)
}

fn floor_mod(a: f32, b: f32) -> f32 {
    let rest = a % b;
    if rest != 0.0 && ((b < 0.0) != (rest < 0.0)) { rest + b } else { rest }
}

/// Arithmetic of integers, which wraps.
trait Integer: Element {
    fn wide(self) -> i64;
    fn narrow(wide: i64) -> Self;
}

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Integer for $t {
            fn wide(self) -> i64 {
                i64::from(self)
            }
            fn narrow(wide: i64) -> Self {
                wide as Self
            }
        }
    )*};
}
integer!(i64, i32, i16, i8, u8);

fn integers<E: Integer>(call: &Call<'_>, a: &Tensor, b: &Tensor) -> Result<Tensor, Reason> {
    let op = call.operator.op;
    if matches!(op, Op::Div | Op::FloorDiv | Op::FloorMod) && b.elements::<E>()?.iter().any(|b| b.wide() == 0) {
        return Err("a division by 0".into());
    }
    let f: fn(i64, i64) -> i64 = match op {
        Op::Add => i64::wrapping_add,
        Op::Sub => i64::wrapping_sub,
        Op::Mul => i64::wrapping_mul,
        Op::Div => i64::wrapping_div,
        Op::Maximum => i64::max,
        Op::Minimum => i64::min,
        Op::SquaredDifference => |a, b| a.wrapping_sub(b).wrapping_mul(a.wrapping_sub(b)),
        Op::Pow => |a, b| u32::try_from(b).map_or(0, |b| a.wrapping_pow(b)),
        Op::FloorDiv => |a, b| {
            let quotient = a.wrapping_div(b);
            if a.wrapping_rem(b) != 0 && ((a < 0) != (b < 0)) { quotient - 1 } else { quotient }
        },
        Op::FloorMod => |a, b| {
            let rest = a.wrapping_rem(b);
            if rest != 0 && ((b < 0) != (rest < 0)) { rest + b } else { rest }
        },
        _ => return Err(format!("{op} of integers")),
    };
    let (shape, mut out) = zip(call, a, b, |a: E, b: E| E::narrow(f(a.wide(), b.wide())))?;
    let (low, high) = call.attributes().activation().bounds();
    if low > f32::MIN || high < f32::MAX {
        for x in &mut out {
            *x = E::narrow(x.wide().max(low as i64).min(high as i64));
        }
    }
    Tensor::of(shape, out)
}

/// Returns a function of each two elements, of two tensors that are broadcast to each other.
pub(super) fn zip<E: Element, R: Element>(
    call: &Call<'_>,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(E, E) -> R,
) -> Result<(Vec<usize>, Vec<R>), Reason> {
    let shape = broadcast(a.shape(), b.shape())?;
    let len = call.room(&shape)?;
    let (x, y) = (a.elements::<E>()?, b.elements::<E>()?);
    let out = match (x, y) {
        _ if len == 0 => Vec::new(),
        _ if x.len() == len && y.len() == len => x.iter().zip(y).map(|(&a, &b)| f(a, b)).collect(),
        (&[a], _) if y.len() == len => y.iter().map(|&b| f(a, b)).collect(),
        (_, &[b]) if x.len() == len => x.iter().map(|&a| f(a, b)).collect(),
        // The one is repeated as a whole: channels, as a rule.
        _ if x.len() == len && is_tail(b.shape(), &shape) => rows(x, y, f),
        _ if y.len() == len && is_tail(a.shape(), &shape) => rows(y, x, |b, a| f(a, b)),
        _ => {
            let spread = |side: &Tensor| View::of(side.shape()).broadcast(&shape)?.copy(side);
            let (a, b) = (spread(a)?, spread(b)?);
            a.elements::<E>()?.iter().zip(b.elements::<E>()?).map(|(&a, &b)| f(a, b)).collect()
        }
    };
    Ok((shape, out))
}

fn rows<E: Element, R: Element>(x: &[E], row: &[E], f: impl Fn(E, E) -> R) -> Vec<R> {
    let mut out = Vec::with_capacity(x.len());
    for x in x.chunks_exact(row.len()) {
        out.extend(x.iter().zip(row).map(|(&a, &b)| f(a, b)));
    }
    out
}

/// Returns whether a shape is the end of another, but for axes of length 1 in front.
fn is_tail(part: &[usize], whole: &[usize]) -> bool {
    let ones = part.iter().take_while(|&&len| len == 1).count();
    whole.ends_with(&part[ones..])
}
