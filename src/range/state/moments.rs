//! How exact moments are written.

use super::super::exact_moments::{ExactMoments, Sum, SumOfSquares, WideInteger};
use super::{Checked, MOST, check};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The exponents that an f32 can have.
const EXPONENTS: usize = 256;

/// [`ExactMoments`]: integers of many bits in sixteens, the last digit in units of 2⁻¹⁹² and 2⁻³⁸⁴. Version 0.1.0 wrote a sum for
/// each exponent, as text; these are added up.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct MomentsState {
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sum_of_squares: Option<String>,
    #[serde(skip_serializing, default)]
    sums: BTreeMap<usize, String>,
    #[serde(skip_serializing, default)]
    squares: BTreeMap<usize, String>,
}

impl From<ExactMoments> for MomentsState {
    fn from(ExactMoments { count, sum, squares }: ExactMoments) -> Self {
        let (sums, by_exponent) = (BTreeMap::new(), BTreeMap::new());
        Self { count, sum: Some(text(&sum)), sum_of_squares: Some(text(&squares)), sums, squares: by_exponent }
    }
}

fn text<const N: usize, const UNIT: i32>(sum: &WideInteger<N, UNIT>) -> String {
    sum.words.iter().rev().fold(String::new(), |text, word| format!("{text}{word:016x}"))
}

fn parsed<const N: usize, const UNIT: i32>(text: &str, what: &str) -> Checked<WideInteger<N, UNIT>> {
    let wrong = || format!("{text:?} is no {what}: expected {} digits", 16 * N);
    let digits = text.as_bytes();
    check(digits.len() == 16 * N && digits.iter().all(u8::is_ascii_hexdigit), wrong)?;
    let mut parsed = WideInteger::default();
    for (word, digits) in parsed.words.iter_mut().rev().zip(digits.chunks(16)) {
        let digits = core::str::from_utf8(digits).ok();
        *word = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(wrong)?;
    }
    Ok(parsed)
}

/// Returns whether a sum of so many numbers of up to so many bits may be that.
fn fits<const N: usize, const UNIT: i32>(sum: &WideInteger<N, UNIT>, count: u64, bits: i32) -> bool {
    let mut most = WideInteger::<N, UNIT>::default();
    most.add(i128::from(count), bits);
    let complement = if sum.is_negative() { u64::MAX } else { 0 };
    let magnitude: Vec<u64> = sum.words.iter().rev().map(|word| word ^ complement).collect();
    magnitude <= most.words.iter().rev().copied().collect()
}

impl TryFrom<MomentsState> for ExactMoments {
    type Error = String;

    fn try_from(MomentsState { count, sum, sum_of_squares, sums, squares }: MomentsState) -> Checked<Self> {
        check(count <= MOST, || format!("{count} values"))?;
        let (sum, squares) = match (sum, sum_of_squares) {
            (Some(sum), Some(of_squares)) if sums.is_empty() && squares.is_empty() => {
                (parsed::<7, -192>(&sum, "sum")?, parsed::<12, -384>(&of_squares, "sum of squares")?)
            }
            (None, None) => {
                let (mut sum, mut of_squares) = (Sum::default(), SumOfSquares::default());
                for (exponent, x) in by_exponent("sum", 24, count, sums)? {
                    sum.add(x, exponent);
                }
                for (exponent, x) in by_exponent("sum of squares", 48, count, squares)? {
                    of_squares.add(x, 2 * exponent);
                }
                (sum, of_squares)
            }
            _ => return Err("either sums, or sums by exponent".into()),
        };
        check(fits(&sum, count, 128), || format!("the sum is more than that of {count} values"))?;
        check(!squares.is_negative() && fits(&squares, count, 256), || {
            format!("the sum of squares is more than that of {count} values, or negative")
        })?;
        Ok(Self { count, sum, squares })
    }
}

/// Returns the power of two that each sum is of, and the sum.
fn by_exponent(what: &str, bits: u32, count: u64, sums: BTreeMap<usize, String>) -> Checked<Vec<(i32, i128)>> {
    let one = |(exponent, text): (usize, String)| {
        check(exponent < EXPONENTS - 1, || format!("there is no exponent {exponent}"))?;
        let sum: Option<i128> = text.parse().ok();
        // Of so many integers of so many bits.
        let sum = sum.filter(|sum| sum.unsigned_abs() <= u128::from(count) << bits && (bits == 24 || *sum >= 0));
        let sum = sum.ok_or_else(|| format!("{text:?} is no {what} of {count} values with the exponent {exponent}"))?;
        Ok((exponent.max(1) as i32 - 150, sum))
    };
    sums.into_iter().map(one).collect()
}
