"""Nets with random weights of the kinds that full-integer models are made of: residual, depthwise, joined, attention, mixer."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from kinds import F32, one, options

RELU, RELU6 = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6
SAME = schema.Padding.SAME


class Net:
    """A net that is built operator by operator; values are known by their names."""

    def __init__(self, seed, shape):
        self.random = np.random.default_rng(seed)
        self.inputs, self.constants, self.steps, self.shapes = {"x": (shape, F32)}, {}, [], {"x": shape}

    def constant(self, data):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(data)
        return name

    def numbers(self, *values):
        return self.constant(np.array(values, np.int32))

    def add(self, kind, takes, shape, *more):
        name = f"v{len(self.steps)}"
        self.steps.append((kind, takes, [(name, shape, F32)], *more))
        self.shapes[name] = list(shape)
        return name

    def weights(self, *shape, fan):
        """Channels of different magnitudes, as trained nets have them."""
        gains = np.exp(self.random.normal(size=(shape[0],) + (1,) * (len(shape) - 1)) * 0.5)
        return self.constant((self.random.normal(size=shape) * gains * np.sqrt(2 / fan)).astype(np.float32))

    def bias(self, count):
        return self.constant((self.random.normal(size=count) * 0.2).astype(np.float32))

    def conv(self, x, channels, side=3, stride=1, activation=0):
        _, height, width, before = self.shapes[x]
        takes = [x, self.weights(channels, side, side, before, fan=side * side * before), self.bias(channels)]
        fields = {"padding": SAME, "strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1}
        shape = [1, -(-height // stride), -(-width // stride), channels]
        return self.add("CONV_2D", takes, shape, options("Conv2D", fusedActivationFunction=activation, **fields))

    def depthwise(self, x, stride=1, activation=0):
        _, height, width, channels = self.shapes[x]
        gains = np.exp(self.random.normal(size=channels) * 0.8) * np.sqrt(2 / 9)
        takes = [x, self.constant((self.random.normal(size=(1, 3, 3, channels)) * gains).astype(np.float32)), self.bias(channels)]
        fields = {"padding": SAME, "strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1}
        shape = [1, -(-height // stride), -(-width // stride), channels]
        made = options("DepthwiseConv2D", fusedActivationFunction=activation, depthMultiplier=1, **fields)
        return self.add("DEPTHWISE_CONV_2D", takes, shape, made)

    def dense(self, x, channels, activation=0, gain=1.0):
        shape = self.shapes[x]
        weights = self.weights(channels, shape[-1], fan=shape[-1])
        self.constants[weights] *= np.float32(gain)
        made = options("FullyConnected", fusedActivationFunction=activation, keepNumDims=len(shape) > 2)
        return self.add("FULLY_CONNECTED", [x, weights, self.bias(channels)], [*shape[:-1], channels], made)

    def two(self, kind, a, b, activation=0):
        fused = {} if kind == "SQUARED_DIFFERENCE" else {"fusedActivationFunction": activation}
        shape = self.shapes[a]
        return self.add(kind, [a, b], shape, options({"SQUARED_DIFFERENCE": "SquaredDifference"}.get(kind, kind.title()), **fused))

    def mean(self, x, *axes, keep=False):
        shape = [1 if i in axes else n for i, n in enumerate(self.shapes[x]) if keep or i not in axes]
        return self.add("MEAN", [x, self.numbers(*axes)], shape, options("Reducer", keepDims=keep))

    def transpose(self, x, *order):
        return self.add("TRANSPOSE", [x, self.numbers(*order)], [self.shapes[x][i] for i in order], options("Transpose"))

    def reshape(self, x, *shape):
        return self.add("RESHAPE", [x, self.numbers(*shape)], shape, options("Reshape", newShape=list(shape)))

    def product(self, a, b, adjoint=False):
        *leading, rows, _ = self.shapes[a]
        columns = self.shapes[b][-2 if adjoint else -1]
        return self.add("BATCH_MATMUL", [a, b], [*leading, rows, columns], options("BatchMatMul", adjY=adjoint))

    def norm(self, x):
        """Layer normalization as converters export it."""
        channels = self.shapes[x][-1]
        mean = self.mean(x, len(self.shapes[x]) - 1, keep=True)
        squares = self.add("SQUARED_DIFFERENCE", [x, mean], self.shapes[x], options("SquaredDifference"))
        variance = self.mean(squares, len(self.shapes[x]) - 1, keep=True)
        epsilon = self.constant(np.array(1e-3, np.float32))
        root = self.add("RSQRT", [self.two("ADD", variance, epsilon)], self.shapes[variance])
        gain = self.constant((1 + 0.2 * self.random.normal(size=channels)).astype(np.float32))
        factor = self.add("MUL", [root, gain], self.shapes[x], options("Mul"))
        scaled = self.two("MUL", x, factor)
        taken = self.add("MUL", [mean, factor], self.shapes[x], options("Mul"))
        shift = self.add("NEG", [taken], self.shapes[x], options("Neg"))
        return self.two("ADD", scaled, self.two("ADD", shift, self.bias(channels)))

    def softmax(self, x):
        return self.add("SOFTMAX", [x], self.shapes[x], options("Softmax", beta=1.0))

    def packed(self, *outputs):
        return one(self.inputs, self.constants, self.steps, list(outputs))


def residual():
    net = Net(1, [1, 12, 12, 3])
    x = net.conv("x", 16, activation=RELU)
    for _ in range(3):
        x = net.two("ADD", net.conv(net.conv(x, 16, activation=RELU), 16), x, activation=RELU)
    return net.packed(net.dense(net.mean(x, 1, 2), 10, gain=0.5))


def depthwise():
    net = Net(2, [1, 12, 12, 3])
    x = net.conv("x", 12, activation=RELU6)
    for stride in [1, 2, 1]:
        y = net.depthwise(net.conv(x, 48, side=1, activation=RELU6), stride, activation=RELU6)
        y = net.conv(y, 12, side=1)
        x = net.two("ADD", x, y) if stride == 1 else y
    return net.packed(net.softmax(net.dense(net.mean(x, 1, 2), 10)))


def joined():
    net = Net(3, [1, 12, 12, 3])
    x = net.conv("x", 16, activation=RELU)
    parts = [net.conv(x, 8, side=1, activation=RELU), net.conv(x, 8, activation=RELU), x]
    x = net.add("CONCATENATION", parts, [1, 12, 12, 32], options("Concatenation", axis=3))
    pool = options("Pool2D", padding=SAME, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    x = net.add("MAX_POOL_2D", [x], [1, 6, 6, 32], pool)
    x = net.conv(x, 16, activation=RELU)
    gate = net.add("LOGISTIC", [net.dense(net.reshape(net.mean(x, 1, 2), 1, 1, 1, 16), 16)], [1, 1, 1, 16])
    return net.packed(net.dense(net.reshape(net.two("MUL", x, gate), 1, 576), 6))


def prelu():
    net = Net(4, [1, 12, 12, 3])
    x = net.conv("x", 16)
    for _ in range(3):
        alpha = net.constant(net.random.uniform(0.05, 0.4, (1, 1, 16)).astype(np.float32))
        x = net.conv(net.add("PRELU", [x, alpha], net.shapes[x]), 16)
    return net.packed(net.dense(net.mean(x, 1, 2), 8))


def attention():
    """A block of a transformer: four heads, both normalizations, a hidden layer."""
    net = Net(5, [1, 12, 24])
    x = net.dense("x", 32)
    y = net.norm(x)
    heads = []
    for _ in range(3):
        heads.append(net.transpose(net.reshape(net.dense(y, 32), 1, 12, 4, 8), 0, 2, 1, 3))
    scores = net.two("MUL", net.product(heads[0], heads[1], adjoint=True), net.constant(np.array(8**-0.5, np.float32)))
    y = net.product(net.softmax(scores), heads[2])
    y = net.dense(net.reshape(net.transpose(y, 0, 2, 1, 3), 1, 12, 32), 32)
    x = net.two("ADD", x, y)
    y = net.dense(net.norm(x), 64)
    y = net.dense(net.add("GELU", [y], net.shapes[y], options("Gelu", approximate=False)), 32)
    return net.packed(net.dense(net.mean(net.two("ADD", x, y), 1), 6, gain=0.5))


def mixer():
    net = Net(6, [1, 16, 24])
    x = net.dense("x", 24)
    for _ in range(2):
        for order in [(0, 2, 1), None]:
            y = net.norm(x)
            y = net.transpose(y, *order) if order else y
            side = net.shapes[y][-1]
            y = net.dense(y, 2 * side)
            y = net.dense(net.add("GELU", [y], net.shapes[y], options("Gelu", approximate=True)), side)
            x = net.two("ADD", x, net.transpose(y, *order) if order else y)
    return net.packed(net.dense(net.mean(x, 1), 6, gain=0.5))


NETS = {f.__name__: f for f in [residual, depthwise, joined, prelu, attention, mixer]}


def samples(name, count, seed=11):
    """Inputs of a net: smooth over places, with some channels that are larger than others."""
    random = np.random.default_rng(seed)
    shape = {"attention": (12, 24), "mixer": (16, 24)}.get(name, (12, 12, 3))
    data = random.normal(size=(count, *shape))
    for axis in range(1, len(shape)):
        data = (data + np.roll(data, 1, axis) + np.roll(data, 2, axis)) / 2
    return (data * np.linspace(0.3, 1.5, shape[-1])).astype(np.float32)
