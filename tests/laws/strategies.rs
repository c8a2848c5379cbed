//! The strategies give what their names say, views show what their values are, and what fails becomes simple.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tensor_quant::laws::strategies::{Distribution, Simplifying, Tensor, Tensors, Values};

/// Makes a value simpler while it fails.
fn simplest<T: ValueTree>(mut tree: T, fails: impl Fn(&T::Value) -> bool) -> T::Value {
    let mut more = tree.simplify();
    while more {
        more = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
    }
    tree.current()
}

proptest! {
    #[test]
    fn a_view_shows_the_values_in_any_layout(tensor in Tensors::any()) {
        tensor.with_view(|view| {
            prop_assert_eq!(view.shape(), tensor.shape());
            let same = view.iter().map(|x| x.to_bits()).eq(tensor.values().iter().map(|x| x.to_bits()));
            prop_assert!(same, "{:?}", tensor);
            Ok(())
        })?;
    }

    #[test]
    fn what_is_to_be_finite_is(tensor in Tensors::finite()) {
        prop_assert!(!tensor.values().is_empty() && tensor.values().iter().all(|x| x.is_finite()));
        prop_assert!(tensor.layout().is_row_major());
    }

    #[test]
    fn lengths_and_axes_are_kept_while_shrinking(seed: u64) {
        let mut runner = TestRunner::new_with_rng(
            ProptestConfig::default(),
            TestRng::from_seed(RngAlgorithm::ChaCha, &[seed as u8; 32]),
        );
        let values = Values::of(Distribution::FINITE, 3..=20).new_tree(&mut runner).unwrap();
        prop_assert_eq!(simplest(values, |_| true), [0.0; 3]);
        let tensor = Tensors::finite().with_axes(2..=4).new_tree(&mut runner).unwrap();
        let simple = simplest(tensor, |_| true);
        prop_assert_eq!(simple.shape(), [1, 1]);
    }
}

/// Every number of axes, some without length; and layouts of all kinds.
#[test]
fn shapes_and_layouts_are_of_all_kinds() {
    let mut runner = TestRunner::deterministic();
    let tensors: Vec<Tensor> = (0..2000).map(|_| Tensors::any().new_tree(&mut runner).unwrap().current()).collect();
    for ndim in 0..=5 {
        assert!(tensors.iter().any(|tensor| tensor.shape().len() == ndim), "no tensor of {ndim} axes");
    }
    let step = |step: isize| tensors.iter().any(|t| t.layout().axes.iter().any(|axis| axis.step == step));
    assert!([-2, -1, 0, 1, 2, 3].into_iter().all(step));
    let permuted = |tensor: &&Tensor| !tensor.layout().order.is_sorted();
    assert!(tensors.iter().filter(permuted).count() > 100);
    assert!(tensors.iter().any(|tensor| tensor.shape().contains(&0)));
    assert!(tensors.iter().any(|tensor| tensor.values().len() > 256));
}

#[test]
fn distributions_are_what_they_are_called() {
    let mut runner = TestRunner::deterministic();
    let mut sample = |distribution| -> Vec<f32> {
        Values::of(&[distribution], 4000..=4000).new_tree(&mut runner).unwrap().current()
    };
    let share = |values: &[f32], is: &dyn Fn(f32) -> bool| {
        values.iter().filter(|&&x| is(x)).count() as f64 / values.len() as f64
    };
    assert!(share(&sample(Distribution::Bits), &f32::is_nan) > 0.0);
    assert!(share(&sample(Distribution::FiniteBits), &f32::is_finite) == 1.0);
    assert!(share(&sample(Distribution::Sparse), &|x| x == 0.0) > 0.8);
    assert!(share(&sample(Distribution::Subnormal), &f32::is_subnormal) > 0.5);
    let largest = |values: &[f32]| values.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    assert!(largest(&sample(Distribution::Huge)) > f32::MAX / 2.0);
    let constant = sample(Distribution::Constant);
    assert!(constant.iter().all(|&x| x == constant[0]));
    let outlier = sample(Distribution::OneOutlier);
    assert!(share(&outlier, &|x| x.abs() > largest(&outlier) / 20.0) < 0.01);
    let one_sided = sample(Distribution::OneSided);
    assert!(one_sided.iter().all(|x| x.signum() == one_sided[0].signum()));
    // A bell has two thirds of its values within one standard deviation, a uniform distribution 58 %, Laplace's 76 %.
    let within_sigma = |values: &[f32]| {
        let sigma = (values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        share(values, &|x| f64::from(x).abs() < sigma)
    };
    for (distribution, expected) in
        [(Distribution::Gaussian, 0.683), (Distribution::Uniform, 0.577), (Distribution::Laplace, 0.757)]
    {
        let found = within_sigma(&sample(distribution));
        assert!((found - expected).abs() < 0.04, "{distribution:?}: {found}");
    }
    assert!(within_sigma(&sample(Distribution::HeavyTailed)) > 0.8);
}

#[test]
fn what_fails_becomes_simple() {
    let tensor = Tensors::any().with_axes(3..=3).in_any_layout();
    let mut runner = TestRunner::deterministic();
    let mut found = 0;
    for _ in 0..50 {
        let tree = tensor.new_tree(&mut runner).unwrap();
        let fails = |tensor: &Tensor| tensor.values().iter().any(|x| *x > 2.5);
        if fails(&tree.current()) {
            let simple = simplest(tree, fails);
            assert_eq!((simple.shape(), simple.layout().is_row_major()), (&[1, 1, 1][..], true), "{simple:?}");
            // Few bits, near one.
            assert!(
                simple.values()[0].to_bits().trailing_zeros() >= 19 || simple.values()[0].is_infinite(),
                "{simple:?}"
            );
            found += 1;
        }
    }
    assert!(found > 10);
    let two = Tensor::new(&[4], vec![0.1, f32::NAN, 7.3, -2.2]);
    let simple = simplest(Simplifying::from(two), |tensor| tensor.values().iter().any(|x| x.is_nan()));
    assert_eq!((simple.values().len(), simple.values()[0].to_bits()), (1, f32::NAN.to_bits()));
}
