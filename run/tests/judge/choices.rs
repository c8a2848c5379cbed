//! What a fit finds, and what else weights may become: ternary, without most of them, chosen without data.

use super::{executor, half, labels, lost, path};
use tensor_quant::graph::Op;
use tensor_quant::model::tflite::{ElementType, Model, NewData, Replacement, TensorId};
use tensor_quant::pipeline::{Arithmetic, Count, Data, Goal, Options, Request, fit_file, quantize_file_with};
use tensor_quant::recipe::Recipe;
use tensor_quant_run::data::Signatures;
use tensor_quant_run::{Executor, PureRust, evaluate};

#[test]
fn a_fit_is_as_good_as_trying_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (samples, options) = (half(0), Options::default());
    let data = Data { engine: &PureRust, samples: &samples };
    // The samples that judge: two of five.
    let judges: Vec<_> = samples.iter().enumerate().filter(|(i, _)| matches!(i % 5, 1 | 3)).map(|(_, s)| s).collect();
    let (mut float, mut all) = (executor("mlp.tflite"), Vec::new());
    let names: Vec<String> = Model::open(path("mlp.tflite")).unwrap().constants().into_iter().map(|c| c.name).collect();
    let (request, output) = (Request::new(Goal::MinSqnr(34.0)), folder.path().join("fitted"));
    let fitted = fit_file(path("mlp.tflite"), output, &request, &options, data, None, &mut |_| ()).unwrap();
    let weights: Vec<&String> = names.iter().filter(|name| fitted.tensors.iter().any(|t| t.name == **name)).collect();
    assert!(weights.len() <= 4, "{weights:?}");
    for choice in 0..1 << weights.len() {
        let rule = |(at, name): (usize, &&String)| {
            let to = if choice >> at & 1 == 0 { "int8" } else { "int4" };
            format!("[[rule]]\nnames = [{name:?}]\ninputs = \"any\"\nto = {to:?}\nimprove = \"full\"\n")
        };
        let rules: String = weights.iter().enumerate().map(rule).collect();
        let recipe = Recipe::from_toml(&format!("name = \"all\"\n{rules}")).unwrap();
        let output = folder.path().join(format!("{choice}"));
        quantize_file_with(path("mlp.tflite"), &output, &recipe, &options, Some(data), &mut |_| ()).unwrap();
        let judges = judges.iter().map(|&sample| Ok(sample.clone()));
        let db = evaluate(&mut float, &mut Executor::open(&output).unwrap(), None, judges, None).unwrap().sqnr_db();
        all.push((std::fs::metadata(output).unwrap().len(), db));
    }
    let least = all.iter().filter(|(_, db)| *db >= 34.0).map(|(bytes, _)| *bytes).min().unwrap();
    assert!(fitted.bytes as f64 <= least as f64 * 1.005, "{} bytes, and {least} would do: {all:?}", fitted.bytes);
}

#[test]
fn each_goal_is_met_by_a_file_that_its_recipe_makes_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (samples, options) = (half(0), Options::default());
    let data = Data { engine: &PureRust, samples: &samples };
    let labels: Vec<usize> = (0..100).map(|sample| labels().of(2 * sample)[0].unwrap()).collect();
    let kinds = [Arithmetic::WeightOnly, Arithmetic::Dynamic];
    let counts = [Count::Download, Count::File];
    let goals = [Goal::MinSqnr(33.0), Goal::MaxSize(0.25), Goal::MaxDownload(13_000), Goal::MaxAccuracyDrop(1.0)];
    for (number, goal) in goals.into_iter().enumerate() {
        let (arithmetic, count) = (kinds[number / 2], counts[number % 2]);
        let request = Request { arithmetic, count, evaluations: 8, ..Request::new(goal) };
        let fitted =
            fit_file(path("mlp.tflite"), at("fitted"), &request, &options, data, Some(&labels), &mut |_| ()).unwrap();
        let holds = match goal {
            Goal::MinSqnr(db) => fitted.sqnr_db >= db,
            Goal::MaxSize(share) => fitted.ratio() <= share,
            Goal::MaxDownload(bytes) => fitted.download <= bytes,
            _ => fitted.accuracy.is_some_and(|[float, now]| now >= float - 0.01),
        };
        assert!(fitted.is_reached() && holds, "{goal:?}: {fitted:?}");
        let recipe = fitted.to_recipe().unwrap();
        quantize_file_with(path("mlp.tflite"), at("again"), &recipe, &options, Some(data), &mut |_| ()).unwrap();
        assert_eq!(std::fs::read(at("again")).unwrap(), std::fs::read(at("fitted")).unwrap(), "{goal:?}");
        std::fs::remove_file(at("fitted")).unwrap();
        std::fs::remove_file(at("again")).unwrap();
    }
}

#[test]
fn a_fit_in_integers_meets_its_goal_and_its_recipe_makes_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (samples, options) = (half(0), Options::default());
    let data = Data { engine: &PureRust, samples: &samples };
    let request = Request { arithmetic: Arithmetic::Integer, evaluations: 1, ..Request::new(Goal::MinSqnr(40.0)) };
    let fitted = fit_file(path("mlp.tflite"), at("fitted"), &request, &options, data, None, &mut |_| ()).unwrap();
    assert!(fitted.is_reached() && fitted.sqnr_db >= 40.0 && !fitted.walked.is_empty(), "{fitted:?}");
    assert!(lost(&at("fitted")) >= 38.0, "{}", lost(&at("fitted")));
    let recipe = fitted.to_recipe().unwrap();
    quantize_file_with(path("mlp.tflite"), at("again"), &recipe, &options, Some(data), &mut |_| ()).unwrap();
    assert_eq!(std::fs::read(at("again")).unwrap(), std::fs::read(at("fitted")).unwrap());
}

#[test]
fn pruned_weights_are_stored_without_their_zeros_and_others_make_good_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let samples = half(0);
    let quantize = |name: &str, rule: &str, with_data: bool| {
        let text = format!("name = \"own\"\n[[rule]]\nmin-elements = 1024\n{rule}");
        let (recipe, output) = (Recipe::from_toml(&text).unwrap(), folder.path().join(name));
        let data = with_data.then_some(Data { engine: &PureRust, samples: &samples });
        quantize_file_with(path("mlp.tflite"), &output, &recipe, &Options::default(), data, &mut |_| ()).unwrap();
        (std::fs::metadata(&output).unwrap().len(), lost(&output), Model::open(&output).unwrap())
    };
    let dense = quantize("dense", "to = \"int8\"", true);
    let magnitude = quantize("magnitude", "to = \"int8\"\nsparsity = 0.8", false);
    let second_order = quantize("second-order", "to = \"int8\"\nsparsity = 0.8", true);
    assert!(second_order.1 > magnitude.1 + 3.0, "{} and {} dB", second_order.1, magnitude.1);
    for (bytes, _, model) in [&magnitude, &second_order] {
        assert!(*bytes < dense.0 * 7 / 10, "{bytes} bytes of {}", dense.0);
        let sparse: Vec<_> = model.constants().into_iter().filter(|constant| constant.is_sparse).collect();
        assert_eq!(sparse.len(), 2);
        for constant in sparse {
            let codes = model.dense_bytes(constant.id).unwrap();
            let zeros = codes.iter().filter(|code| code.count_ones() == 0).count() as f64 / codes.len() as f64;
            assert!((0.79..0.9).contains(&zeros), "{zeros} of {} are 0", constant.name);
        }
    }
    // Few zeros are not worth telling where they are.
    let few = quantize("few", "to = \"int8\"\nsparsity = 0.2", false);
    assert!(few.2.constants().iter().all(|constant| !constant.is_sparse));
}

#[test]
fn ternary_weights_are_two_bits_and_usable_only_when_chosen_for_the_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let samples = half(0);
    let recipe = "name = \"own\"\n[[rule]]\nmin-elements = 1024\nto = \"int2, mse\"\n";
    let recipe = Recipe::from_toml(recipe).unwrap();
    let quantize = |name: &str, data| {
        let output = folder.path().join(name);
        quantize_file_with(path("mlp.tflite"), &output, &recipe, &Options::default(), data, &mut |_| ()).unwrap();
        (std::fs::metadata(&output).unwrap().len(), lost(&output))
    };
    let (plain, with) =
        (quantize("plain", None), quantize("with", Some(Data { engine: &PureRust, samples: &samples })));
    assert!(with.0 < 12_500, "{} bytes", with.0);
    assert!(with.1 > plain.1 + 4.0 && with.1 > 10.0, "{} and {} dB", plain.1, with.1);
}

#[test]
fn noise_chooses_weights_that_hardly_lose_more() {
    let folder = tempfile::tempdir().unwrap();
    let noise = Signatures::noise(&executor("mlp.tflite"), 40).unwrap();
    let recipe = Recipe::named("int4-weight-only").unwrap();
    let quantize = |name: &str, data| {
        let output = folder.path().join(name);
        quantize_file_with(path("mlp.tflite"), &output, &recipe, &Options::default(), data, &mut |_| ()).unwrap();
        lost(&output)
    };
    let (plain, with) = (quantize("plain", None), quantize("with", Some(Data { engine: &PureRust, samples: &noise })));
    // Other noise agreed; what is no noise may lose a little more all the same.
    assert!(with >= plain - 0.7, "{plain} dB became {with} dB");
}

/// The model with the channels of its first hidden layer divided by factors, which the second one takes back.
fn lopsided(output: &std::path::Path) {
    let mut model = Model::open(path("mlp.tflite")).unwrap();
    let graph = model.graph();
    let part = &graph.subgraphs[0];
    let mut layers = part.operators.iter().filter(|operator| operator.op == Op::FullyConnected);
    let (first, second) = (layers.next().unwrap(), layers.next().unwrap());
    let factor = |channel: usize| if channel.is_multiple_of(3) { 8.0 } else { 0.5 };
    let mut scale = |tensor: Option<usize>, axis: usize, of: &dyn Fn(usize) -> f32| {
        let id = TensorId { subgraph: 0, tensor: tensor.unwrap() };
        let constant = model.constants().into_iter().find(|constant| constant.id == id).unwrap();
        let mut values = model.values(&constant).unwrap();
        for (channel, mut values) in values.axis_iter_mut(ndarray::Axis(axis)).enumerate() {
            values.mapv_inplace(|x| x * of(channel));
        }
        let data = NewData::Bytes(values.iter().flat_map(|x| x.to_le_bytes()).collect());
        model.replace(id, Replacement { element_type: ElementType::F32, scales: None, data }).unwrap();
    };
    scale(first.input(1), 0, &|channel| 1.0 / factor(channel));
    scale(first.input(2), 0, &|channel| 1.0 / factor(channel));
    scale(second.input(1), 1, &factor);
    std::fs::write(output, model.to_bytes().unwrap()).unwrap();
}

#[test]
fn channels_are_scaled_where_outputs_lose_less_and_threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    lopsided(&at("float"));
    let samples: Vec<_> = half(0).into_iter().step_by(2).collect();
    let data = Data { engine: &PureRust, samples: &samples };
    let recipe = |improve: &str| {
        let text = format!("name = \"own\"\n[[rule]]\nmin-elements = 512\nto = \"int4 per axis 0\"\n{improve}");
        Recipe::from_toml(&text).unwrap()
    };
    let quantize = |name: &str, improve: &str, threads: usize| {
        let options = Options { threads: threads.try_into().unwrap(), ..Options::default() };
        quantize_file_with(at("float"), at(name), &recipe(improve), &options, Some(data), &mut |_| ()).unwrap()
    };
    let scaled = quantize("scaled", "", 1);
    let count = scaled.tensors.iter().filter(|tensor| tensor.reason.contains("channels are scaled")).count();
    // The weights of both layers, and the bias of the first.
    assert!(count >= 3, "{:?}", scaled.tensors);
    let told = quantize("told", "improve = \"model\"", 1);
    assert!(told.tensors.iter().all(|tensor| !tensor.reason.contains("channels are scaled")));
    let (of_scaled, of_told) = (lost(&at("scaled")), lost(&at("told")));
    assert!(of_scaled > of_told + 1.0, "{of_told} dB became {of_scaled} dB");
    quantize("threads", "", 3);
    assert!(std::fs::read(at("threads")).unwrap() == std::fs::read(at("scaled")).unwrap());
}
