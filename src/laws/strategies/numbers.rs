//! Single values and lists of them.

use super::Distribution;
use crate::laws::random::Random;
use crate::laws::shrink::{OF_A_NUMBER, Shrink, Simplifying, simpler_number};
use core::ops::RangeInclusive;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// One number.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use tensor_quant::laws::strategies::{Distribution, Numbers};
/// use tensor_quant::{Rounding, TiesEven};
///
/// proptest!(|(x in Numbers::of(Distribution::FiniteBits))| {
///     prop_assert!((TiesEven.round(x, 0) - x).abs() <= 0.5);
/// });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Numbers(Distribution);

impl Numbers {
    /// Returns the strategy of one number of a distribution.
    pub fn of(distribution: Distribution) -> Self {
        Self(distribution)
    }
}

impl Shrink for f32 {
    fn attempts(&self) -> usize {
        OF_A_NUMBER
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        simpler_number(*self, k)
    }
}

impl Strategy for Numbers {
    type Tree = Simplifying<f32>;
    type Value = f32;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut one = [0.0];
        self.0.fill(&mut Random::of(runner)?, &mut one);
        Ok(Simplifying::from(one[0]))
    }
}

/// Lists of numbers.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use tensor_quant::laws::strategies::{Distribution, Values};
///
/// proptest!(|(x in Values::of(&[Distribution::Gaussian, Distribution::Sparse], 1..=50))| {
///     prop_assert!(x.iter().all(|x| x.is_finite()));
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Values {
    distributions: Vec<Distribution>,
    len: RangeInclusive<usize>,
}

impl Values {
    /// Returns the strategy of lists of such lengths, each from one of these distributions; of none of them, a bell.
    pub fn of(distributions: &[Distribution], len: RangeInclusive<usize>) -> Self {
        Self { distributions: distributions.to_vec(), len }
    }

    /// Returns whether such a list could come of it: not by its distribution, but by its length and by whether its values are
    /// finite, and ordinary.
    pub(in crate::laws) fn may_hold(&self, values: &[f32]) -> bool {
        let has = |distribution| self.distributions.contains(&distribution);
        let fits = |x: &f32| match x {
            x if !x.is_finite() => has(Distribution::Bits),
            x => *x == 0.0 || (1e-6..1e6).contains(&x.abs()) || has(Distribution::FiniteBits),
        };
        self.len.contains(&values.len()) && values.iter().all(fits)
    }

    pub(in crate::laws) fn make(&self, random: &mut Random) -> List {
        let (low, high) = (*self.len.start(), *self.len.end());
        let mut values = vec![0.0; low + random.below(high.saturating_sub(low) + 1)];
        pick(&self.distributions, random).fill(random, &mut values);
        List { values, fewest: low }
    }
}

pub(super) fn pick(distributions: &[Distribution], random: &mut Random) -> Distribution {
    if distributions.is_empty() { Distribution::Gaussian } else { random.pick(distributions) }
}

/// Values, and how many there must be at least.
#[derive(Clone, Debug)]
pub(in crate::laws) struct List {
    pub(in crate::laws) values: Vec<f32>,
    fewest: usize,
}

impl List {
    /// Returns the list of these values, which may become shorter.
    pub(in crate::laws) fn new(values: Vec<f32>) -> Self {
        Self { values, fewest: 0 }
    }
}

/// Half of the values, one fewer, then one value after another.
impl Shrink for List {
    fn attempts(&self) -> usize {
        2 + self.values.len() * (1 + OF_A_NUMBER)
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let n = self.values.len();
        let mut simpler = self.clone();
        match k {
            0 => simpler.values.truncate(n / 2),
            1 => drop(simpler.values.drain(..n / 2)),
            k if k < 2 + n => drop(simpler.values.remove(k - 2)),
            k => {
                let (at, k) = ((k - 2 - n) / OF_A_NUMBER, (k - 2 - n) % OF_A_NUMBER);
                simpler.values[at] = simpler_number(self.values[at], k)?;
                return Some(simpler);
            }
        }
        (simpler.values.len() < n && simpler.values.len() >= self.fewest).then_some(simpler)
    }
}

impl Strategy for Values {
    type Tree = SimplifyingValues;
    type Value = Vec<f32>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(SimplifyingValues(Simplifying::from(self.make(&mut Random::of(runner)?))))
    }
}

/// The lists that a list is tried as.
#[derive(Clone, Debug)]
pub struct SimplifyingValues(Simplifying<List>);

impl ValueTree for SimplifyingValues {
    type Value = Vec<f32>;

    fn current(&self) -> Vec<f32> {
        self.0.current().values
    }

    fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}
