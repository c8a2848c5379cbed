//! TFLite (LiteRT): its converter's weights and biases, its reference kernels, its choice of parameters.

mod activations;
mod bias;
mod choose_params;
mod dynamic_range;
mod row;
mod weights;

pub use activations::{Activations, scheme};
pub use bias::{QuantizedBias, quantize_bias};
pub use choose_params::choose_params;
pub use dynamic_range::dynamic_range_weights;
pub use row::{QuantizedRow, asymmetric_row, symmetric_row};
pub use weights::{Weights, weights};

use crate::error::{Error, Result};
use crate::params::CodeRange;

fn check_integer(codes: CodeRange) -> Result<()> {
    if codes.is_integer() { Ok(()) } else { Err(Error::IntegerCodesOnly { what: "the converter of TFLite" }) }
}
