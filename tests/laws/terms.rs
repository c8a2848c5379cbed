//! What the kit says: which laws held, which were not promised, and how a bug is reported.

use crate::naive::{Bug, Naive};
use tensor_quant::laws::{self, Terms, Verdict, calculator, rounding, scheme};
use tensor_quant::range::MinMax;
use tensor_quant::{Ceil, Rounding, Scheme, TiesEven};

#[test]
fn every_law_is_in_the_verdict_once() {
    let scheme = Scheme::<i8>::symmetric().with_rounding(Ceil);
    let verdict =
        Terms::default().with_cases(2).without(scheme::METRICS, "measured elsewhere").check_scheme(&scheme).unwrap();
    let mut laws = verdict.held().to_vec();
    laws.extend(verdict.waived().iter().map(|waiver| waiver.law));
    assert_eq!(laws.len(), scheme::LAWS.len());
    assert!(scheme::LAWS.iter().all(|law| laws.contains(law)));
    assert!(verdict.waived().iter().all(|waiver| !waiver.reason.is_empty()));
    let text = verdict.to_string();
    assert!(text.contains("metrics: measured elsewhere") && text.contains("idempotent: "), "{text}");
}

#[test]
fn a_waiver_of_a_law_that_holds_is_noted() {
    let terms = Terms::default()
        .without(rounding::NEAREST, "left over from a draft")
        .without(rounding::SIGN_SYMMETRY, "halves go up");
    let noted = |verdict: &Verdict| verdict.needless_waivers().iter().map(|waiver| waiver.law).collect::<Vec<_>>();

    let verdict = terms.check_rounding(&TiesEven).unwrap();
    assert_eq!(noted(&verdict), [rounding::NEAREST, rounding::SIGN_SYMMETRY]);
    let text = verdict.to_string();
    assert!(text.contains("nearest: left over from a draft (but it held in every case that was tried)"), "{text}");

    let verdict = terms.check_rounding(&HalfUp).unwrap();
    assert_eq!((verdict.waived().len(), noted(&verdict)), (2, vec![rounding::NEAREST]));
    let text = verdict.to_string();
    assert!(text.ends_with("sign_symmetry: halves go up"), "{text}");

    // That it is not to the nearest is known by its type.
    let verdict = Terms::default().without(rounding::NEAREST, "it goes up").check_rounding(&Ceil).unwrap();
    assert_eq!(noted(&verdict), []);
}

#[derive(Clone, Copy, Debug)]
struct HalfUp;

impl Rounding for HalfUp {
    fn round(self, x: f32, _index: u64) -> f32 {
        let below = x.floor();
        if x - below >= 0.5 { below + 1.0 } else { below }
    }
}

/// Who leaves out a law because its cases take long has them not tried.
#[test]
fn a_waiver_of_a_law_with_large_tensors_costs_nothing() {
    let terms = Terms::default().with_cases(2).without(scheme::THREADS, "it takes large tensors");
    let verdict = terms.without(scheme::SQNR_PER_BIT, "so does it").check_scheme(&Naive::new(Bug::None)).unwrap();
    assert_eq!((verdict.waived().len(), verdict.needless_waivers().len()), (2, 0));
}

#[test]
fn a_law_of_another_kind_cannot_be_left_out() {
    let terms = Terms::default().without(rounding::MONOTONE, "a mix-up");
    let broken = terms.check_scheme(&Scheme::<i8>::symmetric()).unwrap_err();
    assert_eq!(broken.counterexample(), None);
    assert!(broken.to_string().contains("rounding::monotone"), "{broken}");
    assert!(Terms::default().only(calculator::ENDS).check_estimator(&MinMax::default()).is_err());
}

#[test]
fn a_test_of_a_law_that_is_not_promised_says_so() {
    let broken = Terms::default().only(rounding::NEAREST).check_rounding(&Ceil).unwrap_err();
    assert_eq!(broken.counterexample(), None);
    assert!(broken.to_string().contains("without { nearest: \"it goes in one direction\" }"), "{broken}");
}

#[test]
fn the_same_bug_gives_the_same_report() {
    let report = || laws::check_scheme(&Naive::new(Bug::Truncates)).unwrap_err().to_string();
    assert_eq!(report(), report());
}

/// The values, their bits, its code, what it is restored as, and both sides of the bound.
#[test]
fn a_report_is_one_screen_and_its_case_is_minimal() {
    let law = scheme::WITHIN_HALF_A_STEP;
    let broken = Terms::default().only(law).check_scheme(&Naive::new(Bug::Truncates)).unwrap_err();
    let report = broken.to_string();
    assert!(report.starts_with("the law scheme::within_half_a_step is broken: |x − x̂| ≤ step / 2"), "{report}");
    assert!(report.contains("bug: Truncates") && report.contains("0x") && report.contains("zero point 0"), "{report}");
    assert!(report.lines().count() <= 14, "{report}");
    // One to be rounded, in the scale of another tensor.
    assert!(report.contains("tensor of shape []\n"), "{report}");
}

#[derive(Clone, Copy, Debug)]
struct Panics;

impl Rounding for Panics {
    fn round(self, x: f32, index: u64) -> f32 {
        assert!(x < 1000.0, "{x} is too large for me");
        TiesEven.round(x, index)
    }
}

#[test]
fn a_panic_is_a_breach_like_any_other() {
    let broken = laws::check_rounding(&Panics).unwrap_err();
    assert_eq!(broken.broken_law(), rounding::IDENTITY);
    let case = broken.counterexample().unwrap();
    assert!(case.contains("it panicked") && case.contains("is too large for me"), "{case}");
}

#[test]
fn other_seeds_are_other_cases() {
    let report = |seed| {
        let terms = Terms::default().with_seed(seed).with_cases(1000).only(rounding::SIGN_SYMMETRY);
        terms.check_rounding(&AboveTen).unwrap_err().to_string()
    };
    assert!(report(0) != report(1) || report(1) != report(2));
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AboveTen;

/// So odd a condition that no two cases shrink to the same number, and no corner case meets it.
impl Rounding for AboveTen {
    fn round(self, x: f32, _index: u64) -> f32 {
        let odd = x.to_bits().count_ones() > 10;
        if odd && (10.0..4e6).contains(&x) { x.ceil() } else { x.round() }
    }
}
