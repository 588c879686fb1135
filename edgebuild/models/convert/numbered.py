"""tf2onnx made to come to the same graph each time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def numbered_nodes() -> Iterator[None]:
    """Let tf2onnx tell its nodes apart by the order of their making, not by where they lie in memory.

    Its optimizers go through sets of nodes. Ordered by address, which differs between processes, they merged now one
    pair of Reshape and Unsqueeze and now another: basic-pitch came out as any of five graphs.
    """
    from tf2onnx.graph import Node

    numbers = itertools.count()
    made, hashed = Node.__init__, Node.__hash__

    def init(self: Any, *args: Any, **options: Any) -> None:
        self.number = next(numbers)
        made(self, *args, **options)

    Node.__init__, Node.__hash__ = init, lambda self: self.number
    try:
        yield
    finally:
        Node.__init__, Node.__hash__ = made, hashed
