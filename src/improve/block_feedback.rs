//! GPTQ into block formats: blocks of a row chosen one after the other, each with what the errors before it ask for.
//!
//! With H = `LᵀDL` ([`Factor`]) the cost of a row's error is
//!
//! ```text
//! eᵀHe = Σⱼ dⱼ (eⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ)²        e = what is wanted − what blocks restore to
//! ```
//!
//! A block format chooses its scales by itself, so that a block is not rounded element by element but asked for as a whole:
//!
//! 1. The errors of all blocks before move what is wanted of this one, by a product of matrices for all rows together. What an error
//!    counts within a block are the pivots d: they are the importance that the format gets.
//! 2. *Within* a block the format is asked again and again. Each time some more of the first elements are taken as they were restored,
//!    and their errors move what is wanted of the elements behind them. Of the block asked for once and the one asked for last that is kept
//!    whose terms of the sum are smaller, so that feedback within a block never costs anything.
//!
//! 3. A row whose blocks by themselves, without an importance, cost less is given those: the K formats search by themselves, and may find
//!    more than feedback brings. So no row costs more than without.
//!
//! Source: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022, in the form that
//! needs no inverse.

use super::factor::Factor;
use super::part::{part, part_mut};
use crate::block::{BlockFormat, BlockSearch};
use crate::error::{Error, Result};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};

/// What is added to the diagonal, as shares of its mean, until there is an inverse.
const DAMPING: [f64; 5] = [0.0, 1e-6, 1e-5, 1e-4, 1e-3];
/// How often a block is asked for, at most.
const ASKED: usize = 32;
/// The same where each time its best is searched.
const ASKED_FOR_THE_BEST: usize = 8;

/// Returns the blocks of the rows of a matrix, chosen so that eᵀHe, what their errors cost the products with inputs, is small: GPTQ.
///
/// `h` are the second moments of the inputs, `XᵀX` of samples X that are rows (divided by their number or not: only ratios count);
/// it is symmetric, as many rows and columns as `weights` has columns. It is damped where it has no inverse, as of fewer samples than
/// columns. The format gets the weight that an error has as its importance, and `search` says how it chooses a block.
///
/// The blocks are those of [`quantize_blocks`](crate::block::quantize_blocks), one row after another, and are restored in the same way.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if rows are not whole blocks, or `h` does not fit; [`Error::NotANumber`] with the first NaN of the weights or
/// of `h`; [`Error::InvalidSetting`] if H is not positive semidefinite.
///
/// # Examples
///
/// ```
/// use ndarray::Array2;
/// use tensor_quant::block::{BlockSearch, BlockType, dequantize_blocks, quantize_blocks};
/// use tensor_quant::improve::quantize_blocks_with_feedback;
///
/// // Inputs whose neighbours are alike.
/// let noise = |i: usize| (i.wrapping_mul(2_654_435_761) % 1009) as f32 / 504.5 - 1.0;
/// let x = Array2::from_shape_fn((200, 64), |(n, i)| noise(n * 7 + i / 4) + 0.3 * noise(n * 64 + i + 9));
/// let weights = Array2::from_shape_fn((8, 64), |(r, i)| noise(r * 64 + i + 5));
/// let h = x.t().dot(&x).mapv(f64::from);
///
/// let cost = |bytes: &[u8]| -> Result<f32, tensor_quant::Error> {
///     let restored = Array2::from_shape_vec((8, 64), dequantize_blocks(&BlockType::Q4_0, bytes)?).unwrap();
///     Ok((&weights - &restored).dot(&x.t()).mapv(|error| error * error).sum())
/// };
/// let plain = quantize_blocks(&BlockType::Q4_0, weights.as_slice().unwrap(), 64, None, BlockSearch::Plain)?;
/// let better = quantize_blocks_with_feedback(&BlockType::Q4_0, weights.view(), h.view(), BlockSearch::Plain)?;
/// assert!(better.len() == plain.len() && cost(&better)? < cost(&plain)?);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_blocks_with_feedback(
    format: &dyn BlockFormat,
    weights: ArrayView2<'_, f32>,
    h: ArrayView2<'_, f64>,
    search: BlockSearch,
) -> Result<Vec<u8>> {
    let ((rows, len), block_len) = (weights.dim(), format.block_len());
    if !len.is_multiple_of(block_len) {
        let expected = len / block_len * block_len;
        return Err(Error::LengthMismatch { what: "a row of whole blocks", expected, actual: len });
    }
    for (what, actual) in [("rows of the second moments", h.nrows()), ("columns of the second moments", h.ncols())] {
        if actual != len {
            return Err(Error::LengthMismatch { what, expected: len, actual });
        }
    }
    if let Some(((r, i), _)) = weights.indexed_iter().find(|(_, w)| w.is_nan()) {
        return Err(Error::NotANumber { index: vec![r, i] });
    }
    if let Some(((i, j), _)) = h.indexed_iter().find(|(_, h)| !h.is_finite()) {
        return Err(Error::NotANumber { index: vec![i, j] });
    }
    if rows == 0 || len == 0 {
        return Ok(Vec::new());
    }
    let Some(factor) = factorized(h) else {
        let actual = h.diag().iter().fold(f64::INFINITY, |min, &d| min.min(d));
        let (what, expected) =
            ("the smallest number on the diagonal of the second moments", "that of a positive semidefinite matrix");
        return Err(Error::InvalidSetting { what, expected, actual });
    };
    Ok(Rows { format, factor: &factor, search }.quantize(weights.mapv(f64::from).t()))
}

/// Returns the factor in the order of the columns, with as little damping as it takes; `None` if a thousandth of the mean of the diagonal is
/// not enough. Where all of it is 0 nothing costs anything, and all elements count alike.
fn factorized(h: ArrayView2<'_, f64>) -> Option<Factor> {
    let mean = h.diag().mean().unwrap_or(0.0);
    if h.iter().all(|&h| h == 0.0) {
        return Factor::new(Array2::eye(h.nrows()));
    }
    DAMPING.iter().find_map(|share| {
        let mut h = h.as_standard_layout().into_owned();
        h.diag_mut().iter_mut().for_each(|d| *d += share * mean);
        Factor::new(h)
    })
}

/// What all blocks of a matrix have in common.
struct Rows<'a> {
    format: &'a dyn BlockFormat,
    factor: &'a Factor,
    search: BlockSearch,
}

/// A block that was asked for.
struct Asked {
    bytes: Vec<u8>,
    /// What is wanted, less what it restores to.
    errors: Vec<f64>,
    /// Its terms of the sum.
    cost: f64,
}

impl Rows<'_> {
    /// Returns the blocks of rows; `weights` are [elements, rows].
    fn quantize(&self, weights: ArrayView2<'_, f64>) -> Vec<u8> {
        let ((len, rows), block_len) = (weights.dim(), self.format.block_len());
        let row_bytes = len / block_len * self.format.block_bytes();
        let mut out = vec![0; rows * row_bytes];
        let mut errors = Array2::<f64>::zeros((len, rows));
        let mut wanted = Array2::<f64>::zeros((block_len, rows));
        for start in (0..len).step_by(block_len) {
            let end = start + block_len;
            wanted.assign(&part(weights, start..end, 0..rows));
            if start > 0 {
                let lower = part(self.factor.lower.view(), start..end, 0..start);
                let before = part(errors.view(), 0..start, 0..rows);
                general_mat_mul(1.0, &lower, &before, 1.0, &mut wanted);
            }
            let mut errors = part_mut(errors.view_mut(), start..end, 0..rows);
            for (r, out) in out.chunks_exact_mut(row_bytes).enumerate() {
                let own: Vec<f64> = weights.column(r).iter().skip(start).take(block_len).copied().collect();
                let asked = self.block(start, &own, &wanted.column(r).to_vec());
                let at = start / block_len * self.format.block_bytes();
                out[at..at + asked.bytes.len()].copy_from_slice(&asked.bytes);
                errors.column_mut(r).iter_mut().zip(asked.errors).for_each(|(to, error)| *to = error);
            }
        }
        for (r, (out, errors)) in out.chunks_exact_mut(row_bytes).zip(errors.columns()).enumerate() {
            let own: Vec<f64> = weights.column(r).to_vec();
            let x: Vec<f32> = own.iter().map(|&x| x as f32).collect();
            let (mut plain, mut restored) = (vec![0; row_bytes], vec![0.0; len]);
            match self.search {
                BlockSearch::Plain => self.format.quantize_row(&x, None, &mut plain),
                BlockSearch::Best => self.format.best_row(&x, None, &mut plain),
            }
            self.format.dequantize_row(&plain, &mut restored);
            let plain_errors: Vec<f64> = own.iter().zip(&restored).map(|(w, y)| w - f64::from(*y)).collect();
            if self.cost(&plain_errors) < self.cost(&errors.to_vec()) {
                out.copy_from_slice(&plain);
            }
        }
        out
    }

    /// Returns eᵀHe.
    fn cost(&self, errors: &[f64]) -> f64 {
        let terms = self.factor.lower.rows().into_iter().zip(&self.factor.pivots).enumerate();
        terms.fold(0.0, |cost, (j, (lower, pivot))| {
            let sum = lower.iter().zip(&errors[..j]).fold(errors[j], |sum, (factor, error)| sum + factor * error);
            cost + pivot * sum * sum
        })
    }

    /// Returns the better of the block as it is asked for once, and with feedback within it.
    fn block(&self, start: usize, weights: &[f64], wanted: &[f64]) -> Asked {
        let len = weights.len();
        let once = self.ask(start, weights, wanted, wanted);
        let asked = if self.search == BlockSearch::Best { ASKED_FOR_THE_BEST } else { ASKED };
        let step = len.div_ceil(asked);
        let (mut own, mut last) = (wanted.to_vec(), once.errors.clone());
        for done in (step..len).step_by(step) {
            // The first elements stay as they were restored; those behind them are wanted with their errors.
            for i in done - step..done {
                own[i] = weights[i] - last[i];
            }
            for i in done..len {
                own[i] = wanted[i] + self.feedback(start, i, &last[..done]);
            }
            last = self.ask(start, weights, wanted, &own).errors;
        }
        let last = self.ask(start, weights, wanted, &own);
        if last.cost < once.cost { last } else { once }
    }

    /// Returns Σ Lᵢₖ eₖ over the first elements of a block.
    fn feedback(&self, start: usize, i: usize, errors: &[f64]) -> f64 {
        let lower = self.factor.lower.row(start + i);
        lower.iter().skip(start).zip(errors).map(|(factor, error)| factor * error).sum()
    }

    /// Asks the format for a block, and judges it by the weights and what is wanted.
    fn ask(&self, start: usize, weights: &[f64], wanted: &[f64], x: &[f64]) -> Asked {
        let len = x.len();
        let pivots = &self.factor.pivots[start..start + len];
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let importance: Vec<f32> = pivots.iter().map(|&pivot| pivot as f32).collect();
        let (mut bytes, mut restored) = (vec![0; self.format.block_bytes()], vec![0.0; len]);
        match self.search {
            BlockSearch::Plain => self.format.quantize_row(&x, Some(&importance), &mut bytes),
            BlockSearch::Best => self.format.best_row(&x, Some(&importance), &mut bytes),
        }
        self.format.dequantize_row(&bytes, &mut restored);
        let errors: Vec<f64> = weights.iter().zip(&restored).map(|(w, y)| w - f64::from(*y)).collect();
        let mut cost = 0.0;
        for i in 0..len {
            let missed = wanted[i] - f64::from(restored[i]) + self.feedback(start, i, &errors[..i]);
            cost += pivots[i] * missed * missed;
        }
        Asked { bytes, errors, cost }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::block::{BlockType, dequantize_blocks, quantize_blocks};

    fn number(i: u32) -> f64 {
        f64::from((i ^ 0x1234).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 9)
            / f64::from(1 << 22)
            - 1.0
    }

    /// Second moments of inputs that are alike in groups, some of them large; of fewer samples than elements, too.
    fn moments(len: usize, samples: u32) -> Array2<f64> {
        let x = Array2::from_shape_fn((samples as usize, len), |(n, i)| {
            let (n, i) = (n as u32, i as u32);
            (number(n * 131 + i / 8) + 0.4 * number(n * 7001 + i)) * if i % 16 == 3 { 4.0 } else { 1.0 }
        });
        x.t().dot(&x) / f64::from(samples)
    }

    fn cost(format: BlockType, weights: &Array2<f32>, h: &Array2<f64>, bytes: &[u8]) -> f64 {
        let restored = Array2::from_shape_vec(weights.dim(), dequantize_blocks(&format, bytes).unwrap()).unwrap();
        let errors = (weights - &restored).mapv(f64::from);
        (errors.dot(h) * &errors).sum()
    }

    #[test]
    fn feedback_costs_less_than_blocks_by_themselves() {
        // What takes most of the time is shared, or done to few rows: the factor, and super-blocks.
        for samples in [600, 90] {
            let h = moments(512, samples);
            let factor = factorized(h.view()).unwrap();
            for &format in BlockType::ALL.iter().filter(|format| format.can_quantize()) {
                let rows = if format.block_len() < 256 { 3 } else { 1 };
                let weights =
                    Array2::from_shape_fn((rows, 512), |(r, i)| number((r * 512 + i) as u32 + 77) as f32 * 0.1);
                let plain =
                    quantize_blocks(&format, weights.as_slice().unwrap(), 512, None, BlockSearch::Plain).unwrap();
                let rows = Rows { format: &format, factor: &factor, search: BlockSearch::Plain };
                let own = rows.quantize(weights.mapv(f64::from).t());
                let (plain, own) = (cost(format, &weights, &h, &plain), cost(format, &weights, &h, &own));
                assert!(own <= plain * (1.0 + 1e-9), "{format} of {samples} samples: {own} {plain}");
                // The K formats and NVFP4 choose scales of their own so well, or so coarsely, that little is left to feedback.
                if format.block_len() == 32 {
                    assert!(own < 0.9 * plain, "{format} of {samples} samples: {own} {plain}");
                }
            }
        }
    }

    #[test]
    fn the_best_blocks_are_searched_where_that_is_asked_for() {
        let (h, format) = (moments(128, 300), BlockType::NVFP4);
        let weights = Array2::from_shape_fn((3, 128), |(r, i)| number((r * 128 + i) as u32) as f32 * 0.1);
        let [plain, best] = [BlockSearch::Plain, BlockSearch::Best].map(|search| {
            cost(
                format,
                &weights,
                &h,
                &quantize_blocks_with_feedback(&format, weights.view(), h.view(), search).unwrap(),
            )
        });
        assert!(best < plain, "{best} {plain}");
    }

    #[test]
    fn without_products_between_inputs_blocks_are_those_of_the_diagonal() {
        let h = Array2::from_diag(&ndarray::Array1::from_iter((0..64).map(|i| 1.0 + f64::from(i % 5))));
        let weights = Array2::from_shape_fn((2, 64), |(r, i)| number((r * 64 + i) as u32) as f32);
        let importance: Vec<f32> = h.diag().iter().map(|&d| d as f32).collect();
        let x = weights.as_slice().unwrap();
        // With importance Q4_0 looks at the mean square of what it is given: here of a block, so rows of one block.
        let want = quantize_blocks(&BlockType::Q8_0, x, 64, Some(&importance), BlockSearch::Best).unwrap();
        let own = quantize_blocks_with_feedback(&BlockType::Q8_0, weights.view(), h.view(), BlockSearch::Best).unwrap();
        assert_eq!(own, want);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let weights = Array2::<f32>::ones((2, 64));
        let quantize = |weights: &Array2<f32>, h: &Array2<f64>| {
            quantize_blocks_with_feedback(&BlockType::Q4_0, weights.view(), h.view(), BlockSearch::Plain)
        };
        let error = |weights: &Array2<f32>, h: &Array2<f64>| quantize(weights, h).unwrap_err().to_string();
        assert!(error(&weights, &Array2::eye(63)).contains("63"));
        assert!(error(&Array2::ones((2, 33)), &Array2::eye(33)).contains("33"));
        let mut nan = weights.clone();
        nan[[1, 5]] = f32::NAN;
        assert!(error(&nan, &Array2::eye(64)).contains("[1, 5]"));
        assert!(quantize(&weights, &-Array2::<f64>::eye(64)).is_err());
        // Inputs that never were anything but zero cost nothing, whatever stands there.
        assert_eq!(quantize(&weights, &Array2::zeros((64, 64))).unwrap().len(), 4 * 18);
        assert!(quantize(&Array2::zeros((0, 64)), &Array2::eye(64)).unwrap().is_empty());
    }
}
