//! What becomes of NaN.

/// What a NaN in the data gives. Range estimation ignores NaN in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum NanPolicy {
    /// An error that names the index of the first NaN: nothing that is not a number gets a code unseen.
    #[default]
    Error,
    /// The zero point: restored as 0.
    Skip,
    /// What the bare mapping gives: the smallest code for integers (as ONNX Runtime), NaN for floating codes.
    ///
    /// NaN is not looked for then. Where a range is estimated it is counted all the same; under parameters that are known already
    /// the values are read once, and nothing is counted.
    Native,
}
