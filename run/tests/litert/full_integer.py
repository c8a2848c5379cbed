"""Full-integer models in the real interpreter: `full_integer.py EXAMPLE`, the program of run/examples/full_integer.rs.

The example writes models and says what their outputs lose as the executor computes them; here LiteRT runs them, with XNNPACK and with its
own kernels, and has to agree within what these two differ by from each other, and a little.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
from ai_edge_litert import interpreter as litert

DATA = os.path.join(os.path.dirname(__file__), "../../../examples/data")
IMAGES = 1000
# What XNNPACK and the built-in kernels differ by, and a little, in dB.
TOLERANCE = 2.0
LEAST = {"int8-dynamic": 45.0, "int8": 45.0, "int16x8": 55.0}


def outputs(path, images, resolver):
    runner = litert.Interpreter(path, experimental_op_resolver_type=resolver, num_threads=1)
    runner.allocate_tensors()
    place, given = runner.get_input_details()[0]["index"], runner.get_output_details()[0]["index"]
    found, start = [], time.perf_counter()
    for image in images:
        runner.set_tensor(place, image[None])
        runner.invoke()
        found.append(runner.get_tensor(given)[0].astype(np.float64))
    return np.array(found), (time.perf_counter() - start) / len(images)


def main():
    data = np.load(os.path.join(DATA, "mnist_test.npz"))
    images, labels = data["images"][:IMAGES].astype(np.float32) / 255, data["labels"][:IMAGES]
    kernels = {
        "XNNPACK": litert.OpResolverType.AUTO,
        "built in": litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    }
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        table = subprocess.run([sys.argv[1], folder], check=True, capture_output=True, text=True).stdout
        print(table)
        told = {name: float(db) for name, db in re.findall(r"^(int\S+) .* ([\d.]+) dB", table, re.MULTILINE)}
        for kernel, resolver in kernels.items():
            float_path = os.path.join(DATA, "mnist_cnn.tflite")
            reference, seconds = outputs(float_path, images, resolver)
            print(f"float          {kernel:9} {(reference.argmax(1) == labels).mean():.4f} {seconds * 1e6:6.0f} µs an image")
            for name, least in LEAST.items():
                path = os.path.join(folder, f"{name}.tflite")
                found, seconds = outputs(path, images, resolver)
                noise = ((reference - found) ** 2).sum()
                db = 10 * np.log10((reference**2).sum() / noise)
                right = (found.argmax(1) == labels).mean()
                print(f"{name:14} {kernel:9} {right:.4f} {seconds * 1e6:6.0f} µs an image, {db:.1f} dB; the executor {told[name]:.1f} dB")
                failed |= db < least or abs(db - told[name]) > TOLERANCE
    if failed:
        sys.exit("a model in integers is not what it was")


main()
