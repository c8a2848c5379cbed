//! Where each tensor of a file to be written will stand: known before any of them is.

use super::description::TensorDescription;
use super::reader::TensorInfo;
#[cfg(feature = "blocks")]
use crate::block::BlockType;
use crate::error::{Error, Result};
use crate::model::error::ModelError;
use crate::num::{Code, CodeKind, CodeType};
use crate::params::Granularity;
use ::safetensors::tensor::{Dtype, TensorInfo as Entry};
use std::collections::HashSet;

/// How a tensor will be stored.
#[derive(Clone, Debug)]
pub struct Stored(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// As it was.
    Copied { dtype: Dtype, shape: Vec<usize> },
    /// Codes and parameters.
    Quantized { code: CodeType, shape: Vec<usize>, granularity: Granularity, zero_points: bool, offset: bool },
    /// Blocks.
    #[cfg(feature = "blocks")]
    Blocks { block: BlockType, shape: Vec<usize> },
    /// Floating codes without a scale.
    Cast { code: CodeType, shape: Vec<usize> },
}

impl Stored {
    /// Returns that a tensor is copied byte for byte.
    pub fn copy_of(tensor: &TensorInfo) -> Self {
        Self(Kind::Copied { dtype: tensor.entry_dtype, shape: tensor.shape.clone() })
    }

    /// Returns that a tensor of this shape is stored as codes of type `C` with a scale and zero point for each group.
    ///
    /// f16 and bf16, which are casts, are stored as a plain tensor of that type. Of floats of 8 bits those that the format has a type
    /// for get it; all others, and codes of fewer bits, packed, are bytes (`U8`).
    pub fn quantized<C: Code>(shape: &[usize], granularity: Granularity) -> Self {
        Self::packed(C::TYPE, shape, granularity)
    }

    /// The same of a code type that is known at run time.
    pub fn packed(code: CodeType, shape: &[usize], granularity: Granularity) -> Self {
        let shape = shape.to_vec();
        Self(if code.kind() == CodeKind::Float && code.bits() == 16 {
            Kind::Cast { code, shape }
        } else {
            Kind::Quantized { code, shape, granularity, zero_points: true, offset: false }
        })
    }

    /// Returns the same with an offset for each group, for calculators that use one.
    #[must_use]
    pub fn with_offset(mut self) -> Self {
        if let Kind::Quantized { offset, .. } = &mut self.0 {
            *offset = true;
        }
        self
    }

    /// Returns that a tensor of this shape is stored as blocks of a format, rows along its last axis: bytes (`U8`), as many rows, each as
    /// long as its blocks.
    #[cfg(feature = "blocks")]
    pub fn blocks(block: BlockType, shape: &[usize]) -> Self {
        Self(Kind::Blocks { block, shape: shape.to_vec() })
    }

    /// Returns the same without zero points, for calculators that give none but 0: files hold none then.
    #[must_use]
    pub fn without_zero_points(mut self) -> Self {
        if let Kind::Quantized { zero_points, .. } = &mut self.0 {
            *zero_points = false;
        }
        self
    }

    /// Returns the bytes that codes and parameters will take.
    ///
    /// # Errors
    ///
    /// Those of a shape that the granularity does not fit.
    pub fn size_in_bytes(&self) -> Result<u64> {
        Ok(self.entries("")?.iter().map(|(_, _, _, bytes)| *bytes as u64).fold(0, u64::saturating_add))
    }

    /// Returns what restoring the tensor will take, of a tensor whose codes in use are `codes`.
    pub(super) fn description(&self, codes: (i64, i64)) -> Option<TensorDescription> {
        #[cfg(feature = "blocks")]
        if let Kind::Blocks { block, shape } = &self.0 {
            return Some(TensorDescription {
                code: block.name().into(),
                shape: shape.clone(),
                codes: (0, 0),
                axis: None,
                block_size: None,
                blocks: None,
                zero_points: true,
                offset: false,
            });
        }
        let Kind::Quantized { code, shape, granularity, zero_points, offset } = &self.0 else { return None };
        let (axis, block_size, blocks) = match *granularity {
            Granularity::Tensor => (None, None, None),
            Granularity::Axis(axis) => (Some(axis), None, None),
            Granularity::Block { axis, size } => (Some(axis), Some(size), None),
            Granularity::Blocks(blocks) => (None, None, Some(blocks)),
        };
        Some(TensorDescription {
            code: code.name().into(),
            shape: shape.clone(),
            codes,
            axis,
            block_size,
            blocks,
            zero_points: *zero_points,
            offset: *offset,
        })
    }

    /// Returns what the tensors with the parameters of the one of this name will be called.
    #[cfg(feature = "pipeline")]
    pub(crate) fn names_of_parameters(&self, name: &str) -> Vec<String> {
        let ends: &[&str] = match &self.0 {
            Kind::Quantized { offset: true, .. } => &[".scale", ".zero_point", ".offset"],
            Kind::Quantized { .. } => &[".scale", ".zero_point"],
            Kind::Copied { .. } | Kind::Cast { .. } | Kind::Blocks { .. } => &[],
        };
        ends.iter().map(|end| format!("{name}{end}")).collect()
    }

    /// Returns the tensors of the file that this one becomes.
    fn entries(&self, name: &str) -> Result<Vec<Part>> {
        let part = |suffix: &str| format!("{name}.{suffix}");
        Ok(match &self.0 {
            Kind::Copied { dtype, shape } => {
                let bits = count(shape)?.saturating_mul(dtype.bitsize());
                vec![(name.into(), *dtype, shape.clone(), bits / 8)]
            }
            #[cfg(feature = "blocks")]
            Kind::Blocks { block, shape } => {
                let bytes = block.bytes_of(shape)?;
                let (last, rows) = shape.split_last().unwrap_or((&0, &[]));
                let row_bytes = block.bytes_of(&[*last])?;
                vec![(name.into(), Dtype::U8, [rows, &[row_bytes]].concat(), bytes)]
            }
            Kind::Cast { code, shape } => {
                vec![(name.into(), dtype(*code), shape.clone(), code.packed_len(count(shape)?))]
            }
            Kind::Quantized { code, shape, granularity, zero_points, offset } => {
                let groups = granularity.groups(shape)?;
                let bytes = code.packed_len(count(shape)?);
                let stored_shape = if code.bits() < 8 { vec![bytes] } else { shape.clone() };
                let mut entries = vec![
                    (name.into(), dtype(*code), stored_shape, bytes),
                    (part("scale"), Dtype::F32, vec![groups], groups.saturating_mul(4)),
                ];
                if *zero_points {
                    entries.push((part("zero_point"), Dtype::I32, vec![groups], groups.saturating_mul(4)));
                }
                if *offset {
                    entries.push((part("offset"), Dtype::F32, vec![groups], groups.saturating_mul(4)));
                }
                entries
            }
        })
    }
}

/// Name, element type, shape and bytes of a tensor of the file.
type Part = (String, Dtype, Vec<usize>, usize);

/// Returns the element type that the format has for codes; bytes, where it has none.
fn dtype(code: CodeType) -> Dtype {
    match code {
        CodeType::I8 => Dtype::I8,
        CodeType::I16 => Dtype::I16,
        CodeType::U16 => Dtype::U16,
        CodeType::I32 => Dtype::I32,
        CodeType::F16 => Dtype::F16,
        CodeType::Bf16 => Dtype::BF16,
        CodeType::F8E4M3Fn => Dtype::F8_E4M3,
        CodeType::F8E5M2 => Dtype::F8_E5M2,
        CodeType::F8E4M3Fnuz => Dtype::F8_E4M3FNUZ,
        CodeType::F8E5M2Fnuz => Dtype::F8_E5M2FNUZ,
        _ => Dtype::U8,
    }
}

fn count(shape: &[usize]) -> Result<usize> {
    shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)).ok_or(Error::ShapeMismatch {
        what: "a tensor too large to address",
        expected: vec![],
        actual: shape.to_vec(),
    })
}

/// Returns all tensors of the file, in the order of their data: types of more bytes first, so that each is aligned, and
/// by name among equals, as the format's own writer orders them.
pub(super) fn lay_out(plan: &[(String, Stored)]) -> Result<Vec<(String, Entry)>> {
    let mut entries = Vec::new();
    for (name, stored) in plan {
        entries.extend(stored.entries(name).map_err(|e| e.of_tensor(name))?);
    }
    entries.sort_by(|(a_name, a, ..), (b_name, b, ..)| b.bitsize().cmp(&a.bitsize()).then_with(|| a_name.cmp(b_name)));
    let mut names = HashSet::new();
    let mut at = 0_usize;
    let mut laid_out = Vec::with_capacity(entries.len());
    for (name, dtype, shape, bytes) in entries {
        if !names.insert(name.clone()) {
            return Err(ModelError::DuplicateName { name }.into());
        }
        let end = at.saturating_add(bytes);
        laid_out.push((name, Entry { dtype, shape, data_offsets: (at, end) }));
        at = end;
    }
    Ok(laid_out)
}
