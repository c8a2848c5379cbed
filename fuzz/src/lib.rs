//! What the targets share: a limit on memory, files that live in memory, and schemes made of whatever bytes come.

pub mod conventions;
pub mod memory;
pub mod scheme;
pub mod temporary;
