//! What samples show: the classes that a model should choose.

use super::arrays::arrays;
use super::broken::Broken;
use super::named_array::NamedArray;
use std::path::Path;
use tensor_quant::calibration::RunError;

/// The classes of samples: one for each, or one for each row of what is chosen from, as for each pixel.
///
/// # Examples
///
/// ```
/// use tensor_quant_run::data::Classes;
///
/// let classes = Classes::from(vec![3, 1, 4]);
/// assert_eq!(classes.of(2), [Some(4)]);
/// assert!(classes.of(3).is_empty());
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mlp.npz");
/// assert_eq!(Classes::open(path)?.samples(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// `None` where there is none.
    classes: Vec<Option<usize>>,
    each: usize,
}

impl From<Vec<usize>> for Classes {
    /// Returns one class for each sample.
    fn from(classes: Vec<usize>) -> Self {
        Self { classes: classes.into_iter().map(Some).collect(), each: 1 }
    }
}

impl Classes {
    /// Returns the classes in a file: in a `.npz` those of the array `labels`, or of its only array. Its first axis counts
    /// samples; a negative number stands for no class.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`]: the file cannot be read, has several arrays of other names, or numbers that are not whole.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        let path = path.as_ref();
        let all = arrays(path)?;
        let array = match &all[..] {
            [only] => only,
            several => several.iter().find(|array| array.name() == "labels").ok_or_else(|| {
                let names: Vec<&str> = several.iter().map(NamedArray::name).collect();
                Broken::Format(format!("there is no array \"labels\"; there are {names:?}")).of(path, "labels")
            })?,
        };
        Self::read(array)
    }

    /// Reads classes from an array.
    pub(super) fn read(array: &NamedArray) -> Result<Self, RunError> {
        let Some((_, each)) = array.shape().split_first() else {
            return Err(array.broken("a single number, where classes are due".into()));
        };
        let classes = array.read_integers()?.into_iter().map(|class| usize::try_from(class).ok()).collect();
        Ok(Self { classes, each: each.iter().product() })
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> usize {
        self.classes.len() / self.each.max(1)
    }

    /// Returns the classes of a sample; none behind the last.
    pub fn of(&self, sample: usize) -> &[Option<usize>] {
        sample.checked_mul(self.each).and_then(|at| self.classes.get(at..)?.get(..self.each)).unwrap_or_default()
    }
}
