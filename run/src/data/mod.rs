//! Samples for models from files: arrays of NumPy's, of safetensors, images; or noise.
//!
//! [`Data`] reads one sample at a time: memory does not grow with their number. Names, shapes and sizes come from files: each is checked
//! against what there is to read before anything is allocated, and what does not fit is an error that names it.

mod arrays;
mod broken;
mod bytes;
mod classes;
mod cut;
mod dump;
mod file;
#[cfg(feature = "images")]
mod images;
mod named_array;
mod names;
mod noise;
mod npy;
mod numbers;
mod reading;
#[cfg(feature = "safetensors")]
mod safetensors;
mod samples;
mod signatures;
#[cfg(test)]
mod tests;
mod zip;

pub use arrays::arrays;
pub use classes::Classes;
pub use dump::{Dump, DumpedValue};
pub use named_array::NamedArray;
pub use numbers::Normalization;
pub use reading::Reading;
pub use samples::Data;
pub use signatures::Signatures;
