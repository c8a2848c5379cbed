//! Which array of a file is meant for which input.

use super::named_array::NamedArray;
use tensor_quant::calibration::RunError;

/// What arrays are looked for.
pub(super) struct Wanted<'a> {
    pub(super) signature: Option<&'a str>,
    /// The model's other signatures, whose inputs are not meant.
    pub(super) others: &'a [String],
    /// The array that was asked for, by its name.
    pub(super) array: Option<&'a str>,
    /// Whether this is the model's only input.
    pub(super) is_only: bool,
}

/// Returns the array for an input: the one that was asked for; else `SIGNATURE/INPUT`; else `INPUT`; else the only one whose name ends in `/INPUT` and
/// does not begin with another signature; else, if there is one input, the only array, but for one of labels.
pub(super) fn find<'a>(input: &str, wanted: &Wanted<'_>, arrays: &'a [NamedArray]) -> Result<&'a NamedArray, RunError> {
    let named = |name: &str| arrays.iter().find(|array| array.name() == name);
    let failed = |reason: String| RunError::Input { name: input.into(), reason };
    if let Some(name) = wanted.array {
        return named(name).ok_or_else(|| failed(unknown(&[name], arrays)));
    }
    let of_signature = wanted.signature.map(|signature| format!("{signature}/{input}"));
    if let Some(array) = of_signature.as_deref().and_then(named).or_else(|| named(input)) {
        return Ok(array);
    }
    let prefixed = |array: &&NamedArray| {
        let prefix = array.name().strip_suffix(input).and_then(|rest| rest.strip_suffix('/'));
        prefix.is_some_and(|prefix| wanted.others.iter().all(|other| other != prefix))
    };
    let ending: Vec<&NamedArray> = arrays.iter().filter(prefixed).collect();
    let is_of_another = |name: &str| {
        let mut others = wanted.others.iter();
        others.any(|other| name.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    let is_free = |array: &&NamedArray| array.name() != "labels" && !is_of_another(array.name());
    let unlabelled: Vec<&NamedArray> = arrays.iter().filter(is_free).collect();
    match (&ending[..], &unlabelled[..]) {
        ([array], _) => Ok(array),
        ([], [array]) if wanted.is_only => Ok(array),
        ([], _) => Err(failed(unknown(&[input, of_signature.as_deref().unwrap_or(input)], arrays))),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|array| array.name()).collect();
            Err(failed(format!("it might be any of the arrays {names:?}: say which")))
        }
    }
}

/// Returns that there is no array of the first of these names, and the one whose name is nearest to one of them.
fn unknown(names: &[&str], arrays: &[NamedArray]) -> String {
    let known: Vec<&str> = arrays.iter().map(NamedArray::name).take(20).collect();
    let name = names.first().copied().unwrap_or_default();
    if known.is_empty() {
        return format!("there is no array {name:?}, nor any other");
    }
    let near = |name: &str| {
        let lower = name.to_lowercase();
        let distance = |known: &str| strsim::damerau_levenshtein(&lower, &known.to_lowercase());
        known.iter().map(|known| (distance(known), *known)).min().filter(|(n, _)| *n <= name.chars().count() / 3 + 1)
    };
    match names.iter().filter_map(|name| near(name)).min() {
        Some((_, nearest)) => format!("there is no array {name:?}; did you mean {nearest:?}? There are {known:?}"),
        None => format!("there is no array {name:?}; there are {known:?}"),
    }
}
