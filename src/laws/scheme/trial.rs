//! One tensor and what a quantizer made of it, as a table that people can read.

use super::probe::{Probe, Spots};
use super::{corners, definition};
use crate::laws::quantization_method::{Outcome, Subject};
use crate::laws::random::Random;
use crate::laws::strategies::{Distribution, Tensor, Tensors};
use crate::laws::trials::{Breach, Trials};
use crate::params::{AffineParams, Granularity};
use core::fmt::Write;

/// Rows of a table, at most.
const ROWS: usize = 12;

/// Returns the strategy of tensors that a quantizer of this granularity takes.
pub(super) fn tensors(granularity: Granularity) -> Tensors {
    match granularity {
        Granularity::Tensor => Tensors::finite(),
        Granularity::Axis(axis) => Tensors::finite().with_long_axis(axis, 6),
        Granularity::Block { axis, size } => {
            Tensors::finite().with_long_axis(axis, 2 * size.min(1000) + 5).with_most(256)
        }
        Granularity::Blocks(blocks) => {
            let ndim = blocks.lengths().len();
            Tensors::finite().with_axes(ndim..=ndim).with_most(256)
        }
    }
}

/// A tensor, and what a quantizer made of it.
pub(super) struct Trial<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) tensor: &'a Tensor,
    pub(super) outcome: Outcome,
    /// The parameters of the group of each element.
    pub(super) params: Vec<AffineParams>,
}

impl<'a> Trial<'a> {
    /// Quantizes a tensor with parameters of its own.
    pub(super) fn of(subject: &'a Subject<'a>, tensor: &'a Tensor) -> Result<Self, String> {
        let outcome = tensor.with_view(|view| subject.quantize(view));
        Self::from(
            subject,
            tensor,
            outcome.map_err(|error| format!("an error where there is an answer: {error}\n{tensor:?}"))?,
        )
    }

    /// Quantizes a tensor with the parameters of another.
    pub(super) fn with(subject: &'a Subject<'a>, tensor: &'a Tensor, params: &Trial<'_>) -> Result<Self, String> {
        let outcome = tensor.with_view(|view| subject.quantize_with(view, &params.outcome.params));
        let outcome = outcome.map_err(|error| format!("an error with known parameters: {error}\n{tensor:?}"))?;
        Self::from(subject, tensor, outcome)
    }

    fn from(subject: &'a Subject<'a>, tensor: &'a Tensor, outcome: Outcome) -> Result<Self, String> {
        if outcome.shape != tensor.shape() || outcome.restored.len() != tensor.values().len() {
            return Err(format!(
                "codes of shape {:?} are restored as {} values\n{tensor:?}",
                outcome.shape,
                outcome.restored.len()
            ));
        }
        let params = definition::params_of_each(&outcome.params, subject.granularity(), tensor.shape())
            .ok_or_else(|| format!("there are {} scales\n{tensor:?}", outcome.params.len()))?;
        Ok(Self { subject, tensor, outcome, params })
    }

    /// Returns the tensor that has the points of a probe in place of values, in this one's scales and shape.
    fn at(&self, probe: &Probe) -> Tensor {
        let points = probe.points.iter().cycle();
        let values = self.params.iter().zip(points).map(|(params, &(quotient, beside))| {
            let x = (f64::from(quotient) * f64::from(params.scale()) + f64::from(params.offset())) as f32;
            let stays = x == 0.0 || x.is_infinite();
            if stays { x } else { f32::from_bits(x.to_bits().wrapping_add_signed(beside.into())) }
        });
        // One rounding error beside the largest number is infinity, and beside that NaN, which this is not about.
        self.tensor.with_values(values.map(|x| if x.is_nan() { 0.0 } else { x }).collect())
    }

    /// Returns the description of a breach at an element, with the table.
    pub(super) fn at_element(&self, at: usize, what: &str) -> String {
        let index = definition::index_of(at, self.tensor.shape());
        format!("at {index:?}: {what}\n{}", self.table(Some(at)))
    }

    /// Returns the values, what became of them, and the parameters.
    pub(super) fn table(&self, at: Option<usize>) -> String {
        let (tensor, outcome) = (self.tensor, &self.outcome);
        let n = tensor.values().len();
        let mut out = format!("tensor of shape {:?}", tensor.shape());
        if !tensor.layout().is_row_major() {
            let _ = write!(out, ", in memory {:?}", tensor.layout());
        }
        let _ = write!(out, "\n  {:<12} {:>16} {:>12} {:>8} {:>16}", "index", "x", "bits", "code", "restored");
        let first = at.map_or(0, |at| at.saturating_sub(ROWS / 2).min(n.saturating_sub(ROWS)));
        for i in first..n.min(first + ROWS) {
            let (x, code, restored) = (tensor.values()[i], outcome.codes.get(i), outcome.restored[i]);
            let index = format!("{:?}", definition::index_of(i, tensor.shape()));
            let mark = if at == Some(i) { ">" } else { " " };
            let code = code.map_or("none".into(), f64::to_string);
            let _ = write!(out, "\n{mark} {index:<12} {x:>16?} {:>#12x} {code:>8} {restored:>16?}", x.to_bits());
        }
        if n > ROWS {
            let _ = write!(out, "\n  … of {n} elements");
        }
        let params = &outcome.params;
        let _ = write!(out, "\n{}, codes {}", params.granularity(), params.codes());
        for (k, scale) in params.scales().iter().enumerate().take(ROWS) {
            let _ = write!(out, "\n  scale {scale:?} ({:#x}), zero point {}", scale.to_bits(), params.zero_points()[k]);
            if let Some(offset) = params.offsets().get(k) {
                let _ = write!(out, ", offset {offset:?}");
            }
        }
        out
    }
}

/// Checks tensors with parameters of their own.
pub(super) fn each_tensor(
    subject: &Subject<'_>,
    trials: &Trials,
    tensors: &Tensors,
    check: &dyn Fn(&Trial<'_>) -> Result<(), String>,
) -> Result<(), Breach> {
    let corners = corners::tensors(subject);
    trials.run(&corners, &|random| tensors.make(random), &|tensor: &Tensor| check(&Trial::of(subject, tensor)?))
}

/// Checks tensors with parameters of their own, and values at, beside and between the codes under these.
pub(super) fn each_mapping(
    subject: &Subject<'_>,
    trials: &Trials,
    check: &dyn Fn(&Trial<'_>) -> Result<(), String>,
) -> Result<(), Breach> {
    let tensors = tensors(subject.granularity());
    trials.run(&corners::probes(subject), &|random| Probe::make(random, &tensors), &|probe: &Probe| {
        let own = Trial::of(subject, &probe.tensor)?;
        check(&own)?;
        let points = own.at(probe);
        check(&Trial::with(subject, &points, &own)?)
    })
}

/// Returns the strategy of tensors whose values neither overflow nor are subnormal, whatever power of two up to 2^±20 they
/// are multiplied by.
pub(super) fn ordinary(granularity: Granularity) -> Tensors {
    tensors(granularity).with_distributions(Distribution::ORDINARY)
}

/// Checks tensors some of whose elements are to be replaced by what is not finite, and of each group not all.
pub(super) fn each_spotted(
    subject: &Subject<'_>,
    trials: &Trials,
    check: &dyn Fn(&Spots) -> Result<(), String>,
) -> Result<(), Breach> {
    let granularity = subject.granularity();
    if let Granularity::Block { size: ..=1, .. } = granularity {
        // Without its element, there is nothing in a block.
        return Ok(());
    }
    let tensors = tensors(granularity);
    let make = |random: &mut Random| loop {
        let tensor = tensors.make(random);
        let at = (0..=random.below(4)).map(|_| random.below(tensor.values().len())).collect();
        if let Some(spots) = Spots::new(tensor, at, granularity) {
            break spots;
        }
    };
    trials.run(&corners::spots(subject), &make, &|spots: &Spots| check(spots))
}
