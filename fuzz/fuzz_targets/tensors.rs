//! Tensors of any shape, layout and values by any scheme: an error of one line, or codes in range that can be restored,
//! measured and requantized, the same in whichever way they were asked for.

#![no_main]

use arbitrary::{Result as Drawn, Unstructured};
use libfuzzer_sys::fuzz_target;
use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use tensor_quant::convention::{tflite, torchao};
use tensor_quant::metrics::Histogram;
use tensor_quant::num::{Code, F8E4M3Fn, HalfAway, I4, TiesEven, U2, f16};
use tensor_quant::params::{NanPolicy, ProductRounding};
use tensor_quant::tensor::{fake_quantize_backward, quantize_slice, quantize_tensors};
use tensor_quant::{Error, QuantizedTensor, Rounding, fake_quantize_tensor, quantize_tensor, quantize_with_params};
use tensor_quant_fuzz::memory;
use tensor_quant_fuzz::scheme::{Setting, granularity};

/// Each element may be a group with an estimator of its own, of 8 KiB where sums are exact, or of up to 600 bins of 8 bytes
/// with edges, in the scheme's pass and in a clone.
const OF_AN_ELEMENT: usize = 1 << 15;
/// A search for the best range holds tables.
const ALWAYS: usize = 1 << 24;
/// A few hundred elements are soon done; more values than that estimators count in a histogram.
const MOST: usize = 600;
const LARGE: usize = 5000;

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    let _ = run(&mut u);
});

fn run(u: &mut Unstructured<'_>) -> Drawn<()> {
    let setting = Setting::draw(u)?;
    let (code, layout) = (u.int_in_range(0..=8_u8)?, u.int_in_range(0..=4_u8)?);
    let x = tensor(u)?;
    let wide = x.broadcast([&[3], x.shape()].concat()).map(|view| view.to_owned());
    let view = match layout {
        0 => x.view(),
        1 => x.t(),
        2 => x.slice_each_axis(|axis| Slice::new(0, None, if axis.axis == Axis(0) { -1 } else { 1 })),
        3 => x.slice_each_axis(|_| Slice::new(0, None, 2)),
        _ => wide.as_ref().map_or(x.view(), |wide| wide.view()),
    };
    memory::within(ALWAYS + OF_AN_ELEMENT * view.len(), || match code {
        0 => survive::<i8, _>(&view, &setting, setting.rounding),
        1 => survive::<u8, _>(&view, &setting, setting.rounding),
        2 => survive::<i16, _>(&view, &setting, setting.rounding),
        3 => survive::<i32, _>(&view, &setting, setting.rounding),
        4 => survive::<I4, _>(&view, &setting, setting.rounding),
        5 => survive::<U2, _>(&view, &setting, TiesEven),
        6 => survive::<f16, _>(&view, &setting, setting.rounding),
        7 => survive::<F8E4M3Fn, _>(&view, &setting, TiesEven),
        _ => survive::<i8, _>(&view, &setting, HalfAway),
    });
    if let Some(error) = tflite::dynamic_range_weights(view.view(), granularity(u)?).err() {
        one_line(&error);
    }
    Ok(())
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

fn survive<C: Code, R: Rounding>(x: &ArrayViewD<'_, f32>, setting: &Setting, rounding: R) {
    let scheme = setting.scheme::<C, R>(rounding);
    let result = quantize_tensor(x.view(), &scheme);
    let fake = fake_quantize_tensor(x.view(), &scheme);
    assert_eq!(result.is_ok(), fake.is_ok());
    assert_eq!(quantize_tensors(&[x.view()], &scheme)[0].is_ok(), result.is_ok());
    let mixed: Vec<usize> = x.shape().iter().map(|n| if n % 2 == 0 { n / 2 } else { 1 }).collect();
    if let Err(error) = torchao::quantize_affine(x.view(), &mixed, &scheme) {
        one_line(&error);
    }
    let (q, fake) = match (result, fake) {
        (Ok(q), Ok(fake)) => (q, fake),
        (Err(error), _) | (_, Err(error)) => return one_line(&error),
    };
    let used = scheme.codes();
    let inside = |code: f64| (used.min() <= code && code <= used.max()) || code.is_nan();
    assert!(q.codes().iter().all(|code| inside(code.to_f64()) || C::NAME.starts_with('f')));
    assert!(!(setting.nan_policy == NanPolicy::Error && x.iter().any(|x| x.is_nan())), "a NaN was not refused");
    let restored = q.dequantize();
    let bits = |reals: &ArrayD<f32>| reals.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect::<Vec<_>>();
    assert_eq!(bits(&fake), bits(&restored));
    let _ = q.error(x.view()).expect("it is of the same shape").to_string();
    assert!(q.error(ArrayD::<f32>::zeros(IxDyn(&[7, 1, 1, 1, 1, 1])).view()).is_err());
    for axis in 0..=x.ndim() {
        let channels = q.error_per_channel(x.view(), axis).map(|channels| channels.len()).ok();
        assert_eq!(channels, x.shape().get(axis).copied());
    }
    fake_quantize_backward(x.view(), restored.view(), q.params(), scheme.settings()).expect("it is of the same shape");
    again(x, &q, &scheme, rounding);
}

fn again<C: Code, R: Rounding>(
    x: &ArrayViewD<'_, f32>,
    q: &QuantizedTensor<C, IxDyn>,
    scheme: &tensor_quant::Scheme<C, impl tensor_quant::RangeEstimator, impl tensor_quant::ParamsCalculator, R>,
    _: R,
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
