"""Small models in which constants reach operators in each of the ways there are; made here, so that they need no converter.

    python kinds.py FOLDER      writes them
"""

import pathlib
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

F32, I32, BOOL, U8 = (getattr(schema.TensorType, t) for t in ["FLOAT32", "INT32", "BOOL", "UINT8"])
BUILTIN = schema.BuiltinOperator


class Model:
    """A model to which subgraphs, tensors and operators are added."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.operatorCodes, self.model.subgraphs = 3, [], []
        self.model.buffers = [schema.BufferT()]

    def subgraph(self):
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
        self.model.subgraphs.append(graph)
        return graph

    def tensor(self, graph, name, shape, kind=F32, data=None, buffer=None):
        if data is not None:
            made = schema.BufferT()
            made.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(made)
            buffer = len(self.model.buffers) - 1
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name.encode(), list(shape), kind, buffer or 0
        made.quantization = schema.QuantizationParametersT()
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def constant(self, graph, name, data):
        kinds = {np.float32: F32, np.int32: I32}
        return self.tensor(graph, name, data.shape, kinds[data.dtype.type], data)

    def operator(self, graph, name, inputs, outputs, options=None, version=1):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(BUILTIN, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(self.model.operatorCodes) - 1, inputs, outputs
        if options is not None:
            kind = type(options).__name__[:-1]
            made.builtinOptionsType, made.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        graph.operators.append(made)

    def packed(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def normal(*shape):
    return np.random.default_rng(7).normal(size=shape).astype(np.float32)


def options(kind, **fields):
    made = getattr(schema, kind + "OptionsT")()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def one(inputs, constants, steps, outputs):
    """A model of one subgraph: names to shapes and types, names to data, operators by the names of what they take and give."""
    model = Model()
    graph, numbers = model.subgraph(), {"": -1}
    for name, (shape, kind) in inputs.items():
        numbers[name] = model.tensor(graph, name, shape, kind)
        graph.inputs.append(numbers[name])
    for name, data in constants.items():
        numbers[name] = model.constant(graph, name, data)
    for name, takes, gives, *more in steps:
        for given, shape, kind in gives:
            numbers[given] = model.tensor(graph, given, shape, kind)
        model.operator(graph, name, [numbers[t] for t in takes], [numbers[g] for g, *_ in gives], *more)
    graph.outputs = [numbers[name] for name in outputs]
    return model.packed()


def gather():
    steps = [("GATHER", ["table", "ids"], [("y", [2, 3, 4], F32)], options("Gather", axis=0, batchDims=0))]
    return one({"ids": ([2, 3], I32)}, {"table": normal(260, 4)}, steps, ["y"])


def gather_odd():
    steps = [("GATHER", ["table", "ids"], [("y", [2, 3, 5], F32)], options("Gather", axis=0, batchDims=0))]
    return one({"ids": ([2, 3], I32)}, {"table": normal(260, 5)}, steps, ["y"])


def gather_columns():
    """Along the last axis, so that only one scale for all serves."""
    steps = [("GATHER", ["table", "ids"], [("y", [40, 3], F32)], options("Gather", axis=-1, batchDims=0))]
    return one({"ids": ([3], I32)}, {"table": normal(40, 30)}, steps, ["y"])


def gather_nd():
    steps = [("GATHER_ND", ["table", "ids"], [("y", [3, 4], F32)])]
    return one({"ids": ([3, 1], I32)}, {"table": normal(260, 4)}, steps, ["y"])


def hashtable():
    constants = {"keys": np.arange(260, dtype=np.int32), "table": normal(260, 4)}
    steps = [("HASHTABLE_LOOKUP", ["ids", "keys", "table"], [("y", [5, 4], F32), ("hits", [5], U8)])]
    return one({"ids": ([5], I32)}, constants, steps, ["y", "hits"])


def embedding_sparse():
    constants = {
        "ids": np.array([1, 3, 0], np.int32),
        "positions": np.array([[0, 0], [2, 0], [2, 1]], np.int32),
        "shape": np.array([3, 2], np.int32),
        "table": normal(64, 17),
    }
    takes = ["ids", "positions", "shape", "factors", "table"]
    steps = [("EMBEDDING_LOOKUP_SPARSE", takes, [("y", [3, 17], F32)], options("EmbeddingLookupSparse", combiner=0))]
    return one({"factors": ([3], F32)}, constants, steps, ["y"])


def transposed():
    """The scales differ along the axis of the outputs, which is the second before the weights are turned."""
    weights = normal(33, 32) * np.geomspace(0.01, 1, 32, dtype=np.float32)
    steps = [
        ("TRANSPOSE", ["w", "order"], [("turned", [32, 33], F32)], options("Transpose")),
        ("FULLY_CONNECTED", ["x", "turned", ""], [("y", [1, 32], F32)], options("FullyConnected")),
    ]
    return one({"x": ([1, 33], F32)}, {"w": weights, "order": np.array([1, 0], np.int32)}, steps, ["y"])


def reshaped():
    steps = [
        ("RESHAPE", ["w", "shape"], [("flat", [32, 36], F32)], options("Reshape", newShape=[32, 36])),
        ("FULLY_CONNECTED", ["x", "flat", ""], [("y", [1, 32], F32)], options("FullyConnected")),
    ]
    constants = {"w": normal(32, 3, 12), "shape": np.array([32, 36], np.int32)}
    return one({"x": ([1, 36], F32)}, constants, steps, ["y"])


def loop():
    """A WHILE that is given the weights which its body multiplies with."""
    model = Model()
    main, condition, body = model.subgraph(), model.subgraph(), model.subgraph()
    for graph in [main, condition, body]:
        x = model.tensor(graph, "x", [1, 32])
        if graph is main:
            turn = model.constant(graph, "turn", np.zeros(1, np.int32))
            w = model.constant(graph, "w", normal(32, 32) / 6)
            graph.inputs = [x]
        else:
            turn, w = model.tensor(graph, "turn", [1], I32), model.tensor(graph, "w", [32, 32])
            graph.inputs = [turn, w, x]
        if graph is main:
            graph.outputs = [model.tensor(graph, "y", [1, 32])]
            results = [model.tensor(graph, "turns", [1], I32), model.tensor(graph, "same", [32, 32]), graph.outputs[0]]
            model.operator(graph, "WHILE", [turn, w, x], results, options("While", condSubgraphIndex=1, bodySubgraphIndex=2))
        elif graph is condition:
            graph.outputs = [model.tensor(graph, "more", [1], BOOL)]
            three = model.constant(graph, "three", np.array([3], np.int32))
            model.operator(graph, "LESS", [turn, three], graph.outputs, options("Less"))
        else:
            step = model.constant(graph, "one", np.ones(1, np.int32))
            graph.outputs = [model.tensor(graph, "next", [1], I32), w, model.tensor(graph, "y", [1, 32])]
            model.operator(graph, "ADD", [turn, step], graph.outputs[:1], options("Add"))
            model.operator(graph, "FULLY_CONNECTED", [x, w, -1], graph.outputs[2:], options("FullyConnected"))
    return model.packed()


def branch():
    """An IF that is given the weights which one of its branches multiplies with, and the other adds."""
    model = Model()
    main, then, otherwise = model.subgraph(), model.subgraph(), model.subgraph()
    for graph in [main, then, otherwise]:
        x = model.tensor(graph, "x", [32, 32])
        y = model.tensor(graph, "y", [32, 32])
        if graph is main:
            which, w = model.tensor(graph, "which", [1], BOOL), model.constant(graph, "w", normal(32, 32))
            graph.inputs = [which, x]
            model.operator(graph, "IF", [which, x, w], [y], options("If", thenSubgraphIndex=1, elseSubgraphIndex=2))
        else:
            w = model.tensor(graph, "w", [32, 32])
            graph.inputs = [x, w]
        if graph is then:
            model.operator(graph, "FULLY_CONNECTED", [x, w, -1], [y], options("FullyConnected"))
        if graph is otherwise:
            model.operator(graph, "ADD", [x, w], [y], options("Add"))
        graph.outputs = [y]
    return model.packed()


def tied(conv=False):
    """One buffer as the table of a GATHER, or the filter of a convolution, and as the weights of a FULLY_CONNECTED."""
    model = Model()
    graph = model.subgraph()
    x = model.tensor(graph, "x", [1, 32])
    w = model.constant(graph, "w", normal(80, 32))
    y = model.tensor(graph, "y", [1, 80])
    shape = [80, 1, 1, 32] if conv else [80, 32]
    same = model.tensor(graph, "same", shape, buffer=graph.tensors[w].buffer)
    model.operator(graph, "FULLY_CONNECTED", [x, w, -1], [y], options("FullyConnected"))
    if conv:
        other = model.tensor(graph, "image", [1, 4, 4, 32])
        z = model.tensor(graph, "z", [1, 4, 4, 80])
        steps = options("Conv2D", padding=1, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1)
        bias = model.constant(graph, "bias", np.zeros(80, np.float32))
        model.operator(graph, "CONV_2D", [other, same, bias], [z], steps)
    else:
        other = model.tensor(graph, "ids", [3], I32)
        z = model.tensor(graph, "z", [3, 32])
        model.operator(graph, "GATHER", [same, other], [z], options("Gather", axis=0, batchDims=0))
    graph.inputs, graph.outputs = [x, other], [y, z]
    return model.packed()


def tied_operand():
    """One buffer as the weights of a FULLY_CONNECTED, and in another shape as what an ADD adds: channels lie along no axis of it."""
    model = Model()
    graph = model.subgraph()
    x, y = model.tensor(graph, "x", [1, 32]), model.tensor(graph, "y", [1, 80])
    w = model.constant(graph, "w", normal(80, 32))
    same = model.tensor(graph, "same", [20, 4, 32], buffer=graph.tensors[w].buffer)
    other, z = model.tensor(graph, "other", [20, 4, 32]), model.tensor(graph, "z", [20, 4, 32])
    model.operator(graph, "FULLY_CONNECTED", [x, w, -1], [y], options("FullyConnected"))
    model.operator(graph, "ADD", [other, same], [z], options("Add"))
    graph.inputs, graph.outputs = [x, other], [y, z]
    return model.packed()


def signatures():
    """Two subgraphs with weights of their own, each called by a signature."""
    model = Model()
    model.model.signatureDefs = []
    for number, (name, outputs) in enumerate([("encode", 36), ("score", 40)]):
        graph = model.subgraph()
        x, y = model.tensor(graph, f"{name}_x", [1, 32]), model.tensor(graph, f"{name}_y", [1, outputs])
        w = model.constant(graph, f"{name}_w", normal(outputs, 32) / 6)
        model.operator(graph, "FULLY_CONNECTED", [x, w, -1], [y], options("FullyConnected"))
        graph.inputs, graph.outputs = [x], [y]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = name.encode(), number
        for ends, end, tensor in [("inputs", "x", x), ("outputs", "y", y)]:
            port = schema.TensorMapT()
            port.name, port.tensorIndex = end.encode(), tensor
            setattr(signature, ends, [port])
        model.model.signatureDefs.append(signature)
    return model.packed()


def stateful():
    """A sum that is kept from one run to the next, in a variable."""
    resource = schema.TensorType.RESOURCE
    model = Model()
    main, start = model.subgraph(), model.subgraph()
    for graph in [main, start]:
        handle = model.tensor(graph, "handle", [1], resource)
        if graph is main:
            model.operator(graph, "CALL_ONCE", [], [], options("CallOnce", initSubgraphIndex=1))
        model.operator(graph, "VAR_HANDLE", [], [handle], options("VarHandle", container=b"", sharedName=b"sum"))
        if graph is start:
            zeros = model.constant(graph, "zeros", np.zeros((1, 32), np.float32))
            model.operator(graph, "ASSIGN_VARIABLE", [handle, zeros], [], options("AssignVariable"))
            continue
        x = model.tensor(graph, "x", [1, 32])
        before, made, y = (model.tensor(graph, name, [1, 32]) for name in ["before", "made", "y"])
        w = model.constant(graph, "w", normal(32, 32) / 6)
        model.operator(graph, "READ_VARIABLE", [handle], [before], options("ReadVariable"))
        model.operator(graph, "FULLY_CONNECTED", [x, w, -1], [made], options("FullyConnected"))
        model.operator(graph, "ADD", [made, before], [y], options("Add"))
        model.operator(graph, "ASSIGN_VARIABLE", [handle, y], [], options("AssignVariable"))
        graph.inputs, graph.outputs = [x], [y]
    return model.packed()


def equal():
    constant = normal(256)
    steps = [("EQUAL", ["x", "c"], [("y", [256], BOOL)], options("Equal"))]
    return one({"x": ([256], F32)}, {"c": constant}, steps, ["y"])


def positions():
    """Numbers of rows that are kept as reals, and rounded in half precision from 2049 on."""
    steps = [
        ("GATHER", ["numbers", "ids"], [("chosen", [4], F32)], options("Gather", axis=0, batchDims=0)),
        ("CAST", ["chosen"], [("y", [4], I32)], options("Cast", inDataType=F32, outDataType=I32)),
    ]
    return one({"ids": ([4], I32)}, {"numbers": np.arange(2040, 3080, dtype=np.float32)}, steps, ["y"])


def largest():
    numbers = 1000 + normal(256)
    steps = [
        ("ADD", ["x", "c"], [("sum", [256], F32)], options("Add")),
        ("TOPK_V2", ["sum", "k"], [("values", [8], F32), ("y", [8], I32)], options("TopKV2")),
    ]
    return one({"x": ([256], F32)}, {"c": numbers, "k": np.array(8, np.int32)}, steps, ["y"])


def phase():
    """SIN(position · frequency), with positions up to some thousands."""
    frequencies = (10000.0 ** (-np.arange(256) / 256)).astype(np.float32)[None]
    steps = [
        ("MUL", ["x", "frequencies"], [("phase", [8, 256], F32)], options("Mul")),
        ("SIN", ["phase"], [("y", [8, 256], F32)]),
    ]
    return one({"x": ([8, 1], F32)}, {"frequencies": frequencies}, steps, ["y"])


KINDS = {
    "gather": gather,
    "gather_odd": gather_odd,
    "gather_columns": gather_columns,
    "gather_nd": gather_nd,
    "hashtable": hashtable,
    "embedding_sparse": embedding_sparse,
    "transposed": transposed,
    "reshaped": reshaped,
    "loop": loop,
    "branch": branch,
    "tied": tied,
    "tied_shapes": lambda: tied(conv=True),
    "tied_operand": tied_operand,
    "signatures": signatures,
    "stateful": stateful,
    "equal": equal,
    "positions": positions,
    "largest": largest,
    "phase": phase,
}


def write(folder):
    paths = {name: pathlib.Path(folder) / f"{name}.tflite" for name in KINDS}
    for name, path in paths.items():
        path.write_bytes(KINDS[name]())
    return paths


if __name__ == "__main__":
    write(sys.argv[1])
