//! Beside other tools: what they do, what this crate does, and where they win.
//!
//! # Who is for what
//!
//! | tool | reads | gives | runs in | take it rather than this crate when |
//! | --- | --- | --- | --- | --- |
//! | `TFLiteConverter` (TensorFlow) | `SavedModel`, Keras | `.tflite` | LiteRT | the model is not yet a `.tflite` file, or was trained with fake quantization |
//! | ai-edge-quantizer | `.tflite` | `.tflite` | LiteRT | you want its recipes for language models: Hadamard rotations, blocks of 32 or 64 along K |
//! | ONNX Runtime's `quantization` | `.onnx` | `.onnx` | ONNX Runtime | the model is `.onnx`: this crate has the codes and calibrators of that tool, and does not read its files |
//! | torchao, PyTorch | modules | modules | PyTorch, `ExecuTorch` | you train, or run on a GPU with its kernels |
//! | NNCF | PyTorch, ONNX, `OpenVINO` | the same | `OpenVINO` | you deploy on `OpenVINO`, or fine-tune while quantizing |
//! | llama.cpp | GGUF | GGUF | llama.cpp | you want a GGUF file: this crate has its blocks byte for byte, and does not read or write that container |
//! | quantize-rs | `.onnx` | `.onnx` with QDQ | ONNX Runtime | the model is `.onnx`, and 8 or 4 bits with min-max or percentile ranges are enough |
//! | candle, burn | their own, GGUF | tensors in memory | themselves | you run the model in Rust, too: this is no engine |
//! | `quantize` | slices | slices | itself | you want a small library to read, with products on packed blocks |
//!
//! What none of these have together: codes of several runtimes bit for bit, as a setting; a kit that proves a scheme of one's own; error figures by
//! tensor, channel, value and output, measured; and all of it in safe Rust, from one command.
//!
//! # Models, by their outputs
//!
//! `MNIST` by convolutions and by depthwise ones (`examples/data`), quantized by ai-edge-quantizer 0.10 and by this crate, run in LiteRT 2.3 with
//! XNNPACK on 1000 images that neither saw; 200 others were the samples where samples are taken. Made by
//!
//! ```text
//! python benches/peers/models.py target/release/tensor-quant
//! ```
//!
//! Bytes as a share of the float file's, and the SQNR of the outputs:
//!
//! | as | model | ai-edge-quantizer | tensor-quant | with samples |
//! | --- | --- | --- | --- | --- |
//! | int8, weights only | convolutions | .258, 50.5 dB | .260, 57.9 dB | .260, 67.5 dB |
//! | | depthwise | .409, 46.3 dB | .407, 47.4 dB | .407, 54.5 dB |
//! | int4, weights only | convolutions | .134, 25.4 dB | .134, 30.6 dB | .134, 43.1 dB |
//! | | depthwise | .340, 23.9 dB | .279, 25.0 dB | .279, 32.2 dB |
//! | int8, dynamic | convolutions | .257, 48.4 dB | .260, 52.2 dB | .260, 56.2 dB |
//! | | depthwise | .397, 43.2 dB | .398, 45.4 dB | .398, 49.1 dB |
//! | int8, all in integers | convolutions | .261, 42.2 dB | | .259, 46.5 dB |
//! | | depthwise | .479, 35.8 dB | | .397, 39.1 dB |
//! | int16 activations | convolutions | .261, 43.8 dB | | .260, 59.5 dB |
//! | | depthwise | .504, 38.0 dB | | .422, 51.1 dB |
//!
//! Without samples a weight has the same code in both, where both quantize it; ai-edge-quantizer also quantizes the small ones, which saves
//! little and costs up to 7.4 dB here. It wins in time: choosing weights by samples takes this crate 7 and 20 s of CPU time where ai-edge-quantizer
//! takes a tenth of a second.
//!
//! The tools of ONNX Runtime 1.32 and NNCF 3.4 on the first of these models, written down as ONNX with the same weights, run in ONNX Runtime on
//! the same 1000 images, with the same 200 samples. Made by
//!
//! ```text
//! python benches/peers/onnx_tools.py
//! ```
//!
//! | tool, as | bytes, outputs | in LiteRT, by this crate |
//! | --- | --- | --- |
//! | ONNX Runtime, dynamic, a scale a channel | .256, 49.2 dB | `int8-dynamic`: .260, 52.2 dB; with samples 56.2 |
//! | ONNX Runtime, static, min-max; entropy; percentile | .259, 44.5 dB; 44.5; 43.6 | `int8`: .259, 46.5 dB |
//! | NNCF, as it comes; with biases corrected layer by layer | .257, 31.6 dB; 45.8 | the same |
//!
//! All of these recognise 982 or 983 of the 1000, as the float model does: on an easy task one has to look at the outputs to see a
//! difference. In ONNX Runtime's and NNCF's files the last layer gives floats; in `int8` all operators, the softmax too, compute in integers.
//!
//! # Full integer
//!
//! Six small nets, trained for this purpose, and what three tools make of each with the same 100 samples (80 of `segment`), run in LiteRT 2.3 with
//! XNNPACK on 200 others. The table is made of folders with a model, samples, and what other tools made of it; one of the nets, with the
//! converter's file, is in `run/tests/data`:
//!
//! ```text
//! python benches/peers/full_integer.py target/release/tensor-quant FOLDER...
//! ```
//!
//! | bytes, outputs | `TFLiteConverter` 2.21 | ai-edge-quantizer 0.10, min-max | tensor-quant | the same, int16 activations: converter | ai-edge | tensor-quant |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `mlp` | .359, 44.5 dB | .353, 44.5 dB | .338, 46.6 dB | .395, 52.2 dB | .364, 52.2 dB | .349, 61.0 dB |
//! | `resnet` | .328, 38.3 dB | .325, 38.0 dB | .310, 43.0 dB | .348, 40.7 dB | .331, 40.6 dB | .316, 53.7 dB |
//! | `mbv2` | .594, 33.0 dB | .588, 34.9 dB | .480, 36.9 dB | .704, 40.2 dB | .622, 40.2 dB | .514, 48.7 dB |
//! | `concat_split` | .328, 42.1 dB | .326, 43.4 dB | .321, 46.7 dB | .352, 47.2 dB | .329, 47.2 dB | .325, 57.5 dB |
//! | `segment` | .328, 42.3 dB | .327, 42.1 dB | .319, 45.0 dB | .346, 54.7 dB | .331, 54.7 dB | .322, 59.8 dB |
//! | `lstm_unrolled` | 1.150, 26.4 dB | refused | .829, 27.1 dB | 1.057, 0.5 dB: a scale is ∞ | refused | .828, 47.4 dB |
//!
//! # Tensors
//!
//! `benches/peers` times kernels beside rten-vecmath, rten-gemm, half, candle, float8 and microfloat ([figures](crate::docs::speed)), and
//! what a user calls beside quantize-rs, `quantize` and candle's block formats:
//!
//! ```text
//! RAYON_NUM_THREADS=1 cargo run --release --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! Bits are compared with theirs by 1724 golden cases (`tests/conformance`: torch 2.15, torchao 0.18, ONNX Runtime 1.32, TensorFlow 2.21, libggml),
//! by ONNX's own node tests, block by block with the library of ggml (`tests/ggml/check.py`), and with that of bitsandbytes.
