"""Compares NF4, FP4 and the double quantization of scales with bitsandbytes' own library, bit by bit.

The library is `libbitsandbytes_cpu.so` from the wheel `bitsandbytes`, called directly: torch is not needed. It restores; how the
package quantizes stands in Python over torch (`backends/default/ops.py`) and is said again here in numpy: the values are those that
the library restores, the first element of two is in the high nibble, and a scaled element has the place of the middles below it.
(To 8 bits the library quantizes, too, but not always to the nearest value; the Python does.)

    python check.py target/release/examples/quantize_blocks
"""

import ctypes
import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy as np

BLOCK = 64
SCALES = 256

folder = os.path.dirname(importlib.util.find_spec("bitsandbytes").origin)
library = ctypes.CDLL(os.path.join(folder, "libbitsandbytes_cpu.so"))


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def restored(kind, packed, absmax, count):
    """What the library restores: rows of one block each."""
    out = np.zeros(count, np.float32)
    restore = getattr(library, f"cdequantize_blockwise_cpu_{kind}_fp32")
    restore(pointer(packed), pointer(absmax), pointer(out), *map(ctypes.c_longlong, (BLOCK, count // BLOCK, BLOCK)))
    return out


def run(program, *arguments):
    subprocess.run([program, *arguments], check=True)


def four_bits(program, name, kind, x):
    with tempfile.TemporaryDirectory() as folder:
        source, blocks, back = (os.path.join(folder, name) for name in ("x", "blocks", "back"))
        x.tofile(source)
        run(program, name, str(x.size), source, blocks)
        run(program, "--restore", name, blocks, back)
        ours = np.fromfile(blocks, np.uint8).reshape(-1, 4 + BLOCK // 2)
        reals = np.fromfile(back, np.float32)
    absmax = ours[:, :4].copy().view(np.float32)[:, 0]
    packed = np.ascontiguousarray(ours[:, 4:])
    # Each code, first in the high nibble, of a block with the scale 1.
    values = restored(kind, np.repeat(np.arange(16, dtype=np.uint8) << 4, BLOCK // 2), np.ones(16, np.float32), 16 * BLOCK)
    values = values.reshape(16, BLOCK)[:, 0]
    order = np.argsort(values, kind="stable")
    middles = (values[order][:-1] + values[order][1:]) / np.float32(2)
    theirs_max = np.abs(x.reshape(-1, BLOCK)).max(1)
    inverse = np.float32(1) / np.maximum(theirs_max, np.float32(1e-38))
    places = np.searchsorted(middles, np.clip(x.reshape(-1, BLOCK) * inverse[:, None], -1, 1), side="left")
    codes = order[places].astype(np.uint8)
    theirs = codes[:, ::2] << 4 | codes[:, 1::2]
    same_value = values[packed >> 4] == values[theirs >> 4]
    same_value &= values[packed & 15] == values[theirs & 15]
    wrong = {
        "scales": np.count_nonzero(absmax != theirs_max),
        # FP4 has two zeros.
        "codes": np.count_nonzero(~same_value),
        "restored numbers": np.count_nonzero(restored(kind, packed, absmax, x.size) != reals),
    }
    print(f"{name}: {x.size} numbers; differ: {wrong}")
    return sum(wrong.values())


def dynamic_map():
    """The map of bitsandbytes' `create_dynamic_map`, in f32 as there."""
    data = [0.0, 1.0]
    for i in range(7):
        edges = np.linspace(0.1, 1, 2**i + 1, dtype=np.float32)
        means = (edges[:-1] + edges[1:]) / np.float32(2)
        decade = np.float32(10.0 ** (i - 6))
        data += [*(decade * means), *(-decade * means)]
    return np.sort(np.array(data, np.float32))


def double(program, scales):
    with tempfile.TemporaryDirectory() as folder:
        source, target = (os.path.join(folder, name) for name in ("scales", "nested"))
        scales.tofile(source)
        run(program, "--nested", source, target)
        raw = np.fromfile(target, np.uint8)
    count = -(-scales.size // SCALES)
    reals = raw[: 4 * (1 + count + 256 + scales.size)].copy().view(np.float32)
    offset, absmax, own_map, back = np.split(reals, np.cumsum([1, count, 256]))
    codes = raw[4 * reals.size :]
    their_map, places = dynamic_map(), np.arange(scales.size) // SCALES
    shifted = scales - offset
    theirs_max = np.array([np.abs(shifted[i : i + SCALES]).max() for i in range(0, scales.size, SCALES)], np.float32)
    inverse = np.float32(1) / np.maximum(theirs_max, np.float32(1e-38))
    middles = (own_map[:-1] + own_map[1:]) / np.float32(2)
    theirs = np.searchsorted(middles, np.clip(shifted * inverse[places], -1, 1), side="left")
    restored = np.zeros(scales.size, np.float32)
    library.cdequantize_blockwise_cpu_fp32(
        pointer(own_map), pointer(codes), pointer(absmax), pointer(restored), *map(ctypes.c_longlong, (SCALES, scales.size)))
    wrong = {
        "map": np.count_nonzero(np.abs(own_map - their_map) > 1e-6 * np.abs(their_map)),
        "mean": int(abs(offset[0] - scales.mean(dtype=np.float64)) > 1e-6 * abs(offset[0])),
        "absmax": np.count_nonzero(absmax != theirs_max),
        "codes": np.count_nonzero(codes != theirs),
        "restored numbers": np.count_nonzero(restored + offset != back),
    }
    print(f"double quantization: {scales.size} scales; differ: {wrong}")
    return sum(wrong.values())


def main():
    program, random = sys.argv[1], np.random.default_rng(4)
    normal = random.standard_normal(BLOCK * 4000)
    each = [normal, normal * 0.02, np.abs(normal), random.laplace(size=normal.size), np.zeros(BLOCK * 4), normal * 1e-30]
    x = np.ascontiguousarray(np.concatenate(each), np.float32)
    wrong = sum(four_bits(program, name, kind, x) for name, kind in (("nf4", "nf4"), ("bnb_fp4", "fp4")))
    for scales in (np.abs(random.standard_normal(10_000)) * 0.05, random.random(700) + 1, np.full(300, 0.25)):
        wrong += double(program, np.ascontiguousarray(scales, np.float32))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
