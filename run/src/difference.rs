//! How far values are from what they should be, over any number of samples.

use ndarray::ArrayViewD;

/// Sums over pairs of values, of a reference and of what is judged.
///
/// Sums are in f64, in the order in which values come. A pair with a NaN or ∞ is left out, and counted if its values are not the same.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant_run::Difference;
///
/// let mut difference = Difference::default();
/// difference.add(array![1.0_f32, 2.0].into_dyn().view(), array![1.0_f32, 1.8].into_dyn().view());
/// assert!((difference.sqnr_db() - 20.97).abs() < 0.01);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    count: u64,
    non_finite: u64,
    signal: f64,
    noise: f64,
    product: f64,
    judged: f64,
    max_abs_error: f64,
}

impl Difference {
    /// Takes note of values and their reference; of different shapes, elements are compared as far as both have them, and
    /// the others count as not finite.
    pub fn add(&mut self, reference: ArrayViewD<'_, f32>, judged: ArrayViewD<'_, f32>) {
        self.non_finite += reference.len().abs_diff(judged.len()) as u64;
        match (reference.as_slice(), judged.as_slice()) {
            (Some(reference), Some(judged)) => self.add_pairs(reference.iter().zip(judged)),
            _ => self.add_pairs(reference.iter().zip(&judged)),
        }
    }

    fn add_pairs<'a>(&mut self, pairs: impl Iterator<Item = (&'a f32, &'a f32)>) {
        for (&x, &y) in pairs {
            if !(x.is_finite() && y.is_finite()) {
                // The same infinity is no difference, nor is NaN in place of NaN.
                self.non_finite += u64::from(x != y && !(x.is_nan() && y.is_nan()));
                continue;
            }
            let (x, y) = (f64::from(x), f64::from(y));
            self.count += 1;
            self.signal += x * x;
            self.judged += y * y;
            self.product += x * y;
            self.noise += (x - y) * (x - y);
            self.max_abs_error = self.max_abs_error.max((x - y).abs());
        }
    }

    /// Takes note of everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.non_finite += other.non_finite;
        self.signal += other.signal;
        self.noise += other.noise;
        self.product += other.product;
        self.judged += other.judged;
        self.max_abs_error = self.max_abs_error.max(other.max_abs_error);
    }

    /// Returns the number of pairs.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the number of pairs with a NaN or ∞ that are not the same, and of values without a pair.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// Returns 10 log₁₀(Σ x² / Σ (x − y)²): ∞ without an error, −∞ where there is one and the reference is zero.
    pub fn sqnr_db(&self) -> f64 {
        if self.noise == 0.0 { f64::INFINITY } else { 10.0 * (self.signal / self.noise).log10() }
    }

    /// Returns the cosine of the angle between both; 1 if both are zero.
    pub fn cosine(&self) -> f64 {
        if self.signal == 0.0 && self.judged == 0.0 {
            return 1.0;
        }
        let length = (self.signal * self.judged).sqrt();
        if length == 0.0 { 0.0 } else { (self.product / length).clamp(-1.0, 1.0) }
    }

    /// Returns the largest |x − y|.
    pub fn max_abs_error(&self) -> f64 {
        self.max_abs_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    fn between(x: &[f32], y: &[f32]) -> Difference {
        let mut difference = Difference::default();
        difference.add(arr1(x).into_dyn().view(), arr1(y).into_dyn().view());
        difference
    }

    #[test]
    fn ends_of_the_scale_are_defined() {
        assert_eq!(between(&[1.0, 2.0], &[1.0, 2.0]).sqnr_db(), f64::INFINITY);
        assert_eq!(between(&[0.0], &[1.0]).sqnr_db(), f64::NEG_INFINITY);
        assert_eq!((between(&[], &[]).cosine(), between(&[0.0], &[1.0]).cosine()), (1.0, 0.0));
        assert!((between(&[1.0, 1.0], &[-2.0, -2.0]).cosine() + 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_compared_is_counted() {
        let odd = between(&[f32::NAN, f32::INFINITY, f32::INFINITY, 1.0], &[0.0, f32::INFINITY, 2.0, 1.0]);
        assert_eq!((odd.count(), odd.non_finite()), (1, 2));
        assert_eq!(between(&[f32::NAN, f32::NEG_INFINITY], &[f32::NAN, f32::NEG_INFINITY]).non_finite(), 0);
        assert_eq!(between(&[1.0, 2.0], &[1.0]).non_finite(), 1);
    }

    #[test]
    fn merging_is_adding() {
        let mut merged = between(&[1.0, 2.0], &[1.5, 2.0]);
        merged.merge(&between(&[3.0], &[2.0]));
        assert_eq!(merged, between(&[1.0, 2.0, 3.0], &[1.5, 2.0, 2.0]));
    }
}
