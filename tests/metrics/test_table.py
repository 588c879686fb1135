"""The table: names, options, did-you-mean, JSON, third parties."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from edgebuild.core.step import Step
from edgebuild.metrics import METRICS, AnyMetric, load_metric, metric_names
from edgebuild.metrics.base import Metric
from edgebuild.metrics.f1 import F1

MANY: TypeAdapter[tuple[Metric, ...]] = TypeAdapter(tuple[AnyMetric, ...])


class Holds(Step):
    version = 1

    metrics: tuple[AnyMetric, ...]


@pytest.mark.parametrize("name", METRICS)
def test_a_row_is_a_documented_metric_of_its_name(name: str) -> None:
    found = load_metric(name)

    assert issubclass(found, Metric)
    assert found.model_fields["metric"].default == name
    assert found.__doc__
    assert all(field.description for key, field in found.model_fields.items() if key not in Metric.model_fields)


def test_a_metric_is_a_name_a_mapping_or_a_function() -> None:
    top1, f1, own = MANY.validate_python(["top1", {"metric": "f1", "average": "micro"}, {"function": "m.py:f"}])

    assert (top1.metric, f1, own.metric) == ("top1", F1(average="micro"), "function")


def test_a_step_holds_metrics_whole() -> None:
    step = Holds(metrics=({"metric": "mae", "unit": "deg", "where": {"light": "night"}}, {"metric": "topk", "k": 3}))  # type: ignore[arg-type]

    assert Holds.model_validate_json(step.model_dump_json()) == step
    assert step.id != Holds(metrics=({"metric": "mae"}, {"metric": "topk", "k": 3})).id  # type: ignore[arg-type]
    assert step.metrics[0].unit == "deg"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"metric": "topp1"}, "unknown metric `topp1`; did you mean `top1`? Known metrics: top1, topk, f1, "),
        ({"metric": "f1", "avrage": "macro"}, "avrage\n  Extra inputs are not permitted"),
        ({"metric": "f1", "average": "macr"}, "average\n  Input should be 'macro', 'micro', 'weighted' or 'binary'"),
        ({"metric": "topk", "k": 0}, "k\n  Input should be greater than 0"),
        ({"metric": "sqnr", "unit": "dB"}, "unit\n  Extra inputs are not permitted"),
        ({"output": "y"}, "a metric needs its name: `metric: top1`, or a function of your own"),
    ],
)
def test_what_is_no_metric_says_why(value: object, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MANY.validate_python([value])

    assert text in str(caught.value)


def test_an_installed_package_adds_a_metric(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(
        "from typing import ClassVar\nfrom edgebuild.metrics.base import Metric\n"
        "class Other(Metric):\n    unit: ClassVar[str] = '1'\n    better: ClassVar[str] = 'lower'\n"
        "    def value(self, samples):\n        return 1.0\n"
    )
    info = tmp_path / "other-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[edgebuild.metrics]\nother = other:Other\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from edgebuild.metrics import load_metric, metric_names\n"
    )
    code += "print(metric_names()[-1], load_metric('other').__name__)"

    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout == "other Other\n"
    assert "other" not in metric_names()
