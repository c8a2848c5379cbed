//! What only the arithmetic of other implementations can come to.

use crate::error::Error;

/// What only the arithmetic of other implementations can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConventionError {
    /// A bias too large for its codes in the scale of its accumulator.
    #[error(
        "bias {bias} of channel {channel} does not fit {bits} bits at a scale of {scale:e}: the weight scale must be at least {smallest_weight_scale:e}"
    )]
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

impl From<ConventionError> for Error {
    fn from(error: ConventionError) -> Self {
        Self::of_floor(error)
    }
}
