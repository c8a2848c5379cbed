//! What codes do not depend on: other groups, where pieces end, order, memory, threads, the CPU.

use super::corners::{self, shape_of};
use super::definition::{code_of, index_of, members};
use super::trial::{Trial, each_tensor, tensors};
use crate::kernel;
use crate::laws::quantization_method::{Outcome, Subject};
use crate::laws::random::Random;
use crate::laws::shrink::Shrink;
use crate::laws::strategies::{Distribution, List, Tensor, Values};
use crate::laws::trials::{Breach, Trials};
use crate::params::{AffineParams, Granularity, NanPolicy, QuantParams};

/// Returns the parameters of one group, as those of a tensor that has no other.
fn of_group(params: &QuantParams, group: usize) -> Option<QuantParams> {
    QuantParams::from_groups(params.granularity(), params.codes(), params.group(group)).ok()
}

/// Returns the elements of one group, which stand at these positions, as a tensor of their own.
fn group_alone(granularity: Granularity, tensor: &Tensor, at: &[usize]) -> Tensor {
    let shape = tensor.shape();
    let alone: Vec<usize> = match granularity {
        Granularity::Tensor => shape.to_vec(),
        Granularity::Axis(axis) => shape.iter().enumerate().map(|(k, &n)| if k == axis { 1 } else { n }).collect(),
        Granularity::Block { axis, .. } => (0..shape.len()).map(|k| if k == axis { at.len() } else { 1 }).collect(),
        Granularity::Blocks(_) => {
            let corner = |position: Option<&usize>| index_of(position.copied().unwrap_or(0), shape);
            let (first, last) = (corner(at.first()), corner(at.last()));
            last.iter().zip(first).map(|(last, first)| last - first + 1).collect()
        }
    };
    Tensor::new(&alone, at.iter().map(|&i| tensor.values()[i]).collect())
}

pub(super) fn groups(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let granularity = subject.granularity();
    each_tensor(subject, trials, &tensors(granularity), &|whole| {
        for (group, at) in members(granularity, whole.tensor.shape()).iter().enumerate() {
            let tensor = group_alone(granularity, whole.tensor, at);
            let alone = Trial::of(subject, &tensor)?;
            if whole.outcome.params.group(group) != alone.outcome.params.group(0) {
                let tables = format!("{}\n{}", whole.table(at.first().copied()), alone.table(None));
                return Err(format!("group {group} has other parameters as a tensor of its own\n{tables}"));
            }
            same_codes(whole, at, &alone, "as a tensor of its own, the group has here")?;
        }
        Ok(())
    })
}

/// Checks that the elements at some positions of the whole have the codes of a part.
fn same_codes(whole: &Trial<'_>, at: &[usize], part: &Trial<'_>, what: &str) -> Result<(), String> {
    for (k, &i) in at.iter().enumerate() {
        let (ours, theirs) = (whole.outcome.codes[i], part.outcome.codes[k]);
        if ours != theirs {
            return Err(whole.at_element(i, &format!("{what} the code {theirs}, not {ours}")));
        }
    }
    Ok(())
}

pub(super) fn parts(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let granularity = subject.granularity();
    // Long ones, for what computes in pieces.
    let tensors = tensors(granularity).with_most(160);
    each_tensor(subject, trials, &tensors, &|whole| {
        for (group, at) in members(granularity, whole.tensor.shape()).iter().enumerate() {
            let tensor = group_alone(granularity, whole.tensor, at);
            let Some(params) = of_group(&whole.outcome.params, group) else { continue };
            // The end that is left after 1, 2, 4 … elements, of an axis along which a group may be cut.
            let axis = match granularity {
                Granularity::Block { axis, .. } => axis,
                _ => tensor.shape().iter().enumerate().max_by_key(|(_, n)| **n).map_or(0, |(axis, _)| axis),
            };
            let Some(&len) = tensor.shape().get(axis) else { continue };
            let outer: usize = tensor.shape()[..axis].iter().product();
            if outer != 1 {
                continue;
            }
            let mut cut = 1;
            while cut < len {
                let inner: usize = tensor.shape()[axis + 1..].iter().product();
                let end = tensor.part(axis, cut, len);
                let outcome = end.with_view(|view| subject.quantize_with(view, &params));
                let outcome = outcome.map_err(|error| format!("an error for a part: {error}\n{end:?}"))?;
                for (k, &i) in at[cut * inner..].iter().enumerate() {
                    let (ours, theirs) = (whole.outcome.codes[i], outcome.codes[k]);
                    // A rounding that depends on the position has another one in the part.
                    let (x, position) = (whole.tensor.values()[i], k as u64);
                    let want = code_of(subject, x, whole.params[i], position);
                    let elsewhere = code_of(subject, x, whole.params[i], i as u64) != want;
                    if ours != theirs && !(elsewhere && theirs == want) {
                        let what =
                            format!("among the {} elements after the first {}", at.len() - cut * inner, cut * inner);
                        return Err(whole.at_element(i, &format!("{what} the code is {theirs}, in the whole {ours}")));
                    }
                }
                cut *= 2;
            }
        }
        Ok(())
    })
}

pub(super) fn order(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let granularity = subject.granularity();
    each_tensor(subject, trials, &tensors(granularity), &|trial| {
        // Each group backwards.
        let (values, shape) = (trial.tensor.values(), trial.tensor.shape());
        let mut partner = vec![0; values.len()];
        for at in members(granularity, shape) {
            at.iter().zip(at.iter().rev()).for_each(|(&i, &j)| partner[i] = j);
        }
        let backwards = trial.tensor.row_major().with_values(partner.iter().map(|&j| values[j]).collect());
        let other = Trial::of(subject, &backwards)?;
        if trial.outcome.params != other.outcome.params {
            return Err(format!("backwards there are other parameters\n{}\n{}", trial.table(None), other.table(None)));
        }
        same_codes(
            &other,
            &(0..values.len()).collect::<Vec<_>>(),
            &permuted(trial, &partner),
            "the other way round it has",
        )
    })
}

fn permuted<'a>(trial: &Trial<'a>, partner: &[usize]) -> Trial<'a> {
    let codes = partner.iter().map(|&j| trial.outcome.codes[j]).collect();
    let outcome = Outcome { codes, ..trial.outcome.clone() };
    Trial { subject: trial.subject, tensor: trial.tensor, outcome, params: trial.params.clone() }
}

pub(super) fn memory_layout(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let tensors = tensors(subject.granularity()).in_any_layout();
    each_tensor(subject, trials, &tensors, &|trial| {
        let plain = trial.tensor.row_major();
        let plain = Trial::of(subject, &plain)?;
        if trial.outcome.params != plain.outcome.params {
            return Err(format!(
                "the row-major copy has other parameters\n{}\n{}",
                trial.table(None),
                plain.table(None)
            ));
        }
        same_codes(trial, &(0..trial.params.len()).collect::<Vec<_>>(), &plain, "the row-major copy has here")
    })
}

/// A tensor of many elements, known by its length and a seed.
#[derive(Clone, Debug)]
struct Large {
    rows: usize,
    seed: u64,
}

impl Shrink for Large {
    fn attempts(&self) -> usize {
        1
    }

    fn attempt(&self, _k: usize) -> Option<Self> {
        (self.rows > 1).then_some(Self { rows: self.rows / 2, ..*self })
    }
}

impl Large {
    /// Elements in a row: no multiple of a vector.
    const ROW: usize = 257;
    /// Rows, of more elements than threads are worth having for.
    const ROWS: usize = 1300;

    fn tensor(&self, granularity: Granularity) -> Tensor {
        let mut values = vec![0.0; self.rows * Self::ROW];
        Distribution::Gaussian.fill(&mut Random::new(self.seed), &mut values);
        let axis = granularity.axis().unwrap_or(0);
        let mut shape = vec![1; axis + 1];
        shape[axis] = Self::ROW;
        if let Granularity::Axis(_) = granularity {
            shape.push(self.rows);
        } else {
            shape[0] *= self.rows;
        }
        Tensor::new(&shape, values)
    }
}

pub(super) fn threads(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let make = |random: &mut Random| Large { rows: Large::ROWS, seed: random.bits() };
    trials.at_most(2).run(&[], &make, &|large: &Large| {
        let tensor = large.tensor(subject.granularity());
        let alone = on_threads(1, subject, &tensor)?;
        for threads in [2, 5] {
            let together = on_threads(threads, subject, &tensor)?;
            if alone.params != together.params {
                return Err(format!(
                    "{threads} threads give other parameters than one, in a tensor of {:?}",
                    tensor.shape()
                ));
            }
            let same = alone.codes.iter().zip(&together.codes).position(|(a, b)| a != b);
            if let Some(i) = same {
                let (one, many) = (alone.codes[i], together.codes[i]);
                let index = index_of(i, tensor.shape());
                return Err(format!(
                    "of shape {:?}, {threads} threads: {many} at {index:?}, one: {one}",
                    tensor.shape()
                ));
            }
        }
        Ok(())
    })
}

/// With the feature `rayon`: a pool of so many threads. Without it: so many threads that quantize the tensor at once.
#[cfg(feature = "rayon")]
fn on_threads(threads: usize, subject: &Subject<'_>, tensor: &Tensor) -> Result<Outcome, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
    let outcome = pool.install(|| tensor.with_view(|view| subject.quantize(view)));
    outcome.map_err(|error| format!("an error on {threads} threads: {error}"))
}

#[cfg(not(feature = "rayon"))]
fn on_threads(threads: usize, subject: &Subject<'_>, tensor: &Tensor) -> Result<Outcome, String> {
    let quantize = || tensor.with_view(|view| subject.quantize(view));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(quantize)).collect();
        others.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut outcome = quantize();
    let bits = |outcome: &Outcome| outcome.codes.iter().map(|code| code.to_bits()).collect::<Vec<u64>>();
    for other in outcomes {
        let other = other.map_err(|_| format!("a panic on one of {threads} threads"))?;
        // The one that differs is the one to compare with.
        if let (Ok(own), Ok(theirs)) = (&outcome, &other)
            && bits(own) == bits(theirs)
        {
            continue;
        }
        outcome = other;
    }
    outcome.map_err(|error| format!("an error on {threads} threads: {error}"))
}

pub(super) fn simd_levels(subject: &Subject<'_>, trials: &Trials) -> Result<(), Breach> {
    let distributions = [Distribution::FINITE, &[Distribution::Bits]].concat();
    // Short ones, and some with a remainder after whole vectors.
    let (short, long) = (Values::of(&distributions, 0..=20), Values::of(&distributions, 21..=200));
    let make = |random: &mut Random| if random.one_in(2) { short.make(random) } else { long.make(random) };
    let within = |x: &&f32| x.abs() <= 1e6;
    let ties: Vec<f32> = corners::quotients(subject).iter().filter(within).copied().collect();
    let lists = [0, 1, 2, 15, 16, 17, 33, 65, ties.len()].map(|n| List::new(ties[..n.min(ties.len())].to_vec()));
    trials.run(&lists, &make, &|list| {
        let x = &list.values;
        let finite: Vec<f32> = x.iter().map(|&x| if x.is_finite() { x } else { 1.0 }).collect();
        let tensor = Tensor::new(&shape_of(subject.granularity(), finite.len().max(1)), finite);
        let own = Trial::of(subject, &tensor)?;
        let Some(&params) = own.params.first() else { return Ok(()) };
        at_each_level(subject, x, params)?;
        // As many values between and at the codes.
        let halves = (0..x.len()).map(|i| ((i * 7 + x.len()) % 511) as f64 / 2.0 - 127.5);
        let ties = halves.map(|half| (half * f64::from(params.scale()) + f64::from(params.offset())) as f32);
        at_each_level(subject, &ties.collect::<Vec<_>>(), params)
    })
}

/// Checks the codes that each SIMD level gives, if the subject has kernels for it.
fn at_each_level(subject: &Subject<'_>, x: &[f32], params: AffineParams) -> Result<(), String> {
    let first = (x.len() as u64) << 20;
    for level in kernel::levels() {
        let Some(codes) = subject.map_at(level, x, params, first) else { return Ok(()) };
        if codes.len() != x.len() {
            return Err(format!("{level:?}: {} codes of {} values", codes.len(), x.len()));
        }
        for (i, (&x, &code)) in x.iter().zip(&codes).enumerate() {
            // Where NaN is refused, it does not come so far.
            if x.is_nan() && subject.nan_policy() == NanPolicy::Error {
                continue;
            }
            let want = code_of(subject, x, params, first + i as u64);
            if code != want && !(code.is_nan() && want.is_nan()) {
                let of = format!("of {} values, under {params:?}", codes.len());
                return Err(format!(
                    "{level:?}: {x:?} ({:#x}) at {i} has the code {code}, not {want}; {of}",
                    x.to_bits()
                ));
            }
        }
    }
    Ok(())
}
