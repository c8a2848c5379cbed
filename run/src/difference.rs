//! How far values are from what they should be, over any number of samples.

use fearless_simd::{Level, Simd, dispatch};
use ndarray::ArrayViewD;

/// Sums that are kept side by side.
const LANES: usize = 16;

/// Sums over pairs of values, of a reference and of what is judged.
///
/// Sums are in f64, sixteen side by side for values that lie next to each other: the same on every CPU. A pair with a NaN or ∞ is left out,
/// and counted if its values are not the same.
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
        if let (Some(reference), Some(judged)) = (reference.as_slice(), judged.as_slice()) {
            let len = reference.len().min(judged.len());
            let (reference, judged) = (&reference[..len], &judged[..len]);
            dispatch!(Level::new(), simd => self.add_slices(simd, reference, judged));
        } else {
            reference.iter().zip(&judged).for_each(|(&x, &y)| self.add_pair(x, y));
        }
    }

    #[inline(always)]
    fn add_slices<S: Simd>(&mut self, _: S, reference: &[f32], judged: &[f32]) {
        let mut lanes = [[0.0_f64; LANES]; 5];
        let [signal, of_judged, product, noise, largest] = &mut lanes;
        let (whole_x, rest_x) = reference.as_chunks::<LANES>();
        let (whole_y, rest_y) = judged.as_chunks::<LANES>();
        for at in 0..whole_x.len() {
            let (x, y) = (&whole_x[at], &whole_y[at]);
            // A product with zero is zero, but for NaN and ∞.
            let mut check = 0.0_f32;
            for lane in 0..LANES {
                check += x[lane] * 0.0 + y[lane] * 0.0;
            }
            if check.is_nan() {
                (0..LANES).for_each(|lane| self.add_pair(x[lane], y[lane]));
                continue;
            }
            for lane in 0..LANES {
                let (x, y) = (f64::from(x[lane]), f64::from(y[lane]));
                let error = x - y;
                signal[lane] += x * x;
                of_judged[lane] += y * y;
                product[lane] += x * y;
                noise[lane] += error * error;
                largest[lane] = if error.abs() > largest[lane] { error.abs() } else { largest[lane] };
            }
            self.count += LANES as u64;
        }
        for lane in 0..LANES {
            self.signal += signal[lane];
            self.judged += of_judged[lane];
            self.product += product[lane];
            self.noise += noise[lane];
            self.max_abs_error = self.max_abs_error.max(largest[lane]);
        }
        rest_x.iter().zip(rest_y).for_each(|(&x, &y)| self.add_pair(x, y));
    }

    fn add_pair(&mut self, x: f32, y: f32) {
        if !(x.is_finite() && y.is_finite()) {
            // The same infinity is no difference, nor is NaN in place of NaN.
            self.non_finite += u64::from(x != y && !(x.is_nan() && y.is_nan()));
            return;
        }
        let (x, y) = (f64::from(x), f64::from(y));
        self.count += 1;
        self.signal += x * x;
        self.judged += y * y;
        self.product += x * y;
        self.noise += (x - y) * (x - y);
        self.max_abs_error = self.max_abs_error.max((x - y).abs());
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
    fn many_values_are_summed_as_few_are() {
        let x: Vec<f32> = (0..1003).map(|i| (i as f32).sin() * 3.0).collect();
        let mut y: Vec<f32> = x.iter().enumerate().map(|(i, x)| x + (i as f32).cos() * 0.01).collect();
        (y[20], y[700]) = (f32::NAN, f32::INFINITY);
        let whole = between(&x, &y);
        let mut one_by_one = Difference::default();
        x.iter().zip(&y).for_each(|(&x, &y)| one_by_one.add_pair(x, y));
        assert_eq!((whole.count(), whole.non_finite()), (1001, 2));
        assert_eq!((whole.count(), whole.non_finite()), (one_by_one.count(), one_by_one.non_finite()));
        assert_eq!(whole.max_abs_error(), one_by_one.max_abs_error());
        assert!((whole.sqnr_db() - one_by_one.sqnr_db()).abs() < 1e-9);
        assert!((whole.cosine() - one_by_one.cosine()).abs() < 1e-12);
    }

    #[test]
    fn merging_is_adding() {
        let mut merged = between(&[1.0, 2.0], &[1.5, 2.0]);
        merged.merge(&between(&[3.0], &[2.0]));
        assert_eq!(merged, between(&[1.0, 2.0, 3.0], &[1.5, 2.0, 2.0]));
    }
}
