//! What a block format is, as data.

/// Writes a row of whole blocks, with an importance for each element or without.
pub(crate) type Quantize = fn(&[f32], Option<&[f32]>, &mut [u8]);

/// A format: its sizes, and the two functions between rows of reals and bytes.
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    /// Elements of a block.
    pub(crate) len: usize,
    /// Bytes of a block.
    pub(crate) bytes: usize,
    /// The number of the type in GGUF files, if they have it.
    pub(crate) id: Option<u32>,
    /// Writes a row of whole blocks, with an importance for each element or without; `None` of formats that are only read.
    pub(crate) quantize: Option<Quantize>,
    /// Restores whole blocks.
    pub(crate) dequantize: fn(&[u8], &mut [f32]),
    /// Writes a row of the best blocks, where that is not what `quantize` writes.
    pub(crate) best: Option<Quantize>,
}
