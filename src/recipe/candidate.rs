//! A constant tensor as a recipe sees it, whatever the file's format.

use crate::num::CodeType;
use crate::params::{Granularity, ParamsCalculator, ZeroPoints};
use crate::tensor::AnyScheme;

/// Zero points of more bytes are not shared by tensors of as many channels.
const LONGEST_SHARED: u64 = 1 << 14;

/// A tensor of a file that might be quantized.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// The type of its elements, as in `f32`.
    pub element_type: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The bytes that it takes.
    pub size_in_bytes: u64,
    /// What uses it; `None` in formats that hold tensors alone.
    pub uses: Option<Vec<Usage>>,
    /// Why it cannot be touched at all, if it cannot.
    pub obstacle: Option<String>,
    /// Why its exact values decide, if they do: then it is left as it is, too.
    pub exact: Option<String>,
    /// The bytes that it takes to restore it in front of its users, as for an operator that does so.
    pub cost_of_restoring: u64,
    /// What the format can hold.
    pub storage: Storage,
}

/// What codes and parameters a format can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Any code type, granularity and zero point.
    Any,
    /// Codes of these types, with a scale for the tensor or for each index along an axis; `with_zero_point` are those that may have
    /// zero points, and then for the tensor alone.
    Channels {
        /// The code types.
        codes: &'static [CodeType],
        /// Those that may have zero points.
        with_zero_point: &'static [CodeType],
    },
}

impl Storage {
    /// Returns the bytes of the scales of so many groups, and of zero points that belong to the tensor alone; those of zero points that
    /// all tensors of as many groups share.
    pub(super) fn bytes_of_parameters(self, groups: u64, is_symmetric: bool) -> (u64, u64) {
        let (scales, long) = (groups.saturating_mul(4), groups.saturating_mul(8));
        match self {
            Storage::Any if is_symmetric => (scales, 0),
            Storage::Any => (long, 0),
            Storage::Channels { .. } if long <= LONGEST_SHARED => (scales, long),
            Storage::Channels { .. } => (scales.saturating_add(long), 0),
        }
    }

    /// Returns whether a scheme's zero points are 0, all of them.
    pub(super) fn is_symmetric(scheme: &AnyScheme) -> bool {
        scheme.calculator.zero_points(scheme.codes()) == ZeroPoints::One(0) || !scheme.code.is_integer()
    }

    /// Returns why a scheme's codes and parameters cannot be held, if they cannot.
    pub(super) fn obstacle(self, scheme: &AnyScheme) -> Option<String> {
        let Storage::Channels { codes, with_zero_point } = self else { return None };
        let code = scheme.code;
        if !codes.contains(&code) {
            let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
            return Some(format!("the format restores {}, not {code}", names.join(", ")));
        }
        let symmetric = Self::is_symmetric(scheme);
        match scheme.granularity {
            Granularity::Tensor if symmetric || with_zero_point.contains(&code) => None,
            Granularity::Axis(_) if symmetric => None,
            Granularity::Tensor | Granularity::Axis(_) => Some(format!(
                "the format restores {code} {} without zero points only, not {}",
                scheme.granularity, scheme.calculator
            )),
            other => Some(format!("the format has one scale, or one for each index along an axis, not {other}")),
        }
    }
}

/// A use of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The operator, as in `CONV_2D`.
    pub operator: String,
    /// What it does with the tensor.
    pub role: UsageRole,
}

/// What an operator does with a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageRole {
    /// Multiplies it with activations.
    Weights {
        /// The axis of the output channels.
        axis: usize,
        /// Whether it can take int8 codes, and quantize its activations as it runs.
        dynamic_int8: bool,
        /// The same for int4 codes.
        dynamic_int4: bool,
        /// Whether the kernels for int8 and for int4 codes are faster than in floating point.
        fast: [bool; 2],
    },
    /// Gives rows of it by their numbers.
    Table {
        /// The axis along which rows are taken.
        axis: usize,
        /// Whether it can take int8 codes, and give rows of codes, which are restored behind it.
        int8: bool,
        /// The same for int4 codes.
        int4: bool,
    },
    /// Adds, scales, compares: a bias or another operand.
    Operand,
    /// Hands it to another part of the model.
    Passed,
    /// Not known.
    Unknown,
}

impl Candidate {
    /// Returns the number of elements; `usize::MAX` if they cannot be counted.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |product: usize, &len| product.saturating_mul(len))
    }
}

/// What all uses of a tensor have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Weights; in formats with operators, with channels along one axis.
    Weights {
        axis: Option<usize>,
        dynamic_int8: bool,
        dynamic_int4: bool,
        fast: [bool; 2],
        /// Whether other users have to have it restored, whatever these do.
        is_also_restored: bool,
        operators: String,
    },
    /// A table whose rows are taken along an axis.
    Table { axis: usize, int8: bool, int4: bool, operators: String },
    /// An operand.
    Operand { operators: String },
    /// Nothing that allows it to be touched, and why.
    Out(String),
}

impl Part {
    /// Returns the part that a tensor plays.
    pub(super) fn of(candidate: &Candidate) -> Self {
        let Some(uses) = &candidate.uses else {
            return match candidate.shape.len() {
                0 | 1 => Part::Operand { operators: String::new() },
                _ => Part::Weights {
                    axis: None,
                    dynamic_int8: true,
                    dynamic_int4: true,
                    fast: [true; 2],
                    is_also_restored: false,
                    operators: String::new(),
                },
            };
        };
        let operators = operators(uses);
        if uses.is_empty() {
            return Part::Out("no operator uses it".into());
        }
        if let Some(used) = uses.iter().find(|used| used.role == UsageRole::Unknown) {
            return Part::Out(format!("an input of the custom operator {}", used.operator));
        }
        if let Some(used) = uses.iter().find(|used| used.role == UsageRole::Passed) {
            return Part::Out(format!("passed to another subgraph by {}", used.operator));
        }
        let mut part: Option<(usize, [bool; 4])> = None;
        let mut table: Option<(usize, [bool; 2])> = None;
        for used in uses {
            match used.role {
                UsageRole::Weights { axis, dynamic_int8, dynamic_int4, fast } => {
                    let [int8, int4, fast8, fast4] = part.map_or([true; 4], |(_, all)| all);
                    if let Some((other, _)) = part.filter(|(other, _)| *other != axis) {
                        return Part::Out(format!(
                            "weights of {operators} with channels along different axes, {other} and {axis}"
                        ));
                    }
                    part =
                        Some((axis, [int8 && dynamic_int8, int4 && dynamic_int4, fast8 && fast[0], fast4 && fast[1]]));
                }
                UsageRole::Table { axis, int8, int4 } => {
                    let (last, [all8, all4]) = table.unwrap_or((axis, [true; 2]));
                    table = Some((last.max(axis), [all8 && int8, all4 && int4]));
                }
                _ => {}
            }
        }
        let mixed = uses.iter().any(|used| used.role == UsageRole::Operand);
        match (part, table) {
            // An operand has to be restored for, so the weights are, too. A table is restored beside them.
            (Some((axis, [int8, int4, fast8, fast4])), _) => Part::Weights {
                axis: Some(axis),
                dynamic_int8: int8 && !mixed,
                dynamic_int4: int4 && !mixed,
                fast: [fast8, fast4],
                is_also_restored: table.is_some(),
                operators,
            },
            (None, Some((axis, [int8, int4]))) => {
                Part::Table { axis, int8: int8 && !mixed, int4: int4 && !mixed, operators }
            }
            (None, None) => Part::Operand { operators },
        }
    }
}

/// Returns the operators' names, each once.
fn operators(uses: &[Usage]) -> String {
    let mut names: Vec<&str> = uses.iter().map(|used| used.operator.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" and ")
}
