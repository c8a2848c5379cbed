//! Anything else: any bits, any scheme, and no panic.

use super::{error, numbers};
use ndarray::{Array, ArrayD, ArrayView1, Axis, IxDyn};
use proptest::prelude::*;
use tensor_quant::metrics::Histogram;
use tensor_quant::num::{AnyRounding, Code, CodeType};
use tensor_quant::params::{
    Affine, AnyCalculator, Article, BlockShape, Cast, CodeRange, Granularity, MaxAbs, NanPolicy, ParamsCalculator,
    PowerOfTwo, QuantParams, Symmetric, ValueRange,
};
use tensor_quant::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile,
};
use tensor_quant::tensor::{dequantize_slice, fake_quantize_backward, quantize_slice, quantize_tensor_into};
use tensor_quant::{
    AnyScheme, I4, PackedTensor, QuantizedTensor, Result, Rounding, Scaling, Scheme, Stochastic, TiesEven, U4, f16,
    fake_quantize_tensor, quantize_tensor, quantize_with_params,
};

fn any_bits() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits)
}

fn calculator() -> impl Strategy<Value = AnyCalculator> {
    prop_oneof![
        Just(Affine::default().into()),
        Just(Affine::without_zero().into()),
        Just(Symmetric::narrow().into()),
        Just(Symmetric::full().into()),
        Just(MaxAbs.into()),
        Just(PowerOfTwo.into()),
        Just(Article::own_range().into()),
        prop_oneof![(-9_i32..9, 1_i32..9), any::<(i32, i32)>()].prop_map(|(a, width)| Article::target(
            a,
            a.saturating_add(width)
        )
        .unwrap_or(Article::own_range())
        .into()),
        Just(Cast::saturating().into()),
        Just(Cast::ieee().into()),
    ]
}

fn estimator() -> impl Strategy<Value = AnyEstimator> {
    prop_oneof![
        3 => Just(MinMax::default().into()),
        1 => (any_bits(), any_bits()).prop_map(|(a, b)| {
            Fixed::new(ValueRange::new(a.min(b), a.max(b)).unwrap_or(ValueRange::ZERO)).into()
        }),
        1 => prop_oneof![0.001_f32..1.0, Just(1.0)].prop_map(|momentum| MovingAverage::new(momentum).unwrap().into()),
        1 => (0.0_f64..0.5, 0.5001_f64..=1.0).prop_map(|(low, high)| Percentile::new(low, high).unwrap().into()),
        1 => prop_oneof![0.01_f64..8.0, Just(1e300)].prop_map(|k| MeanStd::new(k).unwrap().into()),
        1 => Just(Mse::default().into()),
        1 => Just(Octav::default().into()),
        1 => Just(Entropy::default().into()),
        1 => (0.1_f64..9.0).prop_map(|p| LpNorm::new(p).unwrap().into()),
    ]
}

fn rounding() -> impl Strategy<Value = AnyRounding> {
    (prop::sample::select(AnyRounding::ALL.to_vec()), any::<u64>()).prop_map(|(rounding, seed)| match rounding {
        AnyRounding::Stochastic(_) => Stochastic { seed }.into(),
        other => other,
    })
}

/// Mostly one that is there.
fn granularity() -> impl Strategy<Value = Granularity> {
    prop_oneof![
        2 => Just(Granularity::Tensor),
        2 => (0_usize..4).prop_map(Granularity::Axis),
        2 => (0_usize..4, 0_usize..9).prop_map(|(axis, size)| Granularity::Block { axis, size }),
        2 => prop::collection::vec(prop_oneof![3 => 1_usize..5, 1 => Just(BlockShape::WHOLE)], 1..4)
            .prop_map(|lengths| Granularity::Blocks(BlockShape::new(&lengths).unwrap())),
        1 => any::<(usize, usize)>().prop_map(|(axis, size)| Granularity::Block { axis, size }),
        1 => any::<usize>().prop_map(Granularity::Axis),
    ]
}

/// A scheme for codes of `i8`, or of any other type.
fn scheme() -> impl Strategy<Value = AnyScheme> {
    let policies = prop::sample::select(vec![NanPolicy::Error, NanPolicy::Skip, NanPolicy::Native, NanPolicy::Skip]);
    let scaling = prop::sample::select(vec![Scaling::Divide, Scaling::Reciprocal]);
    (estimator(), calculator(), rounding(), scaling, granularity(), policies).prop_map(
        |(estimator, calculator, rounding, scaling, granularity, nan_policy)| {
            AnyScheme::new(CodeType::I8)
                .with_estimator(estimator)
                .with_calculator(calculator)
                .with_rounding(rounding)
                .with_scaling(scaling)
                .with_granularity(granularity)
                .with_nan_policy(nan_policy)
        },
    )
}

fn tensor() -> impl Strategy<Value = ArrayD<f32>> {
    let value = prop_oneof![
        6 => any_bits(),
        6 => -300.0_f32..300.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN, 1e-45, 1e10]),
    ];
    let len = prop_oneof![1 => Just(0_usize), 9 => 1_usize..6];
    (prop::collection::vec(len, 0..4), prop::collection::vec(value, 1..130)).prop_map(|(shape, values)| {
        let total = shape.iter().product();
        let values = values.iter().copied().cycle().take(total).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap()
    })
}

/// Everything that a scheme can do, with an error where there must be one, and codes in range where there is none.
fn survive(x: &ArrayD<f32>, scheme: &AnyScheme) -> Result<(), TestCaseError> {
    let fake = scheme.fake_quantize(x);
    let _ = scheme.fake_quantize(x.t());
    match (scheme.to_string().parse::<AnyScheme>(), scheme.granularity) {
        // There are no such blocks, and no text for them.
        (Err(error), Granularity::Block { size: 0, .. }) => prop_assert!(error.to_string().contains("block size of 0")),
        (read, _) => prop_assert_eq!(&read.unwrap(), scheme),
    }
    let result = scheme.quantize(x);
    prop_assert_eq!(result.is_ok(), fake.is_ok());
    let q = match result {
        Ok(q) => q,
        Err(error) => {
            let text = error.to_string();
            prop_assert!(!text.is_empty() && !text.contains('\n'));
            return Ok(());
        }
    };
    let in_use = scheme.codes();
    for code in numbers(&q) {
        let inside = (in_use.min() <= code && code <= in_use.max()) || code.is_nan();
        prop_assert!(inside, "{} code {}", scheme, code);
    }
    prop_assert!(q.params().scales().iter().all(|&scale| scale >= f32::MIN_POSITIVE && scale.is_finite()));
    let has_nan = x.iter().any(|x| x.is_nan());
    prop_assert!(!(has_nan && scheme.nan_policy == NanPolicy::Error), "a NaN was not refused");
    let mut reals = ArrayD::<f32>::zeros(x.raw_dim());
    q.dequantize_into(reals.view_mut()).unwrap();
    prop_assert_eq!(bits(&fake.unwrap()), bits(&reals), "{}", scheme);
    prop_assert_eq!(bits(&q.dequantize()), bits(&reals), "{}", scheme);
    if let (Some(x), Some(reals)) = (x.as_slice(), reals.as_slice()) {
        let _ = Histogram::of_errors(x, reals, 7).unwrap().to_string();
    }
    prop_assert_eq!(q.bytes().len(), scheme.code.packed_len(x.len()));
    prop_assert_eq!(q.size_in_bytes(), q.bytes().len() + q.params().size_in_bytes());
    let again = PackedTensor::from_bytes(scheme.code, q.shape(), &q.bytes(), q.params().clone()).unwrap();
    prop_assert_eq!(&again, &q);
    let error = error(&q, x);
    prop_assert!(!error.sqnr_db().is_nan() && !error.to_string().contains("NaN"), "{}", error);
    Ok(())
}

/// The same by the types of a scheme, which gives the same bits.
fn survive_typed<C: Code, R: Rounding>(
    x: &ArrayD<f32>,
    by_value: &AnyScheme,
    rounding: R,
) -> Result<(), TestCaseError> {
    let by_value = &by_value.clone().with_code(C::TYPE);
    let scheme = by_value.to_static::<C>().unwrap().with_rounding(rounding);
    let mut codes = Array::from_elem(x.raw_dim(), C::default());
    let into = quantize_tensor_into(x.view(), &scheme, codes.view_mut());
    let _ = format!("{scheme} {scheme:?}");
    let (result, fake) = (quantize_tensor(x.view(), &scheme), fake_quantize_tensor(x.view(), &scheme));
    prop_assert_eq!((result.is_ok(), into.is_ok()), (fake.is_ok(), fake.is_ok()));
    let Ok(q) = result else { return Ok(()) };
    prop_assert_eq!(&PackedTensor::from(q.clone()), &by_value.quantize(x).unwrap());
    let mut reals = ArrayD::<f32>::zeros(x.raw_dim());
    q.dequantize_into(reals.view_mut()).unwrap();
    prop_assert_eq!(bits(&fake.unwrap()), bits(&reals), "{}", by_value);
    let error = q.error(x.view()).unwrap();
    prop_assert!(!error.sqnr_db().is_nan() && !error.to_string().contains("NaN"), "{}", error);
    for axis in 0..x.ndim() {
        prop_assert_eq!(q.error_per_channel(x.view(), axis).unwrap().len(), x.len_of(Axis(axis)));
    }
    let back = fake_quantize_backward(x.view(), x.view(), q.params(), scheme.settings()).unwrap();
    prop_assert_eq!(back.len(), x.len());
    let mut bytes = Vec::new();
    let codes = q.codes().as_slice().unwrap();
    C::write_packed(codes, &mut bytes);
    prop_assert_eq!(bytes.len(), C::packed_len(codes.len()));
    prop_assert_eq!(q.size_in_bytes(), bytes.len() + q.params().size_in_bytes());
    let mut unpacked = vec![C::default(); codes.len()];
    C::read_packed(&bytes, &mut unpacked).unwrap();
    let numbers = |codes: &[C]| codes.iter().map(|code| code.to_f64().to_bits()).collect::<Vec<_>>();
    prop_assert_eq!(numbers(&unpacked), numbers(codes));
    Ok(())
}

fn bits(reals: &ArrayD<f32>) -> Vec<u32> {
    reals.iter().map(|x| x.to_bits()).collect()
}

fn survive_slices(x: &[f32], scheme: &AnyScheme) {
    let scheme = scheme.to_static::<i8>().unwrap();
    if let Ok((codes, params)) = quantize_slice(x, &scheme) {
        dequantize_slice(&codes, &params, &mut vec![0.0; x.len()]).unwrap();
        let view = ArrayView1::from(x);
        quantize_with_params(view, &params, scheme.settings()).unwrap();
    }
    let halves: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
    let _ = quantize_slice(&halves, &scheme);
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x) * 1e30).collect();
    let _ = quantize_slice(&wide, &scheme);
    let _ = scheme.calculator.codes(CodeRange::of::<f16>());
}

/// A rounding of somebody else's, for which the loops are compiled here.
#[derive(Clone, Copy, Debug)]
struct Foreign(AnyRounding);

impl Rounding for Foreign {
    fn round(self, x: f32, index: u64) -> f32 {
        self.0.round(x, index)
    }

    fn is_random(self) -> bool {
        Rounding::is_random(self.0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_panics(x in tensor(), scheme in scheme(), other in 0_usize..100) {
        // Those that are stored in each of the ways that there are, and one of the others.
        let codes = [CodeType::I8, CodeType::U8, CodeType::I16, CodeType::U16, CodeType::I32, CodeType::I4, CodeType::U4];
        let floats = [CodeType::F16, CodeType::Bf16, CodeType::ALL[other % CodeType::ALL.len()]];
        for code in codes.into_iter().chain(floats) {
            survive(&x, &scheme.clone().with_code(code))?;
        }
        survive_typed::<i8, _>(&x, &scheme, scheme.rounding)?;
        survive_typed::<I4, _>(&x, &scheme, scheme.rounding)?;
        // The rounding that the hardware's conversion to f16 has.
        survive_typed::<f16, _>(&x, &scheme.clone().with_rounding(TiesEven), TiesEven)?;
        survive_typed::<i8, _>(&x, &scheme, Foreign(scheme.rounding))?;
        if let Some(x) = x.as_slice() {
            survive_slices(x, &scheme);
        }
    }

    #[test]
    fn parameters_from_anywhere_are_refused_or_work(
        scales in prop::collection::vec(prop_oneof![any_bits(), 0.01_f32..1.0], 0..5),
        zero_points in prop::collection::vec(prop_oneof![any::<i32>(), -8_i32..8], 0..5),
        granularity in granularity(), x in tensor(), offset in any_bits(),
    ) {
        let params = QuantParams::new(granularity, CodeRange::of::<i8>(), scales.clone(), zero_points);
        let Ok(params) = params else { return Ok(()) };
        prop_assert!(scales.iter().all(|&scale| scale > 0.0 && scale.is_finite()));
        let params = params.clone().with_offsets(vec![offset; scales.len()]).unwrap_or(params);
        let scheme = Scheme::<i8>::affine().with_nan_policy(NanPolicy::Skip);
        if let Ok(q) = quantize_with_params(x.view(), &params, scheme.settings()) {
            let back = q.dequantize();
            prop_assert_eq!(back.shape(), x.shape());
            let _ = q.error(x.view()).unwrap().to_string();
        }
        let _ = QuantizedTensor::new(Array::from_elem(x.raw_dim(), 7_u8), params);
    }

    #[test]
    fn any_range_has_parameters(a in any_bits(), b in any_bits(), calculator in calculator()) {
        let Ok(range) = ValueRange::new(a.min(b), a.max(b)) else { return Ok(()) };
        for codes in [CodeRange::of::<i8>(), CodeRange::of::<U4>(), CodeRange::of::<i32>(), CodeRange::new(3_u8, 5).unwrap()] {
            let params = calculator.params(range, calculator.codes(codes)).unwrap();
            prop_assert!(params.scale() >= f32::MIN_POSITIVE && params.scale().is_finite() && params.offset().is_finite());
        }
    }
}
