"""The gate before any candidate."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.core.dossier import Tensor
from edgebuild.errors import Refused
from edgebuild.models.admit import AdmitSource
from edgebuild.models.inspect.facts import ModelFacts
from tests.conftest import Bench, wire

X = Tensor(name="x", shape=("batch", 4), dtype="float32")
Y = Tensor(name="y", shape=(1, 2), dtype="float32")


def facts(file: Path, *inputs: Tensor) -> Path:
    made = ModelFacts(format="onnx", inputs=inputs, outputs=(Y,), ops={}, parameters=1)
    file.write_text(made.model_dump_json())
    return file


def test_what_is_admitted_keeps_its_bytes_and_name(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"bytes")
    bench = Bench(tmp_path / "bench", **{"model.onnx": tmp_path / "model.onnx"})
    out = bench.run(AdmitSource(model=wire("model.onnx")))
    assert (out.name, out.read_bytes()) == ("model.onnx", b"bytes")


def test_every_difference_of_the_interface_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"bytes")
    inputs = {
        "model.onnx": tmp_path / "model.onnx",
        "spec": facts(tmp_path / "spec", X, Tensor(name="z", shape=(1,), dtype="int64")),
        "own": facts(tmp_path / "own", Tensor(name="x", shape=(1, 5), dtype="float32")),
    }
    bench = Bench(tmp_path / "bench", **inputs)
    with pytest.raises(Refused) as caught:
        bench.run(AdmitSource(model=wire("model.onnx"), same=(wire("spec"), wire("own"))))
    assert "its input `x` is float32 [1, 5] instead of float32 [batch, 4]" in caught.value.why
    assert "it has no input `z`" in caught.value.why


def test_an_open_axis_fits_any_size(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"bytes")
    inputs = {
        "model.onnx": tmp_path / "model.onnx",
        "spec": facts(tmp_path / "spec", X),
        "own": facts(tmp_path / "own", Tensor(name="x", shape=(1, 4), dtype="float32")),
    }
    Bench(tmp_path / "bench", **inputs).run(AdmitSource(model=wire("model.onnx"), same=(wire("spec"), wire("own"))))
