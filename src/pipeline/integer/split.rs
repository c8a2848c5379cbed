//! Which samples variants are fitted to, and which judge them.

use crate::calibration::Samples;

/// With more samples than this, halves need not take turns.
const MANY: usize = 128;

/// Every so many samples one judges, and is not calibrated with while variants are compared.
const EVERY: usize = 2;
/// With fewer samples than this all are for both.
const FEW: usize = 3;
/// The most samples of a signature that judge.
const MOST_JUDGES: usize = 48;

/// The samples of a signature, and which of them are for what.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) signature: Option<String>,
    pub(crate) fitting: Vec<usize>,
    pub(crate) judging: Vec<usize>,
}

impl Split {
    /// Returns how a signature's samples are split; with fewer than three all are for both.
    pub(crate) fn new(signature: Option<String>, samples: &dyn Samples) -> Self {
        let count = samples.count(signature.as_deref());
        if count < FEW {
            let all: Vec<usize> = (0..count).collect();
            return Self { signature, fitting: all.clone(), judging: all };
        }
        let (mut judging, mut fitting): (Vec<usize>, Vec<usize>) = (0..count).partition(|i| i % EVERY == EVERY - 1);
        if judging.len() > MOST_JUDGES {
            let step = judging.len() as f64 / MOST_JUDGES as f64;
            let kept: Vec<usize> =
                (0..MOST_JUDGES).filter_map(|i| judging.get((i as f64 * step) as usize).copied()).collect();
            fitting.extend(judging.iter().filter(|i| !kept.contains(i)));
            fitting.sort_unstable();
            judging = kept;
        }
        Self { signature, fitting, judging }
    }

    /// Returns the splits with which variants are compared: this one, and where samples are few, the same with the halves' parts swapped.
    pub(crate) fn folds(splits: Vec<Self>) -> Vec<Vec<Self>> {
        let is_swapped = splits.iter().all(|split| split.fitting != split.judging && split.all().len() <= MANY);
        let swap = |split: &Self| Self {
            signature: split.signature.clone(),
            fitting: split.judging.clone(),
            judging: split.fitting.clone(),
        };
        let swapped = is_swapped.then(|| splits.iter().map(swap).collect());
        [Some(splits), swapped].into_iter().flatten().collect()
    }

    /// Returns the split that has all samples for both.
    pub(crate) fn whole(&self) -> Self {
        Self { signature: self.signature.clone(), fitting: self.all(), judging: self.all() }
    }

    /// Returns all samples of the signature.
    pub(crate) fn all(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.fitting.iter().chain(&self.judging).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Returns the samples that variants are fitted to, by signature.
pub(crate) fn fitting(splits: &[Split]) -> Vec<(Option<&str>, Vec<usize>)> {
    splits.iter().map(|split| (split.signature.as_deref(), split.fitting.clone())).collect()
}
