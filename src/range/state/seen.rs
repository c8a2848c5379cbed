//! [`Extremes`], which are the kernel's and know nothing of files, as the field of something.

use super::{Checked, MOST, check};
use crate::kernel::Extremes;
use crate::params::ValueRange;
use alloc::format;
use alloc::string::{String, ToString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// [`Extremes`]: bounds are there if a finite value was seen.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenState {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    min: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    max: Option<f32>,
    count: u64,
    nan: u64,
    infinite: u64,
}

impl From<Extremes> for SeenState {
    fn from(seen: Extremes) -> Self {
        let some = seen.min <= seen.max;
        let Extremes { min, max, count, nan, infinite } = seen;
        Self { min: some.then_some(min), max: some.then_some(max), count, nan, infinite }
    }
}

impl TryFrom<SeenState> for Extremes {
    type Error = String;

    fn try_from(SeenState { min, max, count, nan, infinite }: SeenState) -> Checked<Self> {
        let finite = count.checked_sub(nan).and_then(|rest| rest.checked_sub(infinite));
        let finite = finite
            .filter(|_| count <= MOST)
            .ok_or_else(|| format!("of {count} values, {nan} are NaN and {infinite} infinite"))?;
        let bounds = match (min, max) {
            (None, None) => None,
            (Some(min), Some(max)) => Some(ValueRange::new(min, max).map_err(|error| error.to_string())?),
            _ => return Err("min and max come together".into()),
        };
        check(bounds.is_some() == (finite > 0), || format!("{finite} finite values have bounds if there are any"))?;
        let (min, max) = bounds.map_or((f32::INFINITY, f32::NEG_INFINITY), |range| (range.min(), range.max()));
        Ok(Self { min, max, count, nan, infinite })
    }
}

pub(crate) fn serialize<S: Serializer>(seen: &Extremes, serializer: S) -> Result<S::Ok, S::Error> {
    SeenState::from(*seen).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Extremes, D::Error> {
    SeenState::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
}
