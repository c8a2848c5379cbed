"""Quantizes every .tflite file below some folders by every recipe, and runs each in LiteRT on random inputs.

A file whose original the interpreter does not run, or for which a recipe says that it would change nothing, is noted. A
quantized file that does not load or run is a failure; so is a copy whose outputs have other bits.
"""

import pathlib
import subprocess
import sys
import tempfile

from check import RECIPES
from interpreter import identical, random_inputs, run, sqnr_db

NOTHING_TO_CHANGE = 3


def main(program, copy, *folders):
    failures = 0
    for source in sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*.tflite")):
        try:
            inputs = random_inputs(source, 4)
            expected = run(source, inputs)
        except (RuntimeError, ValueError) as error:
            print(f"{source.name}: the original does not run: {str(error)[:80]!r}")
            continue
        results = []
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder) / "copy.tflite"
            subprocess.run([copy, source, target], check=True, capture_output=True)
            if not identical(expected, run(target, inputs)):
                failures += 1
                results.append("the copy DIFFERS")
            for recipe in RECIPES:
                target = pathlib.Path(folder) / f"{recipe}.tflite"
                command = [program, "quantize", source, target, "--recipe", recipe]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode == NOTHING_TO_CHANGE:
                    results.append(f"{recipe} changes nothing")
                    continue
                try:
                    if done.returncode:
                        raise RuntimeError(done.stderr)
                    db = sqnr_db(expected, run(target, inputs))
                    ratio = target.stat().st_size / source.stat().st_size
                    results.append(f"{recipe} {ratio:.3f} {db:.1f} dB")
                except (RuntimeError, ValueError) as error:
                    failures += 1
                    results.append(f"{recipe} FAILED: {str(error)[:120]!r}")
        print(f"{source.name}: {', '.join(results)}", flush=True)
    if failures:
        sys.exit(f"{failures} failures")


if __name__ == "__main__":
    main(*sys.argv[1:])
