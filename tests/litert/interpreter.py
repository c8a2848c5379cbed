"""Runs models in LiteRT and measures what quantization did to their outputs."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def run(path, batches):
    """Returns the outputs of each batch of inputs, as one list of arrays a batch, outputs in the order of their names."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    inputs = sorted(interpreter.get_input_details(), key=lambda d: d["name"])
    outputs = sorted(interpreter.get_output_details(), key=lambda d: d["name"])
    results = []
    for batch in batches:
        for detail, value in zip(inputs, batch, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        results.append([interpreter.get_tensor(d["index"]).copy() for d in outputs])
    return results


def random_inputs(path, count, seed=7):
    """Returns batches of inputs of the shapes and types that a model asks for; None for lengths that are not fixed."""
    interpreter = Interpreter(str(path), num_threads=1)
    random = np.random.default_rng(seed)
    details = sorted(interpreter.get_input_details(), key=lambda d: d["name"])
    batches = []
    for _ in range(count):
        batch = []
        for detail in details:
            shape, dtype = detail["shape"], detail["dtype"]
            if np.issubdtype(dtype, np.floating):
                batch.append(random.random(shape, dtype=np.float32).astype(dtype))
            elif dtype == np.bool_:
                batch.append(random.random(shape) < 0.5)
            else:
                batch.append(random.integers(0, 2, shape).astype(dtype))
        batches.append(batch)
    return batches


def sqnr_db(expected, actual):
    """Returns the worst signal-to-quantization-noise ratio of the outputs, in dB, over all batches."""
    worst = np.inf
    for output in range(len(expected[0])):
        x = np.concatenate([np.ravel(e[output]).astype(np.float64) for e in expected])
        y = np.concatenate([np.ravel(a[output]).astype(np.float64) for a in actual])
        noise = np.sum((x - y) ** 2)
        if noise > 0:
            worst = min(worst, 10 * np.log10(np.sum(x**2) / noise))
    return worst


def identical(expected, actual):
    """Returns whether all outputs have the same bits."""
    pairs = [(e, a) for es, as_ in zip(expected, actual, strict=True) for e, a in zip(es, as_, strict=True)]
    return all(e.dtype == a.dtype and e.shape == a.shape and e.tobytes() == a.tobytes() for e, a in pairs)
