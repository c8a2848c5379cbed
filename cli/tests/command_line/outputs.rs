//! What stands where the output goes: a full disk, another's file, the input by another name.

use crate::{sample, tensor_quant};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::tempdir;

/// Names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort_unstable();
    names
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(".tensor-quant-") && Path::new(name).extension().is_some_and(|extension| extension == "part")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs the command line with files of at most so many blocks of 512 bytes; beyond, writing fails, or the signal kills.
fn with_a_full_disk(blocks: u64, survives: bool, arguments: &[&Path]) -> Output {
    let trap = if survives { "trap '' XFSZ; " } else { "" };
    let script =
        format!("{trap}ulimit -c 0; ulimit -f {blocks}; exec \"$0\" quantize \"$@\" -r int8-weight-only --force");
    Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_tensor-quant")]).args(arguments).output().unwrap()
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = tempdir().unwrap();
    for input in [sample("digits_mlp.safetensors"), sample("digits_cnn.tflite")] {
        let output = folder.path().join("out");
        assert!(with_a_full_disk(100_000, true, &[&input, &output]).status.success());
        let new = fs::read(&output).unwrap();
        let blocks = new.len() as u64 / 512;
        for limit in [0, 1, 2, blocks / 3, blocks / 2, blocks - 1] {
            fs::write(&output, "what was there").unwrap();
            let failed = with_a_full_disk(limit, true, &[&input, &output]);
            let message = String::from_utf8(failed.stderr).unwrap();
            assert_eq!(failed.status.code(), Some(1), "{message}");
            assert!(message.starts_with("error: cannot write") && message.lines().count() == 1, "{message}");
            assert_eq!(fs::read(&output).unwrap(), b"what was there", "{limit} of {blocks} blocks");
            assert_eq!(names(folder.path()), ["out"], "something is left");

            let killed = with_a_full_disk(limit, false, &[&input, &output]);
            assert!(killed.status.signal().is_some());
            assert_eq!(fs::read(&output).unwrap(), b"what was there", "{limit} of {blocks} blocks");
            for name in names(folder.path()).iter().filter(|name| *name != "out") {
                assert!(is_temporary(name), "{name}");
                fs::remove_file(folder.path().join(name)).unwrap();
            }
        }
        // As large as the file itself is large enough.
        assert!(with_a_full_disk(blocks + 1, true, &[&input, &output]).status.success());
        assert!(fs::read(&output).unwrap() == new);
    }
}

#[test]
fn a_replaced_file_stays_in_its_group_or_gives_another_no_rights() {
    let folder = tempdir().unwrap();
    let (input, target) = (folder.path().join("in.tflite"), folder.path().join("out.tflite"));
    fs::copy(sample("digits_cnn.tflite"), &input).unwrap();
    fs::write(&target, "").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    if chown(&target, Some(0), Some(1234)).is_err() || Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("only an administrator of a system with setpriv can try this");
        return;
    }
    // Where nobody can reach it.
    let program = folder.path().join("tensor-quant").display().to_string();
    // Copied by another process: a program cannot be started while a fork of this one, as other tests make, has it open to write.
    assert!(Command::new("cp").args([env!("CARGO_BIN_EXE_tensor-quant"), &program]).status().unwrap().success());
    // As nobody, who is in group 1234 or is not.
    let replace = |groups: &str, bits: u32| {
        chown(&target, Some(0), Some(1234)).unwrap();
        fs::set_permissions(&target, Permissions::from_mode(bits)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", groups, &program, "quantize"]);
        let done = command.args([&input, &target]).args(["-r", "float16", "--force"]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let new = fs::metadata(&target).unwrap();
        (new.uid(), new.gid(), mode(&target))
    };
    assert_eq!(replace("--groups=1234", 0o660), (65534, 1234, 0o660));
    assert_eq!(replace("--clear-groups", 0o660), (65534, 65534, 0o600));
    assert_eq!(replace("--clear-groups", 0o664), (65534, 65534, 0o644));
    assert_eq!(replace("--clear-groups", 0o755), (65534, 65534, 0o755));
}

#[test]
fn the_input_is_never_the_output_by_whatever_name() {
    let folder = tempdir().unwrap();
    let input = folder.path().join("in.safetensors");
    fs::copy(sample("digits_mlp.safetensors"), &input).unwrap();
    let before = fs::read(&input).unwrap();
    symlink("in.safetensors", folder.path().join("link")).unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    symlink("..", folder.path().join("sub/up")).unwrap();
    let run = |input: &str, arguments: &[&str]| {
        let mut command = tensor_quant();
        let command = command.current_dir(folder.path()).args(["quantize", input]).args(arguments);
        let done = command.args(["-r", "int8-weight-only"]).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let absolute = input.display().to_string();
    for name in
        ["in.safetensors", "./in.safetensors", "sub/../in.safetensors", "sub/up/in.safetensors", "link", &absolute]
    {
        for input in ["in.safetensors", "link", "sub/up/in.safetensors"] {
            let (code, message) = run(input, &[name, "--force"]);
            assert_eq!(code, Some(4), "{input} to {name}: {message}");
            assert!(message.contains("is the input"), "{message}");
        }
    }
    assert!(fs::read(&input).unwrap() == before);
    assert_eq!(names(folder.path()), ["in.safetensors", "link", "sub"]);

    // A hard link is a name of its own: it may be replaced, and the input keeps its content.
    let hard = folder.path().join("hard");
    fs::hard_link(&input, &hard).unwrap();
    assert_eq!(run("in.safetensors", &["hard"]).0, Some(4));
    assert_eq!(run("in.safetensors", &["hard", "--force"]), (Some(0), String::new()));
    assert!(fs::read(&input).unwrap() == before && fs::read(&hard).unwrap() != before);

    // Nor does a report replace a model, by whatever name.
    for report in ["./out.json", "sub/up/out.json"] {
        let (code, message) = run("in.safetensors", &["out.json", "--report", report]);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains("would replace out.json"), "{message}");
        assert!(!folder.path().join("out.json").exists());
    }
    // A link that leads nowhere is there.
    symlink("nowhere", folder.path().join("dangling.json")).unwrap();
    assert_eq!(run("in.safetensors", &["dangling.json"]).0, Some(4));
    assert_eq!(run("in.safetensors", &["new", "--report", "dangling.json"]).0, Some(4));
    assert!(!folder.path().join("nowhere").exists());
}

/// To open a pipe that nobody writes to takes for ever.
#[test]
fn a_pipe_is_refused_wherever_a_file_is_read() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("pipe.npy");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (pipe, model) = (pipe.display().to_string(), sample("digits_cnn.tflite").display().to_string());
    let (data, out) =
        (sample("digits_test.npz").display().to_string(), folder.path().join("out").display().to_string());
    let parent = folder.path().display().to_string();
    for arguments in [
        &["inspect", &pipe][..],
        &["evaluate", &model, &pipe],
        &["evaluate", &model, &model, "--data", &pipe],
        &["evaluate", &model, &model, "--data", &parent],
        &["evaluate", &model, &model, "--data", &data, "--array", "images", "--labels", &pipe],
        &["calibrate", &model, "--values", &pipe, "--out", &out],
        &["calibrate", "merge", &pipe, "--out", &out],
        &["quantize", &model, &out, "--recipe", "int8", "--calibration", &pipe],
    ] {
        let done = tensor_quant().args(arguments).output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains("it is a pipe or a device"), "{arguments:?}: {message}");
    }
}
