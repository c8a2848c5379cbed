//! What only the arithmetic of other implementations can come to.

use crate::error::Error;
use core::fmt;

/// What only the arithmetic of other implementations can come to. [`Error::floor`] has it by its type.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConventionError {
    /// A bias too large for its codes in the scale of its accumulator.
    BiasOverflow {
        /// The channel.
        channel: usize,
        /// The bias.
        bias: f32,
        /// Its scale: that of the input times that of the weights.
        scale: f32,
        /// The bits of a code.
        bits: u32,
        /// The smallest weight scale at which it fits.
        smallest_weight_scale: f32,
    },
}

impl fmt::Display for ConventionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BiasOverflow { channel, bias, scale, bits, smallest_weight_scale } => {
                write!(f, "bias {bias} of channel {channel} does not fit {bits} bits at a scale of {scale:e}: ")?;
                write!(f, "the weight scale must be at least {smallest_weight_scale:e}")
            }
        }
    }
}

impl core::error::Error for ConventionError {}

impl From<ConventionError> for Error {
    fn from(error: ConventionError) -> Self {
        Self::of_floor(error)
    }
}
