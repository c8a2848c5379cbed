//! Patterns for names.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A pattern for tensor names: `*` stands for any run of characters, `?` for any one; everything else for itself.
///
/// Names hold slashes, dots, brackets and semicolons of every framework, so none of them means anything here.
///
/// # Examples
///
/// ```
/// use tensor_quant::recipe::Glob;
///
/// let glob = Glob::new("*/conv?/kernel");
/// assert!(glob.matches("model/block/conv1/kernel"));
/// assert!(!glob.matches("model/conv10/kernel"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// Returns the pattern of a text; every text is one.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Returns whether the pattern stands for the whole name.
    ///
    /// Takes at most the product of the two lengths in steps, whatever the pattern.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.0.chars().collect(), name.chars().collect());
        let (mut p, mut n) = (0, 0);
        // Where the last star stands, and how much of the name it has taken.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(&c) if c == '?' || c == name[n] => (p, n) = (p + 1, n + 1),
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        (p, n) = (at + 1, taken + 1);
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&c| c == '*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, by recursion.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', after)), rest) => naive(after, name) || rest.is_some_and(|(_, rest)| naive(pattern, rest)),
            (Some((b'?', after)), Some((_, rest))) => naive(after, rest),
            (Some((c, after)), Some((d, rest))) => c == d && naive(after, rest),
            (Some(_), None) => false,
        }
    }

    #[test]
    fn agrees_with_the_definition_on_every_short_pattern_and_name() {
        let words = |letters: &[u8], longest: u32| -> Vec<Vec<u8>> {
            let word = |mut number: usize, len: u32| {
                (0..len)
                    .map(|_| {
                        let letter = letters[number % letters.len()];
                        number /= letters.len();
                        letter
                    })
                    .collect()
            };
            (0..=longest)
                .flat_map(|len| (0..letters.len().pow(len)).map(move |i| word(i, len)).collect::<Vec<_>>())
                .collect()
        };
        for pattern in words(b"ab*?", 5) {
            let glob = Glob::new(String::from_utf8_lossy(&pattern));
            for name in words(b"ab", 5) {
                assert_eq!(glob.matches(&String::from_utf8_lossy(&name)), naive(&pattern, &name), "{glob} {name:?}");
            }
        }
    }
}
