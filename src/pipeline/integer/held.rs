//! Samples that are read once, as far as they fit.

use crate::calibration::{RunError, Sample, Samples};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Bytes of samples that are held; others are read anew each time.
const MOST: usize = 48 << 20;

/// Samples of which as many are held as fit: every variant is run on the same ones.
pub(crate) struct Held<'a> {
    of: &'a dyn Samples,
    samples: RefCell<BTreeMap<(Option<String>, usize), Sample>>,
    left: Cell<usize>,
}

impl<'a> Held<'a> {
    pub(crate) fn new(of: &'a dyn Samples) -> Self {
        Self { of, samples: RefCell::default(), left: Cell::new(MOST) }
    }
}

impl Samples for Held<'_> {
    fn count(&self, signature: Option<&str>) -> usize {
        self.of.count(signature)
    }

    fn sample(&self, signature: Option<&str>, number: usize) -> Result<Sample, RunError> {
        let key = (signature.map(str::to_owned), number);
        if let Some(sample) = self.samples.borrow().get(&key) {
            return Ok(sample.clone());
        }
        let sample = self.of.sample(signature, number)?;
        let elements = sample.iter().map(|(_, array)| array.shape().iter().product::<usize>());
        let bytes = elements.sum::<usize>().saturating_mul(size_of::<f32>());
        if let Some(left) = self.left.get().checked_sub(bytes) {
            self.left.set(left);
            self.samples.borrow_mut().insert(key, sample.clone());
        }
        Ok(sample)
    }
}
