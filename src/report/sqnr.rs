//! Ratios in dB as a report holds them: `None` without error, −∞ for an error on values that are all 0.

/// Returns a ratio; `None` for ∞.
pub(super) fn of(db: f64) -> Option<f64> {
    (db < f64::INFINITY).then_some(db)
}

/// Whether JSON, which has no infinities, leaves a ratio out.
#[expect(clippy::ref_option, reason = "what serde calls it with")]
pub(super) fn is_not_finite(db: &Option<f64>) -> bool {
    db.is_none_or(f64::is_infinite)
}
