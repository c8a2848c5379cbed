//! `.safetensors` files: float tensors in, codes and parameters out, a tensor at a time.
//!
//! # What a quantized file holds
//!
//! | tensor | type | shape |
//! | --- | --- | --- |
//! | `<name>`: the codes | `I8`, `U8`, `I16`, `U16`, `I32` | the original's |
//! | `<name>`, 4-bit codes, packed two to a byte, the first in the low half | `U8` | \[⌈elements / 2⌉\] |
//! | `<name>.scale` | `F32` | \[groups\] |
//! | `<name>.zero_point`, unless all are planned to be 0 | `I32` | \[groups\] |
//! | `<name>.offset`, only if planned | `F32` | \[groups\] |
//! | `<name>`, cast | `F16`, `BF16` | the original's; no scale |
//! | a tensor that was left alone | its own | its own, byte for byte |
//!
//! The file's metadata keep what they held, and get an entry `tensor_quant`: JSON that names the code type, shape, codes
//! in use and granularity of each quantized tensor. With it, [`Reader::restore`] gives the reals back.
//!
//! # Memory and failure
//!
//! Tensors are read and written one at a time; neither file is ever held whole. A file is written under a temporary
//! name in the target's folder, and renamed when it is complete: the target is the old file or the new one, never half
//! of it. Headers are checked before anything is allocated: a length that the file does not have is an error.
//!
//! # Examples
//!
//! ```
//! use tensor_quant::model::safetensors::{Reader, Stored, Writer};
//! use tensor_quant::{Scheme, quantize_tensor};
//! # let folder = tempfile::tempdir()?;
//! # let (input, output) = (folder.path().join("in.safetensors"), folder.path().join("out.safetensors"));
//! # let header = br#"{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}       "#;
//! # let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
//! # bytes.extend_from_slice(header);
//! # for x in [1.0_f32, -2.0, 0.5, 0.25] { bytes.extend_from_slice(&x.to_le_bytes()); }
//! # std::fs::write(&input, bytes)?;
//!
//! let mut reader = Reader::open(&input)?;
//! let scheme = Scheme::<i8>::symmetric().with_axis(0);
//! let plan = reader.tensors().map(|t| (t.name.clone(), Stored::quantized::<i8>(&t.shape, scheme.granularity)));
//! let mut writer = Writer::create(&output, plan.collect(), reader.metadata().clone())?;
//! for name in reader.names() {
//!     let q = quantize_tensor(reader.read(&name)?.view(), &scheme)?;
//!     writer.write_quantized(&name, &q)?;
//! }
//! writer.finish()?;
//!
//! assert_eq!(Reader::open(&output)?.restore("w")?.shape(), [2, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod description;
#[cfg(feature = "pipeline")]
mod foreign;
mod layout;
#[cfg(feature = "pipeline")]
mod parameter_words;
mod reader;
mod writer;

#[cfg(feature = "pipeline")]
pub(crate) use foreign::quantized_by_others;
pub use layout::Stored;
pub use reader::{Reader, TensorInfo};
pub use writer::Writer;
