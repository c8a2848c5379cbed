//! How a case that breaks a law is made simple enough to read.
//!
//! A case offers attempts, the boldest first: half of the elements, one fewer, a zero in place of a value. What still
//! breaks the law is taken, and the attempts begin again, until none of them breaks it.

use core::fmt::Debug;
use proptest::strategy::ValueTree;

/// A value that can be made simpler: what a test fails on, say.
///
/// The boldest attempts come first. Each gives a simpler value, so that there is an end to it.
pub trait Shrink: Clone + Debug {
    /// Returns how many attempts there are.
    fn attempts(&self) -> usize;

    /// Returns the simpler value of an attempt, or `None` if it would be no simpler.
    fn attempt(&self, k: usize) -> Option<Self>;
}

/// The values that a value is tried as: the [`ValueTree`] of whatever can [`Shrink`].
///
/// # Examples
///
/// ```
/// use proptest::strategy::ValueTree;
/// use tensor_quant::laws::strategies::{Simplifying, Tensor};
///
/// // The simplest tensor that holds a value above 2.
/// let tensor = Tensor::new(&[2, 3], vec![0.5, 7.25, -3.0, 1e9, 0.1, 2.0]);
/// let mut tree = Simplifying::from(tensor);
/// let mut more = tree.simplify();
/// while more {
///     let fails = tree.current().values().iter().any(|&x| x > 2.0);
///     more = if fails { tree.simplify() } else { tree.complicate() };
/// }
/// assert_eq!((tree.current().values().len(), tree.current().shape().len()), (1, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Simplifying<T> {
    /// The simplest so far that breaks the law.
    best: T,
    current: T,
    next: usize,
    progress: bool,
    started: bool,
}

impl<T: Shrink> Simplifying<T> {
    fn advance(&mut self) -> bool {
        loop {
            if self.next >= self.best.attempts() {
                if !self.progress {
                    self.current = self.best.clone();
                    return false;
                }
                (self.next, self.progress) = (0, false);
            }
            self.next += 1;
            if let Some(simpler) = self.best.attempt(self.next - 1) {
                self.current = simpler;
                return true;
            }
        }
    }
}

impl<T: Shrink> From<T> for Simplifying<T> {
    fn from(value: T) -> Self {
        Self { best: value.clone(), current: value, next: 0, progress: false, started: false }
    }
}

impl<T: Shrink> ValueTree for Simplifying<T> {
    type Value = T;

    fn current(&self) -> T {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.started {
            self.best = self.current.clone();
            self.progress = true;
            // The same again, while it helps.
            self.next = self.next.saturating_sub(1);
        }
        self.started = true;
        self.advance()
    }

    fn complicate(&mut self) -> bool {
        self.advance()
    }
}

/// How many attempts a number offers.
pub(super) const OF_A_NUMBER: usize = 13;

/// Returns a simpler number than `x`.
pub(super) fn simpler_number(x: f32, k: usize) -> Option<f32> {
    let keep = |bits: u32| f32::from_bits(x.to_bits() & !((1 << (23 - bits)) - 1));
    let simpler = match k {
        0 => 0.0,
        1 => 1.0,
        2 => -1.0,
        3 => f32::NAN,
        4 => x.abs(),
        // Magnitudes first: of numbers next to 1 the bits say what matters.
        5 => halfway_to_one(x),
        6 => x.trunc(),
        7 => keep(0),
        8 => keep(3),
        9 => keep(7),
        10 => keep(12),
        11 => keep(17),
        _ => x.trunc() + 1.0_f32.copysign(x),
    };
    (complexity(simpler) < complexity(x)).then_some(simpler)
}

/// Returns a number that is simpler than NaN only as a NaN, and else one of half the exponent.
fn halfway_to_one(x: f32) -> f32 {
    if x.is_finite() && x != 0.0 { x / 2.0_f32.powi(exponent_of(x) - exponent_of(x) / 2) } else { x }
}

/// Returns e for 2ᵉ ≤ |x| < 2ᵉ⁺¹; x is finite and not 0.
pub(super) fn exponent_of(x: f32) -> i32 {
    ((f64::from(x).to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// Returns how hard a number is to read: by its significant bits, then by its magnitude, then by its sign.
fn complexity(x: f32) -> u32 {
    if x == 0.0 {
        return x.to_bits() >> 31;
    }
    if !x.is_finite() {
        // A NaN may become the plainest one; what is finite stays so.
        let rank = if x.is_infinite() { x.to_bits() >> 31 } else { 2 + u32::from(x.to_bits() != f32::NAN.to_bits()) };
        return 100_000 + rank;
    }
    let significant = 24 - (x.to_bits() | 0x0080_0000).trailing_zeros().min(23);
    let sign = x.to_bits() >> 31;
    1000 * significant + 4 * exponent_of(x).unsigned_abs() + 2 + sign
}
