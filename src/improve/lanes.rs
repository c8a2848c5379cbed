//! Samples that are run in lanes, on threads of their own if there are any.

use super::session::each_sample;
use crate::calibration::{Array, Engine, RunError, Runner, Samples};
use crate::error::Result;
use crate::threads::{on_threads, shares};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lanes that samples are run in, whatever the number of threads: sums are of the same terms in the same order.
const LANES: usize = 4;

/// What models are run with, and on.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) samples: &'a dyn Samples,
    pub(crate) threads: usize,
}

/// What is done with a sample: what its lane keeps, the runner, the signature, the sample's number among all, and its inputs.
type Run<'a, S> =
    dyn Fn(&mut S, &mut dyn Runner, Option<&str>, usize, &[(&str, Array)]) -> Result<(), RunError> + Sync + 'a;

impl Lanes<'_> {
    /// Runs a model on samples, by their number among all, every so many of them in one lane, which begins as something fresh; `take` is
    /// given what came of each lane, the first first.
    ///
    /// # Errors
    ///
    /// Those of opening and running the model and of reading samples: of the first lane with any.
    pub(crate) fn run<S: Send>(
        &self,
        file: &[u8],
        is_wanted: &(dyn Fn(usize) -> bool + Sync),
        fresh: &(dyn Fn() -> S + Sync),
        run: &Run<'_, S>,
        take: &mut dyn FnMut(S),
    ) -> Result<()> {
        let open = || self.engine.open(file).map_err(RunError::into_error);
        let one = |lane: usize, runner: &mut dyn Runner| -> Result<S> {
            let (mut kept, wanted) = (fresh(), AtomicUsize::new(0));
            let is_of_lane =
                |sample: usize| is_wanted(sample) && wanted.fetch_add(1, Ordering::Relaxed) % LANES == lane;
            each_sample(runner, self.samples, &is_of_lane, &mut |runner, signature, number, inputs| {
                run(&mut kept, runner, signature, number, inputs)
            })?;
            Ok(kept)
        };
        let threads = self.threads.clamp(1, LANES);
        if threads == 1 {
            let mut runner = open()?;
            for lane in 0..LANES {
                take(one(lane, &mut *runner)?);
            }
            return Ok(());
        }
        let lanes: Vec<usize> = (0..LANES).collect();
        let some = |lanes: &[usize]| -> Result<Vec<S>> {
            let mut runner = open()?;
            lanes.iter().map(|&lane| one(lane, &mut *runner)).collect()
        };
        for share in on_threads(shares(&lanes, threads), &some) {
            share?.into_iter().for_each(&mut *take);
        }
        Ok(())
    }
}
