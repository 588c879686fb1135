"""Convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.padding import Pads, crop_last, explicit_pads, flat, pad_last


def conv(ctx: Context) -> Any:
    """Conv over one to three spatial axes."""
    bias = ctx.f(2) if ctx.has(2) else None
    return convolved(ctx, ctx.f(0), ctx.f(1), bias)


def convolved(ctx: Context, x: Any, weight: Any, bias: Any) -> Any:
    """The convolution that the node's attributes describe.

    Args:
        ctx: whose attributes count.
        x: [N, C, *spatial].
        weight: [M, C / group, *kernel].
        bias: [M] or None.

    Raises:
        Refused: more than three spatial axes, or weights of an open size.
    """
    axes = x.rank - 2
    if not 1 <= axes <= 3:
        raise ctx.refuse(f"convolves over {axes} spatial axes; Core ML has one to three")
    kernel = [int(size) for size in weight.shape[2:]]
    strides, dilations = ctx.a("strides", [1] * axes), ctx.a("dilations", [1] * axes)
    pads = explicit_pads(ctx, x.shape[2:], kernel, strides, dilations)
    if min(flat(pads)) < 0:
        x, pads = pad_last(x, pads, 0.0), [(0, 0)] * axes
    options = {"strides": strides, "dilations": dilations, "groups": int(ctx.a("group", 1))}
    fixed = bias is not None and bias.val is not None
    result = mb.conv(x=x, weight=weight, bias=bias if fixed else None, pad_type="custom", pad=flat(pads), **options)
    return result if bias is None or fixed else mb.add(x=result, y=by_channel(bias, axes))


def by_channel(bias: Any, axes: int) -> Any:
    """[M] → [1, M, 1, …]."""
    return mb.reshape(x=bias, shape=[1, -1, *[1] * axes])


def conv_transpose(ctx: Context) -> Any:
    """ConvTranspose; `output_padding`, `output_shape` and odd pads by cropping or padding the whole result."""
    x, weight = ctx.f(0), ctx.f(1)
    axes = x.rank - 2
    if not 1 <= axes <= 3:
        raise ctx.refuse(f"convolves over {axes} spatial axes; Core ML has one to three")
    ctx.c(1)
    kernel = [int(size) for size in weight.shape[2:]]
    strides, dilations = ctx.a("strides", [1] * axes), ctx.a("dilations", [1] * axes)
    bias = ctx.f(2) if ctx.has(2) else None
    fixed = bias is not None and bias.val is not None
    options = {"strides": strides, "dilations": dilations, "groups": int(ctx.a("group", 1)), "weight": weight}
    crops = crops_of(ctx, x.shape[2:], kernel, strides, dilations)
    simple = min(flat(crops)) >= 0
    result = mb.conv_transpose(
        x=x, bias=bias if fixed and simple else None, pad_type="custom" if simple else "valid",
        **({"pad": flat(crops)} if simple else {}), **options,
    )  # fmt: skip
    if not simple:
        result = pad_last(crop_last(result, [(max(a, 0), max(b, 0)) for a, b in crops]), grown(crops), 0.0)
    return result if bias is None or (fixed and simple) else mb.add(x=result, y=by_channel(bias, axes))


def grown(crops: Pads) -> Pads:
    """What a negative crop adds."""
    return [(max(-before, 0), max(-after, 0)) for before, after in crops]


def crops_of(ctx: Context, size: Sequence[Any], kernel: list[int], strides: list[int], dilations: list[int]) -> Pads:
    """What is cut from the full transposed convolution, before and after each axis; negative where zeros follow.

    The full size is (n − 1) · stride + (kernel − 1) · dilation + 1; ONNX's is that, less pads, plus output_padding.
    Source: ONNX, ConvTranspose.
    """
    axes = len(kernel)
    extra = ctx.a("output_padding", [0] * axes)
    wanted = ctx.a("output_shape")
    auto = ctx.a("auto_pad", "NOTSET")
    given = ctx.a("pads", [0] * 2 * axes)
    if wanted is None and auto in ("NOTSET", "VALID"):
        pads = [(0, 0)] * axes if auto == "VALID" else list(zip(given[:axes], given[axes:], strict=True))
        return [(before, after - more) for (before, after), more in zip(pads, extra, strict=True)]
    crops = []
    for k in range(axes):
        reach = (kernel[k] - 1) * dilations[k] + 1
        if wanted is None:
            total = extra[k] + reach - strides[k]
        elif is_symbolic(size[k]):
            raise ctx.refuse("has an `output_shape` over an open axis", "Fix the axis (`shapes`).")
        else:
            total = strides[k] * (int(size[k]) - 1) + extra[k] + reach - int(wanted[len(wanted) - axes + k])
        if total < 0 and wanted is None:
            total = 0 if auto == "VALID" else total
        small = max(total, 0) // 2
        before, after = (small, total - small) if auto == "SAME_UPPER" else (total - small, small)
        if total < 0:
            before, after = 0, total
        crops.append((before, after - extra[k]))
    return crops


def fused_conv(ctx: Context) -> Any:
    """com.microsoft.FusedConv: a convolution, a sum and an activation."""
    result = conv(ctx)
    if ctx.has(3):
        result = mb.add(x=result, y=ctx.f(3))
    return activated(ctx, result)


def activated(ctx: Context, x: Any) -> Any:
    """What ONNX Runtime fused behind.

    Raises:
        Refused: an activation that has no counterpart here.
    """
    name, given = ctx.a("activation", ""), ctx.a("activation_params", [])
    simple = {
        "": lambda: x,
        "Relu": lambda: mb.relu(x=x),
        "Sigmoid": lambda: mb.sigmoid(x=x),
        "Tanh": lambda: mb.tanh(x=x),
    }
    if name in simple:
        return simple[name]()
    alpha = np.float32(given[0] if given else ctx.a("activation_alpha", 0.01))
    if name == "LeakyRelu":
        return mb.leaky_relu(x=x, alpha=alpha)
    if name == "HardSigmoid":
        return mb.sigmoid_hard(x=x, alpha=alpha, beta=np.float32(given[1]))
    if name == "Clip":
        return mb.clip(x=x, alpha=alpha, beta=np.float32(given[1]))
    raise ctx.refuse(f"has the fused activation {name}")


HANDLERS: dict[str, Handler] = {
    "Conv": conv, "ConvTranspose": conv_transpose, "com.microsoft.FusedConv": fused_conv,
}  # fmt: skip
