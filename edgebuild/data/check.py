"""The first cached step over the samples: do they fit the model, do the splits keep apart?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgebuild.core.dossier import Tensor
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.data.samples import LABEL, SampleSet
from edgebuild.data.splits import SPLIT_NAMES
from edgebuild.errors import DataError, Problem

if TYPE_CHECKING:
    from pathlib import Path

FEWEST_TO_CALIBRATE = 8
"""Fewer say nothing about the range of an activation."""
ENOUGH_TO_CALIBRATE = 100
"""Usual advice of the quantizers is 100 to 500 samples."""
FEW_TO_JUDGE = 30


class CheckData(Step):
    """Hold the splits against the model and against each other.

    Inputs that mean the same in another form are brought to the model's: a single unnamed input gets the model's name,
    types are cast where no value changes (or only a float64's last digits), an image folder's channels are turned.
    Everything else that does not fit is a problem; all are told at once.

    Writes the splits' folder again, with `check.json`: `{"notes": [sentence], "splits": {name: count}, "classes": n}`.
    """

    version = 2
    tools = ("numpy",)
    filename = "checked"

    splits: Artifact
    model: Artifact
    """`model.json`."""
    labels: int | None = None
    """Number of class names in the interface."""
    bind: dict[str, str] = {}
    """Model input to key of the samples' inputs, where they differ."""
    steps: dict[str, int] = {}
    """Model input to the axis of a sample along which its steps lie; what is written has them along axis 1."""

    def run(self, work: Workspace) -> None:
        """Raises: DataError: every problem of every split."""
        facts = json.loads(work.path(self.model).read_text(encoding="utf-8"))
        checked = check(
            load_splits(work.path(self.splits)),
            tuple(Tensor.model_validate(item) for item in facts["inputs"]),
            tuple(Tensor.model_validate(item) for item in facts["outputs"]),
            self.labels,
            self.bind,
            self.steps,
        )
        for name, samples in checked.splits.items():
            samples.save(work.output / name)
        answer = {
            "notes": list(dict.fromkeys(checked.notes)),
            "splits": {name: len(samples) for name, samples in checked.splits.items()},
            "classes": checked.classes,
        }
        (work.output / "check.json").write_text(json.dumps(answer, ensure_ascii=False, indent=1), encoding="utf-8")


def load_splits(folder: Path) -> dict[str, SampleSet]:
    """The sample folders of a splits folder, in the usual order."""
    return {name: SampleSet.load(folder / name) for name in SPLIT_NAMES if (folder / name).is_dir()}


@dataclass
class Checked:
    """The splits in the model's form, and what was found."""

    splits: dict[str, SampleSet]
    classes: int | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(
    splits: dict[str, SampleSet],
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    labels: int | None,
    bind: dict[str, str],
    steps: dict[str, int] | None = None,
) -> Checked:
    """See `CheckData`.

    Raises:
        DataError: every problem of every split.
    """
    from edgebuild.data.fit import fit

    checked = Checked({}, classes=_classes(outputs, labels))
    reported: set[tuple[str, str]] = set()
    for name, samples in splits.items():
        if not len(samples):
            checked.problems.append(Problem(f"data.splits.{name}", "holds no sample.", "Give it some."))
            continue
        fitted, problems, notes = fit(samples, inputs, bind, steps)
        # A wrong shape is wrong in every split; once is enough.
        fresh = [problem for problem in problems if (problem.where, problem.what) not in reported]
        reported.update((problem.where, problem.what) for problem in fresh)
        checked.problems += [replace(problem, where=f"data.splits.{name}: {problem.where}") for problem in fresh]
        checked.notes += notes
        checked.splits[name] = samples if fitted is None else replace(samples, inputs=fitted, layout="")
        checked.problems += _label_problems(name, samples, checked.classes, labels)
    checked.problems += _overlaps(splits)
    _sizes(checked, splits)
    if checked.problems:
        raise DataError(*checked.problems)
    return checked


def _classes(outputs: tuple[Tensor, ...], labels: int | None) -> int | None:
    """Number of classes: that of the class names, else the width of an only output that is a vector."""
    if labels is not None:
        return labels
    if len(outputs) == 1 and len(outputs[0].shape) == 2:
        width = outputs[0].shape[1]
        return width if isinstance(width, int) and width > 1 else None
    return None


def _label_problems(name: str, samples: SampleSet, classes: int | None, labels: int | None) -> list[Problem]:
    import numpy as np

    values = samples.labels.get(LABEL)
    where = f"data.splits.{name}: label"
    if values is None or values.ndim != 1:
        return []
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = _ids(samples, ~np.isfinite(values))
        return [Problem(where, f"is NaN or infinite in {bad}.", "Drop these samples, or mend their labels.")]
    if values.dtype.kind not in "iu" or classes is None:
        return []
    outside = (values < 0) | (values >= classes)
    if not outside.any():
        return []
    known = "class names in the interface" if labels is not None else "values of the model's output"
    worst = int(values[outside][0])
    what = f"{worst} in {_ids(samples, outside)} is outside 0..{classes - 1}, the range of the {classes} {known}."
    fix = "Classes count from 0" + (": subtract 1 from every label." if values.min() == 1 else "; correct the labels.")
    return [Problem(where, what, fix)]


def _ids(samples: SampleSet, rows: Any) -> str:
    import numpy as np

    found = np.flatnonzero(rows)
    names = ", ".join(f"`{samples.ids[row]}`" for row in found[:3])
    return f"{len(found)} of {len(samples)} samples ({names}{', …' if len(found) > 3 else ''})"


def _overlaps(splits: dict[str, SampleSet]) -> list[Problem]:
    """Equal content under two ids in two splits; the same id in two means one was drawn from the other."""
    problems = []
    names = list(splits)
    for position, one in enumerate(names):
        known = set(splits[one].ids)
        owner = dict(zip(splits[one].digests, splits[one].ids, strict=True))
        for other in names[position + 1 :]:
            pairs = [
                (owner[digest], identity)
                for digest, identity in zip(splits[other].digests, splits[other].ids, strict=True)
                if digest in owner and identity not in known
            ]
            if pairs:
                shown = ", ".join(f"`{a}` = `{b}`" for a, b in pairs[:5])
                what = f"{len(pairs)} samples of `{one}` have the same content as samples of `{other}`: {shown}"
                fix = "Drop the copies, or give a sample and its copies the same `group` and set `data.group`."
                problems.append(Problem("data.splits", f"{what}{', …' if len(pairs) > 5 else ''}.", fix))
    return problems


def _sizes(checked: Checked, splits: dict[str, SampleSet]) -> None:
    count = len(splits["calibrate"]) if "calibrate" in splits else ENOUGH_TO_CALIBRATE
    if 0 < count < FEWEST_TO_CALIBRATE:
        what = f"{count} samples are too few to calibrate with; at least {FEWEST_TO_CALIBRATE} are needed."
        fix = f"Give `calibrate` more samples; {ENOUGH_TO_CALIBRATE} to 500 are usual."
        checked.problems.append(Problem("data.splits.calibrate", what, fix))
    elif count < ENOUGH_TO_CALIBRATE:
        checked.notes.append(
            f"`calibrate` has {count} samples; {ENOUGH_TO_CALIBRATE} to 500 are usual, so ranges may be cut short."
        )
    for name in ("select", "report"):
        if name in splits and 0 < len(splits[name]) < FEW_TO_JUDGE:
            checked.notes.append(f"`{name}` has {len(splits[name])} samples; bounds of an accuracy will be wide.")
