"""Resize by constant indices or matrices, exact in every mode; GridSample by MIL's own operator."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.interpolation import Axis
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb


def resize(ctx: Context) -> Any:
    """Resize; by scales or sizes, over the axes named or all."""
    source = ctx.i(0)
    x = ctx.to_float(source)
    scales, sizes = wanted(ctx, x)
    coordinates = ctx.a("coordinate_transformation_mode", "half_pixel" if len(ctx.node.input) != 2 else "asymmetric")
    if ctx.node.op_type == "Upsample":
        coordinates = "asymmetric"
    quick = by_operator(ctx, x, scales, coordinates)
    if quick is not None:
        return ctx.like(quick, source)
    axes = {}
    for k, (scale, size) in enumerate(zip(scales, sizes, strict=True)):
        if scale == 1 and (size is None or size == x.shape[k]) and coordinates != "tf_crop_and_resize":
            continue
        if is_symbolic(x.shape[k]):
            raise ctx.refuse("resizes an open axis", "Fix the axis (`shapes`).")
        own = int(x.shape[k])
        resized = int(own * scale) if size is None else size
        axes[k] = Axis(own, resized, float(scale), coordinates, roi_of(ctx, k, x.rank))
    result = resized_by(ctx, x, axes)
    return ctx.like(mb.identity(x=result) if result is x else result, source)


def wanted(ctx: Context, x: Any) -> tuple[list[float], list[int | None]]:
    """Scale and size of each axis; the size is None where the scale decides."""
    rank = x.rank
    chosen = [int(axis) % rank for axis in ctx.a("axes", range(rank))]
    scale_at = 1 if len(ctx.node.input) == 2 else 2
    given = ctx.constant(scale_at) if ctx.has(scale_at) else None
    scales: list[float] = [1.0] * rank
    sizes: list[int | None] = [None] * rank
    if ctx.has(3):
        return by_size(ctx, x, chosen)
    if given is None:
        given = np.asarray(ctx.a("scales")) if ctx.a("scales") is not None else ctx.c(scale_at)
    for axis, scale in zip(chosen, given.ravel(), strict=True):
        scales[axis] = float(scale)
    return scales, sizes


def by_size(ctx: Context, x: Any, chosen: list[int]) -> tuple[list[float], list[int | None]]:
    """The same where sizes are given; an aspect policy makes all scales the smallest or largest of them."""
    given = ctx.ints(3)
    if any(is_symbolic(x.shape[axis]) and size != 1 for axis, size in zip(chosen, given, strict=True)):
        raise ctx.refuse("resizes an open axis", "Fix the axis (`shapes`).")
    scales: list[float] = [1.0] * x.rank
    sizes: list[int | None] = [None] * x.rank
    ratios = [size / int(x.shape[axis]) for axis, size in zip(chosen, given, strict=True)]
    policy = ctx.a("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        one = min(ratios) if policy == "not_larger" else max(ratios)
        ratios = [one] * len(chosen)
        given = [int(np.floor(one * int(x.shape[axis]) + 0.5)) for axis in chosen]
    for axis, ratio, size in zip(chosen, ratios, given, strict=True):
        scales[axis], sizes[axis] = ratio, size
    return scales, sizes


def roi_of(ctx: Context, axis: int, rank: int) -> tuple[float, float]:
    """The part of an axis that tf_crop_and_resize takes."""
    if ctx.a("coordinate_transformation_mode") != "tf_crop_and_resize":
        return 0.0, 1.0
    chosen = [int(item) % rank for item in ctx.a("axes", range(rank))]
    if axis not in chosen:
        return 0.0, 1.0
    roi = ctx.c(1).ravel()
    k = chosen.index(axis)
    return float(roi[k]), float(roi[k + len(chosen)])


def by_operator(ctx: Context, x: Any, scales: list[float], coordinates: str) -> Any:
    """MIL's own operators for whole factors of height and width, which the Neural Engine has; else None."""
    whole = x.rank == 4 and scales[:2] == [1, 1] and all(scale >= 1 and scale == int(scale) for scale in scales)
    if not whole or scales[2:] == [1, 1]:
        return None
    height, width = int(scales[2]), int(scales[3])
    mode, rounding = ctx.a("mode", "nearest"), ctx.a("nearest_mode", "round_prefer_floor")
    floor = coordinates == "asymmetric" and (
        rounding == "floor" or len(ctx.node.input) == 2 or ctx.node.op_type == "Upsample"
    )
    middle = coordinates in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel") and rounding.startswith(
        "round"
    )
    if mode == "nearest" and (floor or middle):
        return mb.upsample_nearest_neighbor(x=x, scale_factor_height=height, scale_factor_width=width)
    tiny = any(is_symbolic(size) or int(size) == 1 for size in x.shape[2:]) and coordinates == "pytorch_half_pixel"
    half = coordinates in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel") and not tiny
    if mode in ("linear", "bilinear") and half and ctx.os >= 16:
        return mb.upsample_bilinear(
            x=x, scale_factor_height=height, scale_factor_width=width, align_corners=False, half_pixel_centers=True
        )
    return None


def resized_by(ctx: Context, x: Any, axes: dict[int, Axis]) -> Any:
    """Axis by axis, and what lies outside a crop set to the extrapolation value."""
    mode = ctx.a("mode", "nearest").replace("bilinear", "linear")
    simple = len(ctx.node.input) == 2 or ctx.node.op_type == "Upsample"
    rounding = ctx.a("nearest_mode", "simple" if simple else "round_prefer_floor")
    for k, axis in axes.items():
        if mode == "nearest":
            x = mb.gather(x=x, indices=axis.nearest(rounding), axis=k)
            continue
        antialias = bool(ctx.a("antialias", 0)) and axis.scale < 1
        weights = axis.matrix(mode, float(ctx.a("cubic_coeff_a", -0.75)), bool(ctx.a("exclude_outside", 0)), antialias)
        x = along(x, k, weights)
    if not axes or next(iter(axes.values())).coordinates != "tf_crop_and_resize":
        return x
    outside = np.zeros((1,) * x.rank, bool)
    for k, axis in axes.items():
        outside = outside | axis.outside().reshape([-1 if at == k else 1 for at in range(x.rank)])
    if not outside.any():
        return x
    cover = np.float32(ctx.a("extrapolation_value", 0.0))
    kept = mb.mul(x=x, y=(~outside).astype(np.float32))
    return mb.add(x=kept, y=outside.astype(np.float32) * cover)


def along(x: Any, axis: int, weights: np.ndarray[Any, Any]) -> Any:
    """The matrix [new, old] applied to one axis."""
    if axis == x.rank - 1:
        return mb.matmul(x=x, y=weights.T.copy())
    if axis == x.rank - 2:
        return mb.matmul(x=weights, y=x)
    perm = [k for k in range(x.rank) if k != axis] + [axis]
    turned = mb.matmul(x=mb.transpose(x=x, perm=perm), y=weights.T.copy())
    return mb.transpose(x=turned, perm=[perm.index(k) for k in range(x.rank)])


def grid_sample(ctx: Context) -> Any:
    """GridSample; a reflection is about the centres of the outermost pixels with `align_corners`, else about the edge.

    Raises:
        Refused: bicubic, or volumes.
    """
    x, mode = ctx.f(0), ctx.a("mode", "linear" if ctx.opset >= 20 else "bilinear")
    aligned, padding = bool(ctx.a("align_corners", 0)), ctx.a("padding_mode", "zeros")
    if mode not in ("linear", "bilinear", "nearest"):
        raise ctx.refuse(f"samples by {mode}; Core ML does so by bilinear and nearest")
    if x.rank != 4:
        raise ctx.refuse(f"samples over {x.rank - 2} spatial axes; Core ML does so over two")
    beyond = {"zeros": "constant", "border": "border", "reflection": "reflection" if aligned else "symmetric"}
    return mb.resample(
        x=x, coordinates=ctx.f(1), sampling_mode="nearest" if mode == "nearest" else "bilinear",
        padding_mode=beyond[padding], padding_value=np.float32(0), coordinates_mode="normalized_minus_one_to_one",
        align_corners=aligned,
    )  # fmt: skip


HANDLERS: dict[str, Handler] = {"Resize": resize, "Upsample": resize, "GridSample": grid_sample}
