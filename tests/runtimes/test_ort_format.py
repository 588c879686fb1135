"""ONNX Runtime's own format, made and run for real."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.onnx_dynamic import quantize_dynamic
from edgebuild.errors import Refused
from edgebuild.runtimes.onnxruntime import session
from edgebuild.runtimes.onnxruntime.ort_format import ConvertToOrt, WriteRequiredOperators
from edgebuild.runtimes.onnxruntime.target import OnnxRuntimeTarget
from tests.compress.conftest import images, onnx_network
from tests.conftest import Bench, wire
from tests.runtimes.test_targets import To


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return onnx_network(tmp_path / "network.onnx")


@pytest.mark.parametrize("optimization", ["all", "none"])
def test_the_same_numbers_from_the_other_format(optimization: str, network: Path, tmp_path: Path) -> None:
    step = ConvertToOrt(model=wire("model"), optimization=optimization)
    made = Bench(tmp_path / "bench", model=network).run(step)
    assert made.read_bytes()[4:8] == b"ORTM"
    feed = {"x": images(1, 1)}
    want, got = (session.open(str(file), {}).run(feed)["y"] for file in (network, made))
    # Fused kernels add in another order: float32 over 27 and 16 products.
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_the_operators_of_a_minimal_build_are_listed(network: Path, tmp_path: Path) -> None:
    quantize_dynamic(network, tmp_path / "dynamic.onnx")
    bench = Bench(tmp_path / "bench", model=tmp_path / "dynamic.onnx")
    made = bench.run(ConvertToOrt(model=wire("model"), optimization="all"))
    folder = Bench(tmp_path / "second", model=made).run(WriteRequiredOperators(model=wire("model")))
    text = (folder / "required_operators.config").read_text()
    assert str(tmp_path) not in text
    listed = {op for line in text.splitlines() for op in line.split(";")[2].split(",")}
    assert {"ConvInteger", "GlobalAveragePool"} <= listed


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(Refused, match="convert_onnx_models_to_ort"):
        Bench(tmp_path / "bench", model=tmp_path / "model.onnx").run(
            ConvertToOrt(model=wire("model"), optimization="all")
        )


def test_the_target_writes_it_last() -> None:
    made = OnnxRuntimeTarget.model_validate({"runtime": "onnxruntime", "format": "ort"})
    assert OnnxRuntimeTarget.model_validate(json.loads(made.model_dump_json(exclude_defaults=True))) == made
    to, draft = To(), Draft(model=wire("model"), format="onnx")
    assert made.finish(to, draft).model.filename == "model.ort"
    assert made.beside(wire("model"), None, wire("samples"), wire("predicted")) is not None
    plain = OnnxRuntimeTarget.model_validate({"runtime": "onnxruntime"})
    assert plain.finish(To(), draft) is draft
    assert plain.beside(wire("model"), None, wire("samples"), wire("predicted")) is None
