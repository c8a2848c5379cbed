//! Parameters and codes of short groups, found in one pass, are those that two passes find.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::Array2;
use proptest::prelude::*;
use tensor_quant::num::CodeType;
use tensor_quant::params::{Affine, Granularity, NanPolicy};
use tensor_quant::{AnyScheme, f16};

/// What one pass gives is what a pass for the parameters and one for the codes give, errors included.
fn agrees(scheme: &AnyScheme, x: &Array2<f32>) -> Result<(), TestCaseError> {
    let want = scheme.estimate_params(x).and_then(|params| scheme.quantize_with_params(x, &params));
    match (scheme.quantize(x), want) {
        (Ok(got), Ok(want)) => {
            prop_assert!(got == want, "{scheme} of {:?}", x.shape());
            let fake = scheme.fake_quantize(x).unwrap();
            let same = fake.iter().zip(want.dequantize().iter()).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same, "{scheme} of {:?}", x.shape());
        }
        (Err(got), Err(want)) => prop_assert_eq!(got.to_string(), want.to_string()),
        (got, want) => prop_assert!(false, "{scheme}: {got:?} {want:?}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn one_pass_gives_what_two_give(
        seed in prop::collection::vec(-9.0_f32..9.0, 97),
        odd in prop::collection::vec((0_usize..40_000, prop::sample::select(vec![0.0, f32::NAN, f32::INFINITY, 1e38])), 0..3),
        zeros in (0_usize..40_000, 0_usize..200),
        (rows, columns) in prop_oneof![(1_usize..5, 1_usize..3000), Just((2, 17_000)), Just((40, 512)), Just((1, 66_000)), Just((3, 90_000))],
        size in prop_oneof![Just(32_usize), Just(16), 1_usize..300, Just(20_000)],
        kind in 0..3,
        code in prop::sample::select(CodeType::ALL.to_vec()),
        other in any::<bool>(),
        nan in prop::sample::select(vec![NanPolicy::Error, NanPolicy::Skip, NanPolicy::Native]),
    ) {
        let value = |i: usize| {
            let odd = odd.iter().find(|(at, _)| *at == i);
            let zero = (zeros.0..zeros.0 + zeros.1).contains(&i);
            odd.map_or_else(|| if zero { 0.0 } else { seed[i * 7919 % 97] * (i % 5) as f32 }, |(_, x)| *x)
        };
        let x = Array2::from_shape_fn((rows, columns), |(row, column)| value(row * columns + column));
        let granularity = match kind {
            0 => Granularity::Axis(0),
            _ => Granularity::Block { axis: 1, size },
        };
        let mut scheme = AnyScheme::new(code).with_granularity(granularity).with_nan_policy(nan);
        if other && code.is_integer() || code.bits() == 1 {
            scheme = scheme.with_calculator(Affine::default());
        }
        agrees(&scheme, &x)?;
        let x = Array2::from_shape_fn((columns, rows), |(column, row)| value(row * columns + column));
        agrees(&scheme, &x.reversed_axes())?;
    }
}

#[test]
fn what_is_noticed_is_what_two_passes_notice() {
    let mut x = Array2::from_shape_fn((4, 640), |(row, column)| (row * 640 + column) as f32 % 37.0 - 18.0);
    x.slice_mut(ndarray::s![1, 64..128]).fill(0.0);
    x.slice_mut(ndarray::s![2, 32..64]).fill(2.5);
    (x[[0, 7]], x[[3, 600]]) = (f32::INFINITY, f32::NEG_INFINITY);
    let scheme: AnyScheme = "i8 per block of 32 along axis 1".parse().unwrap();
    let observed = scheme.quantize(&x).unwrap().observed();
    assert_eq!((observed.nan, observed.infinite, observed.constant_groups), (0, 2, 3));
}

#[test]
fn elements_of_another_type_are_as_what_they_are_in_f32() {
    let x: Vec<f16> = (0..30_000_u16).map(|i| f16::from_f32(f32::from(i % 601) * 0.125 - 30.0)).collect();
    let (halves, widened) = (
        Array2::from_shape_vec((3, 10_000), x.clone()).unwrap(),
        Array2::from_shape_vec((3, 10_000), x.iter().map(|x| x.to_f32()).collect()).unwrap(),
    );
    for text in
        ["i8 per block of 32 along axis 1", "u4 per block of 100 along axis 1", "i4 per block of 7 along axis 1"]
    {
        let scheme: AnyScheme = text.parse().unwrap();
        assert_eq!(scheme.quantize(&halves).unwrap(), scheme.quantize(&widened).unwrap(), "{scheme}");
    }
}
