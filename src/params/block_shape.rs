//! The lengths of N-dimensional blocks.

use crate::error::{Error, Result};
use core::fmt;
use core::str::FromStr;

/// The most axes that blocks may be cut along.
const MOST_AXES: usize = 8;

/// The length of a block along each axis of a tensor: 128 × 128 elements of a matrix, or one row of each of several matrices.
///
/// The last block of an axis is shorter if need be; a length of [`WHOLE`](Self::WHOLE) stands for all of the axis. The text form is
/// `128x128`, or `1x1x*`.
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{BlockShape, Granularity};
///
/// let blocks = Granularity::Blocks(BlockShape::new(&[128, 128])?);
/// assert_eq!(blocks.groups(&[512, 300])?, 4 * 3);
/// // A scale for each row of each expert.
/// let rows = Granularity::Blocks(BlockShape::new(&[1, 1, BlockShape::WHOLE])?);
/// assert_eq!((rows.groups(&[4, 64, 32])?, rows.to_string()), (256, "per block of 1x1x*".into()));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockShape {
    lengths: [usize; MOST_AXES],
    ndim: usize,
}

impl BlockShape {
    /// The length of a block that takes all of an axis, however long that is.
    pub const WHOLE: usize = usize::MAX;

    /// Returns the shape of blocks of these lengths, one an axis.
    ///
    /// # Errors
    ///
    /// [`Error::BlockSizeZero`], which names the axis; [`Error::InvalidSetting`] unless there are 1 to 8 axes.
    pub fn new(lengths: &[usize]) -> Result<Self> {
        if !(1..=MOST_AXES).contains(&lengths.len()) {
            let (what, expected) = ("the number of axes of blocks", "from 1 to 8");
            return Err(Error::InvalidSetting { what, expected, actual: lengths.len() as f64 });
        }
        if let Some(axis) = lengths.iter().position(|&length| length == 0) {
            return Err(Error::BlockSizeZero { axis });
        }
        let mut shape = Self { lengths: [1; MOST_AXES], ndim: lengths.len() };
        shape.lengths[..lengths.len()].copy_from_slice(lengths);
        Ok(shape)
    }

    /// Returns the length along each axis.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths[..self.ndim]
    }
}

impl fmt::Display for BlockShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, &length) in self.lengths().iter().enumerate() {
            if i > 0 {
                f.write_str("x")?;
            }
            if length == Self::WHOLE { f.write_str("*")? } else { write!(f, "{length}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for BlockShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockShape({self})")
    }
}

impl FromStr for BlockShape {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown =
            || Error::UnknownName { what: "shape of blocks", name: text.into(), expected: ["128x128", "1x1x*"].into() };
        let (mut lengths, mut ndim) = ([0; MOST_AXES], 0);
        for length in text.split(['x', '×']) {
            let place = lengths.get_mut(ndim).ok_or_else(unknown)?;
            *place = match length.trim() {
                "*" => Self::WHOLE,
                number => number.parse().map_err(|_| unknown())?,
            };
            ndim += 1;
        }
        Self::new(&lengths[..ndim])
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(BlockShape);
