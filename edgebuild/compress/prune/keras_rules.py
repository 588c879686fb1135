"""What each layer of Keras does with the channels it reads: a table from its class to a rule.

A layer that is not here, or a class of the user's own, makes the channels before it stay and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgebuild.compress.prune.channels import Lanes, fixed
from edgebuild.compress.prune.keras_graph import KerasNetwork
from edgebuild.compress.prune.keras_joins import joined, merged, reshaped
from edgebuild.compress.prune.keras_met import Met, known_as
from edgebuild.compress.prune.keras_weights import convolution, depthwise, normalisation, separable, slopes

ELEMENTWISE = frozenset(
    (
        "linear", "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "swish", "hard_silu", "hard_swish",
        "hard_sigmoid", "gelu", "elu", "selu", "celu", "softplus", "softsign", "exponential", "mish", "log_sigmoid",
        "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "squareplus", "threshold",
    )
)  # fmt: skip
"""Activations that answer for each element alone, by their name in Keras."""

Rule = Callable[[Met], Lanes]


def apply(network: KerasNetwork, layer: Any, call: Any, given: Sequence[Lanes]) -> list[Lanes]:
    """The channels of what a layer makes, one for each of its outputs."""
    shapes = [tuple(item.shape[1:]) for item in call.output_tensors]
    if not given:
        return [fixed(shape) for shape in shapes]
    met, rule = Met(network, layer, call.arguments.args, given, shapes[0]), RULES.get(known_as(layer))
    if rule is None:
        kind = type(layer).__name__
        met.stays(met.unless_end(kind, f"is a {kind}, whose channels cannot be told apart"))
        return [fixed(shape) for shape in shapes]
    if why := declined(layer):
        met.stays(why)
        return [fixed(shape) for shape in shapes]
    made, function = rule(met), getattr(layer, "activation", None)
    if function is not None and not elementwise(function):
        kind = name_of(function)
        network.keep(met.name, met.unless_end(kind, f"ends in `{kind}`, which mixes channels"), [made])
    return [made if is_linear(function) else Lanes(made.numbers, made.shape)]


def declined(layer: Any) -> str:
    """Why a layer of a known class is not treated as one; "" where it is."""
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        return "is quantized or has an adapter"
    if getattr(layer, "data_format", None) not in ("channels_last", None):
        return "has its channels first"
    return ""


def name_of(function: Any) -> str:
    """An activation by name; a layer in its place by its class."""
    return str(getattr(function, "__name__", type(function).__name__))


def is_linear(function: Any) -> bool:
    """Whether nothing is done to the sums."""
    return function is None or name_of(function) == "linear"


def elementwise(function: Any) -> bool:
    """Whether an activation answers for each element alone."""
    if hasattr(function, "call"):
        inner = getattr(function, "activation", None)
        return RULES.get(known_as(function)) is each and (inner is None or elementwise(inner))
    return getattr(function, "__module__", "").startswith("keras.src.") and name_of(function) in ELEMENTWISE


def each(met: Met) -> Lanes:
    """One element at a time."""
    return met.given[0]


def places(met: Met) -> Lanes:
    """Pooling, padding, cropping, resizing: each channel alone, over its places."""
    return met.plain(met.last())


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), convolution
    ),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), separable),
    "BatchNormalization": normalisation,
    "PReLU": slopes,
    **dict.fromkeys(("Flatten", "Reshape", "Permute"), reshaped),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), merged),
    **dict.fromkeys(("ops.Add", "ops.Subtract", "ops.Multiply", "ops.Maximum", "ops.Minimum"), merged),
    "Concatenate": joined,
    **{
        f"{name}{rank}D": places
        for rank in (1, 2, 3)
        for name in (
            "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "UpSampling", "ZeroPadding",
            "Cropping",
        )
    },
    "Resizing": places,
    **dict.fromkeys(
        (
            "Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", "SpatialDropout1D", "SpatialDropout2D",
            "SpatialDropout3D", "GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity",
            *(f"ops.{name}" for name in (
                "Relu", "Relu6", "LeakyRelu", "Sigmoid", "HardSigmoid", "Silu", "HardSilu", "Tanh", "Gelu", "Elu",
                "Selu", "Softplus", "Softsign", "Mish", "Abs", "Absolute", "Negative", "Square", "Exp", "Clip",
            )),
        ),
        each,
    ),
}  # fmt: skip
"""Class of a layer, or `ops.` and class of an operation, to its rule."""
