"""Compares the blocks of this crate with those that ggml's own library writes, byte by byte.

The library is the one inside the wheel `xllamacpp`, built without fused multiply-add. Rows are random, structured and odd:
zeros, constants, outliers, huge, tiny and subnormal numbers; importances are absent, uniform, wide, zero here and there, NaN.
Prints nanoseconds a weight of both where they are the same.

    python check.py target/release/examples/quantize_blocks
"""

import ctypes
import glob
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import xllamacpp

# Name: number of the type, elements and bytes of a block.
TYPES = {
    "q4_0": (2, 32, 18), "q4_1": (3, 32, 20), "q5_0": (6, 32, 22), "q5_1": (7, 32, 24), "q8_0": (8, 32, 34),
    "q2_k": (10, 256, 84), "q3_k": (11, 256, 110), "q4_k": (12, 256, 144), "q5_k": (13, 256, 176),
    "q6_k": (14, 256, 210), "iq4_nl": (20, 32, 18), "iq4_xs": (23, 256, 136), "tq1_0": (34, 256, 54),
    "tq2_0": (35, 256, 66), "mxfp4": (39, 32, 17), "nvfp4": (40, 64, 36), "q1_0": (41, 128, 18), "q2_0": (42, 64, 18),
}
READ_ONLY = {
    "iq2_xxs": (16, 256, 66), "iq2_xs": (17, 256, 74), "iq3_xxs": (18, 256, 98), "iq1_s": (19, 256, 50),
    "iq3_s": (21, 256, 110), "iq2_s": (22, 256, 82), "iq1_m": (29, 256, 56),
}
COLUMNS, ROWS = 1024, 12
FLOATS = ctypes.POINTER(ctypes.c_float)

library = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(xllamacpp.__file__), "*.so"))[0])
library.ggml_quantize_chunk.restype = ctypes.c_size_t
library.ggml_quantize_chunk.argtypes = [
    ctypes.c_int, FLOATS, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, FLOATS]


def pointer(array):
    return None if array is None else array.ctypes.data_as(FLOATS)


def theirs(kind, x, importance):
    number, length, size = TYPES[kind]
    rows, columns = x.shape
    out = np.zeros((rows, columns // length * size), np.uint8)
    library.ggml_quantize_chunk(number, pointer(x), out.ctypes.data, 0, rows, columns, pointer(importance))
    return out


def their_reals(kind, blocks, count):
    out = np.zeros(count, np.float32)
    restore = getattr(library, "dequantize_row_" + kind.replace("_k", "_K"))
    restore.argtypes = [ctypes.c_void_p, FLOATS, ctypes.c_int64]
    restore(blocks.ctypes.data, pointer(out), count)
    return out


def matrices(random):
    shape = (ROWS, COLUMNS)
    normal = lambda: random.standard_normal(shape)
    each = {
        "normal": normal(), "small": normal() * 0.02, "laplace": random.laplace(size=shape) * 0.05,
        "positive": np.abs(normal()), "negative": -np.abs(normal()), "zeros": np.zeros(shape),
        "constant": np.repeat(random.standard_normal((ROWS, 1)), COLUMNS, 1),
        "outliers": normal() * np.where(random.random(shape) < 0.01, 100, 1),
        "whole": random.integers(-8, 9, shape), "two values": random.choice([-1.5, 1.5], shape),
        "exponents": normal() * np.exp2(random.integers(-20, 10, shape)), "huge": normal() * 1e4,
        "beyond f16": normal() * 1e30, "tiny": normal() * 1e-12, "subnormal": normal() * 1e-41, "almost": normal() * 1e-38,
    }
    return {name: np.ascontiguousarray(x, np.float32) for name, x in each.items()}


def importances(random):
    wide = random.standard_normal(COLUMNS) ** 2 * np.exp2(random.integers(-10, 10, COLUMNS))
    each = {
        "none": None, "uniform": random.random(COLUMNS), "wide": wide, "zero": np.zeros(COLUMNS),
        "NaN": np.where(random.random(COLUMNS) < 0.01, np.nan, 1.0),
    }
    return {name: None if w is None else np.ascontiguousarray(w, np.float32) for name, w in each.items()}


def main():
    program = sys.argv[1]
    random = np.random.default_rng(19)
    different = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        source, target, weight = (os.path.join(folder, name) for name in ("x", "out", "w"))
        all_x, all_w = matrices(random), importances(random)
        speed = np.ascontiguousarray(random.standard_normal((256, COLUMNS)), np.float32)
        stacked = np.concatenate(list(all_x.values()))
        # An importance goes with a column, and the mean square that it is combined with is that of a row: rows may be stacked.
        stacked.tofile(source)
        for kind, (_, length, size) in TYPES.items():
            for w_name, w in all_w.items():
                arguments = [program, kind, str(COLUMNS), source, target]
                if w is not None:
                    w.tofile(weight)
                    arguments.append(weight)
                subprocess.run(arguments, check=True)
                ours = np.fromfile(target, np.uint8).reshape(-1, size)
                want = theirs(kind, stacked, w).reshape(-1, size)
                compared += len(want)
                wrong = np.flatnonzero((ours != want).any(1))
                different += len(wrong)
                if len(wrong):
                    per_matrix = len(want) // len(all_x)
                    names = sorted({list(all_x)[i // per_matrix] for i in wrong})
                    print(f"{kind}, importance {w_name}: {len(wrong)} of {len(want)} blocks differ, in {', '.join(names)}")
        for kind, (_, length, size) in {**TYPES, **READ_ONLY}.items():
            blocks = random.integers(0, 256, 200 * size, dtype=np.uint8)
            blocks.tofile(source)
            subprocess.run([program, "--restore", kind, source, target], check=True)
            ours, want = np.fromfile(target, np.float32), their_reals(kind, blocks, 200 * length)
            same = (ours.view(np.uint32) == want.view(np.uint32)) | (np.isnan(ours) & np.isnan(want))
            compared += 200
            if not same.all():
                different += 1
                print(f"{kind}: {np.count_nonzero(~same)} restored numbers differ")
        speed.tofile(source)
        print("ns a weight  | quantize (ggml) | best | restore (ggml, a store of as many f32)")
        for kind, (_, length, _) in TYPES.items():
            arguments = [program, "--time", kind, str(COLUMNS), source]
            plain, best, restore, store = map(float, subprocess.run(arguments, check=True, capture_output=True).stdout.split())
            blocks, times = theirs(kind, speed, None), [[], []]
            for _ in range(3):
                for k, run in enumerate((lambda: theirs(kind, speed, None), lambda: their_reals(kind, blocks, speed.size))):
                    start = time.perf_counter()
                    run()
                    times[k].append((time.perf_counter() - start) / speed.size * 1e9)
            print(f"{kind:12} | {plain:6.2f} ({min(times[0]):.2f}) | {best:.0f} | {restore:.2f} ({min(times[1]):.2f}, {store:.2f})")
    print(f"{compared} blocks compared, {different} differ")
    return different > 0


if __name__ == "__main__":
    sys.exit(main())
