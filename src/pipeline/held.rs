//! Samples that are read once, as far as they fit.

use crate::calibration::{RunError, Sample, Samples};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Samples of which as many are held as fit: every variant is run on the same ones.
pub(super) struct Held<'a> {
    of: &'a dyn Samples,
    shelf: Mutex<Shelf>,
}

/// The samples that are held, and the bytes that there is room for.
struct Shelf {
    samples: BTreeMap<(Option<String>, usize), Sample>,
    left: usize,
}

impl<'a> Held<'a> {
    /// Returns samples of which so many bytes are held; others are read anew each time.
    pub(super) fn new(of: &'a dyn Samples, most: usize) -> Self {
        Self { of, shelf: Mutex::new(Shelf { samples: BTreeMap::new(), left: most }) }
    }
}

impl Samples for Held<'_> {
    fn count(&self, signature: Option<&str>) -> usize {
        self.of.count(signature)
    }

    fn sample(&self, signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        let key = (signature.map(str::to_owned), number);
        let shelf = || self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sample) = shelf().samples.get(&key) {
            return Ok(sample.clone());
        }
        let sample = self.of.sample(signature, number)?;
        let elements = sample.iter().map(|(_, array)| array.shape().iter().product::<usize>());
        let bytes = elements.sum::<usize>().saturating_mul(size_of::<f32>());
        let mut shelf = shelf();
        if let Some(left) = shelf.left.checked_sub(bytes)
            && shelf.samples.insert(key, sample.clone()).is_none()
        {
            shelf.left = left;
        }
        Ok(sample)
    }

    fn is_noise(&self) -> bool {
        self.of.is_noise()
    }
}
