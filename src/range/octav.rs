//! Optimal clipping by Newton's method.

use super::few::{Few, MOST as MOST_FEW};
use super::least_error::{Data, best_of, scale_per_magnitude};
use super::sample::Sample;
use super::sorted::{Sorted, Sums};
use super::target::integer_codes_only;
use super::text_form::{TextForm, without_settings};
use super::{Feed, RangeEstimator, Target};
use crate::error::Result;
use crate::params::{ValueRange, ZeroPoints};

/// Newton's method has settled long before.
const MOST_STEPS: usize = 100;

/// Returns the range that OCTAV finds: Newton's method on a model of the mean squared error.
///
/// The model takes the rounding error of a value that is not clipped to be that of a uniform distribution, `step² / 12`, and
/// the error of a clipped one for what it is (Sakr et al., "Optimal Clipping and Magnitude-aware Differentiation for
/// Improved Quantization-aware Training", 2022). For a symmetric target with the step `r·c` the clip c solves
///
/// ```text
/// c ← Σ |x| over |x| > c  /  (r² / 12 · #{0 < |x| ≤ c} + #{|x| > c})
/// ```
///
/// For an affine one the step is `(high − low) / (qmax − qmin)`, and both ends take turns, each with the same step; an end
/// beyond which there is no value stays at zero. Of all iterates, and the whole range, that of the smallest modelled error is
/// the answer.
///
/// Of a target that does not say which zero points it has, as [`Affine::without_zero`](crate::params::Affine::without_zero),
/// the clips for both kinds, that of two ends wherever zero is, and the whole range are tried, and the answer is what gives
/// the smallest squared error.
///
/// It is an approximation of [`Mse`](super::Mse), good where the steps are narrow beside the spread of the values.
/// Values at hand ([`range_of`](RangeEstimator::range_of)) and up to 4096 observed ones count as they are, more by the
/// middles of the bins of a [`BinaryHistogram`](super::BinaryHistogram). All values equal give that value.
///
/// # Errors
///
/// `range` gives [`Error::IntegerCodesOnly`](crate::Error::IntegerCodesOnly) for floating codes, whose steps are not even.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, Scheme, num::I4, range::Octav};
///
/// let mut estimator = Octav::default();
/// estimator.observe(&(-500..=500).map(|i| (i as f32 / 250.0).powi(5)).collect::<Vec<_>>());
/// assert!(estimator.range(&Scheme::<I4>::symmetric())?.max() < 30.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::SampleState", try_from = "super::state::SampleState")
)]
pub struct Octav {
    pub(super) sample: Sample,
}

impl RangeEstimator for Octav {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some(self.clone().into())
    }

    fn observe(&mut self, values: &[f32]) {
        self.sample.observe(values);
    }

    fn merge(&mut self, other: &Self) {
        self.sample.merge(&other.sample);
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        self.sample.search(target, newton)
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        self.sample.search_with(values, target, newton)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

impl TextForm for Octav {
    const NAME: &'static str = "octav";
    #[cfg(feature = "proptest")]
    const INTEGER_CODES_ONLY: bool = true;

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        without_settings(settings)
    }
}

fn newton(data: Data<'_>, extremes: ValueRange, target: &dyn Target) -> Result<ValueRange> {
    let codes = target.codes();
    integer_codes_only("OCTAV", codes)?;
    if extremes.is_constant() {
        return Ok(extremes);
    }
    let widest = extremes.with_zero();
    let (min, max) = (f64::from(widest.min()), f64::from(widest.max()));
    let steps = codes.max() - codes.min();
    let both_ends = |model: &Model| model.minimise(Clip { low: min, high: max }, steps, Ends::Each);
    let mirrored = |model: &Model| -> Result<Clip> {
        let max_abs = max.max(-min);
        let steps = 2.0 / scale_per_magnitude(target)?;
        Ok(model.minimise(Clip { low: -max_abs, high: max_abs }, steps, Ends::Mirrored))
    };
    let range = |clip: Clip| {
        let bound = |x: f64| (x as f32).clamp(f32::MIN, f32::MAX);
        ValueRange::new(bound(clip.low), bound(clip.high))
    };
    match target.zero_points() {
        ZeroPoints::Any => range(both_ends(&Model::of(data, Ends::Each))),
        ZeroPoints::One(_) => range(mirrored(&Model::of(data, Ends::Mirrored))?),
        ZeroPoints::Unknown => {
            let whole = Clip { low: f64::from(extremes.min()), high: f64::from(extremes.max()) };
            let model = Model::of(data, Ends::Anywhere);
            let without_zero = model.minimise(whole, steps, Ends::Anywhere);
            let ranges = [range(both_ends(&model))?, range(mirrored(&model)?)?, range(without_zero)?, extremes];
            best_of(&data.sorted(), ranges, target)
        }
    }
}

#[derive(Clone, Copy)]
struct Clip {
    low: f64,
    high: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Each for itself, with zero between them.
    Each,
    /// As far from zero on either side.
    Mirrored,
    /// Each for itself, wherever zero is.
    Anywhere,
}

struct Model {
    data: Tails,
    /// How many values there are, and their sum.
    total: Sums,
    /// Zero has no rounding error.
    zeros: f64,
}

/// What tells the sums of the values outside of a clip.
enum Tails {
    /// Each value, looked at.
    Few(Few),
    Sorted(Sorted),
}

/// What is clipped, and how many values are not.
struct Outside {
    below: Sums,
    above: Sums,
    inside: f64,
}

impl Model {
    fn of(data: Data<'_>, ends: Ends) -> Self {
        if let Data::Values(values) = data
            && values.len() <= MOST_FEW
            && ends != Ends::Anywhere
        {
            let zeros = values.iter().filter(|x| **x == 0.0).count() as f64;
            let total = Sums { n: values.len() as f64, ..Sums::default() };
            return Self { data: Tails::Few(Few::for_bounds(values, ends == Ends::Mirrored)), total, zeros };
        }
        let data = data.sorted();
        let zeros = (data.sums_below(f64::MIN_POSITIVE) - data.sums_below(0.0)).n;
        Self { total: data.total(), data: Tails::Sorted(data), zeros }
    }

    fn outside(&self, clip: Clip) -> Outside {
        let [below, above] = match &self.data {
            Tails::Few(few) => {
                let [below, above] = few.outside(-clip.low, clip.high);
                [Sums { x: -below.x, ..below }, above]
            }
            Tails::Sorted(data) => [data.sums_below(clip.low), self.total - data.sums_below(clip.high.next_up())],
        };
        Outside { below, above, inside: (self.total.n - below.n - above.n - self.zeros).max(0.0) }
    }

    fn error(clip: Clip, outside: &Outside, steps: f64) -> f64 {
        let Outside { below, above, inside } = outside;
        let step = (clip.high - clip.low) / steps;
        step * step / 12.0 * inside + below.squared_distance(clip.low) + above.squared_distance(clip.high)
    }

    fn minimise(&self, widest: Clip, steps: f64, ends: Ends) -> Clip {
        let mut best = (Self::error(widest, &self.outside(widest), steps), widest);
        let noise = 1.0 / (12.0 * steps * steps);
        let spread = widest.high - widest.low;
        // The first step goes to the means of the magnitudes.
        let mut clip = Clip { low: 0.0, high: 0.0 };
        if ends == Ends::Anywhere {
            let middle = self.total.x / self.total.n;
            clip = Clip { low: middle, high: middle };
        }
        let mut outside = self.outside(clip);
        for _ in 0..MOST_STEPS {
            let next = Self::step(clip, &outside, widest, noise, ends);
            outside = self.outside(next);
            let error = Self::error(next, &outside, steps);
            if error < best.0 {
                best = (error, next);
            }
            let moved = (next.low - clip.low).abs().max((next.high - clip.high).abs());
            clip = next;
            if moved <= 1e-9 * spread {
                break;
            }
        }
        best.1
    }

    fn step(clip: Clip, outside: &Outside, widest: Clip, noise: f64, ends: Ends) -> Clip {
        let &Outside { below, above, inside } = outside;
        if ends == Ends::Mirrored {
            // The step is 2·c / steps: four times the noise of one end.
            let weight = 4.0 * noise * inside + above.n + below.n;
            let c = if weight > 0.0 { (above.x - below.x) / weight } else { widest.high };
            return Clip { low: -c, high: c };
        }
        let end = |sums: Sums, other: f64| {
            let weight = noise * inside + sums.n;
            if weight > 0.0 { (sums.x + noise * inside * other) / weight } else { other }
        };
        if ends == Ends::Anywhere {
            let high = end(above, clip.low).clamp(widest.low, widest.high);
            return Clip { low: end(below, high).clamp(widest.low, high), high };
        }
        let high = if widest.high > 0.0 { end(above, clip.low).clamp(0.0, widest.high) } else { 0.0 };
        let low = if widest.low < 0.0 { end(below, high).clamp(widest.low, 0.0) } else { 0.0 };
        Clip { low, high }
    }
}
