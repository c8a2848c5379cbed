"""Makes odd.tflite, outside.tflite and awkward.tflite: every feature of the format that is easily lost, in as few bytes as possible.

    pip install ai-edge-litert && python make.py
"""

import struct

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def text(name):
    return name.encode()


def buffer(array=None):
    made = schema.BufferT()
    if array is not None:
        made.data = np.frombuffer(array.tobytes(), np.uint8)
    return made


def tensor(name, shape, kind, buffer, **more):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = text(name), shape, kind, buffer
    made.quantization = schema.QuantizationParametersT()
    for field, value in more.items():
        setattr(made, field, value)
    return made


def operator(code, inputs, outputs, kind=0, options=None):
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    made.builtinOptionsType, made.builtinOptions = kind, options
    return made


def operator_code(builtin, deprecated, version=1, custom=None):
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version, made.customCode = builtin, deprecated, version, custom
    return made


def sparsity():
    """A 2 x 4 matrix with the second row empty."""
    made = schema.SparsityParametersT()
    made.traversalOrder, made.blockMap = [0, 1], []
    dense, sparse = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    dense.format, dense.denseSize = 0, 2
    sparse.format = 1
    sparse.arraySegmentsType, sparse.arrayIndicesType = 3, 2
    sparse.arraySegments, sparse.arrayIndices = schema.Uint8VectorT(), schema.Uint16VectorT()
    sparse.arraySegments.values, sparse.arrayIndices.values = [0, 2, 2], [1, 3]
    made.dimMetadata = [dense, sparse]
    return made


def odd():
    f32, f16, i32, i8 = (getattr(schema.TensorType, t) for t in ["FLOAT32", "FLOAT16", "INT32", "INT8"])
    random = np.random.default_rng(3)
    model = schema.ModelT()
    model.version, model.description = 3, text("odd: a bit of everything")
    model.operatorCodes = [
        operator_code(0, 9),  # FULLY_CONNECTED as files from before 2020 have it: the deprecated field alone
        operator_code(32, 32, 1, text("Mystery")),
        operator_code(118, 118),  # IF
        operator_code(6, 6, 3),  # DEQUANTIZE
        operator_code(22, 22),  # RESHAPE
    ]
    weights = random.normal(size=(8, 128)).astype(np.float32)
    halves = random.normal(size=(16, 128)).astype(np.float16)
    model.buffers = [
        buffer(),
        buffer(weights),
        buffer(np.zeros(1, np.int32)),  # an f32 0 and an i32 0
        buffer(np.array([1.5, -2.5], np.float32)),  # sparse values
        buffer(halves),
        buffer(np.array([1, -2, 3], np.int8)),
        buffer(np.frombuffer(b"any bytes", np.uint8)),  # of a metadata entry
        buffer(random.normal(size=16).astype(np.float16)),
    ]
    quantized = schema.QuantizationParametersT()
    quantized.scale, quantized.zeroPoint = [0.5], [1]
    main = schema.SubGraphT()
    main.name = text("main")
    main.tensors = [
        tensor("x", [1, 128], f32, 0),
        tensor("w", [8, 128], f32, 1),
        tensor("y", [1, 8], f32, 0),
        tensor("zero", [1], f32, 2),
        tensor("zero", [1], i32, 2),
        tensor("sparse", [2, 4], f32, 3, sparsity=sparsity()),
        tensor("halves", [16, 128], f16, 4),
        tensor("halves_restored", [16, 128], f32, 0),
        tensor("codes", [3], i8, 5, quantization=quantized),
        tensor("z", [1, 8], f32, 0, shapeSignature=[-1, 8]),
        tensor("state", [1, 8], f32, 0, isVariable=True),
        tensor("w", [8, 128], f32, 1),
        tensor("bias", [16], f16, 7),
        tensor("bias_restored", [16], f32, 0),
        tensor("v", [1, 16], f32, 0),
    ]
    main.inputs, main.outputs = [0], [9]
    reshape = schema.ReshapeOptionsT()
    reshape.newShape = [1, 8]
    mystery = operator(1, [2, 5, 8, -1], [9])
    mystery.customOptions, mystery.mutatingVariableInputs = [1, 2, 3], [False, False, True, False]
    main.operators = [
        operator(0, [0, 1, -1], [2], 8, schema.FullyConnectedOptionsT()),
        operator(3, [6], [7]),
        operator(3, [12], [13]),
        operator(0, [0, 7, 13], [14], 8, schema.FullyConnectedOptionsT()),
        operator(4, [2, 4], [2], 17, reshape),
        mystery,
    ]
    branch = schema.SubGraphT()
    branch.name = text("branch")
    branch.tensors = [tensor("w", [8, 128], f32, 1), tensor("p", [1, 1], i32, 0), tensor("q", [8, 128], f32, 0)]
    branch.inputs, branch.outputs = [1], [2]
    branch.operators = [operator(2, [1, 0], [2], 92, schema.IfOptionsT())]
    model.subgraphs = [main, branch]
    entry = schema.MetadataT()
    entry.name, entry.buffer = text("notes"), 6
    model.metadata = [entry]
    signature, x, z = schema.SignatureDefT(), schema.TensorMapT(), schema.TensorMapT()
    x.name, x.tensorIndex, z.name, z.tensorIndex = text("x"), 0, text("z"), 9
    signature.inputs, signature.outputs, signature.signatureKey = [x], [z], text("serving_default")
    model.signatureDefs = [signature]
    return model


def packed(model):
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def outside():
    """One FULLY_CONNECTED whose weights stand behind the flatbuffer, then an archive of one file."""
    model = odd()
    model.operatorCodes = model.operatorCodes[:1]
    main = model.subgraphs[0]
    main.tensors, main.operators, main.outputs = main.tensors[:3], main.operators[:1], [2]
    model.subgraphs, model.metadata, model.signatureDefs = [main], None, None
    weights = model.buffers[1].data.tobytes()
    model.buffers = [buffer(), schema.BufferT()]
    model.buffers[1].offset, model.buffers[1].size = 2, len(weights)
    length = -(-len(packed(model)) // 16) * 16
    model.buffers[1].offset = length
    tables = packed(model)
    return tables + bytes(length - len(tables)) + weights


def archive(start):
    """The smallest ZIP: one stored file, labels.txt, with positions counted from the start of the whole file."""
    import zlib

    name, data = b"labels.txt", b"cat\ndog\n"
    common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
    local = b"PK\x03\x04" + common + name + data
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, start) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), start + len(local), 0)
    return local + central + end


def awkward():
    """Constants that a quantizer has to leave alone, or to treat with care: one of each."""
    f32, f16, f64, i32 = (getattr(schema.TensorType, t) for t in ["FLOAT32", "FLOAT16", "FLOAT64", "INT32"])
    random = np.random.default_rng(5)
    model = schema.ModelT()
    model.version, model.description = 3, text("awkward")
    model.operatorCodes = [
        operator_code(9, 9),  # FULLY_CONNECTED
        operator_code(6, 6, 3),  # DEQUANTIZE
        operator_code(53, 53),  # CAST
        operator_code(0, 0),  # ADD
        operator_code(7, 7),  # EMBEDDING_LOOKUP
    ]
    model.buffers = [
        buffer(),
        buffer(random.normal(size=(8, 128)).astype(np.float32)),
        buffer(random.normal(size=256)),
        buffer(np.array([1, 2], np.float32)),
        buffer(random.normal(size=(8, 128)).astype(np.float16)),
        buffer(random.normal(size=(40, 31)).astype(np.float32)),
    ]
    main = schema.SubGraphT()
    main.tensors = [
        tensor("x", [1, 128], f32, 0),
        tensor("long name " * 400, [8, 128], f32, 1),
        tensor("y", [1, 8], f32, 0),
        tensor("doubles", [256], f64, 2),
        tensor("floats", [256], f32, 0),
        tensor("short", [4], f32, 3),  # 8 bytes, where 16 are needed
        tensor("elsewhere", [256], f32, 0, externalBuffer=7),
        tensor("sum", [256], f32, 0),
        tensor("halves", [8, 128], f16, 4),
        tensor("restored", [8, 128], f32, 0),
        tensor("restored again", [8, 128], f32, 0),
        tensor("z", [1, 8], f32, 0),
        tensor("embedding", [40, 31], f32, 5),
        tensor("ids", [2], i32, 0),
        tensor("rows", [2, 31], f32, 0),
        tensor("total", [256], f32, 0),
    ]
    main.inputs, main.outputs = [0, 13], [2, 11, 14, 15]
    fully_connected, add = schema.FullyConnectedOptionsT(), schema.AddOptionsT()
    main.operators = [
        operator(0, [0, 1, -1], [2], 8, fully_connected),
        operator(2, [3], [4], 37, schema.CastOptionsT()),
        operator(3, [4, 6], [7], 11, add),
        operator(3, [7, 5], [15], 11, add),
        operator(1, [8], [9]),
        operator(1, [8], [10]),
        operator(0, [0, 9, -1], [11], 8, fully_connected),
        operator(0, [0, 10, -1], [11], 8, fully_connected),
        operator(4, [13, 12], [14]),
    ]
    model.subgraphs = [main]
    group, there = schema.ExternalBufferGroupT(), schema.ExternalBufferT()
    group.name, there.id, there.offset, there.length = text("weights.bin"), 7, 64, 1024
    model.externalBufferGroups, model.externalBuffers = [group], [there]
    return model


open("awkward.tflite", "wb").write(packed(awkward()))
open("odd.tflite", "wb").write(packed(odd()))
whole = outside()
open("outside.tflite", "wb").write(whole + archive(len(whole)))
