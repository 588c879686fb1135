"""The search over repairs, as the engine runs it, and repairs that a spec names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from edgebuild.compress.quantize.repair.chain import Repairs, chain
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.compress.search.front import read_front
from edgebuild.compress.search.repair import ACCOUNT, SearchRepair
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Graph
from edgebuild.core.wires import Artifact
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from tests.compress.conftest import sqnr
from tests.compress.test_repair import images, residual

CALL = Call(runtime="onnxruntime", session="edgebuild.runtimes.onnxruntime.session")
FORMS: tuple[dict[str, Any], ...] = (
    {},
    {"activations": "int8", "symmetric": True, "quantize_bias": False, "weighted_only": True},
)


def read(graph: Graph, path: Path) -> Artifact:
    return graph.add(ReadSource(path=str(path), digest=digest_path(path), name=path.name), path.name)


def given(folder: Path) -> tuple[Graph, Artifact, Artifact, Artifact]:
    residual(folder / "model.onnx", damage=2.0)
    for name, seed in (("calibrate", 1), ("select", 2)):
        (folder / name).mkdir()
        np.savez(folder / name / "inputs.npz", x=images(40, seed))
    graph = Graph()
    model, calibrate, select = (read(graph, folder / name) for name in ("model.onnx", "calibrate", "select"))
    return graph, model, calibrate, select


def test_a_search_keeps_what_helps_and_tells_what_each_brought(tmp_path: Path) -> None:
    graph, model, calibrate, select = given(tmp_path)
    step = SearchRepair(model=model, calibration=calibrate, samples=select, call=CALL)
    graph.want("found", graph.add(step, "search repairs"))
    with Store(tmp_path / "store") as store, build(graph, store, Options(jobs=1, workspace="here")) as results:
        found = results.path(graph.wanted["found"])
        told, (member,) = json.loads((found / ACCOUNT).read_text()), read_front(found)
        nearness = sqnr("onnxruntime", found / "0" / member["file"], tmp_path / "model.onnx", {"x": images(40, 2)})
    applied = [trial for trial in told["trials"] if trial["applied"]]
    assert applied
    assert all(trial["gain"] >= 0.3 for trial in applied)
    # Each gain is counted from the one before it.
    assert abs(told["plain"] + sum(trial["gain"] for trial in applied) - told["sqnr"]) < 0.01
    assert abs(nearness - told["sqnr"]) < 0.5
    assert all(trial["words"] in member["words"] for trial in applied)
    assert any(word in member["words"] for word in ("equalized", "smoothed"))


@pytest.mark.parametrize("form", FORMS)
def test_repairs_that_are_named_are_done_in_one_order(form: dict[str, Any], tmp_path: Path) -> None:
    graph, model, calibrate, _ = given(tmp_path)
    repairs = Repairs.of(("bias", "rounding", "mse", "smooth", "equalize"))
    steps = chain(repairs, model, calibrate, form)
    assert [type(step).__name__ for step in steps] == [
        "Equalize", "SmoothActivations", "TakeHistograms", "ChooseRanges", "QuantizeNamed", "RoundWeights",
        "CorrectBias",
    ]  # fmt: skip
    plain = chain(Repairs(), model, calibrate, form)
    for name, wanted in (("repaired", steps), ("plain", plain)):
        for step in wanted:
            graph.want(name, graph.add(step, name))
    with Store(tmp_path / "store") as store, build(graph, store, Options(jobs=1, workspace="here")) as results:
        near = {
            name: sqnr("onnxruntime", results.path(graph.wanted[name]), tmp_path / "model.onnx", {"x": images(40, 2)})
            for name in ("repaired", "plain")
        }
    assert near["repaired"] > near["plain"] + 2


def test_a_list_says_what_is_done() -> None:
    words = Repairs.of(("percentile", "bias", "ends")).words()
    assert words == (
        "percentile 99.99 % ranges of 2048 bins, first and last layer in float32, bias correction"
    )  # fmt: skip
    how = Quantize.model_validate_json('{"weights": "int8", "activations": "int8", "repair": ["mse", "bias"]}')
    assert how.describe() == "quantize weights int8, activations int8, repair mse and bias"
    assert how.repaired


def test_mixed_is_repaired_unless_forbidden() -> None:
    assert Quantize.model_validate("mixed").repaired
    assert not Quantize.model_validate("int8").repaired
    assert not Quantize(weights="mixed", activations="int8", repair="none").repaired
    with pytest.raises(ValidationError, match="one of percentile, entropy and mse"):
        Quantize(weights="int8", activations="int8", repair=("mse", "entropy"))
