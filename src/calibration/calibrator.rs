//! Estimator states by tensor name.

use super::error::CalibrationError;
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes};
use crate::num::Real;
use crate::params::{Granularity, QuantParams, ValueRange};
use crate::range::{RangeEstimator, Target};
use crate::tensor::{AsView, Input, for_each_group, observe_groups};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// Holds an estimator's state for each tensor name.
///
/// A tensor's name is whatever the caller says; each call of [`observe`](Self::observe) shows it one more batch. The
/// calibrator is shared by reference: threads observe at the same time, and wait for each other only where they observe
/// the same tensor.
///
/// NaN and ±∞ are counted ([`seen`](Self::seen)) and otherwise ignored.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, calibration::Calibrator, quantize_with_params, range::MinMax};
///
/// let calibrator = Calibrator::new(MinMax::default());
/// for batch in [array![[0.0_f32, 1.0]], array![[-0.5, 2.0]]] {
///     calibrator.observe("relu1", batch.view())?;
/// }
/// let scheme = Scheme::<u8>::affine();
/// let params = calibrator.params("relu1", &scheme)?;
/// let q = quantize_with_params(&array![[0.0_f32, 2.0]], &params, scheme.settings())?;
/// assert_eq!(q.codes(), &array![[51_u8, 255]]);
///
/// let error = calibrator.params("relu2", &scheme).unwrap_err();
/// assert_eq!(error.to_string(), r#"no values were observed for "relu2"; 1 other tensor was observed"#);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
///
/// From several threads:
///
/// ```
/// # use ndarray::Array1;
/// # use tensor_quant::{calibration::Calibrator, range::{MinMax, Percentile}};
/// let calibrator = Calibrator::new(Percentile::two_sided(0.999)?);
/// std::thread::scope(|scope| {
///     for thread in 0..4 {
///         let calibrator = &calibrator;
///         scope.spawn(move || calibrator.observe("x", Array1::linspace(0.0_f32, thread as f32, 100).view()));
///     }
/// });
/// assert_eq!(calibrator.seen("x").map(|seen| seen.count), Some(400));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "observer")]
#[derive(Debug)]
pub struct Calibrator<E> {
    pub(super) fresh: E,
    pub(super) granularity: Granularity,
    /// Estimators of tensors that have another than `fresh`.
    own: BTreeMap<String, E>,
    tensors: RwLock<BTreeMap<String, Arc<Mutex<Observed<E>>>>>,
}

/// What is known of one tensor.
#[derive(Clone, Debug)]
pub(super) struct Observed<E> {
    pub(super) seen: Extremes,
    /// One estimator a group.
    pub(super) estimators: Vec<E>,
}

impl<E: RangeEstimator> Calibrator<E> {
    /// Returns a calibrator that gives each tensor a clone of `fresh`, which has observed nothing.
    pub fn new(fresh: E) -> Self {
        Self { fresh, granularity: Granularity::Tensor, own: BTreeMap::new(), tensors: RwLock::default() }
    }

    /// Returns the calibrator with a range for each index along `axis` of every tensor, instead of one for all of it.
    #[doc(alias = "per_channel")]
    #[must_use]
    pub fn with_axis(self, axis: usize) -> Self {
        Self { granularity: Granularity::Axis(axis), ..self }
    }

    /// Returns the calibrator with an estimator of its own, which has observed nothing, for a tensor that is yet to be observed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::params::CodeRange;
    /// use tensor_quant::{calibration::Calibrator, range::AnyEstimator};
    ///
    /// let calibrator = Calibrator::new(AnyEstimator::default()).with_estimator("probabilities", "fixed 0..1".parse()?);
    /// calibrator.observe("probabilities", array![0.25_f32, 0.5].view())?;
    /// calibrator.observe("logits", array![-3.0_f32, 4.0].view())?;
    /// let max = |name: &str| calibrator.ranges(name, &CodeRange::of::<i8>()).map(|ranges| ranges[0].max());
    /// assert_eq!((max("probabilities")?, max("logits")?), (1.0, 4.0));
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    #[must_use]
    pub fn with_estimator(mut self, name: impl Into<String>, fresh: E) -> Self {
        self.own.insert(name.into(), fresh);
        self
    }

    /// Takes note of a tensor's values: one more batch for `name`.
    ///
    /// # Errors
    ///
    /// With an axis, [`Error::AxisOutOfBounds`], [`Error::LengthMismatch`] if the axis was of another length before, and
    /// [`Error::OutOfMemory`] if an empty tensor has more channels than can be; all name the tensor.
    pub fn observe<V: AsView<Element: Real>>(&self, name: &str, values: V) -> Result<()> {
        let view = values.as_view();
        self.try_observe(name, &Input::of(&view)).map_err(|error| error.of_tensor(name))
    }

    fn try_observe(&self, name: &str, values: &Input<'_>) -> Result<()> {
        let groups = self.granularity.groups(values.shape())?;
        let mut seen = Extremes::default();
        values.for_each_f32_piece(Granularity::Tensor, &mut |_, piece| {
            seen = seen.merge(kernel::min_max(kernel::detect(), piece));
            Ok(())
        })?;
        let tensor = self.tensor(name, groups)?;
        let mut tensor = lock(&tensor);
        tensor.expect_groups(groups)?;
        tensor.seen = tensor.seen.merge(seen);
        observe_groups(values, self.granularity, &mut tensor.estimators)
    }

    /// Takes note of everything that `other` observed.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::NotMergeable`] if their axes differ, or built-in estimators of a tensor or the settings of these;
    /// [`Error::LengthMismatch`], which names the tensor, if a tensor's lengths along the axes do. Tensors before it in
    /// alphabetical order have been merged then.
    pub fn merge(&self, other: &Self) -> Result<()> {
        if self.granularity != other.granularity {
            let (ours, theirs) = (self.granularity.to_string(), other.granularity.to_string());
            return Err(CalibrationError::NotMergeable { ours, theirs }.into());
        }
        // Copied first: nothing waits for two calibrators at a time.
        for (name, theirs) in other.states() {
            let Some(ours) = self.read().get(&name).cloned() else {
                let mut tensors = self.tensors.write().unwrap_or_else(PoisonError::into_inner);
                tensors.entry(name).or_insert_with(|| Arc::new(Mutex::new(theirs)));
                continue;
            };
            let mut ours = lock(&ours);
            ours.expect_groups(theirs.estimators.len()).map_err(|error| error.of_tensor(&name))?;
            if let (Some(ours), Some(theirs)) = (ours.estimator(), theirs.estimator())
                && ours != theirs
            {
                let (ours, theirs) = (format!("with {ours} for {name:?}"), format!("with {theirs} for it"));
                return Err(CalibrationError::NotMergeable { ours, theirs }.into());
            }
            ours.seen = ours.seen.merge(theirs.seen);
            for (ours, theirs) in ours.estimators.iter_mut().zip(&theirs.estimators) {
                ours.merge(theirs);
            }
        }
        Ok(())
    }

    /// Returns the names of the tensors that were observed, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// Returns the extremes of a tensor, and how many of its values were NaN or infinite; `None` if it was not observed.
    pub fn seen(&self, name: &str) -> Option<Extremes> {
        self.read().get(name).map(|tensor| lock(tensor).seen)
    }

    /// Returns the ranges of a tensor for a target, as a [`Scheme`](crate::Scheme): one, or with an axis one for each index.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::NotObserved`], and those of the estimator: [`Error::NoData`], which names the channel, if no value
    /// was finite.
    pub fn ranges(&self, name: &str, target: &dyn Target) -> Result<Vec<ValueRange>> {
        let tensor = self.read().get(name).cloned().ok_or_else(|| self.not_observed([name]))?;
        // The search for a range is long beside the copy of a state, and no other thread has to wait for it.
        let tensor = lock(&tensor).clone();
        let ranges = tensor.estimators.iter().map(|estimator| estimator.range(target)).enumerate();
        let ranges = ranges.map(|(group, range)| range.map_err(|error| self.of_group(error, group)));
        ranges.collect::<Result<_>>().map_err(|error| error.of_tensor(name))
    }

    /// Returns the parameters of a tensor for a target: a [`Scheme`](crate::Scheme), whose own estimator and granularity do not count.
    ///
    /// # Errors
    ///
    /// Those of [`ranges`](Self::ranges), and of the target's calculator.
    pub fn params(&self, name: &str, target: &dyn Target) -> Result<QuantParams> {
        let ranges = self.ranges(name, target)?;
        let params = ranges.into_iter().map(|range| target.params(range)).enumerate();
        let params = params.map(|(group, params)| params.map_err(|error| self.of_group(error, group)));
        let params = params.collect::<Result<Vec<_>>>();
        let params = params.and_then(|params| QuantParams::from_groups(self.granularity, target.codes(), params));
        params.map_err(|error| error.of_tensor(name))
    }

    /// Returns the parameters of several tensors.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::NotObserved`] with all the names that were not; then those of [`params`](Self::params).
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{Scheme, calibration::Calibrator, range::MinMax};
    ///
    /// let calibrator = Calibrator::new(MinMax::default());
    /// calibrator.observe("a", array![1.0_f32].view())?;
    /// let error = calibrator.params_of(["a", "b", "c"], &Scheme::<i8>::affine()).unwrap_err();
    /// assert!(error.to_string().starts_with(r#"no values were observed for "b", "c""#));
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn params_of<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        target: &dyn Target,
    ) -> Result<BTreeMap<String, QuantParams>> {
        let names: Vec<&str> = names.into_iter().collect();
        let missing: Vec<&str> = names.iter().copied().filter(|&name| self.seen(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(self.not_observed(missing));
        }
        names.into_iter().map(|name| Ok((name.to_owned(), self.params(name, target)?))).collect()
    }

    /// Says which channel an error is about, with an axis.
    fn of_group(&self, error: Error, group: usize) -> Error {
        if self.granularity == Granularity::Tensor { error } else { error.of_group(group) }
    }

    fn not_observed<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Error {
        let names = names.into_iter().map(str::to_owned).collect();
        CalibrationError::NotObserved { names, observed: self.read().len() }.into()
    }

    /// Returns a tensor's state, a fresh one if there is none.
    fn tensor(&self, name: &str, groups: usize) -> Result<Arc<Mutex<Observed<E>>>> {
        if let Some(tensor) = self.read().get(name) {
            return Ok(tensor.clone());
        }
        let fresh = self.own.get(name).unwrap_or(&self.fresh);
        let fresh = Observed { seen: Extremes::default(), estimators: for_each_group(groups, fresh)? };
        let mut tensors = self.tensors.write().unwrap_or_else(PoisonError::into_inner);
        Ok(tensors.entry(name.to_owned()).or_insert_with(|| Arc::new(Mutex::new(fresh))).clone())
    }

    /// Returns the estimator that each tensor starts with, but those that have [another](Self::with_estimator).
    pub fn fresh(&self) -> &E {
        &self.fresh
    }

    /// Returns a tensor's estimator and what it has observed, of the first channel with an axis; `None` if the tensor was not observed.
    pub fn estimator(&self, name: &str) -> Option<E> {
        self.read().get(name).and_then(|tensor| lock(tensor).estimators.first().cloned())
    }

    /// Returns whether there is one range for all of a tensor.
    #[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "for statistics that were saved"))]
    pub(crate) fn is_per_tensor(&self) -> bool {
        self.granularity == Granularity::Tensor
    }

    /// Returns all states in alphabetical order of the names.
    pub(super) fn states(&self) -> Vec<(String, Observed<E>)> {
        self.read().iter().map(|(name, tensor)| (name.clone(), lock(tensor).clone())).collect()
    }

    /// Returns a calibrator with these states.
    #[cfg(feature = "serde")]
    pub(super) fn with_states(self, states: impl Iterator<Item = (String, Observed<E>)>) -> Self {
        let tensors = states.map(|(name, tensor)| (name, Arc::new(Mutex::new(tensor)))).collect();
        Self { tensors: RwLock::new(tensors), ..self }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Mutex<Observed<E>>>>> {
        self.tensors.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The states are copied: the clone and the original go on by themselves.
impl<E: RangeEstimator> Clone for Calibrator<E> {
    fn clone(&self) -> Self {
        let tensors = self.states().into_iter().map(|(name, tensor)| (name, Arc::new(Mutex::new(tensor)))).collect();
        let (fresh, own) = (self.fresh.clone(), self.own.clone());
        Self { fresh, granularity: self.granularity, own, tensors: RwLock::new(tensors) }
    }
}

impl<E: RangeEstimator> Observed<E> {
    /// Returns the text form of a built-in estimator.
    fn estimator(&self) -> Option<String> {
        Some(self.estimators.first()?.built_in()?.to_string())
    }

    fn expect_groups(&self, groups: usize) -> Result<()> {
        let expected = self.estimators.len();
        if groups == expected {
            Ok(())
        } else {
            Err(Error::LengthMismatch { what: "the axis of its channels", expected, actual: groups })
        }
    }
}

/// An estimator that panicked while it observed has lost that batch, at most.
fn lock<E>(tensor: &Mutex<Observed<E>>) -> MutexGuard<'_, Observed<E>> {
    tensor.lock().unwrap_or_else(PoisonError::into_inner)
}
