//! Samples that are read once, as far as they fit.

use crate::calibration::{RunError, Sample, Samples};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Bytes of samples that are held; others are read anew each time.
const MOST: usize = 48 << 20;

/// Samples of which as many are held as fit: every variant is run on the same ones.
pub(crate) struct Held<'a> {
    of: &'a dyn Samples,
    shelf: Mutex<Shelf>,
}

/// The samples that are held, and the bytes that there is room for.
struct Shelf {
    samples: BTreeMap<(Option<String>, usize), Sample>,
    left: usize,
}

impl<'a> Held<'a> {
    pub(crate) fn new(of: &'a dyn Samples) -> Self {
        Self { of, shelf: Mutex::new(Shelf { samples: BTreeMap::new(), left: MOST }) }
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
}
