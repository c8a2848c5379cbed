//! The article's range mapping gives what exact arithmetic gives, and, step by step, what f32 and f64 give: on 120 cases
//! of other implementations, and on the article's own example.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::golden::{self, Arrays, Case};
use ndarray::{Array1, array};
use num_traits::Float;
use tensor_quant::num::Rounding;
use tensor_quant::params::article::RangeMapping;
use tensor_quant::params::{Article, QuantParams};
use tensor_quant::{Ceil, Floor, HalfAway, Scheme, TiesEven, quantize_tensor};

/// The mapping that a case names, for f64.
fn map_f64(case: &Case, quotient: f64) -> f64 {
    match case.params["mapping"].as_str().unwrap() {
        "ceil" => quotient.ceil(),
        "floor" => quotient.floor(),
        "round_half_away" => quotient.round(),
        "round_half_even" => quotient.round_ties_even(),
        other => panic!("{}: unknown mapping {other}", case.name),
    }
}

/// The same by this crate's roundings.
fn map_f32(case: &Case, quotient: f32) -> f32 {
    match case.params["mapping"].as_str().unwrap() {
        "ceil" => Ceil.round(quotient, 0),
        "floor" => Floor.round(quotient, 0),
        "round_half_away" => HalfAway.round(quotient, 0),
        "round_half_even" => TiesEven.round(quotient, 0),
        other => panic!("{}: unknown mapping {other}", case.name),
    }
}

fn decimal<F: std::str::FromStr>(case: &Case, name: &str) -> F {
    case.params[name].as_str().unwrap().parse().ok().unwrap()
}

/// The target range of a case, `None` in the second form.
fn target(case: &Case) -> Option<(i32, i32)> {
    (case.params["variant"] == 1).then(|| (decimal(case, "a"), decimal(case, "b")))
}

fn mapping_of<F: Float>(case: &Case, w: &[F]) -> RangeMapping<F> {
    let min = w.iter().copied().fold(F::infinity(), F::min);
    let max = w.iter().copied().fold(F::neg_infinity(), F::max);
    match target(case) {
        Some((a, b)) => RangeMapping::target(min, max, F::from(a).unwrap(), F::from(b).unwrap()),
        None => RangeMapping::own_range(min),
    }
}

/// Checks one expected array of a case.
fn check(case: &Case, arrays: &mut Arrays, name: &str) {
    let (w64, w32): (Vec<f64>, Vec<f32>) = (arrays.get(case, "w_f64"), arrays.get(case, "w_f32"));
    let (m64, m32) = (mapping_of(case, &w64), mapping_of(case, &w32));
    let exact = |&w: &f64| map_f64(case, m64.exact_quotient(w));
    let got: Vec<f64> = match name {
        "code_exact" => w64.iter().map(exact).collect(),
        "error_exact_rounded_f64" => w64.iter().map(|w| w - exact(w)).collect(),
        "scale_exact_rounded_f64" | "scale_f64" => vec![m64.step()],
        "offset_exact_rounded_f64" | "offset_f64" => vec![m64.offset()],
        "quotient_f64" => w64.iter().map(|&w| m64.quotient(w)).collect(),
        "code_f64" => w64.iter().map(|&w| map_f64(case, m64.quotient(w))).collect(),
        "scale_f32" => vec![m32.step().into()],
        "offset_f32" => vec![m32.offset().into()],
        "quotient_f32" => w32.iter().map(|&w| m32.quotient(w).into()).collect(),
        "code_f32" => w32.iter().map(|&w| map_f32(case, m32.quotient(w)).into()).collect(),
        other => panic!("{}: nothing checks {other}", case.name),
    };
    let want: Vec<f64> = if name.starts_with("code_") {
        arrays.get::<i64>(case, name).iter().map(|&code| code as f64).collect()
    } else if name.ends_with("_f32") {
        arrays.get::<f32>(case, name).iter().map(|&x| f64::from(x)).collect()
    } else {
        arrays.get(case, name)
    };
    assert_eq!(got.len(), want.len(), "{}: {name}", case.name);
    for (got, want) in got.into_iter().zip(want) {
        // The codes of the reference are integers: they have no −0.
        case.check(name, if name.starts_with("code_") { got + 0.0 } else { got }, want);
    }
}

#[test]
fn every_case_of_the_references_comes_out() {
    let (cases, mut arrays) = golden::load("range_mapping");
    assert_eq!(cases.len(), 120);
    for case in &cases {
        assert_eq!(case.op, "range_mapping");
        let names: Vec<&str> = case.expected().collect();
        assert_eq!(names.len(), 12, "{}", case.name);
        for name in names {
            check(case, &mut arrays, name);
        }
    }
}

/// Codes of the calculator, whose parameters are f32, by the mapping that a case names.
fn codes_of_scheme(case: &Case, w: &Array1<f32>, article: Article) -> (Vec<i32>, QuantParams) {
    let scheme = Scheme::<i32>::article(article);
    let q = match case.params["mapping"].as_str().unwrap() {
        "ceil" => quantize_tensor(w.view(), &scheme),
        "floor" => quantize_tensor(w.view(), &scheme.with_rounding(Floor)),
        "round_half_away" => quantize_tensor(w.view(), &scheme.with_rounding(HalfAway)),
        "round_half_even" => quantize_tensor(w.view(), &scheme.with_rounding(TiesEven)),
        other => panic!("{}: unknown mapping {other}", case.name),
    };
    let (codes, params) = q.unwrap().into_parts();
    (codes.to_vec(), params)
}

/// Beside a whole number or a half the f32 of a decimal may lie on the other side; everywhere else, and at the smallest
/// value itself, the calculator gives the code of exact arithmetic.
#[test]
fn the_calculator_gives_the_exact_codes_wherever_f32_can_tell() {
    let (cases, mut arrays) = golden::load("range_mapping");
    let (mut compared, mut beside) = (0, 0);
    for case in &cases {
        let article = match target(case) {
            Some((a, b)) => Article::target(a, b).unwrap(),
            None => Article::own_range(),
        };
        let w = Array1::from(arrays.get::<f32>(case, "w_f32"));
        let w64: Vec<f64> = arrays.get(case, "w_f64");
        let want: Vec<i64> = arrays.get(case, "code_exact");
        let mapping = mapping_of(case, &w64);
        let (codes, params) = codes_of_scheme(case, &w, article);
        let min = w.iter().copied().fold(f32::INFINITY, f32::min);
        assert_eq!((params.len(), params.group(0).unwrap().offset()), (1, min), "{}", case.name);
        let smallest_code = target(case).map_or(0, |(a, _)| a);
        for (i, &code) in codes.iter().enumerate() {
            if w[i] == min {
                assert_eq!(code, smallest_code, "{}: the smallest value", case.name);
            }
            let quotient = mapping.quotient(w64[i]);
            let halves = quotient * 2.0;
            if (halves - halves.round()).abs() > 1e-5 * (1.0 + quotient.abs() + f64::from(smallest_code).abs()) {
                assert_eq!(i64::from(code), want[i], "{}: element {i}", case.name);
                compared += 1;
            } else {
                beside += 1;
            }
        }
    }
    assert!(compared > 5 * beside, "{compared} compared, {beside} left out");
}

#[test]
fn the_worked_example_in_its_second_form() {
    let w = array![1.2_f32, 2.5, 3.7];
    let q = quantize_tensor(w.view(), &Scheme::<i8>::article(Article::own_range())).unwrap();
    assert_eq!(q.params().scales(), [1.0]);
    assert_eq!(q.params().offsets(), [1.2]);
    assert_eq!(q.codes(), &array![0_i8, 2, 3]);
    let errors: Vec<f32> = w.iter().zip(q.codes()).map(|(w, &code)| w - f32::from(code)).collect();
    for (error, printed) in errors.into_iter().zip([1.2, 0.5, 0.7]) {
        assert!((error - printed).abs() < 1e-6, "{error} is printed as {printed}");
    }
}

#[test]
fn the_worked_example_in_its_first_form() {
    let w = array![1.2_f32, 2.5, 3.7];
    let q = quantize_tensor(w.view(), &Scheme::<i8>::article(Article::target(-1, 1).unwrap())).unwrap();
    assert_eq!(q.params().scales(), [0.8]);
    assert_eq!((q.params().zero_points(), q.params().offsets()), (&[-1][..], &[1.2_f32][..]));
    assert_eq!(q.codes(), &array![-1_i8, 1, 3]);

    let exact = RangeMapping::target(1.2_f64, 3.7, -1.0, 1.0);
    assert_eq!((exact.step(), exact.offset()), (0.8, 2.0));
    assert_eq!([1.2, 2.5, 3.7].map(|w| exact.exact_quotient(w).ceil()), [-1.0, 1.0, 3.0]);

    // As printed, in f32, a rounding error of the first quotient costs a whole unit.
    let printed = RangeMapping::target(1.2_f32, 3.7, -1.0, 1.0);
    assert_eq!(printed.quotient(1.2), -0.999_999_94);
    assert_eq!(printed.quotient(1.2).ceil(), 0.0);
}

/// The article prints a step of 0.123 and an offset of 1.339 for the range [−1, 1]: whatever they belong to, it is not
/// the formula beside them, not even to the three digits printed.
#[test]
fn the_printed_step_and_offset_do_not_follow_from_the_formulas() {
    let (min, max, a, b) = (1.2_f64, 3.7, -1.0, 1.0);
    let (step, offset) = (0.123, 1.339);
    let right = RangeMapping::target(min, max, a, b);
    assert!((right.step() - step).abs() > 0.6);
    assert!((right.offset() - offset).abs() > 0.6);
    // Nor do they agree with each other, nor is the step the inverse, (max − min) / (b − a).
    assert!(((min - a * step) - offset).abs() > 0.01);
    assert!(((max - min) / (b - a) - step).abs() > 1.0);
    let codes = [1.2, 2.5, 3.7].map(|w: f64| ((w - offset) / step).ceil());
    assert_ne!(codes, [-1.0, 1.0, 3.0]);
}
