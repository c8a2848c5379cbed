"""Writes onnx's own node tests of QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear as cases of the conformance example.

    pip install -r requirements.txt && python node_tests.py FOLDER
    cargo run --release --all-features --example conformance -- FOLDER

Types of fewer than 8 bits are stored a value an element, those of floating point by their bits.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.loader import load_model_tests

OPERATORS = ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"]
# How a case stores an array, for each of the types of onnx.
STORED = {"f4": "f32", "f8": "f64", "i1": "i8", "u1": "u8", "i2": "i16", "u2": "u16", "i4": "i32", "u4": "u32", "i8": "i64"}


def plain(array):
    """Returns an array as a case stores it, and the end of its name."""
    name = array.dtype.name
    if name == "float16":
        return array.view(np.uint16), "_f16_bits"
    if name.startswith("float") and array.dtype.kind == "V" or name.startswith(("float8", "float4")):
        return array.view(np.uint8), ""
    if name in ("int4", "int2"):
        return array.astype(np.int8), ""
    if name in ("uint4", "uint2"):
        return array.astype(np.uint8), ""
    return array, ""


def main(folder):
    warnings.simplefilter("ignore")
    arrays, cases = {}, []

    def stored(names, values):
        described = {}
        for name, value in zip(names, values, strict=True):
            if isinstance(value, TensorProto):
                value = numpy_helper.to_array(value)
            value = np.asarray(value)
            array, end = plain(value)
            key = f"a{len(arrays):04}"
            arrays[key] = np.ascontiguousarray(array)
            shape = list(array.shape) or [1]
            described[name + end] = {"array": key, "dtype": STORED[array.dtype.str[1:]], "shape": shape}
            types[name] = value.dtype.name
        return described

    for test in load_model_tests(kind="node"):
        model = test.model if test.model is not None else onnx.load(pathlib.Path(test.model_dir) / "model.onnx")
        node = model.graph.node[0]
        if len(model.graph.node) != 1 or node.op_type not in OPERATORS:
            continue
        for inputs, outputs in test.data_sets:
            types = {}
            # An optional input that is absent has an empty name.
            names = [name for name in node.input if name]
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            inputs, outputs = stored(names, inputs), stored(node.output, outputs)
            params = {"test": test.name, "attributes": attributes, "types": types}
            case = {"name": test.name, "op": f"onnx_{node.op_type}", "params": params}
            cases.append(case | {"inputs": inputs, "expected": outputs, "tolerance": "exact"})
    group = pathlib.Path(folder) / "onnx_qdq"
    group.mkdir(parents=True)
    np.savez(group / "data.npz", **arrays)
    (group / "index.json").write_text(json.dumps({"data": "data.npz", "cases": cases}))
    print(f"{len(cases)} node tests of onnx {onnx.__version__}")


if __name__ == "__main__":
    main(sys.argv[1])
