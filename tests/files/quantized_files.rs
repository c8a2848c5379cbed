//! A file goes in, a smaller one comes out, every tensor is accounted for, and nothing is overwritten.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use tensor_quant::Result;
use tensor_quant::model::tflite::{ElementType, Model};
use tensor_quant::num::CodeType;
use tensor_quant::params::Granularity;
use tensor_quant::pipeline::{
    Format, Histograms, Options, Outcome, Overwrite, PipelineError, Warning, compare_files, inspect_file, quantize_file,
};
use tensor_quant::recipe::{Candidate, Codes, Compute, Decision, Recipe, RecipeError, Storage, Usage, UsageRole};
use tensor_quant::report::{Report, Style};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn mnist() -> PathBuf {
    sample("examples/data/mnist_cnn.tflite")
}

fn mlp() -> PathBuf {
    sample("examples/data/digits_mlp.safetensors")
}

fn quantized(input: &Path, recipe: &Recipe, options: Options) -> Result<(TempDir, Outcome)> {
    let folder = tempdir().unwrap();
    let output = folder.path().join("out");
    let outcome = quantize_file(input, output, recipe, &options, &mut |_| ())?;
    Ok((folder, outcome))
}

fn by(name: &str, input: &Path) -> (TempDir, Outcome) {
    quantized(input, &Recipe::named(name).unwrap(), Options::default()).unwrap()
}

fn fnv1a(bytes: &[u8]) -> String {
    let hash = |state: u64, byte: &u8| (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash))
}

#[test]
fn dynamic_range_weights_are_those_of_both_other_tools() {
    let golden: Value = serde_json::from_slice(&fs::read(sample("tests/litert/int8_dynamic.json")).unwrap()).unwrap();
    let (_folder, outcome) = by("int8-dynamic", &mnist());
    let model = Model::open(&outcome.output).unwrap();
    let constants = model.constants();
    let mut ours: Vec<_> = constants.iter().filter(|c| c.element_type == ElementType::I8).collect();
    ours.sort_by_key(|constant| constant.uses[0].operator);
    for tool in ["TFLiteConverter", "ai-edge-quantizer"] {
        let theirs = golden[tool].as_array().unwrap();
        assert_eq!(theirs.len(), ours.len());
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert_eq!(theirs["shape"], serde_json::json!(ours.shape));
            assert_eq!(theirs["codes_fnv1a"], fnv1a(&model.bytes(ours.buffer).unwrap()), "{tool} {}", ours.name);
            let quantization = ours.quantization.as_ref().unwrap();
            let bits: Vec<u32> = quantization.scales.iter().map(|scale| scale.to_bits()).collect();
            assert_eq!(theirs["scale_bits"], serde_json::json!(bits), "{tool} {}", ours.name);
            assert_eq!(quantization.zero_points, vec![0; bits.len()]);
        }
    }
    let versions: Vec<(String, i32)> = model.operators()[0].iter().map(|o| (o.name.clone(), o.version)).collect();
    assert!(versions.contains(&("CONV_2D".into(), 5)) && versions.contains(&("FULLY_CONNECTED".into(), 12)));
}

#[test]
fn every_tensor_has_a_decision_and_a_reason() {
    let (_folder, outcome) = by("int8-weight-only", &mnist());
    assert_eq!((outcome.format, outcome.tensors.len(), outcome.changed().count()), (Format::Tflite, 13, 3));
    let reason = |name: &str| &outcome.tensors.iter().find(|tensor| tensor.name.ends_with(name)).unwrap().reason;
    assert_eq!(reason("conv2d_1/convolution"), "144 elements, below the 1024 of the weight-only rule");
    assert_eq!(reason("dense_1/MatMul"), "weights of FULLY_CONNECTED, 200704 elements");
    assert_eq!(reason("dense_1_2/BiasAdd"), "an operand of FULLY_CONNECTED: the recipe is for weights");
    assert_eq!(reason("Reshape/shape/1"), "i32 is not a floating-point type");
    assert_eq!(outcome.bytes_out, fs::metadata(&outcome.output).unwrap().len());
    let operators = &Model::open(&outcome.output).unwrap().operators()[0];
    assert_eq!(operators[..4].iter().map(|o| o.version).collect::<Vec<_>>(), [5, 5, 5, 1]);

    let (_folder, odd) = by("int8-dynamic", &sample("tests/tflite/odd.tflite"));
    let reasons: Vec<&str> = odd.tensors.iter().map(|tensor| tensor.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            // The same bytes are passed on in the branch: they would stay in the file beside the codes.
            "passed to another subgraph by IF",
            "its bytes are those of \"zero\": there they are i32",
            "i32 is not a floating-point type; its bytes are those of \"zero\", and counted there",
            "stored in a sparse format",
            "weights of FULLY_CONNECTED, 2048 elements",
            "quantized already, i8",
            "passed to another subgraph by IF; its bytes are those of \"w\", and counted there",
            "an operand of FULLY_CONNECTED, which will compute in integers and takes it in f32",
            "passed to another subgraph by IF; its bytes are those of \"w\", and counted there",
        ]
    );
}

#[test]
fn what_cannot_be_quantized_is_left_alone_and_says_why() {
    let reasons = |recipe| {
        let (_folder, outcome) = by(recipe, &sample("tests/tflite/awkward.tflite"));
        let (all, short) = (outcome.tensors.len(), |name: &str| name[..name.len().min(9)].trim().to_owned());
        let reasons: Vec<_> = outcome.tensors.into_iter().map(|tensor| (short(&tensor.name), tensor.reason)).collect();
        assert_eq!(all, 6);
        reasons
    };
    let common = [
        ("doubles", "f64, and what uses it would find the f32 that restoring gives"),
        ("short", "its 8 bytes are not those of f32 in the shape [4]"),
        ("elsewhere", "its values stand in another file"),
        ("halves", "float16 already, and not restored by one DEQUANTIZE that is its only user"),
    ];
    for (recipe, long_name, embedding) in [
        (
            "int4-dynamic",
            "weights of FULLY_CONNECTED, 1024 elements",
            // Rows of 31 codes of 4 bits do not begin at a byte, so it is 8 bits.
            "weights of EMBEDDING_LOOKUP, 1240 elements",
        ),
        ("int8-dynamic", "weights of FULLY_CONNECTED, 1024 elements", "weights of EMBEDDING_LOOKUP, 1240 elements"),
        (
            "int8-weight-only",
            "4096 bytes would become 5216, with 8 scales and what restores it",
            "weights of EMBEDDING_LOOKUP, 1240 elements",
        ),
        (
            "float16",
            "would save 2048 bytes, and take 4160 to be restored",
            "weights of EMBEDDING_LOOKUP, 1240 elements",
        ),
    ] {
        let expected = [&[("long name", long_name)], &common[..], &[("embedding", embedding)]].concat();
        let expected: Vec<_> = expected.iter().map(|(name, reason)| ((*name).into(), (*reason).into())).collect();
        assert_eq!(reasons(recipe), expected, "{recipe}");
    }
}

/// A `.safetensors` file of one f32 matrix, `w`.
fn matrix(folder: &Path, rows: usize, values: &[f32]) -> PathBuf {
    let shape = [rows, values.len() / rows];
    let header = format!(r#"{{"w":{{"dtype":"F32","shape":{shape:?},"data_offsets":[0,{}]}}}}"#, 4 * values.len());
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    file.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    let path = folder.join("in.safetensors");
    fs::write(&path, file).unwrap();
    path
}

#[test]
fn an_inspection_counts_the_values_of_the_model() {
    let values = |path: &Path| inspect_file(path).unwrap().tensors.iter().map(|tensor| tensor.values).sum::<u64>();
    for recipe in ["float16", "int8-weight-only", "int4-weight-only"] {
        let (_folder, outcome) = by(recipe, &mlp());
        assert_eq!(values(&outcome.output), values(&mlp()), "{recipe}");
    }
    assert_eq!(values(&mnist()), 224_717);
}

#[test]
fn what_is_not_a_number_stays_so_in_float16_and_is_warned_of() {
    let folder = tempdir().unwrap();
    let mut values: Vec<f32> = (0..2048).map(|i| (i as f32).sin()).collect();
    (values[5], values[9]) = (f32::NAN, f32::NEG_INFINITY);
    let input = matrix(folder.path(), 16, &values);
    let (_folder, outcome) = by("float16", &input);
    assert_eq!(outcome.tensors[0].warnings[0].message, "2 of 2048 values are not finite");
    let restored = tensor_quant::model::safetensors::Reader::open(&outcome.output).unwrap().read("w").unwrap();
    let restored = restored.as_slice().unwrap();
    assert_eq!((restored[5].is_nan(), restored[9]), (true, f32::NEG_INFINITY));
    let error = quantized(&input, &Recipe::named("int8-dynamic").unwrap(), Options::default()).unwrap_err();
    assert!(error.to_string().contains("value 5 is NaN"), "{error}");
}

#[test]
fn operators_that_compute_in_integers_find_their_biases_in_f32() {
    let recipe = Recipe::from_toml(
        "name = \"mixed\"\n[[rule]]\nmin-elements = 1024\nto = \"int8\"\ncompute = \"dynamic-range\"\n\
         [[rule]]\ninputs = \"any\"\nto = \"float16\"",
    );
    let (_folder, outcome) = quantized(&mnist(), &recipe.unwrap(), Options::default()).unwrap();
    let after: Vec<(&str, usize)> =
        outcome.changed().map(|tensor| (tensor.after.as_str(), tensor.shape.iter().product())).collect();
    // The small weights of layers that stay float are halved; biases of the others are not, large as they are.
    assert_eq!(
        after,
        [("int8 dynamic", 18432), ("int8 dynamic", 4608), ("f16", 640), ("int8 dynamic", 200_704), ("f16", 144)]
    );
}

#[test]
fn float16_weights_are_quantized_where_they_are() {
    let odd = sample("tests/tflite/odd.tflite");
    let read = |outcome: &Outcome| {
        let model = Model::open(&outcome.output).unwrap();
        let operators: Vec<String> = model.operators()[0].iter().map(|o| format!("{} {}", o.name, o.version)).collect();
        let of = |name: &str| model.constants().into_iter().find(|c| c.name == name).unwrap();
        (operators.join(", "), of("halves").element_type, of("bias").element_type, of("halves").uses[0].name.clone())
    };
    let (_folder, outcome) = by("int8-dynamic", &odd);
    let expected = "FULLY_CONNECTED 12, FULLY_CONNECTED 12, RESHAPE 1, Mystery 1";
    assert_eq!(read(&outcome), (expected.into(), ElementType::I8, ElementType::F32, "FULLY_CONNECTED".into()));
    let (_folder, outcome) = by("int8-weight-only", &odd);
    let expected = "FULLY_CONNECTED 1, DEQUANTIZE 5, DEQUANTIZE 3, FULLY_CONNECTED 1, RESHAPE 1, Mystery 1";
    assert_eq!(read(&outcome), (expected.into(), ElementType::I8, ElementType::F16, "DEQUANTIZE".into()));
    let comparison = compare_files(&odd, &outcome.output).unwrap();
    let halves = comparison.tensors.iter().find(|tensor| tensor.name == "halves").unwrap();
    assert!(halves.error.as_ref().unwrap().sqnr_db() > 40.0);
}

#[test]
fn estimators_and_codes_are_those_of_the_recipe() {
    let worst = |estimator: &str, codes| {
        let mut recipe = Recipe::named("int4-weight-only").unwrap();
        for rule in &mut recipe.rules {
            (rule.estimator, rule.codes) = (Some(estimator.parse().unwrap()), Some(codes));
        }
        let (_folder, outcome) = quantized(&mlp(), &recipe, Options::default()).unwrap();
        outcome.changed().map(|tensor| tensor.error.unwrap().sqnr_db()).fold(f64::INFINITY, f64::min)
    };
    let max = worst("max", Codes::Narrow);
    assert!(worst("mse", Codes::Narrow) > max + 0.5 && worst("octav", Codes::Narrow) > max);
    assert!(worst("mse", Codes::Full) > worst("mse", Codes::Narrow));
    assert_ne!(worst("max", Codes::Full), max);
}

#[test]
fn threads_change_nothing() {
    let recipe = Recipe::named("int8-dynamic").unwrap();
    let run = |threads| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let (_folder, outcome) = quantized(&mnist(), &recipe, Options { threads, ..Options::default() }).unwrap();
        fs::read(outcome.output).unwrap()
    };
    assert!(run(1) == run(5) && run(1) == run(usize::MAX));
}

#[test]
fn safetensors_go_through_the_same_door() {
    for (recipe, least_db) in
        [("float16", 70.0), ("int8-weight-only", 38.0), ("int8-dynamic", 38.0), ("int4-dynamic", 14.0)]
    {
        let (_folder, outcome) = by(recipe, &mlp());
        assert_eq!((outcome.format, outcome.tensors.len()), (Format::Safetensors, 6));
        let comparison = compare_files(mlp(), &outcome.output).unwrap();
        for (compared, tensor) in comparison.tensors.iter().zip(&outcome.tensors) {
            let error = compared.error.as_ref().unwrap();
            assert!(error.sqnr_db() > least_db, "{recipe} {} {error}", compared.name);
            assert_eq!(error.mse(), tensor.error.map_or(0.0, |error| error.mse()), "{recipe} {}", tensor.name);
        }
        assert!(comparison.only_in_second.is_empty(), "{:?}", comparison.only_in_second);
    }
    let (_folder, outcome) = by("int8-weight-only", &mlp());
    let again = quantized(&outcome.output, &Recipe::named("float16").unwrap(), Options::default());
    assert!(again.unwrap_err().to_string().contains("quantized already"));
    let inspection = inspect_file(&outcome.output).unwrap();
    let weights = inspection.tensors.iter().find(|tensor| tensor.name == "dense0.weight").unwrap();
    assert_eq!(weights.quantization.as_deref(), Some("i8 per axis 0"));
}

#[test]
fn nothing_is_overwritten_and_failures_leave_nothing_behind() {
    let folder = tempdir().unwrap();
    let (input, output) = (folder.path().join("in.tflite"), folder.path().join("out.tflite"));
    fs::copy(mnist(), &input).unwrap();
    let recipe = Recipe::named("float16").unwrap();
    let run = |output: &Path, options: Options| quantize_file(&input, output, &recipe, &options, &mut |_| ());
    assert!(matches!(run(&input, Options::default()).unwrap_err().floor(), Some(PipelineError::TargetIsSource { .. })));
    let force = Options { overwrite: Overwrite::Existing, ..Options::default() };
    assert!(matches!(run(&input, force).unwrap_err().floor(), Some(PipelineError::TargetIsSource { .. })));
    assert!(fs::read(&input).unwrap() == fs::read(mnist()).unwrap());
    run(&output, Options::default()).unwrap();
    let before = fs::read(&output).unwrap();
    assert!(matches!(run(&output, Options::default()).unwrap_err().floor(), Some(PipelineError::TargetExists { .. })));
    assert!(fs::read(&output).unwrap() == before);
    run(&output, force).unwrap();

    let mut nothing = Recipe::named("int8-dynamic").unwrap();
    nothing.rules[0].min_elements = usize::MAX;
    let error =
        quantize_file(&input, folder.path().join("no"), &nothing, &Options::default(), &mut |_| ()).unwrap_err();
    assert!(
        matches!(error.floor(), Some(RecipeError::NothingToQuantize { .. }))
            && error.to_string().contains("dense_1/MatMul"),
        "{error}"
    );
    let error = quantize_file(sample("README.md"), folder.path().join("no"), &recipe, &Options::default(), &mut |_| ());
    assert!(matches!(error.unwrap_err().floor(), Some(PipelineError::UnknownFormat { .. })));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// A candidate of 2048 f32 values with these uses.
fn candidate(uses: &[(&str, UsageRole)]) -> Candidate {
    let uses = uses.iter().map(|(operator, role)| Usage { operator: (*operator).into(), role: *role });
    Candidate {
        name: "w".into(),
        element_type: "f32".into(),
        shape: vec![32, 64],
        size_in_bytes: 8192,
        uses: Some(uses.collect()),
        obstacle: None,
        exact: None,
        cost_of_restoring: 200,
        storage: Storage::Any,
    }
}

fn decide(recipe: &str, candidate: Candidate, value: f32) -> (Decision, String) {
    // A second tensor that every recipe changes, so that there is a plan.
    let other = Candidate { name: "other".into(), obstacle: None, ..self::candidate(&[("CONV_2D", weights(0, true))]) };
    let plan = Recipe::named(recipe).unwrap().plan(vec![candidate, other], |i| {
        Ok(ndarray::ArrayD::from_elem(vec![32, 64], if i == 0 { value } else { 0.5 }))
    });
    let entry = plan.unwrap().entries.swap_remove(0);
    (entry.decision, entry.reason)
}

fn weights(axis: usize, dynamic_int8: bool) -> UsageRole {
    UsageRole::Weights { axis, dynamic_int8, dynamic_int4: false, fast: [dynamic_int8, false] }
}

#[test]
fn uses_that_do_not_agree_leave_a_tensor_alone() {
    let (decision, reason) = decide(
        "int8-dynamic",
        candidate(&[("CONV_2D", weights(0, true)), ("DEPTHWISE_CONV_2D", weights(1, true))]),
        1.0,
    );
    let expected = "weights of CONV_2D and DEPTHWISE_CONV_2D with channels along different axes, 0 and 1";
    assert_eq!((decision, reason.as_str()), (Decision::Keep, expected));
    let (decision, reason) = decide("float16", candidate(&[("Mystery", UsageRole::Unknown)]), 1.0);
    assert_eq!((decision, reason.as_str()), (Decision::Keep, "an input of the custom operator Mystery"));
    let (_, reason) = decide("float16", candidate(&[]), 1.0);
    assert_eq!(reason, "no operator uses it");
}

#[test]
fn an_operator_without_an_integer_kernel_has_its_weights_restored() {
    let compute = |uses: &[_]| match decide("int8-dynamic", candidate(uses), 1.0).0 {
        Decision::Quantize(treatment) => (treatment.scheme.code, treatment.compute, treatment.scheme.granularity),
        other => panic!("{other:?}"),
    };
    assert_eq!(compute(&[("CONV_2D", weights(0, true))]), (CodeType::I8, Compute::DynamicRange, Granularity::Axis(0)));
    assert_eq!(
        compute(&[("TRANSPOSE_CONV", weights(1, false))]),
        (CodeType::I8, Compute::WeightOnly, Granularity::Axis(1))
    );
    // An operand has to be restored for, so the weights are, too.
    let both = [("FULLY_CONNECTED", weights(0, true)), ("ADD", UsageRole::Operand)];
    assert_eq!(compute(&both), (CodeType::I8, Compute::WeightOnly, Granularity::Axis(0)));
}

#[test]
fn operators_that_compute_in_integers_get_narrow_codes() {
    let codes = |name: &str, uses: Option<&[(&str, UsageRole)]>| {
        let mut recipe = Recipe::named(name).unwrap();
        recipe.rules.iter_mut().for_each(|rule| rule.codes = Some(Codes::Full));
        let candidate = Candidate { uses: uses.map(|uses| candidate(uses).uses.unwrap()), ..candidate(&[]) };
        let plan = recipe.plan(vec![candidate], |_| Ok(ndarray::ArrayD::from_elem(vec![32, 64], 0.5))).unwrap();
        match &plan.entries[0].decision {
            Decision::Quantize(treatment) => {
                let codes = if treatment.scheme.codes().min() == -128.0 { Codes::Full } else { Codes::Narrow };
                (codes, plan.entries[0].reason.contains("narrow codes"))
            }
            other => panic!("{other:?}"),
        }
    };
    let conv: Option<&[_]> = Some(&[("CONV_2D", weights(0, true))]);
    assert_eq!(codes("int8-dynamic", conv), (Codes::Narrow, true));
    assert_eq!(codes("int8-weight-only", conv), (Codes::Full, false));
    assert_eq!(codes("int8-dynamic", None), (Codes::Full, false));
}

#[test]
fn values_that_a_type_cannot_hold_leave_a_tensor_alone() {
    let conv = [("CONV_2D", weights(0, true))];
    let why = |recipe: &str, uses: &[_], value| decide(recipe, candidate(uses), value).1;
    assert_eq!(why("float16", &conv, 1e6), "would overflow f16: 1e6");
    assert_eq!(why("float16", &[("ADD", UsageRole::Operand)], 1e-10), "would underflow f16: smallest 1e-10");
    assert_eq!(why("int8-dynamic", &conv, f32::NAN), "value 0 is NaN, for which there is no code");
    let mut small = candidate(&conv);
    (small.shape, small.size_in_bytes) = (vec![1024, 1], 4096);
    // 4 bytes a scale; symmetric tensors have no zero points, or share them with others.
    let channels = Storage::Channels { codes: &[CodeType::I8], with_zero_point: &[] };
    for storage in [Storage::Any, channels] {
        let small = Candidate { storage, ..small.clone() };
        let reason = "4096 bytes would become 5120, with 1024 scales and what restores it";
        assert_eq!(decide("int8-dynamic", small, 1.0).1, reason);
    }
}

#[test]
fn shapes_too_large_to_count_leave_a_tensor_alone() {
    let conv = [("CONV_2D", weights(0, true))];
    for recipe in ["float16", "int8-dynamic", "int4-weight-only"] {
        for shape in [vec![1 << 31; 3], vec![usize::MAX, usize::MAX], vec![usize::MAX; 4]] {
            let mut absurd = candidate(&conv);
            (absurd.shape, absurd.size_in_bytes, absurd.cost_of_restoring) = (shape, 8, u64::MAX);
            assert_eq!(decide(recipe, absurd, 1.0).0, Decision::Keep);
        }
    }
}

#[test]
fn absurdly_many_threads_give_what_one_gives() {
    let int8 = Recipe::named("int8-weight-only").unwrap();
    let file = |threads| {
        let options = Options { threads: NonZeroUsize::new(threads).unwrap(), ..Options::default() };
        let (_folder, outcome) = quantized(&mlp(), &int8, options).unwrap();
        fs::read(outcome.output).unwrap()
    };
    let one = file(1);
    for threads in [1 << 60, usize::MAX] {
        assert!(file(threads) == one, "{threads} threads");
    }
}

#[test]
fn a_report_is_a_page_of_its_own() {
    let options = Options { histograms: Histograms::OfChanged, ..Options::default() };
    let (_folder, mut outcome) = quantized(&mnist(), &Recipe::named("int4-dynamic").unwrap(), options).unwrap();
    outcome.tensors[0].name = "<script>alert('&')</script>".into();
    outcome.tensors[1].warnings.push(Warning::new("look here", "and do that"));
    let report = Report::new(&outcome);
    let page = report.to_html();
    for foreign in ["<script", "http", "url(", "@import", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(
        page.contains("&lt;script&gt;")
            && page.contains("look here")
            && page.contains("and do that")
            && page.contains("prefers-color-scheme")
    );
    // Values, errors, ranges, scales.
    assert_eq!(page.matches("<figure>").count(), 4 * outcome.changed().count());
    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["tensors"].as_array().unwrap().len(), 13);
    assert_eq!(json["bytes_out"], outcome.bytes_out);
    let table = report.to_table(Style::Plain, None);
    assert!(table.contains("640 elements") && !table.contains('\x1b'), "{table}");
    assert!(report.to_table(Style::Coloured, None).contains('\x1b'));
    let worst: Vec<f64> = report.worst_first().iter().filter_map(|row| row.worst_db()).collect();
    assert!(worst.is_sorted() && worst.len() == 3);
}
