//! The laws kit: every built-in part keeps every law that it promises, and what is broken on purpose is caught by the law meant
//! for it, within the default number of cases.

#![cfg(feature = "proptest")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "blocks")]
mod block_formats;
mod broken_calculators;
mod broken_codecs;
mod broken_estimators;
mod broken_quantizers;
mod broken_roundings;
mod built_in;
mod codecs_of_any_width;
mod conventions;
mod macros;
mod mutants;
mod naive;
mod strategies;
mod terms;

use tensor_quant::laws::{Broken, Law, Verdict, calculator, code, estimator, rounding, scheme};

/// Checks that a law, the only one that was tried, is broken, and that there is a case to show for it.
fn caught(law: Law, outcome: Result<Verdict, Broken>) {
    match outcome {
        Ok(_) => panic!("{law} holds"),
        Err(broken) => {
            assert_eq!(broken.broken_law(), law, "{broken}");
            assert!(broken.counterexample().is_some(), "{broken}");
        }
    }
}

/// A law that nothing breaks might hold of anything.
#[test]
fn something_breaks_each_law() {
    let broken = [
        include_str!("broken_calculators.rs"),
        include_str!("broken_codecs.rs"),
        include_str!("broken_estimators.rs"),
        include_str!("broken_quantizers.rs"),
        include_str!("broken_roundings.rs"),
    ]
    .concat();
    for law in [calculator::LAWS, code::LAWS, estimator::LAWS, rounding::LAWS, scheme::LAWS].concat() {
        let constant = format!("{}::{},", law.kind, law.name.to_uppercase());
        assert!(broken.contains(&constant), "nothing breaks {law}");
    }
}
