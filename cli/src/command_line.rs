//! What can be asked for, and how.

use crate::{calibrate, check, compare, evaluate, expose, fit, generate, inspect, quantize, recipes};
use clap::Command;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a file cannot be read, written or understood
  2  the command line or the recipe is wrong
  3  the recipe would change nothing
  4  the output exists, or is the input
  5  check found faults, or evaluate or compare more loss than was allowed
  6  fit cannot reach its goal";

/// What is said of what this program was built without.
const WITHOUT: &str = if cfg!(feature = "zstd") {
    ""
} else {
    "\n\nReports say what an output comes to when it is deflated. A program that is built with a C compiler by\n  \
     cargo install tensor-quant-cli --features zstd\nsays so for zstd, too."
};

/// Returns the command with all its subcommands, each of which says in its own file what it takes.
pub(crate) fn command() -> Command {
    Command::new("tensor-quant")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Quantizes .tflite and .safetensors models, and says what that cost")
        .after_help(format!("{EXIT_CODES}{WITHOUT}"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(quantize::command())
        .subcommand(fit::command())
        .subcommand(evaluate::command())
        .subcommand(calibrate::command())
        .subcommand(expose::command())
        .subcommand(inspect::command())
        .subcommand(check::command())
        .subcommand(compare::command())
        .subcommand(recipes::command())
        .subcommand(generate::command())
        .subcommand(Command::new("man").about("Prints the manual page"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    /// Returns the README, and the pages of the library's documentation.
    fn pages() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let docs = std::fs::read_dir(root.join("src/docs")).expect("the pages");
        docs.map(|page| page.expect("a page").path()).chain([root.join("README.md")]).collect()
    }

    /// Returns the command lines of a page: lines of their own, which a backslash continues, and spans of code.
    fn command_lines(page: &str) -> Vec<String> {
        let lines: Vec<&str> = page.lines().map(|line| line.trim_start_matches("//!").trim()).collect();
        let whole = lines.join("\n").replace("\\\n", "");
        let alone = whole.lines().map(str::to_owned);
        let spans = whole.split('`').filter(|span| !span.contains('\n')).map(str::to_owned);
        let (program, built) = ("tensor-quant ", "cargo run --release -- ");
        alone
            .chain(spans)
            .filter_map(|line| Some(line.strip_prefix(program).or(line.strip_prefix(built))?.to_owned()))
            .filter(|line| !line.contains('`') && !line.starts_with('='))
            .collect()
    }

    /// Returns the words of a line as a shell has them: quotes hold one together.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut quote) = (vec![String::new()], None);
        for c in line.chars() {
            match quote {
                Some(end) if c == end => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c.is_whitespace() => words.push(String::new()),
                _ => words.last_mut().expect("a word").push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn what_the_documentation_says_can_be_typed() {
        let mut count = 0;
        for page in pages() {
            let text = std::fs::read_to_string(&page).expect("a page");
            for line in command_lines(&text) {
                let words = ["tensor-quant".to_owned()].into_iter().chain(words(&line));
                if let Err(error) = super::command().try_get_matches_from(words) {
                    panic!("{}: tensor-quant {line}: {error}", page.display());
                }
                count += 1;
            }
        }
        assert!(count >= 8, "{count} command lines");
    }
}
