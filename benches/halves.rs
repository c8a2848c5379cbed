//! Measures f32 ↔ f16 and f32 ↔ bfloat16.

#[cfg(target_arch = "x86_64")]
mod limit;
mod ratio;

use ratio::{Comparison, reals};
use tensor_quant::kernel::{bf16_to_f32, detect, f16_to_f32, f32_to_bf16, f32_to_f16};
use tensor_quant::{bf16, f16};

struct Buffers {
    x: Vec<f32>,
    f16s: Vec<f16>,
    bf16s: Vec<bf16>,
    out: Vec<f32>,
}

fn main() {
    let allocate = |len| {
        let x = reals(len);
        Buffers {
            f16s: x.iter().copied().map(f16::from_f32).collect(),
            bf16s: x.iter().copied().map(bf16::from_f32).collect(),
            x,
            out: vec![0.0; len],
        }
    };
    let mut comparison = Comparison::new("halves", allocate, |b, n| b.out[..n].copy_from_slice(&b.x[..n]));

    let level = detect();
    comparison.add("f32 → f16", move |b, n| f32_to_f16(level, &b.x[..n], &mut b.f16s[..n]));
    comparison.add("f16 → f32", move |b, n| f16_to_f32(level, &b.f16s[..n], &mut b.out[..n]));
    comparison.add("f32 → bf16", move |b, n| f32_to_bf16(level, &b.x[..n], &mut b.bf16s[..n]));
    comparison.add("bf16 → f32", move |b, n| bf16_to_f32(level, &b.bf16s[..n], &mut b.out[..n]));

    #[cfg(target_arch = "x86_64")]
    if let Some(limit) = limit::Limit::detect() {
        comparison.add_limit("limit: f32 → f16", &["f32 → f16"], move |b, n| {
            limit.f32_to_f16(&b.x[..n], &mut b.f16s[..n]);
        });
        comparison.add_limit("limit: f16 → f32", &["f16 → f32"], move |b, n| {
            limit.f16_to_f32(&b.f16s[..n], &mut b.out[..n]);
        });
        comparison.add_limit("limit: f32 → bf16", &["f32 → bf16"], move |b, n| {
            limit.f32_to_bf16(&b.x[..n], &mut b.bf16s[..n]);
        });
        comparison.add_limit("limit: bf16 → f32", &["bf16 → f32"], move |b, n| {
            limit.bf16_to_f32(&b.bf16s[..n], &mut b.out[..n]);
        });
    }

    comparison.add("naive: f32 → f16", |b, n| {
        for (x, out) in b.x[..n].iter().zip(&mut b.f16s) {
            *out = f16::from_f32(*x);
        }
    });
    comparison.add("naive: f16 → f32", |b, n| {
        for (x, out) in b.f16s[..n].iter().zip(&mut b.out) {
            *out = x.to_f32();
        }
    });
    comparison.add("naive: f32 → bf16", |b, n| {
        for (x, out) in b.x[..n].iter().zip(&mut b.bf16s) {
            *out = bf16::from_f32(*x);
        }
    });
    comparison.add("naive: bf16 → f32", |b, n| {
        for (x, out) in b.bf16s[..n].iter().zip(&mut b.out) {
            *out = x.to_f32();
        }
    });
    comparison.run();
}
