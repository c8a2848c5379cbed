//! Empty tensors.

use super::{fixed, message, symmetric};
use ndarray::{Array2, ArrayD, IxDyn};
use tensor_quant::metrics::ErrorMetrics;
use tensor_quant::params::QuantParams;
use tensor_quant::tensor::{dequantize_slice, estimate_params, fake_quantize_backward, quantize_slice};
use tensor_quant::{Scheme, f16, fake_quantize_tensor, quantize_tensor, quantize_with_params};

#[test]
fn an_empty_tensor_has_no_range() {
    let want = "no finite value was observed, so there is no range (of 0 values, 0 were NaN and 0 infinite)";
    for shape in [&[0][..], &[0, 3], &[3, 0], &[2, 0, 4]] {
        let x = ArrayD::<f32>::zeros(IxDyn(shape));
        assert_eq!(message(quantize_tensor(x.view(), &symmetric())), want, "{shape:?}");
        assert_eq!(message(fake_quantize_tensor(x.view(), &symmetric())), want, "{shape:?}");
        assert_eq!(message(estimate_params(x.view(), &symmetric())), want, "{shape:?}");
    }
    assert_eq!(message(quantize_slice::<f32, _>(&[], &symmetric())), want);
    // Three channels of nothing.
    let x = Array2::<f32>::zeros((3, 0));
    let want = want.replace("observed,", "observed in group 0,");
    assert_eq!(message(quantize_tensor(x.view(), &symmetric().with_axis(0))), want);
}

#[test]
fn an_empty_tensor_is_mapped_to_an_empty_result() {
    let x = Array2::<f32>::zeros((0, 3));
    let params = QuantParams::per_tensor::<i8>(0.5, 0).unwrap();
    let q = quantize_with_params(x.view(), &params, symmetric().settings()).unwrap();
    assert_eq!((q.codes().shape(), q.dequantize().shape()), (&[0, 3][..], &[0, 3][..]));
    assert_eq!(q.error(x.view()).unwrap(), ErrorMetrics::default());
    assert_eq!(fake_quantize_backward(x.view(), x.view(), &params, symmetric().settings()).unwrap().len(), 0);
    assert_eq!(quantize_tensor(x.view(), &symmetric().with_estimator(fixed(-1.0, 1.0))).unwrap().codes().len(), 0);
    assert_eq!(quantize_tensor(x.view(), &Scheme::<f16>::cast()).unwrap().codes().len(), 0);
    // No channels, no groups, nothing to have no range.
    let q = quantize_tensor(x.view(), &symmetric().with_axis(0)).unwrap();
    assert!(q.params().is_empty() && q.codes().is_empty());
    assert_eq!(q.size_in_bytes(), 0);
    dequantize_slice::<i8>(&[], &params, &mut []).unwrap();
}
