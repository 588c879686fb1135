"""Before any candidate is made: does the untouched source do better than chance on the user's samples?"""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import DataError, Problem
from edgebuild.measure.score import Records, bound
from edgebuild.metrics import AnyMetric
from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.steps import of_steps

ENOUGH_TO_TELL = 20
"""Below it a good model may look like chance."""
NEAR = 0.1
"""Part of the way from chance to perfect that counts as chance."""


class CheckSource(Step):
    """Compute every metric of the source, and stop where one that judges labels is at chance.

    Writes `[{"metric", "value", "unit", "chance", "samples"}]`, aligned with `metrics`.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "source-check.json"
    portable: ClassVar[bool] = False

    reference: Artifact
    """Predictions of the untouched source."""
    samples: Artifact
    metrics: tuple[AnyMetric, ...]
    versions: dict[str, str] = {}
    """Distributions that the metrics compute with, by version."""
    functions: tuple[UserCode | None, ...] = ()
    """Aligned with `metrics`."""

    def run(self, work: Workspace) -> None:
        """Raises: DataError: a metric does not suit the data, or the source is at chance; all at once."""
        metrics = bound(self.metrics, self.functions)
        records = Records(work.path(self.samples), work.path(self.reference), seed=0)
        values = records.suit(metrics)
        rows = [row(metric, value, records.source) for metric, value in zip(metrics, values, strict=True)]
        problems = [
            problem
            for metric, found in zip(metrics, rows, strict=True)
            if (problem := at_chance(metric, found)) is not None
        ]
        if problems:
            raise DataError(*problems)
        work.output.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def row(metric: Metric, value: float, source: Samples) -> dict[str, Any]:
    """One metric of the source beside what knowing nothing would give."""
    chance = metric.chance(of_steps(metric, source)) if metric.needs_labels and not metric.where else None
    return {
        "metric": metric.metric,
        "value": value if math.isfinite(value) else None,
        "unit": metric.unit,
        "chance": chance,
        "samples": len(source),
    }


def at_chance(metric: Metric, found: dict[str, Any]) -> Problem | None:
    """The problem of a source that does no better than chance, as far as its samples can tell."""
    value, chance, samples = found["value"], found["chance"], found["samples"]
    if value is None or chance is None or samples < ENOUGH_TO_TELL:
        return None
    best = 100.0 if metric.unit == "%" else 1.0
    share = chance / best
    # A permuted label set scatters about chance by this.
    scatter = best * math.sqrt(max(0.0, share * (1 - share)) / samples)
    if value > chance + max(NEAR * (best - chance), 1.645 * scatter):
        return None
    unit = f" {metric.unit}" if metric.unit != "1" else ""
    return Problem(
        "data",
        f"labels permuted? The untouched model's {metric.metric} is {value:.4g}{unit} on {samples} samples; "
        f"chance is {chance:.4g}{unit}.",
        "Check that labels belong to their samples, that class numbers are the model's, and that inputs are scaled "
        "as in training.",
    )
