//! Scales and zero points as arrays in the shape of the groups, as ONNX and other block formats store them.

use super::{CodeRange, Granularity, QuantParams};
use crate::error::{Error, Result};
use crate::num::Code;
use alloc::vec::Vec;
use ndarray::{ArrayD, ArrayRef, Dimension, IxDyn};

impl QuantParams {
    /// Returns the parameters of a tensor of this shape whose scales and zero points stand in arrays, in the shape that
    /// [`Granularity::groups_shape`] gives, with every code of `C` in use.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] for arrays of another shape, [`Error::InvalidScale`], [`Error::InvalidZeroPoint`], and those of
    /// [`Granularity::groups`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::{Array2, array};
    /// use tensor_quant::params::{Granularity, QuantParams};
    ///
    /// // Two rows of 64 weights, a scale for each 32 of them.
    /// let scales = array![[0.5, 0.25], [0.125, 1.0]];
    /// let blocks = Granularity::Block { axis: 1, size: 32 };
    /// let params = QuantParams::from_arrays::<i8>(blocks, &[2, 64], &scales, &Array2::zeros((2, 2)))?;
    /// assert_eq!(params.scales(), [0.5, 0.25, 0.125, 1.0]);
    /// assert_eq!(params.scales_array(&[2, 64])?, scales.into_dyn());
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn from_arrays<C: Code>(
        granularity: Granularity,
        shape: &[usize],
        scales: &ArrayRef<f32, impl Dimension>,
        zero_points: &ArrayRef<i32, impl Dimension>,
    ) -> Result<Self> {
        let expected = granularity.groups_shape(shape)?;
        let check = |what, actual: &[usize]| {
            let actual = actual.to_vec();
            if actual == expected {
                Ok(())
            } else {
                Err(Error::ShapeMismatch { what, expected: expected.clone(), actual })
            }
        };
        check("scales", scales.shape())?;
        check("zero points", zero_points.shape())?;
        let (scales, zero_points) = (scales.iter().copied().collect(), zero_points.iter().copied().collect());
        Self::new(granularity, CodeRange::of::<C>(), scales, zero_points)
    }

    /// Returns the scales in the shape of the groups of a tensor of this shape, as [`Granularity::groups_shape`] gives it.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if such a tensor has another number of groups, and those of [`Granularity::groups`].
    pub fn scales_array(&self, shape: &[usize]) -> Result<ArrayD<f32>> {
        self.in_shape("scales", shape, self.scales())
    }

    /// Returns the zero points in the shape of the groups of a tensor of this shape, as [`Granularity::groups_shape`] gives it.
    ///
    /// # Errors
    ///
    /// As [`scales_array`](Self::scales_array).
    pub fn zero_points_array(&self, shape: &[usize]) -> Result<ArrayD<i32>> {
        self.in_shape("zero points", shape, self.zero_points())
    }

    fn in_shape<T: Clone>(&self, what: &'static str, shape: &[usize], values: &[T]) -> Result<ArrayD<T>> {
        let expected = self.granularity().groups(shape)?;
        let groups = IxDyn(&self.granularity().groups_shape(shape)?);
        let mismatch = |_| Error::LengthMismatch { what, expected, actual: values.len() };
        ArrayD::from_shape_vec(groups, values.to_vec()).map_err(mismatch)
    }
}

impl Granularity {
    /// Returns the shape in which the scales of a tensor of this shape stand: `[]` per tensor, `[channels]` per axis, and for
    /// blocks the tensor's shape with the number of blocks along each axis that is cut.
    ///
    /// That is the shape in which ONNX's `QuantizeLinear` takes them; its elements are [`groups`](Self::groups) many, in the same
    /// order.
    ///
    /// # Errors
    ///
    /// As [`groups`](Self::groups).
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::params::Granularity;
    /// assert_eq!(Granularity::Block { axis: 1, size: 32 }.groups_shape(&[8, 100])?, [8, 4]);
    /// assert_eq!(Granularity::Axis(1).groups_shape(&[8, 100])?, [100]);
    /// assert!(Granularity::Tensor.groups_shape(&[8, 100])?.is_empty());
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn groups_shape(self, shape: &[usize]) -> Result<Vec<usize>> {
        // It checks the axes and the lengths of the blocks.
        let groups = self.groups(shape)?;
        let mut lengths = shape.to_vec();
        match self {
            Granularity::Tensor => lengths.clear(),
            Granularity::Axis(_) => lengths = [groups].into(),
            Granularity::Block { axis, size } => lengths[axis] = shape[axis].div_ceil(size),
            Granularity::Blocks(blocks) => {
                for (length, &size) in lengths.iter_mut().zip(blocks.lengths()) {
                    *length = length.div_ceil(size);
                }
            }
        }
        Ok(lengths)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::params::BlockShape;
    use alloc::string::ToString;
    use ndarray::{Array1, Array2, array};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arrays_hold_as_many_scales_as_there_are_groups_and_give_them_back(
            shape in prop::collection::vec(0_usize..6, 1..5), axis in 0_usize..4, size in 1_usize..8, kind in 0..4,
        ) {
            let axis = axis % shape.len();
            let granularity = match kind {
                0 => Granularity::Tensor,
                1 => Granularity::Axis(axis),
                2 => Granularity::Block { axis, size },
                _ => Granularity::Blocks(BlockShape::new(&alloc::vec![size; shape.len()]).unwrap()),
            };
            let groups = granularity.groups(&shape).unwrap();
            prop_assert_eq!(granularity.groups_shape(&shape).unwrap().iter().product::<usize>(), groups);
            let scales = (0..groups).map(|group| group as f32 + 0.5).collect();
            let zero_points = (0..groups).map(|group| group as i32 % 100).collect();
            let params = QuantParams::new(granularity, CodeRange::of::<i8>(), scales, zero_points).unwrap();
            let (scales, zero_points) = (params.scales_array(&shape).unwrap(), params.zero_points_array(&shape).unwrap());
            prop_assert_eq!(QuantParams::from_arrays::<i8>(granularity, &shape, &scales, &zero_points).unwrap(), params);
        }
    }

    #[test]
    fn an_array_is_read_in_its_own_order_whatever_its_layout() {
        let transposed = array![[1.0_f32, 2.0], [3.0, 4.0]];
        let blocks = Granularity::Block { axis: 0, size: 3 };
        let params = QuantParams::from_arrays::<i8>(blocks, &[6, 2], &transposed.t(), &Array2::zeros((2, 2))).unwrap();
        assert_eq!(params.scales(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn an_array_of_another_shape_names_both_shapes() {
        let blocks = Granularity::Block { axis: 1, size: 32 };
        let refused = |zero_points: &Array2<i32>| {
            QuantParams::from_arrays::<i8>(blocks, &[2, 64], &Array1::ones(4), zero_points).unwrap_err().to_string()
        };
        assert_eq!(refused(&Array2::zeros((2, 2))), "scales: expected the shape [2, 2], got [4]");
        let params = QuantParams::per_block::<i8>(1, 32, [0.5; 4].into(), [0; 4].into()).unwrap();
        let error = params.scales_array(&[2, 96]).unwrap_err().to_string();
        assert_eq!(error, "scales: expected a length of 6, got 4");
        assert!(params.scales_array(&[64]).is_err());
        let error = QuantParams::per_block::<i8>(1, 0, [0.5; 4].into(), [0; 4].into()).unwrap_err().to_string();
        assert_eq!(error, "a block size of 0 along axis 1 is not possible");
    }
}
