//! How much the values of an executor take together.
//!
//! Each value has a share, from when it is held until its last copy goes. Copies share their elements, and so count once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The elements that are held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<AtomicUsize>);

/// What one value counts.
#[derive(Debug)]
pub(crate) struct Share {
    elements: usize,
    meter: Meter,
}

impl Meter {
    pub(crate) fn held(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// Counts so many elements more.
    pub(crate) fn share(&self, elements: usize) -> Share {
        self.0.fetch_add(elements, Relaxed);
        Share { elements, meter: self.clone() }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.meter.0.fetch_sub(self.elements, Relaxed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    #[test]
    fn a_value_counts_once_and_until_its_last_copy_goes() {
        let meter = Meter::default();
        let tensor = Tensor::of(vec![2, 3], vec![0.0_f32; 6]).unwrap();
        assert_eq!(meter.held(), 0);
        tensor.hold(&meter);
        tensor.hold(&meter);
        let copy = tensor.reshaped(vec![6]).unwrap();
        copy.hold(&meter);
        drop(tensor);
        assert_eq!(meter.held(), 6);
        drop(copy);
        assert_eq!(meter.held(), 0);
    }
}
