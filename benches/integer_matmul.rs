//! Measures the matrix product of an integer layer: 1024 × 1024 weights, and 1, 16 and 1024 rows of inputs.
//!
//! The table's times are for a row, and its sizes the weights'; the last column of the output is in billions of operations a
//! second, a multiplication and an addition being two.

use std::hint::black_box;
use std::time::Instant;
use tensor_quant::kernel::{IntegerWeights, Level, integer_matmul, levels};

const DEPTH: usize = 1024;
const CHANNELS: usize = 1024;
const ROUNDS: usize = 9;

fn main() {
    let test = !std::env::args().any(|arg| arg == "--bench");
    let bytes =
        |len: usize| -> Vec<i8> { (0..len as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as i8).collect() };
    let weights = IntegerWeights::new(&bytes(CHANNELS * DEPTH), CHANNELS, DEPTH);
    println!("| level | 1 row | 16 rows | 1024 rows |\n| --- | --- | --- | --- |");
    for level in levels() {
        let name = format!("{level:?}");
        print!("| {} |", name.split('(').next().unwrap_or_default());
        for rows in [1, 16, 1024] {
            let rows = if test { 1 } else { rows };
            let x = bytes(rows * DEPTH);
            print!(" {:.0} GOPS |", billions(level, &x, &weights, rows));
        }
        println!();
    }
}

fn billions(level: Level, x: &[i8], weights: &IntegerWeights, rows: usize) -> f64 {
    let mut sums = vec![0; rows * CHANNELS];
    let best = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        integer_matmul(level, black_box(x), weights, 3, &mut sums);
        black_box(&sums);
        start.elapsed().as_secs_f64()
    });
    2.0 * (rows * CHANNELS * DEPTH) as f64 / best.fold(f64::INFINITY, f64::min) / 1e9
}
