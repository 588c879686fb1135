"""Depth to space and back, through tensors of at most five axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb


def depth_to_space(ctx: Context) -> Any:
    """DepthToSpace in both orders, through a tensor of at most five axes."""
    x, block = ctx.i(0), int(ctx.a("blocksize"))
    batch, channels, height, width = x.shape
    if is_symbolic(height) or is_symbolic(width):
        if ctx.a("mode", "DCR") != "CRD":
            raise ctx.refuse("moves depth to open spatial axes in mode DCR", "Fix the axes (`shapes`).")
        return mb.pixel_shuffle(x=x, upscale_factor=block)
    depth = int(channels) // block**2
    rows = 1 if is_symbolic(batch) else int(batch)
    before, order = ([block, block, depth], [2, 3, 0, 4, 1]) if ctx.a("mode", "DCR") == "DCR" else (
        [depth, block, block], [0, 3, 1, 4, 2]
    )  # fmt: skip
    if rows != 1 or is_symbolic(batch):
        return by_parts(x, before, order, [depth, int(height) * block, int(width) * block])
    parts = mb.reshape(x=x, shape=[*before, int(height), int(width)])
    turned = mb.transpose(x=parts, perm=order)
    return mb.reshape(x=turned, shape=[1, depth, int(height) * block, int(width) * block])


def by_parts(x: Any, before: Sequence[int], order: Sequence[int], result: Sequence[int]) -> Any:
    """The same for several samples: channels put in order first, then two transposes of five axes."""
    depth_at, block = (2, before[0]) if order[0] == 2 else (0, before[1])
    depth = before[depth_at]
    index = np.arange(math.prod(before)).reshape(before)
    # [depth, block over height, block over width]
    index = index.transpose(2, 0, 1) if depth_at == 2 else index
    x = mb.gather(x=x, indices=index.ravel().astype(np.int32), axis=1)
    height, width = int(x.shape[2]), int(x.shape[3])
    wide = mb.reshape(x=x, shape=[-1, depth * block, block, height, width])
    wide = mb.reshape(x=mb.transpose(x=wide, perm=[0, 1, 3, 4, 2]), shape=[-1, depth, block, height, width * block])
    tall = mb.transpose(x=wide, perm=[0, 1, 3, 2, 4])
    return mb.reshape(x=tall, shape=[-1, *result])


def space_to_depth(ctx: Context) -> Any:
    """SpaceToDepth: the block's place counts before the channel."""
    x, block = ctx.i(0), int(ctx.a("blocksize"))
    _, channels, height, width = (None, *ctx.shape(0)[1:])
    if is_symbolic(height) or is_symbolic(width):
        raise ctx.refuse("moves open spatial axes to depth", "Fix the axes (`shapes`).")
    rows, columns = int(height) // block, int(width) // block
    tall = mb.reshape(x=x, shape=[-1, int(channels), rows, block, int(width)])
    tall = mb.reshape(
        x=mb.transpose(x=tall, perm=[0, 3, 1, 2, 4]), shape=[-1, block * int(channels), rows, columns, block]
    )
    wide = mb.transpose(x=tall, perm=[0, 1, 4, 2, 3])
    # Channels stand as [block over height, channel, block over width]; ONNX wants both blocks first.
    index = np.arange(block * int(channels) * block).reshape(block, int(channels), block).transpose(0, 2, 1)
    flat = mb.reshape(x=wide, shape=[-1, block * block * int(channels), rows, columns])
    return mb.gather(x=flat, indices=index.ravel().astype(np.int32), axis=1)


HANDLERS: dict[str, Handler] = {
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
