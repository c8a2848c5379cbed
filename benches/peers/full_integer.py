"""Full-integer models of other tools and of tensor-quant, judged by their outputs in LiteRT with XNNPACK.

    pip install ai-edge-litert==2.3.0
    python benches/peers/full_integer.py target/release/tensor-quant FOLDER...

A folder holds model.tflite, what other tools made of it (any other .tflite files), and inputs by name, `SIGNATURE/INPUT`, whose first axis
counts samples: calib.npz, and eval.npz, which neither saw. Prints a table in Markdown: of each file its bytes as a share of the float
file's, and the SQNR of the worst output on the first 200 samples of eval.npz.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ends import codes, reals

SAMPLES = 200
RECIPES = ["int8", "int16x8"]


def outputs(path, samples):
    """Returns the outputs by name, each with the samples along its first axis."""
    runner = Interpreter(str(path), num_threads=1).get_signature_runner(samples_signature(samples))
    inputs = {name.split("/", 1)[1]: values for name, values in samples.items()}
    places = runner.get_input_details()
    count = min(SAMPLES, *(len(values) for values in inputs.values()))
    found = []
    for i in range(count):
        found.append(runner(**{name: codes(values[i : i + 1], places[name]) for name, values in inputs.items()}))
    details = runner.get_output_details()
    return {name: np.stack([reals(one[name], details[name]) for one in found]) for name in details}


def samples_signature(samples):
    (signature,) = {name.split("/", 1)[0] for name in samples}
    return signature


def worst_db(reference, found):
    """Returns the SQNR of the output that lost most."""
    return min(10 * np.log10((reference[name] ** 2).sum() / ((reference[name] - found[name]) ** 2).sum()) for name in reference)


def main(program, folders):
    print("| model | file | size | SQNR |\n| --- | --- | --- | --- |")
    for folder in map(pathlib.Path, folders):
        model = folder / "model.tflite"
        loaded = np.load(folder / "eval.npz")
        judged = {name: loaded[name] for name in loaded.files if "/" in name}
        reference = outputs(model, judged)
        with tempfile.TemporaryDirectory() as own:
            files = sorted(path for path in folder.glob("*.tflite") if path != model)
            for recipe in RECIPES:
                path = pathlib.Path(own) / f"tensor-quant {recipe}.tflite"
                ask = [program, "quantize", model, path, "--recipe", recipe, "--data", folder / "calib.npz"]
                subprocess.run(ask, check=True, capture_output=True)
                files.append(path)
            for path in files:
                size = path.stat().st_size / model.stat().st_size
                try:
                    lost = f"{worst_db(reference, outputs(path, judged)):.1f} dB"
                except (RuntimeError, ValueError) as error:
                    lost = " ".join(str(error).split())[:60]
                print(f"| {folder.name} | {path.stem} | {size:.3f} | {lost} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
