//! Measures block formats: nanoseconds a weight to quantize, to restore and to find the best block, one core; and how fast `matvec`
//! reads blocks, beside how fast memory is read. Prints the tables of `src/block/mod.rs`:
//!
//! ```sh
//! cargo bench --bench blocks                # all formats
//! cargo bench --bench blocks -- q4_k nf4    # some
//! ```

mod ratio;

use ratio::{Mode, reals};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tensor_quant::block::{BlockFormat, BlockSearch, BlockType, Int4Groups, matmul, matvec, quantize_blocks};

/// Weights that are measured, from the second-level cache; a row has 1024.
const WEIGHTS: usize = 1 << 16;
const ROW: usize = 1024;
/// Weights of which the best blocks are searched at a time.
const SEARCHED: usize = 1 << 13;
/// Bytes that no cache holds, as f32.
const FAR: usize = 512 << 20;
/// How long a measurement takes, at most.
const PATIENCE: Duration = Duration::from_millis(150);

/// Returns the least time of a call, in nanoseconds; calls of microseconds are made several at a time.
fn fastest(mut run: impl FnMut()) -> f64 {
    let (start, mut least, mut calls) = (Instant::now(), f64::INFINITY, 1);
    loop {
        let own = Instant::now();
        (0..calls).for_each(|_| run());
        let elapsed = own.elapsed();
        if elapsed < Duration::from_micros(20) && calls < 1 << 16 {
            calls *= 2;
            continue;
        }
        least = least.min(elapsed.as_secs_f64() * 1e9 / f64::from(calls));
        if start.elapsed() > PATIENCE {
            return least;
        }
    }
}

/// Nanoseconds a weight of one format.
struct Times {
    quantize: Option<f64>,
    restore: f64,
    best: Option<f64>,
}

fn times(format: BlockType, x: &[f32]) -> Times {
    let mut bytes = vec![0x55; WEIGHTS / format.block_len() * format.block_bytes()];
    let mut out = vec![0.0; WEIGHTS];
    let nanoseconds = |n: usize, run: &mut dyn FnMut()| fastest(run) / n as f64;
    let quantize = format.can_quantize().then(|| {
        nanoseconds(WEIGHTS, &mut || {
            let rows = x.chunks(ROW).zip(bytes.chunks_mut(ROW / format.block_len() * format.block_bytes()));
            rows.for_each(|(x, bytes)| format.quantize_row(x, None, bytes));
        })
    });
    let restore = nanoseconds(WEIGHTS, &mut || format.dequantize_row(black_box(&bytes), black_box(&mut out)));
    let best = format.can_quantize().then(|| {
        let bytes = &mut bytes[..SEARCHED / format.block_len() * format.block_bytes()];
        nanoseconds(SEARCHED, &mut || format.best_row(&x[..SEARCHED], None, bytes))
    });
    Times { quantize, restore, best }
}

/// Returns numbers that lie closer together near zero, as weights do.
fn weights(len: usize) -> Vec<f32> {
    let even = reals(4 * len);
    even.chunks(4).map(|x| (x[0] + x[1] + x[2] + x[3]) * 0.01).collect()
}

fn of_times(formats: &[BlockType]) {
    let x = weights(WEIGHTS);
    let mut out = vec![0.0; WEIGHTS];
    let store = fastest(|| black_box(&mut out).fill(0.5)) / WEIGHTS as f64;
    let copy = fastest(|| black_box(&mut out).copy_from_slice(black_box(&x))) / WEIGHTS as f64;
    println!("nanoseconds a weight; storing an f32 takes {store:.3}, copying one {copy:.3}\n");
    println!("| format | quantize | restore | restore / store | best |\n| --- | --- | --- | --- | --- |");
    for &format in formats {
        let Times { quantize, restore, best } = times(format, &x);
        let or_none = |x: Option<f64>, digits: usize| x.map_or(String::new(), |x| format!("{x:.digits$}"));
        let (quantize, best) = (or_none(quantize, 2), or_none(best, 0));
        println!("| `{format}` | {quantize} | {restore:.3} | {:.2} | {best} |", restore / store);
    }
}

/// Adds integers, the least that reading them takes.
fn sum(x: &[u64]) -> u64 {
    let mut sums = [0_u64; 32];
    for x in x.as_chunks::<32>().0 {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum = sum.wrapping_add(*x);
        }
    }
    sums.iter().fold(0, |sum, x| sum.wrapping_add(*x))
}

fn of_products(far: usize) {
    let words = vec![1_u64; far / 8];
    let memory = far as f64 / fastest(|| _ = black_box(sum(black_box(&words))));
    drop(words);
    println!("\nmemory is read at {memory:.1} GB/s\n");
    println!("| `matvec` of | GB/s of blocks | of memory's | weights a ns | `matmul` with 8 vectors, products a ns |");
    println!("| --- | --- | --- | --- | --- |");
    let number = far / 4;
    let int4 = Int4Groups::new(64).expect("a multiple of 32");
    let formats: [(&str, &dyn BlockFormat); 8] = [
        ("q8_0", &BlockType::Q8_0),
        ("q4_0", &BlockType::Q4_0),
        ("q4_k", &BlockType::Q4_K),
        ("q6_k", &BlockType::Q6_K),
        ("iq4_nl", &BlockType::IQ4_NL),
        ("nf4", &BlockType::NF4),
        ("mxfp4", &BlockType::MXFP4),
        ("INT4 in groups of 64", &int4),
    ];
    let (a, x) = (weights(4 * ROW), reals(8 * ROW));
    for (name, format) in formats {
        // A few rows over and over: the time does not depend on what they are.
        let four = quantize_blocks(format, &a, ROW, None, BlockSearch::Plain).expect("whole rows of finite weights");
        let bytes: Vec<u8> = four.iter().copied().cycle().take(four.len() * (number / a.len())).collect();
        let one = fastest(|| _ = black_box(matvec(format, black_box(&bytes), &x[..ROW])));
        let eight = fastest(|| _ = black_box(matmul(format, black_box(&bytes), &x, ROW)));
        let speed = bytes.len() as f64 / one;
        println!(
            "| `{name}` | {speed:.1} | {:.0} % | {:.1} | {:.1} |",
            100.0 * speed / memory,
            number as f64 / one,
            8.0 * number as f64 / eight
        );
    }
}

fn main() {
    let named: Vec<BlockType> = std::env::args().skip(1).filter_map(|name| name.parse().ok()).collect();
    let formats = if named.is_empty() { BlockType::ALL } else { &named };
    if Mode::from_args() == Mode::Test {
        // Once: that it runs.
        _ = black_box(times(BlockType::Q8_0, &weights(WEIGHTS)));
        return;
    }
    of_times(formats);
    of_products(FAR);
}
