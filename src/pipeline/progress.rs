//! How far a file is.

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Bytes of tensors that are done.
    pub done: u64,
    /// Bytes of all tensors.
    pub total: u64,
    /// The tensor that is next.
    pub tensor: &'a str,
}
