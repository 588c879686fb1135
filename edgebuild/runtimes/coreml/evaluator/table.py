"""Every operator the evaluator knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator import (
    activation,
    convolution,
    creation,
    elementwise,
    image,
    indexing,
    linear,
    lists,
    normalization,
    ordering,
    pooling,
    quantization,
    recurrent,
    reduction,
    shaping,
    slicing,
)

Operator = Callable[..., Any]


def of_one(function: Operator) -> Operator:
    """Numpy's function of one argument by MIL's name for it."""

    def call(x: Any) -> Any:
        return function(x)

    return call


def of_two(function: Operator) -> Operator:
    """Numpy's function of two arguments by MIL's names for them."""

    def call(x: Any, y: Any) -> Any:
        return function(x, y)

    return call


UNARY: dict[str, Operator] = {
    "abs": np.abs, "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "atanh": np.arctanh, "ceil": np.ceil,
    "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "exp2": np.exp2, "floor": np.floor, "logical_not": np.logical_not,
    "round": np.rint, "sign": np.sign, "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "square": np.square,
    "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip

BINARY: dict[str, Operator] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "real_div": np.true_divide, "floor_div": np.floor_divide,
    # The sign is the divisor's: x - floor(x / y) * y.
    "mod": np.mod,
    "maximum": np.maximum, "minimum": np.minimum, "equal": np.equal, "not_equal": np.not_equal, "greater": np.greater,
    "greater_equal": np.greater_equal, "less": np.less, "less_equal": np.less_equal, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip

OPERATORS: dict[str, Operator] = {
    **{name: of_one(function) for name, function in UNARY.items()},
    **{name: of_two(function) for name, function in BINARY.items()},
    "affine": image.affine,
    "argsort": ordering.argsort,
    "avg_pool": pooling.avg_pool,
    "band_part": creation.band_part,
    "batch_norm": normalization.batch_norm,
    "batch_to_space": shaping.batch_to_space,
    "cast": elementwise.cast,
    "clamped_relu": activation.clamped_relu,
    "clip": elementwise.clip,
    "concat": slicing.concat,
    "crop": slicing.crop,
    "crop_resize": image.crop_resize,
    "cumsum": creation.cumsum,
    "depth_to_space": shaping.depth_to_space,
    "dequantize": quantization.dequantize,
    "einsum": linear.einsum,
    "elu": activation.elu,
    "erf": elementwise.erf,
    "expand_dims": shaping.expand_dims,
    "fill": creation.fill,
    "fill_like": creation.fill_like,
    "flatten2d": shaping.flatten2d,
    "gather": indexing.gather,
    "gather_along_axis": indexing.gather_along_axis,
    "gather_nd": indexing.gather_nd,
    "gelu": activation.gelu,
    "gru": recurrent.gru,
    "identity": elementwise.identity,
    "instance_norm": normalization.instance_norm,
    "inverse": elementwise.inverse,
    "l2_norm": normalization.l2_norm,
    "l2_pool": pooling.l2_pool,
    "layer_norm": normalization.layer_norm,
    "leaky_relu": activation.leaky_relu,
    "linear": linear.linear,
    "linear_activation": activation.linear_activation,
    "list_gather": lists.list_gather,
    "list_length": lists.list_length,
    "list_read": lists.list_read,
    "list_scatter": lists.list_scatter,
    "list_write": lists.list_write,
    "local_response_norm": normalization.local_response_norm,
    "log": elementwise.log,
    "lstm": recurrent.lstm,
    "make_list": lists.make_list,
    "matmul": linear.matmul,
    "max_pool": pooling.max_pool,
    "non_maximum_suppression": ordering.non_maximum_suppression,
    "non_zero": creation.non_zero,
    "one_hot": creation.one_hot,
    "pad": slicing.pad,
    "pixel_shuffle": shaping.pixel_shuffle,
    "pixel_unshuffle": shaping.pixel_unshuffle,
    "pow": elementwise.power,
    "prelu": activation.prelu,
    "quantize": quantization.quantize,
    "range_1d": creation.range_1d,
    "reduce_argmax": reduction.argmax,
    "reduce_argmin": reduction.argmin,
    "reduce_l1_norm": reduction.l1_norm,
    "reduce_l2_norm": reduction.l2_norm,
    "reduce_log_sum": reduction.log_sum,
    "reduce_log_sum_exp": reduction.logsumexp,
    "reduce_max": reduction.maximum,
    "reduce_mean": reduction.mean,
    "reduce_min": reduction.minimum,
    "reduce_prod": reduction.product,
    "reduce_sum": reduction.total,
    "reduce_sum_square": reduction.sum_square,
    "relu": activation.relu,
    "relu6": activation.relu6,
    "resample": image.resample,
    "reshape": shaping.reshape,
    "reshape_like": shaping.reshape_like,
    "resize": image.resize,
    "resize_bilinear": image.resize_bilinear,
    "resize_nearest_neighbor": image.resize_nearest_neighbor,
    "reverse": shaping.reverse,
    "reverse_sequence": shaping.reverse_sequence,
    "rnn": recurrent.rnn,
    "rsqrt": elementwise.rsqrt,
    "scaled_dot_product_attention": linear.scaled_dot_product_attention,
    "scaled_tanh": activation.scaled_tanh,
    "scatter": indexing.scatter,
    "scatter_along_axis": indexing.scatter_along_axis,
    "scatter_nd": indexing.scatter_nd,
    "select": elementwise.select,
    "shape": shaping.shape,
    "sigmoid": activation.sigmoid,
    "sigmoid_hard": activation.sigmoid_hard,
    "silu": activation.silu,
    "slice_by_index": slicing.slice_by_index,
    "slice_by_size": slicing.slice_by_size,
    "slice_update": slicing.slice_update,
    "sliding_windows": slicing.sliding_windows,
    "softmax": activation.softmax,
    "softplus": activation.softplus,
    "softplus_parametric": activation.softplus_parametric,
    "softsign": activation.softsign,
    "space_to_batch": shaping.space_to_batch,
    "space_to_depth": shaping.space_to_depth,
    "split": slicing.split,
    "squeeze": shaping.squeeze,
    "stack": slicing.stack,
    "threshold": elementwise.threshold,
    "thresholded_relu": activation.thresholded_relu,
    "tile": slicing.tile,
    "topk": ordering.topk,
    "transpose": shaping.transpose,
    "upsample_bilinear": image.upsample_bilinear,
    "upsample_nearest_neighbor": image.upsample_nearest_neighbor,
}
"""Name in MIL to a function of its inputs by MIL's names."""

PREPARED: dict[str, Callable[[int, dict[str, Any]], Operator]] = {
    "conv": convolution.conv,
    "conv_transpose": convolution.conv_transpose,
}
"""Operators worth a preparation: threads and constant inputs to a function of the other inputs."""

PLANNED = {"cond", "while_loop", "read_state", "coreml_update_state", "classify"}
"""Operators that `control.py` resolves: they hold blocks, keep something, or end a classifier."""

REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ("random_bernoulli", "random_categorical", "random_normal", "random_uniform"),
        "its values are the device's own and cannot be told here",
    ),
    "conv_quantized": "coremltools does not write it",
}
"""Operators that are known and not evaluated, and why."""

EXACT = {
    "abs", "argsort", "band_part", "batch_to_space", "ceil", "clip", "concat", "cond", "crop", "depth_to_space",
    "expand_dims", "flatten2d", "floor", "gather", "gather_along_axis", "gather_nd", "identity", "list_gather",
    "list_read", "max_pool", "maximum", "minimum", "non_maximum_suppression", "pad", "pixel_shuffle",
    "pixel_unshuffle", "read_state", "coreml_update_state", "reduce_max", "reduce_min", "relu", "relu6", "reshape",
    "reshape_like", "resize_nearest_neighbor", "reverse", "reverse_sequence", "round", "select", "sign",
    "slice_by_index", "slice_by_size", "slice_update", "sliding_windows", "space_to_batch", "space_to_depth", "split",
    "squeeze", "stack", "threshold", "thresholded_relu", "tile", "topk", "transpose", "upsample_nearest_neighbor",
    "while_loop",
}  # fmt: skip
"""Operators whose results are float16 numbers already where their inputs are; they may give views of them."""
