"""What a model is: inputs, outputs, operators, parameters, multiply-accumulates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebuild.core.dossier import Tensor
from edgebuild.core.records import Record

Axes = Mapping[str, Sequence[str | int]]

BATCH = "batch"
BATCH_NAMES = frozenset({"N", "batch_size", "batchsize", "bs"})
"""Other names that exporters give a first axis when they mean it."""


class ModelFacts(Record):
    """The content of `model.json`."""

    format: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    ops: dict[str, int]
    """Operators (layers, for Keras) by type."""
    parameters: int
    """Numbers stored in the model."""
    macs: int | None = None
    """Multiply-accumulates of one sample in convolutions and matrix products; None where shapes are not known."""
    producer: str = ""
    opset: int | None = None


def named_axes(name: str, shape: Sequence[int | str | None], dims: Axes) -> tuple[int | str, ...]:
    """A shape with a name for each axis that is open: the spec's, the file's, `batch` for the first, else `axis<n>`."""
    given = dims.get(name, ())
    found: list[int | str] = []
    for axis, size in enumerate(shape):
        said = given[axis] if axis < len(given) else None
        if said is not None:
            found.append(said)
        elif isinstance(size, int) and size > 0:
            found.append(size)
        elif isinstance(size, str) and size and not size.startswith("unk__"):
            found.append(BATCH if axis == 0 and size in BATCH_NAMES else size)
        else:
            found.append(BATCH if axis == 0 else f"axis{axis}")
    return tuple(found)


def bound(shape: Sequence[int | str], sizes: Mapping[str, int]) -> tuple[int | str, ...]:
    """A shape with the sizes of named axes put in."""
    return tuple(sizes.get(size, size) if isinstance(size, str) else size for size in shape)
