//! How exact moments are written.

use super::super::exact_moments::{EXPONENTS, ExactMoments};
use super::{Checked, MOST, check};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// [`ExactMoments`]: integer sums by exponent, as text, for they have up to 128 bits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct MomentsState {
    count: u64,
    sums: BTreeMap<usize, String>,
    squares: BTreeMap<usize, String>,
}

impl From<ExactMoments> for MomentsState {
    fn from(moments: ExactMoments) -> Self {
        let sparse = |sums: &[i128; EXPONENTS]| {
            sums.iter().enumerate().filter(|(_, sum)| **sum != 0).map(|(k, sum)| (k, sum.to_string())).collect()
        };
        Self { count: moments.count, sums: sparse(&moments.sums), squares: sparse(&moments.squares) }
    }
}

impl TryFrom<MomentsState> for ExactMoments {
    type Error = String;

    fn try_from(MomentsState { count, sums, squares }: MomentsState) -> Checked<Self> {
        let mut moments = Self { count, ..Self::default() };
        for (what, limit, from, to) in
            [("sum", 24, sums, &mut moments.sums), ("sum of squares", 48, squares, &mut moments.squares)]
        {
            for (exponent, text) in from {
                let sum: Option<i128> = text.parse().ok();
                // Of so many integers of so many bits.
                let sum = sum.filter(|sum| sum.unsigned_abs() <= u128::from(count) << limit);
                let sum = sum.filter(|sum| limit == 24 || *sum >= 0);
                *to.get_mut(exponent)
                    .filter(|_| exponent < EXPONENTS - 1)
                    .ok_or_else(|| format!("there is no exponent {exponent}"))? =
                    sum.ok_or_else(|| format!("{text:?} is no {what} of {count} values with the exponent {exponent}"))?;
            }
        }
        check(count <= MOST, || format!("{count} values"))?;
        Ok(moments)
    }
}
