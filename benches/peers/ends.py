"""Inputs and outputs of models that compute in integers."""

import numpy as np


def codes(x, detail):
    """Returns an input as the model wants it: reals, or the codes of them."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return x
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.rint(x / scale) + zero_point, limits.min, limits.max).astype(detail["dtype"])


def reals(x, detail):
    """Returns an output as reals."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return x.astype(np.float64)
    scale, zero_point = detail["quantization"]
    return (x.astype(np.float64) - zero_point) * scale
