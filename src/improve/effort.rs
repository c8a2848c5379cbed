//! How much is done for better weights.

use serde::{Deserialize, Serialize};

/// What is done with samples for outputs to lose less at the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Nothing: codes are those next to the weights, byte for byte what is written without samples.
    None,
    /// Codes are those next to the weights, and biases take out the shift that they give to the outputs.
    Bias,
    /// Codes, scales and biases are chosen for the outputs.
    #[default]
    Full,
    /// The same, and then layer after layer for what the whole model loses: rows make good of each other's errors, and layers take back what
    /// those behind them lose, where runs are short.
    Model,
}

impl Effort {
    /// Returns whether codes may be others than those next to the weights.
    pub(crate) fn chooses_codes(self) -> bool {
        matches!(self, Self::Full | Self::Model)
    }
}
