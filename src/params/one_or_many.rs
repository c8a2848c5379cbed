//! One value, where most have one, or many: a tensor with one scale allocates nothing for it.

use alloc::vec::{self, Vec};
use core::fmt;
use core::iter::Chain;
use core::ops::Deref;
use core::option;

/// Values in order, of which one is kept in place.
#[derive(Clone)]
pub(crate) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: Copy> OneOrMany<T> {
    /// Takes these values in place of its own, in memory that is there.
    pub(crate) fn set(&mut self, values: &[T]) {
        match self {
            OneOrMany::Many(own) => {
                own.clear();
                own.extend_from_slice(values);
            }
            OneOrMany::One(_) => *self = OneOrMany::Many(values.to_vec()),
        }
    }
}

impl<T> Deref for OneOrMany<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            OneOrMany::One(value) => core::slice::from_ref(value),
            OneOrMany::Many(values) => values,
        }
    }
}

impl<T> From<Vec<T>> for OneOrMany<T> {
    fn from(values: Vec<T>) -> Self {
        OneOrMany::Many(values)
    }
}

/// As the values are equal, wherever they are kept.
impl<T: PartialEq> PartialEq for OneOrMany<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for OneOrMany<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> IntoIterator for OneOrMany<T> {
    type Item = T;
    type IntoIter = Chain<option::IntoIter<T>, vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            OneOrMany::One(value) => (Some(value), Vec::new()),
            OneOrMany::Many(values) => (None, values),
        };
        one.into_iter().chain(many)
    }
}
