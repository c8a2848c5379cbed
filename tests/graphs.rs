//! What a `.tflite` file computes, as a graph; and edits that keep everything that refers to what is edited.
#![cfg(feature = "tflite")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tensor_quant::graph::{Activation, Attributes, ElementType, Op, Padding};
use tensor_quant::model::tflite::{
    Edge, ElementType as FileType, Flag, Model, NewOperator, NewTensor, Quantization, Role, TensorId,
};

fn open(name: &str) -> Model {
    Model::open(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn mnist() -> Model {
    open("examples/data/mnist_cnn.tflite")
}

#[test]
fn a_network_lowers_with_its_attributes() {
    let graph = mnist().graph();
    let part = &graph.subgraphs[0];
    assert!(part.is_whole());
    let ops: Vec<Op> = part.operators.iter().map(|operator| operator.op).collect();
    let batch = [Op::Shape, Op::StridedSlice, Op::Pack, Op::Reshape];
    assert_eq!(ops[..5], [Op::Conv, Op::MaxPool, Op::Conv, Op::MaxPool, Op::Conv]);
    assert_eq!((&ops[5..9], &ops[9..]), (&batch[..], &[Op::FullyConnected, Op::FullyConnected, Op::Softmax][..]));
    let Attributes::Window(window) = &part.operators[0].attributes else { panic!("a convolution has a window") };
    assert_eq!((&window.strides[..], &window.dilations[..]), (&[1, 1][..], &[1, 1][..]));
    assert_eq!(window.activation, Activation::Relu);
    let Attributes::Window(pool) = &part.operators[1].attributes else { panic!("a pool has a window") };
    assert_eq!((&pool.size[..], &pool.padding), (&[2, 2][..], &Padding::Valid));
    let input = &part.values[part.inputs[0]];
    assert_eq!((input.element_type, input.ndim()), (ElementType::F32, Some(4)));
    let bias = part.operators[0].bias().unwrap();
    assert!(part.values[bias.bias].constant.is_some() && part.values[bias.weights].constant.is_some());
    assert_eq!(bias.input, part.inputs[0]);
    let signature = graph.signature(None).unwrap();
    assert_eq!((signature.inputs.len(), signature.outputs[0].value), (1, part.outputs[0]));
}

#[test]
fn weights_of_an_adjoint_matrix_product_have_their_channels_along_the_axis_that_is_not_summed_over() {
    let model = open("tests/tflite/bmm_rhs_adjy.tflite");
    let constants = model.constants();
    let weights = constants.iter().find(|constant| constant.shape == [2, 33, 32]).unwrap();
    assert!(matches!(weights.uses[0].role, Role::Weights { axis: 1, .. }), "{:?}", weights.uses);
}

/// The operators' names, and the pair of them that the edge of the metadata entry names.
fn edge(model: &Model) -> (Vec<String>, Vec<u8>) {
    let names = model.operators()[0].iter().map(|operator| operator.name.clone()).collect();
    let bytes = model.to_bytes().unwrap();
    // The buffer: version 1, one subgraph, one edge, and its two operators, doubled.
    let entry = bytes.windows(7).find(|seven| seven[..7] == [5, 0, 0, 0, 1, 1, 1]).map(|_| ());
    assert!(entry.is_some(), "the entry is gone");
    let at = bytes.windows(7).position(|seven| seven == [5, 0, 0, 0, 1, 1, 1]).unwrap();
    (names, bytes[at + 7..at + 9].iter().map(|doubled| doubled / 2).collect())
}

#[test]
fn edges_between_operators_follow_them() {
    let mut model = open("tests/tflite/control_edges.tflite");
    let named = |model: &Model| {
        let (names, edge) = edge(model);
        [names[usize::from(edge[0])].clone(), names[usize::from(edge[1])].clone()]
    };
    assert_eq!(named(&model), ["ADD", "MUL"]);
    let weights = model.constants().iter().find(|c| c.name == "w").unwrap().id;
    model.dequantize_in_front(0, &[weights.tensor]).unwrap();
    assert_eq!((named(&model), edge(&model).1), (["ADD", "MUL"].map(String::from), vec![2, 3]));
    model.bypass_dequantize(0, &[0]).unwrap();
    assert_eq!((named(&model), edge(&model).1), (["ADD", "MUL"].map(String::from), vec![1, 2]));
    let copy = NewOperator { name: "QUANTIZE".into(), version: 1, inputs: vec![Some(0)], outputs: vec![0] };
    model.insert_operator(0, 2, &copy).unwrap();
    assert_eq!((named(&model), edge(&model).1), (["ADD", "MUL"].map(String::from), vec![1, 3]));
    model.remove_operators(0, &[0, 2]).unwrap();
    assert_eq!((named(&model), edge(&model).1), (["ADD", "MUL"].map(String::from), vec![0, 1]));
}

#[test]
fn an_input_becomes_integer_and_everything_follows() {
    let mut model = mnist();
    let graph = model.graph();
    let input = graph.subgraphs[0].inputs[0];
    let shape = graph.subgraphs[0].values[input].shape.clone().unwrap();
    let quantization = Quantization::per_tensor(1.0 / 255.0, -128);
    let codes = NewTensor {
        name: "codes".into(),
        element_type: FileType::I8,
        shape: shape.clone(),
        quantization: Some(quantization.clone()),
        data: None,
    };
    let codes = model.add_tensor(0, codes).unwrap();
    model.replace_edge(0, Edge::Inputs, input, codes.tensor).unwrap();
    let restore =
        NewOperator { name: "DEQUANTIZE".into(), version: 2, inputs: vec![Some(codes.tensor)], outputs: vec![input] };
    model.insert_operator(0, 0, &restore).unwrap();

    let copy = Model::from_bytes(model.to_bytes().unwrap()).unwrap();
    let edited = copy.graph();
    let part = &edited.subgraphs[0];
    assert_eq!(part.inputs, [codes.tensor]);
    assert_eq!(edited.signature(None).unwrap().inputs[0].value, codes.tensor);
    assert_eq!(edited.signature(None).unwrap().inputs[0].name, graph.signature(None).unwrap().inputs[0].name);
    let value = &part.values[codes.tensor];
    assert_eq!(
        (value.element_type, &value.quantization, &value.shape),
        (ElementType::I8, &Some(quantization), &Some(shape))
    );
    assert_eq!((part.operators[0].op, part.operators[1].op), (Op::Dequantize, Op::Conv));
    assert_eq!(copy.operators()[0][0].version, 2);
    assert_eq!(graph.subgraphs[0].operators, part.operators[1..]);

    model.remove_operators(0, &[0]).unwrap();
    model.use_instead(0, input, codes.tensor).unwrap();
    assert_eq!(model.graph().subgraphs[0].operators[0].input(0), Some(codes.tensor));
}

#[test]
fn constants_types_scales_versions_and_options_are_set() {
    let mut model = open("tests/tflite/control_edges.tflite");
    let data = 7_i32.to_le_bytes().to_vec();
    let constant = NewTensor {
        name: "seven".into(),
        element_type: FileType::I32,
        shape: vec![Some(1)],
        quantization: None,
        data: Some(data.clone()),
    };
    let id = model.add_tensor(0, constant).unwrap();
    model.set_quantization(id, Some(&Quantization::per_tensor(0.5, 3))).unwrap();
    let add = model.operators()[0].iter().position(|operator| operator.name == "ADD").unwrap();
    model.set_operator_version(0, add, 2).unwrap();
    assert!(model.set_flag(0, add, Flag::PowerOfTwoScales, false).unwrap());
    assert!(!model.set_flag(0, add, Flag::AsymmetricInputs, false).unwrap());
    model.set_inputs(0, add, &[Some(id.tensor), None]).unwrap();

    let copy = Model::from_bytes(model.to_bytes().unwrap()).unwrap();
    let found = copy.constants().into_iter().find(|constant| constant.id == id).unwrap();
    assert_eq!((copy.bytes(found.buffer).unwrap(), copy.dense_bytes(id).unwrap()), (data.clone(), data));
    assert_eq!(found.quantization, Some(Quantization::per_tensor(0.5, 3)));
    let operators = &copy.operators()[0];
    assert_eq!(operators[add].version, 2);
    assert_eq!(operators[add].inputs, [Some(id.tensor), None]);
    assert!(operators.iter().all(|operator| operator.name != "MUL" || operator.version == 1));
    // The fused activation of the options is as it was.
    assert_eq!(
        copy.graph().subgraphs[0].operators[add].attributes,
        open("tests/tflite/control_edges.tflite").graph().subgraphs[0].operators[add].attributes
    );
    model.set_element_type(id, FileType::F32).unwrap();
    model.set_quantization(id, None).unwrap();
    let value = &model.graph().subgraphs[0].values[id.tensor];
    assert_eq!((value.element_type, &value.quantization), (ElementType::F32, &None));
}

#[test]
fn what_is_not_there_cannot_be_edited() {
    let mut model = mnist();
    let nowhere = TensorId { subgraph: 0, tensor: 999 };
    let operator = |name: &str| NewOperator { name: name.into(), version: 1, inputs: vec![], outputs: vec![] };
    assert!(model.set_element_type(nowhere, FileType::I8).is_err());
    assert!(model.set_quantization(nowhere, None).is_err());
    assert!(model.insert_operator(0, 99, &operator("ADD")).is_err());
    assert!(model.insert_operator(9, 0, &operator("ADD")).is_err());
    assert!(model.insert_operator(0, 0, &operator("NO_SUCH")).is_err());
    assert!(model.remove_operators(0, &[99]).is_err());
    assert!(model.set_operator_version(0, 99, 1).is_err());
    assert!(model.replace_edge(0, Edge::Inputs, 999, 0).is_err());
    assert!(model.add_outputs(9, &[]).is_err());
    let uneven = Quantization { zero_points: vec![], ..Quantization::per_tensor(1.0, 0) };
    assert!(model.set_quantization(TensorId { subgraph: 0, tensor: 0 }, Some(&uneven)).is_err());
    assert_eq!(model.graph(), mnist().graph());
}

#[test]
fn every_value_can_be_made_an_output() {
    let mut model = mnist();
    let graph = model.graph();
    let hidden = graph.subgraphs[0].operators[0].outputs[0];
    model.add_outputs(0, &[(hidden, "hidden".into())]).unwrap();
    let exposed = Model::from_bytes(model.to_bytes().unwrap()).unwrap().graph();
    assert_eq!(exposed.subgraphs[0].outputs.last(), Some(&hidden));
    let port = exposed.signature(None).unwrap().outputs.pop().unwrap();
    assert_eq!((port.name.as_str(), port.value), ("hidden", hidden));
}

#[test]
fn exposed_models_show_what_follows_from_their_inputs() {
    let mut model = mnist();
    let before = model.graph();
    let exposed = model.expose().unwrap();
    let graph = Model::from_bytes(model.to_bytes().unwrap()).unwrap().graph();
    let part = &graph.subgraphs[0];
    // Nine layers of reals but the last, which is an output already; the shape of the batch is no real.
    assert_eq!(exposed.len(), 8);
    assert_eq!(part.outputs.len(), before.subgraphs[0].outputs.len() + 8);
    let signature = graph.signature(None).unwrap();
    for (id, name) in exposed {
        assert!(signature.outputs.iter().any(|port| port.value == id.value && port.name == name));
        assert!(part.values[id.value].constant.is_none());
    }
    assert!(model.expose().unwrap().is_empty(), "all are outputs already");
}

#[test]
fn sparse_constants_have_their_zeros() {
    let model = open("tests/tflite/odd.tflite");
    let sparse = model.constants().into_iter().find(|constant| constant.is_sparse).unwrap();
    let dense: Vec<f32> =
        model.dense_bytes(sparse.id).unwrap().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
    assert_eq!((&sparse.shape[..], &dense[..]), (&[2, 4][..], &[0.0, 1.5, 0.0, -2.5, 0.0, 0.0, 0.0, 0.0][..]));
}
