//! The name that someone may have meant.

use super::glob::Glob;

/// Returns the name that someone who wrote `asked` may have meant: one that differs by a few letters, or begins so.
pub(super) fn nearest<'n>(asked: &str, names: &[&'n str]) -> Option<&'n str> {
    let lower = asked.to_lowercase();
    let distances = names.iter().map(|&name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name));
    // Of a name that shares no letter with what was asked nobody thought.
    let letters = |name: &str| name.chars().count().max(lower.chars().count());
    let few =
        distances.min().filter(|&(distance, name)| distance <= 4 && distance < letters(name)).map(|(_, name)| name);
    few.or_else(|| names.iter().copied().find(|name| lower.len() >= 3 && name.to_lowercase().starts_with(&lower)))
}

/// Returns the name that someone who wrote a pattern may have meant: one that holds what stands between its wildcards but for
/// capitals, or else the one with a part that differs from it by the fewest letters, if they are few.
pub(super) fn nearest_of_pattern<'n>(pattern: &Glob, names: &[&'n str]) -> Option<&'n str> {
    let text = pattern.to_string().to_lowercase();
    let literal = text.split(['*', '?']).max_by_key(|part| part.len()).unwrap_or_default();
    let literal: Vec<char> = literal.trim_matches(['/', '.', ';', ':']).chars().collect();
    if literal.len() < 2 {
        return None;
    }
    let distances = names.iter().map(|&name| (distance_to_a_part(&literal, &name.to_lowercase()), name));
    // Of equally near ones the shortest, and of these the first in the file.
    let (distance, name) = distances.min_by_key(|&(distance, name)| (distance, name.len()))?;
    (distance <= (literal.len() / 4).max(1)).then_some(name)
}

/// Returns the fewest letters that have to be changed, added or taken away for a text to be a part of another (Sellers, 1980).
fn distance_to_a_part(text: &[char], of: &str) -> usize {
    // For each length of the text's beginning, the distance to the nearest part that ends here.
    let mut row: Vec<usize> = (0..=text.len()).collect();
    let mut least = text.len();
    for c in of.chars() {
        let mut diagonal = 0;
        for (i, &letter) in text.iter().enumerate() {
            let here = (diagonal + usize::from(letter != c)).min(row[i] + 1).min(row[i + 1] + 1);
            (diagonal, row[i + 1]) = (row[i + 1], here);
        }
        least = least.min(row[text.len()]);
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_recognised() {
        let names = ["float16", "int8-weight-only", "int8-dynamic", "int4-weight-only", "int4-dynamic"];
        let asked =
            ["int8-dynamik", "Int4-Dynamic", "fp16", "float", "int8_weight_only", "int8", "dynamic", "q4_0", ""];
        let expected = ["int8-dynamic", "int4-dynamic", "float16", "float16", "int8-weight-only", "int8-weight-only"];
        let found: Vec<_> = asked.iter().map(|asked| nearest(asked, &names)).collect();
        assert_eq!(found, [&expected.map(Some)[..], &[None, None, None]].concat());
        assert_eq!(nearest("nope", &["int8", "float16"]), None);
        assert_eq!(nearest("conv2d", &["ADD", "CONV_2D"]), Some("CONV_2D"));
    }

    #[test]
    fn a_pattern_that_is_nearly_right_is_recognised() {
        let names = ["model/layers.0/self_attn/q_proj", "lm_head.weight", "model/embed_tokens"];
        let found = |pattern: &str| nearest_of_pattern(&Glob::new(pattern), &names);
        assert_eq!(found("*LM_Head*"), Some("lm_head.weight"));
        assert_eq!(found("lm_haed.weight"), Some("lm_head.weight"));
        assert_eq!(found("*/q_prj"), Some("model/layers.0/self_attn/q_proj"));
        assert_eq!(found("*/emebd_tokens"), Some("model/embed_tokens"));
        assert_eq!(found("*tokns*"), Some("model/embed_tokens"));
        assert_eq!([found("*"), found("decoder"), found("*/norm/*")], [None; 3]);
    }

    #[test]
    fn a_part_is_as_far_as_its_edits() {
        let distance = |text: &str, of: &str| distance_to_a_part(&text.chars().collect::<Vec<_>>(), of);
        assert_eq!(distance("dense", "a/dense_1"), 0);
        assert_eq!([distance("dnse", "a/dense_1"), distance("denxse", "dense"), distance("danse", "dense")], [1; 3]);
        assert_eq!((distance("abc", ""), distance("abc", "xyz")), (3, 3));
    }
}
