//! Samples run through a model, and what they tell of the inputs of its weights.

use super::statistics::{Purpose, Statistics};
use crate::calibration::{Array, RunError, Runner, Samples, ValueView, sample_of_numbers};
use crate::error::Result;

/// What statistics may take in memory at once: more weights are seen in runs of their own.
const ROOM: usize = 40 << 20;

/// Returns how many samples there are for all signatures of a model together.
pub(crate) fn count(runner: &dyn Runner, samples: &dyn Samples) -> usize {
    signatures(runner).iter().map(|signature| samples.count(signature.as_deref())).sum()
}

/// Returns the names by which the model is called; one that is none for a model without.
fn signatures(runner: &dyn Runner) -> Vec<Option<String>> {
    let names = runner.signatures();
    if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() }
}

/// Runs all samples, and lets statistics take note of what they see.
///
/// # Errors
///
/// Those of reading samples and of running the model.
pub(crate) fn capture(runner: &mut dyn Runner, samples: &dyn Samples, statistics: &mut [Statistics]) -> Result<()> {
    observe(runner, samples, &|_| true, &mut |value, purpose| {
        for statistics in &mut *statistics {
            statistics.observe(value, purpose);
        }
    })
}

/// Runs samples, by their number among all, and shows their values with what the sample is for.
///
/// # Errors
///
/// Those of reading samples and of running the model.
pub(crate) fn observe(
    runner: &mut dyn Runner,
    samples: &dyn Samples,
    is_wanted: &dyn Fn(usize) -> bool,
    see: &mut dyn FnMut(&ValueView<'_>, Purpose),
) -> Result<()> {
    each_sample(runner, samples, is_wanted, &mut |runner, signature, number, inputs| {
        let purpose = Purpose::of(number);
        runner.run(signature, inputs, &mut |value| {
            see(value, purpose);
            Ok(())
        })?;
        Ok(())
    })
}

/// What is done with a sample: the runner, the signature, the sample's number among all, and its inputs.
pub(crate) type Run<'a> =
    dyn FnMut(&mut dyn Runner, Option<&str>, usize, &[(&str, Array)]) -> Result<(), RunError> + 'a;

/// Does something with samples, by their number among all, each with variables as they are at first.
///
/// # Errors
///
/// Those of reading samples and of what is done.
pub(crate) fn each_sample(
    runner: &mut dyn Runner,
    samples: &dyn Samples,
    is_wanted: &dyn Fn(usize) -> bool,
    run: &mut Run<'_>,
) -> Result<()> {
    let mut number = 0;
    for signature in signatures(runner) {
        let signature = signature.as_deref();
        for at in 0..samples.count(signature) {
            number += 1;
            if !is_wanted(number - 1) {
                continue;
            }
            let inputs = sample_of_numbers(samples, signature, at)?;
            let (names, arrays): (Vec<String>, Vec<Array>) = inputs.into_iter().unzip();
            let inputs: Vec<(&str, Array)> = names.iter().map(String::as_str).zip(arrays).collect();
            runner.reset();
            run(runner, signature, number - 1, &inputs).map_err(RunError::into_error)?;
        }
    }
    Ok(())
}

/// Returns runs of numbers of statistics that have room at once, given what each may come to take.
pub(crate) fn batches(bytes: &[usize]) -> Vec<std::ops::Range<usize>> {
    batches_within(bytes, ROOM)
}

/// The same for room of so many bytes.
pub(crate) fn batches_within(bytes: &[usize], room: usize) -> Vec<std::ops::Range<usize>> {
    let (mut batches, mut start, mut total) = (Vec::new(), 0, 0_usize);
    for (number, &bytes) in bytes.iter().enumerate() {
        if number > start && total.saturating_add(bytes) > room {
            batches.push(start..number);
            (start, total) = (number, 0);
        }
        total = total.saturating_add(bytes);
    }
    if start < bytes.len() {
        batches.push(start..bytes.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_everything_once_and_have_room() {
        let bytes = [ROOM / 2, ROOM / 2, 1, ROOM * 2, 3];
        assert_eq!(batches(&bytes), [0..2, 2..3, 3..4, 4..5]);
        assert!(batches(&[]).is_empty());
    }
}
