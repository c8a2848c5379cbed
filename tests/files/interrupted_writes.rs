//! A target is the old file or the new one, whole, whatever happens to the writer; and what a target is: links, permissions.
#![cfg(all(unix, feature = "pipeline", feature = "serde"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::array;
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::{TempDir, tempdir};
use tensor_quant::calibration::Calibrator;
use tensor_quant::model::safetensors::{Reader, Stored, Writer};
use tensor_quant::model::tflite::Model;
use tensor_quant::pipeline::{Options, quantize_file};
use tensor_quant::range::MinMax;
use tensor_quant::recipe::Recipe;
use tensor_quant::report::Report;
use tensor_quant::{Error, Result};

/// Set for a process that writes until it is killed: the folder that it writes to.
const ENDLESS: &str = "TENSOR_QUANT_WRITES_TO";

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

/// Everything that writes files, with two contents for each of them.
struct Doors {
    models: [Model; 2],
    copies: [HashMap<String, String>; 2],
    calibrators: [Calibrator<MinMax>; 2],
    reports: [Report; 2],
}

impl Doors {
    const NAMES: [&str; 4] = ["model.tflite", "weights.safetensors", "calibration.json", "report.html"];

    fn new(folder: &Path) -> Self {
        let quantized = |recipe: &str, output: &str| {
            let (input, output) = (sample("digits_cnn.tflite"), folder.join(output));
            let recipe = Recipe::named(recipe).unwrap();
            let outcome = quantize_file(input, &output, &recipe, &Options::default(), &mut |_| ()).unwrap();
            let mut report = Report::new(&outcome).created_at(std::time::UNIX_EPOCH);
            // What differs between two runs.
            (report.seconds, report.seconds_to_disk) = (1.0, 1.0);
            report.output = output.file_name().unwrap().display().to_string();
            (Model::open(output).unwrap(), report)
        };
        let (first, second) = (quantized("float16", "first"), quantized("int8-weight-only", "second"));
        let calibrators = [array![1.0_f32], array![1.0, -2.0]].map(|values| {
            let calibrator = Calibrator::new(MinMax::default());
            (0..50).for_each(|i| calibrator.observe(&format!("x{i}"), values.view()).unwrap());
            calibrator
        });
        let copies = ["short", "long"].map(|text| HashMap::from([("text".into(), text.repeat(500))]));
        Self { models: [first.0, second.0], copies, calibrators, reports: [first.1, second.1] }
    }

    /// Writes one of the two contents through one of the doors.
    fn write(&self, door: usize, content: usize, target: &Path) -> Result<()> {
        match door {
            0 => self.models[content].save(target),
            1 => {
                let mut reader = Reader::open(sample("digits_mlp.safetensors"))?;
                let plan = reader.tensors().map(|info| (info.name.clone(), Stored::copy_of(info))).collect();
                let mut writer = Writer::create(target, plan, self.copies[content].clone())?;
                for name in reader.names() {
                    writer.copy(&name, &mut reader)?;
                }
                writer.finish()
            }
            2 => self.calibrators[content].save(target),
            _ => self.reports[content].save(target),
        }
    }

    /// Writes the first content through every door.
    fn write_all(&self, folder: &Path) {
        for (door, name) in Self::NAMES.iter().enumerate() {
            self.write(door, 0, &folder.join(name)).unwrap();
        }
    }
}

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

#[test]
#[ignore = "the process that the next test kills"]
fn writes_until_it_is_killed() {
    let folder = PathBuf::from(std::env::var_os(ENDLESS).unwrap());
    let made = tempdir().unwrap();
    let doors = Doors::new(made.path());
    for content in (0..2).cycle() {
        for (door, name) in Doors::NAMES.iter().enumerate() {
            doors.write(door, content, &folder.join(name)).unwrap();
        }
    }
}

#[test]
fn a_writer_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let (folder, made) = (tempdir().unwrap(), tempdir().unwrap());
    let doors = Doors::new(made.path());
    let contents = [0, 1].map(|content| {
        [0, 1, 2, 3].map(|door| {
            let path = made.path().join(Doors::NAMES[door]);
            doors.write(door, content, &path).unwrap();
            fs::read(path).unwrap()
        })
    });
    doors.write_all(folder.path());
    let mut second_content = 0;
    for round in 0..40_u64 {
        let mut writer = Command::new(std::env::current_exe().unwrap());
        writer
            .args(["--ignored", "--exact", "interrupted_writes::writes_until_it_is_killed"])
            .env(ENDLESS, folder.path());
        let mut writer = writer.stdout(std::process::Stdio::null()).spawn().unwrap();
        // It takes some time to begin; from then on any moment will do.
        std::thread::sleep(Duration::from_millis(20 + round * 7919 % 211));
        writer.kill().unwrap();
        assert_eq!(writer.wait().unwrap().signal(), Some(9), "it ended by itself");
        for (door, name) in Doors::NAMES.iter().enumerate() {
            let found = fs::read(folder.path().join(name)).unwrap();
            let which = contents.iter().position(|content| content[door] == found);
            assert!(which.is_some(), "{name} is neither of the two, after round {round}");
            second_content += which.unwrap();
        }
    }
    assert!(second_content > 0, "no writer came to write");
    // What killed writers left is hidden, is no target, and stands in nobody's way.
    let rest: Vec<String> =
        names(folder.path()).into_iter().filter(|name| !Doors::NAMES.contains(&name.as_str())).collect();
    assert!(rest.iter().all(|name| is_temporary(name)), "{rest:?}");
    doors.write_all(folder.path());
    assert_eq!(names(folder.path()).len(), 4 + rest.len());
}

/// A folder with a file of the first content for each door.
fn written() -> (TempDir, TempDir, Doors) {
    let (folder, made) = (tempdir().unwrap(), tempdir().unwrap());
    let doors = Doors::new(made.path());
    doors.write_all(folder.path());
    (folder, made, doors)
}

#[test]
fn what_is_no_file_or_read_only_is_refused_and_stays() {
    let (folder, _made, doors) = written();
    let subfolder = folder.path().join("folder");
    fs::create_dir(&subfolder).unwrap();
    for (door, name) in Doors::NAMES.iter().enumerate() {
        let refused = |target: &Path, why: &str| {
            let error = doors.write(door, 1, target).unwrap_err();
            assert!(matches!(&error, Error::Io { action: "write", path, .. } if path == target), "{error}");
            assert!(error.to_string().to_lowercase().contains(why), "{name}: {error}");
        };
        refused(&subfolder, "is a directory");
        refused(&folder.path().join("no/such/folder/x"), "there is no folder ");
        refused(&folder.path().join(name).join("x"), "not a directory");
        refused(Path::new(""), "cannot write");
        // Replacing a device would take it away from everybody.
        refused(Path::new("/dev/null"), "no regular file");
        refused(Path::new("/dev/full"), "no regular file");
        let target = folder.path().join(name);
        let before = fs::read(&target).unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o444)).unwrap();
        refused(&target, "read-only");
        assert_eq!((fs::read(&target).unwrap(), mode(&target)), (before, 0o444));
    }
    assert_eq!(names(folder.path()).len(), 5, "something is left");
    assert!(names(&subfolder).is_empty());
}

#[test]
fn a_folder_that_may_not_be_written_to_keeps_its_files() {
    let (folder, _made, doors) = written();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    // An administrator may write anywhere.
    let may = fs::write(folder.path().join("probe"), "").is_ok();
    for (door, name) in Doors::NAMES.iter().enumerate() {
        let target = folder.path().join(name);
        let before = fs::read(&target).unwrap();
        assert_eq!(doors.write(door, 1, &target).is_ok(), may, "{name}");
        assert_eq!(fs::read(&target).unwrap() == before, !may, "{name}");
    }
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(!names(folder.path()).iter().any(|name| is_temporary(name)));
}

#[test]
fn a_symbolic_link_stays_and_what_it_leads_to_is_replaced() {
    let (folder, made, doors) = written();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for (door, name) in Doors::NAMES.iter().enumerate() {
        let content = made.path().join(name);
        doors.write(door, 1, &content).unwrap();
        let content = fs::read(content).unwrap();
        // A relative link to a relative link to the file, and one to a file that is not there.
        let (file, new) = (folder.path().join(name), elsewhere.join(format!("new {name}")));
        let links = ["first", "second", "dangling"].map(|link| elsewhere.join(format!("{link} {name}")));
        symlink(Path::new("..").join(name), &links[0]).unwrap();
        symlink(format!("first {name}"), &links[1]).unwrap();
        symlink(&new, &links[2]).unwrap();
        for (link, file) in [(&links[1], &file), (&links[2], &new)] {
            doors.write(door, 1, link).unwrap();
            assert!(link.is_symlink() && !file.is_symlink());
            assert!(fs::read(file).unwrap() == content, "{name}");
        }
        let (to_folder, in_a_circle) = (folder.path().join("to folder"), folder.path().join("circle"));
        if door == 0 {
            symlink(&elsewhere, &to_folder).unwrap();
            symlink("circle", &in_a_circle).unwrap();
        }
        for (link, why) in [(to_folder, "is a directory"), (in_a_circle, "links")] {
            let error = doors.write(door, 1, &link).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(link.is_symlink());
        }
    }
}

#[test]
fn a_file_keeps_its_permissions_and_another_hard_link_the_old_content() {
    let (folder, _made, doors) = written();
    let ordinary = folder.path().join("ordinary");
    fs::write(&ordinary, "").unwrap();
    for (door, name) in Doors::NAMES.iter().enumerate() {
        let (target, link) = (folder.path().join(name), folder.path().join(format!("hard link {name}")));
        assert_eq!(mode(&target), mode(&ordinary), "{name}: a new file is as any new file");
        for bits in [0o600, 0o640, 0o666, 0o755] {
            fs::set_permissions(&target, Permissions::from_mode(bits)).unwrap();
            doors.write(door, 1, &target).unwrap();
            assert_eq!(mode(&target), bits, "{name}");
        }
        let before = fs::read(&target).unwrap();
        fs::hard_link(&target, &link).unwrap();
        doors.write(door, 0, &target).unwrap();
        assert!(fs::read(&link).unwrap() == before && fs::read(&target).unwrap() != before);
        assert_ne!(fs::metadata(&link).unwrap().ino(), fs::metadata(&target).unwrap().ino());
    }
    // What is private is so while it is being written.
    let target = folder.path().join("private");
    fs::write(&target, "").unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
    let writer = Writer::create(&target, Vec::new(), HashMap::new()).unwrap();
    let temporary = names(folder.path()).into_iter().find(|name| is_temporary(name)).unwrap();
    assert_eq!(mode(&folder.path().join(temporary)), 0o600);
    drop(writer);
    assert!(!names(folder.path()).iter().any(|name| is_temporary(name)));
}
