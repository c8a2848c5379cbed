//! How parameters are written: plain fields that a person can read, and that are checked when they are read.

use super::{AffineParams, CodeRange, Granularity, QuantParams, ValueRange};
use crate::error::{Error, Result};
use crate::num::{CodeKind, CodeType};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// [`ValueRange`].
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueRangeState {
    min: f32,
    max: f32,
}

impl From<ValueRange> for ValueRangeState {
    fn from(range: ValueRange) -> Self {
        Self { min: range.min(), max: range.max() }
    }
}

impl TryFrom<ValueRangeState> for ValueRange {
    type Error = Error;

    fn try_from(ValueRangeState { min, max }: ValueRangeState) -> Result<Self> {
        Self::new(min, max)
    }
}

/// [`CodeRange`]: a bound that is not there is infinite.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeRangeState {
    kind: Kind,
    min: Option<f64>,
    max: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Integer,
    Float,
}

impl From<CodeRange> for CodeRangeState {
    fn from(codes: CodeRange) -> Self {
        let bound = |bound: f64| bound.is_finite().then_some(bound);
        let kind = if codes.is_integer() { Kind::Integer } else { Kind::Float };
        Self { kind, min: bound(codes.min()), max: bound(codes.max()) }
    }
}

impl TryFrom<CodeRangeState> for CodeRange {
    type Error = Error;

    fn try_from(CodeRangeState { kind, min, max }: CodeRangeState) -> Result<Self> {
        let (min, max) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
        let kind = if kind == Kind::Integer { CodeKind::Integer } else { CodeKind::Float };
        let types = || CodeType::ALL.iter().filter(|code| code.kind() == kind).map(|&code| CodeRange::of_type(code));
        let holds = |all: CodeRange| all.min() <= min && max <= all.max();
        let whole = kind == CodeKind::Float || min % 1.0 == 0.0 && max % 1.0 == 0.0;
        let infinite = kind == CodeKind::Float && min == f64::NEG_INFINITY && max == f64::INFINITY;
        if min < max && (infinite || whole && types().any(holds)) {
            return Ok(Self { min, max, kind });
        }
        let full_min = types().map(CodeRange::min).fold(f64::INFINITY, f64::min);
        let full_max = types().map(CodeRange::max).fold(f64::NEG_INFINITY, f64::max);
        Err(Error::InvalidCodes { min, max, full_min, full_max, code: "any code type" })
    }
}

/// [`AffineParams`].
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AffineParamsState {
    scale: f32,
    zero_point: i32,
    #[serde(default)]
    offset: f32,
}

impl From<AffineParams> for AffineParamsState {
    fn from(AffineParams { scale, zero_point, offset }: AffineParams) -> Self {
        Self { scale, zero_point, offset }
    }
}

impl TryFrom<AffineParamsState> for AffineParams {
    type Error = Error;

    fn try_from(AffineParamsState { scale, zero_point, offset }: AffineParamsState) -> Result<Self> {
        // As it is, where `new` would raise a subnormal scale: those of a group may be.
        if scale > 0.0 && scale.is_finite() {
            Self { scale, zero_point, offset: 0.0 }.with_offset(offset)
        } else {
            Err(Error::InvalidScale { scale: f64::from(scale), group: 0 })
        }
    }
}

/// [`QuantParams`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantParamsState {
    granularity: Granularity,
    codes: CodeRange,
    scales: Vec<f32>,
    zero_points: Vec<i32>,
    /// None if all are 0.
    #[serde(default)]
    offsets: Vec<f32>,
}

impl From<QuantParams> for QuantParamsState {
    fn from(params: QuantParams) -> Self {
        Self {
            granularity: params.granularity(),
            codes: params.codes(),
            scales: params.scales().to_vec(),
            zero_points: params.zero_points().to_vec(),
            offsets: params.offsets().to_vec(),
        }
    }
}

impl TryFrom<QuantParamsState> for QuantParams {
    type Error = Error;

    fn try_from(state: QuantParamsState) -> Result<Self> {
        let QuantParamsState { granularity, codes, scales, zero_points, offsets } = state;
        let params = Self::new(granularity, codes, scales, zero_points)?;
        if offsets.is_empty() { Ok(params) } else { params.with_offsets(offsets) }
    }
}
