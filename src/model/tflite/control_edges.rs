//! Which operators must run before which, as the metadata entry `model_control_dependencies` tells it.
//!
//! The entry's buffer holds numbers of 7 bits a byte, the lowest first, the high bit saying that more follow: the
//! version 1, the number of subgraphs, and for each its number of edges and their two operators, signed numbers with the
//! sign in the lowest bit.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use super::model::Model;
use super::schema::{metadata, model};
use super::tree::Data;
use crate::error::Result;

const ENTRY: &str = "model_control_dependencies";
const VERSION: u32 = 1;

/// For each subgraph the pairs of operators whose first runs before the second.
type Edges = Vec<Vec<(i32, i32)>>;

/// Where an operator went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// It has this number now.
    To(usize),
    /// It was taken out.
    Out,
}

impl Model {
    /// Gives edges between operators of a subgraph their new numbers. Edges to and from an operator that was taken out become
    /// edges between those before and behind it.
    ///
    /// Entries that cannot be read are left as they are, as the interpreter does not heed them either.
    pub(super) fn renumber_control_edges(&mut self, number: usize, moved: impl Fn(usize) -> Moved) -> Result<()> {
        let entries = self.root.tables(model::METADATA);
        let Some(index) = entries.iter().position(|entry| entry.text(metadata::NAME) == ENTRY) else { return Ok(()) };
        let old = entries.get(index).and_then(|entry| entry.u32(metadata::BUFFER)).unwrap_or(0) as usize;
        if self.data_of(old).is_none() {
            return Ok(());
        }
        let Some(mut edges) = decode(&self.bytes(old)?) else { return Ok(()) };
        let Some(edges_of_part) = edges.get_mut(number) else { return Ok(()) };
        *edges_of_part = renumbered(edges_of_part, moved);
        let new = self.store(old, Data::Held(encode(&edges)));
        if new != old {
            if let Some(entry) = self.root.tables_mut(model::METADATA).get_mut(index) {
                entry.set_scalar(metadata::BUFFER, (new as u32).to_le_bytes());
            }
            self.moved_reference(old, new);
        }
        Ok(())
    }
}

fn renumbered(edges: &[(i32, i32)], moved: impl Fn(usize) -> Moved) -> Vec<(i32, i32)> {
    let place = |operator: i32| usize::try_from(operator).map_or(Moved::Out, &moved);
    let mut edges = edges.to_vec();
    // Each operator that is out is bridged in turn; a list that would grow beyond what it may be is cut there.
    let mut out: Vec<i32> = edges.iter().flat_map(|&(a, b)| [a, b]).filter(|&op| place(op) == Moved::Out).collect();
    out.sort_unstable();
    out.dedup();
    for gone in out {
        let before: Vec<i32> = edges.iter().filter(|edge| edge.1 == gone).map(|edge| edge.0).collect();
        let behind: Vec<i32> = edges.iter().filter(|edge| edge.0 == gone).map(|edge| edge.1).collect();
        edges.retain(|&(a, b)| a != gone && b != gone);
        let bridges = before.iter().flat_map(|&a| behind.iter().map(move |&b| (a, b)));
        let mut added: Vec<_> = bridges.take(1 << 16).filter(|&(a, b)| a != b).collect();
        added.retain(|edge| !edges.contains(edge));
        edges.append(&mut added);
    }
    let number = |operator: i32| match place(operator) {
        Moved::To(new) => i32::try_from(new).ok(),
        Moved::Out => None,
    };
    edges.into_iter().filter_map(|(a, b)| Some((number(a)?, number(b)?))).collect()
}

fn decode(mut bytes: &[u8]) -> Option<Edges> {
    let mut next = || {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = bytes.split_first()?;
            bytes = rest;
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    };
    if next()? != VERSION {
        return None;
    }
    let signed = |next: &mut dyn FnMut() -> Option<u32>| {
        let value = next()?;
        let half = (value / 2) as i32;
        Some(if value % 2 == 0 { half } else { half.checked_neg()?.checked_sub(1)? })
    };
    let parts = next()?;
    let mut edges = Vec::new();
    for _ in 0..parts {
        let count = next()?;
        let mut part = Vec::new();
        for _ in 0..count {
            part.push((signed(&mut next)?, signed(&mut next)?));
        }
        edges.push(part);
    }
    Some(edges)
}

fn encode(edges: &Edges) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut push = |mut value: u32| {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    };
    push(VERSION);
    push(edges.len() as u32);
    for part in edges {
        push(part.len() as u32);
        for operator in part.iter().flat_map(|&(a, b)| [a, b]) {
            push(((operator << 1) ^ (operator >> 31)) as u32);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_read_and_written_as_the_interpreter_has_them() {
        let bytes = [1, 1, 1, 2, 4];
        let edges = decode(&bytes);
        assert_eq!(edges, Some(vec![vec![(1, 2)]]));
        assert_eq!(encode(&vec![vec![(1, 2)]]), bytes);
        let large = vec![vec![], vec![(300, -1), (i32::MAX, i32::MIN)]];
        assert_eq!(decode(&encode(&large)), Some(large));
    }

    #[test]
    fn bytes_that_are_no_edges_are_none() {
        for bytes in [&[][..], &[2, 0], &[1], &[1, 1, 0x7f, 0], &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
        assert_eq!(decode(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f]), None, "four billion subgraphs in no bytes");
    }

    #[test]
    fn an_operator_that_is_taken_out_is_bridged() {
        let moved = |operator| match operator {
            2 => Moved::Out,
            n if n > 2 => Moved::To(n - 1),
            n => Moved::To(n),
        };
        assert_eq!(renumbered(&[(1, 2), (2, 4), (0, 4)], moved), [(0, 3), (1, 3)]);
        assert_eq!(renumbered(&[(1, 2), (-7, 3)], |n| Moved::To(n + 1)), [(2, 3)]);
    }
}
