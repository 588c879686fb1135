"""Metrics: records → one number. A row of the table, or an entry point of the group `edgebuild.metrics`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import SerializeAsAny, WrapValidator

from edgebuild.errors import did_you_mean
from edgebuild.metrics.base import Metric

METRICS: dict[str, str] = {
    "top1": "edgebuild.metrics.top1:Top1",
    "topk": "edgebuild.metrics.topk:TopK",
    "f1": "edgebuild.metrics.f1:F1",
    "auroc": "edgebuild.metrics.auroc:Auroc",
    "mae": "edgebuild.metrics.mae:Mae",
    "mse": "edgebuild.metrics.mse:Mse",
    "agreement": "edgebuild.metrics.agreement:Agreement",
    "sqnr": "edgebuild.metrics.sqnr:Sqnr",
    "cosine": "edgebuild.metrics.cosine:Cosine",
    "max_error": "edgebuild.metrics.max_error:MaxError",
    "function": "edgebuild.metrics.function:Function",
}
"""Name in the spec to class."""

GROUP = "edgebuild.metrics"


def metric_names() -> list[str]:
    """Every known name, third-party ones last."""
    return [*METRICS, *(name for name in _foreign() if name not in METRICS)]


def load_metric(name: str) -> type[Metric]:
    """The class of a metric.

    Raises:
        KeyError: there is none of that name; the text says which is near.
    """
    from importlib import import_module

    place = METRICS.get(name) or _foreign().get(name)
    if place is None:
        known = metric_names()
        near = did_you_mean(name, known) or "."
        raise KeyError(f"unknown metric `{name}`{near} Known metrics: {', '.join(known)}.")
    module, _, attribute = place.partition(":")
    found: type[Metric] = getattr(import_module(module), attribute)
    return found


def _foreign() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def _by_name(value: Any, inner: Any) -> Metric:
    """Validate by the class that the name stands for; `function:` needs no name."""
    if isinstance(value, Metric):
        return value
    if isinstance(value, str):
        value = {"metric": value}
    if not isinstance(value, dict):
        checked: Metric = inner(value)
        return checked
    if "metric" not in value and "function" in value:
        value = {"metric": "function", **value}
    name = value.get("metric")
    if not isinstance(name, str):
        raise ValueError("a metric needs its name: `metric: top1`, or a function of your own: `function: metrics.py:f`")
    try:
        found = load_metric(name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return found.model_validate(value)


AnyMetric = Annotated[SerializeAsAny[Metric], WrapValidator(_by_name)]
"""A field that holds any metric, validates by the table and serialises whole."""
