//! What a quantized model loses is what the interpreter says; ranges are those of the values that were shown.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "judge/backwards.rs"]
mod backwards;
#[path = "judge/choices.rs"]
mod choices;
#[path = "judge/integers.rs"]
mod integers;

use ndarray::{Array1, Array2, Axis};
use ndarray_npy::NpzReader;
use std::fs::File;
use tensor_quant::calibration::{RunError, Runner};
use tensor_quant::pipeline::{Data, Goal, Options, Request, fit_file, quantize_file_with};
use tensor_quant::range::MinMax;
use tensor_quant::recipe::{Effort, Recipe};
use tensor_quant_run::data::Classes;
use tensor_quant_run::{Calibration, Executor, PureRust, Sample, evaluate};

fn path(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    folder.join(name).to_str().unwrap().to_owned()
}

fn read() -> impl Iterator<Item = Result<Sample, RunError>> {
    samples().into_iter().map(Ok)
}

fn samples() -> Vec<Sample> {
    let mut npz = NpzReader::new(File::open(path("mlp.npz")).unwrap()).unwrap();
    let images: Array2<u8> = npz.by_name("images").unwrap();
    let images = images.mapv(|x| f32::from(x) / 16.0);
    let name = executor("mlp.tflite").inputs(None).unwrap().remove(0).name;
    let rows = images.axis_iter(Axis(0)).map(|row| row.to_owned().insert_axis(Axis(0)).into_dyn());
    rows.map(|row| vec![(name.clone(), row.into())]).collect()
}

fn labels() -> Classes {
    let mut npz = NpzReader::new(File::open(path("mlp.npz")).unwrap()).unwrap();
    let labels: Array1<u8> = npz.by_name("labels").unwrap();
    labels.into_iter().map(usize::from).collect::<Vec<_>>().into()
}

fn executor(name: &str) -> Executor {
    Executor::open(path(name)).unwrap()
}

#[test]
fn outputs_are_those_of_the_interpreter() {
    let mut npz = NpzReader::new(File::open(path("mlp.npz")).unwrap()).unwrap();
    let outputs: Array2<f32> = npz.by_name("outputs").unwrap();
    let mut executor = executor("mlp.tflite");
    for (sample, expected) in samples().iter().zip(outputs.outer_iter()) {
        let inputs = [(sample[0].0.as_str(), sample[0].1.clone())];
        let output = executor.run(None, &inputs, &mut |_| Ok(())).unwrap().remove(0).1.to_f32();
        let worst = output.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{output} is not {expected}");
    }
}

#[test]
fn a_quantized_model_loses_what_it_loses_in_the_interpreter() {
    let (mut float, mut quant) = (executor("mlp.tflite"), executor("mlp_int8.tflite"));
    let result = evaluate(&mut float, &mut quant, None, read(), Some(&labels())).unwrap();
    // LiteRT 2.3.0 on these 200: 44.54 dB with XNNPACK, 44.61 dB with its own kernels; .97 of the labels both.
    assert!((result.sqnr_db() - 44.57).abs() < 0.1, "{}", result.sqnr_db());
    assert_eq!(result.labels.unwrap().accuracy(), [0.97, 0.97]);
    assert_eq!((result.samples, result.outputs.len()), (200, 1));
    assert!(result.outputs[0].top1_agreement().unwrap() > 0.99);

    let operators: Vec<&str> = result.values.iter().map(|value| value.operator.as_str()).collect();
    assert!(operators.windows(2).any(|two| two == ["FULLY_CONNECTED", "FULLY_CONNECTED"]), "{operators:?}");
    // An operator adds no more than there is behind it, and the errors of those before it are not its own.
    let layers: Vec<_> = result.values.iter().filter(|value| value.operator == "FULLY_CONNECTED").collect();
    assert!(layers.iter().all(|value| value.own.unwrap().sqnr_db() > value.difference.sqnr_db() - 0.5));
    let last = result.values.last().unwrap();
    assert_eq!(last.operator, "DEQUANTIZE");
    assert!(last.own.unwrap().sqnr_db() > last.difference.sqnr_db() + 5.0);
    let worst = result.worst_first();
    assert!(worst.is_sorted_by(|a, b| a.difference.sqnr_db() <= b.difference.sqnr_db()));
}

#[test]
fn a_model_judged_against_itself_loses_nothing() {
    let (mut float, mut same) = (executor("mlp.tflite"), executor("mlp.tflite"));
    let result = evaluate(&mut float, &mut same, None, read().take(5), None).unwrap();
    assert_eq!((result.sqnr_db(), result.labels), (f64::INFINITY, None));
    assert!(result.values.iter().all(|value| value.own.unwrap().sqnr_db() == f64::INFINITY));
}

#[test]
fn models_with_different_outputs_are_not_compared() {
    let mut other = executor("mlp.tflite");
    let mut model = tensor_quant::model::tflite::Model::open(path("mlp.tflite")).unwrap();
    let hidden = model.graph().subgraphs[0].operators[0].outputs[0];
    model.add_outputs(0, &[(hidden, "hidden".into())]).unwrap();
    let mut exposed = Executor::new(model).unwrap();
    let result = evaluate(&mut other, &mut exposed, None, read(), None);
    assert!(matches!(result, Err(RunError::Model { .. })));
}

#[test]
fn a_calibration_in_parts_is_one_of_the_whole() {
    let mut executor = executor("mlp.tflite");
    let fresh = Calibration::new(executor.graph(), MinMax::default());
    let (mut whole, mut first, mut second) = (fresh.clone(), fresh.clone(), fresh);
    for (number, sample) in samples().iter().enumerate() {
        whole.observe(&mut executor, None, sample).unwrap();
        let part = if number < 70 { &mut first } else { &mut second };
        part.observe(&mut executor, None, sample).unwrap();
    }
    first.merge(&second).unwrap();
    assert_eq!((first.samples(), whole.samples()), (200, 200));
    let names = whole.ranges().names();
    assert_eq!(names, first.ranges().names());
    assert!(names.len() >= 4);
    for name in &names {
        assert_eq!(whole.ranges().seen(name), first.ranges().seen(name), "{name}");
        assert_eq!(whole.means(name), first.means(name), "{name}");
        assert_eq!(whole.mean_squares(name), first.mean_squares(name), "{name}");
    }

    // The input of the first layer has 64 channels in 0..=1.
    let graph = executor.graph();
    let input = &graph.keys()[0][graph.subgraphs[0].inputs[0]];
    let seen = whole.ranges().seen(input).unwrap();
    assert_eq!((seen.min, seen.max, seen.count), (0.0, 1.0, 200 * 64));
    let (means, squares) = (whole.means(input).unwrap(), whole.mean_squares(input).unwrap());
    assert_eq!(means.len(), 64);
    assert!(means.iter().zip(&squares).all(|(mean, square)| mean * mean <= square + 1e-6 && *square <= *mean));
    let output = &graph.keys()[0][graph.subgraphs[0].outputs[0]];
    assert!(whole.ranges().seen(output).is_some() && whole.means(output).is_none());
}

#[test]
fn second_moments_say_what_an_error_of_the_weights_costs() {
    let mut executor = executor("mlp.tflite");
    let graph = executor.graph().clone();
    let dense = graph.subgraphs[0].operators.iter().position(|operator| operator.name == "FULLY_CONNECTED").unwrap();
    let mut calibration = Calibration::new(&graph, MinMax::default()).with_second_moments(&graph, 0, dense);
    let input = graph.subgraphs[0].operators[dense].input(0).unwrap();
    let error: Vec<f64> = (0..64).map(|i| f64::from(i % 5) - 2.0).collect();
    let mut expected = 0.0;
    for sample in samples() {
        let inputs = [(sample[0].0.as_str(), sample[0].1.clone())];
        let mut seen = Vec::new();
        let keep = &mut |value: &tensor_quant::calibration::ValueView<'_>| {
            if value.id.value == input {
                seen = value.values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            }
            Ok(())
        };
        executor.run(None, &inputs, keep).unwrap();
        expected += seen.iter().zip(&error).map(|(x, e)| x * e).sum::<f64>().powi(2) / 200.0;
        calibration.observe(&mut executor, None, &sample).unwrap();
    }
    let moments = &calibration.second_moments()[0];
    assert_eq!((moments.operator(), moments.rows()), ((0, dense), 200));
    let error = Array1::from(error);
    let cost = error.dot(&moments.mean().dot(&error));
    assert!((cost / expected - 1.0).abs() < 1e-4, "{cost} is not {expected}");
    // A reshape has no weights.
    let last = graph.subgraphs[0].operators.len() - 1;
    let of_none = Calibration::new(&graph, MinMax::default()).with_second_moments(&graph, 0, last);
    assert!(of_none.second_moments().is_empty());
}

#[test]
fn second_moments_of_a_convolution_are_those_of_its_patches() {
    let mut executor =
        Executor::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/digits_cnn.tflite")).unwrap();
    let graph = executor.graph().clone();
    let conv = graph.subgraphs[0].operators.iter().position(|operator| operator.name == "CONV_2D").unwrap();
    let operator = &graph.subgraphs[0].operators[conv];
    let mut calibration = Calibration::new(&graph, MinMax::default()).with_second_moments(&graph, 0, conv);
    let mut image = ndarray::ArrayD::zeros(vec![1, 8, 8, 1]);
    image[[0, 3, 4, 0]] = 2.0_f32;
    let name = executor.inputs(None).unwrap().remove(0).name;
    calibration.observe(&mut executor, None, &vec![(name, image.into())]).unwrap();
    let filter = graph.subgraphs[0].values[operator.input(1).unwrap()].known_shape().unwrap();
    let mean = calibration.second_moments()[0].mean();
    let windows = calibration.second_moments()[0].rows() as f64;
    // The one bright element lies under each element of the filter once.
    assert_eq!(mean.nrows(), filter[1..].iter().product::<usize>());
    for ((i, j), &x) in mean.indexed_iter() {
        assert!((x - if i == j { 4.0 / windows } else { 0.0 }).abs() < 1e-9, "{i} {j}: {x}");
    }
}

/// Every other sample, from this one on.
fn half(first: usize) -> Vec<Sample> {
    samples().into_iter().skip(first).step_by(2).collect()
}

fn lost(model: &std::path::Path) -> f64 {
    let mut judged = Executor::open(model).unwrap();
    evaluate(&mut executor("mlp.tflite"), &mut judged, None, half(1).into_iter().map(Ok), None).unwrap().sqnr_db()
}

/// What is lost in front of the softmax, which makes the loss of a whole set of samples that of one or two which are in doubt.
fn lost_before_softmax(model: &std::path::Path) -> f64 {
    let mut judged = Executor::open(model).unwrap();
    let result = evaluate(&mut executor("mlp.tflite"), &mut judged, None, half(1).into_iter().map(Ok), None).unwrap();
    let layers = result.values.iter().filter(|value| value.operator == "FULLY_CONNECTED");
    layers.max_by_key(|value| value.position).unwrap().difference.sqnr_db()
}

#[test]
fn weights_chosen_for_samples_lose_less_on_others_at_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (data, options) = (half(0), Options::default());
    let data = Data { engine: &PureRust, samples: &data };
    let quantize = |name: &str, recipe: &Recipe, data, threads: usize| {
        let (output, mut options) = (folder.path().join(name), options);
        options.threads = threads.try_into().unwrap();
        quantize_file_with(path("mlp.tflite"), &output, recipe, &options, data, &mut |_| ()).unwrap();
        (std::fs::read(&output).unwrap(), lost_before_softmax(&output))
    };
    // Measured: 7.3, 10.1 and 7.0 dB.
    for (name, better) in [("int4-weight-only", 6.0), ("int8-weight-only", 8.0), ("int4-dynamic", 6.0)] {
        let mut recipe = Recipe::named(name).unwrap();
        let (plain, before) = quantize(&format!("{name}-plain"), &recipe, None, 1);
        let (full, after) = quantize(&format!("{name}-full"), &recipe, Some(data), 1);
        assert!(after >= before + better, "{name}: {before:.1} dB became {after:.1} dB");
        assert!(full.len() <= plain.len() + 64, "{name}: {} bytes became {}", plain.len(), full.len());
        assert_eq!(quantize(&format!("{name}-threads"), &recipe, Some(data), 3).0, full);
        recipe.rules.iter_mut().for_each(|rule| rule.improve = Some(Effort::Bias));
        let (_, with_bias) = quantize(&format!("{name}-bias"), &recipe, Some(data), 1);
        assert!(with_bias > before && with_bias < after, "{name}: {with_bias:.1} dB with biases alone");
        recipe.rules.iter_mut().for_each(|rule| rule.improve = Some(Effort::None));
        assert_eq!(quantize(&format!("{name}-none"), &recipe, Some(data), 1).0, plain);
    }
}

#[test]
fn layers_chosen_together_lose_less_than_each_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let samples = half(0);
    let data = Data { engine: &PureRust, samples: &samples };
    let mut recipe = Recipe::named("int4-weight-only").unwrap();
    let mut quantize = |effort: Effort| {
        recipe.rules.iter_mut().for_each(|rule| rule.improve = Some(effort));
        let output = folder.path().join(format!("{effort:?}.tflite"));
        let options = Options::default();
        let outcome = quantize_file_with(path("mlp.tflite"), &output, &recipe, &options, Some(data), &mut |_| ());
        let together = outcome.unwrap().changed().filter(|tensor| tensor.reason.contains("other layers")).count();
        (together, std::fs::metadata(&output).unwrap().len(), lost_before_softmax(&output))
    };
    let (alone, bytes, full) = quantize(Effort::Full);
    let (together, same, model) = quantize(Effort::Model);
    assert_eq!((alone, bytes), (0, same));
    assert!(together > 0 && model > full + 0.5, "{together} layers: {full:.1} dB became {model:.1} dB");
}

#[test]
fn one_sample_is_too_few_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let one = vec![samples().remove(0)];
    let recipe = Recipe::named("int4-weight-only").unwrap();
    let quantize = |name: &str, data| {
        let output = folder.path().join(name);
        let outcome =
            quantize_file_with(path("mlp.tflite"), &output, &recipe, &Options::default(), data, &mut |_| ()).unwrap();
        (std::fs::read(output).unwrap(), outcome)
    };
    let (with, outcome) = quantize("with", Some(Data { engine: &PureRust, samples: &one }));
    assert_eq!(with, quantize("without", None).0);
    assert!(outcome.changed().all(|tensor| tensor.reason.ends_with("not improved: one sample is too few")));
}

#[test]
fn a_fit_meets_its_goal_and_its_recipe_makes_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (samples, options) = (half(0), Options::default());
    let data = Data { engine: &PureRust, samples: &samples };
    let fit = |name: &str, goal| {
        fit_file(path("mlp.tflite"), at(name), &Request::new(goal), &options, data, None, &mut |_| ()).unwrap()
    };
    let fitted = fit("fitted", Goal::MinSqnr(34.0));
    assert!(fitted.is_reached() && fitted.sqnr_db >= 34.0 && fitted.bound_db <= fitted.sqnr_db, "{fitted:?}");
    let bytes = std::fs::read(at("fitted")).unwrap();
    assert_eq!(bytes.len() as u64, fitted.bytes);
    assert!(lost(&at("fitted")) >= 33.0);
    let recipe = fitted.to_recipe().unwrap();
    quantize_file_with(path("mlp.tflite"), at("again"), &recipe, &options, Some(data), &mut |_| ()).unwrap();
    assert_eq!(std::fs::read(at("again")).unwrap(), bytes);

    // A tighter goal takes more bytes, a size that is given is kept, and what cannot be is told.
    assert!(fit("better", Goal::MinSqnr(45.0)).bytes > fitted.bytes);
    let small = fit("small", Goal::MaxSize(0.3));
    assert!(small.is_reached() && small.ratio() <= 0.3, "{small:?}");
    let download = fit("download", Goal::MaxDownload(fitted.download + 500));
    assert!(download.is_reached() && download.download <= fitted.download + 500);
    let recipe = download.to_recipe().unwrap();
    quantize_file_with(path("mlp.tflite"), at("twice"), &recipe, &options, Some(data), &mut |_| ()).unwrap();
    assert_eq!(std::fs::read(at("twice")).unwrap(), std::fs::read(at("download")).unwrap());
    let never = fit("never", Goal::MaxSize(0.01));
    assert!(!never.is_reached() && !at("never").exists() && never.in_the_way().is_some());
}
