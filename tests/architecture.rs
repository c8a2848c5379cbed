//! A file imports only from the floors below its own, and no file grows into two.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, lowest floor first; rooms on one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["error"],
    &["num", "output"],
    &["params"],
    &["kernel"],
    &["range"],
    &["tensor", "block"],
    &["metrics", "convention"],
    &["laws"],
    &["model"],
    &["calibration"],
    &["recipe"],
    &["search"],
    &["pipeline"],
    &["report"],
    &["bin"],
    &["docs"],
];

/// The longest that a file may be, in lines: beyond it there are two nouns in it.
const LONGEST: usize = 600;

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("src is a folder") {
        let path = entry.expect("a folder's entry is readable").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room that a file of `src/` belongs to: its first folder, or its name.
fn room_of(file: &Path, src: &Path) -> String {
    let relative = file.strip_prefix(src).expect("the file is in src");
    let first = relative.components().next().expect("a file has a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").into()
}

/// The rooms that the code of a file names as `crate::room`, `crate::{…}` included; comments and test modules are not
/// code of the house.
fn imports(text: &str) -> Vec<String> {
    let house = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String =
        house.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|l| [l, "\n"]).collect();
    let mut rooms = Vec::new();
    for part in code.split("crate::").skip(1) {
        let name = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match part.strip_prefix('{') {
            Some(group) => rooms.extend(group.split('}').next().unwrap_or_default().split(',').map(|s| name(s.trim()))),
            None => rooms.push(name(part)),
        }
    }
    rooms
}

#[test]
fn no_file_imports_from_its_own_floor_or_above() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources(&src).iter().filter(|file| !file.ends_with("src/lib.rs")) {
        let room = room_of(file, &src);
        let Some(floor) = floor_of(&room) else {
            wrong.push(format!("{}: {room} has no floor", file.display()));
            continue;
        };
        // The scalars are described with the errors that they give, and errors hold no other room's types.
        for import in imports(&fs::read_to_string(file).expect("a source file is text")) {
            match floor_of(&import) {
                Some(other) if import != room && other >= floor => {
                    wrong.push(format!("{}: {room} (floor {floor}) imports {import} (floor {other})", file.display()));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "upward imports:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_root_reexports_are_named_without_their_room() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src).iter().filter(|file| !file.ends_with("src/lib.rs")) {
        for import in imports(&fs::read_to_string(file).expect("a source file is text")) {
            let known = floor_of(&import).is_some() || import.is_empty();
            assert!(known, "{}: `crate::{import}` hides the floor it comes from", file.display());
        }
    }
}

#[test]
fn simd_lives_in_the_kernel_room_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src).iter().filter(|file| room_of(file, &src) != "kernel") {
        let text = fs::read_to_string(file).expect("a source file is text");
        assert!(!text.contains("fearless_simd::"), "{} uses SIMD outside the kernel room", file.display());
        assert!(!text.contains("core::arch"), "{} uses SIMD outside the kernel room", file.display());
    }
}

#[test]
fn every_file_is_one_noun_long() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let lines = fs::read_to_string(&file).expect("a source file is text").lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_checks_themselves_see_an_import() {
    assert_eq!(
        imports("use crate::kernel::{self, Level};\n// crate::model\nuse crate::{num, range};"),
        ["kernel", "num", "range"]
    );
    assert_eq!(floor_of("kernel"), Some(3));
    assert_eq!(floor_of("utils"), None);
}
