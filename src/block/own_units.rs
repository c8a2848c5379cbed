//! A block in units of its own, for bounds of its error in f32.

use crate::kernel::{self, Level, ScaleLevels, least_errors, lowest_scale, scale_errors};

/// The longest block.
const LONGEST: usize = 256;
/// Scales that are tried as an end at a time.
const TRIED: usize = 16;
/// A scale above all that are tried, times every level still a number.
const ENDLESS: f32 = 1e30;

/// Elements times a power of two, the largest between 1 and 2; weights up to 1.
#[derive(Debug)]
pub(crate) struct OwnUnits {
    level: Level,
    x: [f32; LONGEST],
    w: [f32; LONGEST],
    len: usize,
    pub(crate) largest: f32,
    /// What x is multiplied with, and what an error is.
    pub(crate) factor: f32,
    error_factor: f64,
    /// Σ w x² in those units.
    total: f64,
}

impl OwnUnits {
    pub(crate) fn new() -> Self {
        Self {
            level: kernel::detect(),
            x: [0.0; LONGEST],
            w: [0.0; LONGEST],
            len: 0,
            largest: 0.0,
            factor: 1.0,
            error_factor: 1.0,
            total: 0.0,
        }
    }

    /// Takes a block of finite elements, not all of them 0, and finite weights ≥ 0, not all of them 0.
    pub(crate) fn set(&mut self, x: &[f32], w: &[f32]) {
        self.len = x.len();
        self.largest = largest(x);
        let heaviest = largest(w);
        self.factor = f32::from_bits((254 - (self.largest.to_bits() >> 23)).max(1) << 23);
        self.error_factor = f64::from(self.factor) * f64::from(self.factor) / f64::from(heaviest);
        for (own, x) in self.x.iter_mut().zip(x) {
            *own = x * self.factor;
        }
        for (own, w) in self.w.iter_mut().zip(w) {
            *own = w / heaviest;
        }
        let mut sums = [0.0; 8];
        for (x, w) in self.x[..self.len].as_chunks::<8>().0.iter().zip(self.w.as_chunks::<8>().0) {
            for i in 0..8 {
                let x = f64::from(x[i]);
                sums[i] += f64::from(w[i]) * (x * x);
            }
        }
        self.total = sums.iter().sum();
    }

    /// Changes the signs of the elements.
    pub(crate) fn negate(&mut self) {
        for x in &mut self.x[..self.len] {
            *x = -*x;
        }
    }

    /// Returns what a bound in f32 must be above, so that no block within it is as good as one of an error.
    ///
    /// Let T = Σ w x²: an element's distance is wrong by at most 2⁻²³ |x|, so that by the inequality of Cauchy and Schwarz a sum is wrong
    /// by no more than 2⁻²² √(T E) and its own rounding.
    pub(crate) fn limit(&self, error: f64) -> f32 {
        let error = error * self.error_factor;
        (error + self.margin(error)) as f32
    }

    /// Returns that of the error of a scale, in these units and in f32.
    pub(crate) fn limit_near(&self, error: f32) -> f32 {
        let error = f64::from(error);
        (error + 2.1 * self.margin(error)) as f32
    }

    fn margin(&self, error: f64) -> f64 {
        3e-7 * root(self.total * error) + (1e-6 + 1e-7 * self.len as f64) * error + 1e-14 * self.total
    }

    /// Writes the least that scales of intervals, in these units, can cost.
    pub(crate) fn bounds(&self, levels: ScaleLevels<'_>, intervals: (&[f32], &[f32]), out: &mut [f32]) {
        least_errors(self.level, &self.x[..self.len], &self.w[..self.len], levels, intervals, out);
    }

    /// Writes what scales, in these units, cost.
    pub(crate) fn errors(&self, levels: ScaleLevels<'_>, scales: &[f32], out: &mut [f32]) {
        scale_errors(self.level, &self.x[..self.len], &self.w[..self.len], levels, scales, out);
    }

    /// Returns a scale, not in these units, below which none is as good as a limit; the levels are from one to another. An element alone,
    /// beyond the last level, costs too much there.
    pub(crate) fn lowest(&self, ends: (f32, f32), limit: f32) -> f32 {
        let lowest = lowest_scale(self.level, &self.x[..self.len], &self.w[..self.len], ends, limit);
        lowest / self.factor * (1.0 - 1e-6)
    }

    /// Returns two scales, not in these units, outside of which none is as good as a limit.
    pub(crate) fn ends(&self, (first, last): (f32, f32), limit: f32) -> (f32, f32) {
        let levels = ScaleLevels::Whole(first, last);
        let beyond = |first: &[f32; TRIED], last: &[f32; TRIED]| {
            let mut bounds = [0.0; TRIED];
            self.bounds(levels, (first, last), &mut bounds);
            bounds.iter().rposition(|bound| *bound > limit)
        };
        // Of all scales from one on, each half of the one before; above the first all elements are nearest to 0 or 1 of them. Then between
        // that and the next.
        let (mut high, mut tried) = (8.0, [0.0; TRIED]);
        for (i, tried) in tried.iter_mut().enumerate() {
            *tried = high / (1_u32 << i) as f32;
        }
        if let Some(i) = beyond(&tried, &[ENDLESS; TRIED]) {
            high = tried[i];
            for (i, tried) in tried.iter_mut().enumerate() {
                *tried = high * (1.0 - i as f32 / (2 * TRIED) as f32);
            }
            high = beyond(&tried, &[ENDLESS; TRIED]).map_or(high, |i| tried[i]);
        }
        // Of all scales up to one, from what an element alone says to a quarter more.
        let mut low = lowest_scale(self.level, &self.x[..self.len], &self.w[..self.len], (first, last), limit);
        for (i, tried) in tried.iter_mut().enumerate() {
            *tried = low * (1.0 + (i + 1) as f32 / (4 * TRIED) as f32);
        }
        low = beyond(&[1.0 / ENDLESS; TRIED], &tried).map_or(low, |i| tried[i]);
        (low / self.factor * (1.0 - 1e-6), high / self.factor * (1.0 + 1e-6))
    }
}

/// Returns the largest magnitude: as integers, they are compared in any order.
fn largest(x: &[f32]) -> f32 {
    f32::from_bits(x.iter().fold(0, |max, x| max.max(x.to_bits() & 0x7fff_ffff)))
}

fn root(x: f64) -> f64 {
    num_traits::Float::sqrt(x)
}
