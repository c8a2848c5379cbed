//! How a real is brought to the scale of the codes.

/// How the quotient real / scale is computed.
///
/// The two differ in the last bit for about one quotient in four, and so in the code of values that lie on, or one
/// rounding error beside, the middle between two codes. Neither is wrong; implementations chose one or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Scaling {
    /// `x / scale`, correctly rounded: ONNX, and TFLite's reference kernels.
    #[default]
    Divide,
    /// `x · (1 / scale)`, both steps rounded to f32: PyTorch, ggml; in the first- and second-level cache more than
    /// twice as fast.
    Reciprocal,
}
