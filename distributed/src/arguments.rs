//! The words of a command line.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// What follows the command: words, options with a value, and switches.
#[derive(Debug)]
pub(crate) struct Arguments {
    words: Vec<String>,
    options: BTreeMap<String, String>,
    switches: BTreeSet<String>,
}

impl Arguments {
    /// Returns the words of a command line; `options` have a value, `switches` none.
    ///
    /// # Errors
    ///
    /// A text about an option that is not known, or one without its value.
    pub(crate) fn read(
        mut words: impl Iterator<Item = String>,
        options: &[&str],
        switches: &[&str],
    ) -> Result<Self, String> {
        let mut read = Self { words: Vec::new(), options: BTreeMap::new(), switches: BTreeSet::new() };
        while let Some(word) = words.next() {
            let Some(option) = word.strip_prefix("--") else {
                read.words.push(word);
                continue;
            };
            let (name, value) =
                option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value.to_owned())));
            if switches.contains(&name) && value.is_none() {
                read.switches.insert(name.to_owned());
            } else if options.contains(&name) {
                let value = value.or_else(|| words.next()).ok_or_else(|| format!("--{name} needs a value"))?;
                read.options.insert(name.to_owned(), value);
            } else {
                return Err(format!("there is no option --{name} here; there are {options:?} and {switches:?}"));
            }
        }
        Ok(read)
    }

    /// Returns the value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Returns the value of an option as a number.
    ///
    /// # Errors
    ///
    /// A text about what is no number.
    pub(crate) fn number<N: FromStr>(&self, name: &str, usual: N) -> Result<N, String> {
        let Some(text) = self.option(name) else { return Ok(usual) };
        text.parse().map_err(|_| format!("--{name} {text}: expected a number"))
    }

    /// Returns whether a switch is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.switches.contains(name)
    }

    /// Returns the words, of which there has to be one.
    ///
    /// # Errors
    ///
    /// A text about what is missing.
    pub(crate) fn some(&self, what: &str) -> Result<&[String], String> {
        if self.words.is_empty() { Err(format!("{what} are missing")) } else { Ok(&self.words) }
    }

    /// Returns the words, of which there are to be so many.
    ///
    /// # Errors
    ///
    /// A text about what is missing, or too many.
    pub(crate) fn exactly<const N: usize>(&self, what: &str) -> Result<&[String; N], String> {
        (&self.words[..]).try_into().map_err(|_| format!("expected {what}, got {:?}", self.words))
    }
}
