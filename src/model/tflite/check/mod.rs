//! What interpreters do not check, and get wrong: scales that ought to be equal, biases, zero points, types, versions.

mod control;
mod fault;
mod operators;
mod tensors;

pub use fault::{Fault, Severity};

use super::model::Model;
use super::rewrite::Flag;

impl Model {
    /// Returns what is wrong with the codes of a model: what the interpreter would refuse, and what it would run with wrong results, without
    /// a word.
    ///
    /// | what | what is found |
    /// | --- | --- |
    /// | tensors | scales that are no positive numbers; zero points that are no codes, or none where kernels want 0; lengths that do not fit |
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
            tensors::check(number, part, &mut faults);
            for (place, operator) in part.operators.iter().enumerate() {
                let version = versions.get(number).and_then(|operators| Some(operators.get(place)?.version));
                let is_power_of_two = self.flag(number, place, Flag::PowerOfTwoScales);
                operators::check(number, part, place, operator, (version, is_power_of_two), &mut faults);
            }
        }
        control::check(&graph, &mut faults);
        faults
    }
}
