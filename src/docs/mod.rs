//! Pages to read.

pub mod conventions;
