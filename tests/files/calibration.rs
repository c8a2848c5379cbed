//! A calibrator's answer depends on what was observed alone: not on order, threads, merging, or a detour through a file;
//! and a file that nobody could have written is refused.
#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod written_forms;

use ndarray::{Array1, Array2, Array3, Axis, array};
use proptest::prelude::*;
use tensor_quant::calibration::{Calibrator, ChannelMeans, State, correct_bias};
use tensor_quant::convention::onnx_runtime::Power;
use tensor_quant::convention::{onnx_runtime, torch};
use tensor_quant::params::ValueRange;
use tensor_quant::range::{
    Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile, RangeEstimator, Target,
};
use tensor_quant::{Error, I4, Scheme, f16, quantize_tensor};

fn noise(n: usize, seed: u32) -> Vec<f32> {
    let scramble = |i: u32| {
        let x = (i ^ seed ^ (i >> 15)).wrapping_mul(0x9e37_79b9);
        (x ^ (x >> 13)).wrapping_mul(0x85eb_ca6b)
    };
    (0..n as u32).map(|i| (scramble(i) as i32 as f32 / 536_870_912.0).powi(3)).collect()
}

fn json<E: State>(calibrator: &Calibrator<E>) -> String {
    calibrator.to_json().unwrap()
}

#[test]
fn threads_and_order_do_not_matter() {
    let batches: Vec<Array1<f32>> = (0..12).map(|i| Array1::from(noise(900, i))).collect();
    let names = ["a", "b", "c"];
    let one_after_the_other = Calibrator::new(Mse::default());
    for (i, batch) in batches.iter().enumerate() {
        one_after_the_other.observe(names[i % 3], batch.view()).unwrap();
    }
    let together = Calibrator::new(Mse::default());
    std::thread::scope(|scope| {
        for (i, batch) in batches.iter().enumerate().rev() {
            let together = &together;
            scope.spawn(move || together.observe(names[i % 3], batch.view()).unwrap());
        }
    });
    assert_eq!(json(&together), json(&one_after_the_other));

    let (even, odd) = (Calibrator::new(Mse::default()), Calibrator::new(Mse::default()));
    for (i, batch) in batches.iter().enumerate() {
        let part = if i % 2 == 0 { &even } else { &odd };
        part.observe(names[i % 3], batch.view()).unwrap();
    }
    odd.merge(&even).unwrap();
    assert_eq!(json(&odd), json(&one_after_the_other));
    // With itself, each value counts twice.
    odd.merge(&odd).unwrap();
    assert_eq!(odd.seen("a").unwrap().count, 2 * one_after_the_other.seen("a").unwrap().count);
}

#[test]
fn a_channel_is_calibrated_as_if_it_were_alone_on_any_axis() {
    let x = Array3::from_shape_vec((7, 5, 90), noise(7 * 5 * 90, 1)).unwrap();
    for axis in 0..3 {
        let all = Calibrator::new(Percentile::two_sided(0.9).unwrap()).with_axis(axis);
        for layout in [x.view(), x.view()] {
            all.observe("x", layout).unwrap();
        }
        let scheme = Scheme::<u8>::affine();
        let params = all.params("x", &scheme).unwrap();
        for (i, channel) in x.axis_iter(Axis(axis)).enumerate() {
            let alone = Calibrator::new(Percentile::two_sided(0.9).unwrap());
            alone.observe("x", channel).unwrap();
            alone.observe("x", channel).unwrap();
            let alone = alone.params("x", &scheme).unwrap();
            assert_eq!((params.scales()[i], params.zero_points()[i]), (alone.scales()[0], alone.zero_points()[0]));
        }
    }
    // Transposed in memory, the same axis.
    let transposed = x.view().reversed_axes();
    let (one, other) =
        (Calibrator::new(MinMax::default()).with_axis(0), Calibrator::new(MinMax::default()).with_axis(0));
    one.observe("x", transposed).unwrap();
    other.observe("x", transposed.to_owned().view()).unwrap();
    assert_eq!(json(&one), json(&other));
}

#[test]
fn one_batch_gives_what_quantizing_it_gives() {
    let x = Array2::from_shape_vec((30, 40), noise(1200, 9)).unwrap();
    let scheme = Scheme::<I4>::symmetric().with_estimator(Mse::default());
    let calibrator = Calibrator::new(Mse::default());
    calibrator.observe("x", x.view()).unwrap();
    assert_eq!(&calibrator.params("x", &scheme).unwrap(), quantize_tensor(x.view(), &scheme).unwrap().params());
    let calibrator = Calibrator::new(Mse::default()).with_axis(1);
    calibrator.observe("x", x.mapv(f16::from_f32).view()).unwrap();
    let scheme = scheme.with_axis(1);
    let want = quantize_tensor(x.mapv(f16::from_f32).view(), &scheme).unwrap();
    assert_eq!(&calibrator.params("x", &scheme).unwrap(), want.params());
}

#[test]
fn a_moving_average_takes_each_call_for_a_batch() {
    let calibrator = Calibrator::new(MovingAverage::new(0.5).unwrap());
    // Longer than the pieces in which other estimators see a tensor.
    let batch = |x: f32| Array2::from_elem((100, 100), x).reversed_axes();
    for x in [1.0, 3.0] {
        calibrator.observe("x", batch(x).view()).unwrap();
    }
    let ranges = calibrator.ranges("x", &Scheme::<i8>::affine()).unwrap();
    assert_eq!(ranges, [ValueRange::new(2.0, 2.0).unwrap()]);
}

#[test]
fn what_was_not_observed_is_listed() {
    let calibrator = Calibrator::new(MinMax::default());
    let scheme = Scheme::<i8>::affine();
    let message = |error: Error| error.to_string();
    let error = calibrator.params_of(["x", "y"], &scheme).unwrap_err();
    assert_eq!(message(error), r#"no values were observed for "x", "y"; 0 other tensors were observed"#);
    calibrator.observe("x", array![f32::NAN, f32::INFINITY].view()).unwrap();
    let error = calibrator.params("x", &scheme).unwrap_err();
    let want =
        "tensor \"x\": no finite value was observed, so there is no range (of 2 values, 1 were NaN and 1 infinite)";
    assert_eq!(message(error), want);
    assert_eq!((calibrator.names(), calibrator.seen("y")), (vec!["x".to_owned()], None));

    let channels = Calibrator::new(MinMax::default()).with_axis(1);
    assert_eq!(
        message(channels.observe("x", array![1.0_f32].view()).unwrap_err()),
        "tensor \"x\": axis 1 is out of bounds for a tensor of 1 dimensions"
    );
    channels.observe("x", array![[1.0_f32, 2.0]].view()).unwrap();
    assert_eq!(
        message(channels.observe("x", array![[1.0_f32, 2.0, 3.0]].view()).unwrap_err()),
        "tensor \"x\": the axis of its channels: expected a length of 2, got 3"
    );
    let want = "a calibrator per axis 1 cannot take in one per tensor";
    assert_eq!(message(channels.merge(&calibrator).unwrap_err()), want);
}

/// Everything that estimators can have seen.
fn values() -> impl Strategy<Value = Vec<f32>> {
    let value = prop_oneof![
        6 => any::<u32>().prop_map(f32::from_bits),
        4 => -8.0_f32..8.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, 1e-45, f32::NAN, f32::INFINITY]),
    ];
    prop_oneof![
        prop::collection::vec(value.clone(), 0..40),
        // Repeated until they are counted, not kept.
        prop::collection::vec(value, 1..40).prop_map(|v| v.iter().copied().cycle().take(5000).collect()),
    ]
}

fn survives_a_file<E: State>(fresh: E, values: &[f32]) -> Result<(), TestCaseError> {
    let calibrator = Calibrator::new(fresh);
    // In two batches, so that histograms grow.
    let (first, second) = values.split_at(values.len() / 2);
    for batch in [first, second] {
        calibrator.observe("tensor \"1\"\n", ndarray::ArrayView1::from(batch)).unwrap();
    }
    calibrator.observe("nothing", Array1::<f32>::zeros(0).view()).unwrap();
    let text = json(&calibrator);
    let again = Calibrator::<E>::from_json(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
    prop_assert_eq!(json(&again), text);
    let targets: [&dyn Target; 2] = [&Scheme::<i8>::symmetric(), &Scheme::<u8>::affine()];
    for target in targets {
        let (one, other) = (calibrator.ranges("tensor \"1\"\n", target), again.ranges("tensor \"1\"\n", target));
        prop_assert_eq!(one.map_err(|error| error.to_string()), other.map_err(|error| error.to_string()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_file_changes_nothing(values in values()) {
        survives_a_file(MinMax::default(), &values)?;
        survives_a_file(MovingAverage::new(0.1).unwrap(), &values)?;
        survives_a_file(Percentile::new(0.1, 0.9).unwrap(), &values)?;
        survives_a_file(MeanStd::new(2.7).unwrap(), &values)?;
        survives_a_file(Mse::default(), &values)?;
        survives_a_file(Octav::default(), &values)?;
        survives_a_file(LpNorm::new(1.1).unwrap(), &values)?;
        survives_a_file(Entropy::default(), &values)?;
        survives_a_file(onnx_runtime::MinMaxCalibrater::averaged().symmetric(), &values)?;
        survives_a_file(onnx_runtime::EntropyCalibrater::default(), &values)?;
        survives_a_file(onnx_runtime::PercentileCalibrater::symmetric(100, 99.0).unwrap(), &values)?;
        survives_a_file(onnx_runtime::PercentileCalibrater::affine(100, 99.0).unwrap(), &values)?;
        survives_a_file(onnx_runtime::DistributionCalibrater::new(512, Power::CubeRoot).unwrap(), &values)?;
        survives_a_file(torch::HistogramObserver::new(100).unwrap(), &values)?;
        survives_a_file(Fixed::new(ValueRange::new(-0.1, 3.3e38).unwrap()), &values)?;
    }

    /// Bytes changed, taken out and doubled: an error, or a state that can be used; never a panic.
    #[test]
    fn a_damaged_file_is_refused_or_sound(seed in any::<u32>(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4)) {
        fn damaged<E: State>(fresh: E, seed: u32, edits: &[(prop::sample::Index, u8, i32)]) {
            let calibrator = Calibrator::new(fresh);
            calibrator.observe("x", Array1::from(noise(if seed.is_multiple_of(2) { 20 } else { 4200 }, seed)).view()).unwrap();
            let mut bytes = json(&calibrator).into_bytes();
            for (index, byte, kind) in edits {
                let at = index.index(bytes.len());
                match kind {
                    0 => bytes[at] = b"0123456789-.e,[]{}\"x"[usize::from(*byte) % 20],
                    1 => _ = bytes.remove(at),
                    _ => bytes.insert(at, bytes[at]),
                }
            }
            let Ok(text) = String::from_utf8(bytes) else { return };
            if let Ok(calibrator) = Calibrator::<E>::from_json(&text) {
                for name in calibrator.names() {
                    let _ = calibrator.ranges(&name, &Scheme::<I4>::symmetric());
                    let _ = calibrator.params(&name, &Scheme::<u8>::affine());
                }
                calibrator.merge(&calibrator).unwrap();
                calibrator.observe("x", array![1.0_f32, 1e30].view()).unwrap();
                let _ = calibrator.ranges("x", &Scheme::<i8>::symmetric());
            }
        }
        damaged(MinMax::default(), seed, &edits);
        damaged(MeanStd::new(2.0).unwrap(), seed, &edits);
        damaged(Percentile::new(0.1, 0.9).unwrap(), seed, &edits);
        damaged(Octav::default(), seed, &edits);
        damaged(Entropy::default(), seed, &edits);
        damaged(MovingAverage::new(0.1).unwrap(), seed, &edits);
        damaged(onnx_runtime::MinMaxCalibrater::averaged(), seed, &edits);
        damaged(onnx_runtime::EntropyCalibrater::new(8, 4).unwrap(), seed, &edits);
        damaged(onnx_runtime::PercentileCalibrater::symmetric(8, 90.0).unwrap(), seed, &edits);
        damaged(onnx_runtime::PercentileCalibrater::affine(8, 90.0).unwrap(), seed, &edits);
        damaged(torch::HistogramObserver::new(8).unwrap(), seed, &edits);
    }
}

#[test]
fn files_that_nobody_wrote_are_refused_with_the_reason() {
    let sample = r#""seen":{"min":1.0,"max":2.0,"count":2,"nan":0,"infinite":0}"#;
    let file = |state: &str| {
        let seen = r#"{"min":1.0,"max":2.0,"count":2,"nan":0,"infinite":0}"#;
        format!(
            r#"{{"format":"tensor-quant calibration","version":1,"estimator":"mse","axis":null,
            "fresh":{{"seen":{{"count":0,"nan":0,"infinite":0}},"values":[]}},
            "tensors":{{"x":{{"seen":{seen},"states":[{state}]}}}}}}"#
        )
    };
    let refused = |json: &str| Calibrator::<Mse>::from_json(json).unwrap_err().to_string();
    Calibrator::<Mse>::from_json(&file(&format!(r#"{{{sample},"values":[1.0,2.0]}}"#))).unwrap();
    let counted = r#""seen":{"min":1.0,"max":2.0,"count":5000,"nan":0,"infinite":0}"#;
    Calibrator::<Mse>::from_json(&file(&format!(
        r#"{{{counted},"histogram":{{"exponent":-10,"bins":[[1024,1],[2048,4999]]}}}}"#
    )))
    .unwrap();
    for (state, want) in [
        (format!(r#"{{{sample},"values":[2.0,1.0]}}"#), "values ascend and are finite"),
        (format!(r#"{{{sample},"values":[1.0]}}"#), "1 values are kept of 2"),
        (format!(r#"{{{sample},"values":[1.0,3.0]}}"#), "have the bounds"),
        (format!("{{{sample}}}"), "either values or a histogram"),
        (format!(r#"{{{sample},"values":[1.0,2.0],"more":1}}"#), "unknown field `more`"),
        (format!(r#"{{{sample},"values":[1.0,1e39]}}"#), "out of range"),
        (
            format!(r#"{{{counted},"histogram":{{"exponent":-10,"bins":[[1024,1],[2048,4998]]}}}}"#),
            "4999 values are counted of 5000",
        ),
        (format!(r#"{{{counted},"histogram":{{"exponent":-10,"bins":[[1024,1],[2049,4999]]}}}}"#), "does not end at"),
        (format!(r#"{{{counted},"histogram":{{"exponent":-10,"bins":[[2048,4999],[1024,1]]}}}}"#), "ascending"),
        (format!(r#"{{{counted},"histogram":{{"exponent":-10,"bins":[[1024,5000],[9999,0]]}}}}"#), "bin 9999"),
        (
            format!(r#"{{{counted},"histogram":{{"exponent":4000,"bins":[]}}}}"#),
            "the exponent must be from -149 to 116, got 4000",
        ),
        (
            format!(r#"{{{counted},"histogram":{{"exponent":3,"bins":[[0,5000]]}}}}"#),
            "wider than a farthest bin of 0 needs",
        ),
        (
            format!(
                r#"{{{counted},"histogram":{{"exponent":-10,"bins":[[1024,18446744073709551615],[2048,18446744073709551615]]}}}}"#
            ),
            "counts 18446744073709551615",
        ),
        (
            r#"{"seen":{"min":2.0,"max":1.0,"count":2,"nan":0,"infinite":0},"values":[1.0,2.0]}"#.to_owned(),
            "min <= max",
        ),
        (r#"{"seen":{"count":1,"nan":2,"infinite":0},"values":[]}"#.to_owned(), "of 1 values, 2 are NaN"),
        (r#"{"seen":{"count":2,"nan":0,"infinite":0},"values":[1.0,2.0]}"#.to_owned(), "2 finite values have bounds"),
    ] {
        let message = refused(&file(&state));
        assert!(message.starts_with("not a usable calibration: ") && message.contains(want), "{state}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
    let good = file(&format!(r#"{{{sample},"values":[1.0,2.0]}}"#));
    for (from, to, want) in [
        ("\"version\":1", "\"version\":2", "its version is 2, and this crate reads 1"),
        ("tensor-quant calibration", "something", "its format is \"something\", not \"tensor-quant calibration\""),
        ("\"estimator\":\"mse\"", "\"estimator\":\"octav\"", "it is of the estimator \"octav\", not \"mse\""),
        ("\"states\":[", "\"states\":[],\"other\":[", "unknown field `other`"),
        ("\"axis\":null", "\"axis\":-1", "invalid value"),
    ] {
        let message = refused(&good.replacen(from, to, 1));
        assert!(message.contains(want), "{message}");
    }
    assert!(refused(&good.replace("\"states\":[{", "\"states\":[],\"x\":[{")).contains("unknown field"));
    assert!(refused("").contains("EOF"));
    let quoted = refused(&good.replace("\"seen\":{", "\"seen\":{\"a\\nline\\u001b\":1,"));
    assert!(quoted.contains("unknown field") && !quoted.contains(char::is_control), "{quoted}");
    let none = good.replace(&format!(r#"[{{{sample},"values":[1.0,2.0]}}]"#), "[]");
    assert!(refused(&none).contains("tensor \"x\" has 0 states, and there is no axis"));
}

#[test]
fn files_are_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calibration.json");
    let calibrator = Calibrator::new(MinMax::default()).with_axis(0);
    calibrator.observe("x", array![1.0_f32, -2.0].view()).unwrap();
    calibrator.save(&path).unwrap();
    let again = Calibrator::<MinMax>::load(&path).unwrap();
    assert_eq!(json(&again), json(&calibrator));
    again.observe("x", array![0.0_f32, 9.0].view()).unwrap();
    again.save(&path).unwrap();
    assert_eq!(Calibrator::<MinMax>::load(&path).unwrap().seen("x").unwrap().count, 4);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary is left");

    let missing = Calibrator::<MinMax>::load(folder.path().join("missing.json")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read") && missing.contains("missing.json"), "{missing}");
    let nowhere = calibrator.save(folder.path().join("no/such/folder.json")).unwrap_err().to_string();
    assert!(nowhere.starts_with("cannot write"), "{nowhere}");
    std::fs::write(&path, "{").unwrap();
    let broken = Calibrator::<MinMax>::load(&path).unwrap_err().to_string();
    assert!(broken.contains("is not a usable calibration file: EOF"), "{broken}");
}

#[test]
fn memory_is_bounded_by_the_number_of_tensors() {
    let size = |batches: u32| {
        let calibrator = Calibrator::new(Mse::default());
        for i in 0..batches {
            calibrator.observe("x", Array1::from(noise(20_000, i)).view()).unwrap();
        }
        format!("{calibrator:?}").len()
    };
    let (few, many) = (size(2), size(40));
    assert!(many < 2 * few, "{few} characters became {many}");
}

/// However often states are merged, counts end where they end, and more may be observed.
#[test]
fn counts_do_not_overflow() {
    fn check<E: State>(fresh: E) {
        let calibrator = Calibrator::new(fresh);
        let values = Array1::from_shape_fn(5000, |i| if i == 0 { f32::NAN } else { (i % 7) as f32 - 2.0 });
        calibrator.observe("x", values.view()).unwrap();
        for _ in 0..140 {
            calibrator.merge(&calibrator.clone()).unwrap();
        }
        calibrator.observe("x", values.view()).unwrap();
        assert_eq!(calibrator.seen("x").unwrap().count, u64::MAX);
        let range = calibrator.ranges("x", &Scheme::<u8>::affine()).unwrap()[0];
        // Whole numbers have no squared error with a step of 1, of which 255 make a range; nobody else looks that far.
        let most = if E::NAME == "mse" { 256.0 } else { 99.0 };
        assert!(-most < range.min() && range.max() < most, "{}: {range}", E::NAME);
    }
    check(Entropy::default());
    check(LpNorm::new(2.4).unwrap());
    check(MeanStd::new(3.0).unwrap());
    check(MinMax::default());
    check(MovingAverage::new(0.1).unwrap());
    check(Mse::default());
    check(Octav::default());
    check(Percentile::two_sided(0.99).unwrap());
    let mut means = ChannelMeans::new(0);
    means.observe(array![[1.0_f32, 3.0], [f32::MAX, f32::MAX]].view()).unwrap();
    for _ in 0..140 {
        means.merge(&means.clone()).unwrap();
    }
    means.observe(array![[1.0_f32, 3.0], [f32::MAX, f32::MAX]].view()).unwrap();
    assert!(means.means().iter().all(|mean| mean.is_finite()));
}

#[test]
fn an_empty_tensor_of_absurdly_many_channels_is_an_error_that_names_it() {
    let x = Array2::<f32>::zeros((1 << 60, 0));
    let calibrator = Calibrator::new(Mse::default()).with_axis(0);
    let error = calibrator.observe("x", x.view()).unwrap_err().to_string();
    assert_eq!(error, format!("tensor \"x\": {} states of channels do not fit in memory", 1_u64 << 60));
    assert!(calibrator.names().is_empty());
    assert!(matches!(ChannelMeans::new(0).observe(x.view()), Err(Error::OutOfMemory { .. })));
}

#[test]
fn channel_means_are_exact() {
    let x = Array3::from_shape_vec((4, 6, 10), noise(240, 3)).unwrap();
    for axis in 0..3 {
        let mut means = ChannelMeans::new(axis);
        let (mut first, mut second) = (ChannelMeans::new(axis), ChannelMeans::new(axis));
        means.observe(x.view()).unwrap();
        means.observe((2.0 * &x).view()).unwrap();
        second.observe(x.view()).unwrap();
        first.observe((2.0 * &x).view()).unwrap();
        first.merge(&second).unwrap();
        assert_eq!(first, means);
        for (i, channel) in x.axis_iter(Axis(axis)).enumerate() {
            let want = 1.5 * channel.iter().map(|x| f64::from(*x)).sum::<f64>() / channel.len() as f64;
            assert!((f64::from(means.means()[i]) - want).abs() < 1e-6);
        }
    }
    let mut other = ChannelMeans::new(0);
    other.observe(array![1.0_f32, f32::NAN].view()).unwrap();
    assert_eq!(other.means(), [1.0, 0.0]);
    assert!(other.observe(array![1.0_f32].view()).is_err());
}

#[test]
fn a_corrected_bias_gives_the_float_layers_mean() {
    let weight = Array2::from_shape_vec((6, 20), noise(120, 5)).unwrap();
    let inputs = Array2::from_shape_vec((50, 20), noise(1000, 6)).unwrap().mapv(|x| x.abs() + 0.5);
    let restored = quantize_tensor(weight.view(), &Scheme::<I4>::symmetric().with_axis(0)).unwrap().dequantize();
    let mut means = ChannelMeans::new(1);
    means.observe(inputs.view()).unwrap();
    let bias = Array1::from(noise(6, 7));
    let axes = [0, 1];
    let corrected =
        correct_bias(weight.view(), restored.view(), axes, &means.means(), bias.as_slice().unwrap()).unwrap();
    let mean = |w: &Array2<f32>, b: &Array1<f32>| (inputs.dot(&w.t()) + b).mean_axis(Axis(0)).unwrap();
    let (float, plain) = (mean(&weight, &bias), mean(&restored, &bias));
    let mended = mean(&restored, &Array1::from(corrected));
    assert!((&float - &plain).iter().any(|d| d.abs() > 0.1));
    assert!((&float - &mended).iter().all(|d| d.abs() < 1e-3));

    let error = |result: Result<Vec<f32>, Error>| result.unwrap_err().to_string();
    let w = weight.view();
    assert_eq!(error(correct_bias(w, w, [0, 1], &[0.0; 20], &[0.0; 5])), "the bias: expected a length of 6, got 5");
    assert_eq!(
        error(correct_bias(w, w, [0, 2], &[0.0; 20], &[0.0; 6])),
        "axis 2 is out of bounds for a tensor of 2 dimensions"
    );
    let means = error(correct_bias(w, w, [0, 1], &[0.0; 6], &[0.0; 6]));
    assert_eq!(means, "the means of the inputs: expected a length of 20, got 6");
    assert!(
        error(correct_bias(w, w.t(), [0, 1], &[0.0; 20], &[0.0; 6]))
            .starts_with("the restored weights: expected the shape")
    );
}

/// An estimator of somebody else's can be saved, too.
#[test]
fn any_estimator_can_have_a_file() {
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct Doubled(MinMax);
    impl RangeEstimator for Doubled {
        fn observe(&mut self, values: &[f32]) {
            self.0.observe(values);
        }
        fn merge(&mut self, other: &Self) {
            self.0.merge(&other.0);
        }
        fn range(&self, target: &dyn Target) -> tensor_quant::Result<ValueRange> {
            let range = self.0.range(target)?;
            ValueRange::new(2.0 * range.min(), 2.0 * range.max())
        }
    }
    impl State for Doubled {
        const NAME: &'static str = "doubled";
    }
    let calibrator = Calibrator::new(Doubled(MinMax::default()));
    calibrator.observe("x", array![1.0_f32, -2.0].view()).unwrap();
    let again = Calibrator::<Doubled>::from_json(&json(&calibrator)).unwrap();
    assert_eq!(again.ranges("x", &Scheme::<i8>::affine()).unwrap()[0].min(), -4.0);
}
