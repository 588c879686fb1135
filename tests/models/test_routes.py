"""Routes between formats, and what is said where none is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.errors import Refused
from edgebuild.models import routes
from edgebuild.models.convert.base import Conversion
from tests.conftest import wire


def test_the_shortest_route_is_taken() -> None:
    assert [hop.target for hop in routes.shortest("keras", "onnx")] == ["onnx-checked", "onnx"]
    assert [hop.target for hop in routes.shortest("h5", "tflite")] == ["tflite"]
    assert routes.shortest("tflite", "tflite") == ()


@pytest.mark.parametrize("route", routes.ROUTES, ids=lambda route: f"{route.source}-{route.target}")
def test_every_row_makes_its_step(route: routes.Route) -> None:
    tool = wire("tool") if route.tool else None
    step = route.make(model=wire("m"), shapes={"batch": 1}, dims={"x": ("batch", "n")}, tool=tool)
    assert isinstance(step, Conversion)
    assert step.format == route.source
    assert set(route.distributions) <= set(step.tools)


def test_no_route_at_all_says_what_to_bring() -> None:
    with pytest.raises(Refused, match="no route leads from ONNX") as caught:
        routes.shortest("onnx-file", "keras")
    assert caught.value.kind == "not applicable"
    assert "Keras `.keras`" in caught.value.fix


def test_onnx_becomes_tflite_by_a_tool_of_its_own() -> None:
    assert [hop.tool for hop in routes.shortest("onnx-file", "tflite")] == ["", "", "onnx2tf"]
    assert [hop.tool for hop in routes.shortest("keras", "tflite")] == [""]


def test_missing_packages_are_named_with_the_line_that_adds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "version_of", lambda name: None if name == "tf2onnx" else "1.0")
    routes.shortest.cache_clear()
    with pytest.raises(Refused, match="needs tf2onnx") as caught:
        routes.shortest("keras", "onnx")
    routes.shortest.cache_clear()
    assert caught.value.fix == 'pip install "edgebuild[keras,onnxruntime]"'


@pytest.mark.parametrize(
    ("name", "form"), [("m.keras", "keras"), ("m.H5", "h5"), ("m.onnx", "onnx-file"), ("m.tflite", "tflite")]
)
def test_a_format_is_known_by_its_suffix(name: str, form: str) -> None:
    assert routes.model_format(Path(name)) == form


def test_other_files_are_told_what_models_end_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`\.joblib`; models end in .*`\.pt2`"):
        routes.model_format(Path("m.joblib"))
    with pytest.raises(ValueError, match=r"saved_model\.pb"):
        routes.model_format(tmp_path)
