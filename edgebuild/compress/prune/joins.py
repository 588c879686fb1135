"""Values that meet, by their channels: one on the other, one after the other, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.compress.prune.channels import Channels, Lanes, lanes


def elementwise(channels: Channels, given: Sequence[Lanes], shape: Sequence[int | None]) -> Lanes | None:
    """Values of one rank, element by element: channels at the same place go together.

    Returns:
        What comes of them, in this shape; None where their channels lie along different axes.
    """
    axes = {item.axis for item in given if item.axis is not None}
    if len(axes) > 1:
        return None
    axis = next(iter(axes), None)
    spread = [item for item in given if axis is not None and item.axis is None and item.shape[axis] == 1]
    for item in spread:
        # A single channel meets many: it stays, and they need not.
        channels.stay(item.numbers)
    whole = [item for item in given if not any(item is one for one in spread)]
    for item in whole[1:]:
        channels.tie(whole[0].numbers, item.numbers)
    return Lanes(max(whole, key=lambda item: item.numbers.size).numbers, tuple(shape))


def concatenated(given: Sequence[Lanes], axis: int, shape: Sequence[int | None]) -> Lanes | None:
    """Values one after the other along the axis of their channels; None where the result has them along several.

    Args:
        given: of known size along that axis.
        axis: without the batch axis.
        shape: of the result.
    """
    import numpy as np

    def placed(item: Lanes) -> list[int]:
        return [int(item.shape[axis] or 1) if place == axis else size for place, size in enumerate(item.numbers.shape)]

    return lanes(np.concatenate([np.broadcast_to(item.numbers, placed(item)) for item in given], axis), shape)


def tied(channels: Channels, given: Sequence[Lanes], shape: Sequence[int | None]) -> Lanes | None:
    """Values side by side along an axis that is not that of their channels: these are the same in all of them.

    Returns:
        What comes of them, in this shape; None where their channels lie along different axes.
    """
    if len({item.axis for item in given}) != 1:
        return None
    for item in given[1:]:
        channels.tie(given[0].numbers, item.numbers)
    return Lanes(given[0].numbers, tuple(shape))
