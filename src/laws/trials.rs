//! A law put to the test on many cases.

use super::law::Law;
use super::random::Random;
use super::shrink::{Shrink, Simplifying};
use core::any::Any;
use core::fmt::Debug;
use proptest::strategy::{NewTree, Strategy};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// The simplest case that breaks a law, described for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Breach(pub(super) String);

/// So often is a case made simpler, at most.
pub(super) const SHRINKS: u32 = 20_000;
/// In front of the message of a panic.
pub(super) const PANICKED: &str = "it panicked: ";
/// Simplifications of a case that is shown beside another.
const FEW_SHRINKS: u32 = 2000;
/// In front of what a check says, to tell it from the message of a panic.
const SAID: char = '\u{1}';

/// Runs the cases of one law.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trials {
    pub(super) law: Law,
    pub(super) cases: u32,
    pub(super) seed: u64,
    pub(super) shrinks: u32,
}

impl Trials {
    /// Returns the same with at most so many cases: for a law of which a case takes long.
    pub(super) fn at_most(self, cases: u32) -> Self {
        Self { cases: self.cases.min(cases), ..self }
    }

    /// Returns the same with a quarter of the cases, none of which is made simpler: for a law that probably does not hold.
    pub(super) fn brief(self) -> Self {
        Self { cases: self.cases.div_ceil(4), shrinks: 0, ..self }
    }

    /// Returns the same with a quarter of the cases, made simpler less often: for a law that is looked at beside a broken one.
    pub(super) fn beside(self) -> Self {
        Self { cases: self.cases.div_ceil(4), shrinks: self.shrinks.min(FEW_SHRINKS), ..self }
    }

    /// Checks the corner cases, then cases that `make` makes, and returns the simplest that breaks the law. A panic breaks it,
    /// too.
    pub(super) fn run<T: Shrink + 'static>(
        &self,
        corners: &[T],
        make: &dyn Fn(&mut Random) -> T,
        check: &dyn Fn(&T) -> Result<(), String>,
    ) -> Result<(), Breach> {
        let corners = corners.iter().map(|case| Case(case.boxed())).collect();
        self.run_cases(corners, &|random| Case(Box::new(make(random))), &|case| {
            case.0.as_any().downcast_ref().map_or(Ok(()), check)
        })
    }

    fn run_cases(
        &self,
        corners: Vec<Case>,
        make: &dyn Fn(&mut Random) -> Case,
        check: &dyn Fn(&Case) -> Result<(), String>,
    ) -> Result<(), Breach> {
        let (cases, max_shrink_iters) = (self.cases, self.shrinks);
        let config = Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &self.seed_bytes()));
        let check = |case| check(&case).map_err(|breach| TestCaseError::fail(format!("{SAID}{breach}")));
        let mut corners = corners.into_iter();
        let outcome = corners
            .try_for_each(|case| runner.run_one(Simplifying::from(case), check).map(|_| ()))
            .and_then(|()| runner.run(&Cases(make), check));
        match outcome {
            Ok(()) => Ok(()),
            Err(TestError::Abort(reason)) => Err(Breach(format!("no cases: {}", reason.message()))),
            Err(TestError::Fail(reason, case)) => Err(Breach(match reason.message().strip_prefix(SAID) {
                Some(breach) => breach.into(),
                None => format!("{PANICKED}{}\n{case:?}", reason.message()),
            })),
        }
    }

    /// Returns the seed of this law: the same every time, another for each law.
    fn seed_bytes(&self) -> [u8; 32] {
        // FNV-1a of the law's name.
        let name = self.law.kind.bytes().chain(self.law.name.bytes());
        let hash =
            name.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Random::new(hash ^ self.seed);
        let mut seed = [0; 32];
        for bytes in seed.as_chunks_mut::<8>().0 {
            *bytes = random.bits().to_le_bytes();
        }
        seed
    }
}

/// A case of some kind: the runner, and what makes a case simpler, are compiled once for all kinds.
struct Case(Box<dyn AnyCase>);

/// What a case can do, whatever it is.
trait AnyCase: Debug {
    fn boxed(&self) -> Box<dyn AnyCase>;
    fn attempts(&self) -> usize;
    fn attempt(&self, k: usize) -> Option<Box<dyn AnyCase>>;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Shrink + 'static> AnyCase for T {
    fn boxed(&self) -> Box<dyn AnyCase> {
        Box::new(self.clone())
    }

    fn attempts(&self) -> usize {
        Shrink::attempts(self)
    }

    fn attempt(&self, k: usize) -> Option<Box<dyn AnyCase>> {
        Some(Box::new(Shrink::attempt(self, k)?))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Clone for Case {
    fn clone(&self) -> Self {
        Self(self.0.boxed())
    }
}

impl Debug for Case {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl Shrink for Case {
    fn attempts(&self) -> usize {
        self.0.attempts()
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        self.0.attempt(k).map(Self)
    }
}

/// Cases made by a function.
struct Cases<'a>(&'a dyn Fn(&mut Random) -> Case);

impl Debug for Cases<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cases")
    }
}

impl Strategy for Cases<'_> {
    type Tree = Simplifying<Case>;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Simplifying::from((self.0)(&mut Random::of(runner)?)))
    }
}
