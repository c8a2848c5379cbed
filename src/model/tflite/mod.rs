//! `.tflite` files (TensorFlow Lite, LiteRT): opened, looked at, changed, saved, and nothing lost.
//!
//! # What is carried over
//!
//! A [`Model`] is the file taken apart: every table with its scalars as they stood, and what it refers to. A compact
//! description says which fields of the schema are references; tables of scalars need no description, and are carried
//! over whatever they are. So are custom operators, metadata, signatures, subgraphs, sparse tensors, references to data in
//! other files, data behind the flatbuffer, and the ZIP archive of labels that some models carry at their end. A field newer than the description
//! that may be a reference is an error that names it: it is never dropped.
//!
//! # What is written
//!
//! Data are 16-aligned, vtables and equal vectors stand once, vtables and tables are laid down front to back. Models of
//! more than 2 GiB keep their buffers behind the flatbuffer.
//!
//! # Memory and failure
//!
//! Only tables are held: weights stay in the file until they are asked for, and are copied from file to file when the
//! model is saved. A file is written under a temporary name and renamed when it is complete. Every length and offset is
//! checked against the file before anything is allocated, and what is visited is counted, so that a small file cannot
//! unfold into a large tree.
//!
//! # Examples
//!
//! ```
//! use tensor_quant::model::tflite::Model;
//! # let folder = tempfile::tempdir()?;
//! # let (input, output) = (folder.path().join("in.tflite"), folder.path().join("out.tflite"));
//! # std::fs::write(&input, [&[16, 0, 0, 0], &b"TFL3"[..], &[6, 0, 8, 0, 4, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0]].concat())?;
//!
//! let model = Model::open(&input)?;
//! assert_eq!(model.version(), 3);
//! for constant in model.constants() {
//!     println!("{} {:?} {}", constant.name, constant.shape, constant.element_type);
//! }
//! model.save(&output)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod attachment;
mod behind;
mod check;
mod constant;
mod control_edges;
mod edges;
mod edit;
mod element_type;
mod expose;
mod lower;
mod model;
mod names;
mod operator;
mod options;
mod reader;
mod rewrite;
mod schema;
mod source;
mod sparse;
mod store_sparse;
mod tree;
mod values;
mod versions;
mod writer;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod writer_tests;

pub use crate::graph::Quantization;
pub use check::{Fault, Severity};
pub use constant::{Constant, TensorId, Use};
pub use edges::Edge;
pub use edit::{NewData, Replacement};
pub use element_type::ElementType;
pub use model::{Model, Operator};
pub use operator::{DynamicRange, Role};
pub use rewrite::{Flag, NewOperator, NewTensor};
pub use versions::integer_version;
