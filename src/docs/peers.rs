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
//! | int8, weights only | convolutions | .258, 50.5 dB | .260, 57.9 dB | .260, 65.6 dB |
//! | | depthwise | .409, 46.3 dB | .407, 47.4 dB | .407, 54.7 dB |
//! | int4, weights only | convolutions | .134, 25.4 dB | .134, 30.6 dB | .134, 39.3 dB |
//! | | depthwise | .340, 23.9 dB | .279, 25.0 dB | .279, 29.8 dB |
//! | int8, dynamic | convolutions | .257, 48.4 dB | .260, 52.2 dB | .260, 55.7 dB |
//! | | depthwise | .397, 43.2 dB | .398, 45.4 dB | .398, 50.2 dB |
//! | int8, all in integers | convolutions | .261, 42.2 dB | | .259, 46.5 dB |
//! | | depthwise | .479, 35.8 dB | | .397, 39.1 dB |
//! | int16 activations | convolutions | .261, 43.8 dB | | .260, 59.5 dB |
//! | | depthwise | .504, 38.0 dB | | .422, 51.1 dB |
//!
//! Without samples a weight has the same code in both, where both quantize it; ai-edge-quantizer also quantizes the small ones, which saves
//! little and costs up to 7.4 dB here. Choosing weights by samples takes this crate seconds where ai-edge-quantizer takes hundredths.
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
//! Bits are compared with theirs by 1724 golden cases (`tests/conformance`), by ONNX's own node tests, and block by block with the
//! library of ggml (`tests/ggml/check.py`).
