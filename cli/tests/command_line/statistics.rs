//! What samples tell of a model: saved, merged, dumped, read, and what models in integers are made of.

use crate::evaluation::{Bench, PIXELS, failed, parsed, ran};
use std::fs;

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

    let name = outputs[0]["name"].as_str().unwrap();
    let folder = bench.folder.path().join("values");
    let file = folder.join(format!("{name}.npy"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(format!("{header:<118}").as_bytes());
    for x in [1.0_f32, -2.0, 3.0, f32::NAN] {
        bytes.extend(x.to_le_bytes());
    }
    fs::write(&file, &bytes).unwrap();
    let (values, output) = (folder.display().to_string(), bench.at("stats.json"));
    let calibrate = ["calibrate", &bench.model, "--values", &values, "--out", &output, "--force"];
    let json = parsed(&ran(&[&calibrate[..], &["--json"]].concat()));
    let value = &json["values"][0];
    assert_eq!(
        (value["name"].as_str(), value["count"].as_u64(), value["nan"].as_u64()),
        (Some(name), Some(4), Some(1))
    );
    assert_eq!(
        (value["min"].as_f64(), value["max"].as_f64(), json["samples"].as_u64()),
        (Some(-2.0), Some(3.0), Some(2))
    );
    fs::write(folder.join("stranger.npy"), &bytes).unwrap();
    assert!(failed(&calibrate, 1).contains("stranger"));
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
