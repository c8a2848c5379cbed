//! Kernels: slices to slices, parameters given.

use crate::contest::{Contest, Contestant, contest, contestant};
use crate::turns::reals;
use candle_core::{DType, Device, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
use rten_simd::SimdOp;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use std::hint::black_box;
use std::mem::MaybeUninit;
use tensor_quant::kernel::{self, IntegerWeights, Mapping};
use tensor_quant::num::F8E4M3Fn;
use tensor_quant::params::{AffineParams, CodeRange};
use tensor_quant::{Scaling, TiesEven};

const SCALE: f32 = 0.03;

/// Returns every operation.
pub(crate) fn all() -> Vec<Contest> {
    vec![min_max(), quantize(), f32_to_f16(), f16_to_f32(), f32_to_bf16(), f32_to_e4m3(), matmul()]
}

fn min_max() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let (level, x) = (kernel::detect(), reals(len));
        move || _ = black_box(kernel::min_max(level, &x))
    });
    let rten = contestant("rten-vecmath", |len| {
        let x = reals(len);
        move || _ = black_box(rten_vecmath::MinMax::new(&x).dispatch())
    });
    contest("min and max", vec![ours, rten])
}

fn quantize() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let params = AffineParams::new(f64::from(SCALE), 128).expect("a valid scale");
        let mapping = Mapping { scaling: Scaling::Reciprocal, ..Mapping::new(params, CodeRange::of::<u8>()) };
        let (level, x, mut codes) = (kernel::detect(), reals(len), vec![0_u8; len]);
        move || kernel::quantize(level, &x, &mapping, TiesEven, black_box(&mut codes), 0)
    });
    let rten = contestant("rten-vecmath", |len| {
        let (x, mut codes) = (reals(len), vec![MaybeUninit::<u8>::uninit(); len]);
        move || {
            black_box(rten_vecmath::Quantize::new(&x, &mut codes, 1.0 / SCALE, 128_u8).dispatch());
        }
    });
    contest("f32 → u8", vec![ours, rten])
}

fn f32_to_f16() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let (level, x, mut out) = (kernel::detect(), reals(len), vec![f16::ZERO; len]);
        move || kernel::f32_to_f16(level, &x, black_box(&mut out))
    });
    let half = contestant("half", |len| {
        let (x, mut out) = (reals(len), vec![f16::ZERO; len]);
        move || black_box(&mut out).convert_from_f32_slice(&x)
    });
    contest("f32 → f16", vec![ours, half, candle(DType::F32, DType::F16)])
}

fn f16_to_f32() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let x: Vec<f16> = reals(len).into_iter().map(f16::from_f32).collect();
        let (level, mut out) = (kernel::detect(), vec![0.0; len]);
        move || kernel::f16_to_f32(level, &x, black_box(&mut out))
    });
    let half = contestant("half", |len| {
        let x: Vec<f16> = reals(len).into_iter().map(f16::from_f32).collect();
        let mut out = vec![0.0; len];
        move || x.convert_to_f32_slice(black_box(&mut out))
    });
    contest("f16 → f32", vec![ours, half, candle(DType::F16, DType::F32)])
}

fn f32_to_bf16() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let (level, x, mut out) = (kernel::detect(), reals(len), vec![bf16::ZERO; len]);
        move || kernel::f32_to_bf16(level, &x, black_box(&mut out))
    });
    let half = contestant("half", |len| {
        let (x, mut out) = (reals(len), vec![bf16::ZERO; len]);
        move || black_box(&mut out).convert_from_f32_slice(&x)
    });
    contest("f32 → bf16", vec![ours, half, candle(DType::F32, DType::BF16)])
}

/// candle's conversion, which gives a new tensor each time.
fn candle(from: DType, to: DType) -> Contestant {
    contestant("candle-core", move |len| {
        let x = Tensor::from_vec(reals(len), len, &Device::Cpu).and_then(|x| x.to_dtype(from)).expect("a tensor");
        move || _ = black_box(x.to_dtype(to).expect("a conversion that exists"))
    })
}

fn f32_to_e4m3() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let params = AffineParams::new(1.0, 0).expect("a valid scale");
        let mapping = Mapping::new(params, CodeRange::of::<F8E4M3Fn>());
        let (level, x, mut codes) = (kernel::detect(), reals(len), vec![F8E4M3Fn::default(); len]);
        move || kernel::quantize(level, &x, &mapping, TiesEven, black_box(&mut codes), 0)
    });
    let float8 = contestant("float8", |len| {
        let (x, mut out) = (reals(len), vec![float8::F8E4M3::ZERO; len]);
        move || x.iter().zip(black_box(&mut out)).for_each(|(&x, out)| *out = float8::F8E4M3::from_f32(x))
    });
    let microfloat = contestant("microfloat", |len| {
        let (x, mut out) = (reals(len), vec![microfloat::f8e4m3fn::from_f32(0.0); len]);
        move || x.iter().zip(black_box(&mut out)).for_each(|(&x, out)| *out = microfloat::f8e4m3fn::from_f32(x))
    });
    contest("f32 → e4m3", vec![ours, float8, microfloat])
}

/// The product of as many rows by 1024 × 1024 weights; sizes are multiplications.
fn matmul() -> Contest {
    const SIDE: usize = 1024;
    let bytes =
        |len: usize| -> Vec<i8> { (0..len as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as i8).collect() };
    let ours = contestant("tensor-quant", move |products| {
        let rows = products / SIDE / SIDE;
        let (level, x) = (kernel::detect(), bytes(rows * SIDE));
        let weights = IntegerWeights::new(&bytes(SIDE * SIDE), SIDE, SIDE);
        let mut sums = vec![0; rows * SIDE];
        move || kernel::integer_matmul(level, &x, &weights, 3, black_box(&mut sums))
    });
    let rten = contestant("rten-gemm, one thread (saturates without VNNI)", move |products| {
        let rows = products / SIDE / SIDE;
        let gemm = GemmExecutor::<u8, i8, i32>::default();
        let x = NdTensor::from_data([rows, SIDE], bytes(rows * SIDE).into_iter().map(|x| x as u8).collect::<Vec<_>>());
        let weights = NdTensor::from_data([SIDE, SIDE], bytes(SIDE * SIDE));
        let packed = gemm.prepack_b(weights.view());
        let mut sums = vec![0; rows * SIDE];
        move || {
            let (a, b) = (GemmInputA::Unpacked(x.view()), GemmInputB::Packed(&packed));
            gemm.gemm(black_box(&mut sums), a, b, GemmOptions::default()).expect("sizes that fit");
        }
    });
    let sizes = &[(1 << 20, "1 row"), (1 << 28, "256 rows")];
    Contest { operation: "i8 by 1024 × 1024 weights, a product", contestants: vec![ours, rten], sizes }
}
