//! Any memory layout gives exactly what the row-major copy gives: transposed, permuted, strided, reversed, sliced and
//! broadcast views of 0 to 5 dimensions, axes of no length included, for every granularity and element type.
//!
//! Both are held against a naive implementation that finds the group of each element from its index.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array, Array2, Array3, ArrayD, ArrayView, ArrayView1, ArrayViewD, Axis, Dimension, IxDyn, Slice, arr0};
use proptest::prelude::*;
use tensor_quant::metrics::{ErrorMetrics, per_channel, per_tensor};
use tensor_quant::num::{Code, CodeType, CodeVisitor, F8E4M3Fn, Real};
use tensor_quant::params::{Affine, BlockShape, Granularity, NanPolicy, ParamsCalculator, PowerOfTwo, Symmetric};
use tensor_quant::range::{MeanStd, MinMax, MovingAverage, Percentile};
use tensor_quant::tensor::{dequantize_into, estimate_params, fake_quantize_backward};
use tensor_quant::{
    AnyScheme, Ceil, Error, Floor, HalfAway, I4, PackedTensor, QuantizedTensor, RangeEstimator, Rounding, Scaling,
    Scheme, Stochastic, TowardZero, bf16, f16, fake_quantize_tensor, quantize_tensor, quantize_with_params,
};

/// How one axis of a view is laid over memory.
#[derive(Clone, Copy, Debug)]
struct AxisLayout {
    len: usize,
    /// Elements left out before and after.
    before: usize,
    after: usize,
    /// Every how many elements, backwards if negative; 0 repeats one element.
    step: isize,
}

/// How a tensor is laid over memory.
#[derive(Clone, Debug)]
struct Layout {
    axes: Vec<AxisLayout>,
    /// Numbers by which the order of the axes is shuffled.
    order: Vec<u8>,
}

impl Layout {
    fn shape(&self) -> Vec<usize> {
        let axes = self.permutation();
        axes.iter().map(|&k| self.axes[k].len).collect()
    }

    fn permutation(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = (0..self.axes.len()).collect();
        axes.sort_by_key(|&k| self.order[k]);
        axes
    }

    /// Calls `visit` with a view of this layout, of elements that `value` gives.
    fn with_view<T: Clone, O>(&self, value: impl Fn(usize) -> T, visit: impl FnOnce(ArrayViewD<'_, T>) -> O) -> O {
        let stored = |axis: &AxisLayout| axis.before + axis.after + (axis.len * axis.step.unsigned_abs()).max(1);
        let memory: Vec<usize> = self.axes.iter().map(stored).collect();
        let total = memory.iter().product();
        let memory = ArrayD::from_shape_vec(IxDyn(&memory), (0..total).map(value).collect()).unwrap();
        let mut view = memory.view();
        for (k, axis) in self.axes.iter().enumerate() {
            let used = if axis.step == 0 { 1 } else { axis.len * axis.step.unsigned_abs() };
            let step = if axis.step == 0 { 1 } else { axis.step };
            view.slice_axis_inplace(
                Axis(k),
                Slice::new(axis.before as isize, Some((axis.before + used) as isize), step),
            );
        }
        let repeated: Vec<usize> = self.axes.iter().map(|axis| axis.len).collect();
        let view = view.broadcast(IxDyn(&repeated)).unwrap();
        let view = view.permuted_axes(IxDyn(&self.permutation()));
        assert_eq!(view.shape(), self.shape());
        visit(view)
    }
}

fn axis_layout() -> impl Strategy<Value = AxisLayout> {
    let len = prop_oneof![1 => Just(0_usize), 20 => 1_usize..6];
    let step = prop::sample::select(vec![1_isize, 1, 1, 2, -1, -2, 3, 0]);
    (len, 0_usize..3, 0_usize..3, step).prop_map(|(len, before, after, step)| AxisLayout { len, before, after, step })
}

fn layout() -> impl Strategy<Value = Layout> {
    (prop::collection::vec(axis_layout(), 0..=5), prop::collection::vec(any::<u8>(), 5))
        .prop_map(|(axes, order)| Layout { axes, order })
}

/// A granularity for a tensor of `ndim` dimensions, picked by numbers.
fn granularity(ndim: usize, pick: (usize, usize, usize)) -> Granularity {
    let (kind, axis, size) = pick;
    match kind {
        _ if ndim == 0 => Granularity::Tensor,
        0 => Granularity::Tensor,
        1 => Granularity::Axis(axis % ndim),
        2 => Granularity::Blocks(BlockShape::new(&(0..ndim).map(|k| 1 + (size + k) % 4).collect::<Vec<_>>()).unwrap()),
        _ => Granularity::Block { axis: axis % ndim, size },
    }
}

/// Every granularity that there is for a shape, with blocks of these sizes.
fn granularities(ndim: usize, sizes: &[usize]) -> Vec<Granularity> {
    let mut all = vec![Granularity::Tensor];
    for axis in 0..ndim {
        all.push(Granularity::Axis(axis));
        all.extend(sizes.iter().map(|&size| Granularity::Block { axis, size }));
    }
    all
}

/// Numbers of some variety, the same for the same place: small and large ones, repeated ones, zeros of both signs,
/// and now and then an infinity.
fn value(seed: u64, place: usize) -> f32 {
    let mut z = (place as u64).wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let unit = (z >> 40) as f32 / 16_777_216.0 - 0.5;
    match z % 37 {
        0 => 0.0,
        1 => -0.0,
        2 => f32::INFINITY,
        3 => f32::NEG_INFINITY,
        4..8 => (unit * 16.0).round(),
        8 => unit * 50.0,
        _ => unit * 4.0,
    }
}

/// The number of groups, and the group of an element, from the definition.
fn groups_of(granularity: Granularity, shape: &[usize]) -> usize {
    match granularity {
        Granularity::Tensor => 1,
        Granularity::Axis(axis) => shape[axis],
        Granularity::Block { axis, size } => {
            shape.iter().enumerate().map(|(k, &n)| if k == axis { n.div_ceil(size) } else { n }).product()
        }
        Granularity::Blocks(blocks) => shape.iter().zip(blocks.lengths()).map(|(&n, &size)| n.div_ceil(size)).product(),
        other => unreachable!("{other} is not tried here"),
    }
}

fn group_of(granularity: Granularity, shape: &[usize], index: &[usize]) -> usize {
    match granularity {
        Granularity::Tensor => 0,
        Granularity::Axis(axis) => index[axis],
        Granularity::Block { axis, size } => index.iter().zip(shape).enumerate().fold(0, |group, (k, (&i, &n))| {
            let (i, n) = if k == axis { (i / size, n.div_ceil(size)) } else { (i, n) };
            group * n + i
        }),
        Granularity::Blocks(blocks) => {
            let axes = index.iter().zip(shape).zip(blocks.lengths());
            axes.fold(0, |group, ((&i, &n), &size)| group * n.div_ceil(size) + i / size)
        }
        other => unreachable!("{other} is not tried here"),
    }
}

/// What quantization gives, by definition.
#[derive(Debug, PartialEq)]
struct Naive {
    scales: Vec<f32>,
    zero_points: Vec<i32>,
    codes: Vec<f64>,
    restored: Vec<u32>,
}

/// One element at a time, each with its index; `None` if a group has no finite value.
fn naive(view: &ArrayD<f32>, scheme: &AnyScheme, round: Round<'_>) -> Option<Naive> {
    let shape = view.shape().to_vec();
    let mut values = vec![Vec::new(); groups_of(scheme.granularity, &shape)];
    for (index, &x) in view.indexed_iter() {
        values[group_of(scheme.granularity, &shape, index.as_array_view().as_slice().unwrap())].push(x);
    }
    let codes_in_use = scheme.codes();
    let mut params = Vec::new();
    for values in &values {
        let range = match scheme.estimator.range_of(values, scheme) {
            Err(Error::NoData { .. }) => return None,
            range => range.unwrap(),
        };
        params.push(scheme.calculator.params(range, codes_in_use).unwrap());
    }
    let (mut codes, mut restored) = (Vec::new(), Vec::new());
    for (position, (index, &x)) in view.indexed_iter().enumerate() {
        let own = params[group_of(scheme.granularity, &shape, index.as_array_view().as_slice().unwrap())];
        let (scale, zero_point, offset) = (own.scale(), f64::from(own.zero_point()), own.offset());
        let shifted = if offset == 0.0 { x } else { x - offset };
        let quotient = if scheme.scaling == Scaling::Divide { shifted / scale } else { shifted * (1.0 / scale) };
        let code = if scheme.code.is_integer() {
            (f64::from(round(quotient, position as u64)) + zero_point).clamp(codes_in_use.min(), codes_in_use.max())
        } else {
            scheme.code.visit(Nearest(f64::from(quotient)))
        };
        let real = (code - zero_point) as f32 * scale;
        codes.push(code);
        restored.push((if offset == 0.0 { real } else { real + offset }).to_bits());
    }
    let scales = params.iter().map(|p| p.scale()).collect();
    let zero_points = params.iter().map(|p| p.zero_point()).collect();
    Some(Naive { scales, zero_points, codes, restored })
}

/// What a quotient at a position is rounded to.
type Round<'a> = &'a dyn Fn(f32, u64) -> f32;

/// Gives the code nearest to a number.
struct Nearest(f64);

impl CodeVisitor for Nearest {
    type Output = f64;

    fn visit<C: Code>(self) -> f64 {
        C::nearest(self.0).to_f64()
    }
}

fn bits(reals: &ArrayD<f32>) -> Vec<u32> {
    assert!(reals.is_standard_layout());
    reals.iter().map(|x| x.to_bits()).collect()
}

fn outcome<C: Code>(q: &QuantizedTensor<C, IxDyn>) -> Naive {
    assert!(q.codes().is_standard_layout());
    Naive {
        scales: q.params().scales().to_vec(),
        zero_points: q.params().zero_points().to_vec(),
        codes: q.codes().iter().map(|code| code.to_f64()).collect(),
        restored: bits(&q.dequantize()),
    }
}

/// Names the first difference: a tensor is too long to print.
fn same_outcome(got: &Naive, want: &Naive, what: &str) -> Result<(), TestCaseError> {
    let group = (0..want.scales.len())
        .find(|&k| (got.scales.get(k), got.zero_points.get(k)) != (Some(&want.scales[k]), Some(&want.zero_points[k])));
    if let Some(k) = group {
        let (got, want) = ((got.scales.get(k), got.zero_points.get(k)), (want.scales[k], want.zero_points[k]));
        prop_assert!(false, "{}: group {} has {:?}, not {:?}", what, k, got, want);
    }
    let element = (0..want.codes.len()).find(|&i| got.codes.get(i) != Some(&want.codes[i]));
    if let Some(i) = element {
        prop_assert!(false, "{}: code {} is {:?}, not {}", what, i, got.codes.get(i), want.codes[i]);
    }
    prop_assert!(got == want, "{}: restored otherwise", what);
    Ok(())
}

/// The view gives what its copy gives, and both what the definition gives: by value, and by the types of the scheme.
fn check<T: Real, C: Code>(
    view: &ArrayViewD<'_, T>,
    by_value: impl Into<AnyScheme>,
    round: impl Fn(f32, u64) -> f32,
) -> Result<(), TestCaseError> {
    let by_value = &by_value.into();
    let scheme = &by_value.to_static::<C>().unwrap();
    let copy: ArrayD<T> = Array::from_shape_vec(view.raw_dim(), view.iter().copied().collect()).unwrap();
    let reals = copy.mapv(T::to_f32);
    let what = format!("{by_value}, shape {:?}, strides {:?}", view.shape(), view.strides());
    let Some(want) = naive(&reals, by_value, &round) else {
        for view in [view.view(), copy.view()] {
            prop_assert!(matches!(quantize_tensor(view.clone(), scheme), Err(Error::NoData { .. })), "{}", what);
            prop_assert!(matches!(fake_quantize_tensor(view.clone(), scheme), Err(Error::NoData { .. })), "{}", what);
            prop_assert!(matches!(estimate_params(view.clone(), scheme), Err(Error::NoData { .. })), "{}", what);
            prop_assert!(matches!(by_value.quantize(view), Err(Error::NoData { .. })), "{}", what);
        }
        return Ok(());
    };
    let q = quantize_tensor(view.view(), scheme).unwrap();
    let of_copy = quantize_tensor(copy.view(), scheme).unwrap();
    same_outcome(&outcome(&of_copy), &want, &format!("the copy: {what}"))?;
    same_outcome(&outcome(&q), &want, &format!("the view: {what}"))?;
    prop_assert_eq!(q.observed(), of_copy.observed(), "{}", what);
    prop_assert_eq!(&estimate_params(view.view(), scheme).unwrap(), q.params(), "{}", what);
    prop_assert!(by_value.quantize(view.view()).unwrap() == PackedTensor::from(q.clone()), "by value: {}", what);
    let fake = bits(&fake_quantize_tensor(view.view(), scheme).unwrap());
    prop_assert!(fake == want.restored, "fake quantization: {}", what);
    let again = quantize_with_params(view.view(), q.params(), scheme.settings()).unwrap();
    same_outcome(&outcome(&again), &want, &format!("with the parameters: {what}"))?;
    let error = q.error(view.view()).unwrap();
    prop_assert_eq!(&error, &q.error(copy.view()).unwrap());
    metrics_agree(view, &reals, &q.dequantize(), &error)?;
    // Of a gradient in another order.
    let gradient = Array::from_shape_vec(copy.raw_dim(), (0..copy.len()).map(|i| i as f32 + 0.5).collect()).unwrap();
    let turned = gradient.t().to_owned();
    let want = fake_quantize_backward(copy.view(), gradient.view(), q.params(), scheme.settings()).unwrap();
    let got = fake_quantize_backward(view.view(), turned.t(), q.params(), scheme.settings()).unwrap();
    prop_assert_eq!(bits(&got), bits(&want));
    Ok(())
}

/// The errors of a view are those of its elements in order, whatever the layout of the restored tensor; per channel they are
/// those of the slices.
fn metrics_agree<T: Real>(
    view: &ArrayViewD<'_, T>,
    reals: &ArrayD<f32>,
    restored: &ArrayD<f32>,
    error: &ErrorMetrics,
) -> Result<(), TestCaseError> {
    // Errors of f64 are those of the f64 values, which `between` is not given.
    let between = |x: Vec<T>, reals: &[f32], y: &[f32]| {
        if T::NAME == "f64" {
            return per_tensor(ArrayView1::from(&x), ArrayView1::from(y)).unwrap();
        }
        ErrorMetrics::between(reals, y).unwrap()
    };
    let want = between(view.iter().copied().collect(), reals.as_slice().unwrap(), restored.as_slice().unwrap());
    prop_assert_eq!(&per_tensor(view.view(), restored.view()).unwrap(), &want);
    prop_assert_eq!(
        (error.mse(), error.max_abs_error_index(), error.count(), error.non_finite()),
        (want.mse(), want.max_abs_error_index(), want.count(), want.non_finite())
    );
    // The restored tensor in column-major order, and backwards.
    let turned = restored.t().to_owned();
    prop_assert_eq!(&per_tensor(view.view(), turned.t()).unwrap(), &want);
    let mut backwards = restored.clone();
    for axis in 0..backwards.ndim() {
        backwards.invert_axis(Axis(axis));
    }
    let backwards = backwards.as_standard_layout().into_owned();
    let mut forwards = backwards.view();
    for axis in 0..forwards.ndim() {
        forwards.invert_axis(Axis(axis));
    }
    prop_assert_eq!(&per_tensor(view.view(), forwards).unwrap(), &want);
    for axis in 0..view.ndim() {
        let channels = per_channel(view.view(), turned.t(), axis).unwrap();
        prop_assert_eq!(channels.len(), view.len_of(Axis(axis)));
        for (k, channel) in channels.iter().enumerate() {
            let of = |t: &ArrayD<f32>| -> Vec<f32> { t.index_axis(Axis(axis), k).iter().copied().collect() };
            let x = view.index_axis(Axis(axis), k).iter().copied().collect();
            prop_assert_eq!(channel, &between(x, &of(reals), &of(restored)));
        }
    }
    Ok(())
}

/// Each of the schemes below on the same view, as f32 or as the type that a scheme is tried with.
fn check_schemes(view: &ArrayViewD<'_, f32>, granularity: Granularity) -> Result<(), TestCaseError> {
    let (even, away) = (|x: f32, _| x.round_ties_even(), |x: f32, _| x.round());
    let of = |code| AnyScheme::new(code).with_granularity(granularity).with_estimator(MinMax::default());
    check::<_, i8>(view, of(CodeType::I8).with_calculator(Affine::default()), even)?;
    let scheme = of(CodeType::U8).with_calculator(Symmetric::narrow());
    let scheme = scheme.with_estimator(Percentile::two_sided(0.8).unwrap());
    check::<_, u8>(view, scheme.with_rounding(HalfAway).with_scaling(Scaling::Reciprocal), away)?;
    let scheme = of(CodeType::I8).with_calculator(Symmetric::full()).with_rounding(Stochastic { seed: 7 });
    check::<_, i8>(view, scheme, |x, index| Stochastic { seed: 7 }.round(x, index))?;
    check::<_, i32>(view, of(CodeType::I32).with_calculator(PowerOfTwo), even)?;

    let scheme = of(CodeType::I4).with_estimator(MeanStd::new(1.5).unwrap()).with_rounding(Ceil);
    check::<_, I4>(&view.mapv(f16::from_f32).view(), scheme, |x, _| x.ceil())?;
    let scheme = of(CodeType::I16).with_calculator(Affine::without_zero()).with_rounding(Floor);
    let scheme = scheme.with_estimator(MovingAverage::new(0.25).unwrap());
    check::<_, i16>(&view.mapv(bf16::from_f32).view(), scheme, |x, _| x.floor())?;
    let scheme = of(CodeType::U16).with_rounding(TowardZero);
    check::<_, u16>(&view.mapv(|x| f64::from(x) * 1.000_000_01).view(), scheme, |x, _| x.trunc())?;

    check::<_, f16>(view, AnyScheme::new(CodeType::F16).with_granularity(granularity), even)?;
    check::<_, F8E4M3Fn>(view, of(CodeType::F8E4M3Fn), even)?;
    check::<_, bf16>(&view.mapv(f64::from).view(), of(CodeType::Bf16).with_calculator(Symmetric::narrow()), even)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_view_gives_what_its_copy_and_the_definition_give(
        layout in layout(), seed: u64, pick in (0_usize..4, 0_usize..5, 1_usize..8),
    ) {
        let granularity = granularity(layout.axes.len(), pick);
        layout.with_view(|place| value(seed, place), |view| check_schemes(&view, granularity))?;
        // The other element types in their own memory, laid out as this is.
        layout.with_view(|place| f16::from_f32(value(seed, place)), |view| {
            check::<_, i8>(&view, Scheme::<i8>::affine().with_granularity(granularity), |x, _| x.round_ties_even())
        })?;
        layout.with_view(|place| bf16::from_f32(value(seed, place)), |view| {
            let scheme = Scheme::<u8>::affine().with_rounding(Ceil).with_granularity(granularity);
            check::<_, u8>(&view, scheme, |x, _| x.ceil())
        })?;
        layout.with_view(|place| f64::from(value(seed, place)) / 3.0, |view| {
            let scheme = Scheme::<i8>::symmetric().with_estimator(MovingAverage::new(0.5).unwrap());
            check::<_, i8>(&view, scheme.with_granularity(granularity), |x, _| x.round_ties_even())
        })?;
    }

    #[test]
    fn the_first_nan_is_named_by_its_index_in_the_view(layout in layout(), seed: u64, at in any::<prop::sample::Index>()) {
        let shape = layout.shape();
        let len: usize = shape.iter().product();
        prop_assume!(len > 0);
        layout.with_view(|place| value(seed, place), |view| {
            let mut wanted: Vec<usize> = Vec::new();
            let mut with_nan = view.to_owned();
            let at = at.index(len);
            for (k, (index, x)) in with_nan.indexed_iter_mut().enumerate() {
                if k == at {
                    wanted = index.as_array_view().to_vec();
                }
                if k >= at {
                    *x = f32::NAN;
                }
            }
            let turned = with_nan.t().to_owned();
            for view in [with_nan.view(), turned.t()] {
                let error = quantize_tensor(view, &Scheme::<i8>::symmetric());
                let Err(Error::NotANumber { index }) = error else { panic!("{error:?}") };
                assert_eq!(index, wanted);
            }
        });
    }
}

/// Sizes at which the tiles, columns and runs inside begin and end, and some beside them.
#[test]
fn larger_tensors_in_every_layout_and_granularity() {
    let shapes: [&[usize]; 9] = [
        &[9000],
        &[3, 4500],
        &[4500, 3],
        &[65, 64],
        &[64, 130],
        &[7, 1030, 2],
        &[2, 300, 9],
        &[2, 2, 257, 5],
        &[1, 4097, 1],
    ];
    for (seed, shape) in shapes.into_iter().enumerate() {
        for (steps, backwards) in [(1, false), (2, false), (1, true)] {
            let axes = shape.iter().enumerate().map(|(k, &len)| {
                let step = if k == shape.len() - 1 { steps } else { 1 };
                AxisLayout { len, before: 1, after: 0, step: if backwards { -step } else { step } }
            });
            let order = (0..shape.len() as u8).rev().collect();
            let layout = Layout { axes: axes.collect(), order };
            layout.with_view(
                |place| value(seed as u64, place),
                |view| {
                    for granularity in granularities(shape.len(), &[1, 3, 32, 100, 256, 300]) {
                        let scheme = Scheme::<i8>::affine().with_granularity(granularity);
                        check::<_, i8>(&view, scheme, |x, _| x.round_ties_even()).unwrap();
                        let scheme = Scheme::<I4>::symmetric().with_granularity(granularity);
                        check::<_, I4>(&view, scheme, |x, _| x.round_ties_even()).unwrap();
                        let scheme = Scheme::<F8E4M3Fn>::symmetric().with_granularity(granularity);
                        check::<_, F8E4M3Fn>(&view, scheme, |x, _| x).unwrap();
                        // A histogram a group: thousands of them would take all of the time.
                        if granularity.groups(view.shape()).unwrap() <= 500 {
                            let scheme = Scheme::<u8>::symmetric().with_rounding(Stochastic { seed: 3 });
                            let scheme = scheme.with_estimator(Percentile::two_sided(0.9).unwrap());
                            let scheme = scheme.with_granularity(granularity);
                            check::<_, u8>(&view, scheme, |x, index| Stochastic { seed: 3 }.round(x, index)).unwrap();
                        }
                        let scheme = Scheme::<i8>::affine().with_estimator(MovingAverage::new(0.25).unwrap());
                        check::<_, i8>(&view, scheme.with_granularity(granularity), |x, _| x.round_ties_even())
                            .unwrap();
                    }
                },
            );
        }
    }
}

/// A short last block makes the others longer than the average; an estimator that must see its group in one call still
/// does.
#[test]
fn a_group_of_a_moving_average_is_one_batch_beside_a_ragged_block() {
    let x = Array2::from_shape_fn((5, 3), |(i, j)| if i == 3 { 10.0 + j as f32 } else { -1.0 }).into_dyn();
    let scheme = Scheme::<i8>::affine().with_estimator(MovingAverage::new(0.25).unwrap()).with_blocks(0, 4);
    check::<_, i8>(&x.view(), scheme, |x, _| x.round_ties_even()).unwrap();
}

/// Dimensions that are known at compile time take the same way.
#[test]
fn fixed_dimensions_are_like_dynamic_ones() {
    fn same<D: Dimension>(view: ArrayView<'_, f32, D>, granularity: Granularity) {
        let scheme = Scheme::<i8>::affine().with_granularity(granularity);
        let fixed = quantize_tensor(view.view(), &scheme).unwrap();
        let dynamic = quantize_tensor(view.into_dyn(), &scheme).unwrap();
        assert_eq!(fixed.codes().view().into_dyn(), dynamic.codes());
        assert_eq!(fixed.params(), dynamic.params());
    }
    same(arr0(-3.5_f32).view(), Granularity::Tensor);
    let x = Array3::from_shape_fn((3, 4, 5), |(i, j, k)| value(1, i * 20 + j * 5 + k));
    let x = x.mapv(|x| if x.is_finite() { x } else { 1.0 });
    for granularity in granularities(3, &[2, 3]) {
        same(x.view(), granularity);
        same(x.t(), granularity);
        same(x.slice(ndarray::s![..;-1, .., ..;2]), granularity);
    }
    for granularity in granularities(2, &[2, 3]) {
        same(x.index_axis(Axis(1), 2), granularity);
        same(x.index_axis(Axis(2), 0), granularity);
    }
    same(x.slice(ndarray::s![1, ..;2, 3]), Granularity::Block { axis: 0, size: 2 });
    same(x.slice(ndarray::s![1, 2, 3]), Granularity::Tensor);
}

#[test]
fn codes_in_any_layout_are_restored_alike() {
    let x = Array2::from_shape_fn((5, 7), |(i, j)| (i as f32 - 2.0) * (j as f32 + 0.25));
    let scheme = Scheme::<i8>::affine().with_blocks(1, 3);
    let q = quantize_tensor(x.view(), &scheme).unwrap();
    let turned = q.codes().t().to_owned();
    let mut restored = Array2::zeros((5, 7));
    dequantize_into(turned.t(), q.params(), restored.view_mut()).unwrap();
    assert_eq!(restored, q.dequantize());
    let elsewhere = QuantizedTensor::new(turned.reversed_axes(), q.params().clone()).unwrap();
    assert!(elsewhere.codes().is_standard_layout());
    assert_eq!(elsewhere.codes(), q.codes());
    assert_eq!(elsewhere.dequantize(), q.dequantize());
}

/// An infinity does not change the range of its group, and a NaN under `Skip` neither; both are counted in any layout.
#[test]
fn what_is_not_finite_is_counted_in_any_layout() {
    let mut x = Array2::from_shape_fn((6, 8), |(i, j)| i as f32 - j as f32 * 0.3);
    (x[(1, 2)], x[(3, 3)], x[(5, 7)]) = (f32::NAN, f32::INFINITY, f32::NAN);
    let turned = x.t().to_owned();
    for granularity in granularities(2, &[3]) {
        let scheme = Scheme::<u8>::affine().with_nan_policy(NanPolicy::Skip).with_granularity(granularity);
        let (copy, view) = (quantize_tensor(x.view(), &scheme).unwrap(), quantize_tensor(turned.t(), &scheme).unwrap());
        assert_eq!(copy, view, "{granularity}");
        assert_eq!((view.observed().nan, view.observed().infinite), (2, 1), "{granularity}");
        assert_eq!(view.dequantize()[(1, 2)], 0.0);
    }
}
