//! Layers that go through a sequence step by step. Each run starts with a state of zeros, as an interpreter whose variables were reset.
//!
//! Of a step with the input x, the output h and the cells c before it, W the weights of inputs, R those of outputs, P those of cells
//! (where there are any) and b the biases:
//!
//! ```text
//! i = σ(W x + R h + P ∘ c + b)      each gate with its own; 1 − f where there are no weights for it
//! f = σ(W x + R h + P ∘ c + b)
//! g = a(W x + R h + b)
//! c = f ∘ c + i ∘ g                 clipped
//! o = σ(W x + R h + P ∘ c + b)
//! h = o ∘ a(c)                      or a product with that, clipped
//! ```
//!
//! Where a gate is normalized, what stands before its bias becomes (s − mean) / √(variance + 10⁻⁸) times its coefficients.

use super::dense::dot_products;
use super::matrix::{product, quantized_rows};
use super::window::activate;
use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use std::borrow::Cow;
use tensor_quant::graph::{Activation, Attributes};

/// How a sequence lies in memory, and how much of it there is.
struct Sequence<'a> {
    elements: Cow<'a, [f32]>,
    steps: usize,
    batch: usize,
    depth: usize,
    time_major: bool,
}

impl<'a> Sequence<'a> {
    /// Returns the first input; in 8 bits, row by row, if the weights are.
    fn of(call: &'a Call<'_>, weights: usize, time_major: bool, asymmetric: bool) -> Result<Self, Reason> {
        let x = call.input_of(0, 3)?;
        let &[first, second, depth] = x.shape() else { return Err(call.unlike()) };
        if depth == 0 {
            return Err(format!("a sequence of shape {:?}", x.shape()));
        }
        let (steps, batch) = if time_major { (first, second) } else { (second, first) };
        let mut elements: Cow<'_, [f32]> = Cow::Borrowed(x.elements()?);
        if call.is_dynamic_range(0, weights) {
            elements = Cow::Owned(quantized_rows(&elements, x.len() / depth, asymmetric));
        }
        Ok(Self { elements, steps, batch, depth, time_major })
    }

    fn rows(&self) -> usize {
        self.elements.len() / self.depth
    }

    /// Returns the steps; none of an empty batch, however long it claims to be.
    fn each_step(&self) -> std::ops::Range<usize> {
        0..if self.batch == 0 { 0 } else { self.steps }
    }

    /// Returns where the row of a step lies.
    fn row(&self, step: usize, of_batch: usize) -> usize {
        if self.time_major { step * self.batch + of_batch } else { of_batch * self.steps + step }
    }

    fn shape(&self, width: usize) -> Vec<usize> {
        if self.time_major { vec![self.steps, self.batch, width] } else { vec![self.batch, self.steps, width] }
    }

    /// Returns the products of all rows with weights (outputs, depth).
    fn products(&self, call: &Call<'_>, weights: usize, outputs: usize) -> Result<Vec<f32>, Reason> {
        let mut products = vec![0.0; call.room(&[self.rows(), outputs])?];
        let weights = matrix(call, weights, [outputs, self.depth])?;
        product(&self.elements, weights, self.rows(), self.depth, &mut products, outputs)?;
        Ok(products)
    }
}

fn matrix<'a>(call: &'a Call<'_>, input: usize, shape: [usize; 2]) -> Result<&'a [f32], Reason> {
    let found = call.input_of(input, 2)?.shape();
    if found == shape {
        call.elements(input)
    } else {
        Err(format!("input {input} of shape {found:?}, where {shape:?} is due"))
    }
}

fn vector<'a>(call: &'a Call<'_>, input: usize, len: usize) -> Result<Option<&'a [f32]>, Reason> {
    match call.optional(input) {
        None => Ok(None),
        Some(found) if found.len() == len => call.elements(input).map(Some),
        Some(found) => Err(format!("input {input} of shape {:?}, where {len} elements are due", found.shape())),
    }
}

/// Returns how many cells there are weights for.
fn cells_of(call: &Call<'_>, weights: usize) -> Result<usize, Reason> {
    match *call.input_of(weights, 2)?.shape() {
        [cells, _] if cells > 0 => Ok(cells),
        ref other => Err(format!("weights of shape {other:?}")),
    }
}

/// Inputs: x, W, R, b.
pub(super) fn sequence_rnn(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Recurrent(options) = call.attributes() else { return Err(call.unlike()) };
    let x = Sequence::of(call, 1, options.time_major, options.asymmetric)?;
    let units = cells_of(call, 1)?;
    call.work(&[x.rows(), units, x.depth.saturating_add(units)])?;
    let mut out = x.products(call, 1, units)?;
    let (recurrent, bias) = (matrix(call, 2, [units, units])?, vector(call, 3, units)?);
    let mut state = vec![0.0_f32; call.room(&[x.batch, units])?];
    let mut sums = vec![0.0_f32; units];
    for step in x.each_step() {
        let given = before(call, 1, &state, x.batch, options.asymmetric).into_owned();
        for of_batch in 0..x.batch {
            let row = x.row(step, of_batch) * units;
            dot_products(&given[of_batch * units..][..units], recurrent, &mut sums);
            let out = &mut out[row..][..units];
            for (place, (out, sum)) in out.iter_mut().zip(&sums).enumerate() {
                *out += sum + bias.map_or(0.0, |bias| bias[place]);
            }
            activate(out, options.activation);
            state[of_batch * units..][..units].copy_from_slice(out);
        }
    }
    Ok(vec![Tensor::of(x.shape(units), out)?])
}

/// Returns the outputs before a step, as the weights take them.
fn before<'a>(call: &Call<'_>, weights: usize, state: &'a [f32], batch: usize, asymmetric: bool) -> Cow<'a, [f32]> {
    if call.is_dynamic_range(0, weights) {
        Cow::Owned(quantized_rows(state, batch, asymmetric))
    } else {
        Cow::Borrowed(state)
    }
}

/// A gate: what the inputs of all steps give it, and what it makes of the state.
struct Gate<'a> {
    given: Vec<f32>,
    recurrent: &'a [f32],
    peephole: Option<&'a [f32]>,
    bias: Option<&'a [f32]>,
    coefficients: Option<&'a [f32]>,
}

impl<'a> Gate<'a> {
    /// Returns the gate whose weights are input `1 + number`; `None` if there are none.
    fn of(
        call: &'a Call<'_>,
        x: &Sequence<'_>,
        number: usize,
        [cells, width]: [usize; 2],
    ) -> Result<Option<Self>, Reason> {
        if call.optional(1 + number).is_none() {
            return Ok(None);
        }
        let peephole = [Some(9), Some(10), None, Some(11)][number];
        Ok(Some(Self {
            given: x.products(call, 1 + number, cells)?,
            recurrent: matrix(call, 5 + number, [cells, width])?,
            peephole: peephole.map_or(Ok(None), |input| vector(call, input, cells))?,
            bias: vector(call, 12 + number, cells)?,
            coefficients: vector(call, 20 + number, cells)?,
        }))
    }

    /// Writes what the gate is open by, or what goes through it.
    fn compute(&self, row: usize, state: &[f32], cells: &[f32], activation: Option<Activation>, out: &mut [f32]) {
        dot_products(state, self.recurrent, out);
        let given = &self.given[row * out.len()..][..out.len()];
        for (place, (out, given)) in out.iter_mut().zip(given).enumerate() {
            *out += given + self.peephole.map_or(0.0, |peephole| peephole[place] * cells[place]);
        }
        if let Some(coefficients) = self.coefficients {
            normalize(out);
            out.iter_mut().zip(coefficients).for_each(|(out, coefficient)| *out *= coefficient);
        }
        if let Some(bias) = self.bias {
            out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
        }
        match activation {
            Some(activation) => activate(out, activation),
            None => out.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
        }
    }
}

fn normalize(row: &mut [f32]) {
    let count = row.len().max(1) as f32;
    let mean = row.iter().sum::<f32>() / count;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
    let factor = 1.0 / (variance + 1e-8).sqrt();
    for x in row {
        *x = (*x - mean) * factor;
    }
}

fn clip(row: &mut [f32], limit: f32) {
    if limit > 0.0 {
        for x in row {
            *x = x.clamp(-limit, limit);
        }
    }
}

/// Inputs: x; W of i, f, g, o; R of the same; P of i, f, o; b of the four; weights and bias of a product behind; two of the state; coefficients.
pub(super) fn sequence_lstm(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Recurrent(options) = call.attributes() else { return Err(call.unlike()) };
    let x = Sequence::of(call, 2, options.time_major, options.asymmetric)?;
    let cells = cells_of(call, 2)?;
    let width = match call.optional(16).map(Tensor::shape) {
        None => cells,
        Some(&[width, _]) if width > 0 => width,
        Some(other) => return Err(format!("a projection of shape {other:?}")),
    };
    call.work(&[x.rows(), cells, 4, x.depth.saturating_add(width).saturating_add(width)])?;
    // What the inputs give the four gates is held at once.
    call.room(&[4, x.rows(), cells])?;
    let sizes = [cells, width];
    let gate = |number: usize| Gate::of(call, &x, number, sizes);
    let missing = || Reason::from("the weights of a gate are absent");
    let (input, forget) = (gate(0)?, gate(1)?.ok_or_else(missing)?);
    let (cell, output) = (gate(2)?.ok_or_else(missing)?, gate(3)?.ok_or_else(missing)?);
    let projection = call.optional(16).map(|_| matrix(call, 16, [width, cells])).transpose()?;
    let projection_bias = vector(call, 17, width)?;

    let mut out = vec![0.0_f32; call.room(&x.shape(width))?];
    let mut state = vec![0.0_f32; call.room(&[x.batch, width])?];
    let mut memory = vec![0.0_f32; call.room(&[x.batch, cells])?];
    let [mut i, mut f, mut g, mut o] = [(); 4].map(|()| vec![0.0_f32; cells]);
    for step in x.each_step() {
        let given = before(call, 2, &state, x.batch, options.asymmetric).into_owned();
        for of_batch in 0..x.batch {
            let (row, h) = (x.row(step, of_batch), &given[of_batch * width..][..width]);
            let c = &mut memory[of_batch * cells..][..cells];
            forget.compute(row, h, c, None, &mut f);
            match &input {
                Some(input) => input.compute(row, h, c, None, &mut i),
                None => i.iter_mut().zip(&f).for_each(|(i, f)| *i = 1.0 - f),
            }
            cell.compute(row, h, c, Some(options.activation), &mut g);
            for (c, ((i, f), g)) in c.iter_mut().zip(i.iter().zip(&f).zip(&g)) {
                *c = f * *c + i * g;
            }
            clip(c, options.cell_clip);
            output.compute(row, h, c, None, &mut o);
            g.copy_from_slice(c);
            activate(&mut g, options.activation);
            o.iter_mut().zip(&g).for_each(|(o, c)| *o *= c);
            let out = &mut out[row * width..][..width];
            match projection {
                None => out.copy_from_slice(&o),
                Some(weights) => {
                    let o = before(call, 16, &o, 1, options.asymmetric);
                    dot_products(&o, weights, out);
                    if let Some(bias) = projection_bias {
                        out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
                    }
                    clip(out, options.projection_clip);
                }
            }
            state[of_batch * width..][..width].copy_from_slice(out);
        }
    }
    Ok(vec![Tensor::of(x.shape(width), out)?])
}
