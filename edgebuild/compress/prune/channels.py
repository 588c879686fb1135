"""Which channels of which layers are one: tied by additions, passed on by whatever works channel by channel.

Every output channel of every layer is a number. A value between layers is an array of such numbers, so that reshaping,
permuting and joining values is what numpy does with arrays (the dependency graph of arXiv:2301.12900, by element
instead of by layer).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

STAYS = 0
"""The number of what must stay: channels of inputs and outputs, and of layers nobody here knows."""

Role = Literal["out", "in", "along"]


class Channels:
    """All channels of a network; those that can only be left out together are one class."""

    def __init__(self) -> None:
        from networkx.utils import UnionFind

        self._classes: Any = UnionFind([STAYS])
        self._count = 1

    def fresh(self, count: int) -> np.ndarray:
        """New channels, each a class of its own."""
        import numpy as np

        first, self._count = self._count, self._count + count
        return np.arange(first, self._count)

    def tie(self, one: np.ndarray, other: np.ndarray) -> None:
        """Channels at the same place, under numpy's broadcasting, go together from now on."""
        import numpy as np

        pairs = np.stack([side.reshape(-1) for side in np.broadcast_arrays(one, other)])
        for first, second in np.unique(pairs, axis=1).T.tolist():
            self._classes.union(first, second)

    def stay(self, numbers: np.ndarray) -> None:
        """These channels stay, and all that are tied to them."""
        import numpy as np

        self._classes.union(STAYS, *np.unique(numbers).tolist())

    def classes(self, numbers: np.ndarray) -> np.ndarray:
        """One number for each class, in the same shape; `STAYS` for what stays."""
        import numpy as np

        found, places = np.unique(numbers, return_inverse=True)
        kept = self._classes[STAYS]
        roots = [self._classes[number] for number in found.tolist()]
        return np.array([STAYS if root == kept else root for root in roots])[places].reshape(numbers.shape)


@dataclass(frozen=True)
class Lanes:
    """The channels of a value between layers, without its batch axis."""

    numbers: np.ndarray
    """Along at most one axis; 1 along those where all are the same."""
    shape: tuple[int | None, ...]
    """Of the value itself; None where open."""
    maker: Site | None = None
    """The layer whose weighted sums these are, with nothing in between."""

    @property
    def axis(self) -> int | None:
        """The axis along which the channels lie."""
        return next((axis for axis, size in enumerate(self.numbers.shape) if size > 1), None)

    def whole(self) -> np.ndarray | None:
        """Numbers for each element; None where a size is open."""
        import numpy as np

        if any(size is None for size in self.shape):
            return None
        return np.broadcast_to(self.numbers, [int(size or 0) for size in self.shape])


def lanes(numbers: np.ndarray, shape: Sequence[int | None]) -> Lanes | None:
    """The channels of a value, where they lie along a single axis; None where along several."""
    for axis in range(numbers.ndim):
        if numbers.shape[axis] > 1 and (numbers == numbers.take([0], axis)).all():
            numbers = numbers.take([0], axis)
    return None if sum(size > 1 for size in numbers.shape) > 1 else Lanes(numbers, tuple(shape))


def along(numbers: np.ndarray, axis: int, shape: Sequence[int | None]) -> Lanes:
    """The value with these channels along one axis."""
    sizes = [1] * len(shape)
    sizes[axis] = -1
    found = lanes(numbers.reshape(sizes), shape)
    assert found is not None
    return found


def fixed(shape: Sequence[int | None]) -> Lanes:
    """A value whose channels stay."""
    import numpy as np

    return Lanes(np.full([1] * len(shape), STAYS), tuple(shape))


Axes = dict[int, tuple[Role, "np.ndarray"]]
"""Axis of an array to the channels along it: of what a layer makes, of what it reads, or passed along one by one."""


@dataclass(frozen=True)
class Weight:
    """One stored array of a layer, and the channels along its axes."""

    name: str
    shape: tuple[int, ...]
    axes: Axes
    """None of them negative."""
    positions: int = 0
    """Multiplications with each element in one run; 0 for what does not count."""


@dataclass(frozen=True)
class Fold:
    """The normalisation behind a layer: its output is multiplied by γ / √(variance + ε)."""

    site: str
    gamma: str
    """Name of the weight; "" where γ is 1."""
    variance: str
    epsilon: float


@dataclass
class Site:
    """A layer that stores something along its channels."""

    name: str
    weights: list[Weight] = field(default_factory=list)
    fold: Fold | None = None

    def makes(self) -> np.ndarray | None:
        """Its own output channels; None where it passes on those of its input."""
        found = (numbers for item in self.weights for role, numbers in item.axes.values() if role == "out")
        return next(found, None)

    def makes_own(self) -> bool:
        """Whether it reads channels and makes others of them."""
        return any(role == "in" for item in self.weights for role, _ in item.axes.values())


@dataclass(frozen=True)
class Group:
    """Channels that come from the same layers: as many are left out of each."""

    name: str
    """Of the first layer; of all of them where several groups have the same first one."""
    layers: tuple[str, ...]
    """Those that make them; with more than one, their outputs are added or multiplied somewhere."""
    classes: tuple[int, ...]
    """A class is left out as a whole."""


@dataclass
class Network:
    """The layers of a model by their channels."""

    channels: Channels = field(default_factory=Channels)
    sites: dict[str, Site] = field(default_factory=dict)
    stay: dict[str, str] = field(default_factory=dict)
    """Layer to why the channels before it, and its own, stay."""

    def groups(self) -> list[Group]:
        """Everything that can be left out, in the order of the layers."""
        import numpy as np

        makers: dict[int, list[str]] = {}
        for site in self.sites.values():
            numbers = site.makes()
            if numbers is None or not site.makes_own():
                continue
            # In the order of the channels, not of their numbers.
            for found in dict.fromkeys(np.atleast_1d(self.channels.classes(numbers)).tolist()):
                if found != STAYS:
                    makers.setdefault(found, []).append(site.name)
        found = dict[tuple[str, ...], list[int]]()
        for number, layers in makers.items():
            found.setdefault(tuple(layers), []).append(number)
        firsts = Counter(layers[0] for layers in found)
        return [
            Group(layers[0] if firsts[layers[0]] == 1 else "+".join(layers), layers, tuple(classes))
            for layers, classes in found.items()
        ]

    def keep(self, name: str, why: str, given: Sequence[Lanes]) -> None:
        """The channels of these values stay; named where they could have been fewer and there is a reason to give."""
        if why and any(self.channels.classes(item.numbers).any() for item in given):
            self.stay.setdefault(name, why)
        for item in given:
            self.channels.stay(item.numbers)

    def kept(self, numbers: np.ndarray, left_out: Iterable[int]) -> np.ndarray:
        """Whether each channel stays, where these classes are left out."""
        import numpy as np

        return ~np.isin(self.channels.classes(numbers), list(left_out))

    def sliced(self, value: np.ndarray, weight: Weight, left_out: Iterable[int]) -> np.ndarray:
        """A stored array without the channels that are left out."""
        import numpy as np

        for axis, (_, numbers) in weight.axes.items():
            value = np.compress(self.kept(numbers, left_out), value, axis)
        return value

    def masked(self, value: np.ndarray, weight: Weight, left_out: Iterable[int]) -> np.ndarray | None:
        """A stored array with zeros where it reads channels that are left out; None where it reads none of them."""
        found = None
        for axis, (role, numbers) in weight.axes.items():
            kept = self.kept(numbers, left_out)
            if role == "in" and not kept.all():
                value = found = value * kept.reshape([-1 if place == axis else 1 for place in range(value.ndim)])
        return found

    def every_weight(self) -> Iterator[tuple[Site, Weight]]:
        """All stored arrays."""
        return ((site, weight) for site in self.sites.values() for weight in site.weights)
