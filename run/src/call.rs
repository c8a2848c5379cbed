//! What an operator is given when it runs.

use crate::codes::Grid;
use crate::tensor::{Element, Reason, Tensor, elements_of};
use tensor_quant::graph::{Attributes, ElementType, Operator};

/// An operator and its inputs.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) inputs: &'a [Option<Tensor>],
    /// For each input, whether it holds 8-bit or smaller codes as reals, and what the file says of its type.
    pub(crate) input_types: &'a [Option<ElementType>],
    /// The types of the outputs, as the file says.
    pub(crate) output_types: &'a [ElementType],
    /// The grid of codes that the first input and the first output have in common, if they do.
    pub(crate) grid: Option<Grid>,
    pub(crate) limits: Limits,
    /// How many elements more may be held.
    pub(crate) free: usize,
}

/// What a run may take: a model from elsewhere may ask for anything.
///
/// # Examples
///
/// ```
/// use tensor_quant_run::Limits;
///
/// let small = Limits::default().with_elements(1 << 20);
/// assert!(small.elements < Limits::default().elements);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most elements of one value.
    pub elements: usize,
    /// The most elements of all values that are held at a time, beyond four for each byte of the file.
    pub held: usize,
    /// The most multiplications of one operator.
    pub multiplications: u64,
    /// The most operators that one run may come to, in loops above all.
    pub operators: u64,
}

impl Default for Limits {
    /// 2²⁸ elements of one value (1 GiB of f32), 2²⁹ of all, 2⁴² multiplications, 10⁷ operators.
    fn default() -> Self {
        Self { elements: 1 << 28, held: 1 << 29, multiplications: 1 << 42, operators: 10_000_000 }
    }
}

impl Limits {
    /// Returns the limits with another number of elements.
    #[must_use]
    pub fn with_elements(self, elements: usize) -> Self {
        Self { elements, ..self }
    }

    /// Returns the limits with another number of elements of all values that are held at a time.
    #[must_use]
    pub fn with_held(self, held: usize) -> Self {
        Self { held, ..self }
    }

    /// Returns the limits with another number of multiplications.
    #[must_use]
    pub fn with_multiplications(self, multiplications: u64) -> Self {
        Self { multiplications, ..self }
    }

    /// Returns the limits with another number of operators.
    #[must_use]
    pub fn with_operators(self, operators: u64) -> Self {
        Self { operators, ..self }
    }
}

impl Call<'_> {
    /// Returns an input that has to be there.
    pub(crate) fn input(&self, number: usize) -> Result<&Tensor, Reason> {
        self.optional(number).ok_or_else(|| format!("input {number} is absent"))
    }

    pub(crate) fn optional(&self, number: usize) -> Option<&Tensor> {
        self.inputs.get(number).and_then(Option::as_ref)
    }

    /// Returns an input with so many dimensions.
    pub(crate) fn input_of(&self, number: usize, ndim: usize) -> Result<&Tensor, Reason> {
        let input = self.input(number)?;
        if input.shape().len() == ndim {
            Ok(input)
        } else {
            Err(format!("input {number} of shape {:?}, where {ndim} dimensions are due", input.shape()))
        }
    }

    /// Returns the elements of an input.
    pub(crate) fn elements<E: Element>(&self, number: usize) -> Result<&[E], Reason> {
        self.input(number)?.elements().map_err(|reason| format!("input {number}: {reason}"))
    }

    /// Returns the integers of an input.
    pub(crate) fn integers(&self, number: usize) -> Result<Vec<i64>, Reason> {
        self.input(number)?.integers().map_err(|reason| format!("input {number}: {reason}"))
    }

    /// Returns the only integer of an input.
    pub(crate) fn integer(&self, number: usize) -> Result<i64, Reason> {
        match self.integers(number)?[..] {
            [one] => Ok(one),
            ref more => Err(format!("input {number} has {} elements, where one is due", more.len())),
        }
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.operator.attributes
    }

    /// Returns what an operator without the attributes of its kind comes to.
    pub(crate) fn unlike(&self) -> Reason {
        format!("its attributes are {:?}", self.operator.attributes)
    }

    /// Returns the type that the file gives an output.
    pub(crate) fn output_type(&self, number: usize) -> Result<ElementType, Reason> {
        self.output_types.get(number).copied().ok_or_else(|| format!("output {number} is absent"))
    }

    /// Returns the number of elements of an output, if that many may be.
    pub(crate) fn room(&self, shape: &[usize]) -> Result<usize, Reason> {
        let elements = elements_of(shape)?;
        if elements > self.limits.elements {
            Err(format!("an output of shape {shape:?} has more than {} elements", self.limits.elements))
        } else if elements > self.free {
            Err(format!(
                "an output of shape {shape:?} has more elements than the {} that may be held beside others",
                self.free
            ))
        } else {
            Ok(elements)
        }
    }

    /// Returns an error if the operator would have to multiply more often than it may.
    pub(crate) fn work(&self, factors: &[usize]) -> Result<(), Reason> {
        let work = factors.iter().try_fold(1_u64, |n, &factor| n.checked_mul(factor as u64));
        if work.is_some_and(|work| work <= self.limits.multiplications) {
            Ok(())
        } else {
            Err(format!("{factors:?} multiplied are more than {} multiplications", self.limits.multiplications))
        }
    }

    /// Returns whether an input holds codes of at most 8 bits and the first input reals: the operator quantizes the
    /// latter as it runs.
    pub(crate) fn is_dynamic_range(&self, input: usize, weights: usize) -> bool {
        let of = |number: usize| self.input_types.get(number).copied().flatten();
        let are_codes =
            matches!(of(weights), Some(ElementType::I8 | ElementType::I4 | ElementType::I2 | ElementType::U8));
        are_codes && of(input) == Some(ElementType::F32)
    }
}
