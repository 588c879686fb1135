"""The loader's contract, checked: what a loader yields becomes a `SampleSet`, or every violation with its place.

    def samples():
        for path in sorted(Path("recordings").glob("*.wav")):
            yield {
                "inputs": {"audio": read(path)},   # one array for each input of the model, without batch axis
                "label": 3,                        # a class number, an array, or a mapping of them; may be left out
                "id": path.stem,                   # unique; made from the content where left out
                "group": "speaker-7",              # never cut by a split; may be left out
                "tags": {"light": "night"},        # scalars that `where:` reads; may be left out
            }

A function may also return a list. All samples have the same inputs, with equal shapes and types; one input alone may be
given as a bare array. Either all samples have a label (a group), or none. An input whose samples are sequences
(`model.inputs.NAME.steps`) may differ in length along that axis; a sample's such inputs have the same number of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgebuild.data.samples import LABEL, SampleSet, digests, stack
from edgebuild.data.sequences import axis_of, but, lengths_of, stacked
from edgebuild.errors import DataError, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

KEYS = ("inputs", "label", "id", "group", "tags")
MOST = 20
"""Violations that are told one by one; the rest are counted."""
BARE = "inputs"
"""Name of a bare array; `CheckData` gives it the name of the model's only input."""


@dataclass
class Gathering:
    """Samples as they come in, and what is wrong with them."""

    where: str
    """The loader, as the spec names it."""
    inputs: dict[str, list[np.ndarray]] = field(default_factory=dict)
    labels: dict[str, list[Any]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    """Violations beyond the first `MOST`."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """Axis of the steps, by key of the samples' inputs."""

    def wrong(self, index: int, what: str, fix: str) -> None:
        """Note a violation of one sample."""
        if len(self.problems) < MOST:
            self.problems.append(Problem(f"{self.where}: sample {index}", what, fix))
        else:
            self.more += 1

    def add(self, index: int, sample: Any) -> None:
        """Take in one sample, or note why not."""
        if not isinstance(sample, Mapping):
            self.wrong(index, f"is {_kind(sample)}, not a mapping.", 'Yield `{"inputs": {name: array}, "label": …}`.')
            return
        for key in sample:
            if key not in KEYS:
                near = did_you_mean(str(key), KEYS) or "."
                self.wrong(index, f"unknown key `{key}`{near}", f"Known keys: {', '.join(KEYS)}.")
        if "inputs" not in sample:
            self.wrong(
                index, "has no `inputs`.", 'Yield `"inputs": {name: array}`, a name for each input of the model.'
            )
            return
        if not self._add_inputs(index, sample["inputs"]):
            return
        self._add_label(index, sample.get("label"))
        self._add_words(index, sample)

    def _add_inputs(self, index: int, given: Any) -> bool:
        """Whether the sample's arrays fit those before it."""
        named = given if isinstance(given, Mapping) else {BARE: given}
        arrays = {str(name): _array(value) for name, value in named.items()}
        numbers = {name: array for name, array in arrays.items() if array is not None and array.dtype.kind in "biufc"}
        if not arrays:
            self.wrong(index, "`inputs` is empty.", "Give an array for each input of the model.")
        for name in arrays.keys() - numbers.keys():
            array = arrays[name]
            found = _kind(named[name]) if array is None or array.dtype.kind in "OSU" else array.dtype.name
            self.wrong(index, f"input `{name}` is no array of numbers, but {found}.", "Give a numpy array.")
        if not arrays or len(numbers) < len(arrays):
            return False
        if self.inputs and set(numbers) != set(self.inputs):
            words = f"has the inputs {_names(numbers)}, the first sample has {_names(self.inputs)}."
            self.wrong(index, words, "Give every sample the same inputs.")
            return False
        # A list, so that every input is looked at.
        if not all([self._like_first(index, name, array) for name, array in numbers.items()]):  # noqa: C419
            return False
        lengths = lengths_of(numbers, self.steps)
        if len(lengths) > 1 or 0 in lengths:
            words = f"its sequences have {' and '.join(map(str, sorted(lengths)))} steps."
            self.wrong(index, words, "Give every input with steps the same number of them, at least one.")
            return False
        for name, array in numbers.items():
            self.inputs.setdefault(name, []).append(array)
        return True

    def _like_first(self, index: int, name: str, array: np.ndarray) -> bool:
        first = self.inputs[name][0] if self.inputs else array
        axis = axis_of(name, len(self.inputs) or 1, self.steps)
        alike = array.ndim == first.ndim and but(array.shape, axis) == but(first.shape, axis)
        if not alike:
            words = f"input `{name}` has shape {_shape(array)}, the first sample's is {_shape(first)}."
            self.wrong(index, words, "Bring all samples to one shape (crop, pad or resize).")
        elif array.dtype != first.dtype:
            words = f"input `{name}` is {array.dtype}, the first sample's is {first.dtype}."
            self.wrong(index, words, f"Give every sample one type: `.astype(np.{first.dtype})`.")
        return alike and array.dtype == first.dtype

    def _add_label(self, index: int, label: Any) -> None:
        named = {str(key): value for key, value in label.items()} if isinstance(label, Mapping) else {LABEL: label}
        if label is None:
            named = {}
        if self.ids and set(named) != set(self.labels):
            self.wrong(index, _unlike(set(named), set(self.labels)), "Label every sample alike, or none.")
            named = {}
        for key, value in named.items():
            kind = _label_kind(value)
            known = _label_kind(self.labels[key][0]) if self.labels.get(key) else kind
            if kind != known:
                which = "label" if key == LABEL else f"label `{key}`"
                words = f"{which} {repr(value)[:40]} is {kind}, the first sample's is {known}."
                self.wrong(index, words, "Give every sample a label of one type; classes are whole numbers from 0.")
            self.labels.setdefault(key, []).append(value)

    def _add_words(self, index: int, sample: Mapping[str, Any]) -> None:
        identity, group, tags = sample.get("id"), sample.get("group"), sample.get("tags") or {}
        for key, value in (("id", identity), ("group", group)):
            if value is not None and not isinstance(_scalar(value), str | int):
                self.wrong(index, f"`{key}` is {_kind(value)}, not a text.", f'Give a text: `"{key}": str(…)`.')
        if not isinstance(tags, Mapping):
            self.wrong(index, f"`tags` is {_kind(tags)}, not a mapping.", 'Give `"tags": {"light": "night"}`.')
            tags = {}
        for tag, value in tags.items():
            if not isinstance(_scalar(value), str | int | float | bool | None):
                self.wrong(
                    index, f"tag `{tag}` is {_kind(value)}, not a scalar.", "Give a text, a number, true or false."
                )
        if self.ids and (group is None) == bool(self.groups):
            had, now = ("has a group", "has none") if self.groups else ("has no group", "has one")
            self.wrong(index, f"{now}, while the first sample {had}.", "Give every sample a group, or none.")
        if group is not None:
            self.groups.append(str(_scalar(group)))
        self.tags.append({str(tag): _scalar(value) for tag, value in tags.items()})
        self.ids.append("" if identity is None else str(_scalar(identity)).encode("utf-8", "replace").decode())

    def finish(self) -> SampleSet:
        """The samples.

        Raises:
            DataError: the loader broke its contract; every violation, the first ones in full.
        """
        if not self.ids and not self.problems:
            self.problems.append(
                Problem(
                    self.where, "gave no sample at all.", "Check the path it reads; paths start in the spec's folder."
                )
            )
        if not self.problems:
            axes = {name: axis_of(name, len(self.inputs), self.steps) for name in self.inputs}
            arrays = {name: stacked(rows, axes[name]) for name, rows in self.inputs.items()}
            content = digests(self.inputs, len(self.ids))
            ids = tuple(name or content[row][:16] for row, name in enumerate(self.ids))
            self._duplicates(ids, self.ids)
        if self.problems:
            if self.more:
                self.problems.append(Problem(self.where, f"… and {self.more} more violations like these.", ""))
            raise DataError(*self.problems)
        tags = sorted({tag for sample in self.tags for tag in sample})
        return SampleSet(
            inputs=arrays,
            lengths=self._lengths(),
            ids=ids,
            labels={key: stack(values) for key, values in self.labels.items()},
            groups=tuple(self.groups),
            tags={tag: tuple(sample.get(tag) for sample in self.tags) for tag in tags},
            digests=content,
        )

    def _lengths(self) -> tuple[int, ...]:
        """Steps of each sample, where they differ."""
        samples = (dict(zip(self.inputs, rows, strict=True)) for rows in zip(*self.inputs.values(), strict=True))
        found = tuple(max(lengths_of(sample, self.steps), default=0) for sample in samples)
        return found if len(set(found)) > 1 else ()

    def _duplicates(self, ids: tuple[str, ...], given: list[str]) -> None:
        first: dict[str, int] = {}
        for index, name in enumerate(ids):
            before = first.setdefault(name, index)
            if before == index:
                continue
            if given[index]:
                self.wrong(index, f"has the id `{name}` of sample {before}.", "Give every sample an id of its own.")
            else:
                fix = "Drop one of them, or give each an `id` of its own and both the same `group`."
                self.wrong(index, f"has the same content as sample {before}, and no id.", fix)


def gather(
    samples: Iterable[Any],
    where: str,
    progress: Callable[[int], None] = lambda _: None,
    steps: Mapping[str, int] | None = None,
) -> SampleSet:
    """Check what a loader yields and stack it.

    Args:
        samples: what the loader returned, or a generator.
        where: the loader, as the spec names it.
        progress: told the number of samples so far.
        steps: axis of the steps, by key of the samples' inputs that are sequences.

    Raises:
        DataError: the loader broke its contract; every violation, the first ones in full.
    """
    gathering = Gathering(where, steps=steps or {})
    for index, sample in enumerate(samples):
        gathering.add(index, sample)
        progress(index + 1)
    return gathering.finish()


def _unlike(ours: set[str], first: set[str]) -> str:
    if not ours or not first:
        had, now = ("has a label", "has none") if first else ("has no label", "has one")
        return f"{now}, while the first sample {had}."
    words = ["no mapping" if keys == {LABEL} else f"a mapping of {_names(keys)}" for keys in (ours, first)]
    return f"its label is {words[0]}, the first sample's is {words[1]}."


def _array(value: Any) -> np.ndarray | None:
    import numpy as np

    try:
        # numpy() covers tensors of the frameworks, whose own protocol may be missing.
        return np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except ValueError:
        return None


def _scalar(value: Any) -> Any:
    """Scalars of numpy as Python's, so that they survive JSON."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _label_kind(value: Any) -> str:
    value = _scalar(value)
    if isinstance(value, bool | int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "an array" if hasattr(value, "shape") or isinstance(value, list | tuple) else _kind(value)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _shape(array: np.ndarray) -> str:
    return f"({', '.join(map(str, array.shape))})"


def _names(mapping: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(mapping)) or "none"
