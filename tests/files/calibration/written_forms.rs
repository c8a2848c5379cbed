//! Everything that has a written form comes back as it was, and a form that nothing could have written is refused, by name.

use ndarray::{Array1, Array2, Ix1, Ix2, array};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use tensor_quant::calibration::{Calibrator, ChannelMeans};
use tensor_quant::convention::{onnx_runtime, torch};
use tensor_quant::metrics::ErrorMetrics;
use tensor_quant::num::CodeType;
use tensor_quant::params::{AffineParams, AnyCalculator, BlockShape, CodeRange, Granularity, QuantParams, ValueRange};
use tensor_quant::{AnyScheme, I4, PackedTensor, QuantizedTensor, Scheme, quantize_tensor};

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(value).unwrap();
    let again: T = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
    prop_assert_eq!(&again, value, "{}", text);
    Ok(())
}

fn refused<T: DeserializeOwned + Debug>(text: &str, want: &str) {
    match serde_json::from_str::<T>(text) {
        Ok(value) => panic!("{text} is read as {value:?}"),
        Err(error) => assert!(error.to_string().contains(want), "{text}: {error}"),
    }
}

/// Bit patterns of f32, NaN apart.
fn values(len: usize) -> impl Strategy<Value = Vec<f32>> {
    let value = prop_oneof![
        2 => any::<u32>().prop_map(f32::from_bits).prop_map(|x| if x.is_nan() { 1.5 } else { x }),
        1 => -8.0_f32..8.0,
    ];
    prop::collection::vec(value, len)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tensors_of_any_scheme_come_back(x in values(24), scheme in 0..CodeType::ALL.len(), blocks in 0..4) {
        let granularity = match blocks {
            0 => Granularity::Tensor,
            1 => Granularity::Axis(1),
            2 => Granularity::Block { axis: 1, size: 4 },
            _ => Granularity::Blocks(BlockShape::new(&[3, 5]).unwrap()),
        };
        let scheme = AnyScheme::new(CodeType::ALL[scheme]).with_granularity(granularity);
        let x = Array2::from_shape_vec((4, 6), x).unwrap();
        // Without a finite value, or with too few codes, there is none.
        let Ok(tensor) = scheme.quantize(&x) else { return Ok(()) };
        comes_back(&tensor)?;
        comes_back(tensor.params())?;
        comes_back(&tensor.params().codes())?;
        if let Some(group) = tensor.params().group(0) {
            comes_back(&group)?;
        }
    }

    #[test]
    fn offsets_and_typed_tensors_come_back(x in values(12)) {
        let scheme = Scheme::<i8>::affine().with_calculator(tensor_quant::params::Affine::without_zero()).with_axis(0);
        let x = Array2::from_shape_vec((3, 4), x).unwrap();
        let Ok(tensor) = quantize_tensor(&x, &scheme) else { return Ok(()) };
        comes_back(&tensor)?;
        let text = serde_json::to_string(&tensor).unwrap();
        let packed: PackedTensor = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&packed).unwrap(), text);
        prop_assert_eq!(packed.dequantize(), tensor.dequantize().into_dyn());
    }

    #[test]
    fn metrics_come_back(x in values(40), y in values(40)) {
        comes_back(&ErrorMetrics::between(&x, &y).unwrap())?;
        comes_back(&ErrorMetrics::between(&x[..3], &x[..3]).unwrap())?;
        let scheme = AnyScheme::new(CodeType::I4);
        if let Ok(tensor) = scheme.quantize(Array1::from(x.clone())) {
            let typed: QuantizedTensor<I4, Ix1> = tensor.to_typed().unwrap();
            comes_back(&typed.error(Array1::from(x).view()).unwrap())?;
        }
    }

    #[test]
    fn channel_means_come_back_and_go_on(first in values(12), second in values(12)) {
        let mut means = ChannelMeans::new(0);
        comes_back(&means)?;
        means.observe(Array2::from_shape_vec((3, 4), first).unwrap().view()).unwrap();
        comes_back(&means)?;
        let mut again = ChannelMeans::from_json(&means.to_json().unwrap()).unwrap();
        let second = Array2::from_shape_vec((3, 4), second).unwrap();
        means.observe(second.view()).unwrap();
        again.observe(second.view()).unwrap();
        prop_assert_eq!(again.means(), means.means());
        prop_assert_eq!(again, means);
    }

    /// Whatever a file says: an error, or a tensor that can be used.
    #[test]
    fn a_damaged_tensor_is_refused_or_sound(
        kind in 0..CodeType::ALL.len(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let x = array![[1.0_f32, -2.0, 0.5], [3.0, 0.25, -0.125]];
        let scheme = AnyScheme::new(CodeType::ALL[kind]).with_axis(1);
        let Ok(tensor) = scheme.quantize(&x) else { return Ok(()) };
        let mut bytes = serde_json::to_vec(&tensor).unwrap();
        for (index, byte, kind) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = b"0123456789-.e,[]{}\"xA"[usize::from(byte) % 21],
                1 => _ = bytes.remove(at),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        if let Ok(tensor) = serde_json::from_slice::<PackedTensor>(&bytes) {
            prop_assert_eq!(tensor.dequantize().len(), tensor.len());
            prop_assert!(tensor.params().scales().iter().all(|scale| scale.is_finite() && *scale > 0.0));
        }
    }
}

#[test]
fn ranges_that_are_none_are_refused() {
    comes_back(&ValueRange::new(-1.5, 3e38).unwrap()).unwrap();
    refused::<ValueRange>(r#"{"min":2.0,"max":1.0}"#, "min <= max");
    refused::<ValueRange>(r#"{"min":0.0,"max":1e39}"#, "out of range");
    refused::<ValueRange>(r#"{"min":null,"max":1.0}"#, "null");
    refused::<ValueRange>(r#"{"min":0.0,"max":1.0,"mean":0.5}"#, "unknown field `mean`");

    for code in CodeType::ALL {
        let all = CodeRange::of_type(*code);
        comes_back(&all).unwrap();
        comes_back(&all.narrow()).unwrap();
        comes_back(&all.with_infinities()).unwrap();
    }
    refused::<CodeRange>(r#"{"kind":"integer","min":1.0,"max":1.0}"#, "at least two codes");
    refused::<CodeRange>(r#"{"kind":"integer","min":0.5,"max":4.0}"#, "not a range");
    refused::<CodeRange>(r#"{"kind":"integer","min":-1.0,"max":4294967296.0}"#, "any code type");
    refused::<CodeRange>(r#"{"kind":"integer","min":null,"max":null}"#, "not a range");
    refused::<CodeRange>(r#"{"kind":"float","min":null,"max":1.0}"#, "not a range");
    refused::<CodeRange>(r#"{"kind":"complex","min":0.0,"max":1.0}"#, "unknown variant `complex`");
}

#[test]
fn parameters_that_could_not_be_are_refused() {
    let params = |granularity: &str, scales: &str, zero_points: &str, more: &str| {
        format!(
            r#"{{"granularity":"{granularity}","codes":{{"kind":"integer","min":-127.0,"max":127.0}},"scales":{scales},"zero_points":{zero_points}{more}}}"#
        )
    };
    let read: QuantParams = serde_json::from_str(&params("per axis 1", "[0.5,2.0]", "[0,1]", "")).unwrap();
    assert_eq!((read.scales(), read.zero_points(), read.offsets()), (&[0.5, 2.0][..], &[0, 1][..], &[][..]));
    for (text, want) in [
        (params("per tensor", "[-1.0]", "[0]", ""), "scale -1 of group 0 is not a positive finite number"),
        (params("per axis 0", "[1.0,0.0]", "[0,0]", ""), "scale 0 of group 1"),
        (params("per tensor", "[1e39]", "[0]", ""), "out of range"),
        (params("per tensor", "[null]", "[0]", ""), "null"),
        (params("per tensor", "[NaN]", "[0]", ""), "expected"),
        (params("per tensor", "[1.0,1.0]", "[0,0]", ""), "scales: expected a length of 1, got 2"),
        (params("per axis 0", "[1.0,1.0]", "[0]", ""), "zero points: expected a length of 2, got 1"),
        (params("per tensor", "[1.0]", "[128]", ""), "zero point 128 of group 0 is outside the codes -127..=127"),
        (params("per tensor", "[1.0]", "[0]", r#","offsets":[1.0,2.0]"#), "offsets: expected a length of 1, got 2"),
        (params("per tensor", "[1.0]", "[0]", r#","offsets":[1e39]"#), "out of range"),
        (params("per tensor", "[1.0]", "[0]", r#","bias":0"#), "unknown field `bias`"),
        (params("per block of 0 along axis 1", "[1.0]", "[0]", ""), "a block size of 0"),
        (params("per row", "[1.0]", "[0]", ""), "no granularity"),
    ] {
        refused::<QuantParams>(&text, want);
    }
    comes_back(&AffineParams::new(0.25, -3).unwrap().with_offset(1.5).unwrap()).unwrap();
    refused::<AffineParams>(r#"{"scale":0.0,"zero_point":0}"#, "not a positive finite number");
    refused::<AffineParams>(r#"{"scale":1.0,"zero_point":0,"offset":-1e39}"#, "out of range");
    for calculator in ["affine", "article 1..4"] {
        comes_back(&calculator.parse::<AnyCalculator>().unwrap()).unwrap();
    }
}

#[test]
fn tensors_that_do_not_fit_their_parameters_are_refused() {
    let params = r#"{"granularity":"per tensor","codes":{"kind":"integer","min":-7.0,"max":7.0},"scales":[1.0],"zero_points":[0]}"#;
    let tensor = |code: &str, shape: &str, codes: &str| {
        format!(r#"{{"code":"{code}","shape":{shape},"codes":{codes},"params":{params}}}"#)
    };
    let read: PackedTensor = serde_json::from_str(&tensor("i4", "[3]", r#""1wE=""#)).unwrap();
    assert_eq!(read.dequantize(), array![7.0, -3.0, 1.0].into_dyn());
    for (text, want) in [
        (tensor("i4", "[5]", r#""1wE=""#), "bytes of codes: expected a length of 3, got 2"),
        (tensor("i4", "[3]", r#""1wE""#), "not in base64"),
        (tensor("i4", "[3]", r#""1w-_""#), "not in base64"),
        (tensor("i4", "[3]", "[215,1]"), "expected a string"),
        (tensor("i4", "[3]", r#""CAE=""#), "code -8 is outside the codes -7..=7"),
        (tensor("f16", "[1]", r#""1wE=""#), "of f16"),
        (tensor("u4", "[3]", r#""1wE=""#), "of u4"),
        (tensor("i5", "[3]", r#""1wE=""#), "no code type"),
        (tensor("i4", "[-3]", r#""1wE=""#), "invalid value"),
        (tensor("i4", "[18446744073709551615]", r#""1wE=""#), "do not fit in memory"),
        (tensor("i4", "[9223372036854775807,2,0]", r#""""#), "do not fit in memory"),
        (tensor("i4", "[4611686018427387904]", r#""1wE=""#), "expected a length of 2305843009213693952, got 2"),
        (tensor("i4", "[3]", r#""1wE=","observed":0"#), "unknown field `observed`"),
    ] {
        refused::<PackedTensor>(&text, want);
    }
    let i4 = tensor("i4", "[3]", r#""1wE=""#);
    assert!(serde_json::from_str::<QuantizedTensor<I4, Ix1>>(&i4).is_ok());
    refused::<QuantizedTensor<i8, Ix1>>(&i4, "the codes are of type i4, not i8");
    refused::<QuantizedTensor<I4, Ix2>>(&i4, "another number of dimensions");
}

#[test]
fn a_tensor_as_text_takes_four_characters_for_three_bytes() {
    let x = Array1::linspace(-1.0_f32, 1.0, 3000);
    let tensor = AnyScheme::new(CodeType::I8).quantize(&x).unwrap();
    assert!(serde_json::to_string(&tensor).unwrap().len() < 4000 + 250);
}

#[test]
fn metrics_that_no_values_have_are_refused() {
    let metrics = ErrorMetrics::between(&[3.0, 4.0], &[3.0, 4.5]).unwrap();
    let text = serde_json::to_string(&metrics).unwrap();
    for (from, to, want) in [
        ("\"count\":2", "\"count\":0", "metrics of 0 values"),
        ("\"non_finite\":0", "\"non_finite\":3", "3 of them are not finite"),
        ("\"saturated\":0", "\"saturated\":3", "3 of them were saturated"),
        ("\"non_finite_changed\":0", "\"non_finite_changed\":1", "have changed"),
        ("\"zeroed\":0", "\"zeroed\":9", "became zero"),
        ("\"sum_d2\":0.25", "\"sum_d2\":-0.25", "negative"),
        ("\"sum_d2\":0.25", "\"sum_d2\":0.01", "the largest error is larger"),
        ("\"sum_x2\":25.0", "\"sum_x2\":1e9", "the squares are larger than the bounds allow"),
        ("\"sum_xy\":27.0", "\"sum_xy\":127.0", "the products are larger"),
        ("\"max_abs_d_index\":1", "\"max_abs_d_index\":2", "beyond the last"),
        ("\"x_min\":3.0", "\"x_min\":5.0", "not ordered"),
        ("\"sum_d\":-0.5", "\"sum_d\":null", "null"),
        ("\"sum_d\":-0.5", "\"sum_d\":-0.5,\"psnr\":1", "unknown field `psnr`"),
    ] {
        assert!(text.contains(from), "{text}");
        refused::<ErrorMetrics>(&text.replacen(from, to, 1), want);
    }
}

#[test]
fn channel_means_that_nobody_wrote_are_refused_with_the_reason() {
    let good = r#"{"format":"tensor-quant channel means","version":1,"means":{"axis":0,"channels":[{"count":2,"sums":{"3":"-5"}}]}}"#;
    ChannelMeans::from_json(good).unwrap();
    for (from, to, want) in [
        ("channel means\"", "calibration\"", "its format is \"tensor-quant calibration\", not"),
        ("\"version\":1", "\"version\":7", "its version is 7, and this crate reads 1"),
        ("\"version\":1", "\"version\":0", "its version is 0, and this crate reads 1"),
        ("\"3\"", "\"8\"", "there is no sum 8; the last is 7"),
        ("\"-5\"", "\"many\"", "\\\"many\\\" is no sum of 2 values"),
        ("\"-5\"", "\"72057594037927936\"", "is no sum of 2 values"),
        ("\"count\":2", "\"count\":0", "is no sum of 0 values"),
        ("\"count\":2", "\"count\":9007199254740993", "9007199254740993 values"),
        ("\"axis\":0", "\"axis\":0,\"means\":[]", "unknown field `means`"),
        ("\"axis\":0", "\"axis\":-1", "invalid value"),
    ] {
        let message = ChannelMeans::from_json(&good.replacen(from, to, 1)).unwrap_err().to_string();
        let want = want.replace("\\\"", "\"");
        assert!(message.starts_with("not a usable calibration: ") && message.contains(&want), "{to}: {message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("means.json");
    let mut means = ChannelMeans::new(1);
    means.observe(&array![[1.0_f32, -2.0]]).unwrap();
    means.save(&path).unwrap();
    assert_eq!(ChannelMeans::load(&path).unwrap(), means);
    std::fs::write(&path, "{}").unwrap();
    let error = ChannelMeans::load(&path).unwrap_err().to_string();
    assert!(error.contains("is not a usable channel means file: missing field `format`"), "{error}");
}

#[test]
fn states_of_conventions_that_no_observation_left_are_refused() {
    let seen = r#""seen":{"min":-1.0,"max":2.0,"count":4,"nan":1,"infinite":0}"#;
    let signed = |threshold: &str, counts: &str| {
        format!(r#"{{"quantized_bins":2,"collector":{{"bins":4,{seen},"threshold":{threshold},"counts":{counts}}}}}"#)
    };
    serde_json::from_str::<onnx_runtime::EntropyCalibrater>(&signed("2.0", "[0,1,1,1]")).unwrap();
    for (text, want) in [
        (signed("1.5", "[0,1,1,1]"), "bins up to 1.5 do not hold ±2"),
        (signed("1e39", "[0,1,1,1]"), "out of range"),
        (signed("-2.0", "[0,1,1,1]"), "do not hold"),
        (signed("2.0", "[0,1,1,2]"), "4 values are counted of 3"),
        (signed("2.0", "[18446744073709551615,4]"), "18446744073709551615 values are counted of 3"),
        (signed("2.0", "[]"), "0 bins of 3 finite values"),
        (signed("2.0,\"edges\":[]", "[0,1,1,1]"), "either a threshold or edges"),
        (
            signed("2.0", "[0,1,1,1]").replace("\"bins\":4", "\"bins\":0"),
            "the number of bins must be from 1 to 65536, got 0",
        ),
        (signed("2.0", "[0,1,1,1]").replace("s\":2,", "s\":9,"), "the number of quantized bins"),
    ] {
        refused::<onnx_runtime::EntropyCalibrater>(&text, want);
    }
    let magnitudes = |edges: &str, counts: &str| {
        format!(
            r#"{{"percentile":99.0,"symmetric":true,"collector":{{"bins":2,{seen},"edges":{edges},"counts":{counts}}}}}"#
        )
    };
    serde_json::from_str::<onnx_runtime::PercentileCalibrater>(&magnitudes("[0.5,1.0,2.0]", "[1,2]")).unwrap();
    for (text, want) in [
        (magnitudes("[0.5,2.0]", "[1,2]"), "2 edges of 2 bins"),
        (magnitudes("[0.5,2.0,1.0]", "[1,2]"), "edges ascend"),
        (magnitudes("[-3.0,1.0,2.0]", "[1,2]"), "the edges of magnitudes begin at"),
        (magnitudes("[0.5,1.0,2.0]", "[1,3]"), "4 values are counted of 3"),
        (magnitudes("[0.5,1.0,2.0]", "[0,0]"), "0 values are counted of 3"),
        (magnitudes("[0.5,1.0,2.0]", "[1,2]").replace("99.0", "101.0"), "the percentile must be from 0 to 100"),
    ] {
        refused::<onnx_runtime::PercentileCalibrater>(&text, want);
    }
    let min_max = |minima: &str, maxima: &str, batches: u64| {
        format!(
            r#"{{"averaged":true,"symmetric":false,{seen},"minima":{minima},"maxima":{maxima},"batches":{batches}}}"#
        )
    };
    serde_json::from_str::<onnx_runtime::MinMaxCalibrater>(&min_max("-1.0", "2.5", 2)).unwrap();
    refused::<onnx_runtime::MinMaxCalibrater>(&min_max("3.0", "2.5", 2), "finite and ordered");
    refused::<onnx_runtime::MinMaxCalibrater>(&min_max("-1.0", "1e39", 2), "out of range");
    refused::<onnx_runtime::MinMaxCalibrater>(&min_max("-1.0", "2.5", 4), "4 batches of 3 finite values");
    let few = format!(r#"{{"power":"same","collector":{{"bins":511,{seen},"threshold":2.0,"counts":[0,1,1,1]}}}}"#);
    refused::<onnx_runtime::DistributionCalibrater>(&few, "the number of bins must be from 512 to 65536, got 511");
    let observer = |histogram: &str| format!(r#"{{{seen},"histogram":{histogram}}}"#);
    serde_json::from_str::<torch::HistogramObserver>(&observer("[1.0,0.0,2.0]")).unwrap();
    refused::<torch::HistogramObserver>(&observer("[]"), "the number of bins must be from 1 to 65536, got 0");
    refused::<torch::HistogramObserver>(&observer("[1.0,-1.0,3.0]"), "not negative");
    refused::<torch::HistogramObserver>(&observer("[1.0,1e39]"), "out of range");
    refused::<torch::HistogramObserver>(&observer("[0.0,0.0]"), "0 values are counted of 3");
    refused::<torch::HistogramObserver>(&observer("[9.0,0.0]"), "9 values are counted of 3");
    let other = Calibrator::new(onnx_runtime::MinMaxCalibrater::default()).to_json().unwrap();
    let error = Calibrator::<tensor_quant::range::MinMax>::from_json(&other).unwrap_err().to_string();
    assert!(error.contains(r#"it is of the estimator "onnx-runtime min-max", not "min-max""#), "{error}");
}

#[test]
fn a_channel_without_values_is_named() {
    let calibrator = Calibrator::new(tensor_quant::range::MinMax::default()).with_axis(1);
    calibrator.observe("x", array![[1.0_f32, f32::NAN]].view()).unwrap();
    let error = calibrator.params("x", &Scheme::<i8>::affine()).unwrap_err().to_string();
    assert!(
        error.starts_with("tensor \"x\": no finite value was observed in group 1, so there is no range"),
        "{error}"
    );
}
