//! What the names of parameters beside codes have in common, whichever tool made them.
//!
//! `LAYER.weight_scale_2`, `LAYER_input_scale`, `LAYER.weight_quantizer._amax`: the name of the layer, and words of a small
//! vocabulary behind it. Scales of caches stand at the attention, and belong to its projections: `ATTENTION.k_scale` beside
//! `ATTENTION.k_proj.weight`.

/// Words of which the names of parameters are made, whatever the tool: at least one says what it is.
const TELLING: &[&str] =
    &["scale", "scales", "scaling", "zero", "zeros", "zp", "qzeros", "offset", "offsets", "amax", "absmax"];
/// The others.
const OTHER_WORDS: &[&str] = &[
    "",
    "weight",
    "weights",
    "w",
    "input",
    "output",
    "in",
    "out",
    "activation",
    "activations",
    "act",
    "a",
    "x",
    "pre",
    "prequant",
    "quant",
    "quantizer",
    "smooth",
    "deq",
    "dequant",
    "global",
    "block",
    "group",
    "channel",
    "tensor",
    "second",
    "double",
    "nested",
    "factor",
    "point",
    "points",
    "inv",
    "inverse",
    "ub",
    "and",
    "0",
    "1",
    "2",
];
/// What the codes of a layer may be called, behind the name of the layer.
const CODES: &[&str] = &[".weight", "", "_weight", ".weight_packed", "_packed", ".qweight", "_qweight"];
/// The parts of attention that caches have scales for.
const CACHED: &[&str] = &["k", "v", "q", "kv", "qkv", "prob", "cache", "output", "attn"];

/// Returns the codes that a tensor is a parameter of, as its name says in words that tools have in common.
pub(super) fn codes_by_words(name: &str, is_codes: &dyn Fn(&str) -> bool) -> Option<String> {
    let cuts = name.char_indices().filter(|&(at, c)| at > 0 && (c == '.' || c == '_'));
    for (at, separator) in cuts {
        let (stem, rest) = name.split_at(at);
        let words = || rest.split(['.', '_']);
        if !words().any(|word| TELLING.contains(&word)) {
            // No later end has what this one lacks.
            return None;
        }
        if words().all(|word| TELLING.contains(&word) || OTHER_WORDS.contains(&word)) {
            let mut names = CODES.iter().map(|end| format!("{stem}{end}"));
            if let Some(codes) = names.find(|codes| *codes != name && is_codes(codes)) {
                return Some(codes);
            }
        }
        let is_of_cache = |word: &str| CACHED.contains(&word) || TELLING.contains(&word) || OTHER_WORDS.contains(&word);
        if separator == '.' && words().all(is_of_cache) && words().any(|word| CACHED.contains(&word)) {
            let mut parts = CACHED.iter().filter(|part| words().any(|word| word == **part));
            let of_part = |part: &&str| {
                let mut names = CODES.iter().map(|end| format!("{stem}.{part}_proj{end}"));
                names.find(|codes| is_codes(codes))
            };
            if let Some(codes) = parts.find_map(of_part) {
                return Some(codes);
            }
        }
    }
    None
}
