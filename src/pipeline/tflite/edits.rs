//! What operators have to do with the constants that were replaced.

use super::super::source::Source;
use crate::error::Result;
use crate::model::tflite::{Constant, ElementType, Model, NewData, Replacement, Role, TensorId};
use crate::num::{CodeType, f16};
use crate::recipe::Decision;
use ndarray::ArrayD;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Returns the element type that a decision gives.
pub(super) fn element_type(decision: &Decision) -> ElementType {
    match decision.code() {
        Some(CodeType::I4) => ElementType::I4,
        Some(CodeType::I2) => ElementType::I2,
        Some(CodeType::F16) => ElementType::F16,
        Some(_) => ElementType::I8,
        None => ElementType::F32,
    }
}

/// Gives a constant other values of the type that it has; tensors that had the same bytes keep them.
pub(super) fn keep(constant: &Constant, values: &ArrayD<f32>, model: &mut Model) -> Result<()> {
    let bytes = match constant.element_type {
        ElementType::F16 => values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    let (element_type, data) = (constant.element_type, NewData::Bytes(bytes));
    model.replace(constant.id, Replacement { element_type, scales: None, data })
}

/// An operator that gives rows of codes from now on.
struct Behind {
    operator: usize,
    table: TensorId,
    version: i32,
}

/// What operators have to do with the constants that were replaced. Numbers of operators are those of the file that was read.
#[derive(Default)]
pub(super) struct Edits {
    /// By the buffer they had, the type they became, and a hash of the bytes: tensors that shared a buffer share the new one.
    replaced: HashMap<(usize, ElementType, u64), TensorId>,
    /// Tensors that need a `DEQUANTIZE` in front of their users, by subgraph.
    restore: BTreeMap<usize, Vec<usize>>,
    /// Inputs of operators that take the codes all the same: subgraph, operator, number.
    take_codes: HashSet<(usize, usize, usize)>,
    /// `DEQUANTIZE` operators of tensors of another type than before, by subgraph.
    retyped: BTreeMap<usize, Vec<usize>>,
    /// `DEQUANTIZE` operators that are no longer needed, by subgraph.
    bypassed: BTreeMap<usize, Vec<usize>>,
    /// Operators that compute in integers, and the version that does: subgraph, number, version.
    dynamic: Vec<(usize, usize, i32)>,
    /// Operators that give rows of codes, by subgraph.
    behind: BTreeMap<usize, Vec<Behind>>,
}

impl Edits {
    /// Returns a tensor's new data: those of an earlier one if they are the same.
    pub(super) fn data(&mut self, constant: &Constant, element_type: ElementType, bytes: Vec<u8>) -> NewData {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let key = (constant.buffer, element_type, hasher.finish());
        if let Some(&other) = self.replaced.get(&key) {
            return NewData::Of(other);
        }
        self.replaced.insert(key, constant.id);
        NewData::Bytes(bytes)
    }

    /// Takes note of what the users of a replaced constant have to do; returns how many tensors get its scales besides itself. Its
    /// scales lie along `axis`, if it has more than one.
    pub(super) fn users(&mut self, source: &Source, decision: &Decision, axis: Option<usize>) -> usize {
        let TensorId { subgraph, tensor } = source.constant.id;
        let is_dynamic = decision.is_dynamic_range();
        let element_type = element_type(decision);
        let mut restored = Vec::new();
        let behind = self.behind.entry(subgraph).or_default();
        let before = behind.len();
        for used in source.uses() {
            let version = |of: crate::model::tflite::DynamicRange| match element_type {
                ElementType::I4 => of.int4,
                ElementType::I8 => of.int8,
                _ => 0,
            };
            match used.role {
                Role::Weights { dynamic_range, .. } if is_dynamic => {
                    self.dynamic.push((subgraph, used.operator, version(dynamic_range)));
                }
                Role::Table { axis: rows, codes }
                    if source.restored.is_none() && version(codes) > 0 && axis.is_none_or(|axis| axis > rows) =>
                {
                    let table = source.constant.id;
                    behind.push(Behind { operator: used.operator, table, version: version(codes) });
                }
                _ => {
                    restored.push(used);
                    continue;
                }
            }
            self.take_codes.insert((subgraph, used.operator, used.input));
        }
        let others = behind.len() - before;
        match &source.restored {
            Some((operator, _)) if is_dynamic || *decision == Decision::Float32 => {
                self.bypassed.entry(subgraph).or_default().push(*operator);
            }
            Some((operator, _)) => self.retyped.entry(subgraph).or_default().push(*operator),
            None if !restored.is_empty() => self.restore.entry(subgraph).or_default().push(tensor),
            None => {}
        }
        others
    }

    pub(super) fn apply(self, model: &mut Model) -> Result<()> {
        for (&subgraph, tensors) in &self.restore {
            let keeps = |operator, input| self.take_codes.contains(&(subgraph, operator, input));
            model.dequantize_in_front_of(subgraph, tensors, &keeps)?;
        }
        // Operators have moved by those that were put in front of them all.
        let added = |subgraph: usize| self.restore.get(&subgraph).map_or(0, Vec::len);
        let moved = |subgraph, operators: &[usize]| -> Vec<usize> {
            operators.iter().map(|operator| operator + added(subgraph)).collect()
        };
        for &(subgraph, operator, version) in &self.dynamic {
            model.run_in_dynamic_range(subgraph, operator + added(subgraph), version)?;
        }
        for (&subgraph, operators) in &self.retyped {
            model.retype_dequantize(subgraph, &moved(subgraph, operators))?;
        }
        let subgraphs: BTreeSet<usize> = self.behind.keys().chain(self.bypassed.keys()).copied().collect();
        for subgraph in subgraphs {
            let mut bypassed = self.bypassed.get(&subgraph).map_or(Vec::new(), |list| moved(subgraph, list));
            let mut behind: Vec<&Behind> = self.behind.get(&subgraph).into_iter().flatten().collect();
            // From the last on, so that those in front keep their numbers.
            behind.sort_by_key(|entry| std::cmp::Reverse(entry.operator));
            for Behind { operator, table, version } in behind {
                let at = operator + added(subgraph);
                model.dequantize_behind(subgraph, at, *table, *version)?;
                bypassed.iter_mut().filter(|position| **position > at).for_each(|position| *position += 1);
            }
            model.bypass_dequantize(subgraph, &bypassed)?;
        }
        Ok(())
    }
}
