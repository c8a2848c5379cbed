//! What interpreters do not check, and get wrong: scales that ought to be equal, biases, zero points, types, versions.

mod control;
mod fault;
mod operators;
mod tensors;

pub use fault::{Fault, Severity};

use super::element_type::ElementType;
use super::model::{Model, shape_of};
use super::rewrite::Flag;
use super::schema::{subgraph, tensor};
use super::tree::Table;

impl Model {
    /// Returns what is wrong with the codes of a model: what the interpreter would refuse, and what it would run with wrong results, without
    /// a word.
    ///
    /// | what | what is found |
    /// | --- | --- |
    /// | tensors | data that are too short for their shape; scales that are no positive numbers; zero points that are no codes, or none where kernels want 0; lengths that do not fit |
    /// | values | operators that take reals and codes together; a value that nothing makes; an operand in f32 |
    /// | scales | those of values that are only copied or compared, and differ; of outputs for which kernels prescribe one; a sum in the scale of its elements |
    /// | weights and biases | another axis or type than kernels take; biases not in the scale of the accumulator |
    /// | operators | those without a kernel for their codes, or with a wrong one; versions that say less than there is |
    /// | control flow | types and scales that differ between an operator and the subgraph that it runs |
    ///
    /// Weights of codes beside activations of reals are looked at as well. A float model has no faults but those of values that nothing
    /// makes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use tensor_quant::model::tflite::Model;
    ///
    /// for fault in Model::open("model.tflite")?.check() {
    ///     println!("{fault}");
    /// }
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    #[doc(alias = "validate")]
    pub fn check(&self) -> Vec<Fault> {
        let graph = self.graph();
        let mut faults = Vec::new();
        let versions = self.operators();
        for (number, part) in graph.subgraphs.iter().enumerate() {
            tensors::check(number, part, &self.bytes_short(number), &mut faults);
            for (place, operator) in part.operators.iter().enumerate() {
                let version = versions.get(number).and_then(|operators| Some(operators.get(place)?.version));
                let is_power_of_two = self.flag(number, place, Flag::PowerOfTwoScales);
                operators::check(number, part, place, operator, (version, is_power_of_two), &mut faults);
            }
        }
        control::check(&graph, &mut faults);
        faults
    }

    /// Returns, for each tensor of a subgraph that has data in this file, the bytes that there are and those that its shape takes, if these
    /// are more.
    fn bytes_short(&self, number: usize) -> Vec<Option<[u64; 2]>> {
        let Some(graph) = self.graphs().get(number) else { return Vec::new() };
        let short = |table: &Table| {
            let buffer = table.u32(tensor::BUFFER).unwrap_or(0);
            let is_elsewhere = table.u32(tensor::EXTERNAL_BUFFER).is_some_and(|external| external != 0);
            if buffer == 0 || is_elsewhere || table.child(tensor::SPARSITY).is_some() {
                return None;
            }
            let there = self.data_of(buffer as usize)?.len();
            let elements = shape_of(table).iter().try_fold(1_u64, |n, &len| n.checked_mul(len as u64))?;
            let taken = ElementType::of(table.u8(tensor::TYPE).unwrap_or(0)).size_of(elements)?;
            (there < taken).then_some([there, taken])
        };
        graph.tables(subgraph::TENSORS).iter().map(short).collect()
    }
}
