"""What a search over precisions tries: layers from one to another in integers, all else in floating point.

Integer regions are contiguous: every border between integers and floats costs a conversion of a whole activation. Of a
depthwise network quantized in its pointwise convolutions alone 0.59 × the speed is left, of the best region 1.14 ×
(measured, ONNX Runtime on AVX-512 VNNI).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from edgebuild.core.records import Record

LEAST_WORK = 0.1
"""Part of the multiplications that a region must hold to be worth a trial."""
COARSE = 10
"""Borders that the first trials may choose from; nearer ones are tried about the best of them."""

FLOATS = "floating point"
BITS: dict[str, float] = {
    FLOATS: 32,
    "int8": 8,
    "dynamic int8": 8,
    "int8 weights": 20,
    "int4 weights": 18,
    "16-bit storage": 16,
    "8-bit storage": 8,
    "4-bit storage": 4,
}
"""Mean bits of a multiplication's two operands, or of a stored weight, by how a layer is computed or stored."""

UNCHANGED = "16-bit storage"
"""How a package stores what a search leaves alone."""

Ranges = Literal["minmax", "average", "percentile", "entropy", "mse"]
REPAIRED = {"smooth": "smoothed", "rounding": "adaptive rounding", "bias": "bias correction"}
"""Repairs of a mixture, in words."""


class Layer(Record):
    """A layer with weights, in the order of execution."""

    name: str
    op: str
    macs: int = 0
    """Multiplications for one sample; 0 where a shape is not known."""


class Mixture(Record):
    """Layers `first` to `last` in integers, those of `floats` excepted."""

    first: int
    last: int
    """The last of them itself included."""
    floats: tuple[int, ...] = ()
    """Layers between them that stay in floating point, ascending."""
    scheme: str = "int8"
    """How the layers are computed or stored, a row of `BITS`."""
    others: str = FLOATS
    """How all other layers are."""
    kept: tuple[int, ...] = ()
    """Of `floats` those that stay as the model has them, where `others` are in fewer bits too."""
    ranges: Ranges = "minmax"
    """Calibration of the activations."""
    repairs: tuple[Literal["smooth", "rounding", "bias"], ...] = ()
    """What is done besides, in order."""

    @property
    def counted(self) -> str:
        """What a layer's work is counted in."""
        return "weights" if self.scheme.endswith("storage") else "multiplications"

    @property
    def layers(self) -> tuple[int, ...]:
        """Indices of the layers in integers."""
        return tuple(index for index in range(self.first, self.last + 1) if index not in self.floats)

    def work(self, layers: Sequence[Layer]) -> float:
        """Part of the multiplications in integers."""
        return part_of(self.layers, layers)

    def words(self, layers: Sequence[Layer]) -> str:
        """`layers 3 to 9 of 10 in int8 (62 % of the multiplications), all but 5; minmax ranges`."""
        count = len(layers)
        where = f"layers {self.first + 1} to {self.last + 1} of {count}"
        if self.first == self.last:
            where = f"layer {self.first + 1} of {count}"
        if (self.first, self.last) == (0, count - 1):
            where = f"all {count} layers"
        text = f"{where} in {self.scheme} ({self.work(layers):.0%} of the {self.counted})".replace("%", " %")
        if self.floats:
            text += f", all but {', '.join(str(index + 1) for index in self.floats)}"
        if self.others != FLOATS:
            kept = f", {len(self.kept)} as {'it was' if len(self.kept) == 1 else 'they were'}" if self.kept else ""
            return f"{text}; the others in {self.others}{kept}"
        if self.scheme != "int8":
            # Nothing is calibrated where activations are quantized at run time, or not at all.
            return text
        return ", ".join([f"{text}; {self.ranges} ranges", *(REPAIRED[name] for name in self.repairs)])

    def without(self, kept: Iterable[int]) -> Mixture:
        """The same with these layers in floating point."""
        inside = tuple(index for index in kept if self.first <= index <= self.last)
        floats = tuple(sorted({*self.floats, *inside}))
        return self.model_copy(update={"floats": floats, "kept": inside if self.others != FLOATS else ()})


def part_of(chosen: Sequence[int], layers: Sequence[Layer]) -> float:
    """Part of the multiplications in some layers; all count alike where none is known."""
    total = sum(layer.macs for layer in layers)
    return sum(layers[index].macs for index in chosen) / total if total else len(chosen) / len(layers)


def single(count: int, like: Mixture) -> list[Mixture]:
    """Each layer alone, computed as `like` says: what the sensitivities are measured by."""
    return [like.model_copy(update={"first": index, "last": index}) for index in range(count)]


def coarse(layers: Sequence[Layer], whole: Mixture) -> list[Mixture]:
    """Regions between about ten borders that hold enough of the work, the whole first."""
    count = len(layers)
    grain = max(1, -(-count // COARSE))
    borders = [*range(0, count, grain), count]
    found = [
        whole.model_copy(update={"first": start, "last": end - 1})
        for start in borders[:-1]
        for end in borders
        if end > start
    ]
    worth = [item for item in found if item.work(layers) >= LEAST_WORK]
    return sorted(worth, key=lambda item: (-item.work(layers), item.first))


def neighbours(mixture: Mixture, count: int) -> Iterator[Mixture]:
    """The same region with borders moved by one, or by half the distance of the coarse ones."""
    far = max(1, -(-count // COARSE) // 2)
    for step in sorted({1, far}):
        for first, last in ((-step, 0), (step, 0), (0, -step), (0, step)):
            start, end = mixture.first + first, mixture.last + last
            if 0 <= start <= end < count:
                kept = tuple(index for index in mixture.floats if start < index < end)
                yield mixture.model_copy(update={"first": start, "last": end, "floats": kept})


def exceptions(mixture: Mixture, noise: Sequence[float], most: int) -> Iterator[Mixture]:
    """The same region without the layers that cost it most, one by one and then the two worst.

    Args:
        mixture: what to start from.
        noise: of each layer alone, as a part of the signal.
        most: how many of the worst to leave out in turn.
    """
    inner = [index for index in mixture.layers if mixture.first < index < mixture.last]
    worst = sorted(inner, key=lambda index: -noise[index])[:most]
    for chosen in [*((index,) for index in worst), *([tuple(worst[:2])] if len(worst) > 1 else [])]:
        yield mixture.model_copy(update={"floats": tuple(sorted({*mixture.floats, *chosen}))})


def fresh(wanted: Iterable[Mixture], known: Iterable[Mixture]) -> list[Mixture]:
    """Those that were not tried, each once, in order."""
    seen = set(known)
    return [item for item in dict.fromkeys(wanted) if item not in seen]
