//! Comparisons and truths.

use super::arithmetic::zip;
use crate::call::Call;
use crate::tensor::{Data, Element, Reason, Tensor};
use tensor_quant::graph::Op;

pub(super) fn compare(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    match (a.data(), b.data()) {
        (Data::F32(_), Data::F32(_)) => of::<f32>(call, a, b),
        (Data::I64(_), Data::I64(_)) => of::<i64>(call, a, b),
        (Data::I32(_), Data::I32(_)) => of::<i32>(call, a, b),
        (Data::I16(_), Data::I16(_)) => of::<i16>(call, a, b),
        (Data::I8(_), Data::I8(_)) => of::<i8>(call, a, b),
        (Data::U8(_), Data::U8(_)) => of::<u8>(call, a, b),
        (Data::Bool(_), Data::Bool(_)) => of::<bool>(call, a, b),
        (a, b) => Err(format!("{} and {}", a.kind(), b.kind())),
    }
}

fn of<E: Element>(call: &Call<'_>, a: &Tensor, b: &Tensor) -> Result<Vec<Tensor>, Reason> {
    let (shape, out) = match call.operator.op {
        Op::Equal => zip(call, a, b, |a: E, b| a == b)?,
        Op::NotEqual => zip(call, a, b, |a: E, b| a != b)?,
        Op::Less => zip(call, a, b, |a: E, b| a < b)?,
        Op::LessEqual => zip(call, a, b, |a: E, b| a <= b)?,
        Op::Greater => zip(call, a, b, |a: E, b| a > b)?,
        Op::GreaterEqual => zip(call, a, b, |a: E, b| a >= b)?,
        _ => return Err(call.unlike()),
    };
    Ok(vec![Tensor::of(shape, out)?])
}

pub(super) fn logical(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let is_and = call.operator.op == Op::LogicalAnd;
    let f = |a: bool, b: bool| if is_and { a & b } else { a | b };
    let (shape, out) = zip(call, call.input(0)?, call.input(1)?, f)?;
    Ok(vec![Tensor::of(shape, out)?])
}

pub(super) fn logical_not(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    Ok(vec![Tensor::of(x.shape().to_vec(), x.elements::<bool>()?.iter().map(|x| !x).collect())?])
}
