//! Value by value: what a code is, and what it is restored as.

use super::definition::{code_of, exact_quotient, group_of, groups, neighbours, real_of};
use super::trial::{Trial, each_mapping, each_tensor, tensors};
use crate::laws::quantization_method::Subject;
use crate::laws::trials::{Breach, Trials};
use crate::params::AffineParams;

/// What f32 arithmetic may add to an error: the quotient and the product are rounded, and so is the difference with an offset.
pub(super) fn slack(x: f32, params: AffineParams) -> f64 {
    let (x, offset) = (f64::from(x).abs(), f64::from(params.offset()).abs());
    (2.0 * x + 2.0 * offset) * 2.0_f64.powi(-22) + 4e-45
}

pub(super) fn answers(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_tensor(subject, trials, &tensors(subject.granularity()), &|trial| {
        let params = &trial.outcome.params;
        let (granularity, codes) = (subject.granularity(), subject.codes());
        if params.granularity() != granularity || params.codes() != codes {
            let (got, of) = (params.granularity(), params.codes());
            return Err(format!(
                "promised {granularity} with codes {codes}, got {got} with {of}\n{}",
                trial.table(None)
            ));
        }
        let expected = groups(granularity, trial.tensor.shape());
        if expected != Some(params.len()) {
            return Err(format!("{} scales for {expected:?} groups\n{}", params.len(), trial.table(None)));
        }
        for (k, (&scale, &zero_point)) in params.scales().iter().zip(params.zero_points()).enumerate() {
            let is_code = !codes.is_integer() || (codes.min()..=codes.max()).contains(&f64::from(zero_point));
            if !(scale > 0.0 && scale.is_finite() && is_code) {
                return Err(format!("group {k} has scale {scale} and zero point {zero_point}\n{}", trial.table(None)));
            }
        }
        Ok(())
    })
}

pub(super) fn codes_in_range(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let codes = subject.codes();
    each_mapping(subject, trials, &|trial| {
        each_code(trial, &|_, code| {
            let whole = !codes.is_integer() || code.fract() == 0.0;
            if codes.min() <= code && code <= codes.max() && whole {
                return Ok(());
            }
            Err(format!("the code {code} is none of {codes}"))
        })
    })
}

/// Checks each element and its code.
pub(super) fn each_code(trial: &Trial<'_>, check: &dyn Fn(usize, f64) -> Result<(), String>) -> Result<(), String> {
    for (i, &code) in trial.outcome.codes.iter().enumerate() {
        check(i, code).map_err(|what| trial.at_element(i, &what))?;
    }
    Ok(())
}

pub(super) fn mapping(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        each_code(trial, &|i, code| {
            let (x, params) = (trial.tensor.values()[i], trial.params[i]);
            let want = code_of(subject, x, params, i as u64);
            if code == want {
                return Ok(());
            }
            let quotient = exact_quotient(x, params);
            Err(format!("x / scale is {quotient}, of which the code is {want}, not {code}"))
        })
    })
}

pub(super) fn restores(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        each_code(trial, &|i, code| {
            let (restored, params) = (f64::from(trial.outcome.restored[i]), trial.params[i]);
            let want = real_of(code, params);
            // Reals beyond those of f32 are infinite.
            if want.abs() > f64::from(f32::MAX) && restored == f64::INFINITY.copysign(want) {
                return Ok(());
            }
            let difference = (restored - want).abs();
            let allowed = slack((want - f64::from(params.offset())) as f32, params);
            if difference <= allowed && trial.outcome.restored[i].is_finite() {
                return Ok(());
            }
            Err(format!(
                "scale · (code − zero_point) + offset is {want}, restored is {restored}: {difference} > {allowed}"
            ))
        })
    })
}

/// Returns the distance between the reals of the codes on both sides of a value, if it lies between the smallest and the
/// largest real.
///
/// A scale that restores a huge constant exactly has many codes beyond all floats, and values next to these have no step. A
/// single code without a float, at the end of a range, is what a calculator should avoid.
pub(super) fn step_at(subject: &Subject<'_>, x: f32, params: AffineParams) -> Option<f64> {
    let quotient = exact_quotient(x, params);
    let (smallest, largest) = quotients(subject, params);
    if !(smallest..=largest).contains(&quotient) {
        return None;
    }
    // As wide as on either side, should the rounded quotient be on the other side of a code.
    let beside = [1.0 - 2.0_f64.powi(-20), 1.0 + 2.0_f64.powi(-20)];
    let sides = beside.map(|beside| neighbours(subject, quotient * beside));
    let (scale, offset) = (f64::from(params.scale()), f64::from(params.offset()));
    let finite = |code: f64| (code * scale + offset).abs() <= f64::from(f32::MAX);
    let many_are_not = !finite(largest - 1.0) || !finite(smallest + 1.0);
    if many_are_not && !sides.iter().all(|&(below, above)| finite(below) && finite(above)) {
        return None;
    }
    let wide = sides.map(|(below, above)| above - below);
    Some(wide[0].max(wide[1]) * scale)
}

/// Returns the quotients of the smallest and the largest finite code in use.
pub(super) fn quotients(subject: &Subject<'_>, params: AffineParams) -> (f64, f64) {
    let (codes, floats) = (subject.codes(), subject.floats());
    let zero_point = f64::from(params.zero_point());
    let smallest = floats.first().map_or(codes.min(), |&first| first.max(codes.min()));
    let largest = floats.last().map_or(codes.max(), |&last| last.min(codes.max()));
    (smallest - zero_point, largest - zero_point)
}

/// Checks that no value in range is further than a share of its step from what it is restored as.
fn within(trial: &Trial<'_>, share: f64) -> Result<(), String> {
    each_code(trial, &|i, _| {
        let (x, params) = (trial.tensor.values()[i], trial.params[i]);
        let Some(step) = step_at(trial.subject, x, params) else { return Ok(()) };
        let error = (f64::from(x) - f64::from(trial.outcome.restored[i])).abs();
        let restored = trial.outcome.restored[i];
        if !restored.is_finite() {
            return Err("a value in range is not restored as a number".into());
        }
        let allowed = share * step + slack(x, params) + slack(restored, params);
        if error <= allowed {
            return Ok(());
        }
        Err(format!("|x − x̂| = {error:e} > {allowed:e} = {share} · step + the rounding errors of f32"))
    })
}

pub(super) fn within_half_a_step(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| within(trial, 0.5))
}

pub(super) fn within_a_step(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| within(trial, 1.0))
}

pub(super) fn monotone(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        let (x, codes) = (trial.tensor.values(), &trial.outcome.codes);
        let group = |i: usize| group_of(subject.granularity(), trial.tensor.shape(), i);
        let mut order: Vec<(usize, usize)> = (0..x.len()).map(|i| (group(i), i)).collect();
        order.sort_by(|a, b| a.0.cmp(&b.0).then(x[a.1].partial_cmp(&x[b.1]).unwrap_or(core::cmp::Ordering::Equal)));
        for pair in order.windows(2) {
            let ((group, i), (next, j)) = (pair[0], pair[1]);
            let broken = codes[i] > codes[j] || (x[i] == x[j] && codes[i] != codes[j]);
            if group == next && broken {
                let what = format!("{:?} ≤ {:?}, but the codes are {} and {}", x[i], x[j], codes[i], codes[j]);
                return Err(trial.at_element(j, &what));
            }
        }
        Ok(())
    })
}

pub(super) fn idempotent(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        let restored = trial.tensor.with_values(trial.outcome.restored.clone());
        let again = Trial::with(subject, &restored, trial)?;
        each_code(&again, &|i, code| {
            let before = trial.outcome.codes[i];
            if code == before {
                return Ok(());
            }
            Err(format!("{} was restored from the code {before}, and has the code {code}", again.tensor.values()[i]))
        })
    })
}
