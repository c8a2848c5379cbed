//! Second moments as JSON.
//!
//! ```json
//! {"len": 2, "rows": 2, "addends": 1, "places": [0, 0, 0], "sums": [[10, 0, 0], [2, 0, 0], [4, 0, 0]]}
//! ```
//!
//! Elements are those of the upper triangle, row by row: for each the number of its highest part, null of a sum of nothing, and the
//! sums of its parts, which are integers.

use super::second_moments::{Element, SecondMoments};
use crate::range::{Checked, check};
use serde::{Deserialize, Serialize};

/// [`SecondMoments`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondMomentsState {
    len: usize,
    rows: u64,
    addends: u64,
    places: Vec<Option<i16>>,
    sums: Vec<[i64; 3]>,
}

impl From<SecondMoments> for SecondMomentsState {
    fn from(moments: SecondMoments) -> Self {
        let SecondMoments { len, rows, addends, elements } = moments;
        let nothing = Element::default().place;
        Self {
            len,
            rows,
            addends,
            places: elements.iter().map(|element| Some(element.place).filter(|&place| place != nothing)).collect(),
            sums: elements.iter().map(|element| element.sums.map(|sum| sum as i64)).collect(),
        }
    }
}

impl TryFrom<SecondMomentsState> for SecondMoments {
    type Error = String;

    fn try_from(state: SecondMomentsState) -> Checked<Self> {
        let SecondMomentsState { len, rows, addends, places, sums } = state;
        // Before anything of that length is allocated.
        let expected = len.checked_add(1).and_then(|next| len.checked_mul(next)).map(|n| n / 2);
        let lengths = (places.len(), sums.len());
        check(Some(lengths.0) == expected && lengths.0 == lengths.1, || {
            format!("rows of {len} have no {} places and {} sums of second moments", lengths.0, lengths.1)
        })?;
        let mut moments = SecondMoments::new(len).map_err(|error| error.to_string())?;
        (moments.rows, moments.addends) = (rows, addends);
        check(addends <= rows && rows.div_ceil(256) <= addends, || format!("{addends} calls with {rows} rows"))?;
        for (number, (element, (place, sums))) in
            moments.elements.iter_mut().zip(places.into_iter().zip(sums)).enumerate()
        {
            *element = Element { place: place.unwrap_or(element.place), sums: sums.map(|sum| sum as f64) };
            check(element.is_of(addends), || format!("element {number} is no sum of {addends} numbers"))?;
        }
        Ok(moments)
    }
}
