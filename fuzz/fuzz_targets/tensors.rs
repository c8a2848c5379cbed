//! Tensors of any shape, layout and values by any scheme: an error of one line, or codes in range that can be restored,
//! measured and requantized, the same in whichever way they were asked for.

#![no_main]

use arbitrary::{Result as Drawn, Unstructured};
use libfuzzer_sys::fuzz_target;
use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use tensor_quant::convention::{tflite, torchao};
use tensor_quant::metrics::Histogram;
use tensor_quant::num::{AnyRounding, Code, CodeVisitor, I4, Rounding, f16};
use tensor_quant::params::{AnyCalculator, Granularity, NanPolicy, ProductRounding};
use tensor_quant::range::AnyEstimator;
use tensor_quant::tensor::{fake_quantize_backward, quantize_slice, quantize_tensors};
use tensor_quant::{
    AnyScheme, Error, PackedTensor, ParamsCalculator, QuantizedTensor, RangeEstimator, Scheme, fake_quantize_tensor,
    quantize_tensor, quantize_with_params,
};
use tensor_quant_fuzz::scheme::{Foreign, any_scheme, granularity};
use tensor_quant_fuzz::{conventions, memory};

/// Each element may be a group with an estimator of its own, of 8 KiB where sums are exact, or of up to 600 bins of 8 bytes
/// with edges, in the scheme's pass and in a clone.
const OF_AN_ELEMENT: usize = 1 << 15;
/// A search for the best range holds tables.
const ALWAYS: usize = 1 << 24;
/// A few hundred elements are soon done; more values than that estimators count in a histogram.
const MOST: usize = 600;
/// Groups that others' searches are tried with.
const FEW: usize = 64;
const LARGE: usize = 5000;

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    let _ = run(&mut u);
});

fn run(u: &mut Unstructured<'_>) -> Drawn<()> {
    let scheme = any_scheme(u)?;
    let (form, layout) = (u.int_in_range(0..=8_u8)?, u.int_in_range(0..=4_u8)?);
    let (i8_codes, i4_codes) = (conventions::scheme::<i8>(u, &scheme)?, conventions::scheme::<I4>(u, &scheme)?);
    let x = tensor(u)?;
    let wide = x.broadcast([&[3], x.shape()].concat()).map(|view| view.to_owned());
    let view = match layout {
        0 => x.view(),
        1 => x.t(),
        2 => x.slice_each_axis(|axis| Slice::new(0, None, if axis.axis == Axis(0) { -1 } else { 1 })),
        3 => x.slice_each_axis(|_| Slice::new(0, None, 2)),
        _ => wide.as_ref().map_or(x.view(), |wide| wide.view()),
    };
    memory::within(ALWAYS + OF_AN_ELEMENT * view.len(), || match form {
        // By value, by the types of the same scheme, by a rounding of somebody else's, and by other implementations' parts.
        0..=3 => by_value(&view, &scheme),
        4 => survive(&view, &typed::<i8>(&scheme)),
        5 => survive(&view, &typed::<f16>(&scheme)),
        6 => survive(&view, &typed::<i8>(&scheme).with_rounding(Foreign(scheme.rounding))),
        // A search of PyTorch's takes a hundred thousand steps for each group.
        _ if scheme.granularity.groups(view.shape()).is_ok_and(|groups| groups > FEW) => {}
        7 => survive(&view, &i8_codes),
        _ => survive(&view, &i4_codes),
    });
    if let Some(error) = tflite::dynamic_range_weights(view.view(), granularity(u)?).err() {
        one_line(&error);
    }
    Ok(())
}

fn typed<C: Code>(scheme: &AnyScheme) -> Scheme<C, AnyEstimator, AnyCalculator, AnyRounding> {
    scheme.clone().with_code(C::TYPE).to_static().expect("its codes are of this type")
}

/// A tensor of up to four dimensions; its values are bits, or small numbers, and repeat.
fn tensor(u: &mut Unstructured<'_>) -> Drawn<ArrayD<f32>> {
    let mut shape = Vec::new();
    for _ in 0..u.int_in_range(0..=4_u8)? {
        shape.push(if u.ratio(1_u8, 16)? { u.int_in_range(0..=300_usize)? } else { u.int_in_range(0..=5_usize)? });
    }
    while shape.iter().product::<usize>() > MOST {
        shape.pop();
    }
    if u.ratio(1_u8, 200)? {
        shape = vec![2, LARGE / 2];
    }
    let small = u.arbitrary::<bool>()?;
    let mut values: Vec<f32> = Vec::new();
    while !u.is_empty() && values.len() < MOST {
        values.push(if small { f32::from(u.arbitrary::<i8>()?) / 16.0 } else { u.arbitrary()? });
    }
    if values.is_empty() {
        values.push(0.0);
    }
    let values = values.iter().copied().cycle().take(shape.iter().product()).collect();
    Ok(ArrayD::from_shape_vec(IxDyn(&shape), values).expect("as many as the shape says"))
}

/// A scheme by value gives an error of one line, or codes in range that are restored alike and can be stored.
fn by_value(x: &ArrayViewD<'_, f32>, scheme: &AnyScheme) {
    match (scheme.to_string().parse::<AnyScheme>(), scheme.granularity) {
        // There are no such blocks, and no text for them.
        (Err(error), Granularity::Block { size: 0, .. }) => one_line(&error),
        (read, _) => assert_eq!(read.ok().as_ref(), Some(scheme)),
    }
    let (q, fake) = match (scheme.quantize(x), scheme.fake_quantize(x)) {
        (Ok(q), Ok(fake)) => (q, fake),
        (Err(error), Err(_)) => return one_line(&error),
        (q, fake) => panic!("{scheme}: only one of the two is an error: {:?} and {:?}", q.err(), fake.err()),
    };
    assert!(!(scheme.nan_policy == NanPolicy::Error && x.iter().any(|x| x.is_nan())), "a NaN was not refused");
    assert_eq!(bits(&fake), bits(&q.dequantize()));
    assert_eq!(scheme.quantize_with_params(x, q.params()).expect("they fitted before"), q);
    let stored = PackedTensor::from_bytes(q.code_type(), q.shape(), &q.bytes(), q.params().clone());
    assert_eq!(stored.expect("its own bytes"), q);
    q.code_type().visit(Measured(&q, x, scheme));
}

/// The tensor by its types: codes in range, errors that can be told.
struct Measured<'a>(&'a PackedTensor, &'a ArrayViewD<'a, f32>, &'a AnyScheme);

impl CodeVisitor for Measured<'_> {
    type Output = ();

    fn visit<C: Code>(self) {
        let Self(q, x, scheme) = self;
        let q = q.to_typed::<C, IxDyn>().expect("its own types");
        let used = scheme.codes();
        let inside = |code: f64| (used.min() <= code && code <= used.max()) || code.is_nan();
        assert!(q.codes().iter().all(|code| inside(code.to_f64()) || C::NAME.starts_with('f')));
        let _ = q.error(x.view()).expect("it is of the same shape").to_string();
    }
}

fn bits(reals: &ArrayD<f32>) -> Vec<u32> {
    reals.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect()
}

fn survive<C: Code, E: RangeEstimator, P: ParamsCalculator + Clone, R: Rounding>(
    x: &ArrayViewD<'_, f32>,
    scheme: &Scheme<C, E, P, R>,
) {
    let result = quantize_tensor(x.view(), scheme);
    let fake = fake_quantize_tensor(x.view(), scheme);
    assert_eq!(result.is_ok(), fake.is_ok());
    assert_eq!(quantize_tensors(&[x.view()], scheme)[0].is_ok(), result.is_ok());
    let mixed: Vec<usize> = x.shape().iter().map(|n| if n % 2 == 0 { n / 2 } else { 1 }).collect();
    if let Err(error) = torchao::quantize_affine(x.view(), &mixed, scheme) {
        one_line(&error);
    }
    let (q, fake) = match (result, fake) {
        (Ok(q), Ok(fake)) => (q, fake),
        (Err(error), _) | (_, Err(error)) => return one_line(&error),
    };
    let used = scheme.codes();
    let inside = |code: f64| (used.min() <= code && code <= used.max()) || code.is_nan();
    assert!(q.codes().iter().all(|code| inside(code.to_f64()) || C::NAME.starts_with('f')));
    assert!(!(scheme.nan_policy == NanPolicy::Error && x.iter().any(|x| x.is_nan())), "a NaN was not refused");
    let restored = q.dequantize();
    assert_eq!(bits(&fake), bits(&restored));
    let _ = q.error(x.view()).expect("it is of the same shape").to_string();
    assert!(q.error(ArrayD::<f32>::zeros(IxDyn(&[7, 1, 1, 1, 1, 1])).view()).is_err());
    for axis in 0..=x.ndim() {
        let channels = q.error_per_channel(x.view(), axis).map(|channels| channels.len()).ok();
        assert_eq!(channels, x.shape().get(axis).copied());
    }
    fake_quantize_backward(x.view(), restored.view(), q.params(), scheme.settings()).expect("it is of the same shape");
    again(x, &q, scheme);
}

fn again<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding>(
    x: &ArrayViewD<'_, f32>,
    q: &QuantizedTensor<C, IxDyn>,
    scheme: &Scheme<C, E, P, R>,
) {
    let known = quantize_with_params(x.view(), q.params(), scheme.settings()).expect("they fitted before");
    let numbers = |q: &QuantizedTensor<C, IxDyn>| q.codes().iter().map(|c| c.to_f64().to_bits()).collect::<Vec<_>>();
    assert_eq!(numbers(&known), numbers(q));
    for rounding in [ProductRounding::Double, ProductRounding::Single] {
        for (scale, zero_point) in [(1.0, 0), (f32::MIN_POSITIVE, 127), (f32::MAX, -128), (0.003, i32::MAX)] {
            if let Err(error) = q.requantize::<i8>(scale, zero_point, rounding) {
                one_line(&error);
            }
            if let Err(error) = q.requantize::<i32>(scale, zero_point, rounding) {
                one_line(&error);
            }
        }
    }
    if let Some(slice) = x.as_slice() {
        let _ = quantize_slice(slice, scheme).map_err(|error| one_line(&error));
        let restored = q.dequantize();
        let restored = restored.as_slice().expect("it is in row-major order");
        match Histogram::of_errors(slice, restored, 7) {
            Ok(histogram) => drop(histogram.to_string()),
            Err(error) => one_line(&error),
        }
    }
}

fn one_line(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
}
