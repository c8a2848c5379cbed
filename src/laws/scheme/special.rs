//! What unusual values give.

use super::corners;
use super::definition::{exact_quotient, group_of, index_of, neighbours};
use super::mapping::{each_code, quotients};
use super::probe::Spots;
use super::trial::{Trial, each_mapping, each_spotted, tensors};
use crate::error::Error;
use crate::laws::quantization_method::Subject;
use crate::laws::random::Random;
use crate::laws::strategies::{Distribution, Tensor};
use crate::laws::trials::{Breach, Trials};
use crate::params::{Granularity, NanPolicy};
use ndarray::{ArrayD, IxDyn};

pub(super) fn saturates(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let codes = subject.codes();
    each_mapping(subject, trials, &|trial| {
        each_code(trial, &|i, code| {
            let (x, params) = (trial.tensor.values()[i], trial.params[i]);
            let quotient = exact_quotient(x, params);
            let (smallest, largest) = quotients(subject, params);
            let step = |end: f64| {
                let (below, above) = neighbours(subject, end * (1.0 - 2.0_f64.powi(-20)));
                (above - below).max(1e-6 * end.abs())
            };
            let want = if quotient >= largest + step(largest) {
                codes.max()
            } else if quotient <= smallest - step(smallest) {
                codes.min()
            } else {
                return Ok(());
            };
            if code == want {
                return Ok(());
            }
            Err(format!("x / scale = {quotient} is beyond {smallest}..={largest}: the code is {want}, not {code}"))
        })
    })
}

pub(super) fn zero_exact(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        // Zero is zero under these parameters, whether the tensor holds one or not.
        let zeros = trial.tensor.with_values(vec![0.0; trial.tensor.values().len()]);
        let zeros = Trial::with(subject, &zeros, trial)?;
        for trial in [trial, &zeros] {
            each_code(trial, &|i, _| {
                let restored = trial.outcome.restored[i];
                if trial.tensor.values()[i] != 0.0 || restored == 0.0 {
                    return Ok(());
                }
                Err(format!("0 is restored as {restored:?} ({:#x})", restored.to_bits()))
            })?;
        }
        Ok(())
    })
}

pub(super) fn constants(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let some = [Distribution::Constant, Distribution::FiniteBits, Distribution::Huge];
    let tensors = tensors(subject.granularity()).with_distributions(&some);
    trials.run(&corners::tensors(subject), &|random| tensors.make(random), &|tensor: &Tensor| {
        let value = tensor.values().first().copied().unwrap_or(0.0);
        // No scale is smaller than the smallest normal number.
        let steps = if subject.codes().is_integer() { subject.codes().max() - subject.codes().min() } else { 1.0 };
        if value != 0.0 && f64::from(value.abs()) < steps * f64::from(f32::MIN_POSITIVE) {
            return Ok(());
        }
        if subject.codes().is_beyond_the_short_side(value) {
            return Ok(());
        }
        let constant = tensor.with_values(vec![value; tensor.values().len()]);
        let trial = Trial::of(subject, &constant)?;
        each_code(&trial, &|i, _| {
            let (restored, value) = (f64::from(trial.outcome.restored[i]), f64::from(value));
            let allowed = value.abs() * 2.0_f64.powi(-20);
            if (restored - value).abs() <= allowed {
                return Ok(());
            }
            Err(format!("|x̂ − c| = {} > {allowed}", (restored - value).abs()))
        })
    })
}

pub(super) fn no_data(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let answered = |what: &str| Err(format!("{what} have parameters, and no error"));
    let make = |random: &mut Random| tensors(subject.granularity()).make(random);
    trials.run(&corners::tensors(subject), &make, &|tensor: &Tensor| {
        // The values of the first group are infinite.
        let first = |i: usize| group_of(subject.granularity(), tensor.shape(), i) == 0;
        let values = tensor.values().iter().enumerate().map(|(i, &x)| if first(i) { f32::INFINITY } else { x });
        let without = tensor.with_values(values.collect());
        match without.with_view(|view| subject.quantize(view)) {
            Err(Error::NoData { .. }) => Ok(()),
            Err(error) => Err(format!("not the error that there is no data: {error}\n{without:?}")),
            Ok(outcome) => {
                answered(&format!("infinities alone\n{without:?}\nwith scales {:?}", outcome.params.scales()))
            }
        }
    })?;
    let shape = match subject.granularity() {
        Granularity::Tensor => vec![0],
        Granularity::Axis(axis) => [vec![2; axis + 1], vec![0]].concat(),
        // A block of no elements is no block.
        Granularity::Block { .. } | Granularity::Blocks(_) => return Ok(()),
    };
    match subject.quantize(ArrayD::zeros(IxDyn(&shape)).view()) {
        Ok(_) => answered(&format!("the groups of an empty tensor of shape {shape:?}")).map_err(Breach),
        Err(_) => Ok(()),
    }
}

pub(super) fn infinities(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_spotted(subject, trials, &|spots| {
        let (up, down) = (spots.tensor_with(f32::INFINITY), spots.tensor_with(f32::NEG_INFINITY));
        let (up, down) = (Trial::of(subject, &up)?, Trial::of(subject, &down)?);
        same_params(&up, &down, "+∞ and −∞ have different parameters")?;
        without_them(subject, spots, &up)
    })
}

/// Where there is one group, the values can be left out altogether, and the parameters stay.
fn without_them(subject: &Subject<'_>, spots: &Spots, trial: &Trial<'_>) -> Result<(), String> {
    if subject.granularity() != Granularity::Tensor {
        return Ok(());
    }
    let rest: Vec<f32> =
        (0..spots.tensor.values().len()).filter(|i| !spots.at.contains(i)).map(|i| spots.tensor.values()[i]).collect();
    let rest = Tensor::new(&[rest.len()], rest);
    same_params(trial, &Trial::of(subject, &rest)?, "without them there are other parameters")
}

fn same_params(trial: &Trial<'_>, other: &Trial<'_>, what: &str) -> Result<(), String> {
    if trial.outcome.params == other.outcome.params {
        return Ok(());
    }
    Err(format!("{what}\n{}\n{}", trial.table(None), other.table(None)))
}

pub(super) fn nan_policy(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let codes = subject.codes();
    each_spotted(subject, trials, &|spots| {
        let with = spots.tensor_with(f32::NAN);
        if subject.nan_policy() == NanPolicy::Error {
            let first = spots.at.iter().min().map(|&at| index_of(at, with.shape()));
            return match with.with_view(|view| subject.quantize(view)) {
                Err(Error::NotANumber { index }) if Some(&index) == first.as_ref() => Ok(()),
                Err(error) => Err(format!("the first NaN stands at {first:?}, the error is: {error}\n{with:?}")),
                Ok(_) => Err(format!("NaN is refused, but there was an answer\n{with:?}")),
            };
        }
        let with = Trial::of(subject, &with)?;
        // Infinities in their place leave the range alone, too.
        let infinite = spots.tensor_with(f32::INFINITY);
        let infinite = Trial::of(subject, &infinite)?;
        same_params(&with, &infinite, "with infinities in place of NaN there are other parameters")?;
        without_them(subject, spots, &with)?;
        each_code(&with, &|i, code| {
            let is_nan = spots.at.contains(&i);
            let want = match subject.nan_policy() {
                _ if !is_nan => infinite.outcome.codes[i],
                NanPolicy::Native if codes.is_integer() => codes.min(),
                NanPolicy::Native => f64::NAN,
                _ => f64::from(with.params[i].zero_point()),
            };
            if code == want || (code.is_nan() && want.is_nan()) {
                return Ok(());
            }
            Err(format!("the code is {want}, not {code}"))
        })
    })
}
