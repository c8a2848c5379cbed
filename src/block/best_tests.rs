//! The best block is the best, and is never worse than the plain one; a block does not depend on its neighbours.

use super::{BlockFormat, BlockType};
use crate::num::f16;
use alloc::vec;
use alloc::vec::Vec;

fn error(x: &[f32], w: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(w).zip(y).map(|((x, w), y)| f64::from(*w) * (f64::from(*x) - f64::from(*y)).powi(2)).sum()
}

/// Returns the distance to the nearest of the levels under a scale: of whole numbers next to each other by rounding.
fn distance(x: f64, d: f64, levels: &[f32]) -> f64 {
    let (first, last) = (f64::from(levels[0]), f64::from(levels[levels.len() - 1]));
    if last - first == (levels.len() - 1) as f64 && d != 0.0 {
        return (x - d * (x / d).round().clamp(first, last)).abs();
    }
    levels.iter().map(|v| (x - d * f64::from(*v)).abs()).fold(f64::MAX, f64::min)
}

/// Returns the least error over every f16 there is, each element at its nearest level.
fn brute_force(x: &[f32], w: &[f32], levels: &[f32]) -> f64 {
    let mut least = f64::MAX;
    for bits in 0..=u16::MAX {
        let d = f64::from(f16::from_bits(bits).to_f32());
        if !d.is_finite() {
            continue;
        }
        let mut sum = 0.0;
        for (x, w) in x.iter().zip(w) {
            sum += f64::from(*w) * distance(f64::from(*x), d, levels).powi(2);
            if sum >= least {
                break;
            }
        }
        least = least.min(sum);
    }
    least
}

fn row(seed: u32, len: usize) -> Vec<f32> {
    let number = |i: u32| {
        f64::from((i.wrapping_mul(0x9e37_79b9) ^ seed.wrapping_mul(0x85eb_ca6b)) >> 9) / f64::from(1 << 22) - 1.0
    };
    (0..len as u32).map(|i| (number(3 * i) + number(3 * i + 1) + number(3 * i + 2)) as f32 * 0.05).collect()
}

#[test]
fn it_is_the_best_of_all_scales() {
    let steps = |lo: i32, hi: i32| (lo..=hi).map(|v| v as f32).collect::<Vec<_>>();
    let uneven: Vec<f32> = super::ggml::IQ4_VALUES.iter().map(|v| f32::from(*v)).collect();
    let formats = [
        (BlockType::Q4_0, steps(-8, 7)),
        (BlockType::Q5_0, steps(-16, 15)),
        (BlockType::Q8_0, steps(-128, 127)),
        (BlockType::IQ4_NL, uneven),
        (BlockType::Q2_0, steps(-1, 2)),
    ];
    for (format, levels) in formats {
        for seed in 1..3 {
            let x = row(seed, format.block_len());
            let w: Vec<f32> = row(seed + 100, x.len()).iter().map(|w| w.abs() + 0.001).collect();
            let (mut bytes, mut y) = (vec![0; format.block_bytes()], vec![0.0; x.len()]);
            format.best_row(&x, Some(&w), &mut bytes);
            format.dequantize_row(&bytes, &mut y);
            let (got, want) = (error(&x, &w, &y), brute_force(&x, &w, &levels));
            assert!(got <= want * (1.0 + 1e-9), "{format} {seed}: {got} {want}");
        }
    }
}

#[test]
fn it_is_never_worse_than_the_plain_block() {
    for &format in BlockType::ALL.iter().filter(|format| format.can_quantize()) {
        for seed in 1..4 {
            let x = row(seed, 2 * format.block_len());
            let w: Vec<f32> = row(seed + 100, x.len()).iter().map(|w| w.abs()).collect();
            for importance in [None, Some(&w[..])] {
                let ones = vec![1.0; x.len()];
                let (mut bytes, mut y) = (vec![0; 2 * format.block_bytes()], vec![0.0; x.len()]);
                format.quantize_row(&x, importance, &mut bytes);
                format.dequantize_row(&bytes, &mut y);
                let plain = error(&x, importance.unwrap_or(&ones), &y);
                format.best_row(&x, importance, &mut bytes);
                format.dequantize_row(&bytes, &mut y);
                let best = error(&x, importance.unwrap_or(&ones), &y);
                assert!(best <= plain, "{format} {seed}: {best} {plain}");
            }
        }
    }
}

/// A block beside one with NaN is written by the specification, alone it is written with fifteen others at a time.
#[test]
fn a_block_is_what_it_is_beside_others() {
    for &format in BlockType::ALL.iter().filter(|format| format.can_quantize()) {
        let (len, bytes) = (format.block_len(), format.block_bytes());
        let mut rows = vec![row(7, 40 * len)];
        rows.push(rows[0].iter().map(|x| (x * 400.0).round()).collect());
        rows.push(rows[0].iter().map(|x| (x * 400.0).round() * 0.5).collect());
        rows.push(rows[0].iter().enumerate().map(|(i, x)| if i / len % 3 == 0 { 0.0 } else { x.abs() }).collect());
        for x in rows {
            let mut together = vec![0; 40 * bytes];
            format.quantize_row(&x, None, &mut together);
            for (x, want) in x.chunks(len).zip(together.chunks(bytes)) {
                let mut pair = x.to_vec();
                pair.resize(2 * len, f32::NAN);
                let mut got = vec![0; 2 * bytes];
                format.quantize_row(&pair, None, &mut got);
                assert_eq!(&got[..bytes], want, "{format} {x:?}");
            }
        }
    }
}
