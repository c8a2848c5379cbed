//! The parameters of many groups without offsets, and the reciprocals that kernels ask for.

use super::{AffineParams, reciprocal};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// The parameters of groups: each array has an entry for each.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(super) scales: Vec<f32>,
    pub(super) inverses: Vec<f32>,
    pub(super) zero_points: Vec<i32>,
}

impl Groups {
    /// Returns memory for so many.
    pub(crate) fn new(groups: usize) -> Self {
        Self { scales: vec![0.0; groups], inverses: vec![0.0; groups], zero_points: vec![0; groups] }
    }

    /// Returns their places.
    pub(crate) fn places(&mut self) -> GroupsMut<'_> {
        GroupsMut { scales: &mut self.scales, inverses: &mut self.inverses, zero_points: &mut self.zero_points }
    }

    /// Returns the parameters of each, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = AffineParams> + '_ {
        let each = self.scales.iter().zip(&self.zero_points);
        each.map(|(&scale, &zero_point)| AffineParams { scale, zero_point, offset: 0.0 })
    }
}

/// The places of the parameters of as many groups.
#[derive(Debug)]
pub(crate) struct GroupsMut<'a> {
    pub(crate) scales: &'a mut [f32],
    /// The reciprocals of the scales.
    pub(crate) inverses: &'a mut [f32],
    pub(crate) zero_points: &'a mut [i32],
}

impl GroupsMut<'_> {
    /// Returns the places of a range of the groups.
    pub(crate) fn part(&mut self, range: Range<usize>) -> GroupsMut<'_> {
        let (scales, inverses) = (&mut self.scales[range.clone()], &mut self.inverses[range.clone()]);
        GroupsMut { scales, inverses, zero_points: &mut self.zero_points[range] }
    }

    /// Writes the parameters of a group, which have no offset.
    pub(crate) fn set(&mut self, group: usize, params: AffineParams) {
        self.scales[group] = params.scale;
        self.inverses[group] = reciprocal(params.scale);
        self.zero_points[group] = params.zero_point;
    }
}

#[cfg(feature = "rayon")]
impl<'a> GroupsMut<'a> {
    /// Returns the places before and from a group on.
    pub(crate) fn split_at(self, at: usize) -> (GroupsMut<'a>, GroupsMut<'a>) {
        let (scales, inverses) = (self.scales.split_at_mut(at), self.inverses.split_at_mut(at));
        let zero_points = self.zero_points.split_at_mut(at);
        let before = GroupsMut { scales: scales.0, inverses: inverses.0, zero_points: zero_points.0 };
        (before, GroupsMut { scales: scales.1, inverses: inverses.1, zero_points: zero_points.1 })
    }
}
