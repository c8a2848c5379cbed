//! The kit is tested by mutation: parts that a person could write, each wrong in one place, are caught by the default terms, each by
//! the law that names what is wrong.

mod calculators;
mod codecs;
mod estimators;
mod roundings;

use tensor_quant::laws::{Broken, Law, Verdict};

/// Checks that each mutant is caught, and by its law.
fn all_are_caught<M>(mutants: &[(&str, Law, M)], check: impl Fn(&M) -> std::result::Result<Verdict, Broken>) {
    let survivors: Vec<String> = mutants
        .iter()
        .filter_map(|(name, law, mutant)| match check(mutant) {
            Ok(_) => Some(format!("{name}: it keeps every law")),
            Err(broken) if broken.broken_law() != *law => {
                Some(format!("{name}: it is not {law} that catches it, but\n{broken}"))
            }
            Err(_) => None,
        })
        .collect();
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

/// At least as many as are promised.
#[test]
fn there_are_sixty_mutants() {
    let (roundings, calculators) = (roundings::all().len(), calculators::all().len());
    let (estimators, codecs) = (estimators::all().len(), codecs::all().len());
    let all = roundings + calculators + estimators + codecs;
    assert!(all >= 60, "{roundings} + {calculators} + {estimators} + {codecs} = {all}");
}
