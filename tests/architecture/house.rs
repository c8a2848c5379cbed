//! All files of `src/`, what each uses, and the file that a path leads to.

use crate::paths::{Path, Paths, paths};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// How often a name may be passed on before it is found.
const STEPS: usize = 16;

/// The files of a crate.
pub(crate) struct House {
    files: BTreeMap<Path, File>,
}

/// One file of the crate; its module is its place in the house.
pub(crate) struct File {
    /// Its path below `src/`.
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) paths: Paths,
}

impl House {
    /// Reads the files below a folder.
    pub(crate) fn read(src: &std::path::Path) -> Self {
        let mut sources = Vec::new();
        collect(src, "", &mut sources);
        Self::new(sources)
    }

    /// Returns the house of files with these names below `src/` and these sources.
    pub(crate) fn new(sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let sources: BTreeMap<Path, _> = sources.into_iter().map(|file| (module_of(&file.0), file)).collect();
        let modules: BTreeSet<Path> = sources.keys().cloned().collect();
        let file = |(module, (name, source)): (Path, (String, String))| {
            let is_child = |other: &&Path| other.len() == module.len() + 1 && other.starts_with(&module);
            let children: Vec<String> =
                modules.iter().filter(is_child).filter_map(|child| child.last().cloned()).collect();
            let paths = paths(&source, &module, &children);
            (module, File { name, source, paths })
        };
        Self { files: sources.into_iter().map(file).collect() }
    }

    /// Returns the files by module, but for the root.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &File)> {
        self.files.iter().filter(|(module, _)| !module.is_empty())
    }

    /// Returns whether there is such a module in a file of its own.
    pub(crate) fn has(&self, module: &[String]) -> bool {
        self.files.contains_key(module)
    }

    /// Returns the module of the file in which what a path names is defined; `None` if the path names a module.
    fn home_of(&self, path: &[String]) -> Option<Path> {
        let mut path = path.to_vec();
        for _ in 0..STEPS {
            let depth = (0..=path.len()).rev().find(|depth| self.has(&path[..*depth]))?;
            let (module, rest) = path.split_at(depth);
            let name = rest.first()?;
            let passed_on = &self.files[module].paths.passed_on;
            let Some((_, original)) =
                passed_on.iter().find(|(known, path)| known == name && path[..] != path_of(module, name))
            else {
                return Some(module.to_vec());
            };
            path = original.iter().chain(&rest[1..]).cloned().collect();
        }
        None
    }

    /// Returns the circles among the entries of each folder, in which a folder counts as one, as `folder: a b c`. Who uses one
    /// of the files `apart`, named as `folder/entry`, is left out of account.
    pub(crate) fn circles(&self, apart: &[&str]) -> BTreeSet<String> {
        let folders: BTreeSet<&[String]> =
            self.files.keys().filter(|module| module.len() > 1).map(|module| &module[..module.len() - 1]).collect();
        folders.into_iter().flat_map(|folder| self.circles_in(folder, apart)).collect()
    }

    fn circles_in(&self, folder: &[String], apart: &[&str]) -> Vec<String> {
        let is_apart = |entry: &str| apart.contains(&format!("{}/{entry}", folder.join("/")).as_str());
        let mut arrows = self.arrows(folder);
        arrows.retain(|(_, to), _| !is_apart(to));
        let reached = |start: &String| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![start.clone()]);
            while let Some(entry) = next.pop() {
                let new = arrows.keys().filter(|(from, to)| *from == entry && !seen.contains(to));
                let new: Vec<String> = new.map(|(_, to)| to.clone()).collect();
                seen.extend(new.iter().cloned());
                next.extend(new);
            }
            seen
        };
        let reached: BTreeMap<&String, BTreeSet<String>> =
            arrows.keys().map(|(from, _)| (from, reached(from))).collect();
        let circle = |entry: &&String| {
            let also = |other: &&String| reached[*entry].contains(*other) && reached[*other].contains(*entry);
            reached.keys().copied().filter(also).cloned().collect::<Vec<String>>()
        };
        let circles: BTreeSet<Vec<String>> = reached.keys().map(circle).filter(|circle| !circle.is_empty()).collect();
        circles.into_iter().map(|circle| format!("{}: {}", folder.join("/"), circle.join(" "))).collect()
    }

    /// Returns which entry of a folder uses which, with an example.
    pub(crate) fn arrows(&self, folder: &[String]) -> BTreeMap<(String, String), String> {
        // The folder's own file is an entry, too.
        let entry = |module: &[String]| module.get(folder.len()).cloned().unwrap_or_else(|| "mod".into());
        let mut arrows = BTreeMap::new();
        for (module, file) in self.files.iter().filter(|(module, _)| module.starts_with(folder)) {
            for path in &file.paths.used {
                let Some(home) = self.home_of(path).filter(|home| home.starts_with(folder)) else { continue };
                let (from, to) = (entry(module), entry(&home));
                if from != to {
                    arrows.entry((from, to)).or_insert_with(|| format!("{} uses {}", file.name, path.join("::")));
                }
            }
        }
        arrows
    }
}

fn path_of(module: &[String], name: &str) -> Path {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// Returns the module that a file is, by its name below `src/`.
fn module_of(name: &str) -> Path {
    let mut module: Path = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

fn collect(folder: &std::path::Path, stem: &str, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("a folder's entry is readable").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy();
        if path.is_dir() {
            collect(&path, &format!("{stem}{name}/"), sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push((format!("{stem}{name}"), fs::read_to_string(&path).expect("a source file is text")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(files: &[(&str, &str)]) -> House {
        House::new(files.iter().map(|(name, source)| ((*name).into(), (*source).into())))
    }

    #[test]
    fn a_circle_is_found_by_way_of_what_the_folder_passes_on() {
        let parts = [
            ("lib.rs", "mod num;"),
            ("num/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::{B as Bee};"),
            ("num/a.rs", "use crate::num::Bee; pub struct A;"),
            ("num/b.rs", "pub struct B; fn f() { crate::num::c::g() }"),
            ("num/c.rs", "pub fn g() {}"),
        ];
        assert!(house(&parts).circles(&[]).is_empty());
        let mut circular = parts;
        circular[4].1 = "pub fn g(a: super::A) {}";
        assert_eq!(house(&circular).circles(&["num/x"]).into_iter().collect::<Vec<_>>(), ["num: a b c"]);
        assert!(house(&circular).circles(&["num/b"]).is_empty());
        assert_eq!(
            house(&circular).arrows(&["num".into()]).values().collect::<Vec<_>>(),
            ["num/a.rs uses num::Bee", "num/b.rs uses num::c::g", "num/c.rs uses num::A"]
        );
    }

    #[test]
    fn a_folder_counts_as_one_and_its_own_file_as_another() {
        let files = [
            ("laws/mod.rs", "mod deep; mod flat; pub struct Own; fn f() { deep::g() }"),
            ("laws/flat.rs", "use super::deep::low::Low; pub struct Flat;"),
            ("laws/deep/mod.rs", "mod low; mod high; use super::Own;"),
            ("laws/deep/low.rs", "use crate::laws::{self, flat}; pub struct Low(flat::Flat);"),
            ("laws/deep/high.rs", "use super::low::Low; #[cfg(test)] mod tests { use super::*; }"),
        ];
        assert_eq!(house(&files).circles(&[]).into_iter().collect::<Vec<_>>(), ["laws: deep flat mod"]);
    }

    #[test]
    fn the_places_of_files_are_their_modules() {
        let house = house(&[("lib.rs", ""), ("a/mod.rs", ""), ("a/b.rs", "")]);
        assert_eq!(house.files().map(|(module, _)| module.join("::")).collect::<Vec<_>>(), ["a", "a::b"]);
    }
}
