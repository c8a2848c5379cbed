//! What samples tell of a model: saved, merged, dumped, read, and what models in integers are made of.

use crate::evaluation::{Bench, PIXELS, failed, kind, parsed, ran};
use crate::tensor_quant;
use std::fs;
use std::path::Path;

#[test]
fn statistics_are_saved_and_merged() {
    let bench = Bench::new();
    let (all, first, rest, merged) =
        (bench.at("all.json"), bench.at("first.json"), bench.at("rest.json"), bench.at("merged.json"));
    let calibrate = |array: &str, output: &str, more: &[&str]| {
        let arguments =
            ["calibrate", &bench.model, "--data", &bench.data, "--array", array, "--scale", "1/16", "--out", output];
        parsed(&ran(&[&arguments, more, &["--json"]].concat()))
    };
    let json = calibrate("train_images", &all, &["--samples", "20"]);
    assert_eq!((json["samples"].as_u64(), json["estimator"].as_str()), (Some(20), Some("min-max")));
    let values = json["values"].as_array().unwrap();
    let input = values.iter().find(|value| value["name"].as_str().unwrap().starts_with("serving_default")).unwrap();
    assert_eq!((input["min"].as_f64(), input["max"].as_f64()), (Some(0.0), Some(1.0)));
    assert_eq!(input["count"], 20 * 64);
    assert!(values.iter().any(|value| value["channel_means"].is_array()));

    calibrate("train_images", &first, &["--samples", "20"]);
    calibrate("images", &rest, &["--samples", "20"]);
    let merge = ["calibrate", "merge", &first, &rest, "--out", &merged];
    let json = parsed(&ran(&[&merge[..], &["--json"]].concat()));
    assert_eq!(json["samples"], 40);
    assert!(failed(&merge, 4).contains("--force"));
    assert_eq!(fs::read(&all).unwrap(), fs::read(&first).unwrap());
    let json = calibrate(
        "images",
        &rest,
        &["--samples", "5", "--estimator", "percentile 99.9", "--force", "--second-moments"],
    );
    assert_eq!(json["estimator"], "percentile 99.9");
    assert!(json["second_moments"].as_array().unwrap().iter().all(|moments| moments["rows"].as_u64().unwrap() > 0));
    assert!(failed(&[&merge[..], &["--force"]].concat(), 1).contains("percentile 99.9"));
    fs::write(&first, "{}").unwrap();
    assert!(failed(&[&merge[..], &["--force"]].concat(), 1).contains("not a usable statistics file"));
    assert!(failed(&["calibrate", &bench.model, "--out", &merged, "--force"], 2).contains("--data"));
    assert!(failed(&["calibrate", "--out", &merged], 2).contains("MODEL"));
    assert!(failed(&["calibrate", "merge", "--out", &merged], 2).contains("FILE"));
}

#[test]
fn values_of_a_run_elsewhere_are_read() {
    let bench = Bench::new();
    let exposed = bench.at("exposed.tflite");
    let json = parsed(&ran(&["expose", &bench.model, &exposed, "--json"]));
    let outputs = json["outputs"].as_array().unwrap();
    assert!(outputs.len() > 4);
    assert!(failed(&["expose", &bench.model, &exposed], 4).contains("--force"));
    assert!(failed(&["expose", &bench.model, &bench.model, "--force"], 4).contains("is the input"));
    // The copy has the same constants.
    ran(&["compare", &bench.model, &exposed, "--min-sqnr", "300"]);

    let (name, shape) = dense(&bench);
    let folder = bench.folder.path().join("values");
    let mut values: Vec<f32> = vec![0.5; 2 * shape];
    values[..4].copy_from_slice(&[1.0, -2.0, 3.0, f32::NAN]);
    write_npy(&folder.join(format!("{name}.npy")), &[2, shape], &values);
    let (values, output) = (folder.display().to_string(), bench.at("stats.json"));
    let calibrate = ["calibrate", &bench.model, "--values", &values, "--out", &output, "--force"];
    let json = parsed(&ran(&[&calibrate[..], &["--json"]].concat()));
    let value = &json["values"][0];
    assert_eq!(
        (value["name"].as_str(), value["count"].as_u64(), value["nan"].as_u64()),
        (Some(&*name), Some(2 * shape as u64), Some(1))
    );
    assert_eq!(
        (value["min"].as_f64(), value["max"].as_f64(), json["samples"].as_u64()),
        (Some(-2.0), Some(3.0), Some(2))
    );
    write_npy(&folder.join("stranger.npy"), &[2], &[1.0, 2.0]);
    assert!(failed(&calibrate, 1).contains("stranger"));
}

/// Returns the name of a value of two axes, and how long the second one is.
fn dense(bench: &Bench) -> (String, usize) {
    let dump = bench.at("dumped");
    ran(&[&["calibrate", &bench.model, "--data", &bench.data, "--samples", "2", "--dump", &dump], &PIXELS[..]].concat());
    let list = parsed(&fs::read_to_string(format!("{dump}/values.json")).unwrap());
    let values = list["values"].as_array().unwrap();
    let found = values.iter().find(|value| value["shape"].as_array().unwrap().len() == 2).unwrap();
    (found["key"].as_str().unwrap().to_owned(), found["shape"][1].as_u64().unwrap() as usize)
}

/// Writes an array as NumPy does.
fn write_npy(path: &Path, shape: &[usize], values: &[f32]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lens: Vec<String> = shape.iter().map(|len| format!("{len}, ")).collect();
    let lens = lens.concat();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({lens}), }}");
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(format!("{header:<118}").as_bytes());
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    fs::write(path, &bytes).unwrap();
}

#[test]
fn values_may_have_the_names_of_signatures_and_must_have_the_shapes_of_the_model() {
    let bench = Bench::new();
    let (model, output) = (kind("signatures"), bench.at("stats.json"));
    let calibrate = |arrays: &[(&str, &[usize])]| {
        let folder = bench.folder.path().join("values");
        let _ = fs::remove_dir_all(&folder);
        for (name, shape) in arrays {
            write_npy(&folder.join(format!("{name}.npy")), shape, &vec![1.5; shape.iter().product()]);
        }
        let values = folder.display().to_string();
        let arguments = ["calibrate", &model, "--values", &values, "--out", &output, "--force", "--json"];
        let done = tensor_quant().args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let accepted = |arrays: &[(&str, &[usize])], samples: u64, counts: &[(&str, u64)]| {
        let (code, json, message) = calibrate(arrays);
        assert_eq!(code, Some(0), "{arrays:?}: {message}");
        let json = parsed(&json);
        assert_eq!((json["samples"].as_u64(), &json["without_samples"][0]), (Some(samples), &"score".into()));
        let values = json["values"].as_array().unwrap();
        let found: Vec<_> =
            values.iter().map(|v| (v["name"].as_str().unwrap(), v["count"].as_u64().unwrap())).collect();
        assert_eq!(found, counts);
    };
    let counts = [("encode_x", 5 * 32), ("encode_y", 5 * 36)];
    accepted(&[("encode/x", &[5, 32]), ("encode/y", &[5, 36])], 5, &counts);
    accepted(&[("encode_x", &[5, 32]), ("encode/encode_y", &[5, 1, 36])], 5, &counts);
    accepted(&[("run/encode_x", &[5, 32]), ("encode_y", &[5, 36])], 5, &counts);
    let refused = |arrays: &[(&str, &[usize])], expected: &[&str]| {
        let (code, _, message) = calibrate(arrays);
        assert_eq!(code, Some(1), "{arrays:?}: {message}");
        assert!(expected.iter().all(|expected| message.contains(expected)), "{message}");
    };
    refused(&[("y", &[5, 36])], &["\"y\"", "encode_y", "score_y", "\"encode\", \"score\""]);
    refused(&[("encode/y", &[5, 7])], &["\"encode/y\"", "[5, 7]", "[1, 36]"]);
    refused(&[("encode/y", &[36])], &["[36]", "[1, 36]"]);
    refused(&[("encode/y", &[5, 2, 18])], &["[5, 2, 18]", "[1, 36]"]);
    refused(&[("encode/x", &[3, 32]), ("encode/y", &[5, 36])], &["has 5 samples", "has 3"]);
    refused(&[("encode/y", &[5, 36]), ("encode_y", &[5, 36])], &["\"encode/y\" and \"encode_y\" are both"]);
    refused(&[("encode/z", &[5, 36])], &["\"encode/z\"", "no values of the model"]);
    refused(&[("encode/y", &[0, 36])], &["no samples"]);
    // Two signatures may have been run on different samples.
    let (code, _, message) = calibrate(&[("encode/y", &[5, 36]), ("score/y", &[3, 40])]);
    assert_eq!(code, Some(0), "{message}");
}

#[test]
fn a_signature_without_samples_is_told_of_and_stays_in_floating_point() {
    let bench = Bench::new();
    let (model, data, stats, output) =
        (kind("signatures"), bench.at("data"), bench.at("stats.json"), bench.at("out.tflite"));
    let values: Vec<f32> = (0..8 * 32).map(|i| (i as f32 * 0.7).sin()).collect();
    write_npy(&bench.folder.path().join("data/encode/x.npy"), &[8, 32], &values);
    let table = ran(&["calibrate", &model, "--data", &data, "--out", &stats]);
    assert!(table.contains("warning: without samples, and so not observed: the signatures score"), "{table}");
    for evidence in [["--calibration", &stats], ["--data", &data]] {
        let quantize = ["quantize", &model, &output, "--recipe", "int8", "--force", "--json", evidence[0], evidence[1]];
        let json = parsed(&ran(&quantize));
        let is_of_score = |warning: &serde_json::Value| {
            let message = warning["message"].as_str().unwrap();
            message.contains("signature \"score\"") && message.contains("floating point")
        };
        assert!(json["warnings"].as_array().unwrap().iter().any(is_of_score), "{evidence:?}: {json}");
        let evaluated = parsed(&ran(&["evaluate", &model, &output, "--json"]));
        assert!(evaluated["sqnr_db"].as_f64().unwrap() > 20.0, "{evaluated}");
    }
    // Both in integers.
    write_npy(&bench.folder.path().join("data/score/x.npy"), &[8, 32], &values);
    let json = parsed(&ran(&["quantize", &model, &output, "--recipe", "int8", "--force", "--json", "--data", &data]));
    assert_eq!(json["integers"]["integer_operators"], 2, "{json}");
    assert!(!json["warnings"].to_string().contains("signature"), "{json}");
    ran(&["check", &output]);
    let outputs = &json["judgement"]["outputs"];
    for (place, name) in ["encode/y", "score/y"].into_iter().enumerate() {
        let db = outputs[place]["sqnr_db"].as_f64().unwrap();
        assert!(outputs[place]["name"] == name && db > 30.0, "{outputs}");
    }
}

#[test]
fn what_was_never_observed_has_a_dash() {
    let bench = Bench::new();
    let stats = bench.at("stats.json");
    ran(&calibrate(&bench, &stats, &["--samples", "3"]));
    let text = fs::read_to_string(&stats).unwrap();
    let mut saved = parsed(&text);
    let fresh = saved["ranges"]["fresh"].clone();
    let tensors = saved["ranges"]["tensors"].as_object_mut().unwrap();
    let key = tensors.keys().next().unwrap().clone();
    let nothing = serde_json::json!({"count": 0, "nan": 0, "infinite": 0});
    tensors[&key] = serde_json::json!({"seen": nothing, "states": [fresh]});
    fs::write(&stats, saved.to_string()).unwrap();
    let table = ran(&["calibrate", "merge", &stats, "--out", &bench.at("merged.json")]);
    let lines: Vec<&str> = table.lines().filter(|line| line.contains("never observed")).collect();
    assert!(lines.len() == 1 && lines[0].matches('–').count() == 4 && !table.contains("inf"), "{table}");
}

/// Arguments that calibrate a model with some of the digits.
fn calibrate<'a>(bench: &'a Bench, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["calibrate", &bench.model, "--data", &bench.data, "--force", "--out", output], &PIXELS[..], more].concat()
}

#[test]
fn statistics_merge_to_the_same_bits_in_any_order() {
    let bench = Bench::new();
    let names = ["a", "b", "c", "ab", "ab-c", "cb", "cb-a", "all"].map(|name| bench.at(name));
    let [a, b, c, ab, ab_c, cb, cb_a, all] = names.each_ref().map(String::as_str);
    for (output, samples, estimator) in [(a, "3", "mse"), (b, "5", "mse"), (c, "9", "mse")] {
        let more =
            ["--samples", samples, "--estimator", estimator, "--estimator", "SOFTMAX=fixed 0..1", "--second-moments"];
        ran(&calibrate(&bench, output, &more));
    }
    let merge = |files: &[&str], output: &str| {
        ran(&[&["calibrate", "merge"], files, &["-o", output]].concat());
        fs::read_to_string(output).unwrap()
    };
    merge(&[a, b], ab);
    merge(&[c, b], cb);
    let expected = merge(&[a, b, c], all);
    assert_eq!(merge(&[ab, c], ab_c), expected);
    assert_eq!(merge(&[cb, a], cb_a), expected);
    let json = parsed(&ran(&["calibrate", "merge", all, "--out", &bench.at("again"), "--json"]));
    assert_eq!((json["samples"].as_u64(), fs::read_to_string(bench.at("again")).unwrap()), (Some(17), expected));

    let merged =
        |files: &[&str], code| failed(&[&["calibrate", "merge"], files, &["-o", &bench.at("none")]].concat(), code);
    assert!(merged(&[a, a], 2).contains("given twice"));
    // Another model, another estimator of one value, and one that has no order to keep.
    let other = bench.at("other");
    ran(&calibrate(
        &bench,
        &other,
        &["--samples", "3", "--estimator", "mse", "--estimator", "SOFTMAX=min-max", "--second-moments"],
    ));
    let message = merged(&[a, &other], 1);
    assert!(message.contains("fixed 0..1") && message.contains("min-max"), "{message}");
    let text = fs::read_to_string(a).unwrap().replacen("\"model\":\"", "\"model\":\"0", 1);
    fs::write(&other, text).unwrap();
    assert!(merged(&[a, &other], 1).contains("different models"));
    ran(&calibrate(&bench, &other, &["--samples", "3", "--estimator", "moving-average 0.1"]));
    assert!(merged(&[&other, a], 1).contains("moving average"));
}

#[test]
fn each_value_has_the_estimator_that_was_asked_for_it() {
    let bench = Bench::new();
    let output = bench.at("stats.json");
    let asked = ["--samples", "8", "--estimator", "CONV_2D=mse", "--estimator", "octav"];
    let json = parsed(&ran(&calibrate(&bench, &output, &[&asked[..], &["--json"]].concat())));
    let graph = parsed(&ran(&["evaluate", &bench.model, &bench.model, "--samples", "1", "--json"]));
    for value in json["values"].as_array().unwrap() {
        let of = graph["values"].as_array().unwrap().iter().find(|other| other["name"] == value["name"]);
        let expected = if of.unwrap()["operator"] == "CONV_2D" { "mse" } else { "octav" };
        assert_eq!(value["estimator"], expected, "{value}");
    }
    let message = failed(&calibrate(&bench, &output, &["--estimator", "CONV_3D=mse"]), 2);
    assert!(message.contains("\"CONV_3D\" matches no value"), "{message}");
    let message = failed(&calibrate(&bench, &output, &["--estimator", "mse", "--estimator", "octav"]), 2);
    assert!(message.contains("given twice"), "{message}");
    failed(&calibrate(&bench, &output, &["--estimator", "CONV_2D=msee"]), 2);
}

#[test]
fn values_that_were_dumped_give_the_same_statistics() {
    let bench = Bench::new();
    let (output, again, dump) = (bench.at("stats.json"), bench.at("again.json"), bench.at("values"));
    ran(&calibrate(&bench, &output, &["--samples", "7", "--dump", &dump, "--second-moments"]));
    ran(&["calibrate", &bench.model, "--values", &dump, "--out", &again, "--second-moments"]);
    assert_eq!(fs::read_to_string(&again).unwrap(), fs::read_to_string(&output).unwrap());
    let list = parsed(&fs::read_to_string(bench.folder.path().join("values/values.json")).unwrap());
    assert_eq!((list["samples"].as_u64(), list["values"][0]["shape"][0].as_u64()), (Some(7), Some(7)));
    // What is there stays there.
    assert!(failed(&calibrate(&bench, &output, &["--samples", "7", "--dump", &dump]), 1).contains("exists"));
    // Values alone, without statistics.
    let only = bench.at("only");
    ran(&[&["calibrate", &bench.model, "--data", &bench.data, "--samples", "2", "--dump", &only], &PIXELS[..]].concat());
    assert!(fs::exists(&only).unwrap());
    // Values of another model.
    let other = crate::sample("mnist_cnn.tflite").display().to_string();
    failed(&["calibrate", &other, "--values", &dump, "--out", &again, "--force"], 1);
}

#[test]
fn a_model_in_integers_is_made_of_saved_statistics() {
    let bench = Bench::new();
    let (stats, output) = (bench.at("stats.json"), bench.at("int8.tflite"));
    ran(&calibrate(&bench, &stats, &["--samples", "60"]));
    let quantize = ["quantize", &bench.model, &output, "--calibration", &stats, "--force"];
    let run = |more: &[&str]| ran(&[&quantize[..], more].concat());
    let fail = |more: &[&str], code| failed(&[&quantize[..], more].concat(), code);
    for (recipe, least) in [("int8", 25.0), ("int16x8", 40.0)] {
        let json = parsed(&run(&["--recipe", recipe, "--json"]));
        let integers = &json["integers"];
        assert_eq!((integers["samples"].as_u64(), integers["is_judged"].as_bool()), (Some(60), Some(false)));
        assert!(json["judgement"].is_null());
        ran(&["check", &output]);
        let evaluate = [&["evaluate", &bench.model, &output, "--data", &bench.data, "--json"], &PIXELS[..]].concat();
        let sqnr = parsed(&ran(&evaluate))["sqnr_db"].as_f64().unwrap();
        assert!(sqnr > least, "{recipe}: {sqnr}");
    }
    let table = run(&["--recipe", "int8"]);
    assert!(table.contains("ranges are those of 60 samples that were run before"), "{table}");
    // With samples, too, what came out is judged.
    let with_data = [&["--recipe", "int8", "--json", "--data", &bench.data, "--samples", "30"], &PIXELS[..]].concat();
    let json = parsed(&run(&with_data));
    assert_eq!((json["integers"]["samples"].as_u64(), json["judgement"]["samples"].as_u64()), (Some(60), Some(30)));
    assert!(json["judgement"]["sqnr_db"].as_f64().unwrap() > 25.0);

    // What makes no codes of activations takes none; what does needs some.
    assert!(fail(&["--recipe", "int8-dynamic"], 1).contains("have no effect"));
    let message = failed(&["quantize", &bench.model, &output, "--recipe", "int8", "--force"], 2);
    assert!(message.contains("--data") && message.contains("--calibration"), "{message}");
    let other = crate::sample("mnist_cnn.tflite").display().to_string();
    let message = failed(&["quantize", &other, &output, "--recipe", "int8", "--calibration", &stats, "--force"], 1);
    assert!(message.contains("SHA-256"), "{message}");
    let recipe = bench.at("careful.toml");
    fs::write(&recipe, "name = \"careful\"\n[activations]\nto = \"int8\"\n[[activations.values]]\nnames = [\"*\"]\nestimator = \"mse\"\n").unwrap();
    let message = fail(&["--recipe", &recipe], 1);
    assert!(message.contains("asks for \"mse\"") && message.contains("min-max"), "{message}");
    // Without the last line of values, one is missing.
    let saved = parsed(&fs::read_to_string(&stats).unwrap());
    let mut lacking = saved.clone();
    let tensors = lacking["ranges"]["tensors"].as_object_mut().unwrap();
    let gone = tensors.keys().next().unwrap().clone();
    tensors.remove(&gone);
    fs::write(&stats, lacking.to_string()).unwrap();
    let message = fail(&["--recipe", "int8"], 1);
    assert!(message.contains("lack 1 of") && message.contains(&gone), "{message}");
    // Statistics that do not say which model they are of.
    let mut nameless = saved;
    nameless["model"] = serde_json::Value::Null;
    fs::write(&stats, nameless.to_string()).unwrap();
    run(&["--recipe", "int8"]);
    // Tensors alone have nothing that runs.
    let tensors = crate::sample("digits_mlp.safetensors").display().to_string();
    let to = bench.at("out.safetensors");
    let message = failed(&["quantize", &tensors, &to, "--recipe", "int8-dynamic", "--data", &bench.data], 2);
    assert!(message.contains("tensors alone"), "{message}");
}
