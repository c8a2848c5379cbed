//! The parameters of a whole tensor.

use super::one_or_many::OneOrMany;
use super::{AffineParams, CodeRange, Ends, Granularity, Groups, GroupsMut, reciprocal};
use crate::error::{Error, Result};
use crate::num::{Code, CodeType};
use alloc::vec;
use alloc::vec::Vec;

/// The scale and zero point of every group of a tensor, and which elements a group holds.
///
/// Groups stand in the order that [`Granularity::groups`] states. Every scale is positive and finite and every zero
/// point a code: checked once, when this is built.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::QuantParamsState", try_from = "super::state::QuantParamsState")
)]
pub struct QuantParams {
    granularity: Granularity,
    codes: CodeRange,
    scales: OneOrMany<f32>,
    zero_points: OneOrMany<i32>,
    /// Empty where every offset is 0.
    offsets: Vec<f32>,
    prepared: Prepared,
}

/// What kernels want to know about all groups, computed once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prepared {
    /// The reciprocals of the scales, if there are several; the kernel for one scale computes its own.
    pub(crate) inverses: Vec<f32>,
    /// The smallest and the largest scale.
    pub(crate) scales: (f32, f32),
    /// The smallest and the largest zero point.
    pub(crate) zero_points: (i32, i32),
}

impl Prepared {
    fn new(scales: &[f32], zero_points: &[i32]) -> Self {
        let several = scales.len() > 1;
        let inverses = if several { scales.iter().copied().map(reciprocal).collect() } else { Vec::new() };
        Self::with_ends(inverses, Ends::of(scales, zero_points))
    }

    fn with_ends(inverses: Vec<f32>, ends: Ends) -> Self {
        Self { inverses, scales: ends.scales, zero_points: ends.zero_points }
    }
}

impl QuantParams {
    /// Returns one scale and zero point for all elements, with every code of `C` in use.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidScale`], [`Error::InvalidZeroPoint`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::params::QuantParams;
    /// assert_eq!(QuantParams::per_tensor::<u8>(0.5, 128)?.scales(), [0.5]);
    /// assert!(QuantParams::per_tensor::<u8>(0.5, -1).is_err());
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn per_tensor<C: Code>(scale: f32, zero_point: i32) -> Result<Self> {
        Self::checked(Granularity::Tensor, CodeRange::of::<C>(), OneOrMany::One(scale), OneOrMany::One(zero_point))
    }

    /// Returns a scale and zero point for each index along `axis`, with every code of `C` in use.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidScale`], [`Error::InvalidZeroPoint`], [`Error::LengthMismatch`].
    pub fn per_axis<C: Code>(axis: usize, scales: Vec<f32>, zero_points: Vec<i32>) -> Result<Self> {
        Self::new(Granularity::Axis(axis), CodeRange::of::<C>(), scales, zero_points)
    }

    /// Returns a scale and zero point for each run of `size` elements along `axis`, with every code of `C` in use. They stand
    /// in row-major order of the tensor's shape, in which `axis` counts blocks;
    /// [`from_arrays`](Self::from_arrays) takes them in that shape.
    ///
    /// # Errors
    ///
    /// [`Error::BlockSizeZero`], [`Error::InvalidScale`], [`Error::InvalidZeroPoint`], [`Error::LengthMismatch`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::params::QuantParams;
    ///
    /// // One row of 64 weights.
    /// let params = QuantParams::per_block::<i8>(1, 32, vec![0.5, 0.25], vec![0, 0])?;
    /// params.check::<i8>(&[1, 64])?;
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn per_block<C: Code>(axis: usize, size: usize, scales: Vec<f32>, zero_points: Vec<i32>) -> Result<Self> {
        if size == 0 {
            return Err(Error::BlockSizeZero { axis });
        }
        Self::new(Granularity::Block { axis, size }, CodeRange::of::<C>(), scales, zero_points)
    }

    /// Returns the parameters of groups of any granularity and any part of a type's codes.
    ///
    /// Scales are taken as they are, subnormal ones included.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidScale`], [`Error::InvalidZeroPoint`], [`Error::LengthMismatch`].
    pub fn new(granularity: Granularity, codes: CodeRange, scales: Vec<f32>, zero_points: Vec<i32>) -> Result<Self> {
        Self::checked(granularity, codes, scales.into(), zero_points.into())
    }

    fn checked(
        granularity: Granularity,
        codes: CodeRange,
        scales: OneOrMany<f32>,
        zero_points: OneOrMany<i32>,
    ) -> Result<Self> {
        if scales.len() != zero_points.len() {
            return Err(Error::LengthMismatch {
                what: "zero points",
                expected: scales.len(),
                actual: zero_points.len(),
            });
        }
        if let Granularity::Tensor = granularity
            && scales.len() != 1
        {
            return Err(Error::LengthMismatch { what: "scales", expected: 1, actual: scales.len() });
        }
        let prepared = Prepared::new(&scales, &zero_points);
        let params = Self { granularity, codes, scales, zero_points, offsets: Vec::new(), prepared };
        params.check_groups()?;
        Ok(params)
    }

    /// Returns the parameters of groups whose ends are known.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidScale`], [`Error::InvalidZeroPoint`].
    pub(crate) fn with_ends(granularity: Granularity, codes: CodeRange, groups: Groups, ends: Ends) -> Result<Self> {
        let Groups { scales, inverses, zero_points } = groups;
        let inverses = if scales.len() > 1 { inverses } else { Vec::new() };
        let prepared = Prepared::with_ends(inverses, ends);
        let (scales, zero_points) = (scales.into(), zero_points.into());
        let params = Self { granularity, codes, scales, zero_points, offsets: Vec::new(), prepared };
        params.check_groups()?;
        Ok(params)
    }

    /// Takes these groups, without offsets, in place of its own, in memory that is there.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidScale`], [`Error::InvalidZeroPoint`].
    pub(crate) fn set_groups(&mut self, groups: &GroupsMut<'_>, ends: Ends) -> Result<()> {
        self.scales.set(groups.scales);
        self.zero_points.set(groups.zero_points);
        self.offsets.clear();
        let mut inverses = core::mem::take(&mut self.prepared.inverses);
        inverses.clear();
        if groups.scales.len() > 1 {
            inverses.extend_from_slice(groups.inverses);
        }
        self.prepared = Prepared::with_ends(inverses, ends);
        self.check_groups()
    }

    /// Checks each scale and zero point.
    fn check_groups(&self) -> Result<()> {
        let Prepared { scales: (least, most), .. } = self.prepared;
        // A scale that is none is one of the ends.
        if !(least > 0.0 && most < f32::INFINITY)
            && let Some(group) = self.scales.iter().position(|&scale| !(scale > 0.0 && scale.is_finite()))
        {
            return Err(Error::InvalidScale { scale: f64::from(self.scales[group]), group });
        }
        let (lowest, highest) = self.prepared.zero_points;
        if self.check_zero_point(0, lowest).and_then(|()| self.check_zero_point(0, highest)).is_err() {
            for (group, &zero_point) in self.zero_points.iter().enumerate() {
                self.check_zero_point(group, zero_point)?;
            }
        }
        Ok(())
    }

    /// Returns the parameters of groups as a calculator gave them.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidZeroPoint`], [`Error::LengthMismatch`].
    pub fn from_groups(
        granularity: Granularity,
        codes: CodeRange,
        groups: impl IntoIterator<Item = AffineParams>,
    ) -> Result<Self> {
        let mut groups = groups.into_iter();
        let (first, second) = (groups.next(), groups.next());
        if let (Some(AffineParams { scale, zero_point, offset }), None) = (first, second) {
            let params = Self::checked(granularity, codes, OneOrMany::One(scale), OneOrMany::One(zero_point))?;
            return if offset == 0.0 { Ok(params) } else { params.with_offsets(vec![offset]) };
        }
        let groups: Vec<AffineParams> = first.into_iter().chain(second).chain(groups).collect();
        Self::of_groups(granularity, codes, &groups)
    }

    /// The same, of groups that stand in a slice.
    pub(crate) fn of_groups(granularity: Granularity, codes: CodeRange, groups: &[AffineParams]) -> Result<Self> {
        if let [params] = groups {
            return Self::from_groups(granularity, codes, [*params]);
        }
        let scales = groups.iter().map(|params| params.scale).collect();
        let zero_points = groups.iter().map(|params| params.zero_point).collect();
        let params = Self::new(granularity, codes, scales, zero_points)?;
        if groups.iter().all(|params| params.offset == 0.0) {
            return Ok(params);
        }
        params.with_offsets(groups.iter().map(|params| params.offset).collect())
    }

    /// Returns the same with a real for each group that is added after scaling.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`], and [`Error::InvalidSetting`] for one that is not finite.
    pub fn with_offsets(self, offsets: Vec<f32>) -> Result<Self> {
        if offsets.len() != self.scales.len() {
            return Err(Error::LengthMismatch { what: "offsets", expected: self.scales.len(), actual: offsets.len() });
        }
        if let Some(&offset) = offsets.iter().find(|offset| !offset.is_finite()) {
            let (what, expected) = ("the offset", "finite");
            return Err(Error::InvalidSetting { what, expected, actual: f64::from(offset) });
        }
        let offsets = if offsets.iter().all(|&offset| offset == 0.0) { Vec::new() } else { offsets };
        Ok(Self { offsets, ..self })
    }

    fn check_zero_point(&self, group: usize, zero_point: i32) -> Result<()> {
        let (min, max) = if self.codes.is_integer() { (self.codes.min(), self.codes.max()) } else { (0.0, 0.0) };
        // A narrow range still has its zero point anywhere in it; the code left out lies below.
        if (min..=max).contains(&f64::from(zero_point)) {
            Ok(())
        } else {
            Err(Error::InvalidZeroPoint { zero_point, group, min, max })
        }
    }

    /// Checks that these parameters fit a code type and a shape.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`], [`Error::LengthMismatch`], and those of [`Granularity::groups`].
    pub fn check<C: Code>(&self, shape: &[usize]) -> Result<()> {
        self.check_type(C::TYPE, shape)
    }

    /// Checks that these parameters fit a code type and a shape.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_type(&self, code: CodeType, shape: &[usize]) -> Result<()> {
        self.codes.check_fits(code)?;
        let expected = self.granularity.groups(shape)?;
        if self.scales.len() == expected {
            Ok(())
        } else {
            Err(Error::LengthMismatch { what: "scales", expected, actual: self.scales.len() })
        }
    }

    /// Returns what kernels want to know about all groups.
    pub(crate) fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Returns which elements share a scale.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// Returns the codes in use.
    pub fn codes(&self) -> CodeRange {
        self.codes
    }

    /// Returns the scale of each group.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns the zero point of each group.
    pub fn zero_points(&self) -> &[i32] {
        &self.zero_points
    }

    /// Returns the offset of each group, or nothing if all are 0.
    pub fn offsets(&self) -> &[f32] {
        &self.offsets
    }

    /// Returns the number of groups.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Returns whether there are no groups, as for a tensor with no channels.
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// Returns the parameters of one group, or `None` beyond the last.
    pub fn group(&self, group: usize) -> Option<AffineParams> {
        Some(AffineParams {
            scale: *self.scales.get(group)?,
            zero_point: *self.zero_points.get(group)?,
            offset: self.offsets.get(group).copied().unwrap_or(0.0),
        })
    }

    /// Returns the bytes that the parameters take: 4 for a scale, 4 for a zero point, and 4 for an offset if there are any.
    pub fn size_in_bytes(&self) -> usize {
        4 * (self.scales.len() + self.zero_points.len() + self.offsets.len())
    }
}
