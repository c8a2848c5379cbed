//! A tensor's elements in row-major order, as many at a time as one asks for, whatever the memory layout.
//!
//! 1. Contiguous elements are read where they lie if they are of the type that is wanted, else widened a piece at a time.
//! 2. Where the elements of the last axis are no neighbours but those of another axis are, as in a transposed matrix, slabs
//!    of some indices of that axis are gathered in squares: each line of the cache is read once. A slab is 64 KiB of f32 if
//!    the other axes let it be: larger ones would be given back to the system, and be had anew for each tensor.
//! 3. Other permutations of a contiguous tensor are copied a run of neighbours at a time. What is not contiguous, such as
//!    each second column, is copied whole first.

use super::number::Number;
use crate::kernel::Rows;
use crate::num::Real;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use ndarray::{ArrayView, Dimension};

/// Elements in a slab.
const SLAB: usize = 1 << 14;
/// Indices of the axis of neighbours in a slab, at least: as many as a line of the cache holds.
const NARROWEST: usize = 16;

/// An axis: its length, and how far its indices lie apart.
type Axis = (usize, usize);

/// Reads the elements of a tensor one after another.
pub(super) struct Source<'a, T: Real, N> {
    memory: Cow<'a, [T]>,
    layout: Layout,
    /// Elements of the type that is wanted: the slab that is being read, or those handed over last.
    slab: Vec<N>,
    /// The next element of the slab.
    at: usize,
    /// Those of several slabs.
    joined: Vec<N>,
}

enum Layout {
    /// The next element.
    RowMajor(usize),
    Permuted(Permuted),
}

impl<'a, T: Real, N: Number> Source<'a, T, N> {
    pub(super) fn new<D: Dimension>(view: &'a ArrayView<'_, T, D>) -> Self {
        let (memory, layout) = match (view.as_slice(), view.as_slice_memory_order(), merged_axes(view)) {
            (Some(slice), ..) => (Cow::Borrowed(slice), Layout::RowMajor(0)),
            (None, Some(memory), Some(axes)) if axes.iter().any(|axis| axis.1 == 1) => {
                (Cow::Borrowed(memory), Layout::Permuted(Permuted::new(axes)))
            }
            _ => (Cow::Owned(copied(view)), Layout::RowMajor(0)),
        };
        Self { memory, layout, slab: Vec::new(), at: 0, joined: Vec::new() }
    }

    /// Returns the next `n` elements; there must be so many.
    pub(super) fn next(&mut self, n: usize) -> &[N] {
        match &mut self.layout {
            Layout::RowMajor(at) => {
                let range = *at..*at + n;
                *at += n;
                let values = &self.memory[range];
                if let Some(same) = N::same(values) {
                    return same;
                }
                self.slab.resize(n, N::default());
                N::convert(values, &mut self.slab);
                &self.slab
            }
            Layout::Permuted(permuted) => {
                if self.at == self.slab.len() && n > 0 {
                    permuted.fill(&self.memory, &mut self.slab);
                    self.at = 0;
                }
                if n <= self.slab.len() - self.at {
                    self.at += n;
                    return &self.slab[self.at - n..self.at];
                }
                self.joined.clear();
                while self.joined.len() < n {
                    if self.at == self.slab.len() {
                        permuted.fill(&self.memory, &mut self.slab);
                        self.at = 0;
                    }
                    let end = self.slab.len().min(self.at + n - self.joined.len());
                    self.joined.extend_from_slice(&self.slab[self.at..end]);
                    self.at = end;
                }
                &self.joined
            }
        }
    }
}

/// A contiguous tensor with its axes in another order.
struct Permuted {
    /// Before the axis of neighbours.
    outer: Vec<Axis>,
    /// The length of the axis of neighbours.
    len: usize,
    /// Behind the axis of neighbours; empty if that is the last.
    inner: Vec<Axis>,
    /// How many elements the inner axes have.
    inner_len: usize,
    /// The index of the outer axes, all in one, and that of the axis of neighbours.
    next: (usize, usize),
}

impl Permuted {
    /// One of the axes has neighbours.
    fn new(mut axes: Vec<Axis>) -> Self {
        let at = axes.iter().position(|axis| axis.1 == 1).unwrap_or(0);
        let inner = axes.split_off(at + 1);
        let len = axes.pop().map_or(1, |axis| axis.0);
        Self { outer: axes, len, inner_len: inner.iter().map(|axis| axis.0).product(), inner, next: (0, 0) }
    }

    /// Replaces a slab by the next one.
    fn fill<T: Real, N: Number>(&mut self, memory: &[T], slab: &mut Vec<N>) {
        let (outer, first) = self.next;
        if let Some((&(number, step), middle)) = self.inner.split_last() {
            let wanted = (SLAB / self.inner_len / NARROWEST * NARROWEST).max(NARROWEST);
            let len = wanted.min(self.len - first);
            slab.resize(len * self.inner_len, N::default());
            let start = offset(outer, &self.outer) + first;
            for (k, out) in (0..self.inner_len / number).zip((0..).step_by(number)) {
                let x = &memory[start + offset(k, middle)..];
                N::turn(x, Rows { number, len, step }, &mut slab[out..], self.inner_len);
            }
            self.next = if first + len < self.len { (outer, first + len) } else { (outer + 1, 0) };
        } else {
            // Whole runs of neighbours.
            let all: usize = self.outer.iter().map(|axis| axis.0).product();
            let runs = (SLAB / self.len).max(1).min(all - outer);
            slab.resize(runs * self.len, N::default());
            for (k, out) in slab.chunks_mut(self.len).enumerate() {
                let start = offset(outer + k, &self.outer);
                let x = &memory[start..start + self.len];
                match N::same(x) {
                    Some(x) => out.copy_from_slice(x),
                    None => out.iter_mut().zip(x).for_each(|(out, &x)| *out = N::of(x)),
                }
            }
            self.next = (outer + runs, 0);
        }
    }
}

/// Returns where an index of several axes lies, counted in row-major order.
fn offset(mut index: usize, axes: &[Axis]) -> usize {
    let mut offset = 0;
    for &(len, step) in axes.iter().rev() {
        offset += index % len * step;
        index /= len;
    }
    offset
}

/// Returns the axes of a tensor that is not empty, neighbouring ones made one where they can be, and none of length 1;
/// `None` if an axis runs backwards.
fn merged_axes<T, D: Dimension>(view: &ArrayView<'_, T, D>) -> Option<Vec<Axis>> {
    let mut axes: Vec<Axis> = Vec::with_capacity(view.ndim());
    for (&len, &step) in view.shape().iter().zip(view.strides()) {
        if len == 1 {
            continue;
        }
        let step = usize::try_from(step).ok()?;
        match axes.last_mut() {
            Some(last) if last.1 == len * step => *last = (last.0 * len, step),
            _ => axes.push((len, step)),
        }
    }
    (!view.is_empty()).then_some(axes)
}

/// Returns the elements in row-major order.
fn copied<T: Real, D: Dimension>(view: &ArrayView<'_, T, D>) -> Vec<T> {
    let mut all = Vec::with_capacity(view.len());
    for row in view.rows() {
        match row.as_slice() {
            Some(row) => all.extend_from_slice(row),
            None => all.extend(row.iter()),
        }
    }
    all
}
