//! What a tensor takes in the file that would be written.

use super::constant::TensorId;
use super::model::Model;
use super::schema::{buffer, quantization, subgraph, tensor};
use super::tree::{Child, Data, Vector};
use super::writer::is_small;
use std::collections::{HashMap, HashSet};

impl Model {
    /// Returns the bytes that each tensor's values, scales and zero points take in the file that [`save`](Self::save) would write,
    /// tensors without any left out. What several share is written once, and counts for the first of them: the sum is never more than
    /// the file.
    ///
    /// Tables, names, operators and what fills up between data are not among them.
    pub fn bytes_of_tensors(&self) -> HashMap<TensorId, u64> {
        let mut written = Written::default();
        let mut bytes = HashMap::new();
        for (number, graph) in self.graphs().iter().enumerate() {
            for (i, table) in graph.tables(subgraph::TENSORS).iter().enumerate() {
                let buffer = table.u32(tensor::BUFFER).unwrap_or(0) as usize;
                let mut sum =
                    if written.buffers.insert(buffer) { self.bytes_of_buffer(buffer, &mut written) } else { 0 };
                if let Some(parameters) = table.table(tensor::QUANTIZATION) {
                    let vectors = [quantization::SCALE, quantization::ZERO_POINT].map(|slot| parameters.vector(slot));
                    sum += vectors.into_iter().flatten().map(|vector| written.vector(vector)).sum::<u64>();
                }
                if sum > 0 {
                    bytes.insert(TensorId { subgraph: number, tensor: i }, sum);
                }
            }
        }
        bytes
    }

    fn bytes_of_buffer<'a>(&'a self, number: usize, written: &mut Written<'a>) -> u64 {
        let Some(table) = self.root.tables(super::schema::model::BUFFERS).get(number) else { return 0 };
        match (&table.outside, table.child(buffer::DATA)) {
            (Some(data), _) => written.data(data, false),
            (None, Some(Child::Vector(vector))) => written.vector(vector),
            _ => 0,
        }
    }
}

/// What was counted already.
#[derive(Default)]
struct Written<'a> {
    buffers: HashSet<usize>,
    /// Short vectors by their content.
    vectors: HashSet<(u8, u8, bool, &'a [u8])>,
    /// Data in the file that was read, and whether they are a vector's.
    ranges: HashSet<(u64, u64, bool)>,
}

impl<'a> Written<'a> {
    fn vector(&mut self, vector: &'a Vector) -> u64 {
        match &vector.data {
            Data::Held(bytes) if is_small(vector) => {
                let is_new = self.vectors.insert((vector.align, vector.width, vector.terminated, bytes));
                if is_new { bytes.len() as u64 } else { 0 }
            }
            data => self.data(data, true),
        }
    }

    fn data(&mut self, data: &Data, is_vector: bool) -> u64 {
        match *data {
            Data::File { start, len } if !self.ranges.insert((start, len, is_vector)) => 0,
            _ => data.len(),
        }
    }
}
