//! What a pass over a tensor notices beside its results.

/// What was noticed while a tensor was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// Elements that are NaN.
    pub nan: u64,
    /// Elements that are infinite.
    pub infinite: u64,
    /// Groups whose range is a single value: channels that are constant, or all zero.
    pub constant_groups: u64,
}

impl Observed {
    pub(super) fn add(&mut self, other: Self) {
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.constant_groups += other.constant_groups;
    }
}
