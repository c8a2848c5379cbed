//! A block format and how its blocks are chosen, by value.

use super::block_type::BlockType;
use super::quantize::BlockSearch;
use crate::error::Error;
use core::fmt;
use core::str::FromStr;

/// A block format, and how its blocks are chosen.
///
/// The text form is the format's name, and `best` behind it if the best blocks are searched: `q4_k`, `iq4_nl best`.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::{BlockScheme, BlockSearch, BlockType};
///
/// let scheme: BlockScheme = "q4_0 best".parse()?;
/// assert_eq!(scheme, BlockScheme { block: BlockType::Q4_0, search: BlockSearch::Best });
/// assert_eq!(scheme.to_string(), "q4_0 best");
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockScheme {
    /// The format.
    pub block: BlockType,
    /// How a block is chosen.
    pub search: BlockSearch,
}

impl From<BlockType> for BlockScheme {
    fn from(block: BlockType) -> Self {
        Self { block, search: BlockSearch::default() }
    }
}

impl fmt::Display for BlockScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.search {
            BlockSearch::Plain => self.block.fmt(f),
            BlockSearch::Best => write!(f, "{} best", self.block),
        }
    }
}

impl FromStr for BlockScheme {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, search) = match text.trim().strip_suffix("best") {
            Some(name) if name.ends_with([' ', ',']) => (name.trim_end_matches([' ', ',']), BlockSearch::Best),
            _ => (text, BlockSearch::Plain),
        };
        Ok(Self { block: name.parse()?, search })
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(BlockScheme);
