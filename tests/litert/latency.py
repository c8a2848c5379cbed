"""Prints how long LiteRT takes for one image, by each ready-made recipe: the table of the README.

    python latency.py target/release/tensor-quant

The shortest of many runs, on one thread; models take turns, so that what else the machine does is shared by all.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from check import DATA, RECIPES
from interpreter import Interpreter

ROUNDS, RUNS = 40, 50


def prepared(path):
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], np.random.default_rng(1).random(detail["shape"], dtype=np.float32))
    interpreter.invoke()
    return interpreter


def main(program, models):
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            paths = {"float": model}
            for recipe in RECIPES:
                paths[recipe] = pathlib.Path(folder) / f"{recipe}.tflite"
                command = [program, "quantize", model, paths[recipe], "--recipe", recipe, "--force"]
                subprocess.run(command, check=True, capture_output=True)
            interpreters = {name: prepared(path) for name, path in paths.items()}
            best = dict.fromkeys(interpreters, np.inf)
            for _ in range(ROUNDS):
                for name, interpreter in interpreters.items():
                    for _ in range(RUNS):
                        start = time.perf_counter()
                        interpreter.invoke()
                        best[name] = min(best[name], time.perf_counter() - start)
            print(f"{pathlib.Path(model).stem:14}" + "".join(f" {name} {1e3 * t:.3f} ms," for name, t in best.items()))


if __name__ == "__main__":
    models = sys.argv[2:] or [DATA / f"{name}.tflite" for name in ["digits_cnn", "mnist_cnn", "mnist_dwcnn"]]
    main(sys.argv[1], models)
