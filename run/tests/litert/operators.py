"""Makes tests/data/operators.npz: models of one operator or a few, with inputs, and the outputs that LiteRT 2.3.0 gives.

Two arrays of bytes: `index`, a text with a line for each case (its name, the number of inputs, and the type and shape of
the file itself, of the inputs and of the outputs), and `bytes`, the elements of all of them one behind the other. A case
that LiteRT refuses is named and left out.
"""
import os
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as s

RESOLVER = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
TYPES = {
    np.dtype(np.float32): 0, np.dtype(np.float16): 1, np.dtype(np.int32): 2, np.dtype(np.uint8): 3,
    np.dtype(np.int64): 4, np.dtype(np.bool_): 6, np.dtype(np.int16): 7, np.dtype(np.int8): 9,
}
rng = np.random.default_rng(7)
F, I, L, B = np.float32, np.int32, np.int64, np.bool_


class Graph:
    """A subgraph under construction."""

    def __init__(self, model):
        self.model, self.tensors, self.operators, self.inputs, self.outputs = model, [], [], [], []

    def tensor(self, dtype, shape=(), data=None, quant=None, kind=None, signature=None):
        t = s.TensorT()
        t.shape = list(shape)
        if signature is not None:
            t.shapeSignature = list(signature)
        t.type = TYPES[np.dtype(dtype)] if kind is None else kind
        t.name = f"t{len(self.tensors)}"
        t.buffer = 0
        if data is not None:
            b = s.BufferT()
            b.data = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else np.ascontiguousarray(data).view(np.uint8).ravel()
            self.model.buffers.append(b)
            t.buffer = len(self.model.buffers) - 1
        if quant is not None:
            scales, zeros, axis = quant
            q = s.QuantizationParametersT()
            q.scale, q.zeroPoint, q.quantizedDimension = np.atleast_1d(np.float32(scales)), np.atleast_1d(np.int64(zeros)), axis
            t.quantization = q
        self.tensors.append(t)
        return len(self.tensors) - 1

    def const(self, array, quant=None):
        array = np.asarray(array)
        return self.tensor(array.dtype, array.shape, array, quant)

    def input(self, dtype, shape, quant=None, signature=None):
        i = self.tensor(dtype, shape, quant=quant, signature=signature)
        self.inputs.append(i)
        return i

    def op(self, name, inputs, outputs, options=None, version=1):
        code = getattr(s.BuiltinOperator, name)
        key = (code, version)
        if key not in self.model.keys:
            c = s.OperatorCodeT()
            c.builtinCode, c.deprecatedBuiltinCode, c.version = code, min(code, 127), version
            self.model.operatorCodes.append(c)
            self.model.keys.append(key)
        o = s.OperatorT()
        o.opcodeIndex = self.model.keys.index(key)
        o.inputs, o.outputs = list(inputs), list(outputs)
        if options is not None:
            kind = type(options).__name__[:-1]
            o.builtinOptionsType, o.builtinOptions = getattr(s.BuiltinOptions, kind), options
        self.operators.append(o)
        return outputs

    def build(self):
        g = s.SubGraphT()
        g.tensors, g.operators, g.inputs, g.outputs, g.name = self.tensors, self.operators, self.inputs, self.outputs, "g"
        return g


def new_model():
    m = s.ModelT()
    m.version, m.description, m.operatorCodes, m.buffers, m.keys = 3, "", [], [s.BufferT()], []
    return m


def pack(m, graphs):
    m.subgraphs = [g.build() for g in graphs]
    keys = m.keys
    del m.keys
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    m.keys = keys
    return bytes(b.Output())


def opt(kind, **fields):
    o = getattr(s, kind + "T")()
    for k, v in fields.items():
        assert hasattr(o, k), (kind, k)
        setattr(o, k, v)
    return o


CASES, SKIPPED = {}, []


def run(name, model, inputs):
    pid = os.fork()
    if pid == 0:
        try:
            it = litert.Interpreter(model_content=model, experimental_op_resolver_type=RESOLVER)
            for d, a in zip(it.get_input_details(), inputs):
                if tuple(d["shape"]) != a.shape:
                    it.resize_tensor_input(d["index"], a.shape)
            it.allocate_tensors()
            for d, a in zip(it.get_input_details(), inputs):
                it.set_tensor(d["index"], a)
            it.invoke()
            outs = {f"out{i}": it.get_tensor(d["index"]) for i, d in enumerate(it.get_output_details())}
            np.savez("/tmp/case.npz", **outs)
        except Exception as e:
            print(f"{name}: {str(e)[:200]}", flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        SKIPPED.append(name)
        return
    assert name not in CASES, name
    outs = np.load("/tmp/case.npz")
    CASES[name] = (model, inputs, [outs[f"out{i}"] for i in range(len(outs.files))])


class C:
    """Marks a constant."""

    def __init__(self, array, quant=None):
        self.array, self.quant = np.asarray(array), quant


class State:
    """Marks a variable, which holds zeros when a run starts."""

    def __init__(self, *shape):
        self.shape = shape


def case(name, op, options, ins, outs, version=1, in_quant=None, out_quant=None):
    m = new_model()
    g = Graph(m)
    ids, arrays = [], []
    for a in ins:
        if a is None:
            ids.append(-1)
        elif isinstance(a, C):
            ids.append(g.const(a.array, a.quant))
        elif isinstance(a, State):
            ids.append(g.tensor(F, a.shape))
            g.tensors[-1].isVariable = True
        else:
            ids.append(g.input(a.dtype, a.shape, in_quant))
            arrays.append(a)
    g.outputs = [g.tensor(t, quant=out_quant) for t in outs]
    g.op(op, ids, g.outputs, options, version)
    run(name, pack(m, [g]), arrays)


def f(*shape, low=-2.0, high=2.0):
    return (rng.random(shape) * (high - low) + low).astype(F)


# Functions of one value.
for op, low, high in [
    ("RELU", -2, 2), ("RELU6", -8, 8), ("RELU_N1_TO_1", -2, 2), ("ELU", -3, 2), ("HARD_SWISH", -5, 5), ("LOGISTIC", -6, 6),
    ("TANH", -4, 4), ("ABS", -2, 2), ("NEG", -2, 2), ("EXP", -2, 2), ("LOG", .1, 4), ("SQRT", .1, 4), ("RSQRT", .1, 4),
    ("SQUARE", -2, 2), ("SIN", -4, 4), ("COS", -4, 4), ("FLOOR", -4, 4), ("CEIL", -4, 4), ("ROUND", -4, 4), ("SIGN", -2, 2),
    ("RELU_0_TO_1", -2, 2), ("LOG_SOFTMAX", -3, 3), ("ZEROS_LIKE", -1, 1),
]:
    case(op.lower(), op, None, [f(2, 3, 5, low=low, high=high)], [F])
case("round_halves", "ROUND", None, [np.array([-2.5, -1.5, -.5, .5, 1.5, 2.5], F)], [F])
case("leaky_relu", "LEAKY_RELU", opt("LeakyReluOptions", alpha=.3), [f(2, 5)], [F])
case("gelu", "GELU", opt("GeluOptions", approximate=False), [f(3, 7, low=-4, high=4)], [F])
case("gelu_tanh", "GELU", opt("GeluOptions", approximate=True), [f(3, 7, low=-4, high=4)], [F])
case("prelu", "PRELU", None, [f(2, 3, 3, 4), C(f(1, 1, 4))], [F])
case("softmax", "SOFTMAX", opt("SoftmaxOptions", beta=1.0), [f(3, 7)], [F])
case("softmax_beta", "SOFTMAX", opt("SoftmaxOptions", beta=.5), [f(2, 3, 4, 5)], [F])
case("l2_normalization", "L2_NORMALIZATION", opt("L2NormOptions"), [f(3, 7)], [F])
case("local_response", "LOCAL_RESPONSE_NORMALIZATION", opt("LocalResponseNormalizationOptions", radius=2, bias=1.0, alpha=.3, beta=.6), [f(1, 2, 2, 9)], [F])
case("logical_not", "LOGICAL_NOT", None, [rng.random((2, 5)) > .5], [B])
case("neg_int", "NEG", None, [rng.integers(-9, 9, (7,)).astype(I)], [I])

# Two values.
SHAPES = {"same": ((2, 3, 4), (2, 3, 4)), "scalar": ((2, 3), ()), "row": ((2, 3, 4), (4,)), "column": ((2, 3, 4), (3, 1)), "both": ((2, 1, 4), (3, 1))}
for op, o in [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("DIV", "DivOptions"), ("MAXIMUM", "MaximumMinimumOptions"),
              ("MINIMUM", "MaximumMinimumOptions"), ("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"), ("POW", "PowOptions"),
              ("FLOOR_DIV", "FloorDivOptions"), ("FLOOR_MOD", "FloorModOptions"), ("ATAN2", "ATan2Options")]:
    for kind, (a, b) in SHAPES.items():
        if op == "ATAN2" and kind != "same":
            continue
        low = .2 if op in ("POW", "DIV") else -3
        case(f"{op.lower()}_{kind}", op, opt(o), [f(*a, low=low, high=3), f(*b, low=low, high=3)], [F])
for act in range(1, 4):
    case(f"add_fused_{act}", "ADD", opt("AddOptions", fusedActivationFunction=act), [f(4, 5, low=-5, high=5), f(5, low=-3, high=3)], [F])
case("mul_of_the_second", "MUL", opt("MulOptions"), [f(4), f(2, 3, 4)], [F])
case("sub_of_the_second", "SUB", opt("SubOptions"), [f(3, 1), f(2, 3, 4)], [F])
for op, o in [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("FLOOR_DIV", "FloorDivOptions"), ("FLOOR_MOD", "FloorModOptions"), ("DIV", "DivOptions"), ("MAXIMUM", "MaximumMinimumOptions")]:
    for t in (I, L):
        if op in ("DIV", "FLOOR_DIV") and t == L:
            continue
        a, b = rng.integers(-20, 20, (3, 5)).astype(t), rng.integers(1, 7, (5,)).astype(t) * np.array([1, -1, 1, -1, 1], t)
        case(f"{op.lower()}_{np.dtype(t).name}", op, opt(o), [a, b], [t])
case("add_n", "ADD_N", opt("AddNOptions"), [f(2, 3), f(2, 3), f(2, 3)], [F])
for op in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"):
    case(op.lower(), op, None, [rng.integers(0, 3, (3, 5)).astype(F), rng.integers(0, 3, (5,)).astype(F)], [B])
    case(op.lower() + "_int", op, None, [rng.integers(0, 3, (3, 5)).astype(I), rng.integers(0, 3, (3, 1)).astype(I)], [B])
case("logical_and", "LOGICAL_AND", None, [rng.random((2, 5)) > .5, rng.random((5,)) > .5], [B])
case("logical_or", "LOGICAL_OR", None, [rng.random((2, 5)) > .5, rng.random((2, 5)) > .5], [B])

# Convolutions.
for name, shape, filt, kw in [
    ("same", (2, 7, 8, 3), (5, 3, 3, 3), dict(padding=0, strideW=1, strideH=1)),
    ("valid_stride", (1, 9, 8, 2), (4, 3, 2, 2), dict(padding=1, strideW=3, strideH=2, fusedActivationFunction=1)),
    ("same_stride", (1, 9, 10, 2), (4, 3, 3, 2), dict(padding=0, strideW=2, strideH=2, fusedActivationFunction=3)),
    ("dilated", (1, 9, 10, 2), (3, 3, 2, 2), dict(padding=0, strideW=1, strideH=1, dilationWFactor=2, dilationHFactor=3)),
    ("pointwise", (2, 5, 5, 6), (7, 1, 1, 6), dict(padding=0, strideW=1, strideH=1)),
    ("pointwise_stride", (1, 5, 6, 6), (7, 1, 1, 6), dict(padding=1, strideW=2, strideH=2)),
    ("grouped", (1, 6, 6, 8), (6, 3, 3, 4), dict(padding=0, strideW=1, strideH=1)),
    ("wider_than_input", (1, 2, 2, 1), (2, 5, 5, 1), dict(padding=0, strideW=1, strideH=1)),
]:
    case("conv_" + name, "CONV_2D", opt("Conv2DOptions", **kw), [f(*shape), C(f(*filt)), C(f(filt[0]))], [F])
for name, shape, filt, kw in [
    ("same", (2, 7, 8, 3), (1, 3, 3, 3), dict(padding=0, strideW=1, strideH=1, depthMultiplier=1)),
    ("stride", (1, 9, 8, 17), (1, 5, 3, 17), dict(padding=0, strideW=2, strideH=2, depthMultiplier=1, fusedActivationFunction=3)),
    ("valid", (1, 9, 8, 2), (1, 3, 2, 2), dict(padding=1, strideW=1, strideH=1, depthMultiplier=1)),
    ("multiplier", (1, 6, 6, 2), (1, 3, 3, 6), dict(padding=0, strideW=1, strideH=1, depthMultiplier=3)),
    ("dilated", (1, 9, 9, 4), (1, 3, 3, 4), dict(padding=0, strideW=1, strideH=1, depthMultiplier=1, dilationWFactor=2, dilationHFactor=2)),
]:
    case("depthwise_" + name, "DEPTHWISE_CONV_2D", opt("DepthwiseConv2DOptions", **kw), [f(*shape), C(f(*filt)), C(f(filt[3]))], [F])
for name, out, filt, x, kw in [
    ("same", (1, 8, 8, 3), (3, 3, 3, 4), (1, 4, 4, 4), dict(padding=0, strideW=2, strideH=2)),
    ("valid", (1, 9, 7, 2), (2, 3, 3, 4), (1, 4, 3, 4), dict(padding=1, strideW=2, strideH=2)),
    ("overlapping", (2, 5, 5, 2), (2, 4, 4, 3), (2, 5, 5, 3), dict(padding=0, strideW=1, strideH=1)),
]:
    case("transpose_conv_" + name, "TRANSPOSE_CONV", opt("TransposeConvOptions", **kw), [C(np.array(out, I)), C(f(*filt)), f(*x)], [F])
case("transpose_conv_bias", "TRANSPOSE_CONV", opt("TransposeConvOptions", padding=0, strideW=2, strideH=2, fusedActivationFunction=1),
     [C(np.array((1, 6, 6, 3), I)), C(f(3, 2, 2, 4)), f(1, 3, 3, 4), C(f(3))], [F], version=4)
for name, x, w, kw in [
    ("one", (1, 40), (7, 40), {}), ("rows", (6, 33), (5, 33), dict(fusedActivationFunction=1)),
    ("keep", (2, 3, 8), (5, 8), dict(keepNumDims=True)), ("flatten", (2, 3, 4), (5, 12), {}),
]:
    case("dense_" + name, "FULLY_CONNECTED", opt("FullyConnectedOptions", **kw), [f(*x), C(f(*w)), C(f(w[0]))], [F], version=5)
case("dense_no_bias", "FULLY_CONNECTED", opt("FullyConnectedOptions"), [f(2, 8), C(f(3, 8)), None], [F], version=6)
for name, a, b, kw in [
    ("plain", (2, 3, 4), (2, 4, 5), {}), ("adj_y", (2, 3, 4), (2, 5, 4), dict(adjY=True)), ("adj_x", (2, 4, 3), (2, 4, 5), dict(adjX=True)),
    ("both", (4, 3), (5, 4), dict(adjX=True, adjY=True)), ("broadcast", (2, 1, 3, 4), (3, 4, 5), {}),
]:
    case("matmul_" + name, "BATCH_MATMUL", opt("BatchMatMulOptions", **kw), [f(*a), f(*b)], [F])
case("matmul_constant", "BATCH_MATMUL", opt("BatchMatMulOptions", adjY=True), [f(2, 3, 4), C(f(5, 4))], [F])

# Pools and reductions.
for op in ("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"):
    for name, kw in [("valid", dict(padding=1, strideW=2, strideH=2, filterWidth=2, filterHeight=3)), ("same", dict(padding=0, strideW=1, strideH=2, filterWidth=3, filterHeight=3, fusedActivationFunction=1))]:
        case(f"{op.lower()}_{name}", op, opt("Pool2DOptions", **kw), [f(2, 7, 8, 3)], [F])
for op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
    for name, axes, keep in [("middle", [1, 2], False), ("keep", [1, 2], True), ("last", [-1], False), ("all", [0, 1, 2, 3], False), ("first", [0], True)]:
        case(f"{op.lower()}_{name}", op, opt("ReducerOptions", keepDims=keep), [f(2, 3, 4, 5), C(np.array(axes, I))], [F])
    case(f"{op.lower()}_int", op, opt("ReducerOptions", keepDims=False), [rng.integers(-5, 6, (3, 4)).astype(I), C(np.array([1], I))], [I])
for op in ("REDUCE_ANY", "REDUCE_ALL"):
    case(op.lower(), op, opt("ReducerOptions", keepDims=False), [rng.random((4, 3)) > .5, C(np.array([1], I))], [B])
for e in (False, True):
    for r in (False, True):
        case(f"cumsum_{int(e)}{int(r)}", "CUMSUM", opt("CumsumOptions", exclusive=e, reverse=r), [f(2, 5, 3), C(np.array(1, I))], [F])

# What moves values.
case("reshape", "RESHAPE", opt("ReshapeOptions", newShape=[3, 4]), [f(2, 6), C(np.array([3, -1], I))], [F])
case("reshape_options", "RESHAPE", opt("ReshapeOptions", newShape=[-1, 4]), [f(2, 6)], [F])
case("squeeze", "SQUEEZE", opt("SqueezeOptions", squeezeDims=[0, -1]), [f(1, 3, 1, 2, 1)], [F])
case("squeeze_all", "SQUEEZE", opt("SqueezeOptions", squeezeDims=[]), [f(1, 3, 1, 2, 1)], [F])
case("expand_dims", "EXPAND_DIMS", None, [f(2, 3), C(np.array([-1], I))], [F])
for name, order, shape in [("2d", [1, 0], (3, 5)), ("3d", [2, 0, 1], (2, 3, 4)), ("4d", [0, 3, 1, 2], (2, 3, 4, 5)), ("5d", [4, 2, 0, 3, 1], (2, 3, 2, 2, 3))]:
    case("transpose_" + name, "TRANSPOSE", None, [f(*shape), C(np.array(order, I))], [F])
case("transpose_int", "TRANSPOSE", None, [rng.integers(0, 9, (2, 3)).astype(I), C(np.array([1, 0], I))], [I])
case("pad", "PAD", None, [f(1, 3, 4, 2), C(np.array([[0, 0], [1, 2], [0, 3], [1, 0]], I))], [F])
case("pad_2d", "PAD", None, [f(3, 4), C(np.array([[1, 0], [2, 2]], I))], [F])
case("pad_with", "PADV2", None, [f(3, 4), C(np.array([[1, 0], [2, 2]], I)), C(np.array(5, F))], [F])
case("mirror_reflect", "MIRROR_PAD", opt("MirrorPadOptions", mode=0), [f(3, 4), C(np.array([[1, 2], [3, 0]], I))], [F])
case("mirror_symmetric", "MIRROR_PAD", opt("MirrorPadOptions", mode=1), [f(3, 4), C(np.array([[1, 3], [4, 0]], I))], [F])
case("slice", "SLICE", None, [f(3, 4, 5), C(np.array([1, 0, 2], I)), C(np.array([2, -1, 2], I))], [F])
for name, b, e, st, kw in [
    ("plain", [0, 1], [2, 5], [1, 2], {}), ("masks", [1, 3], [2, 4], [1, 1], dict(beginMask=1, endMask=2)), ("shrink", [1, 1], [2, 5], [1, 1], dict(shrinkAxisMask=1)),
    ("backwards", [-1, -1], [-9, 0], [-1, -2], {}), ("backwards_masks", [0, 0], [0, 0], [-1, -1], dict(beginMask=3, endMask=3)),
    ("ellipsis", [0, 1], [0, 3], [1, 1], dict(ellipsisMask=1)), ("new_axis", [0, 0, 1], [1, 3, 4], [1, 1, 1], dict(newAxisMask=1)), ("empty", [2, 3], [2, 1], [1, 1], {}),
    ("offset", [1, 1], [2, 3], [1, 1], dict(offset=True)),
]:
    case("strided_" + name, "STRIDED_SLICE", opt("StridedSliceOptions", **kw), [f(3, 6), C(np.array(b, I)), C(np.array(e, I)), C(np.array(st, I))], [F])
case("strided_3d_shrink_middle", "STRIDED_SLICE", opt("StridedSliceOptions", shrinkAxisMask=2, beginMask=5, endMask=5), [f(2, 4, 3), C(np.array([0, -1, 0], I)), C(np.array([0, 0, 0], I)), C(np.array([1, 1, 1], I))], [F])
case("split", "SPLIT", opt("SplitOptions", numSplits=3), [C(np.array(1, I)), f(2, 6, 2)], [F] * 3)
case("split_sizes", "SPLIT_V", opt("SplitVOptions", numSplits=3), [f(2, 6), C(np.array([1, -1, 3], I)), C(np.array(1, I))], [F] * 3)
case("concat", "CONCATENATION", opt("ConcatenationOptions", axis=-1), [f(2, 3, 1), f(2, 3, 4), f(2, 3, 2)], [F])
case("concat_first", "CONCATENATION", opt("ConcatenationOptions", axis=0), [f(1, 3), f(4, 3)], [F])
case("concat_int", "CONCATENATION", opt("ConcatenationOptions", axis=0), [rng.integers(0, 9, (2,)).astype(I), C(np.array([7], I))], [I])
case("pack", "PACK", opt("PackOptions", axis=1, valuesCount=3), [f(2, 3), f(2, 3), f(2, 3)], [F])
case("pack_last", "PACK", opt("PackOptions", axis=-1, valuesCount=2), [f(2, 3), f(2, 3)], [F])
case("unpack", "UNPACK", opt("UnpackOptions", axis=1, num=3), [f(2, 3, 2)], [F] * 3)
case("tile", "TILE", None, [f(2, 3), C(np.array([2, 3], I))], [F])
case("broadcast_to", "BROADCAST_TO", None, [f(3, 1), C(np.array([2, 3, 4], I))], [F], version=2)
case("reverse", "REVERSE_V2", None, [f(2, 3, 4), C(np.array([1], I))], [F])
case("reverse_sequence", "REVERSE_SEQUENCE", opt("ReverseSequenceOptions", seqDim=1, batchDim=0), [f(3, 4, 2), C(np.array([2, 4, 1], I))], [F])
case("reverse_sequence_batch_behind", "REVERSE_SEQUENCE", opt("ReverseSequenceOptions", seqDim=0, batchDim=2), [f(4, 2, 3), C(np.array([2, 4, 1], I))], [F])
case("space_to_depth", "SPACE_TO_DEPTH", opt("SpaceToDepthOptions", blockSize=2), [f(2, 4, 6, 3)], [F])
case("depth_to_space", "DEPTH_TO_SPACE", opt("DepthToSpaceOptions", blockSize=2), [f(2, 2, 3, 8)], [F])
case("space_to_batch", "SPACE_TO_BATCH_ND", None, [f(2, 4, 5, 3), C(np.array([2, 3], I)), C(np.array([[1, 1], [0, 1]], I))], [F])
case("space_to_batch_3d", "SPACE_TO_BATCH_ND", None, [f(2, 4, 3), C(np.array([2], I)), C(np.array([[1, 1]], I))], [F])
case("batch_to_space", "BATCH_TO_SPACE_ND", None, [f(8, 3, 2, 3), C(np.array([2, 2], I)), C(np.array([[1, 1], [0, 1]], I))], [F])
for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
    kind = "ResizeBilinearOptions" if op == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
    for name, kw in [("plain", {}), ("corners", dict(alignCorners=True)), ("half", dict(halfPixelCenters=True))]:
        for size in ([6, 9], [2, 3], [5, 1]):
            case(f"{op.lower()}_{name}_{size[0]}{size[1]}", op, opt(kind, **kw), [f(2, 3, 5, 2), C(np.array(size, I))], [F], version=3)

# Indices and shapes.
case("gather", "GATHER", opt("GatherOptions", axis=1), [f(2, 4, 3), C(np.array([3, 0, 3], I))], [F])
case("gather_matrix", "GATHER", opt("GatherOptions", axis=0), [f(4, 3), np.array([[3, 0], [1, 2]], I)], [F])
case("gather_batch", "GATHER", opt("GatherOptions", axis=2, batchDims=1), [f(2, 3, 4, 2), C(np.array([[3, 0], [1, 2]], I))], [F])
case("gather_scalar", "GATHER", opt("GatherOptions", axis=-1), [f(2, 4), C(np.array(2, I))], [F])
case("gather_nd", "GATHER_ND", None, [f(3, 4, 2), C(np.array([[0, 1], [2, 3]], I))], [F])
case("gather_nd_rows", "GATHER_ND", None, [f(3, 4, 2), C(np.array([[[0], [2]], [[1], [1]]], I))], [F])
case("scatter_nd", "SCATTER_ND", None, [C(np.array([[0], [2], [0]], I)), f(3, 4), C(np.array([4, 4], I))], [F])
case("embedding_lookup", "EMBEDDING_LOOKUP", None, [np.array([2, 0, 1], I), C(f(3, 4))], [F])
for op, o in (("ARG_MAX", "ArgMaxOptions"), ("ARG_MIN", "ArgMinOptions")):
    case(op.lower(), op, opt(o, outputType=2), [f(2, 5, 3), C(np.array(1, I))], [I])
    case(op.lower() + "_64", op, opt(o, outputType=4), [rng.integers(0, 4, (3, 6)).astype(F), C(np.array(-1, I))], [L])
case("top_k", "TOPK_V2", None, [f(3, 7), C(np.array(3, I))], [F, I])
case("top_k_ties", "TOPK_V2", None, [rng.integers(0, 3, (2, 6)).astype(F), C(np.array(4, I))], [F, I])
case("one_hot", "ONE_HOT", opt("OneHotOptions", axis=-1), [np.array([[0, 2], [-1, 5]], I), C(np.array(4, I)), C(np.array(3, F)), C(np.array(-1, F))], [F])
case("one_hot_middle", "ONE_HOT", opt("OneHotOptions", axis=1), [np.array([[0, 2, 1], [3, 1, 0]], I), C(np.array(4, I)), C(np.array(1, F)), C(np.array(0, F))], [F])
case("where", "WHERE", None, [rng.random((3, 4)) > .5], [L])
case("select", "SELECT", None, [rng.random((2, 5)) > .5, f(2, 5), f(2, 5)], [F])
case("select_rows", "SELECT", None, [np.array([True, False, True]), f(3, 5), f(3, 5)], [F])
case("select_v2", "SELECT_V2", None, [rng.random((3, 1)) > .5, f(2, 3, 4), f(4)], [F])
case("shape", "SHAPE", opt("ShapeOptions", outType=2), [f(2, 3, 4)], [I])
case("shape_64", "SHAPE", opt("ShapeOptions", outType=4), [f(2, 3, 4)], [L])
case("rank", "RANK", None, [f(2, 3, 4)], [I])
case("range", "RANGE", None, [np.array(2, I), np.array(11, I), np.array(3, I)], [I])
case("range_down", "RANGE", None, [np.array(5, I), np.array(-3, I), np.array(-2, I)], [I])
case("range_float", "RANGE", None, [np.array(.5, F), np.array(2.2, F), np.array(.5, F)], [F])
case("fill", "FILL", None, [np.array([2, 3], I), np.array(1.5, F)], [F])
case("broadcast_args", "BROADCAST_ARGS", None, [np.array([3, 1], I), np.array([2, 1, 4], I)], [I])
case("dynamic_update_slice", "DYNAMIC_UPDATE_SLICE", None, [f(4, 5), f(2, 3), np.array([3, 1], I)], [F])
for a, b in [(F, I), (I, F), (F, L), (F, B), (B, F), (I, L), (F, np.uint8), (I, np.int8), (np.uint8, F)]:
    x = rng.integers(0, 3, (7,)).astype(a) if a != F else f(7, low=0 if b == np.uint8 else -3, high=3)
    case(f"cast_{np.dtype(a).name}_{np.dtype(b).name}", "CAST", None, [x], [b])
case("fake_quant", "FAKE_QUANT", opt("FakeQuantOptions", min=-1.0, max=1.5, numBits=8), [f(50)], [F])

# Codes. q: scale and zero point.
q = (0.05, 3, 0)
codes = rng.integers(-128, 128, (1, 6, 6, 4)).astype(np.int8)
case("quantize", "QUANTIZE", None, [f(40)], [np.int8], out_quant=q)
case("quantize_16", "QUANTIZE", None, [f(40)], [np.int16], out_quant=(2 / 32767, 0, 0), version=2)
case("dequantize", "DEQUANTIZE", None, [codes], [F], in_quant=q, version=2)
case("requantize", "QUANTIZE", None, [codes], [np.int8], in_quant=q, out_quant=(.07, -4, 0), version=2)
case("reshape_codes", "RESHAPE", opt("ReshapeOptions", newShape=[4, 36]), [codes], [np.int8], in_quant=q, out_quant=q)
case("max_pool_codes", "MAX_POOL_2D", opt("Pool2DOptions", padding=1, strideW=2, strideH=2, filterWidth=2, filterHeight=2), [codes], [np.int8], in_quant=q, out_quant=q, version=2)
case("add_codes", "ADD", opt("AddOptions"), [codes, codes[:, ::-1].copy()], [np.int8], in_quant=q, out_quant=(.1, 7, 0), version=2)
case("mean_codes", "MEAN", opt("ReducerOptions", keepDims=True), [codes, C(np.array([1, 2], I))], [np.int8], in_quant=q, out_quant=(.03, 2, 0), version=2)
case("logistic_codes", "LOGISTIC", None, [codes], [np.int8], in_quant=q, out_quant=(1 / 256, -128, 0), version=2)
w_scales = np.array([.01, .02, .015], F)
case("conv_codes", "CONV_2D", opt("Conv2DOptions", padding=0, strideW=1, strideH=1),
     [codes, C(rng.integers(-127, 128, (3, 3, 3, 4)).astype(np.int8), (w_scales, [0] * 3, 0)), C(rng.integers(-500, 500, (3,)).astype(I), (w_scales * np.float32(.05), [0] * 3, 0))],
     [np.int8], in_quant=q, out_quant=(.2, -11, 0), version=3)
case("dense_codes", "FULLY_CONNECTED", opt("FullyConnectedOptions"),
     [codes.reshape(4, 36), C(rng.integers(-127, 128, (5, 36)).astype(np.int8), (.01, 0, 0)), C(rng.integers(-500, 500, (5,)).astype(I), (.01 * .05, 0, 0))],
     [np.int8], in_quant=q, out_quant=(.1, 5, 0), version=4)
case("dense_dynamic_range", "FULLY_CONNECTED", opt("FullyConnectedOptions", asymmetricQuantizeInputs=True),
     [f(4, 36), C(rng.integers(-127, 128, (5, 36)).astype(np.int8), (.01, 0, 0)), C(f(5))], [F], version=9)
for op, name, o, filt, axis, version in [
    ("CONV_2D", "conv", opt("Conv2DOptions", padding=0, strideW=1, strideH=1), (5, 3, 3, 4), 0, 5),
    ("DEPTHWISE_CONV_2D", "depthwise", opt("DepthwiseConv2DOptions", padding=0, strideW=1, strideH=1, depthMultiplier=1), (1, 3, 3, 4), 3, 6),
]:
    n = filt[axis]
    case(name + "_dynamic_range", op, o, [f(2, 6, 6, 4, low=-1, high=3), C(rng.integers(-127, 128, filt).astype(np.int8), (np.linspace(.01, .02, n), [0] * n, axis)), C(f(n))], [F], version=version)
case("dense_dynamic_range_symmetric", "FULLY_CONNECTED", opt("FullyConnectedOptions", asymmetricQuantizeInputs=False),
     [f(4, 36, low=-1, high=3), C(rng.integers(-127, 128, (5, 36)).astype(np.int8), (.01, 0, 0)), C(f(5))], [F], version=3)
case("mul_codes", "MUL", opt("MulOptions"), [codes, codes[:, ::-1].copy()], [np.int8], in_quant=q, out_quant=(.4, 7, 0), version=2)
case("sub_codes", "SUB", opt("SubOptions"), [codes, codes[:, ::-1].copy()], [np.int8], in_quant=q, out_quant=(.1, 7, 0), version=2)
case("average_pool_codes", "AVERAGE_POOL_2D", opt("Pool2DOptions", padding=0, strideW=2, strideH=2, filterWidth=3, filterHeight=2), [codes], [np.int8], in_quant=q, out_quant=q, version=2)
case("softmax_codes", "SOFTMAX", opt("SoftmaxOptions", beta=1.0), [codes], [np.int8], in_quant=q, out_quant=(1 / 256, -128, 0), version=2)
case("tanh_codes", "TANH", None, [codes], [np.int8], in_quant=q, out_quant=(1 / 128, 0, 0), version=2)
case("resize_codes", "RESIZE_BILINEAR", opt("ResizeBilinearOptions", halfPixelCenters=True), [codes, C(np.array([9, 12], I))], [np.int8], in_quant=q, out_quant=q, version=3)
case("leaky_relu_codes", "LEAKY_RELU", opt("LeakyReluOptions", alpha=.2), [codes], [np.int8], in_quant=q, out_quant=(.04, 0, 0), version=2)
wide = rng.integers(-32767, 32768, (4, 36)).astype(np.int16)
q16 = (2 / 32767, 0, 0)
case("dense_codes_16", "FULLY_CONNECTED", opt("FullyConnectedOptions"),
     [wide, C(rng.integers(-127, 128, (5, 36)).astype(np.int8), (.01, 0, 0)), C(rng.integers(-50000, 50000, (5,)).astype(L), (.01 * 2 / 32767, 0, 0))],
     [np.int16], in_quant=q16, out_quant=(20 / 32767, 0, 0), version=4)
case("add_codes_16", "ADD", opt("AddOptions", potScaleInt16=False), [wide, wide[::-1].copy()], [np.int16], in_quant=q16, out_quant=(4 / 32767, 0, 0), version=3)


# Weights as halves behind a DEQUANTIZE.
m = new_model()
g = Graph(m)
x, w, r, b, y = g.input(F, (2, 8)), g.const(f(3, 8).astype(np.float16)), g.tensor(F, (3, 8)), g.const(f(3)), g.tensor(F)
g.op("DEQUANTIZE", [w], [r], version=3)
g.op("FULLY_CONNECTED", [x, r, b], [y], opt("FullyConnectedOptions"))
g.outputs = [y]
run("float16_weights", pack(m, [g]), [f(2, 8)])

# A batch of any length, through SHAPE, STRIDED_SLICE, PACK and RESHAPE.
m = new_model()
g = Graph(m)
x = g.input(F, (1, 2, 3), signature=(-1, 2, 3))
sh, one, p, y = g.tensor(I), g.tensor(I), g.tensor(I), g.tensor(F)
g.op("SHAPE", [x], [sh], opt("ShapeOptions", outType=2))
g.op("STRIDED_SLICE", [sh, g.const(np.array([0], I)), g.const(np.array([1], I)), g.const(np.array([1], I))], [one], opt("StridedSliceOptions", shrinkAxisMask=1))
g.op("PACK", [one, g.const(np.array(6, I))], [p], opt("PackOptions", axis=0, valuesCount=2))
g.op("RESHAPE", [x, p], [y])
g.outputs = [y]
run("any_batch", pack(m, [g]), [f(5, 2, 3)])

# A loop: halves until it is below 1, and counts.
m = new_model()
main, cond, body = Graph(m), Graph(m), Graph(m)
x, n = main.input(F, (3,)), main.input(I, ())
main.outputs = [main.tensor(F, (3,)), main.tensor(I, ())]
main.op("WHILE", [x, n], main.outputs, opt("WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2))
x, n = cond.input(F, (3,)), cond.input(I, ())
top, cond.outputs = cond.tensor(F), [cond.tensor(B)]
cond.op("REDUCE_MAX", [x, cond.const(np.array([0], I))], [top], opt("ReducerOptions"))
cond.op("GREATER", [top, cond.const(np.array(1, F))], cond.outputs)
x, n = body.input(F, (3,)), body.input(I, ())
body.outputs = [body.tensor(F, (3,)), body.tensor(I, ())]
body.op("MUL", [x, body.const(np.array(.5, F))], [body.outputs[0]], opt("MulOptions"))
body.op("ADD", [n, body.const(np.array(1, I))], [body.outputs[1]], opt("AddOptions"))
run("while", pack(m, [main, cond, body]), [f(3, low=5, high=40), np.array(0, I)])

# A choice.
for truth in (True, False):
    m = new_model()
    main, yes, no = Graph(m), Graph(m), Graph(m)
    t, x = main.input(B, (1,)), main.input(F, (3,))
    main.outputs = [main.tensor(F, (3,))]
    main.op("IF", [t, x], main.outputs, opt("IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2))
    for part, op in ((yes, "EXP"), (no, "NEG")):
        x = part.input(F, (3,))
        part.outputs = [part.tensor(F, (3,))]
        part.op(op, [x], part.outputs)
    run(f"if_{truth}".lower(), pack(m, [main, yes, no]), [np.array([truth]), f(3)])

# A variable that is set once, and then changed.
m = new_model()
main, init = Graph(m), Graph(m)
RESOURCE = 13


def handle(part):
    t = part.tensor(F, (1,), kind=RESOURCE)
    part.op("VAR_HANDLE", [], [t], opt("VarHandleOptions", container="", sharedName="v"))
    return t


v = handle(init)
init.op("ASSIGN_VARIABLE", [v, init.const(np.array([1, 2, 3], F))], [])
main.op("CALL_ONCE", [], [], opt("CallOnceOptions", initSubgraphIndex=1))
x = main.input(F, (3,))
v, old, total = handle(main), main.tensor(F, (3,)), main.tensor(F, (3,))
main.op("READ_VARIABLE", [v], [old])
main.op("ADD", [old, x], [total], opt("AddOptions"))
main.op("ASSIGN_VARIABLE", [v, total], [])
main.outputs = [total]
run("variable", pack(m, [main, init]), [f(3)])

# Two signatures of one file, each with a subgraph of its own.
m = new_model()
first, second = Graph(m), Graph(m)
m.signatureDefs = []
for number, (part, op, key) in enumerate([(first, "NEG", "negated"), (second, "EXP", "exponential")]):
    x = part.input(F, (3,))
    part.outputs = [part.tensor(F, (3,))]
    part.op(op, [x], part.outputs)
    signature = s.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = key, number
    ports = []
    for name, tensor in (("x", x), ("y", part.outputs[0])):
        port = s.TensorMapT()
        port.name, port.tensorIndex = name, tensor
        ports.append(port)
    signature.inputs, signature.outputs = ports[:1], ports[1:]
    m.signatureDefs.append(signature)
run("signatures", pack(m, [first, second]), [f(3)])

# Recurrent layers: (steps, batch, inputs, cells, outputs).
def lstm(name, steps, batch, depth, cells, width=None, peepholes=False, coupled=False, normalized=False, quant=False, version=1, **fields):
    def weights(*shape):
        w = f(*shape, low=-0.5, high=0.5)
        if not quant:
            return C(w)
        scale = F(np.abs(w).max() / 127)
        return C(np.rint(w / scale).astype(np.int8), (scale, 0, 0))

    first = 1 if coupled else 0
    out = width or cells
    ins = [f(*((steps, batch) if fields.get("timeMajor") else (batch, steps)), depth)]
    ins += [weights(cells, depth) if gate >= first else None for gate in range(4)]
    ins += [weights(cells, out) if gate >= first else None for gate in range(4)]
    ins += [C(f(cells, low=-0.5, high=0.5)) if peepholes and gate >= first else None for gate in range(3)]
    ins += [C(f(cells, low=-1, high=1)) if gate >= first else None for gate in range(4)]
    ins += [weights(width, cells) if width else None, C(f(width)) if width and not quant else None]
    ins += [State(batch, out), State(batch, cells)]
    ins += [C(f(cells, low=0.5, high=1.5)) if normalized and gate >= first else None for gate in range(4)]
    fields = {"fusedActivationFunction": 4, **fields}
    case(name, "UNIDIRECTIONAL_SEQUENCE_LSTM", opt("UnidirectionalSequenceLSTMOptions", **fields), ins, [F], version)


lstm("lstm", 7, 2, 5, 6)
lstm("lstm_time_major", 5, 3, 4, 20, timeMajor=True)
lstm("lstm_peepholes", 6, 1, 3, 5, peepholes=True)
lstm("lstm_coupled", 6, 2, 3, 5, coupled=True)
lstm("lstm_projected", 6, 2, 3, 9, width=4, cellClip=0.7, projClip=1.1)
lstm("lstm_normalized", 6, 2, 3, 5, normalized=True)
lstm("lstm_dynamic", 6, 2, 16, 24, quant=True, version=2)
lstm("lstm_dynamic_asymmetric", 6, 2, 16, 24, quant=True, version=4, asymmetricQuantizeInputs=True)
for name, activation, time_major in [("rnn", 4, False), ("rnn_relu_time_major", 1, True)]:
    weights = [C(f(6, 4, low=-0.5, high=0.5)), C(f(6, 6, low=-0.4, high=0.4)), C(f(6)), State(2, 6)]
    options = opt("SequenceRNNOptions", fusedActivationFunction=activation, timeMajor=time_major)
    case(name, "UNIDIRECTIONAL_SEQUENCE_RNN", options, [f(*((5, 2) if time_major else (2, 5)), 4), *weights], [F])

# Three spatial axes.
for name, padding, stride, dilation, activation in [("same", 0, 1, 1, 1), ("valid_strided", 1, 2, 1, 0), ("dilated", 0, 1, 2, 0)]:
    fields = {f"stride{a}": stride for a in "DHW"} | {f"dilation{a}Factor": dilation for a in "DHW"}
    options = opt("Conv3DOptions", padding=padding, fusedActivationFunction=activation, **fields)
    case(f"conv_3d_{name}", "CONV_3D", options, [f(2, 5, 4, 6, 3), C(f(3, 2, 3, 3, 7)), C(f(7))], [F])

index, blob = [], []
for name, (model, inputs, outputs) in CASES.items():
    arrays = [np.frombuffer(model, np.uint8), *inputs, *outputs]
    shapes = " ".join(f"{a.dtype.name}:{','.join(map(str, a.shape))}" for a in arrays)
    index.append(f"{name} {len(inputs)} {shapes}")
    blob += [np.ascontiguousarray(a).tobytes() for a in arrays]
text = np.frombuffer("\n".join(index).encode(), np.uint8)
np.savez_compressed(sys.argv[1], index=text, bytes=np.frombuffer(b"".join(blob), np.uint8))
print(len(CASES), "cases;", "refused:", SKIPPED)
