//! Counts of values between edges, as `numpy.histogram` makes them of f32 data.

use alloc::vec;
use alloc::vec::Vec;

/// How many values lie between each two neighbouring edges.
///
/// Bin k holds the values from edge k, inclusive, to edge k + 1, exclusive; the last bin holds those of its upper edge too.
/// There is one edge more than bins.
///
/// It is what ONNX Runtime's `HistogramCollector` holds for a tensor, and what its calibraters look for a range in.
/// [`metrics::Histogram`](crate::metrics::Histogram) is for errors, and has equal bins that are given.
#[derive(Clone, Debug, Default, PartialEq)]
#[doc(alias = "Histogram")]
#[doc(alias = "HistogramCollector")]
pub struct CollectedHistogram {
    counts: Vec<u64>,
    edges: Vec<f32>,
}

impl CollectedHistogram {
    /// Returns the empty histogram of equal bins from `min` to `max`; of a single value, from half below it to half above.
    ///
    /// Edges are `i · step + min` with `step = (max − min) / bins`, all in f32, and the last is `max` (`numpy.linspace`).
    /// Where f32 cannot tell edges apart they are equal, and values are counted in the last of such bins; a width beyond
    /// `f32::MAX` is divided in f64. numpy refuses both.
    pub(super) fn between(min: f32, max: f32, bins: usize) -> Self {
        let (min, max) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
        let width = max - min;
        let step = width / bins as f32;
        let edge = |i: usize| {
            if !width.is_finite() {
                let part = i as f64 / bins as f64;
                (f64::from(min) * (1.0 - part) + f64::from(max) * part) as f32
            } else if step == 0.0 {
                i as f32 / bins as f32 * width + min
            } else {
                i as f32 * step + min
            }
        };
        let mut edges: Vec<f32> = (0..bins).map(edge).collect();
        edges.push(max);
        Self { counts: vec![0; bins], edges }
    }

    /// Returns the histogram of these counts between these edges, of which there is one more.
    #[cfg(feature = "serde")]
    pub(super) fn from_parts(counts: Vec<u64>, edges: Vec<f32>) -> Self {
        Self { counts, edges }
    }

    /// Returns the same bins with as many other counts.
    #[cfg(feature = "serde")]
    pub(super) fn with_counts(self, counts: Vec<u64>) -> Self {
        Self { counts, ..self }
    }

    /// Returns the counts and the edges.
    #[cfg(feature = "serde")]
    pub(super) fn into_parts(self) -> (Vec<u64>, Vec<f32>) {
        (self.counts, self.edges)
    }

    /// Returns the counts.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Returns the edges, in ascending order.
    pub fn edges(&self) -> &[f32] {
        &self.edges
    }

    /// Returns the number of values counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |total, &count| total.saturating_add(count))
    }

    pub(super) fn bins(&self) -> usize {
        self.counts.len()
    }

    /// The outermost edges.
    pub(super) fn ends(&self) -> Option<(f32, f32)> {
        Some((*self.edges.first()?, *self.edges.last()?))
    }

    /// Counts the values that lie between the outermost edges; NaN never does.
    pub(super) fn count(&mut self, values: impl Iterator<Item = f32>) {
        let Some((min, max)) = self.ends() else { return };
        let (edges, last) = (&self.edges[..], self.counts.len() - 1);
        let per_bin = self.counts.len() as f32 / (max - min);
        for x in values.filter(|x| (min..=max).contains(x)) {
            // A guess that is nearly always right: bins are equal but for rounding.
            let guess = (((x - min) * per_bin) as usize).min(last);
            let right = edges[guess] <= x && (guess == last || x < edges[guess + 1]);
            let bin = if right { guess } else { edges.partition_point(|&edge| edge <= x).saturating_sub(1).min(last) };
            self.counts[bin] = self.counts[bin].saturating_add(1);
        }
    }

    /// Adds the counts of a histogram with the same bins, the first of which is `first` here.
    pub(super) fn add_at(&mut self, first: usize, other: &[u64]) {
        for (count, more) in self.counts.iter_mut().skip(first).zip(other) {
            *count = count.saturating_add(*more);
        }
    }

    /// Adds the counts of any histogram to the bins in which the middles of its bins lie.
    pub(super) fn add_middles(&mut self, other: &Self) {
        for (pair, &more) in other.edges.windows(2).zip(&other.counts) {
            let middle = f32::midpoint(pair[0], pair[1]);
            let at = self.edges.partition_point(|&edge| edge <= middle).saturating_sub(1);
            let at = at.min(self.counts.len().saturating_sub(1));
            if let Some(count) = self.counts.get_mut(at) {
                *count = count.saturating_add(more);
            }
        }
    }

    /// Adds empty bins above the last, at f64 edges: f32 values are counted as if the edges were not rounded.
    pub(super) fn extend(&mut self, edges: &[f64]) {
        // An f32 is at or above the f64 if it is at or above the next f32; at or below the last if at or below the one before.
        self.edges.extend(edges.iter().map(|&edge| rounded_up(edge)));
        if let (Some(to), Some(&edge)) = (self.edges.last_mut(), edges.last()) {
            *to = -rounded_up(-edge);
        }
        self.counts.resize(self.edges.len().saturating_sub(1), 0);
    }

    /// Rounds the last edges, which were added like this, to the nearest f32.
    pub(super) fn round_edges(&mut self, edges: &[f64]) {
        let first = self.edges.len().saturating_sub(edges.len());
        for (to, &edge) in self.edges[first..].iter_mut().zip(edges) {
            *to = edge as f32;
        }
    }
}

/// The smallest f32 that is not below `x`.
fn rounded_up(x: f64) -> f32 {
    let nearest = x as f32;
    if f64::from(nearest) < x { nearest.next_up() } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_is_in_the_bin_between_its_edges(
            values in prop::collection::vec(prop_oneof![-3.0_f32..3.0, Just(-3.0), Just(3.0), Just(0.75)], 1..200),
            bins in 1_usize..70,
        ) {
            let mut histogram = CollectedHistogram::between(-3.0, 3.0, bins);
            histogram.count(values.iter().copied().chain([f32::NAN, 3.1, f32::INFINITY]));
            let inside = |k: usize, x: f32| {
                let (low, high) = (histogram.edges[k], histogram.edges[k + 1]);
                low <= x && (x < high || k + 1 == bins && x == high)
            };
            for k in 0..bins {
                let expected = values.iter().filter(|&&x| inside(k, x)).count();
                prop_assert_eq!(histogram.counts[k], expected as u64, "bin {}", k);
            }
            prop_assert_eq!(histogram.total(), values.len() as u64);
        }
    }

    #[test]
    fn widths_that_f32_cannot_divide_are_counted_all_the_same() {
        for (min, max, x) in [
            (f32::MIN, f32::MAX, 1.0),
            (1e9, 1e9, 1e9),
            (0.0, f32::from_bits(3), f32::from_bits(2)),
            (f32::MAX, f32::MAX, f32::MAX),
        ] {
            let mut histogram = CollectedHistogram::between(min, max, 7);
            assert!(histogram.edges.iter().all(|edge| edge.is_finite()), "{histogram:?}");
            assert!(histogram.edges.is_sorted(), "{histogram:?}");
            histogram.count([min, x, max].into_iter());
            assert_eq!(histogram.total(), 3, "{histogram:?}");
        }
    }
}
