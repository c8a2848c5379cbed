//! What other implementations compute keeps the laws, but for those that each of them breaks on purpose: they are named here,
//! with the reason, and none is named in vain.

use tensor_quant::convention::{ai_edge, onnx_runtime, tflite, torch};
use tensor_quant::laws::{Law, QuantizationMethod, Terms, calculator, estimator, scheme};
use tensor_quant::{I4, ParamsCalculator, RangeEstimator, Scheme};

/// As there; where this crate has a choice, it takes the largest scale with finite reals.
const INFINITE: &str = "the end of a range near f32::MAX is restored as an infinity, as there";
const SIGNED: &str = "it is for signed types: a zero point of 0 is no code of an unsigned one";
const SMALLEST: &str = "there is a smallest scale";
const HALF_A_STEP: &str = "the largest value is clipped by half a step";
const FOLLOWS: &str = "the zero point follows the range";
const BATCHES: &str = "a call is a batch, and a batch counts as a whole";
const BINS: &str = "the bins depend on the batch that came first";
const EDGES: &str = "a bound is the edge of a bin";

fn terms(broken: &[(Law, &str)]) -> Terms {
    // As many as by default, whatever the environment says: what breaks by rare cases is found by the same ones.
    broken.iter().fold(Terms::default().with_cases(256), |terms, &(law, reason)| terms.without(law, reason))
}

fn scheme_but(quantizer: &dyn QuantizationMethod, broken: &[(Law, &str)]) {
    let verdict = terms(broken).check_scheme(quantizer).unwrap();
    assert_eq!(verdict.needless_waivers(), [], "{verdict}");
}

fn calculator_but<P: ParamsCalculator + 'static>(calculator: &P, broken: &[(Law, &str)]) {
    // They take no time, and some are broken by rare cases.
    let verdict = terms(broken).with_cases(4096).check_calculator(calculator).unwrap();
    assert_eq!(verdict.needless_waivers(), [], "{verdict}");
}

fn estimator_but<E: RangeEstimator + 'static>(estimator: &E, broken: &[(Law, &str)]) {
    let verdict = terms(broken).check_estimator(estimator).unwrap();
    assert_eq!(verdict.needless_waivers(), [], "{verdict}");
}

/// The same reason for several laws.
fn all<'a>(laws: &[Law], reason: &'a str) -> Vec<(Law, &'a str)> {
    laws.iter().map(|&law| (law, reason)).collect()
}

#[test]
fn schemes_of_tflite() {
    let infinite = [scheme::WITHIN_HALF_A_STEP, scheme::WITHIN_A_STEP, scheme::CONSTANTS, scheme::MSE_BOUND];
    scheme_but(&tflite::scheme::<i8>(), &[]);
    scheme_but(&tflite::scheme::<u8>(), &[]);
    scheme_but(&tflite::scheme::<i16>(), &all(&infinite, INFINITE));
    scheme_but(&tflite::weights::<i8>().with_axis(0), &all(&infinite, INFINITE));
    scheme_but(&ai_edge::weights::<i8>().with_axis(0), &all(&infinite, INFINITE));
    scheme_but(&ai_edge::weights::<I4>().with_axis(0), &[]);
}

#[test]
fn schemes_of_onnx_runtime() {
    let infinite = all(&[scheme::WITHIN_HALF_A_STEP, scheme::WITHIN_A_STEP, scheme::MSE_BOUND], INFINITE);
    scheme_but(&onnx_runtime::scheme::<u8>(), &infinite);
    let symmetric = onnx_runtime::scheme::<i8>().with_calculator(onnx_runtime::Params::symmetric());
    scheme_but(&symmetric, &[(scheme::IDEMPOTENT, INFINITE)]);
}

#[test]
fn schemes_of_pytorch() {
    let infinite = all(&[scheme::WITHIN_HALF_A_STEP, scheme::WITHIN_A_STEP, scheme::MSE_BOUND], INFINITE);
    let smallest = all(&[scheme::CONSTANTS, scheme::POWERS_OF_TWO], SMALLEST);
    scheme_but(&torch::scheme::<u8>(), &smallest);
    let dynamic = torch::scheme::<u8>().with_calculator(torch::Dynamic::default());
    scheme_but(&dynamic, &[&infinite[..], &smallest].concat());
    let clipped = [(scheme::CONSTANTS, HALF_A_STEP), (scheme::POWERS_OF_TWO, SMALLEST)];
    let symmetric = [&infinite[..], &clipped].concat();
    scheme_but(&torch::scheme::<i8>().with_calculator(torch::QParams::symmetric()), &symmetric);
    scheme_but(&torch::scheme::<i8>().with_calculator(torch::SymmetricMapping::default()).with_axis(0), &symmetric);
}

#[test]
fn calculators_of_tflite() {
    let signed = [
        calculator::ZERO_POINT_IS_A_CODE,
        calculator::ZERO_EXACT,
        calculator::ENDS,
        calculator::CONSTANTS,
        calculator::SIGN_SYMMETRY,
    ];
    calculator_but(&tflite::Weights, &all(&signed, SIGNED));
    let wide = (calculator::SIGN_SYMMETRY, "a range wider than f32::MAX counts as f32::MAX wide, from its lower end");
    calculator_but(&tflite::Activations, &[(calculator::ENDS, INFINITE), wide]);
}

#[test]
fn calculators_of_onnx_runtime() {
    const TINY: &str = "a scale below the smallest normal number is 1 instead, with a zero point of 0";
    const REDUCED: &str = "half of the codes are left out";
    let infinite = (calculator::ENDS, INFINITE);
    let tiny = all(&[calculator::MONOTONE, calculator::SIGN_SYMMETRY], TINY);
    calculator_but(&onnx_runtime::Params::affine(), &[&[infinite], &tiny[..]].concat());
    let constants = (calculator::CONSTANTS, HALF_A_STEP);
    calculator_but(&onnx_runtime::Params::symmetric(), &[&[infinite, constants], &tiny[..]].concat());
    let reduced =
        [(calculator::CODES_USED, REDUCED), (calculator::MONOTONE, TINY), (calculator::SIGN_SYMMETRY, REDUCED)];
    calculator_but(&onnx_runtime::Params::affine().with_reduced_range(), &[&[infinite], &reduced[..]].concat());
}

#[test]
fn calculators_of_pytorch() {
    const NEVER: &str = "the rule is for signed types, and looks at each end for itself";
    const FLOAT: &str = "the code 0 stands for the smallest value, whatever the type's smallest code";
    let infinite = (calculator::ENDS, INFINITE);
    let smallest = all(&[calculator::CODES_USED, calculator::POWERS_OF_TWO], SMALLEST);
    let constants = (calculator::CONSTANTS, SMALLEST);
    let affine = [&smallest[..], &[infinite, constants, (calculator::SIGN_SYMMETRY, FOLLOWS)]].concat();
    calculator_but(&torch::AffineMapping::default(), &affine);
    calculator_but(&torch::QParams::affine(), &affine);
    let symmetric = [&smallest[..], &[infinite, (calculator::CONSTANTS, HALF_A_STEP)]].concat();
    calculator_but(&torch::SymmetricMapping::default(), &symmetric);
    calculator_but(&torch::QParams::symmetric(), &symmetric);
    let never = torch::SymmetricMapping { clipping: torch::Clipping::Never, ..torch::SymmetricMapping::default() };
    let ends = all(&[calculator::ENDS, calculator::CONSTANTS, calculator::SIGN_SYMMETRY], NEVER);
    calculator_but(&never, &[&smallest[..], &ends].concat());
    let float = all(&[calculator::ZERO_EXACT, calculator::ENDS, calculator::SIGN_SYMMETRY], FLOAT);
    let one = (calculator::MONOTONE, "a scale that is not above the smallest is 1 instead");
    calculator_but(&torch::QParams::affine_float(), &[&smallest[..], &float, &[one]].concat());
    let tenth = all(&[calculator::MONOTONE, calculator::SIGN_SYMMETRY], "a scale without a reciprocal is 0.1 instead");
    calculator_but(&torch::Dynamic::default(), &[&smallest[..], &[infinite, constants], &tenth].concat());
}

#[test]
fn calibrators_of_onnx_runtime() {
    estimator_but(&onnx_runtime::MinMaxCalibrater::default(), &[]);
    let batches = all(&[estimator::SPLITS, estimator::MERGE], BATCHES);
    let rounded = (estimator::MERGE_ASSOCIATES, "the sum of the batches' extremes is one of f32");
    estimator_but(&onnx_runtime::MinMaxCalibrater::averaged(), &[&batches[..], &[rounded]].concat());

    let binned = [estimator::SPLITS, estimator::MERGE, estimator::MERGE_COMMUTES, estimator::MERGE_ASSOCIATES];
    let binned = all(&binned, BINS);
    let edges = all(&[estimator::COVERS, estimator::HULL, estimator::CONSTANTS], EDGES);
    let unit = (estimator::POWERS_OF_TWO, "a constant is counted from c − ½ to c + ½");
    estimator_but(&onnx_runtime::PercentileCalibrater::default(), &[&binned[..], &edges, &[unit]].concat());
    let lower = (estimator::SIGN_SYMMETRY, "it is the lower edge of the bin, on both sides of zero");
    let affine = onnx_runtime::PercentileCalibrater::affine(512, 99.0).unwrap();
    estimator_but(&affine, &[&binned[..], &edges, &[lower]].concat());
    let wider =
        all(&[estimator::HULL, estimator::CONSTANTS, estimator::POWERS_OF_TWO], "zeros are counted from −½ to ½");
    estimator_but(&onnx_runtime::DistributionCalibrater::default(), &[&binned[..], &wider].concat());
    estimator_but(&onnx_runtime::EntropyCalibrater::default(), &binned);
}

#[test]
fn an_observer_of_pytorch() {
    let upper = "the upper bound is the lower edge of a bin";
    let observer = torch::HistogramObserver::new(256).unwrap();
    estimator_but(&observer, &all(&[estimator::COVERS, estimator::SIGN_SYMMETRY], upper));
}

/// Weights of unsigned types are an error that says why, not codes that nobody can read.
#[test]
fn weights_of_tflite_are_signed() {
    let x = ndarray::array![0.5_f32, -1.0];
    let error = tensor_quant::quantize_tensor(x.view(), &tflite::weights::<u8>()).unwrap_err().to_string();
    assert_eq!(error, "zero point 0 of group 0 is outside the codes 1..=255");
    let floats = Scheme::<tensor_quant::f16>::cast().with_calculator(tflite::Weights);
    assert!(tensor_quant::quantize_tensor(x.view(), &floats).unwrap_err().to_string().contains("integer codes"));
}
