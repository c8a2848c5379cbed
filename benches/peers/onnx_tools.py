"""A model quantized by ONNX Runtime's tools and by NNCF, judged by its outputs in ONNX Runtime on data that neither saw.

    pip install ai-edge-litert==2.3.0 onnx==1.23.2 onnxruntime==1.32.0 nncf==3.4.0
    python benches/peers/onnx_tools.py

The model is examples/data/mnist_cnn.tflite, written down as ONNX with the same weights. Prints a table in Markdown: bytes as a share of the
float file's, the SQNR of the outputs on 1000 images, and how many are recognised. Tools that take samples get the 200 others.
"""

import contextlib
import io
import logging
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import nncf
import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

DATA = pathlib.Path(__file__).parent / "../../examples/data"
# The largest difference of an output, a probability, between the model and its copy.
TOLERANCE = 1e-5


def copied(path):
    """Returns the model as ONNX: convolutions with ReLU and pools of 2 × 2, and two dense layers."""
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    nodes, weights, value = [], [], "x"

    def add(kind, *inputs, **attributes):
        nonlocal value
        result = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, [value, *inputs], [result], name=result, **attributes))
        value = result

    def constant(array):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), f"w{len(weights)}"))
        return weights[-1].name

    dense = 0
    for operator in interpreter._get_ops_details():
        kind = operator["op_name"]
        if kind == "CONV_2D":
            w, b = (interpreter.get_tensor(i) for i in operator["inputs"][1:])
            add("Conv", constant(w.transpose(0, 3, 1, 2)), constant(b), pads=[1, 1, 1, 1])
            add("Relu")
        elif kind == "MAX_POOL_2D":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif kind == "FULLY_CONNECTED":
            w, b = (interpreter.get_tensor(i) for i in operator["inputs"][1:])
            if dense == 0:
                # In ONNX channels come first: the columns of the weights follow.
                w = w.reshape(len(w), 7, 7, 64).transpose(0, 3, 1, 2).reshape(len(w), -1)
                add("Flatten")
            add("Gemm", constant(w), constant(b), transB=1)
            dense += 1
            if dense == 1:
                add("Relu")
        elif kind == "SOFTMAX":
            add("Softmax")
    graph = helper.make_graph(
        nodes,
        "mnist_cnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 28, 28])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, 10])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def outputs(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": image[None]})[0] for image in images]).astype(np.float64)


def litert_outputs(path, images):
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    place, given = (details()[0]["index"] for details in (interpreter.get_input_details, interpreter.get_output_details))
    found = []
    for image in images:
        interpreter.set_tensor(place, image.transpose(1, 2, 0)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(given))
    return np.concatenate(found)


class Samples(quantization.CalibrationDataReader):
    def __init__(self, samples):
        self.rest = iter(samples)

    def get_next(self):
        sample = next(self.rest, None)
        return None if sample is None else {"x": sample[None]}


def by_nncf(model, path, samples, **settings):
    dataset = nncf.Dataset(samples, lambda sample: {"x": sample[None]})
    onnx.save(nncf.quantize(onnx.load(model), dataset, subset_size=len(samples), **settings), path)


def by_onnx_runtime(model, path, samples, **settings):
    quantization.quantize_static(model, path, Samples(samples), per_channel=True, **settings)


def tools(model, samples):
    """Returns what is asked of the tools, by name."""
    i8 = {"activation_type": quantization.QuantType.QInt8, "weight_type": quantization.QuantType.QInt8}
    entropy, percentile = quantization.CalibrationMethod.Entropy, quantization.CalibrationMethod.Percentile
    return {
        "ONNX Runtime, dynamic": lambda path: quantization.quantize_dynamic(model, path, per_channel=True),
        "ONNX Runtime, static, min-max": lambda path: by_onnx_runtime(model, path, samples, **i8),
        "ONNX Runtime, static, entropy": lambda path: by_onnx_runtime(model, path, samples, **i8, calibrate_method=entropy),
        "ONNX Runtime, static, percentile": lambda path: by_onnx_runtime(model, path, samples, **i8, calibrate_method=percentile),
        "NNCF": lambda path: by_nncf(model, path, samples),
        "NNCF, biases layer by layer": lambda path: by_nncf(model, path, samples, fast_bias_correction=False),
    }


def main():
    logging.disable(logging.WARNING)
    arrays = np.load(DATA / "mnist_test.npz")
    images, samples = (
        arrays[name].astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255) for name in ("images", "calibration")
    )
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "float.onnx"
        onnx.save(copied(DATA / "mnist_cnn.tflite"), model)
        reference = outputs(model, images)
        difference = abs(reference[:100] - litert_outputs(DATA / "mnist_cnn.tflite", images[:100])).max()
        if difference > TOLERANCE:
            raise SystemExit(f"the copy is not the model: {difference}")
        print("| tool | size | SQNR | recognised |\n| --- | --- | --- | --- |")
        right = (reference.argmax(1) == arrays["labels"]).sum()
        print(f"| float | 1.000 | | {right} of {len(images)} |", flush=True)
        for number, (name, quantize) in enumerate(tools(model, samples).items()):
            path = pathlib.Path(folder) / f"{number}.onnx"
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    quantize(path)
                found = outputs(path, images)
            except Exception as error:  # A tool may refuse in its own way.
                print(f"| {name} | | {type(error).__name__}: {' '.join(str(error).split())[:80]} | |", flush=True)
                continue
            db = 10 * np.log10((reference**2).sum() / ((reference - found) ** 2).sum())
            size = path.stat().st_size / model.stat().st_size
            right = (found.argmax(1) == arrays["labels"]).sum()
            print(f"| {name} | {size:.3f} | {db:.1f} dB | {right} |", flush=True)


if __name__ == "__main__":
    main()
