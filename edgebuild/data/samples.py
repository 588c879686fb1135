"""A set of samples in memory and as a folder: `inputs.npz`, `labels.npz`, `index.json`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.data.arrays import load_arrays, save_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

Scalar = str | int | float | bool | None
LENGTHS = "steps per sample"
"""Entry of `inputs.npz` beside the inputs: the runner reads it under the same name."""
LABEL = "label"
"""Key of a label that is no mapping."""


@dataclass(frozen=True)
class SampleSet:
    """Samples in order; axis 0 of every array is the sample, no array has a batch axis."""

    inputs: dict[str, np.ndarray]
    """By input name, native type."""
    ids: tuple[str, ...]
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    """By key of a mapping label, `label` for any other; values of unequal shapes as an array of objects."""
    groups: tuple[str, ...] = ()
    tags: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """None where a sample lacks the tag."""
    digests: tuple[str, ...] = ()
    """Of each sample's inputs."""
    names: tuple[str, ...] = ()
    """Class names of an image folder, by class number."""
    lengths: tuple[int, ...] = ()
    """Steps of each sample that count, where sequences differ in length; the arrays end in zeros."""
    layout: str = ""
    """`HWC` where the samples are images that this package read, so that it may turn them."""

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def load(cls, folder: Path, inputs: bool = True) -> SampleSet:
        """Read a sample folder; without `inputs` only what is small: labels, ids, tags."""
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        labels = load_arrays(folder / "labels.npz") if (folder / "labels.npz").exists() else {}
        for key in index.get("ragged", []):
            labels[key] = _objects([json.loads(str(text)) for text in labels[key]])
        arrays = load_arrays(folder / "inputs.npz") if inputs else {}
        lengths = arrays.pop(LENGTHS, None)
        return cls(
            inputs=arrays,
            lengths=tuple(map(int, lengths)) if lengths is not None else (),
            ids=tuple(index["ids"]),
            labels=labels,
            groups=tuple(index["groups"]),
            tags={name: tuple(values) for name, values in index["tags"].items()},
            digests=tuple(index["digests"]),
            names=tuple(index["names"]),
            layout=index.get("layout", ""),
        )

    def save(self, folder: Path) -> None:
        """Write a sample folder; equal sets give equal bytes."""
        import numpy as np

        folder.mkdir(parents=True, exist_ok=True)
        lengths = {LENGTHS: np.array(self.lengths, np.int64)} if self.lengths else {}
        save_arrays(folder / "inputs.npz", {**self.inputs, **lengths})
        ragged = [key for key, values in self.labels.items() if values.dtype == object]
        if self.labels:
            texts = {key: np.array([json.dumps(_plain(item)) for item in self.labels[key]], str) for key in ragged}
            save_arrays(folder / "labels.npz", {**self.labels, **texts})
        index: dict[str, Any] = {
            "ids": self.ids,
            "groups": self.groups,
            "tags": self.tags,
            "digests": self.digests or digests(self.inputs, len(self)),
            "names": self.names,
        }
        if ragged:
            index["ragged"] = ragged
        if self.layout:
            index["layout"] = self.layout
        (folder / "index.json").write_text(json.dumps(index, ensure_ascii=False, indent=0), encoding="utf-8")

    def take(self, rows: Sequence[int] | np.ndarray) -> SampleSet:
        """These samples, in this order."""
        import numpy as np

        chosen = np.asarray(rows, np.intp)
        return replace(
            self,
            inputs={name: array[chosen] for name, array in self.inputs.items()},
            labels={key: array[chosen] for key, array in self.labels.items()},
            ids=_pick(self.ids, chosen),
            groups=_pick(self.groups, chosen),
            lengths=_pick(self.lengths, chosen),
            tags={name: _pick(values, chosen) for name, values in self.tags.items()},
            digests=_pick(self.digests, chosen),
        )


def digests(inputs: Mapping[str, Sequence[np.ndarray] | np.ndarray], count: int) -> tuple[str, ...]:
    """sha256 of each sample's inputs: names, types, shapes and bytes, names sorted."""
    import numpy as np

    names = sorted(inputs)
    found = []
    for row in range(count):
        content = hashlib.sha256()
        for name in names:
            array = inputs[name][row]
            content.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
            content.update(np.ascontiguousarray(array).tobytes())
        found.append(content.hexdigest())
    return tuple(found)


def stack(values: list[Any]) -> np.ndarray:
    """Labels of all samples as one array: native where their shapes are equal, else an array of objects."""
    import numpy as np

    arrays = [np.asarray(value) if not _nested(value) else None for value in values]
    kinds = {array.dtype.kind for array in arrays if array is not None}
    shapes = {array.shape for array in arrays if array is not None}
    if any(array is None for array in arrays) or len(shapes) > 1 or "O" in kinds or ("U" in kinds and len(kinds) > 1):
        return _objects(values)
    return np.stack([array for array in arrays if array is not None])


def _nested(value: Any) -> bool:
    """Whether a label is structured (a list of boxes, a mapping inside a mapping) rather than one array."""
    if isinstance(value, dict) or value is None:
        return True
    if not isinstance(value, list | tuple):
        return False
    sizes = {len(item) if isinstance(item, list | tuple) else -1 for item in value}
    return len(sizes) > 1 or any(_nested(item) for item in value)


def _objects(values: list[Any]) -> np.ndarray:
    import numpy as np

    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def _plain(value: Any) -> Any:
    """A label as JSON knows it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _pick(values: tuple[Any, ...], rows: np.ndarray) -> tuple[Any, ...]:
    return tuple(values[row] for row in rows) if values else ()
