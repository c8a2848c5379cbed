//! The extremes of many groups at once, in one pass over their elements.
//!
//! 1. Along the last axis neighbouring elements belong to different groups. One array holds the minima, one the maxima, so that a
//!    row of elements updates a row of each, vector by vector.
//! 2. Blocks are short runs: sixteen of them give sixteen vectors of minima, which are brought down to one in four rounds. In each,
//!    vectors i and i + n are interleaved, and the minimum of the two halves has both; at the end lane i is that of run i.
//! 3. A sum of x·0 is 0 if and only if all x are finite. Only where it is not are elements looked at one by one: what is not finite
//!    takes part in neither extreme, and is counted.
//! 4. A count for each element of each row would be as much to read and write as all else: what is kept is where it changes.

use super::level::dispatch;
use super::min_max::{Extremes, finite, min_max};
use crate::params::{Ends, GroupsMut, Rule, ValueRange};
use alloc::vec;
use alloc::vec::Vec;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// Lanes of a vector, and runs that are brought down to one together.
const LANES: usize = 16;

/// The extremes of each group.
#[derive(Clone, Debug)]
pub(crate) struct GroupExtremes {
    min: Vec<f32>,
    max: Vec<f32>,
    /// By how much the count of a group is more than that of the one before it, wrapping.
    steps: Vec<u64>,
    /// NaNs and infinities; empty until one was seen.
    other: Vec<(u64, u64)>,
}

impl GroupExtremes {
    /// Returns the extremes of nothing, for so many groups.
    pub(crate) fn new(groups: usize) -> Self {
        let (min, max) = (vec![f32::INFINITY; groups], vec![f32::NEG_INFINITY; groups]);
        Self { min, max, steps: vec![0; groups + 1], other: Vec::new() }
    }

    /// Forgets what was seen; there are then so many groups.
    pub(crate) fn clear(&mut self, groups: usize) {
        self.min.clear();
        self.min.resize(groups, f32::INFINITY);
        self.max.clear();
        self.max.resize(groups, f32::NEG_INFINITY);
        self.steps.clear();
        self.steps.resize(groups + 1, 0);
        self.other.clear();
    }

    /// Returns the number of groups.
    pub(crate) fn len(&self) -> usize {
        self.min.len()
    }

    /// Takes note of elements, `repeat` of the first group and so on, and returns how many of them are NaN and infinite.
    pub(crate) fn observe(&mut self, level: Level, first_group: usize, repeat: usize, x: &[f32]) -> (u64, u64) {
        let whole = x.len() / repeat;
        self.count(first_group, whole, repeat);
        self.count(first_group + whole, 1, x.len() % repeat);
        let groups = first_group..first_group + x.len().div_ceil(repeat);
        if repeat == 1 {
            let (min, max) = (&mut self.min[groups.clone()], &mut self.max[groups]);
            let finite = dispatch!(level, simd => columns(simd, x, min, max));
            return if finite { (0, 0) } else { self.note_other(first_group, 1, x) };
        }
        let (mut done, mut found) = (0, (0, 0));
        // Runs of more than a few vectors are as fast one by one.
        if repeat <= 16 * LANES {
            let together = LANES * repeat;
            while x.len() - done >= together {
                let groups = first_group + done / repeat..groups.end;
                let (min, max) = (&mut self.min[groups.clone()], &mut self.max[groups]);
                let left = &x[done..];
                let times = if repeat == 32 {
                    dispatch!(level, simd => runs::<_, 32>(simd, left, repeat, min, max))
                } else {
                    dispatch!(level, simd => runs::<_, 0>(simd, left, repeat, min, max))
                };
                done += together * times;
                if x.len() - done >= together {
                    let next = self.one_by_one(level, first_group + done / repeat, repeat, &x[done..done + together]);
                    found = (found.0 + next.0, found.1 + next.1);
                    done += together;
                }
            }
        }
        let rest = self.one_by_one(level, first_group + done / repeat, repeat, &x[done..]);
        (found.0 + rest.0, found.1 + rest.1)
    }

    /// Takes note of rows, one after another, of which each has an element of each of so many groups.
    pub(crate) fn observe_rows(&mut self, level: Level, first_group: usize, groups: usize, x: &[f32]) -> (u64, u64) {
        if x.len() < 2 * groups || !finite(level, x) {
            return x.chunks(groups).fold((0, 0), |(nan, infinite), row| {
                let found = self.observe(level, first_group, 1, row);
                (nan + found.0, infinite + found.1)
            });
        }
        self.count(first_group, groups, x.len() / groups);
        let of = first_group..first_group + groups;
        let (min, max) = (&mut self.min[of.clone()], &mut self.max[of]);
        dispatch!(level, simd => rows(simd, x, min, max));
        (0, 0)
    }

    /// Adds to the counts of neighbouring groups.
    fn count(&mut self, first: usize, groups: usize, elements: usize) {
        if groups > 0 && elements > 0 {
            self.steps[first] = self.steps[first].wrapping_add(elements as u64);
            self.steps[first + groups] = self.steps[first + groups].wrapping_sub(elements as u64);
        }
    }

    /// Takes note of runs, but for their counts.
    fn one_by_one(&mut self, level: Level, first_group: usize, repeat: usize, x: &[f32]) -> (u64, u64) {
        let mut found = (0, 0);
        for (k, run) in x.chunks(repeat).enumerate() {
            let (seen, group) = (min_max(level, run), first_group + k);
            self.min[group] = self.min[group].min(seen.min);
            self.max[group] = self.max[group].max(seen.max);
            if seen.nan + seen.infinite > 0 {
                self.note_other(group, repeat, run);
            }
            found = (found.0 + seen.nan, found.1 + seen.infinite);
        }
        found
    }

    /// Counts what is not finite.
    fn note_other(&mut self, first_group: usize, repeat: usize, x: &[f32]) -> (u64, u64) {
        self.other.resize(self.min.len(), (0, 0));
        let mut found = (0, 0);
        for (x, (nan, infinite)) in x.chunks(repeat).zip(&mut self.other[first_group..]) {
            for x in x {
                let (is_nan, is_infinite) = (u64::from(x.is_nan()), u64::from(x.is_infinite()));
                (*nan, *infinite) = (*nan + is_nan, *infinite + is_infinite);
                found = (found.0 + is_nan, found.1 + is_infinite);
            }
        }
        found
    }

    /// Writes the interval from the smallest to the largest finite value of each group, in order, in place of what is there, and returns
    /// true; false if a group has none.
    pub(crate) fn ranges(&self, ranges: &mut Vec<ValueRange>) -> bool {
        ranges.clear();
        let extremes = || self.min.iter().zip(&self.max);
        // All of them, so that the loop has no exit and is vectorised.
        if !extremes().fold(true, |all, (min, max)| all & (min <= max)) {
            return false;
        }
        // + 0.0 makes +0 of −0.
        ranges.extend(extremes().map(|(&min, &max)| ValueRange::of_known(min + 0.0, max + 0.0)));
        true
    }

    /// Writes the parameters of each group, and returns their ends; `None` if the rule does not say what one of them gets, as of a group
    /// without a value, or with one alone.
    pub(crate) fn params(&self, level: Level, rule: Rule, out: GroupsMut<'_>) -> Option<Ends> {
        dispatch!(level, simd => params_of(simd, (&self.min, &self.max), rule, out))
    }

    /// Returns the extremes of each group, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Extremes> + '_ {
        let mut count = 0_u64;
        self.min.iter().zip(&self.max).zip(&self.steps).enumerate().map(move |(group, ((&min, &max), &step))| {
            count = count.wrapping_add(step);
            let (nan, infinite) = self.other.get(group).copied().unwrap_or_default();
            // + 0.0 makes +0 of −0.
            Extremes { min: min + 0.0, max: max + 0.0, count, nan, infinite }
        })
    }
}

/// Returns the ends of the parameters of groups.
pub(crate) fn ends_of(level: Level, groups: &GroupsMut<'_>) -> Ends {
    let (scales, zero_points) = (&groups.scales, &groups.zero_points);
    dispatch!(level, simd => ends(simd, scales, zero_points))
}

#[inline(always)]
fn ends<S: Simd>(_simd: S, scales: &[f32], zero_points: &[i32]) -> Ends {
    Ends::of(scales, zero_points)
}

/// Divides as many numbers at a time as a vector of f64s holds.
#[inline(always)]
fn params_of<S: Simd>(_simd: S, extremes: (&[f32], &[f32]), rule: Rule, out: GroupsMut<'_>) -> Option<Ends> {
    rule.apply(extremes, out)
}

/// Takes note of an element of each group, and returns whether all were finite.
#[inline(always)]
fn columns<S: Simd>(simd: S, x: &[f32], min: &mut [f32], max: &mut [f32]) -> bool {
    let n = x.len();
    let (min, max) = (&mut min[..n], &mut max[..n]);
    let (low, high) = (f32x16::splat(simd, f32::INFINITY), f32x16::splat(simd, f32::NEG_INFINITY));
    let (whole, rest) = x.as_chunks::<LANES>();
    let (min, rest_min) = min.as_chunks_mut::<LANES>();
    let (max, rest_max) = max.as_chunks_mut::<LANES>();
    let mut poison = f32x16::splat(simd, 0.0);
    for (x, (min, max)) in whole.iter().zip(min.iter_mut().zip(max)) {
        let x = f32x16::from_slice(simd, x);
        poison = x.mul_add(0.0, poison);
        let finite = x.abs().simd_lt(low);
        f32x16::from_slice(simd, min).min(finite.select(x, low)).store_slice(min);
        f32x16::from_slice(simd, max).max(finite.select(x, high)).store_slice(max);
    }
    let mut all = poison.simd_eq(0.0).all_true();
    for (&x, (min, max)) in rest.iter().zip(rest_min.iter_mut().zip(rest_max)) {
        if x.is_finite() {
            (*min, *max) = (min.min(x), max.max(x));
        }
        all &= x.is_finite();
    }
    all
}

/// Takes note of whole rows of finite elements, one of each group, four rows at a time.
#[inline(always)]
fn rows<S: Simd>(simd: S, x: &[f32], min: &mut [f32], max: &mut [f32]) {
    const ROWS: usize = 4;
    let n = min.len();
    for x in x.chunks(ROWS * n) {
        // The last row once more, where there are fewer.
        let row = |r: usize| {
            let start = x.len().min((r + 1) * n) - n;
            &x[start..start + n]
        };
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        let whole = n - n % LANES;
        let of = a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0);
        let of = of.zip(c.as_chunks::<LANES>().0.iter().zip(d.as_chunks::<LANES>().0));
        let places = min.as_chunks_mut::<LANES>().0.iter_mut().zip(max.as_chunks_mut::<LANES>().0);
        for (((a, b), (c, d)), (min, max)) in of.zip(places) {
            let (a, b) = (f32x16::from_slice(simd, a), f32x16::from_slice(simd, b));
            let (c, d) = (f32x16::from_slice(simd, c), f32x16::from_slice(simd, d));
            f32x16::from_slice(simd, min).min(a.min(b).min(c.min(d))).store_slice(min);
            f32x16::from_slice(simd, max).max(a.max(b).max(c.max(d))).store_slice(max);
        }
        for i in whole..n {
            min[i] = min[i].min(a[i].min(b[i])).min(c[i].min(d[i]));
            max[i] = max[i].max(a[i].max(b[i])).max(c[i].max(d[i]));
        }
    }
}

/// Takes note of runs of elements, sixteen runs at a time, up to the first sixteen with an element that is not finite. Returns how
/// many times sixteen that were. `LEN` is the length of a run, where the loop is compiled for one, or 0.
#[inline(always)]
fn runs<S: Simd, const LEN: usize>(simd: S, x: &[f32], repeat: usize, min: &mut [f32], max: &mut [f32]) -> usize {
    const HALF: usize = LANES / 2;
    let repeat = if LEN > 0 { LEN } else { repeat };
    let zero = f32x16::splat(simd, 0.0);
    let places = min.as_chunks_mut::<LANES>().0.iter_mut().zip(max.as_chunks_mut::<LANES>().0);
    for (k, (x, (min, max))) in x.chunks_exact(LANES * repeat).zip(places).enumerate() {
        // Two runs at a time are brought down to one vector, so that eight, not sixteen, wait for the others.
        let (mut low, mut high, mut poison) = ([zero; HALF], [zero; HALF], [zero; 2]);
        let (first, second) = x.split_at(HALF * repeat);
        for i in 0..HALF {
            let (low_a, high_a, next) = one_run(simd, &first[i * repeat..][..repeat], poison);
            let (low_b, high_b, next) = one_run(simd, &second[i * repeat..][..repeat], next);
            let (a, b) = low_a.interleave(low_b);
            low[i] = a.min(b);
            let (a, b) = high_a.interleave(high_b);
            high[i] = a.max(b);
            poison = next;
        }
        if !(poison[0] + poison[1]).simd_eq(0.0).all_true() {
            return k;
        }
        let mut n = HALF / 2;
        while n > 0 {
            for i in 0..n {
                let (a, b) = low[i].interleave(low[i + n]);
                low[i] = a.min(b);
                let (a, b) = high[i].interleave(high[i + n]);
                high[i] = a.max(b);
            }
            n /= 2;
        }
        low[0].min(f32x16::from_slice(simd, min)).store_slice(min);
        high[0].max(f32x16::from_slice(simd, max)).store_slice(max);
    }
    x.len() / (LANES * repeat)
}

/// Returns the smallest and largest of each lane of a run, and adds what tells whether all were finite. The last vector begins among
/// elements that were read before.
#[inline(always)]
fn one_run<S: Simd>(simd: S, run: &[f32], mut poison: [f32x16<S>; 2]) -> (f32x16<S>, f32x16<S>, [f32x16<S>; 2]) {
    let short = run.len() < LANES;
    let mut filled = [run[0]; LANES];
    if short {
        filled[..run.len()].copy_from_slice(run);
    }
    let first = f32x16::from_slice(simd, if short { &filled } else { &run[..LANES] });
    let last = if short { first } else { f32x16::from_slice(simd, &run[run.len() - LANES..]) };
    poison[0] = first.mul_add(0.0, poison[0]);
    poison[1] = last.mul_add(0.0, poison[1]);
    let (mut low, mut high, mut i) = (first.min(last), first.max(last), LANES);
    while i + LANES < run.len() {
        let x = f32x16::from_slice(simd, &run[i..i + LANES]);
        poison[0] = x.mul_add(0.0, poison[0]);
        (low, high, i) = (low.min(x), high.max(x), i + LANES);
    }
    (low, high, poison)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{levels, reference};
    use proptest::prelude::*;

    /// The extremes of each group, of rows of `len` elements that belong to the same groups, `repeat` to each.
    fn agrees(rows: &[Vec<f32>], repeat: usize) -> Result<(), TestCaseError> {
        let groups = rows.first().map_or(0, |row| row.len().div_ceil(repeat));
        for level in levels() {
            let mut all = GroupExtremes::new(groups);
            for row in rows {
                let found = all.observe(level, 0, repeat, row);
                let want = reference::min_max(row);
                prop_assert_eq!(found, (want.nan, want.infinite));
            }
            for (group, seen) in all.iter().enumerate() {
                let own = rows.iter().flat_map(|row| row.chunks(repeat).nth(group).unwrap_or_default());
                let want = reference::min_max(&own.copied().collect::<Vec<f32>>());
                prop_assert_eq!(format!("{seen:?}"), format!("{want:?}"), "{:?}", level);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_group_has_the_extremes_of_its_own_elements(
            seed in prop::collection::vec(-9.0_f32..9.0, 97),
            odd in prop::collection::vec((0_usize..3000, prop::sample::select(vec![0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY])), 0..4),
            (rows, len) in (1_usize..4, 1_usize..1500),
            repeat in prop_oneof![Just(1_usize), Just(32), 2_usize..20, 16_usize..70],
        ) {
            let value = |i: usize| {
                let odd = odd.iter().find(|(at, _)| *at == i);
                odd.map_or_else(|| seed[i * 7919 % 97] * (i % 5) as f32, |(_, x)| *x)
            };
            let rows: Vec<Vec<f32>> = (0..rows).map(|row| (0..len).map(|i| value(row * len + i)).collect()).collect();
            agrees(&rows, repeat)?;
        }
    }
}
