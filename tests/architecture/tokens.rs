//! Rust source as words and signs, without comments, texts and characters.

/// A piece of source that a path or a module can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// `::`
    Colons,
    /// Any other character.
    Sign(char),
}

/// Returns the tokens of a source.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = ignored(rest) {
            length
        } else if rest.starts_with("::") {
            tokens.push(Token::Colons);
            2
        } else if is_of_a_word(first) {
            let length = rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(&rest[..length]));
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the length of the comment, text, character or lifetime that a source starts with.
fn ignored(source: &str) -> Option<usize> {
    if source.starts_with("//") {
        return Some(source.find('\n').unwrap_or(source.len()));
    }
    if source.starts_with("/*") {
        return Some(block_comment(source));
    }
    if source.starts_with('"') {
        return Some(escaped(source, '"'));
    }
    if source.starts_with('\'') {
        return Some(character_or_lifetime(source));
    }
    // b"", c"", br"", r#""#, b'', and r#name, of which only the sign is left out.
    let kind = source.find(|c| !matches!(c, 'b' | 'c' | 'r')).filter(|length| (1..=2).contains(length))?;
    let after = &source[kind..];
    let raw = source[..kind].ends_with('r');
    let hashes = after.find(|c| c != '#').unwrap_or(after.len());
    match after[hashes..].chars().next() {
        Some('"') if raw => {
            let end = format!("\"{}", "#".repeat(hashes));
            let text = &after[hashes + 1..];
            Some(kind + hashes + 1 + text.find(&end).map_or(text.len(), |at| at + end.len()))
        }
        Some('"') if hashes == 0 => Some(kind + escaped(after, '"')),
        Some('\'') if hashes == 0 && &source[..kind] == "b" => Some(kind + escaped(after, '\'')),
        Some(c) if raw && kind == 1 && hashes == 1 && is_of_a_word(c) => Some(2),
        _ => None,
    }
}

/// Returns the length of a comment that may hold others.
fn block_comment(source: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < source.len() {
        let rest = &source[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Returns the length of a text between two signs of one kind, in which a backslash takes the next character along.
fn escaped(source: &str, sign: char) -> usize {
    let mut characters = source.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == sign {
            return at + 1;
        }
    }
    source.len()
}

fn character_or_lifetime(source: &str) -> usize {
    let mut characters = source.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), _) => escaped(source, '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1 + source[1..].find(|c| !is_of_a_word(c)).unwrap_or(source.len() - 1),
    }
}

#[test]
fn comments_texts_and_characters_are_left_out() {
    let words = |source| {
        let word = |token| if let Token::Word(word) = token { Some(word) } else { None };
        tokens(source).into_iter().filter_map(word).collect::<Vec<&str>>().join(" ")
    };
    assert_eq!(words("a // crate::b\nc /* crate::d /* e */ f */ g"), "a c g");
    assert_eq!(words(r#"a("crate::b \" c", '"', d, '\'', e, b'"', f)"#), "a d e f");
    assert_eq!(words("a(r\"\\\", b, r#\"c \" d\"#, e, br##\"\"# f\"##, g, c\"h\", i)"), "a b e g i");
    assert_eq!(words("fn f<'a, 'static_>(x: &'a u8, y: char = 'ü') -> brr { crab }"), "fn f x u8 y char brr crab");
    assert_eq!(words("r#type.b 'c: loop"), "type b loop");
    assert_eq!(
        tokens("use crate::{a, b as c};"),
        [
            Token::Word("use"),
            Token::Word("crate"),
            Token::Colons,
            Token::Sign('{'),
            Token::Word("a"),
            Token::Sign(','),
            Token::Word("b"),
            Token::Word("as"),
            Token::Word("c"),
            Token::Sign('}'),
            Token::Sign(';'),
        ]
    );
}
