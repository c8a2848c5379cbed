"""Compares every value of models with LiteRT: compare.py DUMP MODEL...

DUMP is the example `dump` of this package. Each model runs on random inputs in the interpreter, with its own kernels and
every tensor kept, and in DUMP. For each value the largest difference is taken in relation to the value's range. The exit
code is 1 if a float model is further off than 1e-4.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert import interpreter as litert

RESOLVER = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def sample(detail, rng):
    shape, kind = detail["shape"], detail["dtype"]
    if kind == np.float32:
        return rng.random(shape, dtype=np.float32)
    if kind in (np.int8, np.uint8, np.int16):
        info = np.iinfo(kind)
        return rng.integers(info.min, info.max + 1, shape).astype(kind)
    if kind == np.bool_:
        return rng.integers(0, 2, shape).astype(kind)
    return rng.integers(0, 2, shape).astype(kind)


def compare(dump, path, folder):
    interpreter = litert.Interpreter(
        model_path=path, experimental_preserve_all_tensors=True, experimental_op_resolver_type=RESOLVER
    )
    for detail in interpreter.get_input_details():
        signature = detail["shape_signature"]
        if (signature < 0).any():
            # A length that any will do for: enough for a few windows of sound, or a small image.
            size = [int(n) if n > 0 else 1 if axis == 0 else 1760 for axis, n in enumerate(signature)]
            interpreter.resize_tensor_input(detail["index"], size)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(1)
    inputs = {}
    for detail in interpreter.get_input_details():
        values = sample(detail, rng)
        interpreter.set_tensor(detail["index"], values)
        inputs[f"t{detail['index']}"] = values
    interpreter.invoke()
    np.savez(f"{folder}/in.npz", **inputs)
    ran = subprocess.run([dump, path, f"{folder}/in.npz", f"{folder}/out.npz"], capture_output=True, text=True)
    if ran.returncode:
        return f"FAILED {ran.stderr.strip()[-300:]}", None, None
    ours = np.load(f"{folder}/out.npz")
    worst, errors, is_float = (0.0, ""), [], True
    for detail in interpreter.get_tensor_details():
        key = f"v{detail['index']}"
        if key not in ours.files:
            continue
        try:
            theirs = interpreter.get_tensor(detail["index"])
        except ValueError:
            continue
        mine = ours[key]
        if theirs.dtype.kind not in "iuf" or theirs.size == 0:
            continue
        if theirs.dtype.kind in "iu":
            is_float = False
            scale, zero = detail["quantization"]
            theirs = (theirs.astype(np.float64) - zero) * scale
        elif theirs.dtype == np.float16:
            theirs = theirs.astype(np.float32)
        if theirs.shape != mine.shape:
            return f"FAILED {detail['name']}: {mine.shape} is not {theirs.shape}", None, None
        finite = np.isfinite(theirs)
        if not (np.isfinite(mine) == finite).all():
            errors.append(np.inf)
            worst = (np.inf, detail["name"]) if worst[0] < np.inf else worst
            continue
        extent = np.ptp(theirs[finite]) if finite.any() else 0
        extent = extent or abs(theirs[finite]).max(initial=0) or 1.0
        error = float(abs(mine[finite].astype(np.float64) - theirs[finite]).max(initial=0) / extent)
        errors.append(error)
        if error > worst[0]:
            worst = (error, detail["name"])
    errors = np.array(errors or [0.0])
    kind = "float" if is_float else "codes"
    text = f"{kind} values {errors.size} worst {worst[0]:.1e} within 1e-5: {(errors <= 1e-5).mean():.3f} {ran.stdout.strip()} ms"
    return text + (f"  [{worst[1][:60]}]" if worst[0] > 1e-5 else ""), worst[0], is_float


def main():
    dump, paths = sys.argv[1], sys.argv[2:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            # The interpreter may end the process: each model has one of its own.
            pid = os.fork()
            if pid == 0:
                try:
                    text, worst, is_float = compare(dump, path, folder)
                except Exception as error:  # noqa: BLE001, the interpreter raises whatever it likes
                    text, worst, is_float = f"NOT RUN by the interpreter: {str(error)[:150]}", 0, True
                print(f"{path}: {text}", flush=True)
                os._exit(int(worst is None or (is_float and worst > 1e-4)))
            failed += os.waitpid(pid, 0)[1] != 0
    print(f"{failed} of {len(paths)} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
