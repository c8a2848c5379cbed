//! What the macros make of a subject: its expression sees what is around the macro, whatever the tests are called.

use crate::terms::AboveTen;
use tensor_quant::laws::{Codec, Standard, Terms, rounding};
use tensor_quant::params::Symmetric;
use tensor_quant::range::MinMax;
use tensor_quant::{HalfAway, I4, Scheme, TiesEven, code_laws, estimator_laws, rounding_laws, scheme_laws};

/// A function with the name of a law, which takes what a test does not.
fn mapping(axis: usize) -> Scheme<i8, MinMax, Symmetric> {
    Scheme::<i8>::symmetric().with_axis(axis)
}

/// A name that the expansion might use for itself.
struct Subject(Standard<I4>);

fn codes(subject: Subject) -> impl Codec {
    subject.0
}

fn merge() -> MinMax {
    MinMax::default()
}

scheme_laws! { of_a_function_called_mapping: mapping(1); cases = 8 }
code_laws! { of_a_function_called_codes: codes(Subject(Standard::new())); cases = 8; }
estimator_laws! { of_a_function_called_merge: merge(); seed = u64::from(b'm'); without {} }

mod in_a_module {
    use super::{HalfAway, rounding_laws};

    /// With the name of a law, and of the module that the macro makes.
    fn monotone() -> HalfAway {
        HalfAway
    }

    rounding_laws! { monotone: monotone(); cases = 16; seed = 3 }
}

rounding_laws! { few_cases: TiesEven; cases = 12 }

rounding_laws! {
    other_cases: AboveTen;
    cases = 1000;
    seed = 7;
    without {
        nearest: "broken on purpose",
        monotone: "broken on purpose",
        sign_symmetry: "broken on purpose",
    };
}

#[test]
fn cases_and_seed_are_those_of_the_terms() {
    let verdict = few_cases::Subject::check(rounding::NEAREST).unwrap();
    assert_eq!(verdict, Terms::default().with_cases(12).only(rounding::NEAREST).check_rounding(&TiesEven).unwrap());
    assert!(verdict.to_string().contains("each in 12 cases"), "{verdict}");

    let law = rounding::SIGN_SYMMETRY;
    let terms = Terms::default().with_cases(1000).only(law);
    let report = other_cases::Subject::check(law).unwrap_err();
    assert_eq!(report, terms.clone().with_seed(7).check_rounding(&AboveTen).unwrap_err());
    assert_ne!(report, terms.check_rounding(&AboveTen).unwrap_err());
}
