"""Models quantized by ai-edge-quantizer and by tensor-quant, judged by their outputs in LiteRT on data that neither saw.

    pip install ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0
    python benches/peers/models.py target/release/tensor-quant

Prints a table in Markdown: bytes as a share of the float file's, and the SQNR of the outputs. Both tools get the same samples where they
take any; the clock is that of the whole process, or of the whole of the calls, imports left out.
"""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

from ends import codes, reals

DATA = pathlib.Path(__file__).parent / "../../examples/data"
# Model, data, the array of samples to calibrate with, and of samples to judge by; both are multiplied with the scale.
MODELS = [
    ("mnist_cnn", "mnist_test.npz", "calibration", "images", 1 / 255),
    ("mnist_dwcnn", "mnist_test.npz", "calibration", "images", 1 / 255),
]
# What is asked of ai-edge-quantizer, and of tensor-quant, without data and with it.
RECIPES = [
    ("int8, weights only", recipe.weight_only_wi8_afp32, "int8-weight-only"),
    ("int4, weights only", recipe.weight_only_wi4_afp32, "int4-weight-only"),
    ("int8, dynamic", recipe.dynamic_wi8_afp32, "int8-dynamic"),
    ("int8, weights and activations", recipe.static_wi8_ai8, "int8"),
    ("int16 activations", recipe.static_wi8_ai16, "int16x8"),
]


def outputs(path, images):
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    place, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for image in images:
        interpreter.set_tensor(place["index"], codes(image.reshape(place["shape"]), place))
        interpreter.invoke()
        found.append(reals(interpreter.get_tensor(given["index"]), given))
    return np.concatenate(found)


def sqnr_db(reference, found):
    return 10 * np.log10((reference**2).sum() / ((reference - found) ** 2).sum())


def by_ai_edge(model, path, ask, samples):
    tool = quantizer.Quantizer(str(model), ask())
    calibration = None
    if tool.need_calibration:
        interpreter = Interpreter(str(model))
        (signature, names), *_ = interpreter.get_signature_list().items()
        shape = interpreter.get_input_details()[0]["shape"]
        data = [{names["inputs"][0]: sample.reshape(shape)} for sample in samples]
        calibration = tool.calibrate({signature: data})
    path.write_bytes(bytes(tool.quantize(calibration).quantized_model))


def by_tensor_quant(program, model, path, name, data):
    subprocess.run([program, "quantize", model, path, "--recipe", name, *data], check=True, capture_output=True)


def main(program):
    print("| model, as | tool | size | SQNR | s |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, file, calibration, images, scale in MODELS:
            model = DATA / f"{name}.tflite"
            arrays = np.load(DATA / file)
            samples = arrays[calibration].astype(np.float32) * np.float32(scale)
            judged = arrays[images].astype(np.float32) * np.float32(scale)
            reference = outputs(model, judged)
            data = ["--data", DATA / file, "--array", calibration, "--scale", str(scale)]
            for what, theirs, ours in RECIPES:
                ways = [
                    ("ai-edge-quantizer", lambda path: by_ai_edge(model, path, theirs, samples)),
                    ("tensor-quant", lambda path: by_tensor_quant(program, model, path, ours, [])),
                    ("tensor-quant, samples", lambda path: by_tensor_quant(program, model, path, ours, data)),
                ]
                if ours in ("int8", "int16x8"):
                    del ways[1]
                for number, (tool, quantize) in enumerate(ways):
                    path = pathlib.Path(folder) / f"{name}-{ours}-{number}.tflite"
                    start = time.perf_counter()
                    try:
                        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                            quantize(path)
                        seconds = time.perf_counter() - start
                        db = f"{sqnr_db(reference, outputs(path, judged)):.1f} dB"
                    except (RuntimeError, ValueError) as error:
                        print(f"| {name}, {what} | {tool} | | {error} | |")
                        continue
                    size = path.stat().st_size / model.stat().st_size
                    print(f"| {name}, {what} | {tool} | {size:.3f} | {db} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
