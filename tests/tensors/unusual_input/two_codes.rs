//! Two codes.

use super::message;
use ndarray::array;
use tensor_quant::num::{CodeType, I1, U1};
use tensor_quant::params::{Affine, PowerOfTwo, Symmetric};
use tensor_quant::range::{AnyEstimator, Entropy, LpNorm, MeanStd, Mse, Octav, Percentile};
use tensor_quant::{AnyScheme, Scheme, quantize_tensor};

#[test]
fn a_symmetric_mapping_to_two_codes_is_an_error_whatever_the_estimator() {
    let want = "the number of codes of a symmetric mapping must be at least 3, got 2";
    for code in [CodeType::I1, CodeType::U1] {
        for x in [array![0.5_f32, -1.0, 2.0], array![1.0, 1.0, 1.0], array![0.0, 0.0, 0.0]] {
            let scheme = AnyScheme::new(code).with_calculator(Symmetric::narrow());
            assert_eq!(message(scheme.quantize(&x)), want);
            assert_eq!(message(scheme.clone().with_axis(0).quantize(&x)), want);
            for estimator in [
                AnyEstimator::from(Percentile::new(0.1, 0.9).unwrap()),
                MeanStd::new(3.0).unwrap().into(),
                Mse::default().into(),
                LpNorm::default().into(),
                Octav::default().into(),
                Entropy::default().into(),
            ] {
                assert_eq!(message(scheme.clone().with_estimator(estimator).quantize(&x)), want);
            }
            assert_eq!(message(scheme.clone().with_calculator(Symmetric::full()).quantize(&x)), want);
            assert_eq!(message(scheme.clone().with_calculator(PowerOfTwo).quantize(&x)), want);
            // An affine one has both: the smallest and the largest value.
            assert!(scheme.with_calculator(Affine::default()).quantize(&x).is_ok());
        }
    }
    assert_eq!(message(quantize_tensor(array![0.5_f32].view(), &Scheme::<I1>::symmetric())), want);
    assert!(quantize_tensor(array![0.5_f32].view(), &Scheme::<U1>::affine()).is_ok());
}
