//! What changes with the values, and as they do.

use super::corners;
use super::mapping::each_code;
use super::trial::{Trial, each_mapping, ordinary};
use crate::laws::quantization_method::Subject;
use crate::laws::random::Random;
use crate::laws::shrink::Shrink;
use crate::laws::strategies::Tensor;
use crate::laws::trials::{Breach, Trials};

pub(super) fn sign_symmetry(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    each_mapping(subject, trials, &|trial| {
        let negated = trial.tensor.with_values(trial.tensor.values().iter().map(|x| -x).collect());
        // Of its own parameters, and of those that it was mapped with.
        let finite = negated.values().iter().all(|x| x.is_finite());
        if finite {
            let ours = Trial::of(subject, trial.tensor)?.outcome.params;
            let theirs = Trial::of(subject, &negated)?.outcome.params;
            if ours != theirs {
                let scales = format!("{:?} and {:?}", ours.scales(), theirs.scales());
                return Err(format!("−x has other parameters: {scales}\n{}", trial.table(None)));
            }
        }
        let mirror = Trial::with(subject, &negated, trial)?;
        each_code(trial, &|i, code| {
            let zero_point = f64::from(trial.params[i].zero_point());
            let (want, got) = (2.0 * zero_point - code, mirror.outcome.codes[i]);
            if got == want {
                return Ok(());
            }
            Err(format!("the code is {code}, that of −x is {got}, not {want}"))
        })
    })
}

/// A tensor, and a power of two.
#[derive(Clone, Debug)]
struct Multiplied {
    tensor: Tensor,
    power: i32,
}

impl Shrink for Multiplied {
    fn attempts(&self) -> usize {
        2 + self.tensor.attempts()
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        match k {
            0 => (self.power.abs() > 1).then(|| Self { power: self.power.signum(), ..self.clone() }),
            1 => (self.power.abs() > 1).then(|| Self { power: self.power / 2, ..self.clone() }),
            k => Some(Self { tensor: self.tensor.attempt(k - 2)?, ..*self }),
        }
    }
}

pub(super) fn powers_of_two(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let tensors = ordinary(subject.granularity());
    let make = |random: &mut Random| Multiplied {
        tensor: tensors.make(random),
        power: random.between(1, 20) * random.pick(&[1, -1]),
    };
    let corners = corners::ordinary(subject).into_iter();
    let corners: Vec<_> =
        corners.flat_map(|tensor| [7, -20].map(|power| Multiplied { tensor: tensor.clone(), power })).collect();
    trials.run(&corners, &make, &|case: &Multiplied| {
        let factor = 2.0_f32.powi(case.power);
        let multiplied = case.tensor.with_values(case.tensor.values().iter().map(|x| x * factor).collect());
        let (before, after) = (Trial::of(subject, &case.tensor)?, Trial::of(subject, &multiplied)?);
        for i in 0..before.params.len() {
            let (ours, theirs) = (before.params[i], after.params[i]);
            // No scale is smaller than the smallest normal number.
            if ours.scale() == f32::MIN_POSITIVE || theirs.scale() == f32::MIN_POSITIVE {
                continue;
            }
            // None is so large that a code would restore to an infinity.
            let (codes, zero_point) = (before.outcome.params.codes(), f64::from(ours.zero_point()));
            let farthest = (codes.max() - zero_point).max(zero_point - codes.min());
            let largest = f64::from(ours.scale() * factor).max(f64::from(theirs.scale() / factor));
            if farthest.is_finite() && largest * farthest > f64::from(f32::MAX) {
                continue;
            }
            // All zeros have no magnitude that a scale could follow.
            let follows = before.tensor.values()[i] == 0.0
                || theirs.scale() == ours.scale() * factor && theirs.offset() == ours.offset() * factor;
            let (code, other) = (before.outcome.codes[i], after.outcome.codes[i]);
            if !follows || theirs.zero_point() != ours.zero_point() || code != other {
                let what = format!(
                    "2^{} times the values have the code {other} (before: {code}), the scale {:e} (before: {:e}, so {:e}) and the \
                     zero point {} (before: {})",
                    case.power,
                    theirs.scale(),
                    ours.scale(),
                    ours.scale() * factor,
                    theirs.zero_point(),
                    ours.zero_point()
                );
                return Err(before.at_element(i, &what));
            }
        }
        Ok(())
    })
}
