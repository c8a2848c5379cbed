//! What a user calls: an array in, a tensor of codes out, scales and all.

use crate::contest::{Contest, Contestant, contest, contestant};
use crate::turns::reals;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use quantize_rs::quantization::QuantizedTensor as OnnxTensor;
use std::hint::black_box;
use tensor_quant::block::{BlockSearch, BlockType, dequantize_blocks, quantize_blocks};
use tensor_quant::ndarray::{Array2, ArrayView2};
use tensor_quant::{AnyScheme, Scheme, quantize_tensor};

/// Elements of a row.
const ROW: usize = 1024;

/// Returns every operation.
pub(crate) fn all() -> Vec<Contest> {
    vec![
        rows(),
        rows_back(),
        blocks_of_32(),
        ggml("to Q8_0", BlockType::Q8_0, GgmlDType::Q8_0),
        ggml("to Q4_0", BlockType::Q4_0, GgmlDType::Q4_0),
        ggml("to Q4_K", BlockType::Q4_K, GgmlDType::Q4K),
        ggml("to Q6_K", BlockType::Q6_K, GgmlDType::Q6K),
        ggml_back("Q8_0 to f32", BlockType::Q8_0, GgmlDType::Q8_0),
        ggml_back("Q4_K to f32", BlockType::Q4_K, GgmlDType::Q4K),
    ]
}

fn matrix(len: usize) -> Array2<f32> {
    Array2::from_shape_vec((len / ROW, ROW), reals(len)).expect("whole rows")
}

fn rows() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let x = matrix(len);
        move || _ = black_box(quantize_tensor(x.view(), &Scheme::<i8>::symmetric().with_axis(0)))
    });
    let onnx = contestant("quantize-rs", |len| {
        let x = reals(len);
        move || _ = black_box(OnnxTensor::from_f32_per_channel_symmetric(&x, vec![len / ROW, ROW]))
    });
    contest("to i8, a scale for each row of 1024", vec![ours, onnx])
}

fn rows_back() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let q = quantize_tensor(matrix(len).view(), &Scheme::<i8>::symmetric().with_axis(0)).expect("a tensor");
        move || _ = black_box(q.dequantize())
    });
    let onnx = contestant("quantize-rs", |len| {
        let q = OnnxTensor::from_f32_per_channel_symmetric(&reals(len), vec![len / ROW, ROW]).expect("a tensor");
        move || _ = black_box(q.to_f32())
    });
    contest("and back", vec![ours, onnx])
}

fn blocks_of_32() -> Contest {
    let ours = contestant("tensor-quant", |len| {
        let scheme: AnyScheme = "int8 per block of 32 along axis 1".parse().expect("a scheme");
        let x = matrix(len);
        move || _ = black_box(scheme.quantize(ArrayView2::from(&x)))
    });
    let theirs = contestant("quantize", |len| {
        let x = reals(len);
        move || _ = black_box(quantize::quantize::<f32, 8, 32>(&x))
    });
    contest("to i8, a scale for each 32", vec![ours, theirs])
}

fn ggml(operation: &'static str, block: BlockType, theirs: GgmlDType) -> Contest {
    let ours = contestant("tensor-quant", move |len| {
        let x = reals(len);
        move || _ = black_box(quantize_blocks(&block, &x, ROW, None, BlockSearch::Plain))
    });
    contest(operation, vec![ours, candle(theirs)])
}

fn candle(block: GgmlDType) -> Contestant {
    contestant("candle-core", move |len| {
        let x = Tensor::from_vec(reals(len), (len / ROW, ROW), &Device::Cpu).expect("a tensor");
        move || _ = black_box(QTensor::quantize(&x, block))
    })
}

fn ggml_back(operation: &'static str, block: BlockType, theirs: GgmlDType) -> Contest {
    let ours = contestant("tensor-quant", move |len| {
        let bytes = quantize_blocks(&block, &reals(len), ROW, None, BlockSearch::Plain).expect("whole rows");
        move || _ = black_box(dequantize_blocks(&block, &bytes))
    });
    let candle = contestant("candle-core", move |len| {
        let x = Tensor::from_vec(reals(len), (len / ROW, ROW), &Device::Cpu).expect("a tensor");
        let q = QTensor::quantize(&x, theirs).expect("whole rows");
        move || _ = black_box(q.dequantize(&Device::Cpu))
    });
    contest(operation, vec![ours, candle])
}
