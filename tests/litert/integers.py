"""Full-integer models of many kinds in LiteRT: `integers.py PROGRAM`, the program `tensor-quant`.

Each net of nets.py is quantized by both recipes from samples, by int8 also from weights that are stored as float16; LiteRT runs the files with XNNPACK and with its own kernels, on other
samples, and the outputs may lose so much.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert import interpreter as litert
from nets import NETS, samples

CALIBRATING, JUDGING = 60, 100
# The least SQNR in dB of int8 and of int16x8.
LEAST = {
    "residual": (26, 58),
    "depthwise": (32, 43),
    "joined": (29, 45),
    "prelu": (33, 54),
    "attention": (22, 40),
    "mixer": (24, 42),
}


def outputs(path, inputs, resolver):
    runner = litert.Interpreter(str(path), num_threads=1, experimental_op_resolver_type=resolver)
    runner.allocate_tensors()
    place, given = runner.get_input_details()[0]["index"], runner.get_output_details()[0]["index"]
    found = []
    for x in inputs:
        runner.set_tensor(place, x[None])
        runner.invoke()
        found.append(runner.get_tensor(given).astype(np.float64))
    return np.array(found)


def quantize(source, made, *options):
    subprocess.run([sys.argv[1], "quantize", str(source), str(made), *options, "--force"], check=True, capture_output=True)


def main():
    kernels = [litert.OpResolverType.AUTO, litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else folder)
        for name, net in NETS.items():
            path, data = folder / f"{name}.tflite", folder / f"{name}.npz"
            path.write_bytes(net())
            np.savez(data, x=samples(name, CALIBRATING))
            inputs = samples(name, JUDGING, seed=12)
            reference = outputs(path, inputs, kernels[1])
            # The last one is of weights that are stored as float16.
            halves = folder / f"{name}_halves.tflite"
            quantize(path, halves, "--recipe", "float16")
            for source, recipe, least in [(path, "int8", LEAST[name][0]), (path, "int16x8", LEAST[name][1]), (halves, "int8", LEAST[name][0])]:
                made = folder / f"{source.stem}_{recipe}.tflite"
                quantize(source, made, "--recipe", recipe, "--data", str(data))
                noise = [((outputs(made, inputs, kernel) - reference) ** 2).sum() for kernel in kernels]
                db = [10 * np.log10((reference**2).sum() / n) for n in noise]
                print(f"{source.stem:17} {recipe:8} {db[0]:5.1f} dB with XNNPACK, {db[1]:5.1f} dB with built-in kernels, {made.stat().st_size} bytes", flush=True)
                failed |= min(db) < least
    if failed:
        sys.exit("outputs lose more than they did")


main()
