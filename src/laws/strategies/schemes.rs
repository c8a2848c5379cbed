//! Schemes of any parts.

use crate::laws::random::Random;
use crate::laws::shrink::{Shrink, Simplifying};
use crate::num::{AnyRounding, Code, CodeType, Scaling, Stochastic};
use crate::params::{AnyCalculator, BlockShape, Granularity};
use crate::range::{AnyEstimator, MinMax};
use crate::tensor::{AnyScheme, Scheme};
use core::marker::PhantomData;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// A scheme of any built-in parts.
pub type AnyParts<C> = Scheme<C, AnyEstimator, AnyCalculator, AnyRounding>;

/// Returns the strategy of all schemes for tensors of `ndim` axes: every code type, and for each the estimators, calculators and
/// roundings that go with such codes, both scalings, and every granularity, with blocks of up to 40 elements along an axis. NaN
/// is refused in all of them.
///
/// What breaks a test is shrunk towards `i8` if the calculator allows it, then min-max, the usual calculator, to nearest, and one
/// scale for the tensor.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use tensor_quant::AnyScheme;
/// use tensor_quant::laws::strategies::{Tensors, any_schemes};
///
/// proptest!(|(scheme in any_schemes(2), tensor in Tensors::finite().with_axes(2..=2))| {
///     prop_assert!(tensor.with_view(|view| scheme.quantize(view)).is_ok(), "{}", scheme);
///     prop_assert_eq!(scheme.to_string().parse::<AnyScheme>().unwrap(), scheme);
/// });
/// ```
pub fn any_schemes(ndim: usize) -> AnySchemes {
    AnySchemes { ndim, code: None }
}

/// The strategy that [`any_schemes`] returns.
#[derive(Clone, Copy, Debug)]
pub struct AnySchemes {
    ndim: usize,
    code: Option<CodeType>,
}

impl AnySchemes {
    /// Returns the strategy of those whose codes are of this type; they keep it while what breaks a test is shrunk.
    #[must_use]
    pub fn with_code(self, code: CodeType) -> Self {
        Self { code: Some(code), ..self }
    }
}

impl Strategy for AnySchemes {
    type Tree = AnySchemeTree;
    type Value = AnyScheme;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let random = &mut Random::of(runner)?;
        let code = self.code.unwrap_or_else(|| random.pick(CodeType::ALL));
        let own = OfCode { scheme: any_scheme(random, code, self.ndim), fixed: self.code.is_some() };
        Ok(AnySchemeTree(Simplifying::from(own)))
    }
}

/// A scheme of [`any_schemes`], which becomes simpler.
#[derive(Clone, Debug)]
pub struct AnySchemeTree(Simplifying<OfCode>);

impl ValueTree for AnySchemeTree {
    type Value = AnyScheme;

    fn current(&self) -> AnyScheme {
        self.0.current().scheme
    }

    fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}

/// Returns the strategy of all schemes of [`any_schemes`] with codes of `C`, by their types.
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
    Schemes { schemes: any_schemes(ndim).with_code(C::TYPE), code: PhantomData }
}

/// The strategy that [`schemes`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Schemes<C> {
    schemes: AnySchemes,
    code: PhantomData<C>,
}

impl<C: Code> Strategy for Schemes<C> {
    type Tree = SchemeTree<C>;
    type Value = AnyParts<C>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(SchemeTree { tree: self.schemes.new_tree(runner)?, code: PhantomData })
    }
}

/// A scheme of [`schemes`], which becomes simpler.
#[derive(Clone, Debug)]
pub struct SchemeTree<C> {
    tree: AnySchemeTree,
    code: PhantomData<C>,
}

impl<C: Code> ValueTree for SchemeTree<C> {
    type Value = AnyParts<C>;

    fn current(&self) -> AnyParts<C> {
        let AnyScheme { estimator, calculator, rounding, scaling, granularity, nan_policy, .. } = self.tree.current();
        Scheme::new(estimator, calculator, rounding)
            .with_scaling(scaling)
            .with_granularity(granularity)
            .with_nan_policy(nan_policy)
    }

    fn simplify(&mut self) -> bool {
        self.tree.simplify()
    }

    fn complicate(&mut self) -> bool {
        self.tree.complicate()
    }
}

fn any_scheme(random: &mut Random, code: CodeType, ndim: usize) -> AnyScheme {
    AnyScheme::new(code)
        .with_granularity(any_granularity(random, ndim))
        .with_scaling(random.pick(&[Scaling::Divide, Scaling::Reciprocal]))
        .with_estimator(any_estimator(random, code.is_integer()))
        .with_calculator(any_calculator(random, code))
        .with_rounding(any_rounding(random))
}

fn any_granularity(random: &mut Random, ndim: usize) -> Granularity {
    let axis = random.below(ndim);
    match random.below(4) {
        1 if ndim > 0 => Granularity::Axis(axis),
        2 if ndim > 0 => Granularity::Block { axis, size: 1 + random.below(40) },
        3 if ndim > 0 => {
            let length = |_| {
                let most = random.pick(&[4, 40]);
                if random.one_in(4) { BlockShape::WHOLE } else { 1 + random.below(most) }
            };
            let lengths: Vec<usize> = (0..ndim).map(length).collect();
            BlockShape::new(&lengths).map_or(Granularity::Tensor, Granularity::Blocks)
        }
        _ => Granularity::Tensor,
    }
}

fn any_rounding(random: &mut Random) -> AnyRounding {
    let seed = random.bits();
    match random.pick(&AnyRounding::ALL) {
        AnyRounding::Stochastic(_) => Stochastic { seed }.into(),
        other => other,
    }
}

fn any_calculator(random: &mut Random, code: CodeType) -> AnyCalculator {
    let a = random.between(-8, 7).clamp(code.min().max(-8.0) as i32, code.max().min(7.0) as i32);
    let all = AnyCalculator::all_for(code, (a, a + random.between(1, 16)));
    random.pick(&all)
}

fn any_estimator(random: &mut Random, integer: bool) -> AnyEstimator {
    AnyEstimator::drawn(random.unit(), [random.unit(), random.unit()], integer)
}

/// A scheme, and whether it has to keep its code type.
#[derive(Clone, Debug)]
struct OfCode {
    scheme: AnyScheme,
    fixed: bool,
}

/// A plainer part in place of each.
impl Shrink for OfCode {
    fn attempts(&self) -> usize {
        8
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let scheme = self.scheme.clone();
        let usual = AnyCalculator::usual(scheme.code);
        // Those of `i8` are for any integer of more than one bit.
        let plain = scheme.calculator == usual && scheme.code.is_integer() && scheme.code.bits() > 1;
        let simpler = match (k, scheme.granularity) {
            (0, _) if plain && !self.fixed => {
                AnyScheme { calculator: AnyCalculator::usual(CodeType::I8), ..scheme.with_code(CodeType::I8) }
            }
            (1, _) => scheme.with_estimator(MinMax::default()),
            (2, _) if scheme.code.bits() > 1 => scheme.with_calculator(usual),
            (3, _) => scheme.with_rounding(AnyRounding::default()),
            (4, _) => scheme.with_scaling(Scaling::Divide),
            (5, _) => scheme.with_granularity(Granularity::Tensor),
            (6, Granularity::Block { axis, size }) if size > 1 => scheme.with_blocks(axis, size / 2),
            (7, Granularity::Blocks(blocks)) => {
                let halves: Vec<usize> = blocks.lengths().iter().map(|&length| length.min(80).div_ceil(2)).collect();
                scheme.with_granularity(Granularity::Blocks(BlockShape::new(&halves).ok()?))
            }
            _ => return None,
        };
        (simpler != self.scheme).then_some(Self { scheme: simpler, fixed: self.fixed })
    }
}
