"""Predictions → every metric of every candidate, with its interval and its paired drop; runs no model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, Attempt, Refusal, UserCode
from edgebuild.errors import DataError, Problem
from edgebuild.metrics import AnyMetric
from edgebuild.metrics.base import Metric, Samples

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.metrics.bootstrap import Draws

Row = dict[str, Any]


class Score(Step):
    """Judge candidates on one split.

    Writes a list aligned with `candidates`, null for one that was refused, else `{"metrics": [aligned with `metrics`],
    "parity": {…}}`. A metric has `value unit better interval samples drop worst_class_drop why`, and `outputs` with its
    value on each output where it judges several. A drop is the worsening against the source in the metric's bad
    direction, in pp where the unit is %; metrics that compare with the source themselves have none.
    """

    version: ClassVar[int] = 4
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "scores.json"
    # Sums of floats depend on the order in which an instruction set takes them.
    portable: ClassVar[bool] = False

    candidates: tuple[Attempt, ...]
    """Predictions."""
    reference: Artifact
    """Predictions of the untouched source."""
    spread: Attempt | None = None
    """Predictions of the untouched source by other kernels of its own runtime: how far two right answers may differ."""
    samples: Artifact
    metrics: tuple[AnyMetric, ...]
    versions: dict[str, str] = {}
    """Distributions that the metrics compute with, by version."""
    functions: tuple[UserCode | None, ...] = ()
    """Aligned with `metrics`: the code of those that are the user's own."""
    seed: int = 0

    def run(self, work: Workspace) -> None:
        """Raises: DataError: a metric does not suit outputs or labels, all at once. UserCodeError: its code raised."""
        metrics = bound(self.metrics, self.functions)
        records = Records(work.path(self.samples), work.path(self.reference), self.seed)
        records.suit(metrics)
        rows: list[Row | None] = []
        for done, attempt in enumerate(self.candidates):
            work.progress(done, len(self.candidates), "candidates")
            found = work.attempt(attempt)
            rows.append(None if isinstance(found, Refusal) else records.row(metrics, found))
        spread = work.attempt(self.spread) if self.spread is not None else None
        if isinstance(spread, Path):
            records.add_spread(rows, spread)
        text = json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False)
        work.output.write_text(text, encoding="utf-8")


def bound(metrics: Sequence[Metric], functions: Sequence[UserCode | None]) -> tuple[Metric, ...]:
    """The metrics, those of the user's own with their functions loaded."""
    from edgebuild.data.usercode import load
    from edgebuild.metrics.function import Function

    codes = [*functions, *[None] * (len(metrics) - len(functions))]
    return tuple(
        metric.bound(load(code)) if isinstance(metric, Function) and code is not None else metric
        for metric, code in zip(metrics, codes, strict=True)
    )


class Records:
    """One split: the source's outputs, labels and tags, read once for all candidates."""

    def __init__(self, samples: Path, reference: Path, seed: int) -> None:
        """Args: samples: a sample folder. reference: a predictions folder. seed: of the draws."""
        import numpy as np

        from edgebuild.data.arrays import load_arrays
        from edgebuild.data.samples import LABEL, SampleSet

        split = SampleSet.load(samples, inputs=False)
        outputs = load_arrays(reference / "outputs.npz")
        alone = list(split.labels) == [LABEL]
        self.names = split.names
        self.seed = seed
        self.source = Samples(
            outputs=outputs,
            reference=outputs,
            labels={"" if alone else key: values for key, values in split.labels.items()},
            ids=split.ids,
            groups=split.groups,
            tags={name: np.array(values, dtype=object) for name, values in split.tags.items()},
        )
        self._draws: dict[tuple[int, tuple[str, ...], int], Draws] = {}
        self._before: dict[str, np.ndarray | None] = {}

    def suit(self, metrics: Sequence[Metric]) -> list[float]:
        """The source's own values, which show that each metric suits outputs and labels.

        Raises:
            DataError: some do not; all of them at once.
        """
        from edgebuild.metrics.pick import sliced

        problems: list[Problem] = []
        found = []
        for metric in metrics:
            try:
                found.append(metric.value(sliced(metric, self.source)))
            except DataError as error:
                problems += error.problems
        if problems:
            raise DataError(*dict.fromkeys(problems))
        return found

    def row(self, metrics: Sequence[Metric], predictions: Path) -> Row:
        """Everything about one candidate."""
        from dataclasses import replace

        from edgebuild.data.arrays import load_arrays
        from edgebuild.measure.parity import parity

        candidate = replace(self.source, outputs=load_arrays(predictions / "outputs.npz"))
        return {"metrics": [self.score(metric, candidate) for metric in metrics], "parity": parity(candidate)}

    def add_spread(self, rows: Sequence[Row | None], predictions: Path) -> None:
        """To each row's parity, the largest difference that other kernels of the source's own runtime make."""
        from dataclasses import replace

        from edgebuild.data.arrays import load_arrays
        from edgebuild.measure.parity import parity

        most = parity(replace(self.source, outputs=load_arrays(predictions / "outputs.npz")))["max_error"]
        for row in rows:
            if row is not None:
                row["parity"]["spread"] = most

    def score(self, metric: Metric, candidate: Samples) -> Row:
        """One metric of one candidate; a null value with its reason where it has none."""
        from edgebuild.measure import drops
        from edgebuild.metrics.pick import sliced

        samples = sliced(metric, candidate)
        row: Row = {
            "value": None, "unit": metric.unit, "better": metric.better, "interval": None, "samples": len(samples),
            "drop": None, "worst_class_drop": None, "why": "",
        }  # fmt: skip
        try:
            value = metric.value(samples)
        except DataError as error:
            # The source suits the metric, this candidate does not.
            return {**row, "why": " ".join(problem.what for problem in error.problems)}
        except ValueError as error:
            return {**row, "why": f"{type(error).__name__}: {error}"}
        if not math.isfinite(value):
            return {**row, "why": "The outputs hold NaN or infinity, so there is no number."}
        draws = self.draws(metric, samples)
        judged = drops.Judged(metric, samples, value, draws, self._before, self.names)
        return {
            **row,
            "value": value,
            "interval": dumped(judged.interval()),
            "drop": judged.drop() if metric.needs_labels else None,
            "worst_class_drop": judged.worst_class() if metric.needs_labels else None,
            **({"outputs": several} if len(several := metric.by_output(samples)) > 1 else {}),
        }

    def draws(self, metric: Metric, samples: Samples) -> Draws:
        """The draws of a slice, shared by all candidates and metrics."""
        from edgebuild.metrics.bootstrap import Draws

        count = metric.draws_wanted()
        key = (len(samples), samples.groups, count)
        return self._draws.setdefault(key, Draws(len(samples), samples.groups, self.seed, count))


def dumped(record: Any) -> Any:
    """An interval as JSON."""
    return None if record is None else record.model_dump()
