"""Normalisations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb


def epsilon_of(ctx: Context, default: float = 1e-5) -> np.float32:
    """The node's epsilon."""
    return np.float32(ctx.a("epsilon", default))


def batch_norm(ctx: Context) -> Any:
    """BatchNormalization with its running statistics.

    Raises:
        Refused: in training mode.
    """
    if ctx.a("training_mode", 0) or any(ctx.wants(k) for k in range(1, 5)):
        raise ctx.refuse("is in training mode", "Export the model for inference.")
    x = ctx.f(0)
    parts = [ctx.constant(k) for k in range(1, 5)]
    if x.rank in (3, 4, 5) and all(part is not None for part in parts):
        gamma, beta, mean, variance = (np.asarray(part, np.float32) for part in parts)
        return mb.batch_norm(x=x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=epsilon_of(ctx))
    shape = [1, -1, *[1] * (x.rank - 2)] if x.rank > 1 else [-1]
    gamma, beta, mean, variance = (mb.reshape(x=ctx.f(k), shape=shape) for k in range(1, 5))
    scale = mb.real_div(x=gamma, y=mb.sqrt(x=mb.add(x=variance, y=epsilon_of(ctx))))
    return mb.add(x=mb.mul(x=mb.sub(x=x, y=mean), y=scale), y=beta)


def instance_norm(ctx: Context) -> Any:
    """InstanceNormalization: each channel of each sample by its own mean and variance."""
    x = ctx.f(0)
    gamma, beta = ctx.constant(1), ctx.constant(2)
    if x.rank in (3, 4) and gamma is not None and beta is not None:
        return mb.instance_norm(
            x=x, gamma=gamma.astype(np.float32), beta=beta.astype(np.float32), epsilon=epsilon_of(ctx)
        )
    shape = [1, -1, *[1] * (x.rank - 2)]
    normal = standardised(x, list(range(2, x.rank)), epsilon_of(ctx))
    return mb.add(x=mb.mul(x=normal, y=mb.reshape(x=ctx.f(1), shape=shape)), y=mb.reshape(x=ctx.f(2), shape=shape))


def standardised(x: Any, axes: list[int], epsilon: np.float32) -> Any:
    """(x − mean) / √(variance + ε) over axes."""
    return mb.layer_norm(x=x, axes=axes, epsilon=epsilon)


def layer_norm(ctx: Context) -> Any:
    """LayerNormalization over all axes from `axis` on; mean and inverse deviation where they are asked for."""
    x = ctx.f(0)
    axes = list(range(ctx.axis("axis", -1, x.rank), x.rank))
    result = layer_normed(ctx, x, axes, 1, 2)
    if not ctx.wants(1) and not ctx.wants(2):
        return result
    mean = mb.reduce_mean(x=x, axes=axes, keep_dims=True)
    variance = mb.reduce_mean(x=mb.square(x=mb.sub(x=x, y=mean)), axes=axes, keep_dims=True)
    deviation = mb.sqrt(x=mb.add(x=variance, y=epsilon_of(ctx)))
    return [result, mean, mb.real_div(x=np.float32(1), y=deviation)]


def layer_normed(ctx: Context, x: Any, axes: list[int], scale: int, bias: int) -> Any:
    """With the inputs numbered `scale` and `bias`; constants go into the operation."""
    gamma = ctx.constant(scale)
    shift = ctx.constant(bias) if ctx.has(bias) else None
    shape = tuple(x.shape[axis] for axis in axes)
    inside = (
        gamma is not None
        and gamma.shape == shape
        and (not ctx.has(bias) or (shift is not None and shift.shape == shape))
    )
    if inside and gamma is not None:
        return mb.layer_norm(
            x=x, axes=axes, gamma=gamma.astype(np.float32), epsilon=epsilon_of(ctx),
            beta=None if shift is None else shift.astype(np.float32),
        )  # fmt: skip
    result = standardised(x, axes, epsilon_of(ctx))
    result = mb.mul(x=result, y=ctx.f(scale)) if ctx.has(scale) else result
    return mb.add(x=result, y=ctx.f(bias)) if ctx.has(bias) else result


def rms_norm(ctx: Context) -> Any:
    """RMSNormalization: by the root of the mean square, without centring."""
    x = ctx.f(0)
    axes = list(range(ctx.axis("axis", -1, x.rank), x.rank))
    return mb.mul(x=by_rms(x, axes, epsilon_of(ctx)), y=ctx.f(1))


def by_rms(x: Any, axes: list[int], epsilon: np.float32) -> Any:
    """X / √(mean x² + ε)."""
    square = mb.reduce_mean(x=mb.square(x=x), axes=axes, keep_dims=True)
    return mb.real_div(x=x, y=mb.sqrt(x=mb.add(x=square, y=epsilon)))


def skip_layer_norm(rms: bool) -> Handler:
    """com.microsoft.SkipLayerNormalization and its simplified form: of a sum, which is the fourth output."""

    def handler(ctx: Context) -> Any:
        total = mb.add(x=ctx.f(0), y=ctx.f(1))
        bias = 3 if rms else 4
        if ctx.has(bias):
            total = mb.add(x=total, y=ctx.f(bias))
        if ctx.wants(1) or ctx.wants(2):
            raise ctx.refuse("gives its mean or deviation, which inference does not need")
        axes = [total.rank - 1]
        if rms:
            result = mb.mul(x=by_rms(total, axes, epsilon_of(ctx)), y=ctx.f(2))
        else:
            result = layer_normed(ctx, total, axes, 2, 3)
        return [result, None, None, total]

    return handler


def group_norm(ctx: Context) -> Any:
    """GroupNormalization; scale and bias by group (opset 18) or by channel (opset 21)."""
    x, groups = ctx.f(0), int(ctx.a("num_groups"))
    channels = int(x.shape[1])
    rest = list(x.shape[2:])
    if any(is_symbolic(size) for size in rest):
        raise ctx.refuse("normalises groups over open spatial axes", "Fix the axes (`shapes`).")
    batch = -1 if is_symbolic(x.shape[0]) else int(x.shape[0])
    inner = math.prod(int(size) for size in rest)
    grouped = mb.reshape(x=x, shape=[batch, groups, channels // groups * inner])
    normal = standardised(grouped, [2], epsilon_of(ctx))
    by_group = ctx.shape(1)[0] != channels
    if by_group:
        normal = affine(ctx, normal, [1, groups, 1])
        return mb.reshape(x=normal, shape=[batch, channels, *(int(size) for size in rest)])
    whole = mb.reshape(x=normal, shape=[batch, channels, *(int(size) for size in rest)])
    return affine(ctx, whole, [1, channels, *[1] * len(rest)])


def affine(ctx: Context, x: Any, shape: list[int]) -> Any:
    """Times the second input plus the third, both reshaped."""
    scale, bias = (mb.reshape(x=ctx.f(k), shape=shape) for k in (1, 2))
    return mb.add(x=mb.mul(x=x, y=scale), y=bias)


def lp_normalization(ctx: Context) -> Any:
    """X / ‖x‖ₚ along an axis, 0 where the norm is 0."""
    x = ctx.f(0)
    axis = [ctx.axis("axis", -1, x.rank)]
    if int(ctx.a("p", 2)) == 1:
        norm = mb.reduce_sum(x=mb.abs(x=x), axes=axis, keep_dims=True)
    else:
        norm = mb.sqrt(x=mb.reduce_sum(x=mb.square(x=x), axes=axis, keep_dims=True))
    empty = mb.equal(x=norm, y=np.float32(0))
    return mb.real_div(x=x, y=mb.select(cond=empty, a=np.float32(1), b=norm))


def lrn(ctx: Context) -> Any:
    """LRN: by a mean of squares over a window of channels.

    ONNX's window reaches (size − 1) / 2 down and up, rounded down and up; written out as an average over a padded axis,
    for MIL's operator says nothing of even sizes.
    """
    x, size = ctx.f(0), int(ctx.a("size"))
    alpha, beta, k = (
        np.float32(ctx.a(name, default)) for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    below, above = (size - 1) // 2, size - 1 - (size - 1) // 2
    rest = [0, 0] * (x.rank - 2)
    squares = mb.pad(x=mb.square(x=x), pad=[below, above, *rest], mode="constant", constant_val=np.float32(0))
    channels = int(x.shape[1])
    mask = [axis != 1 for axis in range(x.rank)]
    total = None
    for first in range(size):
        begin = [0 if free else first for free in mask]
        end = [0 if free else first + channels for free in mask]
        part = mb.slice_by_index(x=squares, begin=begin, end=end, begin_mask=mask, end_mask=mask)
        total = part if total is None else mb.add(x=total, y=part)
    base = mb.add(x=mb.mul(x=total, y=np.float32(alpha / size)), y=k)
    return mb.real_div(x=x, y=mb.pow(x=base, y=beta))


def mean_variance(ctx: Context) -> Any:
    """MeanVarianceNormalization: (x − mean) / (√(mean x² − mean²) + 1e-9)."""
    x, axes = ctx.f(0), [int(axis) for axis in ctx.a("axes", [0, 2, 3])]
    centred = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=axes, keep_dims=True))
    deviation = mb.sqrt(x=mb.reduce_mean(x=mb.square(x=centred), axes=axes, keep_dims=True))
    return mb.real_div(x=centred, y=mb.add(x=deviation, y=np.float32(1e-9)))


HANDLERS: dict[str, Handler] = {
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm, "LayerNormalization": layer_norm,
    "SimplifiedLayerNormalization": rms_norm, "RMSNormalization": rms_norm, "GroupNormalization": group_norm,
    "MeanVarianceNormalization": mean_variance, "LpNormalization": lp_normalization, "LRN": lrn,
    "com.microsoft.SkipLayerNormalization": skip_layer_norm(False),
    "com.microsoft.SkipSimplifiedLayerNormalization": skip_layer_norm(True),
}  # fmt: skip
