//! Where a tensor of weights stands in a graph: the products that it is part of, and the bias that is added to them.

use super::product::Product;
use crate::graph::{Graph, Op, Subgraph, ValueId};

/// What a tensor of weights does in a model.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The products that it is part of; none for a table, whose elements are handed on as they are.
    pub(crate) products: Vec<Product>,
    /// The constants that are the bias of all of these products and of nothing else, if there are: one, or several that are stored
    /// in one place.
    pub(crate) biases: Vec<ValueId>,
    /// What the first product is called.
    pub(crate) operator: String,
}

impl Place {
    /// Returns the place of weights of this shape, which are these constants: one, or several that are stored in one place.
    ///
    /// Constants that a `Dequantize` restores count as what it gives.
    ///
    /// # Errors
    ///
    /// Why the inputs of some product cannot be told, in a few words.
    pub(crate) fn new(graph: &Graph, constants: &[ValueId], shape: &[usize]) -> Result<Self, String> {
        let (mut products, mut users, mut operator) = (Vec::new(), Vec::new(), String::new());
        let mut lookups = 0;
        for &constant in constants {
            let part = graph.subgraphs.get(constant.subgraph).ok_or("there is no such subgraph")?;
            for (number, input) in users_of(part, constant.value) {
                let user = part.operators.get(number).ok_or("there is no such operator")?;
                if user.table_axis(input, shape.len()).is_some() {
                    operator.clone_from(&user.name);
                    lookups += 1;
                    continue;
                }
                products.push(Product::new(graph, constant.subgraph, user, input, shape)?);
                users.push((constant.subgraph, number));
                operator.clone_from(&user.name);
            }
        }
        match (lookups, products.len()) {
            (0, 0) => return Err("nothing uses it".into()),
            (_, 0) => return Ok(Self { products, biases: Vec::new(), operator }),
            (0, _) => {}
            _ => return Err(format!("{operator} looks up rows of what is multiplied elsewhere, too")),
        }
        let biases = biases_of(graph, &users).unwrap_or_default();
        Ok(Self { products, biases, operator })
    }
}

/// Returns the operators that use a value, and which of their inputs it is; a `Dequantize` is looked through.
fn users_of(part: &Subgraph, value: usize) -> Vec<(usize, usize)> {
    let mut users = Vec::new();
    for (number, operator) in part.operators.iter().enumerate() {
        for (input, used) in operator.inputs.iter().enumerate() {
            if *used != Some(value) {
                continue;
            }
            match (operator.op, operator.outputs.first()) {
                (Op::Dequantize, Some(&restored)) if restored != value => {
                    let of_restored = part.operators.iter().enumerate().flat_map(|(number, operator)| {
                        let inputs = operator.inputs.iter().enumerate();
                        inputs.filter(|(_, used)| **used == Some(restored)).map(move |(input, _)| (number, input))
                    });
                    users.extend(of_restored);
                    if part.outputs.contains(&restored) {
                        users.push((usize::MAX, 0));
                    }
                }
                _ => users.push((number, input)),
            }
        }
    }
    users
}

/// Returns the constants that are the bias of all these operators and of no others.
pub(super) fn biases_of(graph: &Graph, users: &[(usize, usize)]) -> Option<Vec<ValueId>> {
    let mut biases: Vec<ValueId> = Vec::new();
    for &(subgraph, number) in users {
        let part = graph.subgraphs.get(subgraph)?;
        let bias = part.operators.get(number)?.bias()?.bias;
        let constant = if part.values.get(bias)?.constant.is_some() {
            bias
        } else {
            let producer = part.operators.get(part.producer(bias)?)?;
            (producer.op == Op::Dequantize).then(|| producer.input(0))??
        };
        let id = ValueId { subgraph, value: constant };
        if !biases.contains(&id) {
            biases.push(id);
        }
    }
    let storage = |id: &ValueId| graph.value(*id).and_then(|value| value.constant.as_ref()).map(|c| c.storage);
    let first = storage(biases.first()?)?;
    let is_theirs = |id: &ValueId| {
        let part = graph.subgraphs.get(id.subgraph)?;
        let of_bias = |&(number, input): &(usize, usize)| {
            let operator = part.operators.get(number);
            let is_bias = operator
                .is_some_and(|operator| operator.bias().is_some_and(|bias| operator.input(input) == Some(bias.bias)));
            is_bias && users.contains(&(id.subgraph, number))
        };
        let is_edge = part.inputs.contains(&id.value) || part.outputs.contains(&id.value);
        Some(!is_edge && users_of(part, id.value).iter().all(of_bias))
    };
    let is_plain = |id: &ValueId| {
        graph.value(*id).is_some_and(|value| {
            value.element_type.is_float()
                && value.constant.as_ref().is_some_and(|c| !c.is_sparse && !c.is_elsewhere)
                && value.quantization.is_none()
        })
    };
    let fits = |id: &ValueId| storage(id) == Some(first) && is_theirs(id) == Some(true) && is_plain(id);
    biases.iter().all(fits).then_some(biases)
}
