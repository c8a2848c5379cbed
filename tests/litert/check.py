"""Quantizes three models by every ready-made recipe, and holds them in LiteRT against what the existing tools reach."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from interpreter import identical, run, sqnr_db

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent / "examples" / "data"
RECIPES = ["float16", "int8-weight-only", "int8-dynamic", "int4-weight-only", "int4-dynamic"]

# Size ratio, SQNR of the outputs in dB, and what accuracy may be lost, of the converter (float16, int8-dynamic) and of
# ai-edge-quantizer. Where neither was measured on a model, None. Sizes may be 1 % larger, SQNR 0.2 dB lower.
REACHED = {
    ("digits_cnn", "float16"): (0.527, 73.3, 0.0),
    ("mnist_cnn", "float16"): (0.505, 75.8, 0.0),
    ("mnist_dwcnn", "float16"): (0.569, 68.4, 0.0),
    ("digits_cnn", "int8-weight-only"): (None, 50.4, 0.0),
    ("mnist_cnn", "int8-weight-only"): (0.258, 57.2, 0.0005),
    ("mnist_dwcnn", "int8-weight-only"): (0.409, 44.8, 0.0),
    ("digits_cnn", "int8-dynamic"): (0.304, 51.1, 0.0),
    ("mnist_cnn", "int8-dynamic"): (0.260, 52.1, 0.0005),
    ("mnist_dwcnn", "int8-dynamic"): (0.423, 44.4, 0.0),
    ("digits_cnn", "int4-weight-only"): (None, 21.2, 0.005),
    ("mnist_cnn", "int4-weight-only"): (0.134, 25.3, 0.0045),
    ("mnist_dwcnn", "int4-weight-only"): (0.340, 21.4, 0.003),
    ("digits_cnn", "int4-dynamic"): (None, 21.2, 0.005),
    ("mnist_cnn", "int4-dynamic"): (0.133, 25.3, 0.0045),
    ("mnist_dwcnn", "int4-dynamic"): (0.333, 21.4, 0.003),
}


def images(model):
    if model == "digits_cnn":
        data = np.load(DATA / "digits_test.npz")
        return (data["images"].reshape(-1, 8, 8, 1) / 16).astype(np.float32), data["labels"]
    data = np.load(DATA / "mnist_test.npz")
    return (data["images"] / 255).astype(np.float32), data["labels"]


def classify(path, pixels, labels):
    outputs = run(path, [[pixels[i : i + 1]] for i in range(len(pixels))])
    return outputs, float(np.mean([o[0].argmax() for o in outputs] == labels))


def main(program, copy):
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for model in ["digits_cnn", "mnist_cnn", "mnist_dwcnn"]:
            source = DATA / f"{model}.tflite"
            pixels, labels = images(model)
            expected, float_accuracy = classify(source, pixels, labels)
            target = pathlib.Path(folder) / "copy.tflite"
            subprocess.run([copy, source, target], check=True, capture_output=True)
            if not identical(expected, classify(target, pixels, labels)[0]):
                failures.append(f"a copy of {model} computes something else")
            print(f"{model:12} float                                accuracy {float_accuracy:.4f}")
            for recipe in RECIPES:
                target = pathlib.Path(folder) / f"{model}-{recipe}.tflite"
                command = [program, "quantize", source, target, "--recipe", recipe, "--json"]
                report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                actual, accuracy = classify(target, pixels, labels)
                ratio, db = target.stat().st_size / source.stat().st_size, sqnr_db(expected, actual)
                most, least, lost = REACHED[model, recipe]
                wrong = []
                if most is not None and ratio > most * 1.01:
                    wrong.append(f"size above {most} + 1 %")
                if db < least - 0.2:
                    wrong.append(f"SQNR below {least} dB")
                if accuracy < float_accuracy - lost - 1e-9:
                    wrong.append(f"accuracy more than {lost} below the float model's")
                if report["bytes_out"] != target.stat().st_size:
                    wrong.append("the report tells another size")
                failures += wrong
                print(f"{'':12} {recipe:17} size {ratio:.4f}  {db:5.1f} dB  accuracy {accuracy:.4f}  {', '.join(wrong)}")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])
