//! Every dispatched kernel gives the bits of its reference: at every SIMD level of the machine, at every length from 0 to
//! beyond two vectors, on raw bit patterns, for every rounding, scaling and code type.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use tensor_quant::kernel::{self, Extremes, Mapping, reference};
use tensor_quant::num::{Code, F4E2M1Fn, F8E3M4, F8E4M3Fn, F8E4M3Fnuz, F8E5M2, I2, Real};
use tensor_quant::params::{AffineParams, CodeRange, NanPolicy};
use tensor_quant::{Ceil, Floor, HalfAway, I4, Rounding, Scaling, Stochastic, TiesEven, TowardZero, U4, bf16, f16};

/// Two vectors of the widest kind, the lanes counted in the smallest code, and some: 2 · 64 + 1, and a third of that.
const LONGEST: usize = 173;

/// Any bits; values around those of the codes; ties and their neighbours.
fn real() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => any::<u32>().prop_map(f32::from_bits),
        4 => -300.0_f32..300.0,
        2 => -3e6_f32..3e6,
        3 => (-600_i32..600, -1_i32..=1).prop_map(|(halves, ulp)| {
            f32::from_bits((halves as f32 * 0.5).to_bits().wrapping_add_signed(ulp))
        }),
        1 => prop::sample::select(vec![
            0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 1e10,
            2_147_483_648.0, -2_147_483_648.0, 65_504.0, 65_520.0, 6e-8,
        ]),
    ]
}

fn reals() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(real(), 0..=LONGEST)
}

/// Scales that are ordinary, powers of two, and at both ends; zero points within the codes; offsets, mostly none.
fn mapping<C: Code>() -> impl Strategy<Value = Mapping> {
    let full = CodeRange::of::<C>();
    let integer = full.is_integer();
    (
        prop_oneof![
            4 => 0.01_f32..3.0,
            2 => prop::sample::select(vec![1.0, 0.5, 0.1, 1.0 / 127.0]),
            // Far out, and at both ends of what each way to divide is used for.
            1 => prop::sample::select(vec![
                f32::MIN_POSITIVE, f32::MAX, 1e-30, 1e30, 1.0_f32.next_up(), 1.9, 2.0_f32.powi(-40), 9.0e-13, 1.1e27, 1.3e27,
                1.2e24, 1.3e24, 8.2e-25, 8.3e-25,
            ]),
        ],
        0.0_f64..=1.0,
        prop_oneof![3 => Just(0.0_f32), 1 => -5.0_f32..5.0],
        prop_oneof![Just(Scaling::Divide), Just(Scaling::Reciprocal)],
        prop_oneof![Just(NanPolicy::Skip), Just(NanPolicy::Native)],
        0..4,
    )
        .prop_map(move |(scale, at, offset, scaling, nan, codes)| {
            let codes = match codes {
                0 => full,
                1 => full.narrow(),
                2 => full.with_infinities(),
                // One side longer than the other.
                _ => CodeRange::new(C::nearest(full.min() / 4.0), C::nearest(full.max() / 2.0)).unwrap_or(full),
            };
            let zero_point = if integer { (codes.min() + at * (codes.max() - codes.min())) as i32 } else { 0 };
            let params = AffineParams::new(f64::from(scale), zero_point).unwrap().with_offset(offset).unwrap();
            Mapping { params, codes, scaling, nan }
        })
}

fn bits<C: Code>(codes: &[C]) -> Vec<u64> {
    codes.iter().map(|code| code.to_f64().to_bits()).collect()
}

/// NaN codes of floating types compare by their bits too.
fn real_bits(reals: &[f32]) -> Vec<u32> {
    reals.iter().map(|x| x.to_bits()).collect()
}

/// Quantizing agrees.
fn agree<T: Real, C: Code, R: Rounding>(
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    first: u64,
) -> Result<(), TestCaseError> {
    let mut want = vec![C::default(); x.len()];
    reference::quantize(x, mapping, rounding, &mut want, first);
    for level in kernel::levels() {
        let mut got = vec![C::default(); x.len()];
        kernel::quantize(level, x, mapping, rounding, &mut got, first);
        prop_assert_eq!(bits(&got), bits(&want), "{:?} {} {:?} {:?}", level, C::NAME, rounding, mapping);
    }
    Ok(())
}

/// Dequantizing agrees, and fake quantization, which is made of the same parts.
fn agree_there_and_back<T: Real, C: Code, R: Rounding>(
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    first: u64,
) -> Result<(), TestCaseError> {
    let (mut codes, mut fake, mut back) = (vec![C::default(); x.len()], vec![0.0; x.len()], vec![0.0; x.len()]);
    reference::quantize(x, mapping, rounding, &mut codes, first);
    reference::fake_quantize::<T, C, R>(x, mapping, rounding, &mut fake, first);
    reference::dequantize(&codes, mapping.params, &mut back);
    prop_assert_eq!(real_bits(&fake), real_bits(&back));
    for level in kernel::levels() {
        let (mut got_fake, mut got_back) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        kernel::fake_quantize::<T, C, R>(level, x, mapping, rounding, &mut got_fake, first);
        prop_assert_eq!(real_bits(&got_fake), real_bits(&fake), "{:?} {} {:?}", level, C::NAME, rounding);
        kernel::dequantize(level, &codes, mapping.params, &mut got_back);
        prop_assert_eq!(real_bits(&got_back), real_bits(&back), "{:?} {}", level, C::NAME);
    }
    Ok(())
}

macro_rules! agreement {
    ($($name:ident: $code:ty;)*) => {$(
        proptest! {
            #[test]
            fn $name(x in reals(), mapping in mapping::<$code>(), seed: u64, first in 0_u64..1 << 40) {
                agree::<f32, $code, _>(&x, &mapping, TiesEven, first)?;
                agree::<f32, $code, _>(&x, &mapping, HalfAway, first)?;
                agree::<f32, $code, _>(&x, &mapping, Ceil, first)?;
                agree::<f32, $code, _>(&x, &mapping, Floor, first)?;
                agree::<f32, $code, _>(&x, &mapping, TowardZero, first)?;
                agree::<f32, $code, _>(&x, &mapping, Stochastic { seed }, first)?;
                agree_there_and_back::<f32, $code, _>(&x, &mapping, TiesEven, first)?;
            }
        }
    )*};
}

macro_rules! agreement_to_nearest_and_up {
    ($($name:ident: $code:ty;)*) => {$(
        proptest! {
            #[test]
            fn $name(x in reals(), mapping in mapping::<$code>(), first in 0_u64..1 << 40) {
                agree::<f32, $code, _>(&x, &mapping, TiesEven, first)?;
                agree::<f32, $code, _>(&x, &mapping, Ceil, first)?;
                agree_there_and_back::<f32, $code, _>(&x, &mapping, TiesEven, first)?;
            }
        }
    )*};
}

// One body serves all small floats; these are its four kinds, and the narrowest integer.
agreement_to_nearest_and_up! {
    f8e4m3fn_codes: F8E4M3Fn;
    f8e5m2_codes: F8E5M2;
    f8e4m3fnuz_codes: F8E4M3Fnuz;
    f4e2m1fn_codes: F4E2M1Fn;
    i2_codes: I2;
}

agreement! {
    i8_codes: i8;
    u8_codes: u8;
    i16_codes: i16;
    u16_codes: u16;
    i32_codes: i32;
    i4_codes: I4;
    u4_codes: U4;
    f16_codes: f16;
    bf16_codes: bf16;
}

proptest! {
    #[test]
    fn zero_points_beyond_the_codes(
        x in reals(),
        scale in prop::sample::select(vec![1e-3_f32, 0.1, 1.0, 1e5]),
        zero_point in prop_oneof![any::<i32>(), -20_000_000..20_000_000, -70_000..70_000],
    ) {
        let params = AffineParams::new(f64::from(scale), zero_point).unwrap();
        let (of_i8, of_u8, of_i16) = (CodeRange::of::<i8>(), CodeRange::of::<u8>(), CodeRange::of::<i16>());
        agree::<f32, i8, _>(&x, &Mapping::new(params, of_i8), Ceil, 0)?;
        agree_there_and_back::<f32, i8, _>(&x, &Mapping::new(params, of_i8), TiesEven, 0)?;
        agree_there_and_back::<f32, u8, _>(&x, &Mapping::new(params, of_u8), HalfAway, 0)?;
        agree_there_and_back::<f32, i16, _>(&x, &Mapping::new(params, of_i16), TiesEven, 0)?;
    }

    #[test]
    fn other_reals_are_quantized_as_their_f32_values(x in reals(), mapping in mapping::<i8>()) {
        let wide: Vec<f64> = x.iter().map(|&x| f64::from(x) * 1.000_000_01).collect();
        let half: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
        let brain: Vec<bf16> = x.iter().map(|&x| bf16::from_f32(x)).collect();
        agree::<f64, i8, _>(&wide, &mapping, TiesEven, 0)?;
        agree::<f16, i8, _>(&half, &mapping, TiesEven, 0)?;
        agree::<bf16, i8, _>(&brain, &mapping, TiesEven, 0)?;
    }

    #[test]
    fn conversions_to_and_from_halves(x in reals(), raw in prop::collection::vec(any::<u16>(), 0..=LONGEST)) {
        for level in kernel::levels() {
            let (mut halves, mut brains) = (vec![f16::ZERO; x.len()], vec![bf16::ZERO; x.len()]);
            kernel::f32_to_f16(level, &x, &mut halves);
            kernel::f32_to_bf16(level, &x, &mut brains);
            for ((x, half), brain) in x.iter().zip(&halves).zip(&brains) {
                prop_assert_eq!(half.to_bits(), f16::from_f32(*x).to_bits(), "{:?} {:x}", level, x.to_bits());
                prop_assert_eq!(brain.to_bits(), bf16::from_f32(*x).to_bits(), "{:?} {:x}", level, x.to_bits());
            }
            let halves: Vec<f16> = raw.iter().map(|&bits| f16::from_bits(bits)).collect();
            let brains: Vec<bf16> = raw.iter().map(|&bits| bf16::from_bits(bits)).collect();
            let (mut from_half, mut from_brain) = (vec![0.0; raw.len()], vec![0.0; raw.len()]);
            kernel::f16_to_f32(level, &halves, &mut from_half);
            kernel::bf16_to_f32(level, &brains, &mut from_brain);
            prop_assert_eq!(real_bits(&from_half), halves.iter().map(|h| h.to_f32().to_bits()).collect::<Vec<_>>());
            prop_assert_eq!(real_bits(&from_brain), raw.iter().map(|&bits| u32::from(bits) << 16).collect::<Vec<_>>());
        }
    }

    #[test]
    fn extremes_and_counts(x in prop_oneof![reals(), prop::collection::vec(-1e3_f32..1e3, 0..=LONGEST)]) {
        let want = reference::min_max(&x);
        for level in kernel::levels() {
            let got = kernel::min_max(level, &x);
            prop_assert_eq!(extreme_bits(got), extreme_bits(want), "{:?}", level);
            prop_assert_eq!(kernel::first_nan(level, &x), x.iter().position(|x| x.is_nan()));
        }
    }

    #[test]
    fn sums_of_errors(
        pairs in prop_oneof![
            prop::collection::vec((real(), real()), 0..=LONGEST),
            prop::collection::vec((-1e3_f32..1e3, -1e3_f32..1e3), 0..=LONGEST),
            prop::collection::vec((-1e3_f32..1e3, -1e3_f32..1e3), 4090..8300),
        ],
    ) {
        let (x, y): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let want = reference::error_sums(&x, &y);
        for level in kernel::levels() {
            let got = kernel::error_sums(level, &x, &y);
            prop_assert_eq!(format!("{got:?}"), format!("{want:?}"), "{:?}", level);
        }
    }

    #[test]
    fn integer_matrix_products(
        (rows, channels, depth) in (0_usize..60, 0_usize..40, 0_usize..40),
        bytes in prop::collection::vec(prop_oneof![3 => any::<i8>(), 1 => Just(i8::MIN), 1 => Just(i8::MAX)], 4000),
        zero_point in prop_oneof![-128..128, any::<i32>()],
    ) {
        let (x, weights) = (&bytes[..rows * depth], &bytes[bytes.len() - channels * depth..]);
        let mut want = vec![0; rows * channels];
        reference::integer_matmul(x, weights, channels, depth, zero_point, &mut want);
        let weights = kernel::IntegerWeights::new(weights, channels, depth);
        for level in kernel::levels() {
            let mut got = vec![0; rows * channels];
            kernel::integer_matmul(level, x, &weights, zero_point, &mut got);
            prop_assert_eq!(&got, &want, "{:?} {} × {} × {}", level, rows, channels, depth);
        }
    }

    #[test]
    fn straight_through_gradients(
        x in reals(), mapping in mapping::<i8>(), wide in mapping::<u16>(), float in mapping::<F8E3M4>(),
    ) {
        passes_where_not_clamped(&x, &mapping, TiesEven)?;
        passes_where_not_clamped(&x, &mapping, HalfAway)?;
        passes_where_not_clamped(&x, &mapping, Ceil)?;
        passes_where_not_clamped(&x, &wide, Floor)?;
        // The largest of these codes is 15.5, which is no whole number, and is not clamped.
        passes_where_not_clamped(&x, &float, TiesEven)?;
    }
}

fn passes_where_not_clamped<R: Rounding>(x: &[f32], mapping: &Mapping, rounding: R) -> Result<(), TestCaseError> {
    let gradient: Vec<f32> = (0..x.len()).map(|i| i as f32 + 0.5).collect();
    for level in kernel::levels() {
        let mut got = vec![0.0; x.len()];
        kernel::fake_quantize_backward(level, x, &gradient, mapping, rounding, &mut got, 0);
        for i in 0..x.len() {
            let shifted = if mapping.params.offset() == 0.0 { x[i] } else { x[i] - mapping.params.offset() };
            let quotient = if mapping.scaling == Scaling::Divide {
                shifted / mapping.params.scale()
            } else {
                shifted * (1.0 / mapping.params.scale())
            };
            let rounded = if mapping.codes.is_integer() { rounding.round(quotient, 0) } else { quotient };
            let code = f64::from(rounded) + f64::from(mapping.params.zero_point());
            let inside = mapping.codes.min() <= code && code <= mapping.codes.max();
            let want = if inside { gradient[i] } else { 0.0 };
            prop_assert_eq!(got[i], want, "{:?} {:?} {:?} {}", level, rounding, mapping, x[i]);
        }
    }
    Ok(())
}

/// Where a quotient that is off in its last place gives another code: beside the middle between two codes, and for the
/// directed roundings beside the codes. 1.5 million of them, for scales with all kinds of significands.
#[test]
fn codes_at_and_beside_every_tie() {
    for k in 0..500_u32 {
        let significand = f32::from_bits(0x3f80_0000 | (k.wrapping_mul(0x9e37_79b9) >> 9));
        let scale = significand * [0.5, 0.007_812_5, 1e-3, 1e-9, 3.0][k as usize % 5];
        let x: Vec<f32> = (-512..=512)
            .flat_map(|halves| {
                let tie = halves as f32 * 0.5 * scale;
                [-1, 0, 1].map(|ulp| f32::from_bits(tie.to_bits().wrapping_add_signed(ulp)))
            })
            .filter(|x| !x.is_nan())
            .collect();
        let mapping = Mapping::new(AffineParams::new(f64::from(scale), 0).unwrap(), CodeRange::of::<i8>());
        agree::<f32, i8, _>(&x, &mapping, TiesEven, 0).unwrap();
        match k % 4 {
            0 => agree::<f32, i8, _>(&x, &mapping, HalfAway, 0).unwrap(),
            1 => agree::<f32, i8, _>(&x, &mapping, Ceil, 0).unwrap(),
            2 => agree::<f32, i8, _>(&x, &mapping, Floor, 0).unwrap(),
            _ => agree_there_and_back::<f32, i8, _>(&x, &mapping, TiesEven, 0).unwrap(),
        }
    }
}

fn extreme_bits(e: Extremes) -> (u32, u32, u64, u64, u64) {
    (e.min.to_bits(), e.max.to_bits(), e.count, e.nan, e.infinite)
}

#[test]
fn every_length_up_to_two_vectors_and_one() {
    let x: Vec<f32> = (0..LONGEST).map(|i| (i as f32 - 80.0) * 0.731).collect();
    let params = AffineParams::new(0.37, 3).unwrap();
    for n in 0..=LONGEST {
        let mapping = Mapping::new(params, CodeRange::of::<i8>());
        agree::<f32, i8, _>(&x[..n], &mapping, TiesEven, 0).unwrap();
        agree::<f32, i8, _>(&x[..n], &mapping, Ceil, 0).unwrap();
        let want = reference::min_max(&x[..n]);
        let sums = reference::error_sums(&x[..n], &x[LONGEST - n..]);
        for level in kernel::levels() {
            assert_eq!(kernel::min_max(level, &x[..n]), want);
            assert_eq!(kernel::error_sums(level, &x[..n], &x[LONGEST - n..]), sums);
        }
    }
}

#[test]
#[should_panic(expected = "codes: expected a length of 3, got 2")]
fn unequal_lengths_are_named() {
    let mapping = Mapping::new(AffineParams::new(1.0, 0).unwrap(), CodeRange::of::<i8>());
    kernel::quantize(kernel::detect(), &[0.0_f32; 3], &mapping, TiesEven, &mut [0_i8; 2], 0);
}

proptest! {
    /// Over magnitudes of every size, at every length, for scales and bounds of every kind.
    #[test]
    fn sums_over_codes_agree(
        x in prop::collection::vec(real().prop_filter("finite", |x| x.is_finite()), 0..=LONGEST),
        inverse in prop_oneof![4 => 0.01_f64..300.0, 1 => Just(1.0), 1 => Just(1e-40), 1 => Just(1e45)],
        most in prop::sample::select(vec![1.0, 7.0, 127.0, 1023.0, 8_388_608.0]),
    ) {
        let x: Vec<f64> = x.iter().map(|x| f64::from(x.abs())).collect();
        let want = reference::code_sums(&x, inverse, most);
        for level in kernel::levels() {
            let got = kernel::code_sums(level, &x, inverse, most);
            prop_assert_eq!((got.0.to_bits(), got.1.to_bits()), (want.0.to_bits(), want.1.to_bits()), "{:?}", level);
        }
    }
}
