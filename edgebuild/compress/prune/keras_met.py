"""A layer of Keras where the walk meets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.channels import Lanes, along, fixed
from edgebuild.compress.prune.keras_graph import ENDS, KerasNetwork

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Met:
    """One call of a layer."""

    network: KerasNetwork
    layer: Any
    arguments: Sequence[Any]
    """As it was called, constants included."""
    given: Sequence[Lanes]
    """What it reads."""
    shape: tuple[int | None, ...]
    """Of what it makes, without the batch axis."""

    @property
    def name(self) -> str:
        """Path of the layer."""
        return self.network.path(self.layer)

    def unless_end(self, kind: str, why: str) -> str:
        """Why channels stay; nothing where a softmax answers: its width stays in any case, and needs no reason."""
        return "" if kind in ENDS and self.name in self.network.answering else why

    def stays(self, why: str) -> Lanes:
        """What the layer reads keeps its width, and so does what it makes."""
        self.network.keep(self.name, why, self.given)
        return fixed(self.shape)

    def last(self) -> np.ndarray:
        """Channels along the last axis of what it reads, a number for each; where they lie along another, they stay."""
        import numpy as np

        (value,) = self.given
        if value.axis not in (None, len(value.shape) - 1):
            self.network.keep(self.name, "reads channels along another axis than the last", [value])
            value = fixed(value.shape)
        return np.broadcast_to(value.numbers.reshape(-1), int(value.shape[-1] or value.numbers.size)).copy()

    def plain(self, numbers: np.ndarray) -> Lanes:
        """What it makes, with these channels along its last axis."""
        return along(numbers, len(self.shape) - 1, self.shape)

    def makes(self, key: str) -> np.ndarray:
        """Channels of its own: new ones at its first call; `key` of its configuration says how many."""
        site = self.network.sites.get(self.network.path(self.layer))
        known = site.makes() if site else None
        if known is not None:
            return known
        made = self.network.channels.fresh(int(self.shape[-1] or 0))
        self.network.says(self.layer, key, made)
        return made


def spots(shape: Sequence[int | None]) -> int:
    """Places of a value at which a kernel is applied: all axes but the last; an open one counts once."""
    return prod(size or 1 for size in shape[:-1])


def known_as(layer: Any) -> str:
    """Name of Keras's own class that decides what the layer computes; "" for one of the user's."""
    compute = getattr(type(layer), "call", None)
    if not getattr(compute, "__module__", "").startswith("keras.src."):
        return ""
    own = next(base for base in type(layer).__mro__ if base.__module__.startswith("keras.src."))
    return f"ops.{own.__name__}" if own.__module__.startswith("keras.src.ops.") else str(own.__name__)
