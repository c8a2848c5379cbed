//! What a mapping depends on beside its parameters.

use super::rounder::Rounder;
use crate::num::{CodeType, Scaling};
use crate::params::NanPolicy;

/// What a scheme says beside its parameters, and the type of its codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) code: CodeType,
    pub(crate) rounder: Rounder<'a>,
    pub(crate) scaling: Scaling,
    pub(crate) nan: NanPolicy,
}

impl Settings<'_> {
    /// Returns the settings for values of which so many are NaN: where none is, the bare mapping need not look for one.
    pub(crate) fn given(self, nan: u64) -> Self {
        if nan == 0 { self.native() } else { self }
    }

    pub(super) fn native(self) -> Self {
        Self { nan: NanPolicy::Native, ..self }
    }
}
