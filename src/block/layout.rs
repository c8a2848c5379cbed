//! What a block format is, as data.

use crate::kernel::{self, Restore, Write, restore_blocks, write_blocks};

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

impl Layout {
    /// Returns a format that is only read, with its name and its number in GGUF files.
    pub(crate) const fn read<F: Restore<BYTES, LEN>, const BYTES: usize, const LEN: usize>(
        name: &'static str,
        id: Option<u32>,
    ) -> Self {
        Self {
            name,
            len: LEN,
            bytes: BYTES,
            id,
            quantize: None,
            dequantize: |bytes, out| restore_blocks::<F, BYTES, LEN>(kernel::detect(), bytes, out),
            best: None,
        }
    }

    /// Returns a format to whose blocks an importance is nothing.
    pub(crate) const fn written<F, const BYTES: usize, const LEN: usize>(name: &'static str, id: Option<u32>) -> Self
    where
        F: Restore<BYTES, LEN> + Write<LEN, BYTES>,
    {
        Self {
            quantize: Some(|x, _, out| write_blocks::<F, LEN, BYTES>(kernel::detect(), x, out)),
            ..Self::read::<F, BYTES, LEN>(name, id)
        }
    }
}
