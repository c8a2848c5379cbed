//! What the text form of a built-in estimator is.

use super::RangeEstimator;
use crate::error::{Error, Result};
use core::any::Any;
use core::fmt;

/// The name of a built-in estimator, and its settings as they stand behind it: written beside the estimator itself, so that the
/// list of them in `any_estimator.rs` names each once.
pub(super) trait TextForm: RangeEstimator + Any {
    /// What its text form begins with.
    const NAME: &'static str;
    /// Other names that are read.
    const OTHER_NAMES: &'static [&'static str] = &[];

    /// Writes the settings; of one that has none, nothing.
    fn write_settings(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    /// Returns the estimator with these settings; `None` if that is not how they are written.
    ///
    /// # Errors
    ///
    /// Those of settings that no estimator of the kind has.
    fn of_settings(settings: &str) -> Option<Result<Self>>;

    /// Whether it refuses floating codes.
    #[cfg(feature = "proptest")]
    const INTEGER_CODES_ONLY: bool = false;

    /// Returns one whose settings, if it has some, follow from numbers between 0 and 1: what tests draw.
    #[cfg(feature = "proptest")]
    fn drawn(_numbers: [f64; 2]) -> Option<Self> {
        Self::of_settings("")?.ok()
    }
}

/// Writes the text form.
pub(super) fn write<E: TextForm>(estimator: &E, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(E::NAME)?;
    estimator.write_settings(f)
}

/// Returns an estimator of this kind, if that is its name.
pub(super) fn read<E: TextForm>(name: &str, settings: &str, unknown: &dyn Fn() -> Error) -> Option<Result<E>> {
    let mut names = core::iter::once(&E::NAME).chain(E::OTHER_NAMES);
    names.any(|known| known.eq_ignore_ascii_case(name)).then(|| match E::of_settings(settings) {
        Some(read) => read,
        None => Err(unknown()),
    })
}

/// Returns the default where there are no settings.
pub(super) fn without_settings<E: Default>(settings: &str) -> Option<Result<E>> {
    settings.is_empty().then(|| Ok(E::default()))
}

/// Returns the two numbers of `low..high`.
pub(super) fn pair<T: core::str::FromStr>(settings: &str) -> Option<(T, T)> {
    let (low, high) = settings.split_once("..")?;
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}
