//! The scales of a subgraph: values that operators tie together have one, some are prescribed, and where two wishes differ a use
//! gets codes of its own.

use super::choices::{AddRule, Choices, TieRule};
use super::domain::Domain;
use super::form::{ValueCodes, Width};
use super::ranges::{Ranges, union};
use crate::error::Result;
use crate::graph::{Op, Operator, Subgraph, ValueId};
use crate::params::ValueRange;
use std::collections::{BTreeMap, BTreeSet};

/// A value's codes of a width; for a use that has codes of its own, also which operator and input that is.
pub(super) type Node = (usize, Width, Option<(usize, usize)>);

/// The codes of all nodes.
#[derive(Debug, Default)]
pub(super) struct Scales {
    codes: BTreeMap<Node, ValueCodes>,
    cut: BTreeSet<(usize, usize)>,
}

impl Scales {
    /// Returns the codes in which an operator makes a value, or in which those find it that have no codes of their own.
    pub(super) fn of_value(&self, value: usize, width: Width) -> Option<ValueCodes> {
        self.codes.get(&(value, width, None)).copied()
    }

    /// Returns the codes in which an operator takes an input.
    pub(super) fn of_use(&self, value: usize, width: Width, operator: usize, input: usize) -> Option<ValueCodes> {
        let place = (operator, input);
        let own = self.cut.contains(&place).then_some(place);
        self.codes.get(&(value, width, own)).copied()
    }
}

/// A subgraph whose operators' domains are decided.
pub(super) struct Ties<'a> {
    pub(super) number: usize,
    pub(super) part: &'a Subgraph,
    pub(super) domains: &'a [(Domain, String)],
    pub(super) ranges: &'a Ranges,
    pub(super) choices: &'a Choices,
}

/// A set of nodes with one scale.
#[derive(Debug, Default)]
struct Class {
    nodes: Vec<Node>,
    range: Option<ValueRange>,
    /// The range of what others are joined to.
    joined: Option<ValueRange>,
    /// What its members prescribe, and whose outputs they are.
    fixed: Vec<(ValueCodes, usize)>,
    /// Whether it is negated: both codes and negated codes are needed.
    is_negated: bool,
}

impl Ties<'_> {
    /// Returns the codes of all values that operators in integers make or take.
    ///
    /// # Errors
    ///
    /// Those of the parameters' calculator.
    pub(super) fn scales(&self) -> Result<Scales> {
        let mut cut = BTreeSet::new();
        let extended = self.extended_ranges();
        let classes = loop {
            let classes = self.classes(&cut, &extended);
            let more = self.conflicts(&classes, &cut);
            if more.is_empty() {
                break classes;
            }
            cut.extend(more);
        };
        let mut scales = Scales { codes: BTreeMap::new(), cut };
        for class in &classes {
            let width = class.nodes.first().map_or(Width::Int8, |node| node.1);
            let joined = class.joined.filter(|_| self.choices.tie_rule == TieRule::Joined);
            let codes = match (class.fixed.first(), joined.or(class.range)) {
                (Some((fixed, _)), _) => *fixed,
                (None, Some(range)) if class.is_negated => ValueCodes::of_range_to_negate(range, width)?,
                (None, Some(range)) => ValueCodes::of_range(range, width)?,
                (None, None) => continue,
            };
            scales.codes.extend(class.nodes.iter().map(|node| (*node, codes)));
        }
        self.negate(&mut scales);
        Ok(scales)
    }

    /// Returns the operators in integers, with their numbers and widths.
    fn integer_operators(&self) -> impl Iterator<Item = (usize, &Operator, Width)> {
        self.part.operators.iter().zip(self.domains).enumerate().filter_map(|(number, (operator, (domain, _)))| {
            match domain {
                Domain::Integer(width) => Some((number, operator, *width)),
                Domain::Float | Domain::Neither => None,
            }
        })
    }

    fn is_real(&self, value: usize) -> bool {
        self.part.values.get(value).is_some_and(|v| v.element_type.is_float())
    }

    fn range(&self, value: usize) -> Option<ValueRange> {
        self.ranges.get(&ValueId { subgraph: self.number, value }).copied()
    }

    /// Returns the ranges of values, those of operands of sums extended as was chosen.
    fn extended_ranges(&self) -> BTreeMap<usize, ValueRange> {
        let mut ranges: BTreeMap<usize, ValueRange> =
            (0..self.part.values.len()).filter_map(|value| Some((value, self.range(value)?))).collect();
        if self.choices.add_rule == AddRule::Own {
            return ranges;
        }
        let consumers = self.part.consumers();
        for (_, operator, width) in self.integer_operators() {
            if operator.op != Op::Add || width != Width::Int8 {
                continue;
            }
            let is_own = |&value: &usize| {
                consumers.get(value).is_some_and(|uses| uses.len() == 1)
                    && !self.part.outputs.contains(&value)
                    && self.part.values.get(value).is_some_and(|v| v.constant.is_none())
            };
            let (Some(first), Some(&sum)) =
                (operator.inputs.iter().flatten().copied().find(is_own), operator.outputs.first())
            else {
                continue;
            };
            if let (Some(own), Some(sum)) = (self.range(first), self.range(sum)) {
                ranges.insert(first, union(own, sum));
            }
        }
        ranges
    }

    /// Returns the inputs that have one scale with an operator's outputs, and the outputs.
    fn shared(&self, operator: &Operator, width: Width) -> (Vec<usize>, Vec<usize>) {
        let mut values = operator.same_scale();
        if operator.op == Op::Neg && width == Width::Int16 {
            values = operator.inputs.iter().flatten().chain(&operator.outputs).copied().collect();
        }
        let is_shared = |(_, value): &(usize, &Option<usize>)| {
            value.is_some_and(|value| values.contains(&value) && self.is_real(value))
        };
        let inputs = operator.inputs.iter().enumerate().filter(is_shared).map(|(input, _)| input).collect();
        let outputs =
            operator.outputs.iter().copied().filter(|output| values.contains(output) && self.is_real(*output));
        (inputs, outputs.collect())
    }

    fn classes(&self, cut: &BTreeSet<(usize, usize)>, ranges: &BTreeMap<usize, ValueRange>) -> Vec<Class> {
        let mut sets = Sets::default();
        let node_of_use =
            |value: usize, width: Width, place: (usize, usize)| (value, width, cut.contains(&place).then_some(place));
        let mut fixed: Vec<(Node, ValueCodes)> = Vec::new();
        let mut negated: Vec<Node> = Vec::new();
        let mut joins: Vec<Node> = Vec::new();
        for (number, operator, width) in self.integer_operators() {
            for (input, value) in operator.inputs.iter().enumerate() {
                if let Some(value) = value.filter(|&value| self.is_real(value)) {
                    sets.index(node_of_use(value, width, (number, input)));
                }
            }
            for &output in operator.outputs.iter().filter(|&&output| self.is_real(output)) {
                sets.index((output, width, None));
                if let Some(prescribed) = operator.op.fixed_output(width.bits()) {
                    fixed.push(((output, width, None), ValueCodes::fixed(prescribed, width)));
                }
            }
            if operator.op == Op::Neg
                && width == Width::Int8
                && let Some(value) = operator.input(0)
            {
                negated.push(node_of_use(value, width, (number, 0)));
            }
            let (inputs, outputs) = self.shared(operator, width);
            if inputs.len() > 1 {
                joins.extend(outputs.iter().map(|&output| (output, width, None)));
            }
            let nodes =
                inputs.iter().filter_map(|&input| Some(node_of_use(operator.input(input)?, width, (number, input))));
            let nodes: Vec<Node> = nodes.chain(outputs.iter().map(|&output| (output, width, None))).collect();
            for pair in nodes.windows(2) {
                if let [a, b] = *pair {
                    sets.unite(a, b);
                }
            }
        }
        let mut classes: BTreeMap<usize, Class> = BTreeMap::new();
        for (index, node) in sets.nodes.clone().into_iter().enumerate() {
            let class = classes.entry(sets.root(index)).or_default();
            class.nodes.push(node);
            if let Some(&range) = ranges.get(&node.0) {
                class.range = Some(class.range.map_or(range, |old| union(old, range)));
                if joins.contains(&node) {
                    class.joined = Some(class.joined.map_or(range, |old| union(old, range)));
                }
            }
            class.is_negated |= negated.contains(&node);
            class.fixed.extend(fixed.iter().filter(|(of, _)| *of == node).map(|(of, codes)| (*codes, of.0)));
        }
        classes.into_values().collect()
    }

    /// Returns the uses that need codes of their own: of values whose codes are prescribed, where those they are tied to
    /// prescribe others or do not fit in.
    fn conflicts(&self, classes: &[Class], cut: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
        let mut wanted = BTreeSet::new();
        for class in classes {
            let mut owners: Vec<usize> = class.fixed.iter().map(|(_, owner)| *owner).collect();
            let Some(&(first, _)) = class.fixed.first() else {
                wanted.extend(self.uses_of_negations(class, cut));
                continue;
            };
            let (low, high) = first.bounds();
            let step = first.scale;
            let fits = class.range.is_none_or(|range| range.min() >= low - step && range.max() <= high + step);
            let negated_low = class.is_negated && first.code.min() == -128.0;
            if fits && !negated_low && class.fixed.iter().all(|(codes, _)| *codes == first) {
                wanted.extend(self.uses_of_negations(class, cut));
                continue;
            }
            owners.dedup();
            wanted.extend(self.tied_uses(&owners, cut));
        }
        wanted
    }

    /// Returns the uses of negated values that tie them to others.
    fn uses_of_negations(&self, class: &Class, cut: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
        let is_negation = |value: &usize| {
            self.integer_operators().any(|(_, operator, width)| {
                operator.op == Op::Neg && width == Width::Int8 && operator.outputs.contains(value)
            })
        };
        let owners: Vec<usize> = class.nodes.iter().map(|node| node.0).filter(is_negation).collect();
        self.tied_uses(&owners, cut)
    }

    fn tied_uses(&self, owners: &[usize], cut: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (number, operator, width) in self.integer_operators() {
            let (inputs, _) = self.shared(operator, width);
            let is_negation = operator.op == Op::Neg && width == Width::Int8;
            for (input, value) in operator.inputs.iter().enumerate() {
                let place = (number, input);
                if value.is_some_and(|value| owners.contains(&value))
                    && (inputs.contains(&input) || is_negation)
                    && !cut.contains(&place)
                {
                    places.push(place);
                }
            }
        }
        places
    }

    /// Gives the outputs of negations the codes of their inputs, negated.
    fn negate(&self, scales: &mut Scales) {
        for (number, operator, width) in self.integer_operators() {
            if operator.op != Op::Neg || width != Width::Int8 {
                continue;
            }
            let (Some(input), Some(&output)) = (operator.input(0), operator.outputs.first()) else { continue };
            if let Some(codes) = scales.of_use(input, width, number, 0) {
                scales.codes.insert((output, width, None), codes.negated());
            }
        }
    }
}

/// Disjoint sets of nodes.
#[derive(Debug, Default)]
struct Sets {
    nodes: Vec<Node>,
    indices: BTreeMap<Node, usize>,
    parents: Vec<usize>,
}

impl Sets {
    fn index(&mut self, node: Node) -> usize {
        let next = self.nodes.len();
        let index = *self.indices.entry(node).or_insert(next);
        if index == next {
            self.nodes.push(node);
            self.parents.push(next);
        }
        index
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.parents[index] != index {
            self.parents[index] = self.parents[self.parents[index]];
            index = self.parents[index];
        }
        index
    }

    fn unite(&mut self, a: Node, b: Node) {
        let (a, b) = (self.index(a), self.index(b));
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}
