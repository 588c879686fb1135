"""A project whose samples are sequences of several lengths, from spec to package."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.models.streaming import build

MODEL = """\
<ir_version: 8, opset_import: ["" : 17]>
rnn (float[batch, 6] x, float[batch, 8] h) => (float[batch, 4] y, float[batch, 8] h_out)
<float[6, 8] wx, float[8, 8] wh, float[8] b, float[8, 4] v, float[4] c> {
  a = Gemm(x, wx, b)
  d = Gemm(h, wh)
  e = Add(a, d)
  h_out = Tanh(e)
  y = Gemm(h_out, v, c)
}
"""
SPEC = """\
edgebuild: 1
name: rnn
release: "1"
model:
  source: rnn.onnx
  inputs:
    x: {steps: 0, period: 32 ms}
    h: {state: h_out}
data:
  source: data.py:samples
  splits: {calibrate: 20, select: 30, report: 40}
metrics:
  agreement: {metric: agreement, step: last}
  sqnr: {metric: sqnr}
targets:
  ort: {device: here, runtime: onnxruntime}
  phone: {device: here, runtime: coreml, minimum_os: iOS18, candidates: [float16], choose: float16}
budgets:
  all: {size: 100x}
objective: [{minimize: size}]
"""
DATA = """\
import numpy as np


def samples():
    random = np.random.default_rng(1)
    for number in range(120):
        steps = int(random.integers(9, 14))
        yield {"inputs": {"x": random.normal(size=(steps, 6)).astype(np.float32)}, "id": f"s{number}"}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once."""
    import onnx
    from onnx import numpy_helper

    folder = tmp_path_factory.mktemp("rnn")
    model = onnx.parser.parse_model(MODEL)
    random = np.random.default_rng(0)
    del model.graph.initializer[:]
    for name, shape in {"wx": (6, 8), "wh": (8, 8), "b": (8,), "v": (8, 4), "c": (4,)}.items():
        values = random.normal(size=shape).astype(np.float32) / 2
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    del model.graph.value_info[:]
    onnx.save(model, folder / "rnn.onnx")
    (folder / "deployment.edge.yaml").write_text(SPEC)
    (folder / "data.py").write_text(DATA)
    build(folder)
    return folder


def test_integers_follow_the_states_of_real_sequences(project: Path) -> None:
    found = json.loads((project / "build/rnn/dossiers/ort.json").read_text())
    int8 = next(item for item in found["candidates"] if item["name"] == "int8")
    told = {row["quantity"]: row["value"] for row in int8["measurements"] if row.get("split") in (None, "", "report")}

    # 8 bits that went round up to 13 times; with ranges of states around 0 alone it would be below 10 dB.
    assert told["sqnr"] > 20
    assert told["rtf"] == pytest.approx(told["latency.mean"] / 32, rel=1e-3)


def test_the_report_says_what_a_run_is(project: Path) -> None:
    text = (project / "build/rnn/report/report.md").read_text()

    assert "A sample is a sequence of `x`, one run for each step; between steps `h` from `h_out` is fed back." in text


def test_the_package_shows_how_a_state_goes_round(project: Path) -> None:
    package = project / "build/rnn/ort"
    manifest = json.loads((package / "manifest.json").read_text())
    assert manifest["sequence"]["period_ms"] == 32.0
    assert manifest["sequence"]["states"][0]["input"]["shape"] == [1, 8]
    made = importlib.util.spec_from_file_location("shipped_predict", package / "predict.py")
    assert made is not None and made.loader is not None
    shipped = importlib.util.module_from_spec(made)
    made.loader.exec_module(shipped)
    with np.load(package / "golden/inputs.npz") as given, np.load(package / "golden/outputs.npz") as wanted:
        session, states = shipped.load(), shipped.start()
        for row in range(len(given["x"])):
            np.testing.assert_allclose(states["h"], given["h"][row], atol=1e-6)
            outputs, states = shipped.step(session, {"x": given["x"][row]}, states)
            np.testing.assert_allclose(outputs["y"], wanted["y"][row], atol=1e-5)


class Evaluated:
    """The part of `MLModel` that a package's `predict.py` calls, by the evaluator: Apple's runs on a Mac alone."""

    def __init__(self, package: Path) -> None:
        import coremltools as ct

        from edgebuild.runtimes.coreml.session import open as load

        self.session = load(str(package), {})
        self.user_defined_metadata = ct.models.MLModel(str(package), skip_model_load=True).user_defined_metadata

    def make_state(self) -> Evaluated:
        self.session.reset()
        return self

    def predict(self, feed: dict[str, np.ndarray], state: Evaluated) -> dict[str, np.ndarray]:
        assert state is self
        return self.session.evaluator.run(feed)


def test_a_package_of_core_ml_goes_on_by_itself(project: Path) -> None:
    package = project / "build/rnn/phone"
    manifest = json.loads((package / "manifest.json").read_text())
    assert manifest["golden"]["kept"] == ["h"]
    assert manifest["sequence"]["states"][0]["kept"] is True
    made = importlib.util.spec_from_file_location("shipped_for_apple", package / "predict.py")
    assert made is not None and made.loader is not None
    shipped = importlib.util.module_from_spec(made)
    made.loader.exec_module(shipped)
    with np.load(package / "golden/inputs.npz") as given, np.load(package / "golden/outputs.npz") as wanted:
        assert (given.files, wanted.files) == (["x"], ["y"])
        assert len(given["x"]) > 1
        model = Evaluated(package / "model.mlpackage")
        for _ in range(2):
            state = shipped.start(model)
            for x, y in zip(given["x"], wanted["y"], strict=True):
                outputs, state = shipped.step(model, {"x": x}, state)
                np.testing.assert_array_equal(outputs["y"], y)
    swift = (package / "Predict.swift").read_text()
    assert "let state = model.makeState()" in swift
    assert "dictionary: feed), using: state)" in swift
    assert "| kept state | `h` | float16 | (1, 8) |" in (package / "README.md").read_text()


def test_a_package_with_other_golden_steps_does_not_verify(project: Path, tmp_path: Path) -> None:
    """Golden steps of states that a runtime keeps are one sequence: in another order they say something else."""
    from edgebuild.data.arrays import load_arrays, save_arrays
    from edgebuild.deliver.manifest import from_json
    from edgebuild.deliver.verify import check_golden

    package = tmp_path / "phone"
    shutil.copytree(project / "build/rnn/phone", package)
    described, _ = from_json((package / "manifest.json").read_text())
    assert described is not None
    assert check_golden(package, described) == []
    for side in ("inputs", "outputs"):
        arrays = load_arrays(package / f"golden/{side}.npz")
        save_arrays(package / f"golden/{side}.npz", {name: array[::-1] for name, array in arrays.items()})
    assert "is off by up to" in check_golden(package, described)[0].what


@pytest.mark.parametrize("target", ["ort", "phone"])
def test_the_package_verifies(project: Path, target: str) -> None:
    command = [sys.executable, "-m", "edgebuild", "verify", f"build/rnn/{target}"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
