"""Several seeds' models on `select`: the score of each, their mean and spread, and the one that goes on."""

from __future__ import annotations

import json
import math
from statistics import mean, stdev
from typing import Any, Literal

from edgebuild.compress.train.settings import Keep
from edgebuild.core.dossier import Call
from edgebuild.core.records import Record
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.measure.predict import Predict
from edgebuild.measure.score import Score
from edgebuild.metrics import AnyMetric


class Judge(Record):
    """What it takes to score a Keras model on `select`."""

    metric: AnyMetric
    name: str
    """Of the metric, in the spec."""
    better: Literal["higher", "lower"]
    function: UserCode | None = None
    """The metric's code where it is the user's own."""
    samples: Artifact
    reference: Artifact
    """Predictions of the untouched source."""
    call: Call
    """How a Keras model is run."""
    decode: UserCode | None = None
    runs_on: dict[str, str] = {}
    """Distributions that run it, by version."""
    versions: dict[str, str] = {}
    """Distributions that the metric computes with, by version."""


def judged(judge: Judge, models: list[Artifact], work: Workspace) -> list[float | None]:
    """The metric of each model; None where it has no value (NaN in the outputs)."""
    predictions = []
    for model in models:
        step = Predict(model=model, call=judge.call, samples=judge.samples, decode=judge.decode, versions=judge.runs_on)
        work.run(step)
        predictions.append(step.out().attempt())
    scored = Score(
        candidates=tuple(predictions),
        reference=judge.reference,
        samples=judge.samples,
        metrics=(judge.metric,),
        versions=judge.versions,
        functions=(judge.function,),
    )
    rows = json.loads(work.run(scored).read_text(encoding="utf-8"))
    return [row["metrics"][0]["value"] if row else None for row in rows]


def chosen(scores: list[float | None], keep: Keep, better: str) -> int:
    """Which goes on.

    The middle one by its score, of an even number the worse of the two in the middle: what another seed would give is
    as likely above as below. The first one where `keep` says so, or no score is a number.
    """
    known = [number for number, score in enumerate(scores) if score is not None and math.isfinite(score)]
    if keep == "first" or not known:
        return 0
    sign = 1.0 if better == "higher" else -1.0
    ordered = sorted(known, key=lambda number: (sign * (scores[number] or 0.0), -number))
    return ordered[-1] if keep == "best" else ordered[(len(ordered) - 1) // 2]


def summary(judge: Judge, scores: list[float | None], keep: Keep) -> dict[str, Any]:
    """Scores with mean, standard deviation (n − 1) and range, for the record of a training."""
    known = [score for score in scores if score is not None and math.isfinite(score)]
    return {
        "metric": judge.name,
        "unit": judge.metric.unit,
        "scores": scores,
        "mean": mean(known) if known else None,
        "standard deviation": stdev(known) if len(known) > 1 else None,
        "lowest": min(known, default=None),
        "highest": max(known, default=None),
        "keep": keep,
    }
