//! What unusual input gives: the table of the crate's documentation, row by row, and no panic for anything else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod absurd_lengths;
mod anything;
mod constants;
mod empty;
mod ends;
mod errors;
mod finite_stays_finite;
mod infinities;
mod nan;
mod two_codes;

use ndarray::{Array, ArrayViewD, Dimension, IxDyn};
use tensor_quant::metrics::ErrorMetrics;
use tensor_quant::num::{Code, CodeType, CodeVisitor};
use tensor_quant::params::{Symmetric, ValueRange};
use tensor_quant::range::{Fixed, MinMax};
use tensor_quant::{PackedTensor, Result, Scheme};

fn symmetric() -> Scheme<i8, MinMax, Symmetric> {
    Scheme::<i8>::symmetric()
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

/// Of 4 to 32 bits.
const INTEGERS: [CodeType; 7] =
    [CodeType::I8, CodeType::U8, CodeType::I16, CodeType::U16, CodeType::I32, CodeType::I4, CodeType::U4];

fn numbers(q: &PackedTensor) -> Vec<f64> {
    struct Numbers<'a>(&'a PackedTensor);

    impl CodeVisitor for Numbers<'_> {
        type Output = Vec<f64>;

        fn visit<C: Code>(self) -> Vec<f64> {
            self.0.codes::<C>().unwrap().iter().map(|code| code.to_f64()).collect()
        }
    }

    q.code_type().visit(Numbers(q))
}

/// The error by the types of a tensor.
fn error<D: Dimension>(q: &PackedTensor, x: &Array<f32, D>) -> ErrorMetrics {
    struct OfTensor<'a>(&'a PackedTensor, ArrayViewD<'a, f32>);

    impl CodeVisitor for OfTensor<'_> {
        type Output = ErrorMetrics;

        fn visit<C: Code>(self) -> ErrorMetrics {
            self.0.to_typed::<C, IxDyn>().unwrap().error(self.1).unwrap()
        }
    }

    q.code_type().visit(OfTensor(q, x.view().into_dyn()))
}

fn fixed(min: f32, max: f32) -> Fixed {
    Fixed::new(ValueRange::new(min, max).unwrap())
}
