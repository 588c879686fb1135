"""What a step is does not change unnoticed: one of each kind, held with its parameters.

A field that comes, goes or gets another default, another `version` or another way to write JSON gives other keys, and
whatever that kind made is made again by everybody. `UPDATE=1 pytest tests/engine/test_golden_keys.py` writes the file
again; its difference is what a reviewer reads.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from edgebuild import spec
from edgebuild.compress.search.architecture.build import BuildNetwork
from edgebuild.compress.search.architecture.space import Choices
from edgebuild.compress.search.precision.clock import TimeMixtures
from edgebuild.compress.search.precision.coreml import TryCoreml
from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.compress.search.precision.onnx_search import SearchOnnxTimed
from edgebuild.compress.search.precision.repaired import TryRepaired
from edgebuild.compress.search.precision.tflite import SearchTflite, SearchTfliteTimed, TryTflite
from edgebuild.compress.search.precision.trials import TryOnnx
from edgebuild.compress.search.repair import CompareQuantized
from edgebuild.compress.train.segment import How, TrainSegment
from edgebuild.compress.train.teaching import Teaching
from edgebuild.compress.train.zeros import KeepZeros
from edgebuild.core import versions
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.plan.lower import lower
from edgebuild.plan.making import HoldToLock
from edgebuild.plan.shared import Shared
from tests.house.steps import steps

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "keys.json"

SPEC = """\
edgebuild: 1
name: golden
release: 1.0.0
model: {{source: {model}}}
interface: {{outputs: {{scores: {{labels: labels.txt}}}}}}
data: {{source: "{data}", splits: {{train: 40, calibrate: 10, select: 20, report: 30}}}}
metrics:
  top1: {{metric: top1}}
  topk: {{metric: topk, k: 2}}
  f1: {{metric: f1}}
  auroc: {{metric: auroc}}
  mae: {{metric: mae}}
  mse: {{metric: mse}}
  agreement: {{metric: agreement}}
  sqnr: {{metric: sqnr}}
  cosine: {{metric: cosine}}
  max_error: {{metric: max_error}}
  own: {{function: data.py:own, decode: data.py:decoded}}
train: {{seeds: [0, 1], time: 30 min}}
candidates:
  defaults: false
  tuned: {{train: {{from: scratch, fit: data.py:own}}}}
  whole: {{steps: [{{train: {{quantize: int8}}}}, {{quantize: int8}}]}}
  taught: {{distill: {{width: 0.5, features: {{a: b}}}}}}
  student: {{distill: {{student: data.py:own, labelled: {{known: true}}}}}}
  full: {{quantize: int8}}
  half: {{quantize: float16}}
  weights: {{quantize: {{weights: int8, activations: float32}}}}
  palette: {{quantize: {{weights: palette6}}}}
  dynamic: {{quantize: {{weights: int8, activations: dynamic}}}}
  own: {{source: own.{suffix}}}
  best: {{quantize: mixed}}
  fixed: {{quantize: {{weights: int8, activations: int8, repair: auto}}}}
  listed: {{quantize: {{weights: int8, activations: int8, repair: [equalize, smooth, mse, rounding, bias]}}}}
  found: {{search: {{space: ds-cnn, widths: [0.5, 1]}}}}
  ours: {{search: {{space: data.py:own, depths: [1, 2], time: 1 h}}}}
  slim: {{prune: {{keep: 0.5, widths: sensitivity}}}}
  older: {{source: own.h5, prune: {{keep: 0.5}}}}
  sparse: {{prune: {{pattern: "2:4"}}}}
  made: {{after: full, command: [vela, "{{in}}"], output: "*"}}
targets:
  ort: {{device: here, runtime: onnxruntime}}
  litert: {{device: here, runtime: litert}}
  trt: {{device: here, runtime: tensorrt, compute_capability: "8.6"}}
  pi: {{device: raspberry-pi-5, runtime: onnxruntime}}
  gpu: {{device: here, runtime: onnxruntime, providers: [cuda], fallback: refuse}}
  tpu: {{device: here, runtime: litert, io: uint8, providers: [edgetpu, cpu]}}
  mcu: {{device: here, runtime: tflite-micro}}
  apple: {{device: here, runtime: coreml, minimum_os: iOS18}}
  minimal: {{device: here, runtime: onnxruntime, format: ort}}
  sought: {{device: here, runtime: onnxruntime, search: {{threads: [1, 2]}}}}
budgets:
  all: {{top1.drop: {{max: 1 pp, upper: 2 pp}}, latency.p95: 8 ms, size: 0.5x, parity: 0.001}}
effort: {{samples: {{simulated: 5}}}}
package: {{files: [labels.txt]}}
"""
MODELS = ("model.onnx", "model.keras", "model.h5", "model.tflite", "model.pt2")
DATA = ("data.py:samples", "samples.npz", "images")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that the specs name, beside tools and templates that are the same on every machine."""
    monkeypatch.setattr(versions, "version_of", lambda distribution: "1.0")
    monkeypatch.setattr(Shared, "shipped", "sha256:of the templates")
    for name in (*MODELS, "own.onnx", "own.tflite", "own.h5", "samples.npz"):
        (tmp_path / name).write_bytes(b"not read before a build")
    with zipfile.ZipFile(tmp_path / "model.pt2", "w") as archive:
        # Told from others by the list of its archive; long enough to be no pointer of Git LFS.
        archive.writestr("model/archive_format", "pt2" * 100)
    (tmp_path / "data.py").write_text("def samples(): ...\ndef own(): ...\ndef decoded(): ...\n")
    (tmp_path / "labels.txt").write_text("zero\none\n")
    for name in ("zero", "one"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "1.png").write_bytes(b"")
    return tmp_path


def planned(folder: Path) -> Iterator[Step]:
    """Every step of a build from each kind of model and of data."""
    file = folder / "deployment.edge.yaml"
    for model, data in product(MODELS, DATA):
        suffix = "tflite" if model.endswith("tflite") else "onnx"
        file.write_text(SPEC.format(model=model, data=data, suffix=suffix))
        yield from lower([spec.load(file)]).graph.steps.values()
    inputs = ("{sr: {constant: 16000}}", "{x: {steps: 0, period: 32 ms}, h: {state: h_out}}")
    for said in inputs:
        file.write_text(SPEC.format(model=f"model.onnx, inputs: {said}", data=DATA[0], suffix="onnx"))
        yield from lower([spec.load(file)]).graph.steps.values()
    yield from trials(Artifact(id="0", filename="model.onnx"), Artifact(id="0", filename="samples"))
    yield segment(Artifact(id="0", filename="model.keras"), Artifact(id="0", filename="samples"))
    # A plan has it where it stands on a lock.
    yield HoldToLock(digest="sha256:1", name="model.onnx", made=Artifact(id="0", filename="model.onnx").attempt())


def trials(model: Artifact, samples: Artifact) -> Iterator[Step]:
    """What searches run."""
    call = Call(runtime="onnxruntime", session="edgebuild.runtimes.onnxruntime.session")
    facts, ranges = Artifact(id="0", filename="facts.json"), Artifact(id="0", filename="ranges.json")
    clock = Clock(facts=facts, samples=samples)
    for kind in (SearchOnnxTimed, SearchTflite, SearchTfliteTimed):
        yield kind(model=model, calibration=samples, samples=samples, call=call, clock=clock)
    mixtures = (Mixture(first=1, last=3, floats=(2,)),)
    given: Any = {"model": model, "ranges": ranges, "samples": samples, "call": call, "mixtures": mixtures}
    yield TryOnnx(**given)
    yield TryRepaired(**given, base=model, calibration=samples)
    yield CompareQuantized(model=model, quantized=model, samples=samples, call=call)
    yield TryCoreml(model=model, ranges=None, samples=samples, call=call, mixtures=mixtures)
    yield TryTflite(model=model, ranges=ranges, samples=samples, call=call, mixtures=mixtures)
    choices: Choices = {"width": 0.5, "depth": 2}
    yield BuildNetwork(facts=facts, space="ds-cnn", choices=choices, seed=0)
    yield TimeMixtures(models=(model,), call=call, samples=samples, facts=facts)


def segment(model: Artifact, samples: Artifact) -> Step:
    """What trainings run."""
    teaching = Teaching(predictions=Artifact(id="0", filename="predictions"), temperature=4, alpha=0.7)
    how = How(first=0, rates=(1e-3,), total=None, batch=32, seed=0, loss="auto", constraints=(KeepZeros(),))
    return TrainSegment(model=model, state=None, samples=samples, teaching=teaching, how=how)


def parameters(step: Step) -> Any:
    """What of a step enters its key, with the name its reader sees in place of each wire."""
    return named(json.loads(canonical_json(step)))


def named(value: Any, key: str = "") -> Any:
    """The value with each wire as its file's name, and a device's shipped facts as what they are of."""
    if isinstance(value, dict) and "wire" in value:
        return value["filename"]
    if isinstance(value, dict):
        return sorted(value) if key == "profile" else {name: named(item, name) for name, item in value.items()}
    return [named(item) for item in value] if isinstance(value, list) else value


def fullest(found: list[Any]) -> Any:
    """The one that says most; of equal ones the same each time."""
    return max(found, key=lambda value: (len(canonical_json(value)), canonical_json(value)))


def identities(folder: Path) -> dict[str, Any]:
    """One step of each kind by what identifies it."""
    known: dict[str, list[Any]] = {}
    for step in planned(folder):
        known.setdefault(step.kind(), []).append(parameters(step))
    one = {step.kind(): (step, fullest(known[step.kind()])) for step in steps() if step.kind() in known}
    return {
        kind: {
            "version": step.version,
            "digest": digest_of(canonical_json([kind, step.version, values])),
            "parameters": values,
        }
        for kind, (step, values) in one.items()
    }


def test_no_step_is_known_by_something_else_unnoticed(folder: Path) -> None:
    now = identities(folder)
    if os.environ.get("UPDATE"):
        text = json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False)
        GOLDEN.write_text(text + "\n", encoding="utf-8")
    before = json.loads(GOLDEN.read_text(encoding="utf-8"))
    absent = [step.kind() for step in steps() if step.kind() not in now]
    assert not absent, f"nothing here plans {', '.join(absent)}: add to SPEC what needs it"
    changed = [kind for kind in now if kind in before and now[kind] != before[kind]]
    assert not changed, (
        f"the identity of {', '.join(changed)} is another: all they made is made again everywhere. "
        "If that is meant, write keys.json again"
    )
    assert set(now) == set(before), "steps came or went: write keys.json again"


def test_a_project_elsewhere_is_the_same_project(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    here = identities(folder)
    assert str(folder) not in json.dumps(here)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "deeper"
    folder.rename(elsewhere)
    assert identities(elsewhere) == here
