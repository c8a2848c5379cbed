//! What the text form of a built-in calculator is.

use super::ParamsCalculator;
use crate::error::Result;
#[cfg(feature = "proptest")]
use crate::num::CodeType;
use core::any::Any;
use core::fmt;

/// The names of a built-in calculator: written beside the calculator itself, so that the list of them in `any_calculator.rs`
/// names each once.
pub(super) trait TextForm: ParamsCalculator + Copy + PartialEq + Any {
    /// Its forms that take no numbers, by name; the first stands for the others.
    const NAMED: &'static [(&'static str, Self)];

    /// Returns the numbers that follow the name, if it takes some.
    fn numbers(&self) -> Option<(i32, i32)> {
        None
    }

    /// Returns the calculator of these numbers, if it takes some.
    ///
    /// # Errors
    ///
    /// Those of numbers that no calculator of the kind has.
    fn of_numbers(_a: i32, _b: i32) -> Option<Result<Self>> {
        None
    }

    /// Returns whether it is for codes of a type: whether all laws that it promises hold of them.
    #[cfg(feature = "proptest")]
    fn is_for(&self, code: CodeType) -> bool;

    /// Returns whether it may give offsets.
    #[cfg(feature = "pipeline")]
    fn has_offsets(&self) -> bool {
        false
    }
}

/// Writes the text form.
pub(super) fn write<C: TextForm>(calculator: &C, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let found = C::NAMED.iter().find(|(_, named)| named == calculator).or(C::NAMED.first());
    f.write_str(found.map_or("", |(name, _)| name))?;
    calculator.numbers().map_or(Ok(()), |(a, b)| write!(f, " {a}..{b}"))
}

/// Returns a calculator of this kind, if that is its text form.
pub(super) fn read<C: TextForm>(text: &str) -> Option<Result<C>> {
    if let Some(&(_, calculator)) = C::NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some(Ok(calculator));
    }
    let (name, numbers) = text.split_once(char::is_whitespace)?;
    let (a, b) = numbers.split_once("..")?;
    let is_named = C::NAMED.first().is_some_and(|(first, _)| first.eq_ignore_ascii_case(name));
    if is_named { C::of_numbers(a.trim().parse().ok()?, b.trim().parse().ok()?) } else { None }
}
