"""Peak memory of real models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebuild.errors import Refused
from edgebuild.measure.memory import MeasureMemory
from tests.conftest import Bench, wire
from tests.measure.models import ORT, dense, split


def measure(folder: Path, model: Path, samples: Path) -> dict[str, dict[str, float]]:
    (folder / "facts.json").write_text("{}")
    bench = Bench(folder / f"bench-{model.stem}", model=model, samples=samples, facts=folder / "facts.json")
    step = MeasureMemory(
        model=wire("model"), call=ORT, samples=wire("samples"), facts=wire("facts"), processes=2, runs=2
    )
    found: dict[str, dict[str, float]] = json.loads(bench.run(step).read_text(encoding="utf-8"))
    return found


def test_a_models_memory_is_what_it_adds_to_the_bare_runtime(tmp_path: Path) -> None:
    samples = split(tmp_path / "samples")
    small = measure(tmp_path, dense(tmp_path / "small.onnx"), samples)
    large = measure(tmp_path, dense(tmp_path / "large.onnx", width=2048, depth=2), samples)

    for found in (small, large):
        assert found["samples"] == 2
        for quantity in ("memory.model", "memory.process"):
            row = found[quantity]
            assert 0 <= row["low"] <= row["value"] <= row["high"]
        # The interpreter, numpy and the runtime alone take some 40 MB.
        assert found["memory.process"]["value"] - found["memory.model"]["value"] > 15e6
    # 2048² weights of 4 bytes are 16.8 MB, which the runtime holds at least once.
    assert large["memory.model"]["value"] - small["memory.model"]["value"] > 12e6


def test_a_model_that_does_not_load_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"bad")

    with pytest.raises(Refused):
        measure(tmp_path, tmp_path / "bad.onnx", split(tmp_path / "samples"))
