//! Frames quantized as they come: the codes of the batch path, for any input, without a panic and without waiting.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array1, ArrayView1, ArrayViewMut1};
use tensor_quant::num::Code;
use tensor_quant::params::CodeRange;
use tensor_quant::tensor::{DynamicQuantizer, Settings};
use tensor_quant::{
    AnyScheme, Granularity, I4, NanPolicy, QuantParams, Quantizer, Scaling, Scheme, quantize_tensor,
    quantize_with_params,
};

/// What audio comes in, and lengths that are no multiple of anything.
const FRAMES: [usize; 6] = [160, 512, 1024, 1, 7, 4097];

fn signal(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.037).sin() * 0.7 + (i as f32 * 0.41).cos() * 0.25).collect()
}

/// Any bits, with NaN, infinities and subnormal numbers among them.
fn bits(len: usize, seed: u32) -> Vec<f32> {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-45, -0.0, f32::MAX, f32::MIN, 127.5, -128.5];
    let value = |i: u32| {
        let hash = (i ^ seed).wrapping_mul(0x9e37_79b9);
        let hash = (hash ^ hash >> 15).wrapping_mul(0x85eb_ca6b);
        if hash.is_multiple_of(5) { odd[hash as usize / 5 % odd.len()] } else { f32::from_bits(hash ^ hash >> 13) }
    };
    (0..len as u32).map(value).collect()
}

#[test]
fn frames_have_the_codes_of_the_whole() {
    for len in FRAMES {
        let whole = signal(len * 9);
        for (scaling, zero_point) in [(Scaling::Divide, 0), (Scaling::Reciprocal, 0), (Scaling::Divide, -7)] {
            let params = QuantParams::per_tensor::<i8>(0.95 / 127.0, zero_point).unwrap();
            let settings = Settings::<i8>::default().with_scaling(scaling);
            let all = quantize_with_params(ArrayView1::from(&whole), &params, settings).unwrap();
            let restored = all.dequantize();
            let quantizer = Quantizer::new(params, settings).unwrap();
            let (mut codes, mut reals) = (vec![0_i8; len], vec![0.0_f32; len]);
            for (k, frame) in whole.chunks(len).enumerate() {
                quantizer.quantize_slice_into(frame, &mut codes).unwrap();
                quantizer.dequantize_into(ArrayView1::from(&codes), ArrayViewMut1::from(&mut reals)).unwrap();
                let range = k * len..(k + 1) * len;
                assert_eq!(codes, all.codes().as_slice().unwrap()[range.clone()], "frame {k} of {len}");
                assert_eq!(reals, restored.as_slice().unwrap()[range]);
                // With another zero point the codes on one side do not reach as far.
                let half = 0.5001 * 0.95 / 127.0;
                let near = frame.iter().zip(&reals).all(|(x, y)| (x - y).abs() <= half);
                assert!(near || zero_point != 0, "frame {k} of {len}");
            }
        }
    }
}

#[test]
fn a_frame_with_its_own_range_has_the_codes_of_its_tensor() {
    let mut dynamic = DynamicQuantizer::new("u8 affine".parse::<AnyScheme>().unwrap());
    for len in FRAMES {
        for frame in signal(len * 5).chunks(len) {
            let mut codes = Array1::<u8>::zeros(len);
            let params = dynamic.quantize_into(ArrayView1::from(frame), codes.view_mut()).unwrap().clone();
            let want = quantize_tensor(ArrayView1::from(frame), &Scheme::<u8>::affine()).unwrap();
            assert_eq!((&codes, &params), (want.codes(), want.params()));
        }
    }
}

/// Every length up to some vectors, and around the lengths of pieces and tasks; scales at both ends of what there is.
fn any_input<C: Code>() {
    let codes = CodeRange::of::<C>();
    let lengths = (0..=200).chain([4095, 4096, 4097, 65_535, 65_536, 65_537]);
    for (seed, len) in lengths.enumerate() {
        let x = bits(len, seed as u32 * 977);
        let (mut out, mut reals, mut restored) = (vec![C::default(); len], vec![0.0_f32; len], vec![0.0_f32; len]);
        for scale in [1e-40_f32, f32::MIN_POSITIVE, 0.3, 1.0, f32::MAX] {
            for policy in [NanPolicy::Native, NanPolicy::Skip, NanPolicy::Error] {
                let zero_point = if len.is_multiple_of(2) { codes.min() } else { codes.max() } as i32;
                let params = QuantParams::new(Granularity::Tensor, codes, vec![scale], vec![zero_point]).unwrap();
                let settings = Settings::<C>::default().with_nan_policy(policy);
                let quantizer = Quantizer::new(params, settings).unwrap();
                let has_nan = x.iter().any(|x| x.is_nan());
                let observed = quantizer.quantize_slice_into(&x, &mut out);
                assert_eq!(observed.is_err(), has_nan && policy == NanPolicy::Error, "{len} by {scale:e}");
                quantizer.dequantize_into(ArrayView1::from(&out), ArrayViewMut1::from(&mut restored)).unwrap();
                if quantizer.fake_quantize_into(ArrayView1::from(&x), ArrayViewMut1::from(&mut reals)).is_ok() {
                    assert_eq!(reals, restored, "{len} by {scale:e}, {policy:?}");
                }
            }
        }
    }
}

#[test]
fn no_input_is_too_odd() {
    any_input::<i8>();
    any_input::<u8>();
    any_input::<I4>();
    any_input::<i16>();
}

/// A thread that waits for a lock, or for the system, gives up its core of its own will, and the system counts how often.
#[cfg(target_os = "linux")]
#[test]
fn no_call_waits() {
    fn given_up() -> Option<u64> {
        let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
    }
    let params = QuantParams::per_tensor::<i8>(0.95 / 127.0, 0).unwrap();
    let quantizer = Quantizer::new(params, Settings::<i8>::default()).unwrap();
    let (frame, mut codes, mut reals) = (signal(512), vec![0_i8; 512], vec![0.0_f32; 512]);
    // A page that is not there yet may be waited for once.
    let fewest = (0..5).filter_map(|_| {
        let before = given_up()?;
        for _ in 0..2000 {
            quantizer.quantize_slice_into(&frame, &mut codes).unwrap();
            quantizer.dequantize_into(ArrayView1::from(&codes), ArrayViewMut1::from(&mut reals)).unwrap();
        }
        Some(given_up()? - before)
    });
    assert_eq!(fewest.min().unwrap_or(0), 0);
}
