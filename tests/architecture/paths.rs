//! The paths that a source names, as they read from the root of the crate.

use crate::tokens::{Token, tokens};
use std::collections::HashMap;

/// Names from the root of the crate on; the last may be `*`.
pub(crate) type Path = Vec<String>;

/// What a source says about other files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// What its code uses.
    pub(crate) used: Vec<Path>,
    /// What it passes on with `pub use`: the name here, and what it stands for.
    pub(crate) passed_on: Vec<(String, Path)>,
}

impl Paths {
    /// Returns what is used and what is passed on.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        self.used.iter().chain(self.passed_on.iter().map(|(_, path)| path))
    }
}

/// Returns the paths in the source of a module. `children` are the modules in files of their own below it.
///
/// Found are the trees of every `use` statement, in whatever block or module it stands, and in bodies, types and macros each
/// path that starts with `crate`, `super`, `self`, the crate's own name, a child, or a name that a `use` of the same source
/// brought in.
pub(crate) fn paths(source: &str, module: &[String], children: &[String]) -> Paths {
    let tokens = tokens(source);
    let mut reader = Reader { module: module.to_vec(), children, names: HashMap::new(), found: Paths::default() };
    // A name may be used above the `use` that brings it in.
    reader.read(&tokens, true);
    reader.read(&tokens, false);
    reader.found
}

struct Reader<'a> {
    /// The module that the reader is in; those within the source included.
    module: Path,
    children: &'a [String],
    names: HashMap<String, Path>,
    found: Paths,
}

impl Reader<'_> {
    /// Reads either the `use` statements or everything else.
    fn read(&mut self, tokens: &[Token<'_>], statements: bool) {
        let outermost = self.module.len();
        let mut depth = 0;
        // The depth at which each module within the source began.
        let mut began = Vec::new();
        let mut at = 0;
        while let Some(&token) = tokens.get(at) {
            match (token, &tokens[at + 1..]) {
                (Token::Word("mod"), [Token::Word(name), Token::Sign('{'), ..]) => {
                    began.push(depth);
                    self.module.push((*name).into());
                    depth += 1;
                    at += 3;
                    continue;
                }
                // Not the `use<'a>` of a type.
                (Token::Word("use"), [next, ..]) if *next != Token::Sign('<') => {
                    let mut leaves = Vec::new();
                    let length = tree(&tokens[at + 1..], &mut Vec::new(), &mut leaves);
                    if statements {
                        let is_public = at > 0 && matches!(tokens[at - 1], Token::Word("pub") | Token::Sign(')'));
                        self.statement(leaves, is_public && self.module.len() == outermost);
                    }
                    at += 1 + length;
                    continue;
                }
                (Token::Sign('{'), _) => depth += 1,
                (Token::Sign('}'), _) => {
                    depth -= 1;
                    if began.last() == Some(&depth) {
                        began.pop();
                        self.module.pop();
                    }
                }
                (Token::Word(_), [Token::Colons, ..]) if at == 0 || tokens[at - 1] != Token::Colons => {
                    let length = path_length(&tokens[at..]);
                    let words: Vec<&str> = tokens[at..at + length].iter().filter_map(word).collect();
                    if !statements && let Some(path) = self.absolute(&words) {
                        self.found.used.push(path);
                    }
                    at += length;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn statement(&mut self, leaves: Vec<(Vec<&str>, Option<&str>)>, is_public: bool) {
        for (words, name) in leaves {
            let Some(path) = self.absolute(&words) else { continue };
            let name = name.or(words.last().copied()).unwrap_or_default();
            if is_public {
                self.found.passed_on.push((name.into(), path));
            } else {
                if !matches!(name, "*" | "_") {
                    self.names.insert(name.into(), path.clone());
                }
                self.found.used.push(path);
            }
        }
    }

    /// Returns a path from the root of the crate, unless it leads into another crate.
    fn absolute(&self, words: &[&str]) -> Option<Path> {
        let (first, mut rest) = words.split_first()?;
        let mut path = match *first {
            "crate" | "tensor_quant" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().checked_sub(1)?].to_vec(),
            name if self.children.iter().any(|child| child == name) => [&self.module[..], &[name.into()]].concat(),
            name => self.names.get(name)?.clone(),
        };
        while let Some(("super", after)) = rest.split_first().map(|(word, after)| (*word, after)) {
            path.pop()?;
            rest = after;
        }
        path.extend(rest.iter().map(|word| (*word).to_owned()));
        Some(path)
    }
}

fn word<'a>(token: &Token<'a>) -> Option<&'a str> {
    if let Token::Word(word) = token { Some(word) } else { None }
}

/// Returns how many tokens the path at the start of these has.
fn path_length(tokens: &[Token<'_>]) -> usize {
    let steps = tokens[1..].chunks_exact(2).take_while(|step| matches!(step, [Token::Colons, Token::Word(_)]));
    1 + 2 * steps.count()
}

/// Adds the leaves of the tree at the start of these tokens, and the names given to them; returns how many tokens it has.
fn tree<'a>(tokens: &[Token<'a>], stem: &mut Vec<&'a str>, leaves: &mut Vec<(Vec<&'a str>, Option<&'a str>)>) -> usize {
    let (length, mut at) = (stem.len(), 0);
    loop {
        match tokens.get(at..).unwrap_or_default() {
            // What starts with `::` is another crate's.
            [Token::Colons, ..] if at == 0 => stem.push("::"),
            [Token::Colons, ..] => {}
            [Token::Word("as"), Token::Word(name), ..] => {
                if let Some((_, given)) = leaves.last_mut() {
                    *given = Some(name);
                }
                at += 1;
            }
            // `{self}` is the stem.
            [Token::Word("self"), ..] if at == 0 && !stem.is_empty() => leaves.push((stem.clone(), None)),
            [Token::Word(word), Token::Colons, ..] => stem.push(word),
            [Token::Word(word), ..] => leaves.push((stem.iter().copied().chain([*word]).collect(), None)),
            [Token::Sign('*'), ..] => leaves.push((stem.iter().copied().chain(["*"]).collect(), None)),
            [Token::Sign('{'), ..] => loop {
                at += 1 + tree(&tokens[at + 1..], stem, leaves);
                if tokens.get(at) != Some(&Token::Sign(',')) {
                    break;
                }
            },
            _ => break,
        }
        at += 1;
    }
    stem.truncate(length);
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Paths {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        paths(source, &own(&["num", "real"]), &own(&["child"]))
    }

    fn used(source: &str) -> Vec<String> {
        let mut used: Vec<String> = found(source).used.iter().map(|path| path.join("::")).collect();
        used.sort_unstable();
        used
    }

    #[test]
    fn trees_of_use_are_read_to_the_leaves() {
        assert_eq!(used("use crate::{a, b::{self, c as d, e::*}, f};"), ["a", "b", "b::c", "b::e::*", "f"]);
        assert_eq!(used("use crate::a;\nfn f() {}\npub use std::b;\nuse {crate::c, ::crate_d::e};"), ["a", "c"]);
        assert_eq!(used("fn f() -> impl Fn() + use<'_> { crate::a::b() }"), ["a::b"]);
        assert_eq!(used("use tensor_quant::a; use other::b; use alloc::vec::Vec;"), ["a"]);
    }

    #[test]
    fn paths_in_bodies_types_macros_and_tests_are_read() {
        assert_eq!(used("fn f(x: crate::a::B) { if crate::c::d(x) { g!(crate::e) } }"), ["a::B", "c::d", "e"]);
        assert_eq!(used("macro_rules! m { () => { $crate::a::b!() } }"), ["a::b"]);
        assert_eq!(used("#[cfg(test)] mod tests { use crate::a; }\nuse crate::b;"), ["a", "b"]);
        assert_eq!(used("fn f() { use crate::a::g; g() }"), ["a::g"]);
        assert_eq!(used("impl<T: crate::a::B<crate::c::D>> E for T {}"), ["a::B", "c::D"]);
        assert_eq!(used("pub(in crate::num) fn f() { <f32 as crate::a::B>::c() }"), ["a::B", "num"]);
    }

    #[test]
    fn relative_paths_are_followed() {
        assert_eq!(
            used("use super::a; use super::super::b; use self::c; use child::d;"),
            ["b", "num::a", "num::real::c", "num::real::child::d"]
        );
        assert_eq!(
            used("mod tests { use super::*; mod deeper { use super::super::super::a; } }\nuse super::b;"),
            ["num::a", "num::b", "num::real::*"]
        );
    }

    #[test]
    fn names_lead_on_to_what_they_stand_for() {
        assert_eq!(used("use crate::a; fn f() { a::g(); }"), ["a", "a::g"]);
        assert_eq!(used("fn f() { b::c::g(); std::mem::take(); } use crate::a as b;"), ["a", "a::c::g"]);
        assert_eq!(used("use crate::a::B; fn f() { B::new(); x.B::c }"), ["a::B", "a::B::c", "a::B::new"]);
    }

    #[test]
    fn what_is_passed_on_is_not_used() {
        let found = found("pub use child::A; pub(crate) use crate::b::C as D; use crate::e;");
        let path = |names: &str| names.split("::").map(str::to_owned).collect::<Path>();
        assert_eq!(found.passed_on, [("A".into(), path("num::real::child::A")), ("D".into(), path("b::C"))]);
        assert_eq!(found.used, [path("e")]);
        assert_eq!(found.all().count(), 3);
    }
}
