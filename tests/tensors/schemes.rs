//! The built-in schemes keep the laws of quantization: codes stay in range, errors below a step, zero is zero, order is
//! kept, and twice the data give twice the scale and the same codes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array1, Array2, ArrayView1, array};
use proptest::prelude::*;
use tensor_quant::num::{AnyRounding, Code, CodeKind, CodeType, CodeVisitor};
use tensor_quant::params::{
    Affine, AnyCalculator, Article, Cast, CodeRange, Granularity, ParamsCalculator, PowerOfTwo, QuantParams, Symmetric,
    ValueRange,
};
use tensor_quant::range::{Fixed, MinMax};
use tensor_quant::tensor::{
    dequantize_into, dequantize_slice, fake_quantize_tensor_into, quantize_slice, quantize_slice_into,
    quantize_tensor_into,
};
use tensor_quant::{
    AnyScheme, Ceil, Floor, HalfAway, I4, PackedTensor, Scaling, Scheme, Stochastic, TowardZero, U4, bf16, f16,
    fake_quantize_tensor, quantize_tensor, quantize_with_params,
};

/// Values around zero, of one sign, with one of them large; sparse ones; of any ordinary magnitude.
fn values() -> impl Strategy<Value = Vec<f32>> {
    let plain = prop_oneof![
        prop::collection::vec(-8.0_f32..8.0, 1..100),
        prop::collection::vec(2.0_f32..3.0, 1..50),
        prop::collection::vec(-3.0_f32..-2.0, 1..50),
        prop::collection::vec(prop_oneof![-0.1_f32..0.1, Just(0.0), Just(-0.0), Just(100.0)], 1..100),
    ];
    (plain, -60_i32..60).prop_map(|(values, k)| values.into_iter().map(|x| x * 2.0_f32.powi(k)).collect())
}

fn numbers<C: Code>(codes: &[C]) -> Vec<f64> {
    codes.iter().map(|code| code.to_f64()).collect()
}

fn bits(reals: &[f32]) -> Vec<u32> {
    reals.iter().map(|x| x.to_bits()).collect()
}

fn restore<C: Code>(codes: &[C], params: &QuantParams) -> Vec<f32> {
    let mut reals = vec![0.0; codes.len()];
    dequantize_slice(codes, params, &mut reals).unwrap();
    reals
}

/// How far a value inside the range may move, in steps.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    HalfAStep,
    AStep,
}

/// The codes of values as numbers, what they are restored as, and the parameters.
struct Quantized {
    codes: Vec<f64>,
    restored: Vec<f32>,
    params: QuantParams,
}

fn quantized(values: &[f32], scheme: &AnyScheme) -> Quantized {
    described(&scheme.quantize(ArrayView1::from(values)).unwrap())
}

fn described(q: &PackedTensor) -> Quantized {
    struct Numbers<'a>(&'a PackedTensor);

    impl CodeVisitor for Numbers<'_> {
        type Output = Vec<f64>;

        fn visit<C: Code>(self) -> Vec<f64> {
            numbers(self.0.codes::<C>().unwrap().as_slice().unwrap())
        }
    }

    let restored = q.dequantize().into_iter().collect();
    Quantized { codes: q.code_type().visit(Numbers(q)), restored, params: q.params().clone() }
}

/// What every scheme promises; `values` are finite.
fn laws(values: &[f32], scheme: &AnyScheme, within: Within) -> Result<(), TestCaseError> {
    let what = format!("{scheme}");
    let Quantized { codes, restored, params } = quantized(values, scheme);
    let own = params.group(0).unwrap();
    let (scale, zero_point) = (f64::from(own.scale()), f64::from(own.zero_point()));
    prop_assert!(scale > 0.0 && scale.is_finite() && own.offset() == 0.0, "{}", what);
    let in_use = scheme.codes();
    prop_assert_eq!(params.codes(), in_use);
    let (lowest, highest) = ((in_use.min() - zero_point) * scale, (in_use.max() - zero_point) * scale);
    for ((&x, &back), &code) in values.iter().zip(&restored).zip(&codes) {
        prop_assert!(in_use.min() <= code && code <= in_use.max(), "{}: code {}", what, code);
        prop_assert_eq!(code.fract(), 0.0);
        if x == 0.0 {
            prop_assert_eq!(back.to_bits(), 0, "{}: zero is restored as {}", what, back);
        }
        let (x, error) = (f64::from(x), (f64::from(x) - f64::from(back)).abs());
        // Rounding errors of the quotient and of the product, in steps.
        let tiny = (x / scale).abs() * 3.0 * f64::from(f32::EPSILON) * scale;
        if lowest <= x && x <= highest {
            let limit = if within == Within::HalfAStep { scale / 2.0 } else { scale };
            prop_assert!(error <= limit + tiny, "{}: {} is restored as {}, a step is {}", what, x, back, scale);
        } else {
            // Only the rounding of the zero point or of the scale pushes an end out, and never by a step.
            prop_assert!(error <= scale + tiny, "{}: {} is restored as {}, a step is {}", what, x, back, scale);
        }
    }
    keeps_order(values, &codes, &what)?;
    if within == Within::HalfAStep {
        let again = scheme.quantize_with_params(ArrayView1::from(&restored), &params).unwrap();
        prop_assert_eq!(described(&again).codes, codes, "{}: not idempotent", what);
    }
    Ok(())
}

fn keeps_order(values: &[f32], codes: &[f64], what: &str) -> Result<(), TestCaseError> {
    let mut pairs: Vec<(f32, f64)> = values.iter().copied().zip(codes.iter().copied()).collect();
    pairs.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap());
    prop_assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{}: order is lost", what);
    Ok(())
}

/// The laws for each calculator, rounding and scaling.
fn laws_of_type(values: &[f32], code: CodeType) -> Result<(), TestCaseError> {
    let calculators: [AnyCalculator; 4] =
        [Affine::default().into(), Symmetric::narrow().into(), Symmetric::full().into(), PowerOfTwo.into()];
    for calculator in calculators {
        for scaling in [Scaling::Divide, Scaling::Reciprocal] {
            for rounding in AnyRounding::ALL {
                let within = match rounding {
                    AnyRounding::TiesEven(_) | AnyRounding::HalfAway(_) => Within::HalfAStep,
                    // It does not keep the order of values that are rounded to the same or the next code.
                    AnyRounding::Stochastic(_) => continue,
                    _ => Within::AStep,
                };
                let scheme = AnyScheme::new(code).with_calculator(calculator).with_scaling(scaling);
                laws(values, &scheme.with_rounding(rounding), within)?;
            }
        }
    }
    Ok(())
}

/// Twice the data, twice the scale, the same codes.
fn follows_powers_of_two(values: &[f32], factor: f32, scheme: impl Into<AnyScheme>) -> Result<(), TestCaseError> {
    let scheme = scheme.into();
    let scaled: Vec<f32> = values.iter().map(|x| x * factor).collect();
    let Quantized { codes, params, .. } = quantized(values, &scheme);
    let other = quantized(&scaled, &scheme);
    prop_assert_eq!(other.codes, codes, "{}", scheme);
    prop_assert_eq!(other.params.zero_points(), params.zero_points());
    if values.iter().any(|&x| x != 0.0) {
        prop_assert_eq!(other.params.scales()[0], params.scales()[0] * factor, "{}", scheme);
    }
    Ok(())
}

fn mirrored(values: &[f32], scheme: impl Into<AnyScheme>) -> Result<(), TestCaseError> {
    let scheme = scheme.into();
    let negated: Vec<f32> = values.iter().map(|x| -x).collect();
    let Quantized { codes, params, .. } = quantized(values, &scheme);
    let mirror = quantized(&negated, &scheme);
    prop_assert_eq!(&mirror.params, &params);
    let middle = f64::from(params.zero_points()[0]);
    let want: Vec<f64> = codes.iter().map(|code| 2.0 * middle - code).collect();
    prop_assert_eq!(mirror.codes, want, "{}", scheme);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn codes_of_8_bits(values in values()) {
        laws_of_type(&values, CodeType::I8)?;
        laws_of_type(&values, CodeType::U8)?;
    }

    #[test]
    fn codes_of_16_bits(values in values()) {
        laws_of_type(&values, CodeType::I16)?;
        laws_of_type(&values, CodeType::U16)?;
    }

    #[test]
    fn codes_of_4_bits(values in values()) {
        laws_of_type(&values, CodeType::I4)?;
        laws_of_type(&values, CodeType::U4)?;
    }

    /// Their steps are finer than f32 itself: only what does not count in steps can hold.
    #[test]
    fn codes_of_32_bits(values in values()) {
        for restored in [
            fake_quantize_tensor(ArrayView1::from(&values), &Scheme::<i32>::symmetric()).unwrap(),
            fake_quantize_tensor(ArrayView1::from(&values), &Scheme::<i32>::affine()).unwrap(),
            fake_quantize_tensor(ArrayView1::from(&values), &Scheme::<i32>::power_of_two()).unwrap(),
        ] {
            let max_abs = values.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
            for (x, back) in values.iter().zip(&restored) {
                prop_assert!((x - back).abs() <= max_abs * 4.0 * f32::EPSILON, "{x} is restored as {back}");
                prop_assert!(*x != 0.0 || *back == 0.0);
            }
        }
    }

    #[test]
    fn stochastic_codes_are_a_neighbour_within_range(values in values(), seed: u64) {
        let scheme = Scheme::<i8>::symmetric().with_rounding(Stochastic { seed });
        let (codes, params) = quantize_slice(&values, &scheme).unwrap();
        for ((&x, code), back) in values.iter().zip(&codes).zip(restore(&codes, &params)) {
            prop_assert!((-127..=127).contains(code));
            let step = params.scales()[0];
            prop_assert!((x - back).abs() <= step * (1.0 + 1e-4), "{} is restored as {}", x, back);
        }
    }

    #[test]
    fn a_scale_follows_powers_of_two(values in values(), k in -30_i32..30) {
        let factor = 2.0_f32.powi(k);
        follows_powers_of_two(&values, factor, Scheme::<i8>::symmetric())?;
        follows_powers_of_two(&values, factor, Scheme::<u8>::affine())?;
        follows_powers_of_two(&values, factor, Scheme::<i16>::symmetric_full().with_rounding(HalfAway))?;
        follows_powers_of_two(&values, factor, Scheme::<I4>::power_of_two().with_rounding(Ceil))?;
        let scheme = Scheme::<u8>::affine().with_scaling(Scaling::Reciprocal);
        follows_powers_of_two(&values, factor, scheme.with_rounding(Stochastic { seed: 1 }))?;
    }

    #[test]
    fn symmetric_codes_change_sign_with_the_data(values in values()) {
        mirrored(&values, Scheme::<i8>::symmetric())?;
        mirrored(&values, Scheme::<u8>::symmetric().with_rounding(HalfAway))?;
        mirrored(&values, Scheme::<I4>::symmetric().with_rounding(TowardZero).with_scaling(Scaling::Reciprocal))?;
        mirrored(&values, Scheme::<i16>::power_of_two())?;
        mirrored(&values, Scheme::<U4>::power_of_two().with_rounding(HalfAway))?;
    }

    #[test]
    fn the_power_of_two_is_the_smallest_that_holds_the_data(values in values()) {
        let (_, params) = quantize_slice(&values, &Scheme::<i8>::power_of_two()).unwrap();
        let scale = params.scales()[0];
        let max_abs = values.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        prop_assert_eq!(scale.to_bits() & 0x007f_ffff, 0, "{} is no power of two", scale);
        if max_abs == 0.0 {
            prop_assert_eq!(scale, 1.0);
        } else {
            prop_assert!(127.0 * scale >= max_abs && 127.0 * (scale / 2.0) < max_abs, "{scale} for {max_abs}");
        }
    }

    /// Every entry has the same answer: allocating and not, slice and view, fused and in two passes.
    #[test]
    fn all_forms_give_the_same(values in prop::collection::vec(-8.0_f32..8.0, 1..200), pick in 0_usize..4, seed: u64) {
        let granularity = match pick {
            0 => Granularity::Tensor,
            1 => Granularity::Axis(0),
            2 => Granularity::Block { axis: 0, size: 7 },
            _ => Granularity::Block { axis: 0, size: 64 },
        };
        let scaling = if seed.is_multiple_of(2) { Scaling::Divide } else { Scaling::Reciprocal };
        let scheme = |code| AnyScheme::new(code).with_granularity(granularity);
        forms::<i8>(&values, scheme(CodeType::I8).with_calculator(Affine::default()).with_scaling(scaling))?;
        forms::<u16>(&values, scheme(CodeType::U16).with_rounding(Stochastic { seed }))?;
        let without_zero = scheme(CodeType::U4).with_calculator(Affine::without_zero()).with_scaling(scaling);
        forms::<U4>(&values, without_zero.with_rounding(Floor))?;
        forms::<I4>(&values, scheme(CodeType::I4).with_rounding(HalfAway))?;
        forms::<i32>(&values, scheme(CodeType::I32).with_calculator(Article::target(-8, 7).unwrap()).with_rounding(Ceil))?;
        forms::<f16>(&values, scheme(CodeType::F16))?;
        let scaled = scheme(CodeType::Bf16).with_calculator(Symmetric::narrow()).with_estimator(MinMax::default());
        forms::<bf16>(&values, scaled)?;
    }

    #[test]
    fn casts_are_those_of_half(x in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 1..100)) {
        let x: Vec<f32> = x.into_iter().filter(|x| !x.is_nan()).collect();
        let (halves, _) = quantize_slice(&x, &Scheme::<f16>::cast().with_calculator(Cast::ieee())).unwrap();
        let (brains, _) = quantize_slice(&x, &Scheme::<bf16>::cast().with_calculator(Cast::ieee())).unwrap();
        let (capped, params) = quantize_slice(&x, &Scheme::<f16>::cast()).unwrap();
        prop_assert_eq!((params.scales(), params.zero_points()), (&[1.0][..], &[0][..]));
        for (i, &x) in x.iter().enumerate() {
            prop_assert_eq!(halves[i].to_bits(), f16::from_f32(x).to_bits(), "{:e}", x);
            prop_assert_eq!(brains[i].to_bits(), bf16::from_f32(x).to_bits(), "{:e}", x);
            let want = f16::from_f32(x.clamp(-65_504.0, 65_504.0));
            prop_assert_eq!(capped[i].to_bits(), want.to_bits(), "{:e}", x);
        }
        let back = restore(&halves, &params);
        prop_assert_eq!(bits(&back), bits(&halves.iter().map(|half| half.to_f32()).collect::<Vec<_>>()));
    }

    #[test]
    fn blocks_are_slices_of_their_own(values in prop::collection::vec(-8.0_f32..8.0, 1..150), size in 1_usize..40) {
        let (codes, params) = quantize_slice(&values, &Scheme::<i8>::affine().with_blocks(0, size)).unwrap();
        prop_assert_eq!(params.len(), values.len().div_ceil(size));
        for (k, block) in values.chunks(size).enumerate() {
            let (own, own_params) = quantize_slice(block, &Scheme::<i8>::affine()).unwrap();
            prop_assert_eq!(&codes[k * size..k * size + block.len()], &own[..]);
            prop_assert_eq!(params.group(k), own_params.group(0));
        }
    }
}

/// By its types and by value, too.
fn forms<C: Code>(values: &[f32], by_value: AnyScheme) -> Result<(), TestCaseError> {
    let view = ArrayView1::from(values);
    let scheme = &by_value.to_static::<C>().unwrap();
    let q = quantize_tensor(view, scheme).unwrap();
    let codes = q.codes().as_slice().unwrap();
    prop_assert_eq!(&PackedTensor::from(q.clone()), &by_value.quantize(view).unwrap());
    let (of_slice, params) = quantize_slice(values, scheme).unwrap();
    prop_assert_eq!(numbers(&of_slice), numbers(codes));
    prop_assert_eq!(&params, q.params());

    let mut out = Array1::from_elem(values.len(), C::nearest(1.0));
    let (params, observed) = quantize_tensor_into(view, scheme, out.view_mut()).unwrap();
    prop_assert_eq!(numbers(out.as_slice().unwrap()), numbers(codes));
    prop_assert_eq!((&params, observed), (q.params(), q.observed()));
    let mut out = vec![C::nearest(1.0); values.len()];
    prop_assert_eq!(&quantize_slice_into(values, scheme, &mut out).unwrap(), q.params());
    prop_assert_eq!(numbers(&out), numbers(codes));

    let restored = q.dequantize();
    let want = bits(restored.as_slice().unwrap());
    prop_assert_eq!(bits(&restore(codes, q.params())), want.clone());
    let mut out = Array1::from_elem(values.len(), f32::NAN);
    q.dequantize_into(out.view_mut()).unwrap();
    prop_assert_eq!(bits(out.as_slice().unwrap()), want.clone());
    out.fill(f32::NAN);
    dequantize_into(q.codes().view(), q.params(), out.view_mut()).unwrap();
    prop_assert_eq!(bits(out.as_slice().unwrap()), want.clone());

    let fake = fake_quantize_tensor(view, scheme).unwrap();
    prop_assert_eq!(bits(fake.as_slice().unwrap()), want.clone(), "{}", by_value);
    out.fill(f32::NAN);
    prop_assert_eq!(&fake_quantize_tensor_into(view, scheme, out.view_mut()).unwrap(), q.params());
    prop_assert_eq!(bits(out.as_slice().unwrap()), want.clone());
    prop_assert_eq!(bits(by_value.fake_quantize(view).unwrap().as_slice().unwrap()), want);
    Ok(())
}

/// Codes by the rule x / s, halves to even, then + z: the first few are ties.
#[test]
fn onnx_quantizes_by_division_and_ties_to_even() {
    let params = QuantParams::per_tensor::<u8>(0.25, 128).unwrap();
    let x = array![0.0_f32, 0.125, 0.375, 0.625, -0.125, -0.375, 31.75, 31.9, 40.0, -32.0, -33.0];
    let q = quantize_with_params(x.view(), &params, Scheme::<u8>::affine().settings()).unwrap();
    assert_eq!(q.codes(), &array![128_u8, 128, 130, 130, 128, 126, 255, 255, 255, 0, 0]);
}

/// TFLite rounds halves away from zero, and its weights have the scale max|w| / 127.
#[test]
fn tflite_rounds_halves_away_from_zero() {
    let w = array![127.0_f32, 0.5, 1.5, 2.5, -0.5, -2.5, -126.5];
    let q = quantize_tensor(w.view(), &Scheme::<i8>::symmetric().with_rounding(HalfAway)).unwrap();
    assert_eq!(q.params().scales(), [1.0]);
    assert_eq!(q.codes(), &array![127_i8, 1, 2, 3, -1, -3, -127]);
}

/// Beside a tie, the rounding error of the reciprocal decides.
#[test]
fn division_and_reciprocal_differ_where_they_should() {
    let (scale, mut differ) = (0.37_f32, 0);
    for i in 0..4000_i16 {
        let x = (f32::from(i) + 0.5) * scale;
        let params = || QuantParams::per_tensor::<i16>(scale, 0).unwrap();
        let divide = Scheme::<i16>::affine();
        let multiply = divide.with_scaling(Scaling::Reciprocal);
        let code = |scheme: &Scheme<i16>| {
            quantize_with_params(array![x].view(), &params(), scheme.settings()).unwrap().codes()[0]
        };
        assert_eq!(f32::from(code(&divide)), (x / scale).round_ties_even(), "{x}");
        assert_eq!(f32::from(code(&multiply)), (x * (1.0 / scale)).round_ties_even(), "{x}");
        differ += usize::from(code(&divide) != code(&multiply));
    }
    assert!(differ > 0);
}

/// Range −1 to 3 over 0..=255: s = 4 / 255, z = round(1 / s) = round(63.75) = 64.
#[test]
fn affine_parameters_by_hand() {
    let codes = CodeRange::of::<u8>();
    let params = |min, max| Affine::default().params(ValueRange::new(min, max).unwrap(), codes).unwrap();
    let of = |min, max| (params(min, max).scale(), params(min, max).zero_point());
    assert_eq!(of(-1.0, 3.0), (4.0 / 255.0, 64));
    // Zero is part of the range.
    assert_eq!(of(1.0, 2.55), (2.55 / 255.0, 0));
    assert_eq!(of(-2.55, -1.0), (2.55 / 255.0, 255));
    // A tie of the zero point, 0.5 / 1, goes to the even code.
    assert_eq!(of(-0.5, 254.5), (1.0, 0));
    assert_eq!(of(-1.5, 253.5), (1.0, 2));
    let signed = Affine::default().params(ValueRange::new(-1.0, 1.55).unwrap(), CodeRange::of::<i8>()).unwrap();
    assert_eq!((signed.scale(), signed.zero_point()), ((2.549_999_952_316_284_f64 / 255.0) as f32, -28));
}

#[test]
fn symmetric_parameters_by_hand() {
    let range = ValueRange::new(-2.54, 1.0).unwrap();
    let of = |calculator: Symmetric, codes| {
        let params = calculator.params(range, codes).unwrap();
        (params.scale(), params.zero_point())
    };
    assert_eq!(of(Symmetric::narrow(), CodeRange::of::<i8>()), ((2.54_f32 as f64 / 127.0) as f32, 0));
    assert_eq!(of(Symmetric::full(), CodeRange::of::<i8>()), ((2.54_f32 as f64 / 127.5) as f32, 0));
    assert_eq!(of(Symmetric::narrow(), CodeRange::of::<u8>()), ((2.54_f32 as f64 / 127.0) as f32, 128));
    assert_eq!(of(Symmetric::narrow(), CodeRange::of::<I4>()), ((2.54_f32 as f64 / 7.0) as f32, 0));
    assert_eq!(of(Symmetric::full(), CodeRange::of::<I4>()), ((2.54_f32 as f64 / 7.5) as f32, 0));
    assert_eq!(of(Symmetric::narrow(), CodeRange::of::<U4>()), ((2.54_f32 as f64 / 7.0) as f32, 8));
    let params = PowerOfTwo.params(range, CodeRange::of::<i8>()).unwrap();
    assert_eq!((params.scale(), params.zero_point()), (0.031_25, 0));
}

#[test]
fn codes_in_use_are_those_that_the_schemes_name() {
    let bounds = |range: CodeRange| (range.min(), range.max());
    assert_eq!(bounds(Scheme::<i8>::symmetric().codes()), (-127.0, 127.0));
    assert_eq!(bounds(Scheme::<i8>::symmetric_full().codes()), (-128.0, 127.0));
    assert_eq!(bounds(Scheme::<i8>::affine().codes()), (-128.0, 127.0));
    assert_eq!(bounds(Scheme::<i8>::power_of_two().codes()), (-127.0, 127.0));
    assert_eq!(bounds(Scheme::<u8>::symmetric().codes()), (1.0, 255.0));
    assert_eq!(bounds(Scheme::<I4>::symmetric().codes()), (-7.0, 7.0));
    assert_eq!(bounds(Scheme::<U4>::affine().codes()), (0.0, 15.0));
    assert_eq!(bounds(Scheme::<f16>::cast().codes()), (-65_504.0, 65_504.0));
}

/// Every integer up to the last code is its own code at a step of 1, and back.
#[test]
fn four_bits_hold_their_sixteen_values() {
    let x = Array1::from_iter((-9..=9).map(|i| i as f32));
    let params = QuantParams::per_tensor::<I4>(1.0, 0).unwrap();
    let q = quantize_with_params(x.view(), &params, Scheme::<I4>::affine().settings()).unwrap();
    let want: Vec<i8> = (-9..=9_i8).map(|i| i.clamp(-8, 7)).collect();
    assert_eq!(q.codes().iter().map(|code| code.get()).collect::<Vec<_>>(), want);
    let narrow = Scheme::<I4>::symmetric().with_estimator(Fixed::new(ValueRange::new(-7.0, 7.0).unwrap()));
    let codes = quantize_tensor(x.view(), &narrow).unwrap().into_parts().0;
    assert_eq!(codes.iter().map(|code| code.get()).min(), Some(-7));
    let params = QuantParams::per_tensor::<U4>(1.0, 5).unwrap();
    let q = quantize_with_params(x.view(), &params, Scheme::<U4>::affine().settings()).unwrap();
    let want: Vec<u8> = (-9..=9_i8).map(|i| (i + 5).clamp(0, 15) as u8).collect();
    assert_eq!(q.codes().iter().map(|code| code.get()).collect::<Vec<_>>(), want);
    assert_eq!(q.size_in_bytes(), 10 + 8);
}

/// The seed alone decides: not the number of the piece, the layout or the run.
#[test]
fn stochastic_rounding_repeats_with_its_seed_and_is_fair() {
    let x = Array2::from_elem((100, 100), 0.3_f32);
    let fixed = Fixed::new(ValueRange::new(-127.0, 127.0).unwrap());
    let codes = |seed| {
        let scheme = Scheme::<i8>::symmetric().with_estimator(fixed).with_rounding(Stochastic { seed });
        quantize_tensor(x.view(), &scheme).unwrap().into_parts().0
    };
    assert_eq!(codes(1), codes(1));
    assert_ne!(codes(1), codes(2));
    let ups = codes(1).iter().filter(|&&code| code == 1).count();
    // Ten thousand draws of 0.3: five standard deviations are 230.
    assert!(ups.abs_diff(3000) < 230, "{ups}");
}

#[test]
fn floating_codes_keep_order_and_zero() {
    let x = array![-1e9_f32, -3.0, -1e-9, -0.0, 0.0, 1e-9, 0.1, 3.0, 1e9];
    let q = quantize_tensor(x.view(), &Scheme::<f16>::symmetric()).unwrap();
    assert_eq!(<f16 as Code>::KIND, CodeKind::Float);
    let back = q.dequantize();
    assert!(back.iter().zip(back.iter().skip(1)).all(|(a, b)| a <= b), "{back}");
    assert_eq!((back[3], back[4]), (0.0, 0.0));
    // Eleven bits are half a unit in 2¹¹ of each.
    assert!((back[8] - 1e9).abs() <= 1e9 / 2048.0);
}

#[test]
fn constants_use_a_code_beside_the_zero_point() {
    let q = quantize_tensor(Array1::from_elem(5, 0.37_f32).view(), &Scheme::<i8>::affine()).unwrap();
    assert_eq!((q.params().scales(), q.codes()), (&[0.37_f32][..], &Array1::from_elem(5, 1_i8)));
    assert_eq!(q.observed().constant_groups, 1);
}
