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

UNARY: dict[str, Operator] = {
    "abs": lambda x: np.abs(x), "acos": lambda x: np.arccos(x), "asin": lambda x: np.arcsin(x),
    "atan": lambda x: np.arctan(x), "atanh": lambda x: np.arctanh(x), "ceil": lambda x: np.ceil(x),
    "cos": lambda x: np.cos(x), "cosh": lambda x: np.cosh(x), "exp": lambda x: np.exp(x), "exp2": lambda x: np.exp2(x),
    "floor": lambda x: np.floor(x), "logical_not": lambda x: np.logical_not(x), "round": lambda x: np.rint(x),
    "sign": lambda x: np.sign(x), "sin": lambda x: np.sin(x), "sinh": lambda x: np.sinh(x),
    "sqrt": lambda x: np.sqrt(x), "square": lambda x: np.square(x), "tan": lambda x: np.tan(x),
    "tanh": lambda x: np.tanh(x),
}  # fmt: skip
"""Numpy's functions of one argument, by MIL's argument name."""

BINARY: dict[str, Operator] = {
    "add": lambda x, y: np.add(x, y), "sub": lambda x, y: np.subtract(x, y), "mul": lambda x, y: np.multiply(x, y),
    "maximum": lambda x, y: np.maximum(x, y), "minimum": lambda x, y: np.minimum(x, y),
    "equal": lambda x, y: np.equal(x, y), "not_equal": lambda x, y: np.not_equal(x, y),
    "greater": lambda x, y: np.greater(x, y), "greater_equal": lambda x, y: np.greater_equal(x, y),
    "less": lambda x, y: np.less(x, y), "less_equal": lambda x, y: np.less_equal(x, y),
    "logical_and": lambda x, y: np.logical_and(x, y), "logical_or": lambda x, y: np.logical_or(x, y),
    "logical_xor": lambda x, y: np.logical_xor(x, y),
}  # fmt: skip

OPERATORS: dict[str, Operator] = {
    **UNARY,
    **BINARY,
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
    "floor_div": elementwise.floor_div,
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
    "mod": elementwise.mod,
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
    "real_div": elementwise.real_div,
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
"""Operators that `plan.py` resolves itself: they hold blocks, keep something, or end a classifier."""

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
