//! Schemes of any parts.

use crate::laws::random::Random;
use crate::laws::shrink::{Shrink, Simplifying};
use crate::num::{AnyRounding, Code, Scaling, Stochastic, TiesEven};
use crate::params::{
    Affine, AnyCalculator, Article, Cast, CodeRange, Granularity, NanPolicy, PowerOfTwo, Symmetric, ValueRange,
};
use crate::range::{AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile};
use crate::tensor::Scheme;
use core::marker::PhantomData;
use proptest::strategy::{NewTree, Strategy};
use proptest::test_runner::TestRunner;

/// A scheme of any built-in parts.
pub type AnyParts<C> = Scheme<C, AnyEstimator, AnyCalculator, AnyRounding>;

/// Returns the strategy of all schemes for codes of `C` and tensors of `ndim` axes, with blocks of up to 40 elements: every
/// estimator with every calculator and rounding that go with such codes, both scalings, and every granularity. NaN is refused
/// in all of them.
///
/// What breaks a test is shrunk towards min-max, symmetric, to nearest, and one scale for the tensor.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use tensor_quant::laws::strategies::{Tensors, schemes};
/// use tensor_quant::quantize_tensor;
///
/// proptest!(|(scheme in schemes::<i8>(2), tensor in Tensors::finite().with_axes(2..=2))| {
///     prop_assert!(tensor.with_view(|view| quantize_tensor(view, &scheme)).is_ok());
/// });
/// ```
pub fn schemes<C: Code>(ndim: usize) -> Schemes<C> {
    Schemes { ndim, code: PhantomData }
}

/// The strategy that [`schemes`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Schemes<C> {
    ndim: usize,
    code: PhantomData<C>,
}

impl<C: Code> Strategy for Schemes<C> {
    type Tree = Simplifying<AnyParts<C>>;
    type Value = AnyParts<C>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Simplifying::from(any_scheme(&mut Random::of(runner)?, self.ndim)))
    }
}

fn any_scheme<C: Code>(random: &mut Random, ndim: usize) -> AnyParts<C> {
    let integer = CodeRange::of::<C>().is_integer();
    let axis = random.below(ndim);
    let granularity = match random.below(3) {
        1 if ndim > 0 => Granularity::Axis(axis),
        2 if ndim > 0 => Granularity::Block { axis, size: 1 + random.below(40) },
        _ => Granularity::Tensor,
    };
    let scaling = random.pick(&[Scaling::Divide, Scaling::Reciprocal]);
    Scheme::new(any_estimator(random, integer), any_calculator(random, CodeRange::of::<C>()), any_rounding(random))
        .with_scaling(scaling)
        .with_granularity(granularity)
        .with_nan_policy(NanPolicy::Error)
}

fn any_rounding(random: &mut Random) -> AnyRounding {
    let seed = random.bits();
    match random.pick(&AnyRounding::ALL) {
        AnyRounding::Stochastic(_) => Stochastic { seed }.into(),
        other => other,
    }
}

fn any_calculator(random: &mut Random, codes: CodeRange) -> AnyCalculator {
    let integer = codes.is_integer();
    let a = random.between(-8, 7).max(codes.min() as i32);
    let article = Article::target(a, a + random.between(1, 16));
    let symmetric = random.pick(&[Symmetric::narrow(), Symmetric::full()]);
    match random.below(6) {
        0 if integer => AnyCalculator::Affine(Affine::default()),
        1 if integer => AnyCalculator::Affine(Affine::without_zero()),
        2 => AnyCalculator::PowerOfTwo(PowerOfTwo),
        3 if integer => AnyCalculator::Article(article.unwrap_or(Article::own_range())),
        4 if !integer => AnyCalculator::Cast(random.pick(&[Cast::saturating(), Cast::ieee()])),
        _ => AnyCalculator::Symmetric(symmetric),
    }
}

fn any_estimator(random: &mut Random, integer: bool) -> AnyEstimator {
    let min_max = AnyEstimator::MinMax(MinMax::default());
    let (share, low) = (0.5 + random.unit() / 2.0, random.unit() * 0.4);
    match random.below(10) {
        0 => {
            let (a, b) = (random.normal() as f32, random.normal() as f32);
            AnyEstimator::Fixed(Fixed::new(ValueRange::new(a.min(b), a.max(b)).unwrap_or(ValueRange::ZERO)))
        }
        1 => MovingAverage::new(share as f32).map_or(min_max, AnyEstimator::MovingAverage),
        2 => Percentile::new(low, low + share / 2.0).map_or(min_max, AnyEstimator::Percentile),
        3 => Percentile::two_sided(share).map_or(min_max, AnyEstimator::Percentile),
        4 => MeanStd::new(share * 4.0).map_or(min_max, AnyEstimator::MeanStd),
        5 => AnyEstimator::Mse(Mse::default()),
        6 => LpNorm::new(share * 4.0).map_or(min_max, AnyEstimator::LpNorm),
        7 if integer => AnyEstimator::Octav(Octav::default()),
        8 if integer => AnyEstimator::Entropy(Entropy::default()),
        _ => min_max,
    }
}

/// A plainer part in place of each.
impl<C: Code> Shrink for AnyParts<C> {
    fn attempts(&self) -> usize {
        6
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let plain: AnyParts<C> = Scheme::new(
            AnyEstimator::MinMax(MinMax::default()),
            AnyCalculator::Symmetric(Symmetric::narrow()),
            AnyRounding::TiesEven(TiesEven),
        );
        let simpler = match (k, self.granularity) {
            (0, _) => self.clone().with_estimator(plain.estimator),
            (1, _) => self.clone().with_calculator(plain.calculator),
            (2, _) => self.clone().with_rounding(plain.rounding),
            (3, _) => self.clone().with_scaling(Scaling::Divide),
            (4, _) => self.clone().with_granularity(Granularity::Tensor),
            (_, Granularity::Block { axis, size }) if size > 1 => self.clone().with_blocks(axis, size / 2),
            _ => return None,
        };
        (simpler != *self).then_some(simpler)
    }
}
