//! A codebook: a code is the place of a value in a list.

use crate::error::{Error, Result};
use alloc::vec::Vec;

/// A list of up to 256 values.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::Codebook;
///
/// let x = [0.1_f32, 0.12, 0.9, -0.5, -0.52];
/// let codebook = Codebook::optimal(&x, None, 3)?;
/// let codes: Vec<u8> = x.iter().map(|&x| codebook.code(x)).collect();
/// assert_eq!(codes, [1, 1, 2, 0, 0]);
/// assert!((codebook.value(1) - 0.11).abs() < 1e-6);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Codebook {
    values: Vec<f32>,
    /// The values in ascending order, with their codes.
    ascending: Vec<(f32, u8)>,
    /// The middles between neighbours.
    middles: Vec<f32>,
}

impl Codebook {
    /// Returns the codebook of these values, the first of which has the code 0.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless there are 1 to 256 of them; [`Error::NotANumber`] if one is not finite.
    pub fn new(values: &[f32]) -> Result<Self> {
        if values.is_empty() || values.len() > 256 {
            let expected = values.len().clamp(1, 256);
            return Err(Error::LengthMismatch { what: "values of a codebook", expected, actual: values.len() });
        }
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotANumber { index: alloc::vec![i] });
        }
        let mut ascending: Vec<(f32, u8)> = values.iter().enumerate().map(|(i, &value)| (value, i as u8)).collect();
        ascending.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(core::cmp::Ordering::Equal));
        // Of equal values, and of −0, the first code.
        ascending.dedup_by(|later, earlier| later.0 == earlier.0);
        let middles =
            ascending.windows(2).map(|pair| f64::midpoint(pair[0].0.into(), pair[1].0.into()) as f32).collect();
        Ok(Self { values: values.to_vec(), ascending, middles })
    }

    /// Returns the codebook of `k` values with the least weighted squared error ([`optimal_codebook`](super::optimal_codebook)).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new): if k is 0 or above 256, or `x` has no finite value.
    pub fn optimal(x: &[f32], weights: Option<&[f32]>, k: usize) -> Result<Self> {
        Self::new(&super::kmeans::optimal_codebook(x, weights, k))
    }

    /// Returns the values, in the order of their codes.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the code of the value nearest to a number, of two that are equally near the lower one; that of the smallest of NaN.
    pub fn code(&self, x: f32) -> u8 {
        let place = self.middles.partition_point(|&middle| x > middle);
        self.ascending.get(place).map_or(0, |pair| pair.1)
    }

    /// Returns the value of a code; 0 of one that there is not.
    pub fn value(&self, code: u8) -> f32 {
        self.values.get(usize::from(code)).copied().unwrap_or(0.0)
    }
}
