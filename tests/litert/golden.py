"""Makes int8_dynamic.json: the int8 codes and f32 scales that two other tools give the weights of mnist_cnn.

    pip install ai-edge-quantizer==0.10.0 && python golden.py ai-edge-quantizer
    pip install tensorflow-cpu==2.21.0    && python golden.py TFLiteConverter

Each run adds its tool to the file. The converter has no way in for a .tflite file, so the network is built anew from the
weights of one.
"""

import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
MODEL = HERE.parent.parent / "examples" / "data" / "mnist_cnn.tflite"
CONV_2D, FULLY_CONNECTED = 3, 9


def weights(schema, content):
    """Returns operator, weights, scales and bias of each convolution and fully-connected layer."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph, layers = model.subgraphs[0], []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        code = max(code.builtinCode, code.deprecatedBuiltinCode)
        if code in (CONV_2D, FULLY_CONNECTED):
            tensor, bias = (graph.tensors[i] for i in operator.inputs[1:3])
            kind = {0: np.float32, 9: np.int8}[tensor.type]
            values = np.frombuffer(bytes(model.buffers[tensor.buffer].data), kind).reshape(tensor.shape)
            bias = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.float32)
            layers.append((code, values, tensor.quantization and tensor.quantization.scale, bias))
    return layers


def ai_edge_quantizer():
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_quantizer import quantizer, recipe

    tool = quantizer.Quantizer(str(MODEL))
    tool.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    return weights(schema, bytes(tool.quantize().quantized_model))


def tflite_converter():
    import tensorflow as tf
    from tensorflow.lite.python import schema_py_generated as schema

    layers = weights(schema, MODEL.read_bytes())
    convolutions = [layer for layer in layers if layer[0] == CONV_2D]
    dense = [layer for layer in layers if layer[0] == FULLY_CONNECTED]

    @tf.function(input_signature=[tf.TensorSpec([1, 28, 28, 1], tf.float32)])
    def network(x):
        for i, (_, w, _, b) in enumerate(convolutions):
            x = tf.nn.relu(tf.nn.conv2d(x, np.transpose(w, (1, 2, 3, 0)), 1, "SAME") + b)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID") if i + 1 < len(convolutions) else x
        x = tf.reshape(x, [1, -1])
        x = tf.nn.relu(tf.matmul(x, dense[0][1].T) + dense[0][3])
        return tf.nn.softmax(tf.matmul(x, dense[1][1].T) + dense[1][3])

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return weights(schema, converter.convert())


def fnv1a(content):
    """A hash that a test can compute in three lines."""
    state = 0xCBF29CE484222325
    for byte in content:
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"{state:016x}"


tool = sys.argv[1]
layers = {"ai-edge-quantizer": ai_edge_quantizer, "TFLiteConverter": tflite_converter}[tool]()
target = HERE / "int8_dynamic.json"
golden = json.loads(target.read_text()) if target.exists() else {}
golden[tool] = [
    {
        "shape": list(map(int, codes.shape)),
        "codes_fnv1a": fnv1a(codes.tobytes()),
        "scale_bits": np.asarray(scales, np.float32).view(np.uint32).tolist(),
    }
    for _, codes, scales, _ in layers
    if codes.dtype == np.int8 and codes.size >= 1024
]
target.write_text(json.dumps(golden))
print(tool, [layer["shape"] for layer in golden[tool]])
