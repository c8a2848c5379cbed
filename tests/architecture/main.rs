//! A file imports only from the floors below its own, and no file grows into two.

mod doors;
mod house;
mod paths;
mod tokens;

use house::{File, House};
use paths::Path;
use std::collections::BTreeSet;
use tokens::{Token, tokens};

/// The rooms of `src/`, lowest floor first; rooms on one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["error", "text", "threads"],
    &["input", "num", "output", "sha256"],
    &["params"],
    &["kernel"],
    &["range"],
    &["tensor", "block"],
    &["convention"],
    &["metrics"],
    &["laws"],
    &["graph"],
    &["model"],
    &["calibration"],
    &["improve"],
    &["recipe"],
    &["search"],
    &["pipeline"],
    &["report"],
    &["docs"],
];

/// Types by value: an enum of all built-in types of a trait, which those name in what they implement. What they use of such a
/// file makes no circle.
const BY_VALUE: &[&str] = &["num/any_rounding", "num/code_type", "num/slices", "range/any_estimator"];

/// The circles among the entries of one folder that there still are. This list only gets shorter.
const CIRCLES: &[&str] = &[];

/// The longest that a file may be, in lines: beyond it there are two nouns in it.
const LONGEST: usize = 600;

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn house() -> House {
    House::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// Returns what a file of the house must not use.
fn forbidden(house: &House, module: &Path, file: &File) -> Vec<String> {
    let Some(floor) = floor_of(&module[0]) else {
        return vec![format!("{}: {} has no floor", file.name, module[0])];
    };
    let wrong = |path: &&Path| {
        let Some(room) = path.first() else { return true };
        match floor_of(room) {
            _ if *room == module[0] => is_of_another_format(house, module, path),
            Some(other) => other >= floor,
            // The root passes things on, which hides the floor that they come from.
            None => true,
        }
    };
    file.paths.all().filter(wrong).map(|path| format!("{} uses {}", file.name, path.join("::"))).collect()
}

/// Returns whether a path leads from one folder of `model/` into another.
fn is_of_another_format(house: &House, module: &Path, path: &Path) -> bool {
    let is_format = |path: &Path| {
        let files = house.files().filter(|(other, _)| other.len() > 2 && path.len() > 1 && other[..2] == path[..2]);
        files.count() > 0
    };
    module[0] == "model" && is_format(module) && is_format(path) && module[1] != path[1]
}

#[test]
fn no_file_imports_from_its_own_floor_or_above() {
    let house = house();
    let wrong: Vec<String> = house.files().flat_map(|(module, file)| forbidden(&house, module, file)).collect();
    assert!(wrong.is_empty(), "upward imports, or imports that hide where they come from:\n{}", wrong.join("\n"));
}

#[test]
fn every_floor_is_there() {
    let house = house();
    for name in BY_VALUE {
        let module: Path = name.split('/').map(str::to_owned).collect();
        assert!(house.has(&module), "{name} is not there");
    }
    let missing: Vec<_> = FLOORS.concat().into_iter().filter(|room| !house.has(&[(*room).into()])).collect();
    assert!(missing.is_empty(), "floors without a room: {missing:?}");
}

#[test]
fn files_of_one_folder_use_each_other_in_one_direction() {
    let house = house();
    let known: BTreeSet<String> = CIRCLES.iter().map(|circle| (*circle).into()).collect();
    let found = house.circles(BY_VALUE);
    let arrows = |circle: &&String| {
        let folder: Path = circle.split(':').next().unwrap_or_default().split('/').map(str::to_owned).collect();
        let entries: Vec<&str> = circle.split([':', ' ']).skip(2).collect();
        let within = |(from, to): &(String, String)| entries.contains(&from.as_str()) && entries.contains(&to.as_str());
        let arrows = house.arrows(&folder).into_iter().filter(|(ends, _)| within(ends));
        arrows.fold(format!("\n{circle}"), |text, (_, example)| text + "\n    " + &example)
    };
    let new: String = found.difference(&known).collect::<Vec<_>>().iter().map(arrows).collect();
    assert!(new.is_empty(), "new circles:{new}");
    let gone: Vec<&String> = known.difference(&found).collect();
    assert!(gone.is_empty(), "circles that are undone; take them off the list: {gone:?}");
}

#[test]
fn simd_lives_in_the_kernel_room_only() {
    let house = house();
    for (_, file) in house.files().filter(|(module, _)| module[0] != "kernel") {
        let tokens = tokens(&file.source);
        let is_arch = |steps: &[Token<'_>]| {
            matches!(steps, [Token::Word("core" | "std"), Token::Colons, Token::Word("arch" | "simd")])
        };
        let uses_simd = tokens.contains(&Token::Word("fearless_simd")) || tokens.windows(3).any(is_arch);
        assert!(!uses_simd, "{} uses SIMD outside the kernel room", file.name);
    }
}

#[test]
fn every_file_is_one_noun_long() {
    for (_, file) in house().files() {
        let lines = file.source.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", file.name);
    }
}

#[test]
fn the_check_itself_sees_what_is_wrong() {
    let wrong = |name: &str, source: &str| {
        let files = [
            (name, source),
            ("kernel/mod.rs", "pub fn f() {}"),
            ("model/mod.rs", "pub mod a; pub mod b; pub mod names;"),
            ("model/a/mod.rs", "mod inner;"),
            ("model/a/inner.rs", ""),
            ("model/b/mod.rs", ""),
            ("model/b/inner.rs", ""),
            ("model/names.rs", ""),
        ];
        // The last of two files of one name counts.
        let house = House::new(files.into_iter().rev().map(|(name, source)| (name.into(), source.into())));
        let wrong = house.files().flat_map(|(module, file)| forbidden(&house, module, file)).collect::<Vec<_>>();
        wrong.join("; ")
    };
    assert_eq!(wrong("num/real.rs", "use crate::{error::Error, num::code};"), "");
    assert_eq!(wrong("num/real.rs", "use crate::kernel;"), "num/real.rs uses kernel");
    assert_eq!(wrong("num/real.rs", "fn f() { use super::super::kernel::f; }"), "num/real.rs uses kernel::f");
    assert_eq!(
        wrong("num/real.rs", "#[cfg(test)] mod t { fn f() { crate::output::f() } }"),
        "num/real.rs uses output::f"
    );
    assert_eq!(wrong("num/real.rs", "pub use crate::Error;"), "num/real.rs uses Error");
    assert_eq!(wrong("cellar.rs", ""), "cellar.rs: cellar has no floor");
    assert_eq!(wrong("model/a/inner.rs", "use crate::model::names::N; use super::super::names;"), "");
    assert_eq!(wrong("model/a/inner.rs", "use crate::model::b::B;"), "model/a/inner.rs uses model::b::B");
    assert_eq!(wrong("model/a/inner.rs", "use super::super::b;"), "model/a/inner.rs uses model::b");
    assert_eq!(wrong("model/names.rs", "use super::a::A;"), "");
}
