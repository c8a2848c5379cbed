//! What a goal asks of a file, and of a request.

use super::super::integer::Data;
use super::super::judge::Judged;
use super::request::{Goal, Request};
use crate::calibration::{CalibrationError, RunError};
use crate::error::{Error, Result};
use crate::search::Bound;

/// Returns what a goal asks of what is measured.
pub(super) fn bound_of(goal: Goal, bytes_in: u64) -> Bound {
    match goal {
        Goal::MinSqnr(db) => Bound::Quality(db),
        Goal::MaxAccuracyDrop(drop) => Bound::Quality(-drop),
        Goal::MaxSize(ratio) => Bound::Bytes((ratio * bytes_in as f64) as u64),
        Goal::MaxDownload(bytes) => Bound::Bytes(bytes),
    }
}

/// Returns how good a file is by a goal.
pub(super) fn quality_of(goal: Goal, judged: &Judged) -> f64 {
    match goal {
        Goal::MaxAccuracyDrop(_) => judged.accuracy().map_or(f64::NEG_INFINITY, |[a, b]| (b - a) * 100.0),
        _ => judged.sqnr_db(),
    }
}

/// Returns an error for a request that makes no sense.
pub(super) fn check(request: &Request, labels: Option<&[usize]>) -> Result<()> {
    let invalid = |what, expected, actual| Err(Error::InvalidSetting { what, expected, actual });
    match request.goal {
        Goal::MinSqnr(db) if !db.is_finite() => invalid("the ratio in dB", "a number", db),
        Goal::MaxSize(ratio) if !(ratio > 0.0 && ratio.is_finite()) => invalid("the share of bytes", "above 0", ratio),
        Goal::MaxAccuracyDrop(drop) if !(drop >= 0.0 && drop.is_finite()) => {
            invalid("the drop of accuracy in percentage points", "0 or more", drop)
        }
        Goal::MaxAccuracyDrop(_) if labels.is_none() => {
            Err(CalibrationError::NotRun { reason: "accuracy needs labels: the right choice for each sample".into() }
                .into())
        }
        _ if request.types.is_empty() => invalid("the number of types", "1 or more", 0.0),
        _ => Ok(()),
    }
}

/// Returns a number that samples of another content do not have: FNV-1a over their elements.
pub(super) fn hash(data: Data<'_>) -> Result<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let count = data.samples.count(None);
    for number in 0..count {
        let sample = data.samples.sample(None, number).map_err(RunError::into_error)?;
        for (name, array) in sample {
            name.bytes().for_each(&mut add);
            array.to_f32().iter().flat_map(|x| x.to_le_bytes()).for_each(&mut add);
        }
    }
    Ok(hash)
}
