//! Contestants that take turns.

use std::time::Instant;

/// How many seconds a contestant runs before the next one has its turn: long beside the clock's resolution, short
/// beside the time for which another process takes the core away.
const TURN: f64 = 1e-3;

/// Returns how many seconds one call of each contestant took at best, when they took turns for `rounds` rounds.
///
/// `run(i)` calls contestant `i` of `contestants` once.
pub(crate) fn fastest(contestants: usize, rounds: usize, mut run: impl FnMut(usize)) -> Vec<f64> {
    let mut time = |contestant, calls| {
        let start = Instant::now();
        for _ in 0..calls {
            run(contestant);
        }
        start.elapsed().as_secs_f64() / f64::from(calls)
    };
    let mut best = vec![f64::INFINITY; contestants];
    let mut calls = vec![1; contestants];
    for (i, calls) in calls.iter_mut().enumerate() {
        // The first call meets cold caches and pages that are not there yet.
        time(i, 1);
        *calls = (TURN / time(i, 1)).clamp(1.0, 1e6) as u32;
    }
    for _ in 0..rounds {
        for (i, best) in best.iter_mut().enumerate() {
            *best = time(i, calls[i]).min(*best);
        }
    }
    best
}

/// Returns `len` reals, spread evenly over −4..4 in an order without a pattern.
pub(crate) fn reals(len: usize) -> Vec<f32> {
    let scramble = |i: u32| {
        let bits = (i ^ (i >> 15)).wrapping_mul(0x9e37_79b9);
        (bits ^ (bits >> 13)).wrapping_mul(0x85eb_ca6b)
    };
    (0..len as u32).map(|i| scramble(i) as i32 as f32 / 536_870_912.0).collect()
}
