//! The laws kit: every built-in part keeps every law that it promises, and what is broken on purpose is caught by the law meant
//! for it, within the default number of cases.

#![cfg(feature = "proptest")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken_calculators;
mod broken_codecs;
mod broken_estimators;
mod broken_quantizers;
mod broken_roundings;
mod built_in;
mod codecs_of_any_width;
mod macros;
mod naive;
mod strategies;
mod terms;

use tensor_quant::laws::{Broken, Law, Verdict};

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
