//! The values of a model by the names that a run elsewhere gives them.

use std::collections::{BTreeMap, BTreeSet};
use tensor_quant::calibration::RunError;
use tensor_quant::graph::{Graph, ValueId};

/// The values of a model, by the names that arrays of a run elsewhere have.
///
/// A name is a value's [key](Graph::keys), or what a signature calls an input or output; either may stand behind the name of a
/// signature and a slash, as in `serving_default/logits`.
///
/// # Examples
///
/// ```
/// use tensor_quant_run::{Executor, ValueNames};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/digits_cnn.tflite");
/// let executor = Executor::open(path)?;
/// let names = ValueNames::new(executor.graph());
/// let signature = executor.graph().signature(None).unwrap();
/// let output = &signature.outputs[0].name;
/// assert_eq!(names.find(&format!("{}/{output}", signature.name))?, names.find(output)?);
/// let key = names.find(output)?.unwrap();
/// assert_eq!(names.samples(key, &[5, 10])?, 5);
/// assert!(names.samples(key, &[5, 7]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ValueNames {
    values: BTreeMap<String, Named>,
    /// The keys of what signatures call so: several, where they mean different values.
    ports: BTreeMap<String, BTreeSet<String>>,
    signatures: Vec<String>,
}

/// A value that has a key.
#[derive(Clone, Debug)]
struct Named {
    id: ValueId,
    shape: Option<Vec<Option<usize>>>,
    /// Whether a sample has exactly one, as a signature runs its subgraph and no operator does.
    is_run_once: bool,
}

impl ValueNames {
    /// Returns the names of a model's values.
    pub fn new(graph: &Graph) -> Self {
        let mut values = BTreeMap::new();
        let keys = graph.keys();
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            let is_run_once = graph.is_called(subgraph) && !is_called_by_operators(graph, subgraph);
            for (value, key) in keys.get(subgraph).into_iter().flatten().enumerate() {
                let shape = part.values.get(value).and_then(|value| value.shape.clone());
                values.insert(key.clone(), Named { id: ValueId { subgraph, value }, shape, is_run_once });
            }
        }
        let mut ports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for signature in &graph.signatures {
            for port in signature.inputs.iter().chain(&signature.outputs) {
                let Some(key) = keys.get(signature.subgraph).and_then(|keys| keys.get(port.value)) else { continue };
                for name in [port.name.clone(), format!("{}/{}", signature.name, port.name)] {
                    ports.entry(name).or_default().insert(key.clone());
                }
            }
        }
        Self { values, ports, signatures: graph.signatures.iter().map(|signature| signature.name.clone()).collect() }
    }

    /// Returns the key of the value that a name stands for; `None` if the model has none of this name.
    ///
    /// # Errors
    ///
    /// [`RunError::Model`] for the name of an input or output by which several signatures mean different values.
    pub fn find(&self, name: &str) -> Result<Option<&str>, RunError> {
        let key = |name: &str| self.values.get_key_value(name).map(|(key, _)| key.as_str());
        if let Some(key) = key(name) {
            return Ok(Some(key));
        }
        if let Some(keys) = self.ports.get(name) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let [key] = keys[..] else {
                let signatures = &self.signatures;
                let reason = format!(
                    "{name:?} may be any of the values {keys:?}: put the name of a signature and / before it, of {signatures:?}"
                );
                return Err(RunError::Model { reason });
            };
            return Ok(Some(key));
        }
        let of_signature = |signature: &String| name.strip_prefix(signature.as_str())?.strip_prefix('/');
        Ok(self
            .signatures
            .iter()
            .filter_map(of_signature)
            .chain(name.split_once('/').map(|(_, rest)| rest))
            .find_map(key))
    }

    /// Returns how many samples an array of this shape has of a value, whose key this is: along the first axis, in place of the value's own or
    /// in front of it.
    ///
    /// # Errors
    ///
    /// [`RunError::Model`] if the other axes are not the value's, or there is no such value; it names both shapes.
    pub fn samples(&self, key: &str, shape: &[usize]) -> Result<usize, RunError> {
        let Some(value) = self.values.get(key) else {
            return Err(RunError::Model { reason: format!("the model has no value {key:?}") });
        };
        let Some(own) = &value.shape else { return Ok(shape.first().copied().unwrap_or(1)) };
        let (Some((&rows, rest)), [first, others @ ..]) = (shape.split_first(), &own[..]) else {
            // A number for each sample, or a single one.
            return if own.is_empty() && shape.len() < 2 || shape.is_empty() && own.iter().all(|len| *len == Some(1)) {
                Ok(shape.first().copied().unwrap_or(1))
            } else {
                Err(misfit(key, shape, own))
            };
        };
        let fit = |lens: &[usize], own: &[Option<usize>]| {
            lens.len() == own.len() && lens.iter().zip(own).all(|(len, own)| own.is_none_or(|own| own == *len))
        };
        match first {
            // In front of all axes, as where a run gives a value of several rows for each sample.
            _ if fit(rest, own) => Ok(rows),
            Some(0) | None if fit(rest, others) => Ok(rows),
            Some(first) if fit(rest, others) && rows.is_multiple_of(*first) => Ok(rows / first),
            _ => Err(misfit(key, shape, own)),
        }
    }

    /// Returns whether each sample has exactly one of a value, whose key this is, with as many rows as the model says.
    pub fn is_in_every_sample(&self, key: &str) -> bool {
        let value = self.values.get(key);
        value.is_some_and(|of| {
            of.is_run_once && of.shape.as_ref().is_some_and(|shape| shape.iter().all(Option::is_some))
        })
    }

    /// Returns the number of a value, whose key this is.
    pub fn id(&self, key: &str) -> Option<ValueId> {
        self.values.get(key).map(|value| value.id)
    }
}

fn is_called_by_operators(graph: &Graph, subgraph: usize) -> bool {
    let mut operators = graph.subgraphs.iter().flat_map(|part| &part.operators);
    operators.any(|operator| operator.attributes.subgraphs().contains(&subgraph))
}

fn misfit(key: &str, shape: &[usize], own: &[Option<usize>]) -> RunError {
    let lens: Vec<String> = own.iter().map(|len| len.map_or("?".into(), |len| len.to_string())).collect();
    let lens = lens.join(", ");
    RunError::Model { reason: format!("its shape is {shape:?}, and {key:?} has the shape [{lens}] for each sample") }
}
