#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::super::compute;
use super::{Back, adjoint, before_activation};
use crate::call::{Call, Limits};
use crate::tensor::{Data, Tensor};
use tensor_quant::graph::{Activation, Attributes, ElementType, Mirror, Op, Operator, Padding, StridedSlice, Window};

/// Numbers that look random, in −1..1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0) as f32
    }

    fn tensor(&mut self, shape: &[usize]) -> Option<Tensor> {
        let elements = (0..shape.iter().product()).map(|_| self.next()).collect();
        Tensor::of(shape.to_vec(), elements).ok()
    }

    /// Without neighbours that are about the same, between which a small step would decide.
    fn apart(&mut self, shape: &[usize]) -> Option<Tensor> {
        let len: usize = shape.iter().product();
        let elements = (0..len).map(|i| 0.3 + (i * 37 % len) as f32 + 0.1 * self.next()).collect();
        Tensor::of(shape.to_vec(), elements).ok()
    }
}

fn numbers(numbers: &[i32]) -> Option<Tensor> {
    Tensor::of(vec![numbers.len()], numbers.to_vec()).ok()
}

/// Checks the gradients of all inputs of reals.
fn check(op: Op, attributes: Attributes, inputs: &[Option<Tensor>]) {
    check_parts(op, attributes, inputs, 1);
}

/// The same for an operator with so many outputs.
fn check_parts(op: Op, attributes: Attributes, inputs: &[Option<Tensor>], parts: usize) {
    let outputs = (inputs.len()..inputs.len() + parts).collect();
    let operator = Operator::new(op, attributes, (0..inputs.len()).map(Some).collect(), outputs);
    let types: Vec<Option<ElementType>> = inputs.iter().map(|_| None).collect();
    let call = |inputs: &'_ [Option<Tensor>], see: &mut dyn FnMut(&Call<'_>)| {
        let limits = Limits::default();
        see(&Call {
            operator: &operator,
            inputs,
            input_types: &types,
            output_types: &[],
            grid: None,
            limits,
            free: usize::MAX,
        });
    };
    let mut random = Random(99);
    let run = |inputs: &[Option<Tensor>]| {
        let mut outputs = Vec::new();
        call(inputs, &mut |call| outputs = compute(op).unwrap()(call).unwrap());
        outputs
    };
    let outputs = run(inputs);
    let weights: Vec<Vec<f32>> = outputs.iter().map(|y| (0..y.len()).map(|_| random.next()).collect()).collect();
    let mut gradients: Vec<Option<Vec<f32>>> = weights.iter().cloned().map(Some).collect();
    for (gradient, output) in gradients.iter_mut().zip(&outputs) {
        before_activation(gradient.as_mut().unwrap(), output.elements().unwrap(), operator.attributes.activation());
    }
    let wanted = vec![true; inputs.len()];
    let mut of_inputs = Vec::new();
    call(inputs, &mut |call| {
        let back = Back { call, outputs: &outputs, gradients: &gradients, wanted: &wanted };
        of_inputs = adjoint(op).unwrap()(&back).unwrap();
    });
    let mut is_any = false;
    for (number, gradient) in of_inputs.iter().enumerate() {
        let (Some(gradient), Some(x)) = (gradient, &inputs[number]) else { continue };
        let Data::F32(x_elements) = x.data() else { continue };
        assert_eq!(gradient.len(), x.len(), "{op:?}, input {number}");
        is_any = true;
        for (at, &g) in gradient.iter().enumerate() {
            let sum = |by: f32| {
                let mut moved = x_elements.clone();
                moved[at] += by;
                let mut inputs = inputs.to_vec();
                inputs[number] = Tensor::of(x.shape().to_vec(), moved).ok();
                let pairs = run(&inputs).into_iter().zip(&weights);
                let sums = pairs.map(|(y, weights)| {
                    let elements = y.elements::<f32>().unwrap();
                    elements.iter().zip(weights).map(|(&y, &w)| f64::from(y) * f64::from(w)).sum::<f64>()
                });
                sums.sum::<f64>()
            };
            let measured = (sum(0.004) - sum(-0.004)) / 0.008;
            let off = (measured - f64::from(g)).abs();
            assert!(off < 0.01 + 0.01 * measured.abs(), "{op:?}, input {number} at {at}: {g} and not {measured}");
        }
    }
    assert!(is_any, "{op:?} has no gradients");
}

fn window(stride: usize, dilation: usize, padding: Padding) -> Window {
    let mut window = Window::new(2);
    (window.strides, window.dilations, window.padding) = (vec![stride; 2], vec![dilation; 2], padding);
    window
}

#[test]
fn products_with_weights_go_back_by_them() {
    let mut random = Random(1);
    for (stride, dilation, padding) in [(1, 1, Padding::Same), (2, 1, Padding::Same), (1, 2, Padding::Valid)] {
        let attributes = Attributes::Window(window(stride, dilation, padding));
        let (x, w) = (random.tensor(&[1, 6, 5, 4]), random.tensor(&[6, 3, 2, 2]));
        let weights_apart = |op, x: &Option<Tensor>, w: Option<Tensor>, attributes: &Attributes| {
            check(op, attributes.clone(), &[x.clone(), w, None]);
        };
        weights_apart(Op::Conv, &x, w, &attributes);
        weights_apart(Op::Conv, &x, random.tensor(&[3, 3, 3, 4]), &attributes);
        weights_apart(Op::DepthwiseConv, &x, random.tensor(&[1, 3, 2, 8]), &attributes);
    }
    let attributes = Attributes::Dense { activation: Activation::None, keep_dims: false, asymmetric: false };
    check(Op::FullyConnected, attributes, &[random.tensor(&[5, 4]), random.tensor(&[3, 4]), None]);
    for padding in [Padding::Same, Padding::Valid] {
        let side = if padding == Padding::Same { 6 } else { 7 };
        let inputs = [numbers(&[1, side, side, 2]), random.tensor(&[2, 3, 3, 4]), random.tensor(&[1, 3, 3, 4]), None];
        check(Op::TransposeConv, Attributes::Window(window(2, 1, padding)), &inputs);
    }
    for adjoint in [[false, false], [true, false], [false, true], [true, true]] {
        let shape =
            |rows: usize, columns: usize, swapped: bool| if swapped { [columns, rows] } else { [rows, columns] };
        let (a, b) = (shape(3, 4, adjoint[0]), shape(4, 2, adjoint[1]));
        let inputs = [random.tensor(&[2, 1, a[0], a[1]]), random.tensor(&[3, b[0], b[1]])];
        check(Op::MatMul, Attributes::MatMul { adjoint, asymmetric: false }, &inputs);
    }
}

#[test]
fn pools_and_sums_go_back_to_what_they_are_of() {
    let mut random = Random(2);
    for padding in [Padding::Same, Padding::Valid] {
        let mut of_pool = window(2, 1, padding);
        of_pool.size = vec![3, 2];
        check(Op::AveragePool, Attributes::Window(of_pool.clone()), &[random.tensor(&[2, 5, 6, 3])]);
        check(Op::MaxPool, Attributes::Window(of_pool), &[random.apart(&[2, 5, 6, 3])]);
    }
    for keep_dims in [false, true] {
        for op in [Op::Sum, Op::Mean] {
            check(op, Attributes::Reduce { keep_dims }, &[random.tensor(&[2, 3, 4]), numbers(&[0, 2])]);
        }
    }
    for half_pixel in [false, true] {
        let attributes = Attributes::Resize { align_corners: !half_pixel, half_pixel };
        for op in [Op::ResizeBilinear, Op::ResizeNearest] {
            check(op, attributes.clone(), &[random.tensor(&[2, 3, 4, 2]), numbers(&[5, 7])]);
        }
    }
    for op in [Op::Softmax, Op::LogSoftmax] {
        for axis in [-1, 1] {
            check(op, Attributes::Softmax { beta: 1.0, axis }, &[random.tensor(&[2, 3, 4])]);
        }
    }
}

#[test]
fn functions_of_elements_go_back_by_their_slopes() {
    let mut random = Random(3);
    for op in [Op::Add, Op::Sub, Op::Mul, Op::SquaredDifference] {
        for activation in [Activation::None, Activation::Tanh] {
            let inputs = [random.tensor(&[2, 3, 4]), random.tensor(&[3, 1])];
            check(op, Attributes::Fused(activation), &inputs);
        }
    }
    let whole = random.apart(&[3, 4]);
    check(Op::Div, Attributes::Fused(Activation::None), &[random.tensor(&[2, 3, 4]), whole.clone()]);
    check(Op::Maximum, Attributes::None, &[whole.clone(), random.tensor(&[2, 3, 4])]);
    check(Op::AddN, Attributes::None, &[random.tensor(&[4]), random.tensor(&[4]), random.tensor(&[4])]);
    check(Op::PRelu, Attributes::None, &[random.apart(&[2, 3, 4]), random.tensor(&[4])]);
    for op in [Op::Relu, Op::Relu6, Op::HardSwish, Op::Logistic, Op::Tanh, Op::Exp, Op::Log, Op::Sqrt, Op::Rsqrt] {
        check(op, Attributes::None, std::slice::from_ref(&whole));
    }
    for attributes in [Attributes::Gelu { approximate: true }, Attributes::Gelu { approximate: false }] {
        check(Op::Gelu, attributes, &[random.tensor(&[7])]);
    }
    check(Op::LeakyRelu, Attributes::Slope(0.25), &[random.tensor(&[7])]);
}

#[test]
fn moved_elements_go_back_to_where_they_were() {
    let mut random = Random(4);
    let concat = Attributes::Concat { axis: 1, activation: Activation::None };
    check(Op::Concat, concat, &[random.tensor(&[2, 3, 2]), random.tensor(&[2, 1, 2])]);
    check(Op::Pack, Attributes::Axis(1), &[random.tensor(&[2, 3]), random.tensor(&[2, 3])]);
    let around = Tensor::of(vec![2, 2], vec![1, 0, 2, 1]).ok();
    check(Op::Pad, Attributes::None, &[random.tensor(&[2, 3]), around]);
    check(Op::Transpose, Attributes::None, &[random.tensor(&[2, 3, 4]), numbers(&[2, 0, 1])]);
    check(Op::Slice, Attributes::None, &[random.tensor(&[4, 3]), numbers(&[1, 0]), numbers(&[2, 3])]);
    check(Op::Tile, Attributes::None, &[random.tensor(&[2, 3]), numbers(&[2, 2])]);
    check(Op::SpaceToDepth, Attributes::Block(2), &[random.tensor(&[1, 4, 4, 2])]);
    let inputs = [random.tensor(&[4, 3]), numbers(&[2, 0, 2])];
    check(Op::Gather, Attributes::Gather { axis: 0, batch_dims: 0 }, &inputs);
    let rows = Tensor::of(vec![3, 1], vec![1, 1, 0]).ok();
    check(Op::GatherNd, Attributes::None, &[random.tensor(&[2, 3]), rows]);
    check(Op::Reshape, Attributes::None, &[random.tensor(&[2, 3]), numbers(&[3, 2])]);
    check(Op::Squeeze, Attributes::Squeeze(vec![0]), &[random.tensor(&[1, 3])]);
    check(Op::ExpandDims, Attributes::None, &[random.tensor(&[2, 3]), numbers(&[1])]);
    let strided = Attributes::StridedSlice(StridedSlice::default());
    check(Op::StridedSlice, strided, &[random.tensor(&[5, 3]), numbers(&[4, 0]), numbers(&[0, 3]), numbers(&[-2, 2])]);
    check_parts(Op::Split, Attributes::Split { parts: 2 }, &[numbers(&[1]), random.tensor(&[2, 4])], 2);
    check_parts(Op::SplitSizes, Attributes::None, &[random.tensor(&[2, 4]), numbers(&[1, -1]), numbers(&[1])], 2);
    check_parts(Op::Unpack, Attributes::Axis(0), &[random.tensor(&[3, 2])], 3);
    check(Op::BroadcastTo, Attributes::None, &[random.tensor(&[3, 1]), numbers(&[2, 3, 2])]);
    check(Op::Reverse, Attributes::None, &[random.tensor(&[2, 3]), numbers(&[1])]);
    let sequences = Attributes::ReverseSequence { sequence: 1, batch: 0 };
    check(Op::ReverseSequence, sequences, &[random.tensor(&[2, 3, 2]), numbers(&[2, 3])]);
    let pairs = || Tensor::of(vec![2, 2], vec![1, 0, 1, 1]).ok();
    let value = Tensor::of(vec![1], vec![0.5_f32]).ok();
    check(Op::PadWith, Attributes::None, &[random.tensor(&[2, 3]), pairs(), value]);
    for mirror in [Mirror::Reflect, Mirror::Symmetric] {
        check(Op::MirrorPad, Attributes::Mirror(mirror), &[random.tensor(&[2, 3]), pairs()]);
    }
    check(Op::DepthToSpace, Attributes::Block(2), &[random.tensor(&[1, 2, 2, 8])]);
    let around = || Tensor::of(vec![2, 2], vec![0, 1, 1, 0]).ok();
    check(Op::SpaceToBatch, Attributes::None, &[random.tensor(&[1, 3, 5, 2]), numbers(&[2, 3]), around()]);
    check(Op::BatchToSpace, Attributes::None, &[random.tensor(&[4, 2, 3, 1]), numbers(&[2, 2]), around()]);
}

#[test]
fn the_rest_of_functions_of_elements_goes_back_by_their_slopes() {
    let mut random = Random(5);
    let whole = random.apart(&[3, 4]);
    check(Op::Minimum, Attributes::None, &[whole.clone(), random.tensor(&[2, 3, 4])]);
    check(Op::Pow, Attributes::None, &[random.apart(&[5]), random.tensor(&[5])]);
    let rectifiers = [Op::ReluN1To1, Op::Relu0To1];
    for op in rectifiers.into_iter().chain([Op::Elu, Op::Abs, Op::Neg, Op::Square, Op::Sin, Op::Cos]) {
        check(op, Attributes::None, &[random.apart(&[4])]);
        let mirrored = random.apart(&[4]).unwrap().elements::<f32>().unwrap().iter().map(|x| -x).collect();
        check(op, Attributes::None, &[Tensor::of(vec![4], mirrored).ok()]);
    }
}

/// What has no length, and what broadcasts to it or away from it.
#[test]
fn gradients_of_nothing_are_nothing() {
    let empty = || Tensor::of(vec![0, 3], Vec::<f32>::new()).ok();
    let one = || Tensor::of(vec![1, 3], vec![0.1_f32, 0.2, 0.3]).ok();
    let cases: [(Op, Attributes, Vec<Option<Tensor>>); 6] = [
        (Op::Add, Attributes::Fused(Activation::None), vec![empty(), one()]),
        (Op::Mul, Attributes::Fused(Activation::Relu), vec![one(), empty()]),
        (Op::Tanh, Attributes::None, vec![empty()]),
        (Op::Softmax, Attributes::Softmax { beta: 1.0, axis: -1 }, vec![empty()]),
        (Op::Concat, Attributes::Concat { axis: 0, activation: Activation::None }, vec![empty(), one()]),
        (Op::Transpose, Attributes::None, vec![empty(), numbers(&[1, 0])]),
    ];
    for (op, attributes, inputs) in cases {
        check(op, attributes, &inputs);
    }
}
