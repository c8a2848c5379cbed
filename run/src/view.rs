//! Elements of a tensor in another order: what slices, transposes and repeats come to.

use crate::tensor::{Element, Reason, Tensor, elements_of, map_elements};

/// Where the elements of a result stand in its source: at `offset` plus, for each axis, its index times its stride.
#[derive(Clone, Debug)]
pub(crate) struct View {
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl View {
    /// Returns the view of all elements in their order.
    pub(crate) fn of(shape: &[usize]) -> Self {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1;
        for (of_axis, len) in strides.iter_mut().zip(shape).rev() {
            *of_axis = stride;
            stride *= (*len).max(1) as isize;
        }
        Self { offset: 0, shape: shape.to_vec(), strides }
    }

    /// Returns the view with axes in another order: `order[i]` is what axis `i` was.
    pub(crate) fn transposed(self, order: &[usize]) -> Result<Self, Reason> {
        let mut seen = vec![false; self.shape.len()];
        for &axis in order {
            match seen.get_mut(axis) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(format!("{order:?} is no order of {} axes", self.shape.len())),
            }
        }
        if order.len() != self.shape.len() {
            return Err(format!("{order:?} is no order of {} axes", self.shape.len()));
        }
        let shape = order.iter().map(|&axis| self.shape[axis]).collect();
        let strides = order.iter().map(|&axis| self.strides[axis]).collect();
        Ok(Self { offset: self.offset, shape, strides })
    }

    /// Returns `len` elements of an axis from `start` on, `step` apart, which all have to be there.
    pub(crate) fn sliced(mut self, axis: usize, start: usize, len: usize, step: isize) -> Result<Self, Reason> {
        let of_axis = self.shape[axis];
        if len > 0 {
            let last = (len - 1).checked_mul(step.unsigned_abs()).filter(|&n| isize::try_from(n).is_ok());
            let last = last.and_then(|n| start.checked_add_signed(if step < 0 { -(n as isize) } else { n as isize }));
            if start >= of_axis || last.is_none_or(|last| last >= of_axis) {
                return Err(format!("{len} elements from {start} on, {step} apart, of {of_axis}"));
            }
            // Within the source, whose elements are countable.
            self.offset = self.offset.wrapping_add_signed(start as isize * self.strides[axis]);
            self.strides[axis] = if len > 1 { self.strides[axis] * step } else { 0 };
        }
        self.shape[axis] = len;
        Ok(self)
    }

    /// Returns the view repeated to a shape: axes are added in front, and those of length 1 stretched.
    pub(crate) fn broadcast(self, shape: &[usize]) -> Result<Self, Reason> {
        let missing = shape.len().checked_sub(self.shape.len());
        let missing = missing.ok_or_else(|| format!("{:?} does not fit {shape:?}", self.shape))?;
        let mut strides = vec![0; shape.len()];
        for (axis, (&len, &stride)) in self.shape.iter().zip(&self.strides).enumerate() {
            match shape[missing + axis] {
                n if n == len => strides[missing + axis] = stride,
                _ if len == 1 => {}
                _ => return Err(format!("{:?} cannot be repeated to {shape:?}", self.shape)),
            }
        }
        Ok(Self { offset: self.offset, shape: shape.to_vec(), strides })
    }

    /// Returns the view's elements, copied.
    pub(crate) fn copy(&self, from: &Tensor) -> Result<Tensor, Reason> {
        let len = elements_of(&self.shape)?;
        let data = map_elements!(from.data(), x => self.elements(x, len));
        Tensor::new(self.shape.clone(), data)
    }

    fn elements<E: Element>(&self, from: &[E], len: usize) -> Vec<E> {
        let mut out = Vec::with_capacity(len);
        if len == 0 {
            return out;
        }
        // Axes that follow each other without a gap count as one.
        let mut shape: Vec<usize> = Vec::new();
        let mut strides: Vec<isize> = Vec::new();
        for (&n, &stride) in self.shape.iter().zip(&self.strides).filter(|(n, _)| **n != 1) {
            match (shape.last_mut(), strides.last_mut()) {
                (Some(len), Some(outer)) if *outer == stride * n as isize => {
                    *len *= n;
                    *outer = stride;
                }
                _ => {
                    shape.push(n);
                    strides.push(stride);
                }
            }
        }
        let (inner, inner_stride) = (shape.pop().unwrap_or(1), strides.pop().unwrap_or(1));
        let mut index = vec![0; shape.len()];
        let mut at = self.offset;
        loop {
            match inner_stride {
                1 => out.extend_from_slice(&from[at..at + inner]),
                0 => out.extend(std::iter::repeat_n(from[at], inner)),
                stride if stride > 0 => {
                    let last = at + (inner - 1) * stride as usize;
                    out.extend(from[at..=last].iter().step_by(stride as usize).copied());
                }
                stride => out.extend((0..inner as isize).map(|i| from[at.wrapping_add_signed(i * stride)])),
            }
            // The next index, the last axis fastest.
            let mut axis = shape.len();
            loop {
                if axis == 0 {
                    return out;
                }
                axis -= 1;
                index[axis] += 1;
                at = at.wrapping_add_signed(strides[axis]);
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
                at = at.wrapping_add_signed(-(strides[axis] * shape[axis] as isize));
            }
        }
    }
}

/// Returns the slices of a tensor along an axis at these positions, in their order.
pub(crate) fn take(from: &Tensor, axis: usize, positions: &[usize]) -> Result<Tensor, Reason> {
    let shape = from.shape();
    let len = shape[axis];
    if let Some(beyond) = positions.iter().find(|&&position| position >= len) {
        return Err(format!("position {beyond} of an axis of {len}"));
    }
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut out_shape = shape.to_vec();
    out_shape[axis] = positions.len();
    let elements = elements_of(&out_shape)?;
    let data = map_elements!(from.data(), x => {
        let mut out = Vec::with_capacity(elements);
        for o in 0..outer {
            let block = &x[o * len * inner..(o + 1) * len * inner];
            for &position in positions {
                out.extend_from_slice(&block[position * inner..(position + 1) * inner]);
            }
        }
        out
    });
    Tensor::new(out_shape, data)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn counted(shape: &[usize]) -> Tensor {
        Tensor::of(shape.to_vec(), (0..shape.iter().product::<usize>() as i32).collect()).unwrap()
    }

    #[test]
    fn transposes_slices_and_repeats_agree_with_indexing() {
        let x = counted(&[2, 3, 4]);
        let y = View::of(x.shape()).transposed(&[2, 0, 1]).unwrap().sliced(0, 3, 2, -2).unwrap();
        let y = y.broadcast(&[2, 2, 2, 3]).unwrap().copy(&x).unwrap();
        let expected: Vec<i32> = (0..2)
            .flat_map(|_| [3, 1])
            .flat_map(|k| (0..2).flat_map(move |i| (0..3).map(move |j| i * 12 + j * 4 + k)))
            .collect();
        assert_eq!(y.elements::<i32>().unwrap(), expected);
    }

    #[test]
    fn what_is_not_there_is_no_view() {
        let view = || View::of(&[2, 3]);
        assert!(view().sliced(1, 1, 3, 1).is_err() && view().sliced(1, 3, 1, 1).is_err());
        assert!(view().sliced(0, 0, usize::MAX, 1).is_err() && view().sliced(0, 1, 3, -1).is_err());
        assert!(view().transposed(&[0, 0]).is_err() && view().transposed(&[0]).is_err());
        assert!(view().broadcast(&[3]).is_err() && view().broadcast(&[2, 4]).is_err());
        assert!(take(&counted(&[2, 3]), 1, &[3]).is_err());
    }

    #[test]
    fn an_empty_view_has_no_elements() {
        let x = counted(&[0, 3]);
        assert_eq!(View::of(x.shape()).broadcast(&[2, 0, 3]).unwrap().copy(&x).unwrap().shape(), [2, 0, 3]);
        assert_eq!(take(&counted(&[2, 3]), 0, &[]).unwrap().shape(), [0, 3]);
    }
}
