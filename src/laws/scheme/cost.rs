//! What quantization costs, and whether that is what is reported.

use super::corners;
use super::mapping::{slack, step_at};
use super::trial::{Trial, each_mapping, ordinary};
use crate::laws::quantization_method::Subject;
use crate::laws::random::Random;
use crate::laws::strategies::Tensor;
use crate::laws::trials::{Breach, Trials};
use crate::params::Granularity;

pub(super) fn metrics(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let tensors = ordinary(subject.granularity()).in_any_layout();
    trials.run(&corners::ordinary(subject), &|random| tensors.make(random), &|tensor: &Tensor| {
        let trial = Trial::of(subject, tensor)?;
        let measured = tensor.with_view(|view| subject.measure(view)).map_err(|error| error.to_string())?;
        let errors =
            tensor.values().iter().zip(&trial.outcome.restored).map(|(&x, &y)| (f64::from(x) - f64::from(y)).abs());
        let (mut squares, mut largest) = (0.0, 0.0_f64);
        for error in errors {
            squares += error * error;
            largest = largest.max(error);
        }
        let mse = squares / tensor.values().len() as f64;
        let near = |got: f64, want: f64| (got - want).abs() <= 1e-9 * want;
        if near(measured.mse(), mse) && near(measured.max_abs_error(), largest) {
            return Ok(());
        }
        let reported = format!("mse {} and largest error {}", measured.mse(), measured.max_abs_error());
        Err(format!("reported: {reported}; by plain arithmetic {mse} and {largest}\n{}", trial.table(None)))
    })
}

pub(super) fn mse_bound(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        let (mut error, mut bound, mut count) = (0.0, 0.0, 0.0);
        for (i, (&x, &params)) in trial.tensor.values().iter().zip(&trial.params).enumerate() {
            if let Some(step) = step_at(subject, x, params) {
                error += (f64::from(x) - f64::from(trial.outcome.restored[i])).powi(2);
                bound += (step / 2.0 + slack(x, params) + slack(trial.outcome.restored[i], params)).powi(2);
                count += 1.0;
            }
        }
        if count == 0.0 || error <= bound && error.is_finite() {
            return Ok(());
        }
        Err(format!("mse {} > {} = mean step² / 4\n{}", error / count, bound / count, trial.table(None)))
    })
}

/// Uniform data in as few groups as may be.
fn uniform(granularity: Granularity, random: &mut Random) -> Tensor {
    const LEN: usize = 4096;
    let shape = match granularity {
        Granularity::Tensor => vec![LEN],
        Granularity::Axis(axis) => [vec![1; axis], vec![2, LEN / 2]].concat(),
        Granularity::Block { axis, size } => [vec![1; axis], vec![size.clamp(LEN, 1 << 20)]].concat(),
        Granularity::Blocks(blocks) => {
            let mut shape = vec![1; blocks.lengths().len()];
            if let Some(last) = shape.last_mut() {
                *last = LEN;
            }
            shape
        }
    };
    let values = (0..shape.iter().product()).map(|_| (random.unit() * 2.0 - 1.0) as f32);
    Tensor::new(&shape, values.collect())
}

pub(super) fn sqnr_per_bit(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let codes = subject.codes();
    let make = |random: &mut Random| uniform(subject.granularity(), random);
    trials.at_most(4).run(&[], &make, &|tensor: &Tensor| {
        // Too little to be uniform: what is left of a case that was made simpler.
        if tensor.values().len() < 1000 {
            return Ok(());
        }
        let (trial, mut signal, mut noise) = (Trial::of(subject, tensor)?, 0.0, 0.0);
        for (&x, &restored) in tensor.values().iter().zip(&trial.outcome.restored) {
            signal += f64::from(x).powi(2);
            noise += (f64::from(x) - f64::from(restored)).powi(2);
        }
        let (sqnr, allowed) = (10.0 * (signal / noise).log10(), 20.0 * (codes.max() - codes.min()).log10() - 1.0);
        if sqnr >= allowed {
            return Ok(());
        }
        Err(format!("{sqnr:.2} dB < {allowed:.2} dB\n{}", trial.table(None)))
    })
}
