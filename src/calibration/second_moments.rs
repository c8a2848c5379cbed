//! The second moments of what weights are multiplied with: X Xᵀ, which says what an error of the weights costs the outputs.
//!
//! # Sums that do not depend on order
//!
//! Sums of f64 do: (a + b) + c is not a + (b + c). Here an f32 is split where its bits are multiples of 2²⁴ᵇ, for whole b, into
//! at most two parts, integers of at most 24 bits times such a power. An element of the matrix has three sums, of the parts for the
//! largest b that there was and the two below it; each is an exact integer in an f64, for up to 2²⁸ addends. Parts below are
//! dropped whenever they come, and what came before a larger b is dropped with it, so that the sums are those of the same parts in
//! any order, however the addends were shared out. What is dropped of an addend is below 2⁻⁴⁸ of the largest one. (The idea is that of
//! Demmel and Nguyen, "Parallel Reproducible Summation", 2015.)

use super::error::CalibrationError;
use crate::error::{Error, Result};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

/// Bits of a part.
const WIDTH: i32 = 24;
/// Sums that an element has.
const PARTS: usize = 3;
/// Rows whose products are added up in f32 first.
const AT_ONCE: usize = 256;
/// The most addends: so many integers of 24 bits are exact in an f64.
const MOST: u64 = 1 << 28;
/// The longest rows: their moments take 220 MB.
const LONGEST: usize = 4096;
/// The part of nothing: below those of all numbers.
const NOTHING: i16 = i16::MIN;
/// The lowest and highest part of an f32: its exponents are −149 … 127.
const PLACES: core::ops::RangeInclusive<i16> = -7..=5;

/// The sum of x xᵀ over rows x: what weights are chosen against in GPTQ (Frantar et al., 2022) and its kin.
///
/// An error e of a row of weights that is multiplied with such rows costs the output the mean square eᵀ M e, with M the
/// [mean](Self::mean). Products of up to 256 rows of a call are added up in f32, by the CPU's product of matrices; these sums are added
/// exactly but for what is below 2⁻⁴⁸ of the largest one. The state does not depend on the order of calls, nor on how they are
/// shared out among moments that are merged.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::calibration::SecondMoments;
///
/// let mut moments = SecondMoments::new(2)?;
/// moments.observe(array![[1.0_f32, 2.0], [3.0, 0.0]].view())?;
/// assert_eq!((moments.rows(), moments.mean()), (2, array![[5.0, 1.0], [1.0, 2.0]]));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "super::second_moments_file::Read"))]
pub struct SecondMoments {
    pub(super) len: usize,
    pub(super) rows: u64,
    /// How many matrices were added.
    pub(super) addends: u64,
    /// The upper triangle, row by row.
    pub(super) elements: Vec<Element>,
}

/// The sum of an element of the matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element {
    /// The number of the highest part: its unit is 2²⁴ to this power.
    pub(super) place: i16,
    /// The sums of the parts in units of each, the highest first.
    pub(super) sums: [f64; PARTS],
}

impl SecondMoments {
    /// Returns the moments of nothing, for rows of this length.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] for rows of no element, or more than 4096.
    pub fn new(len: usize) -> Result<Self> {
        if !(1..=LONGEST).contains(&len) {
            let (what, expected) = ("the length of rows with second moments", "from 1 to 4096");
            return Err(Error::InvalidSetting { what, expected, actual: len as f64 });
        }
        Ok(Self { len, rows: 0, addends: 0, elements: vec![Element::default(); len * (len + 1) / 2] })
    }

    /// Takes note of rows. One with a number that is not finite counts as zeros, as would make all moments none.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for rows of another length; [`CalibrationError::Unusable`] beyond 2²⁸ calls, or 256 times as many rows.
    pub fn observe(&mut self, rows: ArrayView2<'_, f32>) -> Result<()> {
        if rows.ncols() != self.len {
            let (expected, actual) = (self.len, rows.ncols());
            return Err(Error::LengthMismatch { what: "the rows of second moments", expected, actual });
        }
        for rows in rows.axis_chunks_iter(Axis(0), AT_ONCE) {
            let rows_are_finite = rows.iter().all(|x| x.is_finite());
            let cleaned = (!rows_are_finite).then(|| finite(rows));
            let rows = cleaned.as_ref().map_or(rows, |rows| rows.view());
            let mut product = Array2::<f32>::zeros((self.len, self.len));
            general_mat_mul(1.0, &rows.t(), &rows, 0.0, &mut product);
            self.addends = counted(self.addends, 1)?;
            let upper = product.outer_iter().enumerate();
            let upper = upper.flat_map(|(i, row)| row.into_iter().skip(i).copied().collect::<Vec<f32>>());
            self.elements.iter_mut().zip(upper).for_each(|(element, x)| element.add(x));
            self.rows += rows.nrows() as u64;
        }
        Ok(())
    }

    /// Takes note of everything that `other` has seen: the same, bit for bit, as if it had been seen here.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if its rows are of another length; [`CalibrationError::Unusable`] beyond 2²⁸ calls in both.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.len != other.len {
            let (expected, actual) = (self.len, other.len);
            return Err(Error::LengthMismatch { what: "the rows of second moments", expected, actual });
        }
        self.addends = counted(self.addends, other.addends)?;
        self.rows = self.rows.saturating_add(other.rows);
        self.elements.iter_mut().zip(&other.elements).for_each(|(ours, theirs)| ours.merge(theirs));
        Ok(())
    }

    /// Returns the length of rows.
    #[expect(clippy::len_without_is_empty, reason = "rows have at least one element")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of rows that were taken note of.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the mean of x xᵀ; zeros before anything was observed.
    pub fn mean(&self) -> Array2<f64> {
        let count = self.rows.max(1) as f64;
        let mut mean = Array2::zeros((self.len, self.len));
        let mut elements = self.elements.iter();
        for i in 0..self.len {
            for (j, element) in (i..self.len).zip(&mut elements) {
                let x = element.value() / count;
                (mean[[i, j]], mean[[j, i]]) = (x, x);
            }
        }
        mean
    }
}

impl Default for Element {
    fn default() -> Self {
        Self { place: NOTHING, sums: [0.0; PARTS] }
    }
}

impl Element {
    /// Adds a number; an infinite one stands for a sum beyond f32, and counts as the largest; of NaN nothing is known.
    fn add(&mut self, x: f32) {
        if x == 0.0 || x.is_nan() {
            return;
        }
        let x = x.clamp(-f32::MAX, f32::MAX);
        let exponent = if x.is_subnormal() { -149 + f32_bits(x) } else { ((x.to_bits() >> 23) & 0xff) as i32 - 127 };
        let place = exponent.div_euclid(WIDTH) as i16;
        self.raise(place);
        let high = (f64::from(x) / unit(place)).trunc();
        let low = (f64::from(x) - high * unit(place)) / unit(place - 1);
        for (sum, part) in self.sums.iter_mut().skip((self.place - place) as usize).zip([high, low]) {
            *sum += part;
        }
    }

    fn merge(&mut self, other: &Self) {
        if other.place == NOTHING {
            return;
        }
        self.raise(other.place);
        for (sum, theirs) in self.sums.iter_mut().skip((self.place - other.place) as usize).zip(other.sums) {
            *sum += theirs;
        }
    }

    /// Makes the highest part at least this one.
    fn raise(&mut self, place: i16) {
        if place <= self.place {
            return;
        }
        if self.place != NOTHING {
            let by = ((place - self.place) as usize).min(PARTS);
            self.sums.rotate_right(by);
            self.sums[..by].fill(0.0);
        }
        self.place = place;
    }

    fn value(&self) -> f64 {
        if self.place == NOTHING {
            return 0.0;
        }
        let terms = self.sums.iter().enumerate().map(|(below, sum)| sum * unit(self.place - below as i16));
        // The smallest first.
        terms.rev().sum()
    }

    /// Returns whether these can be the sums of so many numbers.
    #[cfg_attr(not(any(feature = "serde", test)), expect(dead_code, reason = "for what comes from files"))]
    pub(super) fn is_of(&self, addends: u64) -> bool {
        let most = addends as f64 * f64::from(1 << WIDTH);
        let is_empty = self.place == NOTHING && self.sums == [0.0; PARTS];
        let are_integers = self.sums.iter().all(|sum| sum.trunc() == *sum && sum.abs() <= most);
        addends <= MOST && are_integers && (is_empty || PLACES.contains(&self.place))
    }
}

/// Returns the exponent of a subnormal number above that of the smallest.
fn f32_bits(x: f32) -> i32 {
    31 - x.abs().to_bits().leading_zeros() as i32
}

/// Returns 2²⁴ to a power.
fn unit(place: i16) -> f64 {
    f64::from_bits(((1023 + i64::from(place) * i64::from(WIDTH)) as u64) << 52)
}

fn finite(rows: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut rows = rows.to_owned();
    for mut row in rows.rows_mut() {
        if row.iter().any(|x| !x.is_finite()) {
            row.fill(0.0);
        }
    }
    rows
}

fn counted(ours: u64, more: u64) -> Result<u64> {
    let too_many = || CalibrationError::Unusable { reason: format!("second moments of more than {MOST} calls") };
    ours.checked_add(more).filter(|&sum| sum <= MOST).ok_or_else(|| too_many().into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f32]) -> Element {
        let mut element = Element::default();
        for &x in values {
            element.add(x);
        }
        element
    }

    proptest! {
        #[test]
        fn sums_are_the_same_in_any_order_and_however_shared_out(
            bits in prop::collection::vec(any::<u32>(), 0..30),
            near in prop::collection::vec(-4.0_f32..4.0, 0..30),
            cuts in prop::array::uniform2(0_usize..60),
        ) {
            let mut values: Vec<f32> = bits.into_iter().map(f32::from_bits).filter(|x| x.is_finite()).collect();
            values.extend(near);
            let all = of(&values);
            let mut backwards = values.clone();
            backwards.reverse();
            prop_assert_eq!(of(&backwards), all);
            let [a, b] = cuts.map(|cut| cut.min(values.len()));
            let parts = [&values[..a.min(b)], &values[a.min(b)..a.max(b)], &values[a.max(b)..]];
            let mut merged = of(parts[2]);
            let mut first = of(parts[1]);
            first.merge(&of(parts[0]));
            merged.merge(&first);
            prop_assert_eq!(merged, all);
            prop_assert!(all.is_of(values.len() as u64));
        }

        #[test]
        fn sums_are_those_of_the_values(values in prop::collection::vec(-8.0_f32..8.0, 0..60)) {
            let want: f64 = values.iter().map(|x| f64::from(*x)).sum();
            prop_assert!((of(&values).value() - want).abs() <= 60.0 * 8.0 * 2.0_f64.powi(-48));
        }
    }

    #[test]
    fn a_number_by_itself_is_kept_whole() {
        for x in [1.0_f32, -1.5e-45, 1.2e-38, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 0.1, -0.0, 3.0e-42] {
            assert_eq!(of(&[x]).value(), f64::from(x), "{x:e}");
            assert!(of(&[x]).is_of(1), "{x:e}");
        }
    }

    #[test]
    fn rows_that_are_no_numbers_and_lengths_that_do_not_fit() {
        let mut moments = SecondMoments::new(2).unwrap();
        moments.observe(ndarray::array![[f32::NAN, 1.0], [2.0, 1.0], [f32::INFINITY, 0.0]].view()).unwrap();
        assert_eq!(moments.mean() * 3.0, ndarray::array![[4.0, 2.0], [2.0, 1.0]]);
        assert!(moments.observe(Array2::zeros((1, 3)).view()).is_err());
        assert!(moments.merge(&SecondMoments::new(3).unwrap()).is_err());
        assert!(SecondMoments::new(0).is_err() && SecondMoments::new(4097).is_err());
        moments.addends = MOST;
        assert!(moments.observe(Array2::zeros((1, 2)).view()).is_err());
    }

    #[test]
    fn many_rows_are_as_many_calls_of_256() {
        let rows = Array2::from_shape_fn((600, 3), |(i, j)| (i * 7 + j * 5) as f32 / 9.0 - 200.0);
        let (mut at_once, mut shared, mut rest) =
            (SecondMoments::new(3).unwrap(), SecondMoments::new(3).unwrap(), SecondMoments::new(3).unwrap());
        let part = |from: usize, to: usize| rows.slice_axis(Axis(0), (from..to).into());
        at_once.observe(rows.view()).unwrap();
        rest.observe(part(512, 600)).unwrap();
        shared.observe(part(256, 512)).unwrap();
        rest.observe(part(0, 256)).unwrap();
        rest.merge(&shared).unwrap();
        assert_eq!(rest, at_once);
    }
}
