//! What both C APIs come to.

/// What an interpreter is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) model: &'a [u8],
    /// The number of the signature in its file; 0 where there is none.
    pub(crate) signature: usize,
    pub(crate) subgraph: usize,
    /// The inputs and outputs of the subgraph.
    pub(crate) inputs: &'a [usize],
    pub(crate) outputs: &'a [usize],
}

/// An input.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// Its number in the subgraph.
    pub(crate) value: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// Runs a model whose values are known by their numbers.
pub(crate) trait Interpreter: Send {
    /// Runs the model on inputs, whatever their shapes.
    fn run(&mut self, inputs: &[Given]) -> Result<(), String>;

    /// Returns the shape and the bytes of an output of the last run.
    fn output(&mut self, value: usize) -> Result<(Vec<usize>, Vec<u8>), String>;
}

/// Returns bytes, aligned as the constants of a model want it.
pub(crate) fn aligned(bytes: &[u8]) -> Vec<u128> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 16];
        word[..chunk.len()].copy_from_slice(chunk);
        u128::from_ne_bytes(word)
    };
    bytes.chunks(16).map(word).collect()
}
