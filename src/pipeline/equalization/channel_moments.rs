//! What is known of each channel of a value: its ends, its mean, its mean square.

/// The ends, sums and sums of squares of the finite elements at each index along the last axis.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelMoments {
    low: Vec<f32>,
    high: Vec<f32>,
    sums: Vec<f64>,
    squares: Vec<f64>,
    rows: u64,
}

impl ChannelMoments {
    /// Returns the moments of nothing.
    pub(crate) fn new(channels: usize) -> Self {
        let zeros = vec![0.0; channels];
        let (low, high) = (vec![f32::INFINITY; channels], vec![f32::NEG_INFINITY; channels]);
        Self { low, high, sums: zeros.clone(), squares: zeros, rows: 0 }
    }

    /// Returns the moments of which the means and mean squares are known, and no ends.
    pub(crate) fn of_means(means: &[f32], mean_squares: &[f32]) -> Self {
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect();
        Self { sums: wide(means), squares: wide(mean_squares), rows: 1, ..Self::new(means.len()) }
    }

    /// Takes note of rows of one element a channel; what is NaN or infinite counts as 0.
    pub(crate) fn observe(&mut self, elements: &[f32]) {
        let channels = self.low.len();
        if channels == 0 {
            return;
        }
        for row in elements.chunks_exact(channels) {
            let extremes = self.low.iter_mut().zip(&mut self.high);
            let sums = self.sums.iter_mut().zip(&mut self.squares);
            for ((&x, (low, high)), (sum, squares)) in row.iter().zip(extremes).zip(sums) {
                let x = if x.is_finite() { x } else { 0.0 };
                (*low, *high) = (low.min(x), high.max(x));
                let x = f64::from(x);
                *sum += x;
                *squares += x * x;
            }
            self.rows += 1;
        }
    }

    /// Takes note of everything that `other` observed, if it has as many channels.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.len() != other.len() {
            return;
        }
        self.low.iter_mut().zip(&other.low).for_each(|(low, other)| *low = low.min(*other));
        self.high.iter_mut().zip(&other.high).for_each(|(high, other)| *high = high.max(*other));
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, other)| *sum += other);
        self.rows += other.rows;
    }

    /// Returns how many channels there are.
    pub(crate) fn len(&self) -> usize {
        self.low.len()
    }

    /// Returns the smallest and the largest element of a channel, 0 among them.
    pub(crate) fn ends(&self, channel: usize) -> (f32, f32) {
        let low = self.low.get(channel).copied().filter(|x| x.is_finite()).unwrap_or(0.0);
        let high = self.high.get(channel).copied().filter(|x| x.is_finite()).unwrap_or(0.0);
        (low.min(0.0), high.max(0.0))
    }

    /// Returns the means of the channels.
    pub(crate) fn means(&self) -> Vec<f32> {
        self.sums.iter().map(|sum| (sum / self.count()) as f32).collect()
    }

    /// Returns the mean squares of the channels.
    pub(crate) fn mean_squares(&self) -> Vec<f64> {
        self.squares.iter().map(|sum| sum / self.count()).collect()
    }

    /// Returns the variances of the channels.
    pub(crate) fn variances(&self) -> Vec<f64> {
        let means = self.sums.iter().map(|sum| sum / self.count());
        self.mean_squares().iter().zip(means).map(|(square, mean)| (square - mean * mean).max(0.0)).collect()
    }

    fn count(&self) -> f64 {
        self.rows.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_those_of_the_last_axis() {
        let mut moments = ChannelMoments::new(2);
        moments.observe(&[1.0, -2.0, 3.0, f32::NAN]);
        assert_eq!((moments.ends(0), moments.ends(1)), ((0.0, 3.0), (-2.0, 0.0)));
        assert_eq!((moments.means(), moments.mean_squares()), (vec![2.0, -1.0], vec![5.0, 2.0]));
        assert_eq!(moments.variances(), [1.0, 1.0]);
        let mut merged = ChannelMoments::new(2);
        merged.observe(&[1.0, -2.0]);
        let mut other = ChannelMoments::new(2);
        other.observe(&[3.0, 0.0]);
        merged.merge(&other);
        assert_eq!((merged.ends(0), merged.means()), (moments.ends(0), moments.means()));
        assert!(ChannelMoments::new(0).means().is_empty());
    }
}
